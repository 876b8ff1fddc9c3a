//! The fold of commands and events into rows. No clock, no I/O: what it needs from the tables is asked for before
//! ([`Fold::missing`]) and given ([`Fold::remember`]).

use std::collections::{BTreeSet, HashMap, HashSet};

use allin_core::ids::{AssetId, MarketId, OrderId, Seq, Timestamp, UserId};
use allin_core::num::{Amount, QtyLots};
use allin_core::spot::command::{Account, Command};
use allin_core::spot::event::{ChangeCause, Changed, CloseCause, Event, Posting, Trade};
use allin_core::text::{ClientId, Label};
use allin_runtime::engine::{Batch, Record};
use allin_runtime::store::Value;

use super::error::HistoryError;
use super::order::{OrderState, client_row};
use super::rows::Delta;
use super::trade;
use crate::history_schema::catalog::{Asset, Catalog, Market};
use crate::history_schema::{BUSINESS_TRADE, LEDGER_MOVEMENT, LEDGER_TRADE, match_id};

/// What a user has of an asset, available and held together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Total {
    pub(super) amount: Amount,
    /// Has a row.
    pub(super) stored: bool,
    dirty: bool,
}

/// What batches need to know of the past.
#[derive(Default, Debug)]
pub(super) struct Missing {
    pub(super) orders: HashSet<OrderId>,
    pub(super) totals: HashSet<(UserId, AssetId)>,
}

impl Missing {
    pub(super) fn is_empty(&self) -> bool {
        self.orders.is_empty() && self.totals.is_empty()
    }
}

pub(super) struct Fold {
    pub(super) catalog: Catalog,
    pub(super) delta: Delta,
    pub(super) orders: HashMap<OrderId, OrderState>,
    pub(super) totals: HashMap<(UserId, AssetId), Total>,
    dirty_orders: Vec<OrderId>,
    dirty_totals: Vec<(UserId, AssetId)>,
    /// Changed assets that have a row already.
    dirty_assets: BTreeSet<AssetId>,
}

/// The command that is being folded.
#[derive(Clone, Copy)]
pub(super) struct Now {
    pub(super) seq: Seq,
    pub(super) at: Timestamp,
    /// Ledger entries of the command so far.
    nth: u32,
    /// Matches that self-trade prevention kept from happening in the command so far.
    matches: u32,
    /// The two orders that self-trade prevention last kept apart, and the quantity.
    prevented: Option<([OrderId; 2], QtyLots)>,
    /// An order that got another client id, and the one it had.
    renamed: Option<(OrderId, ClientId)>,
}

impl Now {
    /// What self-trade prevention took off an order that it has just changed or ended.
    fn prevented(&self, order: OrderId) -> QtyLots {
        match self.prevented {
            Some((orders, qty)) if orders.contains(&order) => qty,
            _ => QtyLots::ZERO,
        }
    }
}

/// A change of what a user has, to become a ledger entry.
pub(super) struct Entry<'a> {
    pub(super) user: UserId,
    pub(super) asset: Asset,
    pub(super) change: Amount,
    pub(super) kind: u8,
    pub(super) business: &'a str,
    pub(super) business_id: i64,
    pub(super) detail: Value,
}

impl Fold {
    pub(super) fn new(catalog: Catalog, position: Seq) -> Self {
        Self {
            catalog,
            delta: Delta::new(position),
            orders: HashMap::new(),
            totals: HashMap::new(),
            dirty_orders: Vec::new(),
            dirty_totals: Vec::new(),
            dirty_assets: BTreeSet::new(),
        }
    }

    /// Up to where it has folded.
    pub(super) fn seq(&self) -> Seq {
        self.delta.to
    }

