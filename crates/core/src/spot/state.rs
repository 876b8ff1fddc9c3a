//! What the spot product remembers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::clients::Clients;
use super::command::{MarketState, Side};
use super::event::Contingency;
use super::funding::Fundings;
use super::spec::{AVERAGE_MINUTES_MAX, AssetSpec, MarketSpec};
use crate::book::ladder::Ladder;
use crate::book::orders::{NIL, Orders};
use crate::digest::Digest;
use crate::hash::{pair, spread};
use crate::ids::{Epoch, MarketId, Seq, Timestamp};
use crate::ledger::{Ledger, Place};
use crate::num::{Amount, FeeRates, PriceTicks};
use crate::slots::SlotIndex;
use crate::text::{ClientId, Symbol};

/// Bounds that refuse commands. Part of the state: a replay must run under the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Most client ids remembered at once, open orders and the last 24 h together.
    pub client_ids_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { client_ids_max: 50_000_000 }
    }
}

impl Limits {
    /// Largest `client_ids_max`: as many are numbered with 32 bits.
    pub const CLIENT_IDS_MAX: u32 = 1 << 30;

    pub fn is_valid(&self) -> bool {
        (1..=Limits::CLIENT_IDS_MAX).contains(&self.client_ids_max)
    }
}

/// The spot state machine.
#[derive(Clone)]
pub struct Spot {
    pub(super) limits: Limits,
    pub(super) seq: Seq,
    pub(super) epoch: Epoch,
    pub(super) time: Timestamp,
    pub(super) digest: Digest,
    pub(super) assets: Vec<AssetSpec>,
    pub(super) asset_names: BTreeMap<Symbol, u32>,
    pub(super) markets: Vec<Market>,
    pub(super) market_names: BTreeMap<Symbol, u32>,
    pub(super) ledger: Ledger,
    pub(super) orders: Orders,
    pub(super) users: Vec<User>,
    pub(super) user_index: SlotIndex,
    pub(super) seats: Vec<Seat>,
    /// What few seats have, by seat.
    pub(super) seat_extras: Vec<SeatExtra>,
    pub(super) seat_index: SlotIndex,
    pub(super) tiers: BTreeMap<u16, FeeRates>,
    pub(super) discount: Option<Discount>,
    /// By asset: what a fee of `denominator` units is worth in units of the discount asset; numerator 0 when unknown.
    pub(super) discount_rates: Vec<(u64, u64)>,
    pub(super) clients: Clients,
    pub(super) fundings: Fundings,
    pub(super) lists: BTreeMap<u64, List>,
    /// (expiry, order id).
    pub(super) expiries: BTreeSet<(u64, u64)>,
    /// (deadline, user, market).
    pub(super) countdowns: BTreeSet<(u64, u64, u32)>,
    pub(super) next_order: u64,
    pub(super) next_list: u64,
    /// Lists whose working order was filled by this command.
    pub(super) to_activate: VecDeque<u64>,
    /// Stops that this command's trades have reached, by order id, in the order in which they fire.
    pub(super) due: VecDeque<u64>,
    pub(super) scratch: Vec<u64>,
}

/// A user's settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct User {
    pub id: u64,
    pub group: u64,
    pub tier: u16,
    pub pay_discount: bool,
    pub frozen: bool,
    /// Of the tier.
    pub rates: FeeRates,
    /// Newest of its seats, chained by `Seat::older`.
    pub seat: u32,
}

/// A user in a market: everything an order or a fill needs of the account, found once. One cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Seat {
    pub user: u64,
    /// Lots of open buys, for the position filter.
    pub buy_lots: u128,
    /// As the user's, so that an order need not look there; see [`Spot::refresh_seats`].
    pub rates: FeeRates,
    pub frozen: bool,
    pub user_at: u32,
    pub market: u32,
    pub base: Place,
    pub quote: Place,
    /// Newest open order.
    pub newest: u32,
    pub older: u32,
    pub open: u32,
}

/// The rest of a seat.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct SeatExtra {
    /// 0 when no countdown runs.
    pub countdown: u64,
    pub stops: u32,
    pub icebergs: u32,
    pub lists: u32,
}

