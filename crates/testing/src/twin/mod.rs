//! The naive twin of the spot state machine: the rules of `docs/spot-rules.md` in the plainest form.
//!
//! Owns a second, independent statement of what every command does. It keeps nothing that can be computed: held funds are
//! summed over the open orders, a book is a sorted scan of them, averages are taken over the list of trades.
//! Never shares code with the fast machine beyond the types of commands, events and numbers.
//! Known limits: every command costs time proportional to the open orders; for tests only.

mod account;
mod admin;
mod auction;
mod change;
mod check;

mod fast;
mod fee;
mod filter;
mod funding;
pub mod invariants;
mod list;
pub mod machine;
mod place;
pub mod random;
pub mod shrink;
mod state;
mod stops;
mod take;
pub mod text;
mod timer;
mod view;

use std::collections::{BTreeMap, VecDeque};

use allin_core::ids::{AssetId, Epoch, ListId, MarketId, OrderId, Seq, Timestamp, UserId};
use allin_core::num::{Amount, FeeRates};
use allin_core::spot::command::{Account, Command};
use allin_core::spot::event::Event;
use allin_core::spot::reject::Reject;
use allin_core::spot::spec::AssetSpec;
use allin_core::text::ClientId;

use funding::{Key, Movement};
use state::{Known, List, Market, Order, User};

/// What a command came to: refused as a whole, or done (its events are in [`Twin::events`]).
type Outcome = Result<(), Reject>;

#[derive(Clone)]
pub struct Twin {
    client_ids_max: usize,
    seq: Seq,
    time: Timestamp,
    epoch: Epoch,
    assets: Vec<AssetSpec>,
    markets: Vec<Market>,
    users: BTreeMap<UserId, User>,
    tiers: BTreeMap<u16, FeeRates>,
    discount: Option<(AssetId, u32)>,
    discount_rates: BTreeMap<AssetId, (u64, u64)>,
    /// All that an account owns, held or not.
    totals: BTreeMap<(Account, AssetId), Amount>,
    /// Every open order: in a book, waiting for its trigger, or pending in its list.
    orders: BTreeMap<OrderId, Order>,
    lists: BTreeMap<ListId, List>,
    known: BTreeMap<(UserId, ClientId), Known>,
    movements: BTreeMap<Key, Movement>,
    countdowns: BTreeMap<(UserId, MarketId), Timestamp>,
    orders_made: u64,
    /// Orders made before the present command: younger ones still make the answer of their client id.
    orders_before: u64,
    lists_made: u64,
    /// Given to an order when it goes to the back of a price.
    ranks_made: u64,
    /// Lists whose working order was filled and whose pending orders are to be placed.
    released: VecDeque<ListId>,
    /// Stops that a trade of this command reached, in the order in which they fire.
    due: VecDeque<OrderId>,
    events: Vec<Event>,
    touched: Vec<(Account, AssetId)>,
}

impl Twin {
    pub fn new(client_ids_max: u32) -> Twin {
        Twin {
            client_ids_max: client_ids_max as usize,
            seq: Seq(0),
            time: Timestamp(0),
            epoch: Epoch(0),
            assets: Vec::new(),
            markets: Vec::new(),
            users: BTreeMap::new(),
            tiers: BTreeMap::new(),
            discount: None,
            discount_rates: BTreeMap::new(),
            totals: BTreeMap::new(),
            orders: BTreeMap::new(),
            lists: BTreeMap::new(),
            known: BTreeMap::new(),
            movements: BTreeMap::new(),
            countdowns: BTreeMap::new(),
            orders_made: 0,
            orders_before: 0,
            lists_made: 0,
            ranks_made: 0,
            released: VecDeque::new(),
            due: VecDeque::new(),
            events: Vec::new(),
            touched: Vec::new(),
        }
    }

    pub fn apply(&mut self, seq: Seq, at: Timestamp, command: &Command) -> Vec<Event> {
        assert_eq!(seq.0, self.seq.0 + 1, "commands come without a gap");
        self.seq = seq;
        self.time = self.time.max(at);
        self.orders_before = self.orders_made;
        self.fire_timers();
        if let Err(reason) = self.command(command) {
            self.events.push(Event::Refused(reason));
        }
        self.update_answers();
        assert!(self.released.is_empty(), "released orders are placed within their command");
        self.touched.sort();
        for (account, asset) in std::mem::take(&mut self.touched) {
            let balance = self.balance(account, asset);
            self.events.push(Event::Balance { account, asset, available: balance.available, held: balance.held });
        }
        std::mem::take(&mut self.events)
    }

    fn command(&mut self, command: &Command) -> Outcome {
        match command {
            Command::StartEpoch(epoch) => self.start_epoch(*epoch),
            Command::Tick => Ok(()),
            Command::SetAsset(spec) => self.set_asset(spec),
            Command::SetMarket(spec) => self.set_market(spec),
            Command::SetMarketState { market, state } => self.set_market_state(*market, *state),
            Command::Uncross { market } => self.uncross(*market),
            Command::SetFeeTier { tier, rates } => self.set_fee_tier(*tier, *rates),
            Command::SetUser { user, group, tier, pay_discount, frozen } => {
                self.set_user(*user, User { group: *group, tier: *tier, pay_discount: *pay_discount, frozen: *frozen })
            }
            Command::SetUserTier { user, tier } => self.set_user_tier(*user, *tier),
            Command::SetUserAccess { user, group, frozen } => {
                let User { tier, pay_discount, .. } = self.user_or_default(*user);
                self.set_user(*user, User { group: *group, tier, pay_discount, frozen: *frozen })
            }
            Command::SetLimits(limits) => self.set_limits(*limits),
            Command::SetDiscount { asset, bips } => self.set_discount(*asset, *bips),
            Command::SetDiscountRate { asset, numerator, denominator } => {
                self.set_discount_rate(*asset, *numerator, *denominator)
            }
            Command::Credit(funding) => self.credit(funding),
            Command::Debit(funding) => self.debit(funding),
            Command::Transfer { from, funding } => self.transfer(*from, funding),
            Command::Sweep { from, to, asset, amount } => self.sweep(*from, *to, *asset, *amount),
            Command::Place(new) => self.place_one(new),
            Command::PlaceBatch(batch) => self.place_batch(batch),
            Command::PlaceList(list) => self.place_list(list),
            Command::Cancel { user, market, order, only, .. } => self.cancel(*user, *market, *order, *only),
            Command::CancelList { user, market, list, .. } => self.cancel_list(*user, *market, *list),
            Command::CancelAll { user, market, side } => self.cancel_all(*user, *market, *side),
            Command::Amend { user, market, order, qty, client_id } => {
                self.amend(*user, *market, *order, *qty, *client_id)
            }
            Command::Move { user, market, order, price } => self.move_order(*user, *market, *order, *price),
            Command::Reduce { user, market, order, by } => self.reduce(*user, *market, *order, *by),
            Command::CancelReplace { cancel, only, mode, order, .. } => {
                self.cancel_replace(*cancel, *only, *mode, order)
            }
            Command::Countdown { user, market, timeout_us } => self.set_countdown(*user, *market, *timeout_us),
        }
    }
}