    /// Orders and totals that a batch changes and that are not remembered.
    pub(super) fn missing(&self, batch: &Batch) -> Missing {
        let mut missing = Missing::default();
        let mut placed = HashSet::new();
        let mut listed: HashMap<MarketId, Market> = HashMap::new();
        for event in &batch.events {
            let orders: [Option<OrderId>; 2] = match event {
                Event::Placed(new) => {
                    placed.insert(new.order);
                    continue;
                }
                Event::MarketSet(spec) => {
                    listed.insert(spec.id, spec.into());
                    continue;
                }
                Event::Trade(trade) => {
                    let market = self.catalog.market(trade.market).or_else(|| listed.get(&trade.market));
                    for (user, asset) in trade::touched(trade, market) {
                        self.want_total(&mut missing, user, asset);
                    }
                    [Some(trade.maker_order), Some(trade.taker_order)]
                }
                Event::Triggered { order, .. } => [Some(*order), None],
                Event::Prevented { taker_order, .. } => [Some(*taker_order), None],
                Event::Changed(changed) => [Some(changed.order), None],
                Event::Closed(closed) => [Some(closed.order), None],
                Event::Posting(posting) => {
                    for account in [posting.from, posting.to] {
                        if let Account::User(user) = account {
                            self.want_total(&mut missing, user, posting.asset);
                        }
                    }
                    continue;
                }
                Event::Balance { account: Account::User(user), asset, .. } => {
                    self.want_total(&mut missing, *user, *asset);
                    continue;
                }
                _ => continue,
            };
            for order in orders.into_iter().flatten() {
                if !self.orders.contains_key(&order) && !placed.contains(&order) {
                    missing.orders.insert(order);
                }
            }
        }
        missing
    }

    fn want_total(&self, missing: &mut Missing, user: UserId, asset: AssetId) {
        if !self.totals.contains_key(&(user, asset)) {
            missing.totals.insert((user, asset));
        }
    }

    /// Takes what the tables have of the missing; a total that has no row is zero.
    pub(super) fn remember(
        &mut self,
        missing: &Missing,
        orders: Vec<(OrderId, OrderState)>,
        totals: Vec<((UserId, AssetId), Amount)>,
    ) {
        self.orders.extend(orders);
        for key in &missing.totals {
            let nothing = Total { amount: 0, stored: false, dirty: false };
            self.totals.insert(*key, nothing);
        }
        for (key, amount) in totals {
            let total = Total { amount, stored: true, dirty: false };
            self.totals.insert(key, total);
        }
    }

    /// Folds one command. What was folded before is passed over, a gap is an error.
    pub(super) fn apply(&mut self, record: &Record, events: &[Event]) -> Result<(), HistoryError> {
        if record.seq <= self.delta.to {
            return Ok(());
        }
        if record.seq.0 != self.delta.to.0 + 1 {
            return Err(HistoryError::Gap { expected: self.delta.to.0 + 1, got: record.seq.0 });
        }
        let mut now = Now { seq: record.seq, at: record.at, nth: 0, matches: 0, prevented: None, renamed: None };
        for event in events {
            self.event(&mut now, &record.command, event)?;
        }
        self.delta.reach(record.seq, record.at);
        Ok(())
    }