const _: () = assert!(size_of::<Seat>() == 64 && size_of::<Ladder>() == 64);

#[derive(Clone, Copy, Debug)]
pub(super) struct Discount {
    pub asset: u32,
    pub bips: u32,
}

/// Trades of one minute, for the average price.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Minute {
    pub minute: u64,
    pub lots: u128,
    pub ticks_lots: u128,
}

pub(super) const MINUTES: usize = AVERAGE_MINUTES_MAX as usize + 1;

/// In the order of its parts: each order reads the first, a new one the specification too.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Market {
    pub bids: Ladder,
    pub asks: Ladder,
    pub base_unit: u64,
    pub quote_unit: u64,
    pub state: MarketState,
    pub last: u64,
    pub next_trade: u64,
    pub open: u64,
    /// Set by a trade or a change of state; stops are looked at when it is.
    pub look_at_stops: bool,
    pub reference: u64,
    pub reference_at: u64,
    pub spec: MarketSpec,
    /// Waiting stops that fire when the price is at or above, or at or below, their trigger: (trigger, order id).
    pub rising: BTreeSet<(u64, u64)>,
    pub falling: BTreeSet<(u64, u64)>,
    /// Trailing stops, oldest first.
    pub trailing: Vec<u64>,
    /// Prices traded at that stops have not been shown yet; empty between commands.
    pub path: Vec<u64>,
    pub minutes: Vec<Minute>,
}

/// An order list with open orders.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    pub seat: u32,
    pub contingency: Contingency,
    pub client_id: ClientId,
    /// Order ids, 0 once closed.
    pub orders: [u64; 3],
}

