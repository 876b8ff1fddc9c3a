//! Whether an order may be placed, in the order of precedence of [`Reject`].

use allin_core::ids::{MarketId, OrderId, Timestamp, UserId};
use allin_core::num::{AMOUNT_MAX, PRICE_MAX, PriceTicks, QTY_MAX, notional};
use allin_core::spot::command::{MarketState, NewOrder, OrderKind, Side, TimeInForce};
use allin_core::spot::event::Repeated;
use allin_core::spot::reject::Reject;
use allin_core::text::ClientId;

use super::admin::check_rates;
use super::state::{Body, Known, Market, Order, fires_on_rise};
use super::{Outcome, Twin};

impl Twin {
    /// Who asks, and whether the market takes such an order now.
    pub(super) fn check_who(&self, new: &NewOrder) -> Outcome {
        self.check_trader(new.user, new.market)?;
        let rests = matches!(new.tif, TimeInForce::Gtc | TimeInForce::Gtd);
        let auction_takes = rests && new.kind != OrderKind::Market;
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
    pub(super) fn check_client_id(
        &self,
        user: UserId,
        client_id: ClientId,
        body: &Body,
    ) -> Result<Option<Repeated>, Reject> {
        if client_id.is_empty() {
            return Ok(None);
        }
        if let Some(known) = self.known.get(&(user, client_id)).filter(|k| self.is_remembered(k)) {
            if known.body != *body {
                return Err(Reject::ClientIdConflict);
            }
            return Ok(Some(Repeated {
                order: known.order,
                user,
                market: known.market,
                client_id,
                at: known.at,
                status: known.status,
                filled: known.filled,
                filled_quote: known.filled_quote,
            }));
        }
        let used = self.known.values().filter(|k| self.is_remembered(k)).count();
        if used >= self.client_ids_max { Err(Reject::ClientIdsFull) } else { Ok(None) }
    }

    /// While its order is open, and a day from then on.
    fn is_remembered(&self, known: &Known) -> bool {
        known.closed_at.is_none_or(|at| self.time < at.plus(Timestamp::DAY))
    }

    /// The order against itself, and the amounts it can come to.
    pub(super) fn check_body(&self, new: &NewOrder) -> Outcome {
        let market = self.market(new.market);
        // A market-like trailing buy without an activation price is held for from the last price, so there must be one.
        let held_from_last = new.side == Side::Buy && !new.kind.has_price() && new.trailing_delta > 0;
        let unheld = held_from_last && new.stop_price.is_none() && market.last.is_none();
        if !is_combination(new) || unheld {
            return Err(Reject::InvalidCombination);
        }
        if let Some(rates) = new.fees {
            check_rates(rates)?;
        }
        if !(0..=AMOUNT_MAX).contains(&new.quote_amount) {
            return Err(Reject::InvalidAmount);
        }
        if new.qty > QTY_MAX {
            return Err(Reject::LotSize);
        }
        if new.price > PRICE_MAX || new.stop_price > PRICE_MAX {
            return Err(Reject::PriceFilter);
        }
        let price = if new.kind.has_price() { new.price } else { self.hold_price(new) };
        let base = new.qty.0 as i128 * market.base_unit as i128;
        let fits = base <= AMOUNT_MAX && notional(price, new.qty, market.quote_unit).is_some();
        if fits { Ok(()) } else { Err(Reject::InvalidAmount) }
    }

    /// The order against the book and the last price.
    pub(super) fn check_book(&self, new: &NewOrder) -> Outcome {
        let market = self.market(new.market);
        if new.kind == OrderKind::LimitMaker && market.state == MarketState::Trading {
            self.check_passive(new.market, new.side, new.price)?;
        }
        if new.kind.is_stop() && new.trailing_delta == 0 && !market.last.is_none() {
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
            let sized = match new.tif {
                TimeInForce::Fok => has_qty,
                _ => has_qty != (new.quote_amount != 0),
            };
            plain && !has_price && !hidden && sized && new.tif != TimeInForce::Gtd
        }
        OrderKind::StopLoss | OrderKind::TakeProfit => {
            !plain && no_quote && has_qty && !has_price && !hidden && new.tif == TimeInForce::Gtc
        }
        OrderKind::StopLossLimit | OrderKind::TakeProfitLimit => !plain && no_quote && has_qty && has_price,
    };
    kind && dated && (!hidden || rests && new.display_qty <= new.qty)
}
