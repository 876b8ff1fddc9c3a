//! order.finished, order.finished_detail, order.deals: what history keeps of orders.

use allin_core::ids::{OrderId, Timestamp};
use allin_core::spot::command::Side;
use allin_wire::exchange::v1::{HistoryOrder, OrderDealsRequest, OrderRequest, OrdersRequest, UserDeal};
use allin_wire::viabtc::{
    Code, Decimal, FinishedOrder, OrderDeal, OrdersQuery, Page, ResultPage, Seconds, result_body, side_number, trim,
};

use super::super::error::Failure;
use super::super::run::Access;
use super::super::state::MarketInfo;
use super::fees;

/// Orders that history gives at once.
const BATCH: u32 = 1000;
/// Finished orders looked at for one page. The protocol's history has only orders that traded, ours has all.
const ORDERS_SCANNED_MAX: u32 = 50_000;

/// Newest first. As in the reference server, an order that ended without a fill is not in it.
pub(in super::super) async fn finished(access: &Access, id: i64, query: OrdersQuery<'_>) -> Result<Vec<u8>, Failure> {
    let micros = |seconds: u64| seconds.checked_mul(Timestamp::SECOND).ok_or(Code::InvalidArgument);
    let request = OrdersRequest {
        user: query.user.0,
        market: query.market.to_owned(),
        side: query.side.map_or(0, |side: Side| u32::from(side_number(side))),
        start_us: micros(query.start)?,
        end_us: micros(query.end)?,
        offset: 0,
        limit: BATCH,
        finished: true,
        from_order: 0,
    };
    let Page { offset, limit } = query.page;
    let Some(market) = access.tables.market(query.market).await? else {
        // As the reference server: in a market that there is not, there is no history.
        return Ok(result_body(id, &ResultPage::<FinishedOrder<'_>> { offset, limit, records: Vec::new() }));
    };
    let orders = traded(access, request, query.page).await?;
    let records = orders.iter().map(|order| print(order, Some(&market))).collect();
    Ok(result_body(id, &ResultPage { offset, limit, records }))
}

/// A page of those that traded.
async fn traded(access: &Access, mut request: OrdersRequest, page: Page) -> Result<Vec<HistoryOrder>, Failure> {
    let mut skip = page.offset;
    let mut orders = Vec::new();
    while request.offset < ORDERS_SCANNED_MAX {
        let reply = access.handles.history.orders(tonic::Request::new(request.clone())).await?.into_inner();
        // History may give fewer at once than asked for.
        let taken = reply.orders.len() as u32;
        for order in reply.orders.into_iter().filter(has_traded) {
            if skip > 0 {
                skip -= 1;
            } else if orders.len() < page.limit as usize {
                orders.push(order);
            }
        }
        if taken == 0 || orders.len() == page.limit as usize {
            break;
        }
        request.offset += taken;
    }
    Ok(orders)
}

fn has_traded(order: &HistoryOrder) -> bool {
    trim(&order.filled) != "0"
}

/// `null` while the order is open, and when it never was or never traded.
pub(in super::super) async fn finished_detail(access: &Access, id: i64, order: OrderId) -> Result<Vec<u8>, Failure> {
    let request = OrderRequest { user: 0, order: order.0, client_id: String::new() };
    let order = match access.handles.history.order(tonic::Request::new(request)).await {
        Ok(reply) => reply.into_inner().order,
        Err(status) if status.code() == tonic::Code::NotFound => None,
        Err(status) => return Err(status.into()),
    };
    let order = order.filter(|order| order.finished_us != 0 && has_traded(order));
    let market = match &order {
        Some(order) => access.tables.market(&order.market).await?,
        None => None,
    };
    Ok(result_body(id, &order.as_ref().map(|order| print(order, market.as_deref()))))
}

/// Newest first.
pub(in super::super) async fn deals(access: &Access, id: i64, order: OrderId, page: Page) -> Result<Vec<u8>, Failure> {
    let Page { offset, limit } = page;
    let request = OrderDealsRequest { order: order.0, offset, limit, from_trade: 0 };
    let reply = access.handles.history.order_deals(tonic::Request::new(request)).await?.into_inner();
    let records = reply.deals.iter().map(print_deal).collect();
    Ok(result_body(id, &ResultPage { offset, limit, records }))
}

fn print_deal(deal: &UserDeal) -> OrderDeal<'_> {
    OrderDeal {
        time: Seconds(Timestamp(deal.at_us)),
        user: deal.user,
        id: deal.trade,
        role: if deal.maker { 1 } else { 2 },
        price: trim(&deal.price),
        amount: trim(&deal.qty),
        deal: trim(&deal.quote),
        fee: trim(&deal.fee),
        deal_order_id: deal.counter_order,
    }
}

fn print<'a>(order: &'a HistoryOrder, market: Option<&MarketInfo>) -> FinishedOrder<'a> {
    // Of a market order that spent money, the amount is money.
    let by_money = trim(&order.quote_order_qty) != "0" && trim(&order.qty) == "0";
    let limit = matches!(order.kind.as_str(), "LIMIT" | "LIMIT_MAKER" | "STOP_LOSS_LIMIT" | "TAKE_PROFIT_LIMIT");
    let side = if order.side == 1 { Side::Sell } else { Side::Buy };
    let fee = market.and_then(|market| fees::fee(order, market, side));
    FinishedOrder {
        id: order.order,
        ctime: Seconds(Timestamp(order.created_us)),
        ftime: Seconds(Timestamp(order.finished_us)),
        user: order.user,
        market: &order.market,
        source: &order.source,
        kind: if limit { 1 } else { 2 },
        side: side_number(side),
        price: trim(&order.price),
        amount: trim(if by_money { &order.quote_order_qty } else { &order.qty }),
        taker_fee: trim(&order.taker_fee_rate),
        maker_fee: if limit { trim(&order.maker_fee_rate) } else { "0" },
        deal_stock: trim(&order.filled),
        deal_money: trim(&order.filled_quote),
        deal_fee: fee.unwrap_or(Decimal::ZERO),
    }
}
