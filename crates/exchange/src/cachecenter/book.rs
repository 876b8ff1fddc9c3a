//! The visible book of one market, as a fold over its events.
//!
//! An order shows its display quantity, or all of it. A fill takes from the shown part; when that is used up it is filled
//! again from the hidden rest. What is taken off without a trade comes from the hidden rest first. While an order takes it
//! stands in the book already, so within a command the book may be crossed; after the command it never is (but in a call
//! auction).

use std::collections::{BTreeMap, HashMap};

use allin_core::ids::{MarketId, OrderId, Seq};
use allin_core::num::PriceTicks;
use allin_core::spot::command::Side;
use allin_core::spot::event::{ChangeCause, Changed, Event, OrderStatus, Placed, Trade};
use allin_core::spot::view::{Stage, StandingOrder};

/// A price level. Empty when it has no order.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Level {
    /// Lots that are shown; each order may have 2^60.
    pub lots: u128,
    pub orders: u32,
}

/// A level that a command changed, as it is after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LevelChange {
    pub side: Side,
    pub price: PriceTicks,
    pub level: Level,
}

#[derive(Clone, Copy, Debug)]
struct Order {
    side: Side,
    price: PriceTicks,
    left: u64,
    shown: u64,
    /// 0 shows all.
    display: u64,
    /// Waits for a trigger once it is no longer pending.
    is_stop: bool,
    stage: Stage,
    /// The first command that is not in it yet; see [`Book::enter_standing`].
    from: Seq,
}

#[derive(Clone, Default, Debug)]
pub struct Book {
    bids: BTreeMap<PriceTicks, Level>,
    asks: BTreeMap<PriceTicks, Level>,
    /// Orders with a limit price; others are never in the book. Only looked up, never walked.
    orders: HashMap<OrderId, Order>,
    /// Levels that the running command touched, as they were before it. Bids by `true`.
    touched: BTreeMap<(bool, PriceTicks), Level>,
    /// The running command.
    now: Seq,
}

/// The market of an event that may change a book.
pub fn market_of(event: &Event) -> Option<MarketId> {
    match event {
        Event::Placed(placed) => Some(placed.new.market),
        Event::Triggered { market, .. } => Some(*market),
        Event::Trade(trade) => Some(trade.market),
        Event::Changed(changed) => Some(changed.market),
        Event::Closed(closed) => Some(closed.market),
        _ => None,
    }
}

impl Order {
    fn shown_of(&self, left: u64) -> u64 {
        if self.display == 0 { left } else { self.display.min(left) }
    }
}

impl Book {
    /// Takes up an order as the engine had it after `seq`. The fold may go on from before that: events up to `seq` then leave
    /// this order as it is. So orders that were asked for page by page become one book once the fold has passed the last
    /// page's sequence.
    pub fn enter_standing(&mut self, standing: &StandingOrder, seq: Seq) {
        let order = Order {
            side: standing.side,
            price: standing.price,
            left: standing.left.0,
            shown: standing.shown.0,
            display: standing.display.0,
            is_stop: standing.is_stop,
            stage: standing.stage,
            from: Seq(seq.0 + 1),
        };
        self.enter(&order);
        self.orders.insert(standing.order, order);
    }

    /// The events that follow are of this command.
    pub fn begin(&mut self, seq: Seq) {
        self.now = seq;
    }

