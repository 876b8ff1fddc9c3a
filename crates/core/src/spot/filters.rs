//! Whether a new order is well formed and within its market's filters (Binance Spot REST, "Filters").

use super::command::{MarketState, NewOrder, OrderKind, Side, TimeInForce};
use super::reject::Reject;
use super::spec::Filters;
use super::state::{Market, Spot};
use crate::ids::{MarketId, Timestamp, UserId};
use crate::num::{AMOUNT_MAX, Amount, PRICE_MAX, PriceTicks, QTY_MAX, QtyLots, notional};

/// Counts of a user in a market that an order adds to.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub orders: u32,
    pub stops: u32,
    pub icebergs: u32,
    pub buy_lots: u128,
}

impl Spot {
    pub(super) fn check_market(&self, market: MarketId) -> Result<&Market, Reject> {
        self.markets.get(market.0 as usize).ok_or(Reject::UnknownMarket)
    }

    /// Market, user and market state: everything before the order's own fields.
    #[inline]
    pub(super) fn check_access(&self, new: &NewOrder, seat: Option<u32>) -> Result<&Market, Reject> {
        let market = self.check_market(new.market)?;
        if new.user.is_reserved() {
            return Err(Reject::ReservedUser);
        }
        if self.is_frozen(new.user, seat) {
            return Err(Reject::AccountFrozen);
        }
        match market.state {
            MarketState::Trading => Ok(market),
            MarketState::Halt => Err(Reject::MarketHalted),
            MarketState::CancelOnly => Err(Reject::MarketCancelOnly),
            MarketState::PreOpen if waits_for_auction(new) => Ok(market),
            MarketState::PreOpen => Err(Reject::MarketPreOpen),
        }
    }

    #[inline]
    pub(super) fn is_frozen(&self, user: UserId, seat: Option<u32>) -> bool {
        match seat {
            Some(seat) => self.seats[seat as usize].frozen,
            None => self.find_user(user.0).is_some_and(|at| self.users[at as usize].frozen),
        }
    }

    /// Form, fee and filters, apart from the counts of the account.
    #[inline]
    pub(super) fn check_order(&self, new: &NewOrder) -> Result<(), Reject> {
        let market = &self.markets[new.market.0 as usize];
        check_form(new, market)?;
        if let Some(rates) = new.fees {
            check_rates(rates)?;
        }
        check_amounts(new, market)?;
        let filters = &market.spec.filters;
        check_steps(new, filters)?;
        if filters.notional_min != 0 || filters.notional_max != 0 {
            check_notional(new, market, self.time)?;
        }
        if new.kind.has_price() {
            check_percent(new.side, new.price, market, self.time)?;
        }
        if new.trailing_delta != 0 {
            let out = filters.trailing_delta_max != 0
                && !(filters.trailing_delta_min..=filters.trailing_delta_max).contains(&new.trailing_delta);
            if out || new.trailing_delta >= 10_000 {
                return Err(Reject::TrailingDelta);
            }
        }
        if is_iceberg(new) && filters.iceberg_parts_max != 0 {
            let parts = new.qty.0.div_ceil(new.display_qty.0);
            if parts > filters.iceberg_parts_max as u64 {
                return Err(Reject::IcebergParts);
            }
        }
        if new.tif == TimeInForce::Gtd && new.expire_at <= self.time {
            return Err(Reject::ExpireTime);
        }
        Ok(())
    }

    fn counts_of_seat(&self, seat: u32) -> Counts {
        let (seat, extra) = (&self.seats[seat as usize], &self.seat_extras[seat as usize]);
        Counts { orders: seat.open, stops: extra.stops, icebergs: extra.icebergs, buy_lots: seat.buy_lots }
    }

