//! order.book, order.pending, order.pending_detail: orders that the engine holds.

use allin_core::ids::{OrderId, UserId};
use allin_core::spot::command::Side;
use allin_core::spot::view::OrderView;
use allin_runtime::engine::{AnswerBody, Query};
use allin_wire::viabtc::{self, BookPage, Code, OrderPage, Page, result_body};

use super::super::error::Failure;
use super::super::run::Access;
use super::super::state::MarketInfo;
use super::{State, fees};

/// In the order of execution.
pub(in super::super) async fn book(
    access: &Access,
    id: i64,
    market: &str,
    side: Side,
    page: Page,
) -> Result<Vec<u8>, Failure> {
    let market = access.tables.market(market).await?.ok_or(Code::InvalidArgument)?;
    let Page { offset, limit } = page;
    let (views, total) = ask(access, Query::Book { market: market.spec.id, side, offset, limit }).await?;
    let orders = print(access, &market, &views).await;
    Ok(result_body(id, &BookPage { offset, limit, total, orders }))
}

/// Newest first.
pub(in super::super) async fn pending(
    access: &Access,
    id: i64,
    user: UserId,
    market: &str,
    page: Page,
) -> Result<Vec<u8>, Failure> {
    let market = access.tables.market(market).await?.ok_or(Code::InvalidArgument)?;
    let Page { offset, limit } = page;
    let query = Query::OpenOrders { user, market: Some(market.spec.id), side: None, offset, limit };
    let (views, total) = ask(access, query).await?;
    let records = print(access, &market, &views).await;
    Ok(result_body(id, &OrderPage { limit, offset, total, records }))
}

/// `null` when there is no such order in that market.
pub(in super::super) async fn pending_detail(
    access: &Access,
    id: i64,
    market: &str,
    order: OrderId,
) -> Result<Vec<u8>, Failure> {
    let market = access.tables.market(market).await?.ok_or(Code::InvalidArgument)?;
    let view = find(access, order).await?.filter(|view| view.new.market == market.spec.id);
    let views: Vec<OrderView> = view.into_iter().collect();
    Ok(result_body(id, &print(access, &market, &views).await.first()))
}

pub(super) async fn find(access: &Access, order: OrderId) -> Result<Option<OrderView>, Failure> {
    match access.handles.engine.query(Query::Order { order }).await?.body {
        AnswerBody::Order(view) => Ok(view),
        _ => Err(Failure::unexpected("an order")),
    }
}

async fn ask(access: &Access, query: Query) -> Result<(Vec<OrderView>, u64), Failure> {
    match access.handles.engine.query(query).await?.body {
        AnswerBody::Orders { orders, total } => Ok((orders, total)),
        _ => Err(Failure::unexpected("a page of orders")),
    }
}

async fn print<'a>(access: &Access, market: &'a MarketInfo, views: &'a [OrderView]) -> Vec<viabtc::Order<'a>> {
    let fees = fees::of_page(access, market, views).await;
    views.iter().zip(fees).map(|(view, fee)| State::of_view(view, fee).print(market)).collect()
}
