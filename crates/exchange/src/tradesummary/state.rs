//! The running day of the users that traded lately. A pure fold over the log's events; who is not in memory is loaded
//! before ([`State::missing`], [`State::insert`]).

use std::collections::{BTreeMap, BTreeSet};

use allin_core::ids::{AssetId, MarketId, Seq, Timestamp, UserId};
use allin_core::num::{Amount, PriceTicks};
use allin_core::spot::command::Side;
use allin_core::spot::event::{Event, Trade};
use allin_runtime::engine::{Batch, Record};

use super::figures::{Day, Part, Position};
use super::volume::Measure;
use crate::catalog::Catalog;

/// A row of the store, with what has to be done about it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Row<T> {
    pub value: T,
    /// There is one with this key.
    pub is_stored: bool,
    pub is_changed: bool,
}

/// What a user did on one day.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Today {
    pub day: u32,
    pub days: BTreeMap<MarketId, Row<Day>>,
    pub fees: BTreeMap<(MarketId, AssetId), Row<Amount>>,
    /// Of all markets, in the asset of the tiers.
    pub volume: Row<Amount>,
}

#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct User {
    pub today: Today,
    pub positions: BTreeMap<MarketId, Row<Position>>,
    /// As the engine last told.
    pub tier: Row<u16>,
}

pub(super) struct State {
    pub catalog: Catalog,
    pub seq: Seq,
    measure: Measure,
    users: BTreeMap<UserId, User>,
    changed: BTreeSet<UserId>,
    /// Days that ended since the last commit.
    past: Vec<(UserId, Today)>,
    /// Last prices of the markets that convert volumes.
    prices: BTreeMap<MarketId, Row<PriceTicks>>,
    /// The day that has begun: tiers are due for it.
    day: Row<u32>,
}

/// What a commit writes.
pub(super) struct Changes<'a> {
    pub seq: Seq,
    pub days: Vec<(UserId, &'a Today)>,
    pub users: Vec<(UserId, &'a User)>,
    pub prices: Vec<(MarketId, Row<PriceTicks>)>,
    pub day: Row<u32>,
}

impl<T> Row<T> {
    pub fn stored(value: T) -> Row<T> {
        Row { value, is_stored: true, is_changed: false }
    }

    fn change(&mut self) -> &mut T {
        self.is_changed = true;
        &mut self.value
    }

    fn committed(&mut self) {
        self.is_stored |= self.is_changed;
        self.is_changed = false;
    }
}

impl State {
    pub fn new(
        catalog: Catalog,
        measure: Measure,
        seq: Seq,
        day: Row<u32>,
        prices: BTreeMap<MarketId, Row<PriceTicks>>,
    ) -> State {
        State { catalog, seq, measure, users: BTreeMap::new(), changed: BTreeSet::new(), past: Vec::new(), prices, day }
    }

    /// Users of a batch that are not in memory, each with the day on which it first needs him.
    pub fn missing(&self, batch: &Batch) -> BTreeMap<UserId, u32> {
        let mut missing = BTreeMap::new();
        for (record, events) in batch.iter() {
            let day = day_of(record.at).max(self.day.value);
            for event in events {
                let users = match event {
                    Event::Trade(trade) => [Some(trade.maker_user), Some(trade.taker_user)],
                    Event::UserSet { user, .. } => [Some(*user), None],
                    _ => [None, None],
                };
                for user in users.into_iter().flatten().filter(|user| !self.users.contains_key(user)) {
                    missing.entry(user).or_insert(day);
                }
            }
        }
        missing
    }

    pub fn insert(&mut self, id: UserId, user: User) {
        self.users.insert(id, user);
    }

    pub fn apply(&mut self, record: &Record, events: &[Event]) {
        self.seq = record.seq;
        let day = day_of(record.at);
        if day > self.day.value {
            *self.day.change() = day;
        }
        for event in events {
            match event {
                Event::Trade(trade) => self.trade(trade),
                Event::UserSet { user, tier, .. } => {
                    *self.user(*user).tier.change() = *tier;
                }
                other => self.catalog.apply(other),
            }
        }
    }

    fn trade(&mut self, trade: &Trade) {
        let (Some(listing), market) = (self.catalog.listing(trade.market).copied(), trade.market) else { return };
        let converts = self.measure.converts(&self.catalog, &listing);
        if converts {
            *self.prices.entry(market).or_default().change() = trade.price;
        }
        let price = |market| self.prices.get(&market).map(|row| row.value);
        let volume = self.measure.volume(&self.catalog, &listing, trade.quote, price);
        let part = |side, is_maker| Part { side, lots: trade.qty.0, quote: trade.quote, is_maker };
        let maker = (trade.maker_user, part(trade.taker_side.opposite(), true), trade.maker_fee_asset, trade.maker_fee);
        let taker = (trade.taker_user, part(trade.taker_side, false), trade.taker_fee_asset, trade.taker_fee);
        // The buyer first: who trades with himself sells what he bought.
        let sides = if trade.taker_side == Side::Buy { [taker, maker] } else { [maker, taker] };
        for (id, part, fee_asset, fee) in sides {
            let user = self.user(id);
            let position = user.positions.entry(market).or_default();
            let day = user.today.days.entry(market).or_default();
            day.change().add(&part, position.change());
            let sum = user.today.volume.change();
            *sum = sum.saturating_add(volume);
            if fee != 0 {
                let sum = user.today.fees.entry((market, fee_asset)).or_default().change();
                *sum = sum.saturating_add(fee);
            }
        }
    }

    /// The user, with an empty new day if his last one is over.
    fn user(&mut self, id: UserId) -> &mut User {
        self.changed.insert(id);
        let user = self.users.entry(id).or_default();
        if user.today.day < self.day.value {
            let today = Today { day: self.day.value, ..Today::default() };
            let past = std::mem::replace(&mut user.today, today);
            self.past.push((id, past));
        }
        user
    }

    pub fn changes(&self) -> Changes<'_> {
        let changed = || self.changed.iter().map(|id| (*id, &self.users[id]));
        let past = self.past.iter().map(|(id, today)| (*id, today));
        Changes {
            seq: self.seq,
            days: past.chain(changed().map(|(id, user)| (id, &user.today))).collect(),
            users: changed().collect(),
            prices: self.prices.iter().map(|(id, row)| (*id, *row)).filter(|(_, row)| row.is_changed).collect(),
            day: self.day,
        }
    }

    /// The last [`State::changes`] are in the store; nothing was folded since. Keeps at most so many users in memory.
    pub fn committed(&mut self, users_max: usize) {
        self.past.clear();
        self.prices.values_mut().for_each(Row::committed);
        self.day.committed();
        for id in std::mem::take(&mut self.changed) {
            let user = self.users.get_mut(&id).expect("a changed user is in memory");
            user.today.days.values_mut().for_each(Row::committed);
            user.today.fees.values_mut().for_each(Row::committed);
            user.today.volume.committed();
            user.positions.values_mut().for_each(Row::committed);
            user.tier.committed();
        }
        if self.users.len() > users_max {
            self.users.clear();
        }
    }
}

/// Days since the epoch, UTC.
pub(super) fn day_of(at: Timestamp) -> u32 {
    u32::try_from(at.0 / Timestamp::DAY).unwrap_or(u32::MAX)
}