    /// The account's counts with this order on top; `also` is what other orders of the same command add or free.
    pub(super) fn check_counts(
        &self,
        new: &NewOrder,
        seat: Option<u32>,
        also: Counts,
        freed: Counts,
    ) -> Result<(), Reject> {
        let market = &self.markets[new.market.0 as usize];
        let filters = &market.spec.filters;
        let none = filters.orders_max | filters.stop_orders_max | filters.iceberg_orders_max == 0;
        if none && filters.position_max.is_zero() {
            return Ok(());
        }
        let now = seat.map_or(Counts::default(), |seat| self.counts_of_seat(seat));
        let count = |now: u32, also: u32, freed: u32| now + also - freed;
        let over = |max: u32, count: u32| max != 0 && count >= max;
        if over(filters.orders_max, count(now.orders, also.orders, freed.orders)) {
            return Err(Reject::MaxOrders);
        }
        if new.kind.is_stop() && over(filters.stop_orders_max, count(now.stops, also.stops, freed.stops)) {
            return Err(Reject::MaxStopOrders);
        }
        if is_iceberg(new) && over(filters.iceberg_orders_max, count(now.icebergs, also.icebergs, freed.icebergs)) {
            return Err(Reject::MaxIcebergOrders);
        }
        if new.side == Side::Buy && !filters.position_max.is_zero() {
            let place = match seat {
                Some(seat) => Some(self.seats[seat as usize].base),
                None => self.ledger.find(super::command::Account::User(new.user), market.spec.base),
            };
            let held = place.map_or(0, |place| {
                let balance = self.ledger.balance(place);
                balance.available + balance.held
            });
            let open = now.buy_lots as i128 + also.buy_lots as i128 - freed.buy_lots as i128;
            let lots = held / market.base_unit as i128 + open + new.qty.0 as i128;
            if lots > filters.position_max.0 as i128 {
                return Err(Reject::MaxPosition);
            }
        }
        Ok(())
    }
}

pub(super) fn is_iceberg(new: &NewOrder) -> bool {
    !new.display_qty.is_zero() && new.display_qty < new.qty
}

/// Taken while a call auction gathers orders.
fn waits_for_auction(new: &NewOrder) -> bool {
    new.kind != OrderKind::Market && matches!(new.tif, TimeInForce::Gtc | TimeInForce::Gtd)
}

/// Which fields go together.
#[inline]
fn check_form(new: &NewOrder, market: &Market) -> Result<(), Reject> {
    let has_stop = !new.stop_price.is_none() || new.trailing_delta != 0;
    let rests = matches!(new.tif, TimeInForce::Gtc | TimeInForce::Gtd);
    let display_fits = new.display_qty.is_zero() || (rests && new.display_qty <= new.qty);
    let limit = !new.price.is_none() && !new.qty.is_zero() && new.quote_amount == 0 && display_fits;
    let bare = new.price.is_none() && new.display_qty.is_zero();
    let fits = match new.kind {
        OrderKind::Limit => limit && !has_stop,
        OrderKind::LimitMaker => limit && !has_stop && rests,
        OrderKind::Market => {
            let (by_qty, by_quote) = (!new.qty.is_zero(), new.quote_amount != 0);
            let amount_fits = if new.tif == TimeInForce::Fok { by_qty } else { by_qty != by_quote };
            bare && !has_stop && amount_fits && new.tif != TimeInForce::Gtd
        }
        OrderKind::StopLossLimit | OrderKind::TakeProfitLimit => limit && has_stop,
        OrderKind::StopLoss | OrderKind::TakeProfit => {
            let priced = new.side == Side::Sell || !new.stop_price.is_none() || market.last != 0;
            bare && has_stop && !new.qty.is_zero() && new.quote_amount == 0 && new.tif == TimeInForce::Gtc && priced
        }
    };
    let expiry_fits = (new.tif == TimeInForce::Gtd) == (new.expire_at.0 != 0);
    if fits && expiry_fits { Ok(()) } else { Err(Reject::InvalidCombination) }
}

/// Taker at least 0, both below 1, and together at least 0, so that a rebate never costs more than the fee brings.
pub(super) fn check_rates(rates: crate::num::FeeRates) -> Result<(), Reject> {
    let valid =
        rates.maker.is_valid() && rates.taker.is_valid() && rates.taker.0 >= 0 && rates.taker.0 + rates.maker.0 >= 0;
    if valid { Ok(()) } else { Err(Reject::InvalidFee) }
}

/// Quote amounts stay within the range of an amount.
#[inline]
fn check_amounts(new: &NewOrder, market: &Market) -> Result<(), Reject> {
    if new.quote_amount < 0 || new.quote_amount > AMOUNT_MAX {
        return Err(Reject::InvalidAmount);
    }
    if new.price > PRICE_MAX || new.stop_price > PRICE_MAX || new.qty > QTY_MAX {
        return Err(if new.qty > QTY_MAX { Reject::LotSize } else { Reject::PriceFilter });
    }
    let highest = PriceTicks(new.price.0.max(stop_hold_price(new, market)));
    let base = new.qty.0 as u128 * market.base_unit as u128;
    if notional(highest, new.qty, market.quote_unit).is_none() || base > AMOUNT_MAX as u128 {
        return Err(Reject::InvalidAmount);
    }
    Ok(())
}

