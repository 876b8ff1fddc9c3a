//! `aggTrades`: made of single trades on reading; see [`crate::aggtrades`] for what belongs together and for the ids.

use allin_core::ids::{OrderId, Timestamp, TradeId};
use allin_core::num::decimal;
use allin_wire::binance::{ApiError, Code};
use allin_wire::exchange::v1::{MarketDeal, MarketDealsRequest};
use serde::Serialize;

use super::super::app::App;
use super::super::call::{Call, Failure, Outcome, json};
use super::super::markets::Market;
use super::ask::Near;
use super::{ask, limit, select};
use crate::aggtrades::{self, AggTrade, Fill};
use crate::decimals;

const LIMIT: u32 = 500;
const LIMIT_MAX: u32 = 1000;
/// Trades asked for at once.
const PAGE: u32 = 1000;
/// Trades looked at for one answer at most. An aggregate of more parts than this per entry asked for shortens the answer.
const TRADES_MAX: usize = 50_000;

type Trade = Fill<String, u128>;
type Aggregate = AggTrade<String, u128>;
/// With its id.
type Numbered = (u64, Aggregate);

#[derive(Serialize)]
struct Row {
    a: u64,
    p: String,
    q: String,
    f: u64,
    l: u64,
    #[serde(rename = "T")]
    at: u64,
    m: bool,
    #[serde(rename = "M")]
    best: bool,
}

pub async fn aggregate(app: &App, call: &Call) -> Outcome {
    let market = select::one(app, call)?;
    let from = call.params.u64("fromId")?;
    let (start, end) = limit::span(&call.params)?;
    let limit = limit::limit(&call.params, LIMIT, LIMIT_MAX)? as usize;
    call.params.all_read()?;
    if from.is_some() && (start.is_some() || end.is_some()) {
        let error = ApiError::new(Code::OptionalParamsBadCombo, "Combination of optional parameters invalid.");
        return Err(error.into());
    }
    let aggregates = match (from, start) {
        (Some(from), _) => from_id(app, &market, from, limit).await?,
        (None, Some(start)) => numbered(app, &market, from_time(app, &market, start, end, limit).await?).await?,
        (None, None) => numbered(app, &market, newest(app, &market, end, limit).await?).await?,
    };
    json(&aggregates.into_iter().map(|(id, one)| row(call, &market, id, one)).collect::<Vec<_>>())
}

/// The first ones whose id is at least `from`.
async fn from_id(app: &App, market: &Market, from: u64, limit: usize) -> Result<Vec<Numbered>, Failure> {
    let from = from.max(1);
    let mark = ask::aggregates(app, market, Near::Number(from)).await?.mark;
    // Between a mark and the next there are some hundred aggregates; before the first mark ids are those of first trades, and
    // the trade before tells whether the trade `from` begins an aggregate.
    let (from_trade, skip) = match mark {
        Some(mark) => (mark.trade, usize::try_from(from - mark.number).unwrap_or(usize::MAX)),
        None => (from.saturating_sub(1).max(1), 0),
    };
    let request = MarketDealsRequest { from_trade, ..question(market) };
    let aggregates = forward(app, market, request, skip.saturating_add(limit).saturating_add(1)).await?;
    let mut numbered = numbered(app, market, aggregates).await?;
    numbered.retain(|(id, _)| *id >= from);
    numbered.truncate(limit);
    Ok(numbered)
}

/// With their ids, as they follow from the last mark before or among them.
async fn numbered(app: &App, market: &Market, aggregates: Vec<Aggregate>) -> Result<Vec<Numbered>, Failure> {
    let (Some(first), Some(last)) = (aggregates.first(), aggregates.last()) else { return Ok(Vec::new()) };
    let known = ask::aggregates(app, market, Near::Trade(last.first.0)).await?;
    // Which of them the mark is, or how many lie between it and them.
    let (number, at, between) = match known.mark {
        None => (0, 0, 0),
        Some(mark) => match aggregates.iter().position(|one| one.first.0 == mark.trade) {
            Some(at) => (mark.number, at as u64, 0),
            None => (mark.number, 0, count(app, market, mark.trade, first.first.0).await?),
        },
    };
    let counted_from = known.first.map_or(u64::MAX, |first| first.trade);
    let with_id = |(nth, one): (usize, Aggregate)| match one.first.0 < counted_from {
        true => (one.first.0, one),
        false => ((number + between + nth as u64).saturating_sub(at), one),
    };
    Ok(aggregates.into_iter().enumerate().map(with_id).collect())
}

/// The aggregates between two trades that begin one each.
async fn count(app: &App, market: &Market, from: u64, to: u64) -> Result<u64, Failure> {
    let mut trades: Vec<Trade> = Vec::new();
    let mut next = from;
    while next < to {
        let limit = u32::try_from(to - next).unwrap_or(PAGE).min(PAGE);
        let page = ask::history(app, MarketDealsRequest { from_trade: next, limit, ..question(market) }).await?;
        if page.is_empty() || trades.len() >= TRADES_MAX {
            return Err(Failure::away("Market data is not available at the moment. Please try again."));
        }
        trades.extend(fills(market, page)?);
        next = trades.last().map_or(to, |trade| trade.trade.0 + 1);
    }
    Ok(aggtrades::aggregate(trades).len() as u64)
}

