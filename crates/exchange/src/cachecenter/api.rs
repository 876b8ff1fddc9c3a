//! Questions (7802, and 7810 to 7813 for their kind).

use std::sync::Arc;

use allin_core::candles::Interval;
use allin_wire::exchange::v1::cache_query_server::CacheQuery;
use allin_wire::exchange::v1::{
    CacheDealsReply, CacheDealsRequest, CacheTickersReply, DepthRequest, DepthSnapshot, PushKline, PushKlines,
    PushSubscribe,
};
use async_trait::async_trait;
use tonic::{Request, Response, Status};

use super::center::{Center, lock};
use super::kind::{Kind, Kinds};
use super::message;

const LEVELS_DEFAULT: u32 = 100;
const LEVELS_MAX: u32 = 5000;
const DEALS_DEFAULT: u32 = 100;

pub(super) struct QueryApi {
    pub center: Arc<Center>,
    pub kinds: Kinds,
}

#[async_trait]
impl CacheQuery for QueryApi {
    async fn depth(&self, request: Request<DepthRequest>) -> Result<Response<DepthSnapshot>, Status> {
        self.kinds.check(Kind::Depth)?;
        let request = request.into_inner();
        let cell = self.center.find(&request.market)?;
        let cell = lock(&cell);
        let state = &cell.state;
        let step = match request.merge.as_str() {
            "" => None,
            text => match state.listing.parse_price(text) {
                Ok(step) if !step.is_none() => Some(step),
                _ => return Err(Status::invalid_argument("merge: not a positive number of price steps")),
            },
        };
        let limit = if request.limit == 0 { LEVELS_DEFAULT } else { request.limit.min(LEVELS_MAX) };
        let seq = self.center.seq_of(state);
        Ok(Response::new(message::snapshot(state, seq, limit as usize, step)))
    }

    async fn deals(&self, request: Request<CacheDealsRequest>) -> Result<Response<CacheDealsReply>, Status> {
        self.kinds.check(Kind::Deals)?;
        let request = request.into_inner();
        let cell = self.center.find(&request.market)?;
        let cell = lock(&cell);
        let limit = if request.limit == 0 { DEALS_DEFAULT } else { request.limit };
        let newest = cell.state.deals.iter().rev().take(limit as usize);
        let deals = newest.map(|deal| message::deal(&cell.state.listing, deal)).collect();
        Ok(Response::new(CacheDealsReply { deals, seq: self.center.seq_of(&cell.state).0 }))
    }

    async fn klines(&self, request: Request<PushKlines>) -> Result<Response<PushKline>, Status> {
        self.kinds.check(Kind::Klines)?;
        let request = request.into_inner();
        let interval = interval(&request.interval)?;
        let cell = self.center.find(&request.market)?;
        let cell = lock(&cell);
        let Some(bar) = cell.state.bar(interval) else {
            return Err(Status::not_found("nothing was traded yet"));
        };
        let closed = cell.state.bar_end(interval) <= self.center.now();
        Ok(Response::new(message::kline(&cell.state, interval, bar, closed)))
    }

    async fn tickers(&self, request: Request<PushSubscribe>) -> Result<Response<CacheTickersReply>, Status> {
        self.kinds.check(Kind::Tickers)?;
        let symbol = request.into_inner().market;
        let cells = match symbol.as_str() {
            "" => {
                self.center.check_caught_up()?;
                self.center.cells()
            }
            symbol => vec![self.center.find(symbol)?],
        };
        let seq = self.center.progress.folded().0;
        let tickers = cells.iter().map(|cell| self.center.ticker(&mut lock(cell))).collect();
        Ok(Response::new(CacheTickersReply { tickers, seq }))
    }
}

pub(super) fn interval(name: &str) -> Result<Interval, Status> {
    Interval::from_name(name).ok_or_else(|| Status::invalid_argument("interval: none of 1s … 1M"))
}
