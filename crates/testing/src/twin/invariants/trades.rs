//! Trades: between the right two, at the right price, told right.

use allin_core::ids::OrderId;
use allin_core::num::{PriceTicks, QtyLots, notional};
use allin_core::spot::command::{MarketState, OrderKind, Side, StpMode};
use allin_core::spot::event::Trade;

use super::{Broken, Invariants, Order, Phase, require};

impl Invariants {
    pub(super) fn trade(&mut self, trade: &Trade) -> Result<(), Broken> {
        let (maker, taker) = (self.open(trade.maker_order)?.clone(), self.open(trade.taker_order)?.clone());
        let market = self.market(trade.market)?;
        require(trade.trade.0 == market.trades + 1, "trade ids are dense")?;
        let quote = notional(trade.price, trade.qty, market.quote_unit);
        require(trade.qty.0 > 0 && Some(trade.quote) == quote, "the quote amount is price times quantity")?;
        let users = (trade.maker_user, trade.taker_user) == (maker.new.user, taker.new.user);
        let places = trade.market == maker.new.market && trade.market == taker.new.market;
        let sides = trade.taker_side == taker.new.side && maker.new.side == taker.new.side.opposite();
        require(users && places && sides, "a trade is between its two orders")?;
        require(accepts(&maker, trade.price) && accepts(&taker, trade.price), "nobody trades beyond his limit")?;
        require(self.first(&maker)? == Some(trade.maker_order), "price, then time")?;
        require(trade.qty <= maker.visible, "what is hidden does not trade")?;
        if trade.auction {
            self.check_auction(trade, &maker, &taker)?;
        } else {
            self.check_taking(trade, &maker, &taker)?;
        }
        self.check_fees(trade, &maker, &taker)?;

        self.filled(trade.maker_order, trade, trade.maker_left)?;
        self.filled(trade.taker_order, trade, trade.taker_left)?;
        let market = &mut self.markets[trade.market.0 as usize];
        (market.trades, market.last) = (trade.trade.0, trade.price);
        self.after_fill(trade.maker_order)?;
        if trade.auction { self.after_fill(trade.taker_order) } else { Ok(()) }
    }

    fn check_taking(&self, trade: &Trade, maker: &Order, taker: &Order) -> Result<(), Broken> {
        require(self.market(trade.market)?.state == MarketState::Trading, "matching needs a trading market")?;
        require(self.taking == Some(trade.taker_order), "the taker is the order that came last")?;
        require(trade.price == maker.new.price, "a fill is at the maker's price")?;
        require(taker.new.kind != OrderKind::LimitMaker, "a post-only order does not take")?;
        let own = self.group(maker.new.user) == self.group(taker.new.user);
        require(!own || taker.new.stp == StpMode::None, "no self-trade unless it is wanted")?;
        require(self.partner_is_closed(maker) && self.partner_is_closed(taker), "one leg trades, the other is closed")
    }

    fn check_auction(&mut self, trade: &Trade, maker: &Order, taker: &Order) -> Result<(), Broken> {
        require(self.market(trade.market)?.state == MarketState::PreOpen, "auctions end a pre-open")?;
        require(trade.maker_order < trade.taker_order, "the earlier order is told as the maker")?;
        require(self.first(taker)? == Some(trade.taker_order), "price, then time, on both sides")?;
        require(trade.qty <= taker.visible, "what is hidden does not trade")?;
        let price = *self.auction_price.get_or_insert(trade.price);
        require(trade.price == price, "an auction has one price")?;
        require(self.partner_is_closed(maker) && self.partner_is_closed(taker), "one leg trades, the other is closed")
    }

    /// A fee is a part of what was received, or paid in the discount asset at the operator's rate; rebates come out of the taker's fee.
    fn check_fees(&self, trade: &Trade, maker: &Order, taker: &Order) -> Result<(), Broken> {
        let market = self.market(trade.market)?;
        let base = trade.qty.0 as i128 * market.base_unit as i128;
        let received = |order: &Order| match order.new.side {
            Side::Buy => (market.spec.base, base),
            Side::Sell => (market.spec.quote, trade.quote),
        };
        let within = |order: &Order, fee: i128, asset| {
            let (own, amount) = received(order);
            asset != own || self.discount == Some(asset) || fee <= amount
        };
        require(trade.taker_fee >= 0, "a taker is not paid")?;
        require(within(taker, trade.taker_fee, trade.taker_fee_asset), "a fee is no more than what was received")?;
        require(within(maker, trade.maker_fee, trade.maker_fee_asset), "a fee is no more than what was received")?;
        let rebate = -trade.maker_fee;
        let paid_by_taker = trade.maker_fee_asset == trade.taker_fee_asset && rebate <= trade.taker_fee;
        require(rebate <= 0 || paid_by_taker, "a rebate is paid out of the taker's fee")
    }

    /// The order that is to trade first on the side of `order`.
    fn first(&self, order: &Order) -> Result<Option<OrderId>, Broken> {
        require(order.phase == Phase::Resting, "a maker is in the book")?;
        Ok(self.book(order.new.market, order.new.side).next())
    }

    pub(super) fn partner_is_closed(&self, order: &Order) -> bool {
        let partners = self.partners(order);
        partners.into_iter().all(|partner| !self.orders.contains_key(&partner))
    }

    fn filled(&mut self, id: OrderId, trade: &Trade, told_left: QtyLots) -> Result<(), Broken> {
        let order = self.open_mut(id)?;
        if !order.new.qty.is_zero() {
            require(trade.qty <= order.left, "no more trades than is left")?;
            order.left = order.left - trade.qty;
        }
        require(told_left == order.left, "a trade tells what is left")?;
        if order.phase == Phase::Resting {
            order.visible = order.visible - trade.qty;
        }
        order.filled = order.filled + trade.qty;
        order.filled_quote += trade.quote;
        Ok(())
    }

    /// The next part of an iceberg goes to the back of its price. What has nothing left is closed by the next events.
    fn after_fill(&mut self, id: OrderId) -> Result<(), Broken> {
        let order = self.open(id)?;
        if order.visible.is_zero() && !order.left.is_zero() {
            self.unqueue(id)?;
            self.queue(id)?;
        }
        Ok(())
    }

    pub(super) fn prevented(
        &mut self,
        maker: OrderId,
        taker: OrderId,
        qty: QtyLots,
        price: PriceTicks,
    ) -> Result<(), Broken> {
        let (resting, taking) = (self.open(maker)?.clone(), self.open(taker)?.clone());
        require(self.group(resting.new.user) == self.group(taking.new.user), "prevention is within a group")?;
        require(taking.new.stp != StpMode::None, "prevention is wanted")?;
        require(
            self.taking == Some(taker) && self.first(&resting)? == Some(maker),
            "what would have traded is prevented",
        )?;
        require(price == resting.new.price && accepts(&taking, price) && qty.0 > 0, "prevention tells the fill")?;
        require(qty <= resting.left && (taking.new.qty.is_zero() || qty <= taking.left), "no more than both have")?;
        if taking.new.stp == StpMode::Decrement {
            self.take_off(maker, qty)?;
            self.take_off(taker, qty)?;
        }
        Ok(())
    }
}

fn accepts(order: &Order, price: PriceTicks) -> bool {
    match order.new.side {
        _ if !order.new.kind.has_price() => true,
        Side::Buy => price <= order.new.price,
        Side::Sell => price >= order.new.price,
    }
}
