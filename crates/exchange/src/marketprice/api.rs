//! The questions that others ask (proto: `marketprice.proto`).

use std::sync::Arc;

use allin_core::candles::{Bar, Fill, Interval, Offset};
use allin_core::ids::{MarketId, Seq, Timestamp, TradeId};
use allin_wire::exchange::v1::market_price_server::MarketPrice;
use allin_wire::exchange::v1::{
    AggregateCount, AggregateMark, AggregatesReply, AggregatesRequest, Deal, DealsReply, DealsRequest, Kline,
    KlinesReply, KlinesRequest, LastReply, LastRequest, StandingReply, StandingRequest, TickerReply, TickerRequest,
};
use async_trait::async_trait;
use tonic::{Request, Response, Status};

use super::error::PriceError;
use super::read::{self, KlineQuestion, Window};
use super::run::Shared;
use super::standing;
use super::state::Mark;
use super::store::Near;
use super::view::{Unstored, View};
use crate::aggregates::Numbering;
use crate::catalog::Listing;

const KLINES_DEFAULT: u32 = 500;
const KLINES_MAX: u32 = 1000;
const DEALS_DEFAULT: u32 = 100;
const DEALS_MAX: u32 = 1000;
const DAY_SECONDS: u64 = 86_400;
const WINDOW_SECONDS_MAX: u64 = 7 * DAY_SECONDS;
const START_DAYS_MAX: u64 = 8;

pub(super) struct Api {
    pub shared: Arc<Shared>,
}

/// What every answer needs to know of its moment.
struct Moment {
    listing: Listing,
    seq: Seq,
    /// Of the newest command.
    time: Timestamp,
    now: Timestamp,
}

impl Api {
    async fn view(&self, symbol: &str) -> Result<(Moment, View), PriceError> {
        let unstored = self.unstored(symbol)?;
        let now = (self.shared.clock)().max(unstored.time);
        let moment = Moment { listing: unstored.listing, seq: unstored.seq, time: unstored.time, now };
        let tables = self.shared.tables().ok_or(PriceError::CatchingUp)?;
        let tx = tables.snapshot().await?;
        Ok((moment, View::new(unstored, tx)))
    }

    fn unstored(&self, symbol: &str) -> Result<Unstored, PriceError> {
        if !self.shared.progress.caught_up() {
            return Err(PriceError::CatchingUp);
        }
        Unstored::of(&self.shared.state(), symbol).ok_or(PriceError::UnknownMarket)
    }

    async fn klines(&self, request: KlinesRequest) -> Result<KlinesReply, PriceError> {
        let (moment, mut view) = self.view(&request.market).await?;
        let question = question(&request, moment.now)?;
        let bars = question.answer(&mut view, moment.now, &self.shared.config).await?;
        view.end().await?;
        let klines = bars.iter().map(|bar| kline(&moment.listing, &question, bar)).collect();
        Ok(KlinesReply { klines, as_of_seq: moment.seq.0 })
    }

    async fn ticker(&self, request: TickerRequest) -> Result<TickerReply, PriceError> {
        let seconds = match request.window_us / Timestamp::SECOND {
            0 if request.window_us == 0 => DAY_SECONDS,
            seconds @ 1..=WINDOW_SECONDS_MAX => seconds,
            _ => return Err(PriceError::Invalid("window_us: between a second and 7 days")),
        };
        let (moment, mut view) = self.view(&request.market).await?;
        let start = Timestamp(request.start_us);
        let config = &self.shared.config;
        let window = match (request.today, start.0) {
            (true, _) => read::today(&mut view, moment.now).await?,
            (false, 0) => read::rolling(&mut view, seconds, moment.now, config).await?,
            (false, _) if is_recent(start, moment.now) => read::since(&mut view, start, moment.now, config).await?,
            (false, _) => return Err(PriceError::Invalid("start_us: a whole second within 8 days")),
        };
        view.end().await?;
        Ok(ticker(&moment, &window))
    }

    async fn deals(&self, request: DealsRequest) -> Result<DealsReply, PriceError> {
        let (moment, mut view) = self.view(&request.market).await?;
        let limit = limit(request.limit, DEALS_DEFAULT, DEALS_MAX);
        let after = TradeId(request.after_trade.min(i64::MAX as u64));
        let deals = view.deals(after, limit as usize).await?;
        view.end().await?;
        let deals = deals.iter().map(|fill| deal(&moment.listing, fill)).collect();
        Ok(DealsReply { deals, as_of_seq: moment.seq.0 })
    }

    async fn aggregates(&self, request: AggregatesRequest) -> Result<AggregatesReply, PriceError> {
        if request.market.is_empty() {
            return self.counts();
        }
        let near = match (request.trade, request.number) {
            (0, number) if number > 0 => Near::Number(number),
            (trade, 0) if trade > 0 => Near::Trade(trade),
            _ => return Err(PriceError::Invalid("one of trade and number")),
        };
        let (moment, mut view) = self.view(&request.market).await?;
        let (mark, first) = (view.mark(near).await?, view.mark(Near::Beginning).await?);
        view.end().await?;
        let told = |mark: Mark| AggregateMark { trade: mark.trade.0, number: mark.number };
        let (mark, first) = (mark.map(told), first.map(told));
        Ok(AggregatesReply { as_of_seq: moment.seq.0, mark, first, counts: Vec::new() })
    }