impl Market {
    #[inline]
    pub fn ladder(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    #[inline]
    pub fn ladder_mut(&mut self, side: Side) -> &mut Ladder {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Best price of a side; 0 when it is empty.
    #[inline]
    pub fn best(&self, side: Side) -> u64 {
        match side {
            Side::Buy => self.bids.best().map_or(0, |(key, _)| key),
            Side::Sell => self.asks.best().map_or(0, |(key, _)| !key),
        }
    }

    pub fn is_crossed(&self) -> bool {
        let (bid, ask) = (self.best(Side::Buy), self.best(Side::Sell));
        bid != 0 && ask != 0 && bid >= ask
    }

    /// Volume-weighted average price of the last `average_minutes`, floored to a tick; else the last price; 0 when unknown.
    pub fn average(&self, now: Timestamp) -> u64 {
        let window = self.spec.filters.average_minutes as u64;
        let newest = now.0 / Timestamp::MINUTE;
        let (mut lots, mut ticks_lots) = (0u128, 0u128);
        for m in self.minutes.iter().filter(|m| m.minute + window > newest) {
            lots += m.lots;
            ticks_lots = u128::saturating_add(ticks_lots, m.ticks_lots);
        }
        if lots == 0 || window == 0 { self.last } else { (ticks_lots / lots) as u64 }
    }

    /// Counts a trade into the running minute.
    pub fn count_trade(&mut self, now: Timestamp, price: u64, lots: u64) {
        if self.spec.filters.average_minutes == 0 {
            return;
        }
        let minute = now.0 / Timestamp::MINUTE;
        if self.minutes.is_empty() {
            self.minutes = vec![Minute::default(); MINUTES];
        }
        let bucket = &mut self.minutes[minute as usize % MINUTES];
        if bucket.minute != minute {
            *bucket = Minute { minute, lots: 0, ticks_lots: 0 };
        }
        bucket.lots += lots as u128;
        bucket.ticks_lots = bucket.ticks_lots.saturating_add(price as u128 * lots as u128);
    }
}

impl Spot {
    pub fn new(limits: Limits) -> Spot {
        Spot {
            limits,
            seq: Seq(0),
            epoch: Epoch(0),
            time: Timestamp(0),
            digest: Digest::NEW,
            assets: vec![],
            asset_names: BTreeMap::new(),
            markets: vec![],
            market_names: BTreeMap::new(),
            ledger: Ledger::default(),
            orders: Orders::default(),
            users: vec![],
            user_index: SlotIndex::default(),
            seats: vec![],
            seat_extras: vec![],
            seat_index: SlotIndex::default(),
            tiers: BTreeMap::new(),
            discount: None,
            discount_rates: vec![],
            clients: Clients::default(),
            fundings: Fundings::default(),
            lists: BTreeMap::new(),
            expiries: BTreeSet::new(),
            countdowns: BTreeSet::new(),
            next_order: 1,
            next_list: 1,
            to_activate: VecDeque::new(),
            due: VecDeque::new(),
            scratch: vec![],
        }
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    pub fn seq(&self) -> Seq {
        self.seq
    }

    pub fn time(&self) -> Timestamp {
        self.time
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Running digest of everything applied.
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }

    /// The earliest timer: a `Tick` is due then.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let expiry = self.expiries.first().map(|(at, _)| *at);
        let countdown = self.countdowns.first().map(|(at, _, _)| *at);
        expiry.into_iter().chain(countdown).min().map(Timestamp)
    }

    #[inline]
    pub(super) fn find_user(&self, id: u64) -> Option<u32> {
        self.user_index.find(spread(id), |at| self.users[at as usize].id == id)
    }

    /// The user's record, made if need be.
    pub(super) fn open_user(&mut self, id: u64) -> u32 {
        if let Some(at) = self.find_user(id) {
            return at;
        }
        let at = self.users.len() as u32;
        let rates = self.tier_rates(0);
        self.users.push(User { id, group: id, tier: 0, pay_discount: false, frozen: false, rates, seat: NIL });
        self.user_index.insert(spread(id), at);
        at
    }

    pub(super) fn tier_rates(&self, tier: u16) -> FeeRates {
        self.tiers.get(&tier).or_else(|| self.tiers.get(&0)).copied().unwrap_or(super::command::DEFAULT_RATES)
    }

    #[inline]
    pub(super) fn find_seat(&self, user: u64, market: MarketId) -> Option<u32> {
        let is = |at: u32| {
            let seat = &self.seats[at as usize];
            seat.user == user && seat.market == market.0
        };
        self.seat_index.find(pair(user, market.0 as u64), is)
    }

    /// The user's seat in a market, made if need be; the market exists.
    pub(super) fn open_seat(&mut self, user: u64, market: MarketId) -> u32 {
        if let Some(seat) = self.find_seat(user, market) {
            return seat;
        }
        let user_at = self.open_user(user);
        let User { rates, frozen, .. } = self.users[user_at as usize];
        let spec = &self.markets[market.0 as usize].spec;
        let (base, quote) = (spec.base, spec.quote);
        let account = super::command::Account::User(crate::ids::UserId(user));
        let base = self.ledger.find_or_open(account, base);
        let quote = self.ledger.find_or_open(account, quote);
        let seat = self.seats.len() as u32;
        let older = std::mem::replace(&mut self.users[user_at as usize].seat, seat);
        self.seats.push(Seat {
            user,
            buy_lots: 0,
            rates,
            frozen,
            user_at,
            market: market.0,
            base,
            quote,
            newest: NIL,
            older,
            open: 0,
        });
        self.seat_extras.push(SeatExtra::default());
        self.seat_index.insert(pair(user, market.0 as u64), seat);
        seat
    }

    /// Brings what the seats of a user repeat of it up to date.
    pub(super) fn refresh_seats(&mut self, user_at: u32) {
        let User { rates, frozen, mut seat, .. } = self.users[user_at as usize];
        while seat != NIL {
            let at = &mut self.seats[seat as usize];
            (at.rates, at.frozen) = (rates, frozen);
            seat = at.older;
        }
    }

    #[inline]
    pub(super) fn market_of(&self, seat: u32) -> usize {
        self.seats[seat as usize].market as usize
    }

    /// Quote amount of `lots` at `price`; the order passed the check for overflow when it was placed.
    #[inline]
    pub(super) fn quote_of(&self, market: usize, price: u64, lots: u64) -> Amount {
        crate::num::notional(PriceTicks(price), crate::num::QtyLots(lots), self.markets[market].quote_unit)
            .expect("checked at placement")
    }
}
