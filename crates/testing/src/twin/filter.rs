//! The order against the market's filters, in the order of precedence of [`Reject`].

use allin_core::ids::{MarketId, OrderId, Timestamp, UserId};
use allin_core::num::{Amount, PriceTicks, QtyLots, notional};
use allin_core::spot::command::{Account, NewOrder, Side};
use allin_core::spot::reject::Reject;
use allin_core::spot::spec::AVERAGE_MINUTES_MAX;

use super::state::{Fill, Order, Phase, is_iceberg};
use super::{Outcome, Twin};

/// Trades older than this many minutes are forgotten.
pub const AVERAGE_MINUTES_KEPT: u64 = AVERAGE_MINUTES_MAX as u64;

/// Prices and amounts have units of 10^-4 in multipliers and basis points.
const TEN_THOUSAND: u128 = 10_000;

impl Twin {
    /// Rules that look at the order alone.
    pub(super) fn check_filters(&self, new: &NewOrder) -> Outcome {
        let market = self.market(new.market);
        let filters = &market.spec.filters;
        let in_range = |price: PriceTicks| price.is_none() || (filters.price_min..=filters.price_max).contains(&price);
        if !in_range(new.price) || !in_range(new.stop_price) {
            return Err(Reject::PriceFilter);
        }
        self.check_quantity(new)?;
        self.check_notional(new)?;
        if new.kind.has_price() {
            self.check_percent_price(new.market, new.side, new.price)?;
        }
        let delta = new.trailing_delta;
        let delta_max = if filters.trailing_delta_max == 0 { 9_999 } else { filters.trailing_delta_max };
        if delta > 0 && (delta < filters.trailing_delta_min || delta > delta_max) {
            return Err(Reject::TrailingDelta);
        }
        let parts_max = filters.iceberg_parts_max as u64;
        if is_iceberg(new) && parts_max > 0 && new.qty.0.div_ceil(new.display_qty.0) > parts_max {
            return Err(Reject::IcebergParts);
        }
        if new.expire_at.0 != 0 && new.expire_at <= self.time {
            return Err(Reject::ExpireTime);
        }
        Ok(())
    }

    pub(super) fn check_quantity(&self, new: &NewOrder) -> Outcome {
        let filters = &self.market(new.market).spec.filters;
        if !new.qty.is_zero() && !(filters.qty_min..=filters.qty_max).contains(&new.qty) {
            return Err(Reject::LotSize);
        }
        let too_small = new.qty < filters.market_qty_min;
        let too_large = !filters.market_qty_max.is_zero() && new.qty > filters.market_qty_max;
        if !new.kind.has_price() && !new.qty.is_zero() && (too_small || too_large) {
            return Err(Reject::MarketLotSize);
        }
        Ok(())
    }

    pub(super) fn check_notional(&self, new: &NewOrder) -> Outcome {
        let market = self.market(new.market);
        let filters = &market.spec.filters;
        let unit = market.quote_unit as i128;
        let limited = new.kind.has_price();
        if filters.notional_min == 0 && filters.notional_max == 0 {
            return Ok(());
        }
        let value: Amount = if limited {
            new.price.0 as i128 * new.qty.0 as i128 * unit
        } else if new.qty.is_zero() {
            new.quote_amount
        } else {
            let Some(average) = self.average(new.market) else { return Ok(()) };
            notional(average, new.qty, market.quote_unit).ok_or(Reject::InvalidAmount)?
        };
        let binds_min = filters.notional_min > 0 && (limited || filters.notional_min_market);
        let binds_max = filters.notional_max > 0 && (limited || filters.notional_max_market);
        if binds_min && value < filters.notional_min || binds_max && value > filters.notional_max {
            return Err(Reject::Notional);
        }
        Ok(())
    }

    pub(super) fn check_percent_price(&self, market: MarketId, side: Side, price: PriceTicks) -> Outcome {
        let filters = &self.market(market).spec.filters;
        let Some(average) = self.average(market) else { return Ok(()) };
        let (up, down) = match side {
            Side::Buy => (filters.bid_multiplier_up, filters.bid_multiplier_down),
            Side::Sell => (filters.ask_multiplier_up, filters.ask_multiplier_down),
        };
        let scaled = price.0 as u128 * TEN_THOUSAND;
        let bound = |multiplier: u32| average.0 as u128 * multiplier as u128;
        if up > 0 && scaled > bound(up) || down > 0 && scaled < bound(down) {
            return Err(Reject::PercentPrice);
        }
        Ok(())
    }

