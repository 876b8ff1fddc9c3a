//! Whether an order may be placed, in the order of precedence of [`Reject`].

use allin_core::ids::{MarketId, OrderId, Timestamp, UserId};
use allin_core::num::{AMOUNT_MAX, PRICE_MAX, PriceTicks, QTY_MAX, notional};
use allin_core::spot::command::{MarketState, NewOrder, OrderKind, Side, TimeInForce};
use allin_core::spot::event::Repeated;
use allin_core::spot::reject::Reject;

use super::admin::check_rates;
use super::state::{Known, Market, Order, fires_on_rise};
use super::{Outcome, Twin};

impl Twin {
    /// Who asks, and whether the market takes such an order now.
    pub(super) fn check_who(&self, new: &NewOrder) -> Outcome {
        self.check_trader(new.user, new.market)?;
        let auction_takes = new.kind.is_stop()
            || new.kind != OrderKind::Market && matches!(new.tif, TimeInForce::Gtc | TimeInForce::Gtd);
        match self.market(new.market).state {
            MarketState::PreOpen if !auction_takes => Err(Reject::MarketPreOpen),
            _ => Ok(()),
        }
    }

    /// Who asks, and whether the market takes orders at all.
    pub(super) fn check_trader(&self, user: UserId, market: MarketId) -> Outcome {
        self.market_known(market)?;
        if user.is_reserved() {
            return Err(Reject::ReservedUser);
        }
        if self.user_or_default(user).frozen {
            return Err(Reject::AccountFrozen);
        }
        match self.market(market).state {
            MarketState::Halt => Err(Reject::MarketHalted),
            MarketState::CancelOnly => Err(Reject::MarketCancelOnly),
            MarketState::PreOpen | MarketState::Trading => Ok(()),
        }
    }

    /// The answer to a client id that is known; a conflict when it is known for something else.
    pub(super) fn check_client_id(&self, new: &NewOrder) -> Result<Option<Repeated>, Reject> {
        if new.client_id.is_empty() {
            return Ok(None);
        }
        if let Some(known) = self.known.get(&(new.user, new.client_id)).filter(|k| self.is_remembered(k)) {
            if known.body != *new {
                return Err(Reject::ClientIdConflict);
            }
            return Ok(Some(Repeated {
                order: known.order,
                user: new.user,
                market: new.market,
                client_id: new.client_id,
                at: known.at,
                status: known.status,
                filled: known.filled,
                filled_quote: known.filled_quote,
            }));
        }
        Ok(None)
    }

    /// Room for as many client ids as the orders bring.
    pub(super) fn check_client_id_room(&self, orders: &[NewOrder]) -> Outcome {
        let added = orders.iter().filter(|new| !new.client_id.is_empty()).count();
        let used = self.known.values().filter(|k| self.is_remembered(k)).count();
        if added > 0 && used + added > self.client_ids_max { Err(Reject::ClientIdsFull) } else { Ok(()) }
    }

    /// While its order is open, and a day from then on.
    fn is_remembered(&self, known: &Known) -> bool {
        known.closed_at.is_none_or(|at| self.time < at.plus(Timestamp::DAY))
    }

    /// The order against itself, and the amounts it can come to. One that does not start now may yet lack what it needs
    /// at its start.
    pub(super) fn check_body(&self, new: &NewOrder, starts_now: bool) -> Outcome {
        let market = self.market(new.market);
        // A trailing stop without an activation price starts from the last price, so there must be one.
        let follows = new.trailing_delta > 0 && new.stop_price.is_none();
        if !is_combination(new) || starts_now && follows && market.last.is_none() {
            return Err(Reject::InvalidCombination);
        }
        if let Some(rates) = new.fees {
            check_rates(rates)?;
        }
        let numbers = new.price <= PRICE_MAX && new.stop_price <= PRICE_MAX && new.qty <= QTY_MAX;
        let quote = (0..=AMOUNT_MAX).contains(&new.quote_amount);
        if numbers && quote && amounts_fit(market, new) { Ok(()) } else { Err(Reject::InvalidAmount) }
    }

    /// The order against the book and the last price.
    pub(super) fn check_book(&self, new: &NewOrder) -> Outcome {
        let market = self.market(new.market);
        if new.kind == OrderKind::LimitMaker && market.state == MarketState::Trading {
            self.check_passive(new.market, new.side, new.price)?;
        }
        if new.kind.is_stop() && !new.stop_price.is_none() && !market.last.is_none() {
            let fires = match fires_on_rise(new) {
                true => market.last >= new.stop_price,
                false => market.last <= new.stop_price,
            };
            if fires {
                return Err(Reject::WouldTrigger);
            }
        }
        Ok(())
    }

    pub(super) fn check_passive(&self, market: MarketId, side: Side, price: PriceTicks) -> Outcome {
        let Some(best) = self.book(market, side.opposite()).first().map(|o| o.new.price) else {
            return Ok(());
        };
        let takes = match side {
            Side::Buy => price >= best,
            Side::Sell => price <= best,
        };
        if takes { Err(Reject::WouldTake) } else { Ok(()) }
    }

    pub(super) fn market(&self, market: MarketId) -> &Market {
        &self.markets[market.0 as usize]
    }

    pub(super) fn market_mut(&mut self, market: MarketId) -> &mut Market {
        &mut self.markets[market.0 as usize]
    }

    pub(super) fn order_mut(&mut self, id: OrderId) -> &mut Order {
        self.orders.get_mut(&id).expect("the order is open")
    }
}

/// Fields that must and must not be there, by kind.
fn is_combination(new: &NewOrder) -> bool {
    let rests = matches!(new.tif, TimeInForce::Gtc | TimeInForce::Gtd);
    let dated = (new.tif == TimeInForce::Gtd) == (new.expire_at.0 != 0);
    let plain = new.stop_price.is_none() && new.trailing_delta == 0;
    let no_quote = new.quote_amount == 0;
    let has_qty = !new.qty.is_zero();
    let has_price = !new.price.is_none();
    let hidden = !new.display_qty.is_zero();
    let kind = match new.kind {
        OrderKind::Limit => plain && no_quote && has_qty && has_price,
        OrderKind::LimitMaker => plain && no_quote && has_qty && has_price && rests,
        OrderKind::Market => {
            let one = has_qty != (new.quote_amount != 0);
            let both = has_qty && new.quote_amount != 0 && new.tif == TimeInForce::Fok;
            plain && !has_price && !hidden && (one || both) && new.tif != TimeInForce::Gtd
        }
        OrderKind::StopLoss | OrderKind::TakeProfit => {
            !plain && no_quote && has_qty && !has_price && !hidden && new.tif == TimeInForce::Gtc
        }
        OrderKind::StopLossLimit | OrderKind::TakeProfitLimit => !plain && no_quote && has_qty && has_price,
    };
    kind && dated && (!hidden || rests && new.display_qty <= new.qty)
}

/// Whether everything that the order may hold or trade stays within the largest amount.
fn amounts_fit(market: &Market, new: &NewOrder) -> bool {
    let base = new.qty.0 as i128 * market.base_unit as i128;
    let price = if new.kind.has_price() { new.price } else { new.stop_price };
    base <= AMOUNT_MAX && notional(price, new.qty, market.quote_unit).is_some()
}