    /// Of every market at one moment.
    fn counts(&self) -> Result<AggregatesReply, PriceError> {
        if !self.shared.progress.caught_up() {
            return Err(PriceError::CatchingUp);
        }
        let state = self.shared.state();
        let count = |(market, now): (MarketId, Numbering)| AggregateCount {
            market: market.0,
            trade: now.trade.0,
            number: now.number,
            taker_order: now.taker_order.0,
            at_us: now.at.0,
            price: now.price.0,
        };
        let counts = state.numberings().map(count).collect();
        Ok(AggregatesReply { as_of_seq: state.seq.0, counts, mark: None, first: None })
    }

    async fn standing(&self, request: StandingRequest) -> Result<StandingReply, PriceError> {
        if request.window_s > WINDOW_SECONDS_MAX {
            return Err(PriceError::Invalid("window_s: 7 days at most"));
        }
        let (moment, mut view) = self.view(&request.market).await?;
        let page = standing::page(&mut view, &request, moment.time, moment.now, &self.shared.config).await?;
        view.end().await?;
        Ok(StandingReply { as_of_seq: moment.seq.0, ..page })
    }
}

#[async_trait]
impl MarketPrice for Api {
    async fn last(&self, request: Request<LastRequest>) -> Result<Response<LastReply>, Status> {
        let unstored = self.unstored(&request.into_inner().market)?;
        let price = unstored.listing.price(unstored.last);
        Ok(Response::new(LastReply { price, as_of_seq: unstored.seq.0 }))
    }

    async fn klines(&self, request: Request<KlinesRequest>) -> Result<Response<KlinesReply>, Status> {
        Ok(Response::new(self.klines(request.into_inner()).await?))
    }

    async fn ticker(&self, request: Request<TickerRequest>) -> Result<Response<TickerReply>, Status> {
        Ok(Response::new(self.ticker(request.into_inner()).await?))
    }

    async fn deals(&self, request: Request<DealsRequest>) -> Result<Response<DealsReply>, Status> {
        Ok(Response::new(self.deals(request.into_inner()).await?))
    }

    async fn aggregates(&self, request: Request<AggregatesRequest>) -> Result<Response<AggregatesReply>, Status> {
        Ok(Response::new(self.aggregates(request.into_inner()).await?))
    }

    async fn standing(&self, request: Request<StandingRequest>) -> Result<Response<StandingReply>, Status> {
        Ok(Response::new(self.standing(request.into_inner()).await?))
    }
}

fn question(request: &KlinesRequest, now: Timestamp) -> Result<KlineQuestion, PriceError> {
    let interval = Interval::from_name(&request.interval).ok_or(PriceError::Invalid("interval: none of 1s … 1M"))?;
    let offset = Offset::minutes(request.offset_minutes).ok_or(PriceError::Invalid("offset_minutes: -720 to 840"))?;
    Ok(KlineQuestion {
        interval,
        offset,
        start: (request.start_us != 0).then_some(Timestamp(request.start_us)),
        end: if request.end_us == 0 { now.plus(1) } else { Timestamp(request.end_us) },
        limit: limit(request.limit, KLINES_DEFAULT, KLINES_MAX),
    })
}

/// Whether a window may begin there.
fn is_recent(start: Timestamp, now: Timestamp) -> bool {
    start.0.is_multiple_of(Timestamp::SECOND) && start <= now && now.0 - start.0 <= START_DAYS_MAX * Timestamp::DAY
}

fn limit(asked: u32, default: u32, max: u32) -> u32 {
    if asked == 0 { default } else { asked.min(max) }
}

fn kline(listing: &Listing, question: &KlineQuestion, bar: &Bar) -> Kline {
    Kline {
        open_us: bar.start.0,
        close_us: question.interval.span(bar.start, question.offset).end.0.saturating_sub(1),
        open: listing.price(bar.open),
        high: listing.price(bar.high),
        low: listing.price(bar.low),
        close: listing.price(bar.close),
        volume: listing.qty(bar.volume),
        quote_volume: listing.quote(bar.quote),
        trades: bar.trades,
        taker_buy_volume: listing.qty(bar.taker_buy_volume),
        taker_buy_quote_volume: listing.quote(bar.taker_buy_quote),
        first_trade: bar.first_trade.0,
        last_trade: bar.last_trade.0,
    }
}

fn ticker(moment: &Moment, window: &Window) -> TickerReply {
    let listing = &moment.listing;
    let bar = window.bar.unwrap_or_else(|| Bar::flat(window.start, Default::default()));
    TickerReply {
        open_us: window.start.0,
        close_us: moment.now.0,
        open: listing.price(bar.open),
        high: listing.price(bar.high),
        low: listing.price(bar.low),
        last: listing.price(bar.close),
        volume: listing.qty(bar.volume),
        quote_volume: listing.quote(bar.quote),
        trades: bar.trades,
        first_trade: bar.first_trade.0,
        last_trade: bar.last_trade.0,
        previous_close: window.previous_close.map(|close| listing.price(close)).unwrap_or_default(),
        as_of_seq: moment.seq.0,
    }
}

fn deal(listing: &Listing, fill: &Fill) -> Deal {
    Deal {
        trade: fill.trade.0,
        at_us: fill.at.0,
        price: listing.price(fill.price),
        qty: listing.qty(fill.qty.0.into()),
        taker_is_buyer: fill.taker_is_buyer,
        quote: listing.quote(fill.quote),
    }
}