    fn event(&mut self, now: &mut Now, command: &Command, event: &Event) -> Result<(), HistoryError> {
        let at = now.at;
        match event {
            Event::AssetSet(spec) => self.set_asset(spec.into()),
            Event::MarketSet(spec) => self.set_market(spec.into()),
            Event::Posting(posting) => return self.posting(now, command, posting),
            Event::Placed(placed) => {
                let market = *self.market(now.seq, placed.new.market)?;
                let state = OrderState::placed(placed, market, at);
                if let Some(row) = client_row(placed.order, placed.new.user, placed.new.client_id, at) {
                    self.delta.order_clients.push(row);
                }
                self.dirty_orders.push(placed.order);
                self.orders.insert(placed.order, state);
            }
            Event::Trade(trade) => return self.trade(now, trade),
            Event::Prevented { .. } => return self.prevented(now, event),
            Event::Triggered { order, .. } => self.order(now.seq, *order)?.triggered(at),
            Event::Renamed { order, user, client_id, .. } => return self.renamed(now, *order, *user, *client_id),
            Event::Changed(changed) => return self.changed(now, changed),
            Event::Closed(closed) => {
                let prevented = match closed.cause {
                    CloseCause::SelfTrade => now.prevented(closed.order),
                    _ => QtyLots::ZERO,
                };
                let order = self.order(now.seq, closed.order)?;
                if order.filled() != closed.filled {
                    return Err(HistoryError::Filled {
                        seq: now.seq,
                        order: closed.order,
                        folded: order.filled().0,
                        told: closed.filled.0,
                    });
                }
                order.closed(closed, prevented, at);
            }
            Event::ListPlaced { list, user, market, client_id, contingency, orders } => {
                self.delta.lists.push([
                    (*list).into(),
                    (*user).into(),
                    (*market).into(),
                    client_id.as_str().into(),
                    (*contingency as u8).into(),
                    orders[0].into(),
                    orders[1].into(),
                    orders[2].into(),
                    at.into(),
                    Timestamp(0).into(),
                ]);
            }
            Event::ListDone { list, .. } => self.delta.list_changes.push([(*list).into(), at.into()]),
            Event::Balance { account: Account::User(user), asset, available, held } => {
                return self.check_balance(now.seq, *user, *asset, available + held);
            }
            _ => {}
        }
        Ok(())
    }

    /// Tells the amendment of the same command under which client id the order was known before.
    fn renamed(
        &mut self,
        now: &mut Now,
        order: OrderId,
        user: UserId,
        client_id: ClientId,
    ) -> Result<(), HistoryError> {
        let state = self.order(now.seq, order)?;
        now.renamed = Some((order, state.rename(client_id, now.at)));
        // The row of the id that it was placed with is among those to be written.
        if state.placed.as_ref().is_none_or(|placed| placed.new.client_id != client_id) {
            self.delta.rename(order, user, client_id, now.at);
        }
        Ok(())
    }

    fn changed(&mut self, now: &mut Now, changed: &Changed) -> Result<(), HistoryError> {
        let prevented = now.prevented(changed.order);
        let renamed = now.renamed.filter(|(order, _)| *order == changed.order).map(|(_, old)| old);
        let order = self.order(now.seq, changed.order)?;
        let old = order.qty();
        order.changed(changed, prevented, now.at);
        if changed.cause == ChangeCause::Amended {
            let (market, new) = (order.market, order.qty());
            let present = order.client_id();
            self.delta.amendments.push([
                changed.order.into(),
                now.seq.into(),
                now.at.into(),
                market.qty(old).into(),
                market.qty(new).into(),
                renamed.unwrap_or(present).as_str().into(),
                present.as_str().into(),
            ]);
        }
        Ok(())
    }

    /// A row for each of the two orders.
    fn prevented(&mut self, now: &mut Now, event: &Event) -> Result<(), HistoryError> {
        let Event::Prevented { market, maker_order, taker_order, maker_user, taker_user, price, qty } = *event else {
            return Ok(());
        };
        now.prevented = Some(([maker_order, taker_order], qty));
        let id = match_id(now.seq, now.matches);
        now.matches += 1;
        let stp = self.orders.get(&taker_order).map_or(0, |taker| taker.stp);
        let listed = *self.market(now.seq, market)?;
        let maker = (maker_order, maker_user, taker_order, taker_user, 0u8);
        let taker = (taker_order, taker_user, maker_order, maker_user, 1u8);
        for (order, user, counter_order, counter_user, is_taker) in [maker, taker] {
            self.delta.prevented.push([
                order.into(),
                id.into(),
                user.into(),
                market.into(),
                is_taker.into(),
                now.at.into(),
                counter_order.into(),
                counter_user.into(),
                listed.price(price).into(),
                listed.qty(qty).into(),
                stp.into(),
            ]);
        }
        Ok(())
    }

