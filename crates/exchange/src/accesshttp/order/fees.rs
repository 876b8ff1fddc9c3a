//! `deal_fee` of orders that the engine holds: from the bus, or for orders from before our start from history, which
//! follows within milliseconds and is waited for a little.

use std::time::Duration;

use allin_core::ids::{OrderId, Seq};
use allin_core::num::QtyLots;
use allin_core::num::decimal;
use allin_core::spot::command::Side;
use allin_core::spot::view::OrderView;
use allin_wire::exchange::v1::{HistoryOrder, OrderRequest};
use allin_wire::viabtc::Decimal;
use futures::stream::{self, StreamExt};

use super::super::run::Access;
use super::super::state::MarketInfo;
use super::fee_scale;

/// Pauses between questions to history that is behind, each twice the one before: it is waited for about 300 ms.
const POLL_MIN: Duration = Duration::from_millis(10);
const POLL_MAX: Duration = Duration::from_millis(160);
/// Questions to history under way for one page of orders.
const QUESTIONS_MAX: usize = 8;

/// The fee of an order that the engine held at `seq`, of which `filled` was filled; none when nobody can tell in time.
pub(super) async fn known(
    access: &Access,
    market: &MarketInfo,
    side: Side,
    order: OrderId,
    filled: QtyLots,
    seq: Seq,
) -> Option<Decimal> {
    if filled.is_zero() {
        return Some(Decimal::ZERO);
    }
    match access.tables.fee(order, seq).await {
        Some(fee) => Some(Decimal::new(fee, fee_scale(side, market))),
        None => past(access, market, side, order, filled).await,
    }
}

/// The same from history alone.
pub(super) async fn past(
    access: &Access,
    market: &MarketInfo,
    side: Side,
    order: OrderId,
    filled: QtyLots,
) -> Option<Decimal> {
    let past = ask_until(access, order, |past| knows(past, market, filled)).await?;
    fee(&past, market, side)
}

/// What history has of an order, once it has what is wanted.
async fn ask_until(access: &Access, order: OrderId, has: impl Fn(&HistoryOrder) -> bool) -> Option<HistoryOrder> {
    let mut pause = POLL_MIN;
    loop {
        let request = OrderRequest { user: 0, order: order.0, client_id: String::new() };
        match access.handles.history.order(tonic::Request::new(request)).await {
            Ok(reply) => {
                if let Some(past) = reply.into_inner().order.filter(&has) {
                    return Some(past);
                }
            }
            Err(status) if status.code() == tonic::Code::NotFound => {}
            Err(status) => {
                tracing::warn!(%status, order = order.0, "history does not tell of an order");
                return None;
            }
        }
        if pause > POLL_MAX {
            return None;
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

/// An order that has just been closed.
pub(super) async fn closed(access: &Access, order: OrderId) -> Option<HistoryOrder> {
    ask_until(access, order, |order| order.finished_us != 0).await
}

/// The fees of a page of orders as of `seq`, in its order.
pub(super) async fn of_page(
    access: &Access,
    market: &MarketInfo,
    orders: &[OrderView],
    seq: Seq,
) -> Vec<Option<Decimal>> {
    let one = |view: &OrderView| known(access, market, view.new.side, view.order, view.filled, seq);
    let fees: Vec<_> = orders.iter().map(one).collect();
    stream::iter(fees).buffered(QUESTIONS_MAX).collect().await
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