/// The price at which a market-like stop buy holds its funds.
pub(super) fn stop_hold_price(new: &NewOrder, market: &Market) -> u64 {
    if !new.kind.is_stop() || new.kind.has_price() || new.side == Side::Sell {
        return 0;
    }
    if !new.stop_price.is_none() {
        return new.stop_price.0;
    }
    let product = market.last as u128 * (10_000 + new.trailing_delta as u128);
    product.div_ceil(10_000) as u64
}

#[inline]
fn check_steps(new: &NewOrder, filters: &Filters) -> Result<(), Reject> {
    let in_price = |price: PriceTicks| price.is_none() || (filters.price_min..=filters.price_max).contains(&price);
    if !in_price(new.price) || !in_price(new.stop_price) {
        return Err(Reject::PriceFilter);
    }
    if new.qty.is_zero() { Ok(()) } else { check_qty(new.kind, new.qty, filters) }
}

/// LOT_SIZE and MARKET_LOT_SIZE.
#[inline]
pub(super) fn check_qty(kind: OrderKind, qty: QtyLots, filters: &Filters) -> Result<(), Reject> {
    if !(filters.qty_min..=filters.qty_max).contains(&qty) {
        return Err(Reject::LotSize);
    }
    let in_market =
        filters.market_qty_max.is_zero() || (filters.market_qty_min..=filters.market_qty_max).contains(&qty);
    if !kind.has_price() && (qty < filters.market_qty_min || !in_market) {
        return Err(Reject::MarketLotSize);
    }
    Ok(())
}

/// NOTIONAL: limit orders at their price, market orders at the average price or their quote amount.
pub(super) fn check_notional(new: &NewOrder, market: &Market, now: Timestamp) -> Result<(), Reject> {
    let filters = &market.spec.filters;
    let is_market = !new.kind.has_price();
    let value: Amount = if !is_market {
        notional(new.price, new.qty, market.quote_unit).ok_or(Reject::InvalidAmount)?
    } else if new.qty.is_zero() {
        new.quote_amount
    } else {
        match market.average(now) {
            0 => return Ok(()),
            average => notional(PriceTicks(average), new.qty, market.quote_unit).ok_or(Reject::InvalidAmount)?,
        }
    };
    let binds_min = filters.notional_min != 0 && (!is_market || filters.notional_min_market);
    let binds_max = filters.notional_max != 0 && (!is_market || filters.notional_max_market);
    if (binds_min && value < filters.notional_min) || (binds_max && value > filters.notional_max) {
        return Err(Reject::Notional);
    }
    Ok(())
}

/// PERCENT_PRICE_BY_SIDE.
pub(super) fn check_percent(side: Side, price: PriceTicks, market: &Market, now: Timestamp) -> Result<(), Reject> {
    let filters = &market.spec.filters;
    let (up, down) = match side {
        Side::Buy => (filters.bid_multiplier_up, filters.bid_multiplier_down),
        Side::Sell => (filters.ask_multiplier_up, filters.ask_multiplier_down),
    };
    if up == 0 {
        return Ok(());
    }
    let average = market.average(now) as u128;
    let scaled = price.0 as u128 * 10_000;
    if average != 0 && (scaled > average * up as u128 || scaled < average * down as u128) {
        return Err(Reject::PercentPrice);
    }
    Ok(())
}

impl Counts {
    /// What a new order would add.
    pub fn of(new: &NewOrder) -> Counts {
        Counts {
            orders: 1,
            stops: new.kind.is_stop() as u32,
            icebergs: is_iceberg(new) as u32,
            buy_lots: if new.side == Side::Buy { QtyLots::min(new.qty, QTY_MAX).0 as u128 } else { 0 },
        }
    }

    pub fn plus(self, other: Counts) -> Counts {
        Counts {
            orders: self.orders + other.orders,
            stops: self.stops + other.stops,
            icebergs: self.icebergs + other.icebergs,
            buy_lots: self.buy_lots + other.buy_lots,
        }
    }
}