    /// Volume-weighted price of the last minutes, rounded down to a tick; the last price when they had no trade.
    fn average(&self, market: MarketId) -> Option<PriceTicks> {
        let market = self.market(market);
        let minutes = market.spec.filters.average_minutes as u64;
        let now = self.time.0 / Timestamp::MINUTE;
        let counted = |fill: &&Fill| fill.minute + minutes > now;
        let volume: u128 = market.recent.iter().filter(counted).map(|f| f.qty.0 as u128).sum();
        if volume == 0 {
            return Some(market.last).filter(|last| !last.is_none());
        }
        let value: u128 = market.recent.iter().filter(counted).map(|f| f.price.0 as u128 * f.qty.0 as u128).sum();
        Some(PriceTicks((value / volume) as u64))
    }

    /// What the user would have open with this order, against the market's limits. `before` are orders of the same command
    /// that come before it; `freed` is the order that the command cancels.
    pub(super) fn check_counts(&self, new: &NewOrder, before: &[NewOrder], freed: Option<OrderId>) -> Outcome {
        let filters = &self.market(new.market).spec.filters;
        let ids = self.orders_of(new.user, new.market).into_iter().filter(|id| Some(*id) != freed);
        let open: Vec<&Order> = ids.map(|id| &self.orders[&id]).collect();
        let over = |max: u32, open: usize, before: usize| max > 0 && open + before + 1 > max as usize;
        let count = |test: &dyn Fn(&NewOrder) -> bool| before.iter().filter(|new| test(new)).count();

        if over(filters.orders_max, open.len(), before.len()) {
            return Err(Reject::MaxOrders);
        }
        let waits = |o: &&&Order| o.new.kind.is_stop() && matches!(o.phase, Phase::Waiting | Phase::Pending);
        let stops = open.iter().filter(waits).count();
        if new.kind.is_stop() && over(filters.stop_orders_max, stops, count(&|new| new.kind.is_stop())) {
            return Err(Reject::MaxStopOrders);
        }
        let icebergs = open.iter().filter(|o| o.is_iceberg()).count();
        if is_iceberg(new) && over(filters.iceberg_orders_max, icebergs, count(&is_iceberg)) {
            return Err(Reject::MaxIcebergOrders);
        }
        self.check_position(new, &open)
    }

    /// Whole lots of base that the user has, and those that open buys and this order may bring.
    fn check_position(&self, new: &NewOrder, open: &[&Order]) -> Outcome {
        let market = self.market(new.market);
        let max = market.spec.filters.position_max;
        if max.is_zero() || new.side == Side::Sell {
            return Ok(());
        }
        let owned = self.total(Account::User(new.user), market.spec.base) / market.base_unit as i128;
        let buys = open.iter().filter(|o| o.new.side == Side::Buy && o.phase != Phase::Pending);
        let lots: i128 = buys.map(|o| o.left.0 as i128).sum();
        let position = owned + lots + new.qty.0 as i128;
        if position > max.0 as i128 { Err(Reject::MaxPosition) } else { Ok(()) }
    }

    pub(super) fn check_list_count(&self, user: UserId, market: MarketId) -> Outcome {
        let max = self.market(market).spec.filters.order_lists_max as usize;
        let lists = self.lists.values().filter(|l| l.user == user && l.market == market).count();
        if max > 0 && lists >= max { Err(Reject::MaxOrderLists) } else { Ok(()) }
    }

    /// Open orders of a user in a market, oldest first.
    pub(super) fn orders_of(&self, user: UserId, market: MarketId) -> Vec<OrderId> {
        self.orders.values().filter(|o| o.new.user == user && o.new.market == market).map(|o| o.id).collect()
    }

    pub(super) fn remember_fill(&mut self, market: MarketId, price: PriceTicks, qty: QtyLots) {
        let minute = self.time.0 / Timestamp::MINUTE;
        let market = self.market_mut(market);
        market.last = price;
        market.unseen.push(price);
        if market.spec.filters.average_minutes == 0 {
            return;
        }
        market.recent.retain(|fill| fill.minute + AVERAGE_MINUTES_KEPT > minute);
        market.recent.push(Fill { minute, price, qty });
    }
}
