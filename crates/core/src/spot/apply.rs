//! From a command to its events.

use super::command::Command;
use super::event::{Event, Events};
use super::reject::Reject;
use super::state::Spot;
use crate::ids::{Seq, Timestamp};

impl Spot {
    /// Applies the next command. `seq` must follow the last one; time never goes back: an earlier `at` counts as the last.
    /// Appends the command's events to `out`. A refusal is an event, and then nothing else happened (timers apart).
    #[inline]
    pub fn apply(&mut self, seq: Seq, at: Timestamp, command: &Command, out: &mut Events) {
        assert_eq!(seq.0, self.seq.0 + 1, "sequences are dense");
        self.seq = seq;
        if at > self.time {
            self.time = at;
            self.run_timers(out);
        }
        let first = out.len();
        if let Err(reject) = self.execute(command, out) {
            out.push(Event::Refused(reject));
        }
        if !self.clients.fresh.is_empty() {
            self.settle_fresh_clients();
        }
        self.ledger.finish(|account, asset, balance| {
            out.push(Event::Balance { account, asset, available: balance.available, held: balance.held });
        });
        self.digest_events(seq, out, first);
    }

    #[inline]
    fn execute(&mut self, command: &Command, out: &mut Events) -> Result<(), Reject> {
        match command {
            Command::Place(new) => self.place(new, out),
            Command::Cancel { user, market, order, only, .. } => self.cancel(*user, *market, order, *only, out),
            Command::Move { user, market, order, price } => self.move_order(*user, *market, order, *price, out),
            Command::Reduce { user, market, order, by } => self.reduce(*user, *market, order, *by, out),
            Command::Amend { user, market, order, qty, client_id } => {
                self.amend(*user, *market, order, *qty, *client_id, out)
            }
            Command::CancelAll { user, market, side } => self.cancel_all(*user, *market, *side, out),
            Command::CancelReplace { cancel, only, mode, order, .. } => {
                self.cancel_replace(cancel, *only, *mode, order, out)
            }
            Command::PlaceBatch(orders) => self.place_batch(orders, out),
            Command::PlaceList(list) => self.place_list(list, out),
            Command::CancelList { user, market, list, .. } => self.cancel_list(*user, *market, *list, out),
            Command::Countdown { user, market, timeout_us } => self.set_countdown(*user, *market, *timeout_us, out),
            Command::Tick => Ok(()),
            Command::Credit(funding) => self.credit(funding, out),
            Command::Debit(funding) => self.debit(funding, out),
            Command::Transfer { from, funding } => self.transfer(*from, funding, out),
            Command::Sweep { from, to, asset, amount } => self.sweep(*from, *to, *asset, *amount, out),
            _ => self.administer(command, out),
        }
    }
}