    fn set_asset(&mut self, asset: Asset) {
        match self.catalog.set_asset(asset) {
            true => self.delta.assets.push(asset_row(&asset)),
            false => {
                self.dirty_assets.insert(asset.id);
            }
        }
    }

    /// Of a listed market only the filters can change, and they are not kept here.
    fn set_market(&mut self, market: Market) {
        if self.catalog.set_market(market) {
            self.delta.markets.push([
                market.id.into(),
                market.symbol.as_str().into(),
                market.base.into(),
                market.quote.into(),
                market.price_scale.into(),
                market.tick_units.into(),
                market.qty_scale.into(),
                market.lot_units.into(),
            ]);
        }
    }

    fn posting(&mut self, now: &mut Now, command: &Command, posting: &Posting) -> Result<(), HistoryError> {
        if posting.repeated {
            return Ok(());
        }
        let detail = match command {
            Command::Credit(funding) | Command::Debit(funding) | Command::Transfer { funding, .. } => &*funding.detail,
            _ => "",
        };
        let asset = *self.asset(now.seq, posting.asset)?;
        let label: Label = posting.business;
        for (account, change) in [(posting.from, -posting.amount), (posting.to, posting.amount)] {
            if let Account::User(user) = account {
                let entry = Entry {
                    user,
                    asset,
                    change,
                    kind: LEDGER_MOVEMENT,
                    business: label.as_str(),
                    business_id: posting.business_id,
                    detail: detail.into(),
                };
                self.entry(now, entry);
            }
        }
        Ok(())
    }

    fn trade(&mut self, now: &mut Now, trade: &Trade) -> Result<(), HistoryError> {
        let market = *self.market(now.seq, trade.market)?;
        let base = *self.asset(now.seq, market.base)?;
        let quote = *self.asset(now.seq, market.quote)?;
        let texts = trade::Texts::new(trade, &market, &quote);
        self.delta.market_deals.push(trade::market_row(trade, now.at, &texts));
        // Taker first, as the engine of ViaBTC writes them.
        for side in trade::sides(trade) {
            let fee_asset = *self.asset(now.seq, side.fee_asset)?;
            let order = self.order(now.seq, side.order)?;
            order.trade(trade, side.fee, side.fee_asset, now.at);
            let rate = if side.maker { order.rates.maker } else { order.rates.taker };
            let (nth, mut legs) = (now.nth, 0);
            for (asset, change) in side.legs(trade, &market, &base) {
                if asset == base.id || asset == quote.id {
                    self.change(side.user, asset, change);
                    (now.nth, legs) = (now.nth + 1, legs + 1);
                    continue;
                }
                let entry = Entry {
                    user: side.user,
                    asset: fee_asset,
                    change,
                    kind: LEDGER_TRADE,
                    business: BUSINESS_TRADE,
                    business_id: trade.trade.0 as i64,
                    detail: texts.fee_detail(&market, &side, trade.trade, rate),
                };
                self.entry(now, entry);
            }
            let total = |asset: AssetId| self.totals[&(side.user, asset)].amount;
            let (base, quote) = ((&base, total(base.id)), (&quote, total(quote.id)));
            let told = trade::Told { seq: now.seq, nth, legs, rate, base, quote };
            let row = trade::user_row(trade, &side, now.at, &texts, &fee_asset, &told);
            self.delta.user_deals.push(row);
        }
        Ok(())
    }

    /// Changes what a user has; what that is then.
    fn change(&mut self, user: UserId, asset: AssetId, change: Amount) -> Amount {
        let total = self.totals.get_mut(&(user, asset)).expect("asked for before the batch");
        total.amount += change;
        if !total.dirty {
            total.dirty = true;
            self.dirty_totals.push((user, asset));
        }
        total.amount
    }

