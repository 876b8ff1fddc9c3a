//! `deal_fee` of orders that the engine still holds. The engine keeps no sum of fees, history does: it follows within
//! milliseconds, so we wait for it a little.

use std::time::Duration;

use allin_core::ids::OrderId;
use allin_core::num::QtyLots;
use allin_core::num::decimal;
use allin_core::spot::command::Side;
use allin_core::spot::view::OrderView;
use allin_wire::exchange::v1::{HistoryOrder, OrderRequest};
use allin_wire::viabtc::Decimal;
use futures::stream::{self, StreamExt};
use tokio::time::Instant;

use super::super::run::Access;
use super::super::state::MarketInfo;
use super::fee_scale;

/// How long history may take to know of a fill, and how often it is asked.
const WAIT_MAX: Duration = Duration::from_millis(250);
const POLL: Duration = Duration::from_millis(5);
/// Questions to history under way for one page of orders.
const QUESTIONS_MAX: usize = 8;

/// The fee of an order that has `filled` so far: none when history does not get there in time, or not at all.
pub(super) async fn known(
    access: &Access,
    market: &MarketInfo,
    side: Side,
    order: OrderId,
    filled: QtyLots,
) -> Option<Decimal> {
    known_by(access, market, side, order, filled, Instant::now() + WAIT_MAX).await
}

async fn known_by(
    access: &Access,
    market: &MarketInfo,
    side: Side,
    order: OrderId,
    filled: QtyLots,
    deadline: Instant,
) -> Option<Decimal> {
    loop {
        let request = OrderRequest { user: 0, order: order.0, client_id: String::new() };
        match access.handles.history.order(tonic::Request::new(request)).await {
            Ok(reply) => {
                if let Some(order) = reply.into_inner().order.filter(|order| knows(order, market, filled)) {
                    return fee(&order, market, side);
                }
            }
            Err(status) if status.code() == tonic::Code::NotFound => {}
            Err(status) => {
                tracing::warn!(%status, "history cannot tell a fee");
                return None;
            }
        }
        if Instant::now() >= deadline {
            return None;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The fees of a page of orders, in its order.
pub(super) async fn of_page(access: &Access, market: &MarketInfo, orders: &[OrderView]) -> Vec<Option<Decimal>> {
    let deadline = Instant::now() + WAIT_MAX;
    let fees: Vec<_> = orders.iter().map(|view| of_view(access, market, view, deadline)).collect();
    stream::iter(fees).buffered(QUESTIONS_MAX).collect().await
}

async fn of_view(access: &Access, market: &MarketInfo, view: &OrderView, deadline: Instant) -> Option<Decimal> {
    match view.filled {
        QtyLots::ZERO => Some(Decimal::ZERO),
        filled => known_by(access, market, view.new.side, view.order, filled, deadline).await,
    }
}

fn knows(order: &HistoryOrder, market: &MarketInfo, filled: QtyLots) -> bool {
    decimal::parse_steps(&order.filled, market.spec.qty_scale, market.spec.lot_units).is_ok_and(|lots| lots >= filled.0)
}

/// Only what was charged in the asset that the order receives; discounts are paid in another, and are in the ledger.
pub(super) fn fee(order: &HistoryOrder, market: &MarketInfo, side: Side) -> Option<Decimal> {
    let asset = match side {
        Side::Buy => market.base.symbol,
        Side::Sell => market.quote.symbol,
    };
    match order.fees.iter().find(|fee| fee.asset == asset.as_str()) {
        Some(fee) => {
            let scale = fee_scale(side, market);
            decimal::parse_signed(&fee.amount, scale).ok().map(|amount| Decimal::new(amount, scale))
        }
        None => Some(Decimal::ZERO),
    }
}
