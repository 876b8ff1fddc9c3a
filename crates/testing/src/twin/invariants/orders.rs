//! The life of an order: placed once, changed while open, closed once.

use allin_core::ids::OrderId;
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::command::{MarketState, NewOrder, OrderKind, Side, TimeInForce};
use allin_core::spot::event::{ChangeCause, Changed, CloseCause, Closed, OrderStatus, Placed};

use super::{Broken, Invariants, Order, Phase, require};

impl Invariants {
    pub(super) fn placed(&mut self, placed: &Placed) -> Result<(), Broken> {
        require(placed.order.0 == self.last_order + 1, "order ids are dense")?;
        self.last_order = placed.order.0;
        let new = placed.new;
        let filters = &self.market(new.market)?.spec.filters;
        let priced = |price: PriceTicks| price.is_none() || (filters.price_min..=filters.price_max).contains(&price);
        let sized = new.qty.is_zero() || (filters.qty_min..=filters.qty_max).contains(&new.qty);
        require(priced(new.price) && priced(new.stop_price) && sized, "an order is within its market's filters")?;
        let market = self.market(new.market)?;
        let open = matches!(market.state, MarketState::Trading | MarketState::PreOpen);
        require(open, "orders are taken in an open market only")?;

        let pending = placed.status == OrderStatus::PendingNew;
        require(!pending || placed.list.0 != 0, "only an order of a list is pending")?;
        self.groups.entry(new.user).or_insert(new.user);
        let phase = match (pending, new.kind.is_stop()) {
            (true, _) => Phase::Pending,
            (false, true) => Phase::Waiting,
            (false, false) => Phase::Taking,
        };
        let order = Order {
            id: placed.order,
            new,
            list: placed.list,
            phase,
            rank: 0,
            left: new.qty,
            visible: QtyLots::ZERO,
            filled: QtyLots::ZERO,
            filled_quote: 0,
            taken_off: QtyLots::ZERO,
            hold_price: self.hold_price(&new)?,
        };
        self.orders.insert(placed.order, order);
        if phase == Phase::Taking { self.begin(placed.order) } else { Ok(()) }
    }

    /// What a market-like stop buy is reckoned at: its stop price, or the last price and its distance.
    pub(super) fn hold_price(&self, new: &NewOrder) -> Result<PriceTicks, Broken> {
        if !new.stop_price.is_none() {
            return Ok(new.stop_price);
        }
        let last = self.market(new.market)?.last.0 as u128;
        Ok(PriceTicks((last * (10_000 + new.trailing_delta as u128)).div_ceil(10_000) as u64))
    }

    /// The order comes to the book: another that was trading rests now.
    fn begin(&mut self, id: OrderId) -> Result<(), Broken> {
        self.rest_taker()?;
        self.open_mut(id)?.phase = Phase::Taking;
        self.taking = Some(id);
        Ok(())
    }

    pub(super) fn rest_taker(&mut self) -> Result<(), Broken> {
        let Some(id) = self.taking.take() else { return Ok(()) };
        let Some(order) = self.orders.get(&id) else { return Ok(()) };
        let rests = order.new.kind.has_price() && matches!(order.new.tif, TimeInForce::Gtc | TimeInForce::Gtd);
        require(rests, &format!("{order:?} may rest"))?;
        self.queue(id)
    }

    /// Puts an order at the back of its price.
    pub(super) fn queue(&mut self, id: OrderId) -> Result<(), Broken> {
        self.ranks += 1;
        let rank = self.ranks;
        let order = self.open_mut(id)?;
        let hides = !order.new.display_qty.is_zero() && order.new.display_qty < order.new.qty;
        order.visible = if hides { order.new.display_qty.min(order.left) } else { order.left };
        (order.phase, order.rank) = (Phase::Resting, rank);
        let key = key_of(order);
        self.books.insert(key, id);
        Ok(())
    }

    pub(super) fn unqueue(&mut self, id: OrderId) -> Result<(), Broken> {
        let key = key_of(self.open(id)?);
        self.books.remove(&key);
        Ok(())
    }

