//! The market methods.

mod deals;
mod kline;
mod status;

use allin_core::spot::command::Side;
use allin_core::spot::view::MarketView;
use allin_runtime::engine::{AnswerBody, Query};
use allin_wire::viabtc::{Code, Market, MarketSummary, result_body};
use futures::stream::{self, StreamExt, TryStreamExt};

pub(super) use deals::{deals, user_deals};
pub(super) use kline::kline;
pub(super) use status::{last, status, status_today};

use super::asset::QUESTIONS_MAX;
use super::error::Failure;
use super::number::{FEE_SCALE, print_lots, print_lots_sum};
use super::run::Access;
use super::state::MarketInfo;

pub(super) async fn list(access: &Access, id: i64) -> Result<Vec<u8>, Failure> {
    access.tables.catch_up().await?;
    let markets = access.tables.markets();
    let rows = markets.iter().map(|market| Market {
        name: market.symbol(),
        stock: market.base.symbol.as_str(),
        money: market.quote.symbol.as_str(),
        fee_prec: FEE_SCALE,
        stock_prec: market.spec.qty_scale,
        money_prec: market.spec.price_scale,
        min_amount: print_lots(market.spec.filters.qty_min, market),
    });
    Ok(result_body(id, &rows.collect::<Vec<_>>()))
}

/// Of these markets, or of all when none is named.
pub(super) async fn summary(access: &Access, id: i64, symbols: &[&str]) -> Result<Vec<u8>, Failure> {
    let mut markets = Vec::new();
    for symbol in symbols {
        markets.push(access.tables.market(symbol).await?.ok_or(Code::InvalidArgument)?);
    }
    if symbols.is_empty() {
        access.tables.catch_up().await?;
        markets = access.tables.markets();
    }
    let AnswerBody::Markets(views) = access.handles.engine.query(Query::Markets).await?.body else {
        return Err(Failure::unexpected("all markets"));
    };
    let view = |market: &MarketInfo| views.get(market.spec.id.0 as usize);
    let rows: Vec<_> = markets.iter().map(|market| one(access, market, view(market))).collect();
    let rows: Vec<MarketSummary<'_>> = stream::iter(rows).buffered(QUESTIONS_MAX).try_collect().await?;
    Ok(result_body(id, &rows))
}

async fn one<'a>(
    access: &Access,
    market: &'a MarketInfo,
    view: Option<&MarketView>,
) -> Result<MarketSummary<'a>, Failure> {
    let view = view.ok_or_else(|| Failure::unexpected("a market that is listed"))?;
    Ok(MarketSummary {
        name: market.symbol(),
        ask_count: orders(access, market, Side::Sell).await?,
        ask_amount: print_lots_sum(view.ask_lots, market),
        bid_count: orders(access, market, Side::Buy).await?,
        bid_amount: print_lots_sum(view.bid_lots, market),
    })
}

/// Orders on one side of the book.
async fn orders(access: &Access, market: &MarketInfo, side: Side) -> Result<u64, Failure> {
    let query = Query::Book { market: market.spec.id, side, offset: 0, limit: 0 };
    match access.handles.engine.query(query).await?.body {
        AnswerBody::Orders { total, .. } => Ok(total),
        _ => Err(Failure::unexpected("one side of a book")),
    }
}
