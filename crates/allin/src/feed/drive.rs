//! Owns the sending of the flow at its own pace, and what each row becomes: created → order, changed → reduce,
//! deleted → cancel.
//! Never lets more commands be unanswered than the window, and never measures from when a command could be sent instead of
//! from when it was due.

use std::{collections::HashMap, ops::Range, time::Duration};

use allin_core::{
    ids::UserId,
    num::{PriceTicks, QtyLots},
    spot::command::{Command, NewOrder, OrderRef, Side},
    text::ClientId,
};
use allin_wire::exchange::v1::{
    OrderByClientQuery, SubmitReply, query_reply::Answer as Body, query_request::Kind as Question,
};
use tokio::time::{Instant, sleep_until};

use super::{
    FeedError,
    flow::{Action, Flow, Price, Row},
    link::{Arrival, Link, Sent},
    plan::{Accounts, client_id},
    setup::Venue,
    tally::{Tally, What, is_idempotent},
};

/// The timer is coarse; the last part of a wait is spent asking for the time.
const SPIN: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Speed {
    /// Multiple of the recording's own.
    Times(f64),
    /// As fast as the window lets it.
    Max,
}

pub struct Driver<'a> {
    pub flow: &'a Flow,
    pub link: &'a mut Link<What>,
    pub tally: &'a mut Tally,
    pub venue: Venue,
    pub accounts: Accounts,
    pub tag: &'a str,
    /// Whether answers may repeat those of an earlier run.
    pub resume: bool,
    /// When each unanswered row was due.
    due: HashMap<usize, Instant>,
    /// Recorded orders that were sent, and how.
    created: HashMap<u64, bool>,
    /// Whether latencies of this part are kept.
    measured: bool,
}

impl<'a> Driver<'a> {
    pub fn new(
        flow: &'a Flow,
        link: &'a mut Link<What>,
        tally: &'a mut Tally,
        venue: Venue,
        accounts: Accounts,
        tag: &'a str,
        resume: bool,
    ) -> Self {
        let (due, created) = (HashMap::new(), HashMap::with_capacity(flow.rows.len()));
        Driver { flow, link, tally, venue, accounts, tag, resume, due, created, measured: false }
    }

    pub fn link(&mut self) -> &mut Link<What> {
        self.link
    }

    /// Sends some rows, paced when `speed` is given, and waits for their answers. Gives the time it took.
    pub async fn rows(&mut self, rows: Range<usize>, speed: Option<Speed>) -> Result<Duration, FeedError> {
        let start = Instant::now();
        let first = self.flow.rows.get(rows.start).map_or(0, |row| row.at_ms);
        self.measured = speed.is_some();
        for index in rows {
            let row = self.flow.rows[index];
            let due = match speed {
                Some(Speed::Times(times)) => Some(start + Duration::from_millis(row.at_ms - first).div_f64(times)),
                Some(Speed::Max) | None => None,
            };
            self.wait(due).await?;
            self.row(index, &row, due).await?;
        }
        self.settle().await?;
        Ok(start.elapsed())
    }

