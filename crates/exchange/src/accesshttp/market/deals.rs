//! market.deals, market.user_deals.

use allin_core::ids::{Timestamp, UserId};
use allin_wire::exchange::v1::{DealsRequest, MarketDealsRequest, UserDeal as HistoryDeal, UserDealsRequest};
use allin_wire::viabtc::{Code, Deal, Page, ResultPage, Seconds, UserDeal, result_body, trim};

use super::super::error::Failure;
use super::super::run::Access;
use super::super::state::MarketInfo;

/// Deals that marketprice and history give at once.
const BATCH: u32 = 1000;

/// The newest, newest first, with ids greater than `after`. The newest thousand come from marketprice; what the protocol
/// allows beyond them, from history.
pub(in super::super) async fn deals(
    access: &Access,
    id: i64,
    market: &str,
    limit: u32,
    after: u64,
) -> Result<Vec<u8>, Failure> {
    let market = access.tables.market(market).await?.ok_or(Code::InvalidArgument)?;
    let request = DealsRequest { market: market.symbol().to_owned(), after_trade: after, limit: limit.min(BATCH) };
    let newest = match access.handles.market_price.deals(tonic::Request::new(request)).await {
        Ok(reply) => reply.into_inner().deals,
        Err(status) if status.code() == tonic::Code::NotFound => Vec::new(),
        Err(status) => return Err(status.into()),
    };
    let mut deals: Vec<Deal> =
        newest.iter().map(|deal| print(deal.trade, deal.at_us, &deal.price, &deal.qty, deal.taker_is_buyer)).collect();
    if let (Some(first), Some(last)) = (deals.first(), deals.last()) {
        // Ids are dense in a market.
        let oldest = first.id.saturating_sub(u64::from(limit) - 1).max(after.saturating_add(1));
        deals.extend(older(access, &market, oldest, last.id).await?);
    }
    Ok(result_body(id, &deals))
}

/// Deals with ids of `from..before`, newest first.
async fn older(access: &Access, market: &MarketInfo, from: u64, before: u64) -> Result<Vec<Deal>, Failure> {
    let mut deals = Vec::new();
    let mut next = from;
    while next < before {
        let request = MarketDealsRequest {
            market: market.symbol().to_owned(),
            from_trade: next,
            start_us: 0,
            end_us: 0,
            limit: BATCH.min(u32::try_from(before - next).unwrap_or(BATCH)),
        };
        let page = access.handles.history.market_deals(tonic::Request::new(request)).await?.into_inner().deals;
        let Some(last) = page.iter().map(|deal| deal.trade).max() else {
            break;
        };
        let known = page.iter().filter(|deal| (next..before).contains(&deal.trade));
        deals.extend(known.map(|deal| print(deal.trade, deal.at_us, &deal.price, &deal.qty, deal.taker_is_buyer)));
        next = last + 1;
    }
    deals.sort_unstable_by_key(|deal| std::cmp::Reverse(deal.id));
    Ok(deals)
}

fn print(id: u64, at_us: u64, price: &str, qty: &str, taker_is_buyer: bool) -> Deal {
    Deal {
        id,
        time: Seconds(Timestamp(at_us)),
        price: trim(price).to_owned(),
        amount: trim(qty).to_owned(),
        kind: if taker_is_buyer { "buy" } else { "sell" },
    }
}

/// Newest first.
pub(in super::super) async fn user_deals(
    access: &Access,
    id: i64,
    user: UserId,
    market: &str,
    page: Page,
) -> Result<Vec<u8>, Failure> {
    let Page { offset, limit } = page;
    let mut deals = Vec::new();
    // As the reference server: in a market that there is not, there are no deals.
    if let Some(market) = access.tables.market(market).await? {
        let request = UserDealsRequest {
            user: user.0,
            market: market.symbol().to_owned(),
            side: 0,
            start_us: 0,
            end_us: 0,
            offset,
            limit,
            from_trade: 0,
        };
        deals = access.handles.history.user_deals(tonic::Request::new(request)).await?.into_inner().deals;
    }
    let records = deals.iter().map(print_user).collect();
    Ok(result_body(id, &ResultPage { offset, limit, records }))
}

fn print_user(deal: &HistoryDeal) -> UserDeal<'_> {
    UserDeal {
        time: Seconds(Timestamp(deal.at_us)),
        user: deal.user,
        id: deal.trade,
        side: if deal.side == 1 { 1 } else { 2 },
        role: if deal.maker { 1 } else { 2 },
        price: trim(&deal.price),
        amount: trim(&deal.qty),
        deal: trim(&deal.quote),
        fee: trim(&deal.fee),
        deal_order_id: deal.counter_order,
        market: &deal.market,
    }
}
