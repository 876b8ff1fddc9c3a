//! order.book, order.pending, order.pending_detail: orders that the engine holds.

use allin_core::ids::{OrderId, Seq, UserId};
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
    let (views, total, seq) = ask(access, Query::Book { market: market.spec.id, side, offset, limit }).await?;
    let orders = print(access, &market, &views, seq).await;
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
    let (views, total, seq) = ask(access, query).await?;
    let records = print(access, &market, &views, seq).await;
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
    let (view, seq) = find(access, order).await?;
    let views: Vec<OrderView> = view.into_iter().filter(|view| view.new.market == market.spec.id).collect();
    Ok(result_body(id, &print(access, &market, &views, seq).await.first()))
}

pub(super) async fn find(access: &Access, order: OrderId) -> Result<(Option<OrderView>, Seq), Failure> {
    let answer = access.handles.engine.query(Query::Order { order }).await?;
    match answer.body {
        AnswerBody::Order(view) => Ok((view, answer.seq)),
        _ => Err(Failure::unexpected("an order")),
    }
}

async fn ask(access: &Access, query: Query) -> Result<(Vec<OrderView>, u64, Seq), Failure> {
    let answer = access.handles.engine.query(query).await?;
    match answer.body {
        AnswerBody::Orders { orders, total } => Ok((orders, total, answer.seq)),
        _ => Err(Failure::unexpected("a page of orders")),
    }
}

async fn print<'a>(
    access: &Access,
    market: &'a MarketInfo,
    views: &'a [OrderView],
    seq: Seq,
) -> Vec<viabtc::Order<'a>> {
    let fees = fees::of_page(access, market, views, seq).await;
    views.iter().zip(fees).map(|(view, fee)| State::of_view(view, fee).print(market)).collect()
}
