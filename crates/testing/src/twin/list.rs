//! Order lists: one cancels the other, one triggers the other, one triggers such a pair.

use allin_core::ids::{ListId, OrderId};
use allin_core::num::PriceTicks;
use allin_core::spot::command::{ListOrders, NewList, NewOrder, OrderKind, Side};
use allin_core::spot::event::{Contingency, Event};
use allin_core::spot::reject::Reject;

use super::place::phase_of;
use super::state::{Body, List, Phase};
use super::{Outcome, Twin};

impl Twin {
    pub(super) fn place_list(&mut self, list: &NewList) -> Outcome {
        let legs: Vec<NewOrder> = list.orders.as_array().into_iter().flatten().copied().collect();
        let contingency = contingency(&list.orders);
        // Those that are placed at once; the others wait for the first to be filled.
        let first = if contingency == Contingency::Oco { &legs[..] } else { &legs[..1] };
        if self.check_list(list, &legs, first)? {
            return Ok(());
        }

        self.lists_made += 1;
        let id = ListId(self.lists_made);
        let (user, market) = (legs[0].user, legs[0].market);
        let orders: Vec<OrderId> = (1..=legs.len() as u64).map(|n| OrderId(self.orders_made + n)).collect();
        let mut told = [OrderId(0); 3];
        told[..orders.len()].copy_from_slice(&orders);
        let client_id = list.client_id;
        self.lists.insert(id, List { id, user, market, client_id, contingency, orders: orders.clone() });
        self.remember(user, client_id, market, orders[0], Body::List(Box::new(*list)));
        self.events.push(Event::ListPlaced { list: id, user, market, client_id, contingency, orders: told });
        for (position, leg) in legs.iter().enumerate() {
            let phase = if position < first.len() { phase_of(leg) } else { Phase::Pending };
            self.add(leg, id, phase);
        }
        for order in orders {
            if self.orders.contains_key(&order) {
                self.start(order);
            }
        }
        self.settle(market);
        Ok(())
    }

    /// True when the list was placed before.
    fn check_list(&mut self, list: &NewList, legs: &[NewOrder], first: &[NewOrder]) -> Result<bool, Reject> {
        for leg in legs {
            self.check_who(leg)?;
        }
        if let Some(repeated) = self.check_client_id(legs[0].user, list.client_id, &Body::List(Box::new(*list)))? {
            self.events.push(Event::Repeated(repeated));
            return Ok(true);
        }
        for (position, leg) in legs.iter().enumerate() {
            let known = self.check_client_id(leg.user, leg.client_id, &Body::Order(*leg))?.is_some();
            let others = legs[..position].iter().map(|other| other.client_id).chain([list.client_id]);
            let twice = !leg.client_id.is_empty() && others.into_iter().any(|other| other == leg.client_id);
            if known || twice {
                return Err(Reject::ClientIdConflict);
            }
        }
        if !is_list(&list.orders, legs) {
            return Err(Reject::InvalidCombination);
        }
        for leg in legs {
            self.check_body(leg)?;
            self.check_filters(leg)?;
        }
        for (position, leg) in legs.iter().enumerate() {
            self.check_counts(leg, &legs[..position], None)?;
        }
        self.check_list_count(legs[0].user, legs[0].market)?;
        for leg in first {
            self.check_book(leg)?;
        }
        let needed = first.iter().map(|leg| self.reserve_of_new(leg)).max().expect("a list has orders");
        if needed > self.available(legs[0].user, self.hold_asset(legs[0].market, legs[0].side)) {
            return Err(Reject::InsufficientBalance);
        }
        Ok(false)
    }
}

fn contingency(orders: &ListOrders) -> Contingency {
    match orders {
        ListOrders::Oco { .. } => Contingency::Oco,
        ListOrders::Oto { .. } => Contingency::Oto,
        ListOrders::Otoco { .. } => Contingency::Otoco,
    }
}

fn is_list(orders: &ListOrders, legs: &[NewOrder]) -> bool {
    let together = |leg: &NewOrder| leg.user == legs[0].user && leg.market == legs[0].market && leg.quote_amount == 0;
    let works = |order: &NewOrder| matches!(order.kind, OrderKind::Limit | OrderKind::LimitMaker);
    legs.iter().all(together)
        && match orders {
            ListOrders::Oco { above, below } => is_pair(above, below),
            ListOrders::Oto { working, .. } => works(working),
            ListOrders::Otoco { working, above, below } => works(working) && is_pair(above, below),
        }
}

/// Two ways out of one quantity: at a profit on one side of the market, at a loss on the other.
fn is_pair(above: &NewOrder, below: &NewOrder) -> bool {
    let (profit, loss) = if above.side == Side::Sell { (above, below) } else { (below, above) };
    let profits = matches!(profit.kind, OrderKind::LimitMaker | OrderKind::TakeProfit | OrderKind::TakeProfitLimit);
    let (high, low) = (level(above), level(below));
    let apart = high.is_none() || low.is_none() || high > low;
    above.side == below.side && above.qty == below.qty && profits && loss.kind.is_stop_loss() && apart
}

/// Where the leg stands in the market; none for a trailing stop without an activation price.
fn level(leg: &NewOrder) -> PriceTicks {
    if leg.kind.is_stop() { leg.stop_price } else { leg.price }
}