    /// Folds one event of this market.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Placed(placed) => self.place(placed),
            Event::Triggered { order, .. } => self.start(*order),
            Event::Trade(trade) => self.trade(trade),
            Event::Changed(changed) => self.change(changed),
            Event::Closed(closed) => {
                if let Some(order) = self.find(closed.order) {
                    self.orders.remove(&closed.order);
                    self.leave(&order);
                }
            }
            _ => {}
        }
    }

    /// Ends a command: gives the levels that are not as they were before it, bids and asks by price.
    pub fn finish(&mut self) -> Vec<LevelChange> {
        let touched = std::mem::take(&mut self.touched);
        let changed = touched.into_iter().filter_map(|((is_bid, price), before)| {
            let side = if is_bid { Side::Buy } else { Side::Sell };
            let level = self.side(side).get(&price).copied().unwrap_or_default();
            (level != before).then_some(LevelChange { side, price, level })
        });
        changed.collect()
    }

    /// Levels of a side, best first.
    pub fn levels(&self, side: Side) -> Box<dyn Iterator<Item = (PriceTicks, Level)> + '_> {
        let copied = |(price, level): (&PriceTicks, &Level)| (*price, *level);
        match side {
            Side::Buy => Box::new(self.bids.iter().rev().map(copied)),
            Side::Sell => Box::new(self.asks.iter().map(copied)),
        }
    }

    /// Levels added up to multiples of `step`, best first: bids at the multiple below, asks at the one above.
    pub fn merged(&self, side: Side, step: PriceTicks, limit: usize) -> Vec<(PriceTicks, Level)> {
        let mut merged: Vec<(PriceTicks, Level)> = Vec::new();
        for (price, level) in self.levels(side) {
            let place = match side {
                Side::Buy => price.0 / step.0 * step.0,
                Side::Sell => price.0.div_ceil(step.0).saturating_mul(step.0),
            };
            let is_full = merged.len() == limit;
            match merged.last_mut() {
                Some((last, sum)) if last.0 == place => {
                    sum.lots += level.lots;
                    sum.orders += level.orders;
                }
                _ if is_full => break,
                _ => merged.push((PriceTicks(place), level)),
            }
        }
        merged
    }

    pub fn best(&self, side: Side) -> Option<PriceTicks> {
        self.levels(side).next().map(|(price, _)| price)
    }

    /// Open orders with a limit price, those not in the book included.
    pub fn orders(&self) -> usize {
        self.orders.len()
    }

    fn side(&self, side: Side) -> &BTreeMap<PriceTicks, Level> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn place(&mut self, placed: &Placed) {
        let new = &placed.new;
        // One that is known came with a standing page, from after this command.
        if !new.kind.has_price() || self.orders.contains_key(&placed.order) {
            return;
        }
        let is_stop = new.kind.is_stop();
        let stage = match placed.status {
            OrderStatus::PendingNew => Stage::Pending,
            _ if is_stop => Stage::Waiting,
            _ => Stage::Resting,
        };
        let (side, price, left, display) = (new.side, new.price, new.qty.0, new.display_qty.0);
        let mut order = Order { side, price, left, shown: 0, display, is_stop, stage, from: self.now };
        order.shown = order.shown_of(order.left);
        self.enter(&order);
        self.orders.insert(placed.order, order);
    }

    /// A pending order is released, or a stop has reached its trigger.
    fn start(&mut self, id: OrderId) {
        let Some(mut order) = self.find(id) else { return };
        order.stage = match order.stage {
            Stage::Pending if order.is_stop => Stage::Waiting,
            Stage::Pending | Stage::Waiting => Stage::Resting,
            Stage::Resting => return,
        };
        self.enter(&order);
        self.orders.insert(id, order);
    }

    fn trade(&mut self, trade: &Trade) {
        let lots = trade.qty.0;
        self.update(trade.maker_order, |order| order.fill(lots, trade.maker_left.0));
        self.update(trade.taker_order, |order| match trade.auction {
            true => order.fill(lots, trade.taker_left.0),
            // It stands nowhere yet: what it will show is decided when it rests.
            false => {
                order.left = trade.taker_left.0;
                order.shown = order.shown_of(order.left);
            }
        });
    }

    fn change(&mut self, changed: &Changed) {
        self.update(changed.order, |order| {
            order.left = changed.left.0;
            order.price = changed.price;
            order.shown = match changed.cause {
                ChangeCause::Moved => order.shown_of(order.left),
                _ => order.shown.min(order.left),
            };
        });
    }

    /// An order that the running command is new to.
    fn find(&self, id: OrderId) -> Option<Order> {
        self.orders.get(&id).copied().filter(|order| order.from <= self.now)
    }

    fn update(&mut self, id: OrderId, change: impl FnOnce(&mut Order)) {
        let Some(mut order) = self.find(id) else { return };
        self.leave(&order);
        change(&mut order);
        self.enter(&order);
        self.orders.insert(id, order);
    }

    fn enter(&mut self, order: &Order) {
        if order.stage != Stage::Resting {
            return;
        }
        let level = self.touch(order.side, order.price);
        level.lots += u128::from(order.shown);
        level.orders += 1;
    }

    fn leave(&mut self, order: &Order) {
        if order.stage != Stage::Resting {
            return;
        }
        let level = self.touch(order.side, order.price);
        level.lots -= u128::from(order.shown);
        level.orders -= 1;
        if level.orders == 0 {
            match order.side {
                Side::Buy => self.bids.remove(&order.price),
                Side::Sell => self.asks.remove(&order.price),
            };
        }
    }

    /// The level, made if need be, after a note of how it was.
    fn touch(&mut self, side: Side, price: PriceTicks) -> &mut Level {
        let levels = match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        let level = levels.entry(price).or_default();
        self.touched.entry((side == Side::Buy, price)).or_insert(*level);
        level
    }
}

impl Order {
    /// A fill of a resting order.
    fn fill(&mut self, lots: u64, left: u64) {
        self.left = left;
        self.shown = match self.shown.saturating_sub(lots) {
            0 => self.shown_of(left),
            rest => rest,
        };
    }
}