    pub(super) fn triggered(&mut self, id: OrderId) -> Result<(), Broken> {
        let order = self.open(id)?.clone();
        match order.phase {
            Phase::Pending if order.new.kind.is_stop() => {
                let hold_price = self.hold_price(&order.new)?;
                let order = self.open_mut(id)?;
                (order.phase, order.hold_price) = (Phase::Waiting, hold_price);
                Ok(())
            }
            Phase::Pending | Phase::Waiting => self.begin(id),
            phase => Err(format!("only what waits is triggered, not {phase:?}")),
        }
    }

    pub(super) fn changed(&mut self, changed: &Changed) -> Result<(), Broken> {
        let id = changed.order;
        let order = self.open(id)?.clone();
        require((order.new.user, order.new.market) == (changed.user, changed.market), "an order keeps its owner")?;
        let resting = order.phase == Phase::Resting;
        match changed.cause {
            ChangeCause::Amended | ChangeCause::Reduced => {
                require(changed.left < order.left && changed.price == order.new.price, "only the quantity shrinks")?;
                self.take_off(id, order.left - changed.left)?;
            }
            ChangeCause::Moved => {
                require(resting && changed.left == order.left, "a move changes the price alone")?;
                self.unqueue(id)?;
                self.open_mut(id)?.new.price = changed.price;
                self.begin(id)?;
            }
            // Folded when it was prevented.
            ChangeCause::Decremented => (),
            ChangeCause::Activated => require(order.phase == Phase::Waiting, "only what waits is activated")?,
        }
        let order = self.open(id)?;
        let told = changed.left == order.left && changed.qty == order.filled + order.left;
        require(told && (changed.left.0 > 0 || order.new.qty.is_zero()), "a change tells what is wanted now")
    }

    pub(super) fn take_off(&mut self, id: OrderId, lots: QtyLots) -> Result<(), Broken> {
        let order = self.open_mut(id)?;
        if order.new.qty.is_zero() {
            return Ok(());
        }
        order.left = order.left - lots;
        order.visible = order.visible.min(order.left);
        order.taken_off = order.taken_off + lots;
        Ok(())
    }

    pub(super) fn closed(&mut self, closed: &Closed) -> Result<(), Broken> {
        let order = self.open(closed.order)?.clone();
        let new = &order.new;
        require((new.user, new.market) == (closed.user, closed.market), "an order keeps its owner")?;
        require(
            (closed.filled, closed.filled_quote) == (order.filled, order.filled_quote),
            "filled is the sum of trades",
        )?;
        require(closed.left == order.left, "left is what was not traded")?;
        let by_quote = new.qty.is_zero();
        let whole = closed.filled.0 as u128 + closed.left.0 as u128 + order.taken_off.0 as u128;
        require(by_quote || whole == new.qty.0 as u128, "filled, left and taken off make the quantity")?;
        let fits = match closed.cause {
            CloseCause::Filled => {
                closed.status == OrderStatus::Filled && closed.left.is_zero() && !closed.filled.is_zero()
            }
            CloseCause::User | CloseCause::Countdown | CloseCause::Reduced => closed.status == OrderStatus::Canceled,
            CloseCause::SelfTrade => closed.status == OrderStatus::ExpiredInMatch,
            CloseCause::List => matches!(closed.status, OrderStatus::Canceled | OrderStatus::Expired),
            CloseCause::Unfilled | CloseCause::Gtd | CloseCause::Halted | CloseCause::Refused(_) => {
                closed.status == OrderStatus::Expired
            }
        };
        require(fits, "status and cause go together")?;
        let fok = new.tif == TimeInForce::Fok && closed.cause != CloseCause::Filled;
        require(!fok || closed.filled.is_zero(), "fill or kill is all or nothing")?;
        let maker_only = new.kind == OrderKind::LimitMaker && closed.cause == CloseCause::Unfilled;
        require(!maker_only, "a post-only order does not take")?;
        if order.phase == Phase::Resting {
            self.unqueue(closed.order)?;
        }
        self.orders.remove(&closed.order);
        if self.taking == Some(closed.order) {
            self.taking = None;
        }
        Ok(())
    }
}

fn key_of(order: &Order) -> (allin_core::ids::MarketId, bool, u64, u64) {
    let buy = order.new.side == Side::Buy;
    let price = if buy { u64::MAX - order.new.price.0 } else { order.new.price.0 };
    (order.new.market, buy, price, order.rank)
}