    /// Waits until there is room in the window and the time has come, and takes answers meanwhile.
    async fn wait(&mut self, due: Option<Instant>) -> Result<(), FeedError> {
        loop {
            let room = self.link.has_room();
            match due {
                _ if !room => {
                    let arrival = self.link.arrival().await?;
                    self.arrived(arrival).await?;
                }
                Some(due) if Instant::now() < due => {
                    let early = due - SPIN;
                    tokio::select! {
                        biased;
                        arrival = self.link.arrival(), if self.link.in_flight() > 0 => self.arrived(arrival?).await?,
                        () = sleep_until(early), if Instant::now() < early => {}
                        () = tokio::task::yield_now(), if Instant::now() >= early => {}
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// Waits for all answers.
    pub async fn settle(&mut self) -> Result<(), FeedError> {
        while self.link.in_flight() > 0 {
            let arrival = self.link.arrival().await?;
            self.arrived(arrival).await?;
        }
        Ok(())
    }

    async fn row(&mut self, index: usize, row: &Row, due: Option<Instant>) -> Result<(), FeedError> {
        let what = match row.action {
            Action::Created => What::Create(index),
            Action::Deleted => What::Cancel(index),
            Action::Changed => return self.reduce(index, row).await,
        };
        let market = row.price == Price::Market;
        let known = match what {
            What::Create(_) => {
                let has_order = !(market && row.lots == 0);
                has_order && self.created.insert(row.id, market).is_none()
            }
            _ => self.created.contains_key(&row.id),
        };
        if !known {
            self.tally.counts.rows_without_order += 1;
            return Ok(());
        }
        let command = match what {
            What::Create(_) => Command::Place(self.order(row)?),
            _ => {
                let (user, order) = self.name(row)?;
                Command::cancel(user, self.venue.market, order)
            }
        };
        self.due.insert(index, due.unwrap_or_else(Instant::now));
        self.send(command, what).await;
        Ok(())
    }

    /// A changed row says what is left of an order. Here its trades may have taken more or less than in the recording, so
    /// everything before is waited for, and the difference to what is left here is taken off.
    async fn reduce(&mut self, index: usize, row: &Row) -> Result<(), FeedError> {
        if !self.created.contains_key(&row.id) {
            self.tally.counts.rows_without_order += 1;
            return Ok(());
        }
        self.settle().await?;
        let (user, order) = self.name(row)?;
        loop {
            let question = OrderByClientQuery { user: user.0, client_id: client_id(self.tag, row) };
            let (_, body) = self.link.query(Question::OrderByClient(question)).await?;
            let Body::Order(answer) = body else { return Err(FeedError::Answer("order")) };
            let left = answer.order.map_or(0, |order| order.left);
            if left <= row.lots {
                self.tally.counts.change_not_needed += 1;
                return Ok(());
            }
            let by = QtyLots(left - row.lots);
            self.due.insert(index, Instant::now());
            self.send(Command::Reduce { user, market: self.venue.market, order, by }, What::Reduce(index)).await;
            match self.link.arrival().await? {
                // It was taken or it was not: what is left tells.
                None => {
                    self.link.reconnect().await?;
                }
                answer => return self.arrived(answer).await,
            }
        }
    }

    async fn send(&mut self, command: Command, what: What) {
        self.tally.counts.sent += 1;
        let again = is_idempotent(&command);
        self.link.send(command, again, what).await;
    }

    async fn arrived(&mut self, arrival: Arrival<What>) -> Result<(), FeedError> {
        match arrival {
            None => {
                self.link.reconnect().await?;
                Ok(())
            }
            Some((sent, reply)) => self.answered(&sent, reply),
        }
    }

    fn answered(&mut self, sent: &Sent<What>, reply: SubmitReply) -> Result<(), FeedError> {
        let (What::Create(index) | What::Cancel(index) | What::Reduce(index)) = sent.what else { return Ok(()) };
        let row = self.flow.rows[index];
        if let Some(due) = self.due.remove(&index)
            && self.measured
        {
            self.tally.latency(due.elapsed());
        }
        if reply.seq == 0 {
            self.tally.not_taken(reply.error().as_str_name(), row.id, sent.what);
            return Ok(());
        }
        let seq = reply.seq;
        let events = super::events(reply)?;
        match sent.what {
            What::Create(_) => {
                let before = self.tally.counts.repeated;
                self.tally.created(seq, index, row.id, row.price == Price::Market, &events);
                if self.tally.counts.repeated > before && !sent.doubtful && !self.resume {
                    return Err(FeedError::SentBefore);
                }
            }
            What::Cancel(_) => self.tally.cancelled(seq, index, row.id, sent.doubtful || self.resume, &events),
            _ => self.tally.reduced(seq, index, row.id, &events),
        }
        Ok(())
    }

    fn order(&self, row: &Row) -> Result<NewOrder, FeedError> {
        let (user, market) = (UserId(self.accounts.of(row.id)), self.venue.market);
        let side = if row.buy { Side::Buy } else { Side::Sell };
        let order = match row.price {
            Price::Limit(ticks) => NewOrder::limit(user, market, side, PriceTicks(ticks), QtyLots(row.lots)),
            Price::Market => NewOrder::market(user, market, side, QtyLots(row.lots)),
        };
        Ok(NewOrder { client_id: self.client(row)?, ..order })
    }

    fn name(&self, row: &Row) -> Result<(UserId, OrderRef), FeedError> {
        Ok((UserId(self.accounts.of(row.id)), OrderRef::Client(self.client(row)?)))
    }

    fn client(&self, row: &Row) -> Result<ClientId, FeedError> {
        ClientId::new(&client_id(self.tag, row)).ok_or(FeedError::Tag)
    }
}
