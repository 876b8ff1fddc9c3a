//! What stands at a start, asked of those who keep it, so that nobody has to fold the log from its beginning.
//!
//! Open orders come from the engine in pages, each of its own sequence. The fold goes on from the first page's, and every
//! order leaves out what its page had already; so once the fold has passed the last page, the books are the engine's.

use std::collections::BTreeMap;

use allin_core::candles::{Bar, Interval};
use allin_core::ids::{Epoch, MarketId, Seq, Timestamp, TradeId};
use allin_core::num::PriceTicks;
use allin_core::spot::view::StandingOrder;
use allin_runtime::engine::{Answer, AnswerBody, Engine, Query};
use allin_wire::exchange::v1::market_price_server::MarketPrice;
use allin_wire::exchange::v1::{StandingReply, StandingRequest};
use tonic::Request;

use super::config::CacheCenterSection;
use super::state::{MarketState, StandingPrices, TICKER_SECONDS};
use crate::catalog::{Catalog, Listing};
use crate::follow::FollowError;

pub(super) struct Standing {
    pub catalog: Catalog,
    pub states: Vec<MarketState>,
    /// The fold goes on after this.
    pub position: Seq,
    /// From here on the states are those of one sequence.
    pub whole_from: Seq,
}

/// Asks for everything. All of it is asked for after `durable`, so what is listed, traded or placed since then and is not in
/// an answer comes with the log.
pub(super) async fn ask(
    durable: Seq,
    engine: &dyn Engine,
    prices: &dyn MarketPrice,
    config: &CacheCenterSection,
) -> Result<Standing, FollowError> {
    let catalog = Catalog::of(engine).await?;
    let new = |listing: &Listing| (listing.market, MarketState::new(*listing, config.deals_kept));
    let mut states: BTreeMap<MarketId, MarketState> = catalog.listings().map(new).collect();
    let mut position = durable;
    // First the prices: what they hold is durable then, so that no page of orders is older.
    for market in traded(engine).await? {
        let Some(state) = states.get_mut(&market) else { continue };
        let (standing, as_of) = prices_of(prices, &state.listing, config).await?;
        state.take_up(standing);
        position = position.min(as_of);
    }
    // An order without its market was placed in one that was listed since: both come with the log.
    let enter = |order: &StandingOrder, seq| {
        if let Some(state) = states.get_mut(&order.market) {
            state.book.enter_standing(order, seq);
        }
    };
    let (last, at) = open_orders(engine, config.standing_page, enter).await?;
    states.values_mut().for_each(|state| state.stand_at(last, at));
    let states = states.into_values().collect();
    Ok(Standing { catalog, states, position, whole_from: last })
}

/// Markets that had a trade.
async fn traded(engine: &dyn Engine) -> Result<Vec<MarketId>, FollowError> {
    match engine.query(Query::Markets).await?.body {
        AnswerBody::Markets(markets) => {
            let traded = markets.iter().filter(|market| market.next_trade > TradeId(1));
            Ok(traded.map(|market| market.spec.id).collect())
        }
        other => Err(format!("the engine answered its markets with {other:?}").into()),
    }
}

/// Every open order, with the sequence of its page; gives sequence and time of the last page.
pub(crate) async fn open_orders(
    engine: &dyn Engine,
    limit: u32,
    mut enter: impl FnMut(&StandingOrder, Seq),
) -> Result<(Seq, Timestamp), FollowError> {
    let mut first: Option<Epoch> = None;
    let mut from = 0;
    loop {
        let Answer { seq, at, body } = engine.query(Query::Standing { from, limit }).await?;
        let AnswerBody::Standing { epoch, orders, next } = body else {
            return Err(format!("the engine answered its open orders with {body:?}").into());
        };
        if *first.get_or_insert(epoch) != epoch {
            return Err("another engine leads since the first page of open orders".into());
        }
        orders.iter().for_each(|order| enter(order, seq));
        match next {
            Some(next) => from = next,
            None => return Ok((seq, at)),
        }
    }
}

/// All pages of a market's prices, and the sequence after which nothing is left out.
async fn prices_of(
    prices: &dyn MarketPrice,
    listing: &Listing,
    config: &CacheCenterSection,
) -> Result<(StandingPrices, Seq), FollowError> {
    let deals = u32::try_from(config.deals_kept).unwrap_or(u32::MAX);
    let mut request =
        StandingRequest { market: listing.symbol.to_string(), deals, window_s: TICKER_SECONDS, from_us: 0 };
    let (mut standing, mut as_of) = (StandingPrices::default(), Seq(u64::MAX));
    loop {
        let reply = prices.standing(Request::new(request.clone())).await?.into_inner();
        let StandingReply { as_of_seq, bars, deals, seconds, before, next_us } = reply;
        as_of = as_of.min(Seq(as_of_seq));
        if request.from_us == 0 {
            if !bars.is_empty() && bars.len() != Interval::ALL.len() {
                return Err(format!("{} bars of {} where 16 were due", bars.len(), listing.symbol).into());
            }
            standing.bars = bars.into_iter().map(Bar::from).collect();
            standing.deals = deals.into_iter().map(Into::into).collect();
            standing.before = (before != 0).then_some(PriceTicks(before));
        }
        standing.seconds.extend(seconds.into_iter().map(Bar::from));
        if next_us == 0 {
            return Ok((standing, as_of));
        }
        request.from_us = next_us;
    }
}