/// The first ones within a time; no aggregate lies in two times.
async fn from_time(
    app: &App,
    market: &Market,
    start: Timestamp,
    end: Option<Timestamp>,
    limit: usize,
) -> Result<Vec<Aggregate>, Failure> {
    let end_us = end.map_or(0, |end| end.0);
    let request = MarketDealsRequest { from_trade: 1, start_us: start.0, end_us, ..question(market) };
    forward(app, market, request, limit).await
}

/// Reads on until there are `wanted` whole aggregates, or no more trades.
async fn forward(
    app: &App,
    market: &Market,
    mut request: MarketDealsRequest,
    wanted: usize,
) -> Result<Vec<Aggregate>, Failure> {
    let mut trades: Vec<Trade> = Vec::new();
    loop {
        let page = ask::history(app, request.clone()).await?;
        let is_last = page.len() < request.limit as usize;
        trades.extend(fills(market, page)?);
        let mut aggregates = aggtrades::aggregate(trades.iter().cloned());
        if is_last || aggregates.len() > wanted || trades.len() >= TRADES_MAX {
            if !is_last {
                // What follows may belong to it.
                aggregates.pop();
            }
            aggregates.truncate(wanted);
            return Ok(aggregates);
        }
        request.from_trade = trades.last().map_or(request.from_trade, |trade| trade.trade.0 + 1);
    }
}

/// The last ones, or the last ones before a time.
async fn newest(app: &App, market: &Market, end: Option<Timestamp>, limit: usize) -> Result<Vec<Aggregate>, Failure> {
    let mut trades = if end.is_none() { in_memory(app, market).await? } else { Vec::new() };
    if trades.is_empty() {
        let request = MarketDealsRequest { end_us: end.map_or(0, |end| end.0), ..question(market) };
        trades = fills(market, ask::history(app, request).await?)?;
    }
    trades.reverse();
    loop {
        let aggregates = aggtrades::aggregate(trades.iter().cloned());
        let oldest = trades.first().map_or(1, |trade| trade.trade.0);
        // The first one may have begun earlier, unless nothing did.
        let whole = aggregates.len() - usize::from(oldest > 1 && !aggregates.is_empty());
        if whole >= limit || oldest <= 1 || trades.len() >= TRADES_MAX {
            let skip = aggregates.len() - whole.min(limit);
            return Ok(aggregates.into_iter().skip(skip).collect());
        }
        let from_trade = oldest.saturating_sub(u64::from(PAGE)).max(1);
        let count = u32::try_from(oldest - from_trade).unwrap_or(PAGE);
        let request = MarketDealsRequest { from_trade, limit: count, ..question(market) };
        let mut older = fills(market, ask::history(app, request).await?)?;
        if older.last().is_none_or(|last| last.trade.0 + 1 != oldest) {
            return Err(Failure::away("Market data is not available at the moment. Please try again."));
        }
        older.append(&mut trades);
        trades = older;
    }
}

fn question(market: &Market) -> MarketDealsRequest {
    MarketDealsRequest { market: market.symbol().to_owned(), limit: PAGE, ..MarketDealsRequest::default() }
}

/// Newest first, without a gap.
async fn in_memory(app: &App, market: &Market) -> Result<Vec<Trade>, Failure> {
    let deals = ask::newest_fills(app, market, PAGE).await?;
    let one = |deal: allin_wire::exchange::v1::PushDeal| {
        Ok(Fill {
            trade: TradeId(deal.trade),
            at: Timestamp(deal.at_us),
            taker_order: OrderId(deal.taker_order),
            qty: lots(market, &deal.qty)?,
            price: deal.price,
            buyer_is_maker: !deal.taker_is_buyer,
        })
    };
    // What was read out of a store does not say who took.
    deals.into_iter().take_while(|deal| deal.taker_order != 0).map(one).collect()
}

fn fills(market: &Market, deals: Vec<MarketDeal>) -> Result<Vec<Trade>, Failure> {
    let one = |deal: MarketDeal| {
        Ok(Fill {
            trade: TradeId(deal.trade),
            at: Timestamp(deal.at_us),
            taker_order: OrderId(deal.taker_order),
            qty: lots(market, &deal.qty)?,
            price: deal.price,
            buyer_is_maker: !deal.taker_is_buyer,
        })
    };
    deals.into_iter().map(one).collect()
}

/// A quantity in units of the market's smallest decimal.
fn lots(market: &Market, text: &str) -> Result<u128, Failure> {
    decimal::parse_unsigned(text, market.spec.qty_scale).map_err(|error| {
        tracing::error!(?error, text, market = market.symbol(), "a trade's quantity is no number of its market");
        Failure::away("Market data is not available at the moment. Please try again.")
    })
}

fn row(call: &Call, market: &Market, id: u64, one: Aggregate) -> Row {
    Row {
        a: id,
        q: decimals::amount(i128::try_from(one.qty).unwrap_or(i128::MAX), market.spec.qty_scale),
        f: one.first.0,
        l: one.last.0,
        at: call.time(one.at),
        m: one.buyer_is_maker,
        best: true,
        p: one.price,
    }
}
