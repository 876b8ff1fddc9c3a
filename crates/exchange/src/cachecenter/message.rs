//! What is sent (proto: `cachecenter.proto`).

use allin_core::candles::{Bar, Interval, Offset};
use allin_core::ids::{Seq, Timestamp};
use allin_core::num::PriceTicks;
use allin_core::spot::command::Side;
use allin_wire::exchange::v1::depth_update::Kind;
use allin_wire::exchange::v1::{DepthDiff, DepthSnapshot, DepthUpdate, Level, PushDeal, PushKline, PushTicker};

use super::book::{self, LevelChange};
use super::state::{Deal, MarketState};
use crate::catalog::Listing;

/// The book, at most `limit` levels a side; added up to a step when there is one.
pub(super) fn snapshot(state: &MarketState, seq: Seq, limit: usize, step: Option<PriceTicks>) -> DepthSnapshot {
    let side = |side: Side| -> Vec<Level> {
        let listing = &state.listing;
        match step {
            Some(step) => state.book.merged(side, step, limit).into_iter().map(|(p, l)| level(listing, p, l)).collect(),
            None => state.book.levels(side).take(limit).map(|(p, l)| level(listing, p, l)).collect(),
        }
    };
    DepthSnapshot {
        market: state.listing.symbol.to_string(),
        seq: seq.0,
        update: state.update.0,
        bids: side(Side::Buy),
        asks: side(Side::Sell),
        at_us: state.at.0,
        last: state.listing.price(state.last),
    }
}

pub(super) fn depth_update(snapshot: DepthSnapshot) -> DepthUpdate {
    DepthUpdate { kind: Some(Kind::Snapshot(snapshot)) }
}

/// What the newest command changed; bids and asks best first.
pub(super) fn diff(state: &MarketState, changes: &[LevelChange]) -> DepthUpdate {
    let side = |side: Side| {
        let of_side = changes.iter().filter(move |change| change.side == side);
        of_side.map(|change| level(&state.listing, change.price, change.level))
    };
    DepthUpdate {
        kind: Some(Kind::Diff(DepthDiff {
            market: state.listing.symbol.to_string(),
            first_update: state.update_before.0 + 1,
            last_update: state.update.0,
            seq: state.seq.0,
            at_us: state.at.0,
            bids: side(Side::Buy).rev().collect(),
            asks: side(Side::Sell).collect(),
        })),
    }
}

pub(super) fn deal(listing: &Listing, deal: &Deal) -> PushDeal {
    PushDeal {
        market: listing.symbol.to_string(),
        trade: deal.fill.trade.0,
        at_us: deal.fill.at.0,
        price: listing.price(deal.fill.price),
        qty: listing.qty(deal.fill.qty.0.into()),
        taker_is_buyer: deal.fill.taker_is_buyer,
        seq: deal.seq.0,
        maker_order: deal.maker_order.0,
        taker_order: deal.taker_order.0,
    }
}

pub(super) fn kline(state: &MarketState, interval: Interval, bar: &Bar, closed: bool) -> PushKline {
    let listing = &state.listing;
    PushKline {
        market: listing.symbol.to_string(),
        interval: interval.name().to_owned(),
        open_us: bar.start.0,
        close_us: interval.span(bar.start, Offset::UTC).end.0.saturating_sub(1),
        open: listing.price(bar.open),
        high: listing.price(bar.high),
        low: listing.price(bar.low),
        close: listing.price(bar.close),
        volume: listing.qty(bar.volume),
        quote_volume: listing.quote(bar.quote),
        trades: bar.trades,
        seq: state.seq.0,
        closed,
        taker_buy_volume: listing.qty(bar.taker_buy_volume),
        taker_buy_quote_volume: listing.quote(bar.taker_buy_quote),
        first_trade: bar.first_trade.0,
        last_trade: bar.last_trade.0,
    }
}

pub(super) fn ticker(state: &MarketState, seq: Seq, now: Timestamp) -> PushTicker {
    let listing = &state.listing;
    let bar = state.ticker.bar().unwrap_or_else(|| Bar::flat(now, state.last));
    PushTicker {
        market: listing.symbol.to_string(),
        open: listing.price(bar.open),
        high: listing.price(bar.high),
        low: listing.price(bar.low),
        last: listing.price(bar.close),
        volume: listing.qty(bar.volume),
        quote_volume: listing.quote(bar.quote),
        trades: bar.trades,
        at_us: now.0,
        seq: seq.0,
        previous_close: state.ticker.previous_close().map(|close| listing.price(close)).unwrap_or_default(),
        first_trade: bar.first_trade.0,
        last_trade: bar.last_trade.0,
    }
}

fn level(listing: &Listing, price: PriceTicks, level: book::Level) -> Level {
    Level { price: listing.price(price), qty: listing.qty(level.lots), orders: level.orders }
}