    fn entry(&mut self, now: &mut Now, entry: Entry<'_>) {
        let total = self.change(entry.user, entry.asset.id, entry.change);
        self.delta.ledger.push([
            entry.user.into(),
            entry.asset.id.into(),
            entry.kind.into(),
            now.at.into(),
            now.seq.into(),
            now.nth.into(),
            entry.business.into(),
            entry.business_id.into(),
            entry.asset.amount(entry.change).into(),
            entry.asset.amount(total).into(),
            entry.detail,
        ]);
        now.nth += 1;
    }

    fn check_balance(&self, seq: Seq, user: UserId, asset: AssetId, told: Amount) -> Result<(), HistoryError> {
        let folded = self.totals.get(&(user, asset)).map_or(0, |total| total.amount);
        if folded == told {
            return Ok(());
        }
        Err(HistoryError::Balance { seq, user, asset, folded, told })
    }

    fn market(&self, seq: Seq, market: MarketId) -> Result<&Market, HistoryError> {
        self.catalog.market(market).ok_or(HistoryError::UnknownMarket { seq, market })
    }

    fn asset(&self, seq: Seq, asset: AssetId) -> Result<&Asset, HistoryError> {
        self.catalog.asset(asset).ok_or(HistoryError::UnknownAsset { seq, asset })
    }

    /// An order that is about to change.
    fn order(&mut self, seq: Seq, order: OrderId) -> Result<&mut OrderState, HistoryError> {
        let state = self.orders.get_mut(&order).ok_or(HistoryError::UnknownOrder { seq, order })?;
        if !state.dirty {
            self.dirty_orders.push(order);
        }
        Ok(state)
    }

    /// Rows that a transaction would write now.
    pub(super) fn rows(&self) -> usize {
        self.delta.len() + self.dirty_orders.len() + self.dirty_totals.len()
    }

    /// Gives what was folded since the last time, to be written before what will be folded from now on. Until it is in the
    /// tables, nothing of it may be read there: what it changed and may change again stays remembered.
    pub(super) fn seal(&mut self) -> Delta {
        for id in std::mem::take(&mut self.dirty_assets) {
            let asset = self.catalog.asset(id).expect("is listed");
            self.delta.asset_changes.push(asset_row(asset));
        }
        for id in self.dirty_orders.drain(..) {
            let order = self.orders.get_mut(&id).expect("is remembered");
            match order.placed {
                Some(_) => order.insert_into(id, &self.catalog, &mut self.delta.orders),
                None => order.update_into(id, &self.catalog, &mut self.delta.order_changes),
            }
            (order.placed, order.dirty) = (None, false);
            if !order.is_open() {
                self.orders.remove(&id);
            }
        }
        for key in self.dirty_totals.drain(..) {
            let total = self.totals.get_mut(&key).expect("is remembered");
            let asset = self.catalog.asset(key.1).expect("checked with the entry");
            let row = [key.0.into(), key.1.into(), asset.amount(total.amount).into()];
            match total.stored {
                true => self.delta.balance_changes.push(row),
                false => self.delta.balances.push(row),
            }
            (total.stored, total.dirty) = (true, false);
        }
        let next = Delta::new(self.delta.to);
        std::mem::replace(&mut self.delta, next)
    }

    /// Whether it remembers more than it should.
    pub(super) fn is_over(&self, cache_max: usize) -> bool {
        self.orders.len().max(self.totals.len()) > cache_max
    }

    /// All that was sealed is in the tables: forgets what can be read there, when there is too much of it.
    pub(super) fn forget(&mut self, cache_max: usize) {
        if self.orders.len() > cache_max {
            self.orders.retain(|_, order| order.dirty);
        }
        if self.totals.len() > cache_max {
            self.totals.retain(|_, total| total.dirty);
        }
    }
}

fn asset_row(asset: &Asset) -> [Value; 4] {
    [asset.id.into(), asset.symbol.as_str().into(), asset.scale.into(), asset.display_scale.into()]
}
