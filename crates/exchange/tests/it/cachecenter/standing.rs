//! A start takes up what stands, and reads nothing of the log that it need not.

use std::sync::Mutex;

use allin_core::candles::{Interval, Offset, Rolling};
use allin_core::ids::{Epoch, MarketId, Seq, Timestamp, UserId};
use allin_core::num::PriceTicks;
use allin_core::spot::command::{Command, MarketState, Side};
use allin_core::spot::view::{LevelView, OrderView, Stage};
use allin_exchange::catalog::Listing;
use allin_runtime::engine::{Answer, AnswerBody, Query, Reply, SubmitError};
use allin_runtime::shard::StateMachine;
use allin_wire::exchange::v1::cache_query_server::CacheQuery;
use allin_wire::exchange::v1::{CacheDealsRequest, DepthRequest, Level, PushKlines, PushSubscribe};
use async_trait::async_trait;
use tonic::Request;

use super::*;
use crate::flow::{Flow, markets};
use crate::marketprice::{expected, fills};
use crate::tape::{asset, market};

/// Fewer than there are.
const DEALS_KEPT: usize = 150;
const HOUR: u64 = 3600 * Timestamp::SECOND;

/// An engine that goes on between any two pages of its open orders.
struct Moving {
    tape: Arc<Tape>,
    /// None once taken away: nobody asks for pages any more.
    flow: Mutex<Option<Flow>>,
    /// Commands after each page.
    steps: usize,
    /// The page from which on another engine leads.
    restart_at: u32,
    asked: Mutex<Asked>,
}

/// What it was asked for so far.
#[derive(Clone, Copy, Default)]
struct Asked {
    pages: u32,
    /// First pages among them.
    begins: u32,
    /// Of the newest page.
    seq: Seq,
}

impl Moving {
    fn new(flow: Flow, steps: usize, restart_at: u32) -> Arc<Moving> {
        let tape = flow.tape.clone();
        Arc::new(Moving { tape, flow: Mutex::new(Some(flow)), steps, restart_at, asked: Mutex::default() })
    }

    fn with<R>(&self, what: impl FnOnce(&mut Flow) -> R) -> R {
        what(self.flow.lock().expect("no holder panics").as_mut().expect("asked for pages once"))
    }

    fn take(&self) -> Flow {
        self.flow.lock().expect("no holder panics").take().expect("taken once")
    }

    fn asked(&self) -> Asked {
        *self.asked.lock().expect("no holder panics")
    }
}

#[async_trait]
impl Engine for Moving {
    async fn submit(&self, command: Command) -> Result<Reply, SubmitError> {
        self.tape.submit(command).await
    }

    async fn query(&self, query: Query) -> Result<Answer, SubmitError> {
        let Query::Standing { from, .. } = query else {
            let answer = self.tape.query(query.clone()).await;
            if query == Query::Markets {
                // What is traded now the prices have already when they are asked, and the log gives it once more.
                self.with(|flow| flow.steps(20 * self.steps));
                wait(|| self.tape.given(PRICES) >= self.tape.durable().0).await;
            }
            return answer;
        };
        let mut asked = self.asked.lock().expect("no holder panics");
        asked.pages += 1;
        asked.begins += u32::from(from == 0);
        let leader = Epoch(1 + u32::from(asked.pages >= self.restart_at));
        self.with(|flow| {
            let (seq, at) = (flow.spot.seq(), self.tape.now());
            asked.seq = seq;
            let mut body = StateMachine::answer(&flow.spot, &query);
            if let AnswerBody::Standing { epoch, .. } = &mut body {
                *epoch = leader;
            }
            flow.steps(self.steps);
            Ok(Answer { seq, at, body })
        })
    }
}

/// Opens the markets: a random flow may leave them halted for long.
fn open(flow: &mut Flow) {
    for (market, _) in markets() {
        flow.send(Command::SetMarketState { market, state: MarketState::PreOpen });
        flow.send(Command::Uncross { market });
        flow.send(Command::SetMarketState { market, state: MarketState::Trading });
    }
}

/// A history of three days, with two pauses.
fn history(seed: u64) -> Flow {
    let mut flow = Flow::new(Tape::new(1), seed);
    for pause in [0, 30 * HOUR, 23 * HOUR] {
        flow.pass(pause);
        open(&mut flow);
        flow.steps(700);
    }
    open(&mut flow);
    flow
}

/// Everything that the role answers, against the state machine and all trades of the tape.
async fn check(running: &Running, flow: &Flow, case: &str) {
    wait(|| running.service.progress.folded() >= flow.spot.seq()).await;
    for (id, symbol) in markets() {
        let of = Of { running, flow, id, symbol, case, listing: Listing::new(&market(id.0), &asset(2)) };
        of.book().await;
        of.deals().await;
        of.bars().await;
        of.ticker().await;
    }
}

/// One market's answers.
struct Of<'a> {
    running: &'a Running,
    flow: &'a Flow,
    id: MarketId,
    symbol: &'static str,
    case: &'a str,
    listing: Listing,
}

impl Of<'_> {
    fn api(&self) -> &dyn CacheQuery {
        &*self.running.service.api
    }

    async fn book(&self) {
        let Of { flow, id, symbol, case, listing, .. } = self;
        let request = DepthRequest { market: (*symbol).into(), limit: 5000, merge: String::new() };
        let depth = self.api().depth(Request::new(request)).await.expect(case).into_inner();
        assert_eq!(depth.seq, flow.spot.seq().0, "{case} {symbol}");
        for (side, levels) in [(Side::Buy, &depth.bids), (Side::Sell, &depth.asks)] {
            let engine = flow.spot.depth(*id, side, usize::MAX);
            let text = |level: &LevelView| (listing.price(level.price), listing.qty(level.qty.0.into()), level.orders);
            let want: Vec<(String, String, u32)> = engine.iter().map(text).collect();
            let text = |level: &Level| (level.price.clone(), level.qty.clone(), level.orders);
            assert_eq!(levels.iter().map(text).collect::<Vec<_>>(), want, "{case} {symbol} {side:?}");
        }
        assert_eq!(depth.last, listing.price(flow.spot.market(*id).expect("listed").last_price), "{case} {symbol}");
    }

    async fn deals(&self) {
        let Of { id, symbol, case, listing, .. } = self;
        let all = fills(&self.flow.tape, id.0);
        assert!(all.len() > 100, "{case}: {}", all.len());
        let request = CacheDealsRequest { market: (*symbol).into(), limit: 100_000 };
        let deals = self.api().deals(Request::new(request)).await.expect(case).into_inner().deals;
        let got = deals.iter().map(|deal| (deal.trade, deal.at_us, deal.qty.clone()));
        let newest = all.iter().rev().take(DEALS_KEPT);
        let want = newest.map(|fill| (fill.trade.0, fill.at.0, listing.qty(fill.qty.0.into())));
        assert_eq!(got.collect::<Vec<_>>(), want.collect::<Vec<_>>(), "{case} {symbol}");
    }

    async fn bars(&self) {
        let Of { id, symbol, case, listing, .. } = self;
        for interval in Interval::ALL {
            let request = PushKlines { market: (*symbol).into(), interval: interval.name().into() };
            let got = self.api().klines(Request::new(request)).await.expect(case).into_inner();
            let want = expected(&self.flow.tape, id.0, interval, Offset::UTC).pop().expect("a trade");
            let prices = [want.open, want.high, want.low, want.close].map(|price| listing.price(price));
            let sums = (listing.qty(want.volume), listing.quote(want.quote), want.trades);
            assert_eq!([got.open, got.high, got.low, got.close], prices, "{case} {symbol} {interval:?}");
            assert_eq!((got.volume, got.quote_volume, got.trades), sums, "{case} {symbol} {interval:?}");
            assert_eq!(got.open_us, want.start.0, "{case} {symbol} {interval:?}");
        }
    }

    async fn ticker(&self) {
        let Of { id, symbol, case, listing, .. } = self;
        let mut rolling = Rolling::new(86_400);
        fills(&self.flow.tape, id.0).iter().for_each(|fill| rolling.fold(fill));
        rolling.advance(self.flow.tape.now());
        let request = PushSubscribe { market: (*symbol).into() };
        let got = self.api().tickers(Request::new(request)).await.expect(case).into_inner().tickers.remove(0);
        let want = rolling.bar().expect("a trade today");
        let trades = (want.trades, want.first_trade.0, want.last_trade.0);
        assert_eq!((got.trades, got.first_trade, got.last_trade), trades, "{case} {symbol}");
        let sums = (listing.qty(want.volume), listing.quote(want.quote));
        assert_eq!((got.volume, got.quote_volume), sums, "{case} {symbol}");
        let before = rolling.previous_close().map(|close| listing.price(close)).unwrap_or_default();
        assert_eq!(got.previous_close, before, "{case} {symbol}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_on_a_moving_engine_gives_what_a_fold_of_the_whole_log_would() {
    // Slots a page, commands between two pages.
    for (seed, (page, steps)) in [(1, 1), (3, 20), (7, 2), (2000, 5), (1, 0)].into_iter().enumerate() {
        let case = format!("{page} slots a page, {steps} commands between");
        let flow = history(0x5eed * (seed as u64 + 1));
        let (tape, began) = (flow.tape.clone(), flow.spot.seq());
        let engine = Moving::new(flow, steps, u32::MAX);
        let config = CacheCenterSection { standing_page: page, deals_kept: DEALS_KEPT, ..quick() };
        let running = start_on(engine.clone(), &tape, config).await;
        let asked = engine.asked();
        assert!(running.service.progress.folded() >= asked.seq, "{case}: ready before it was whole");
        let read = tape.given(NAME);
        let mut flow = engine.take();
        let moved = flow.spot.seq().0 - began.0;
        assert!(read <= moved, "{case}: {read} records read where {moved} came since it began to ask");
        assert!(page > 100 || asked.pages > 3, "{case}: {} pages", asked.pages);
        check(&running, &flow, &case).await;
        // And goes on from there, also a day later.
        for pause in [0, HOUR, 23 * HOUR, 2 * HOUR] {
            flow.pass(pause);
            open(&mut flow);
            flow.steps(150);
            check(&running, &flow, &format!("{case}, {pause} later")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_two_leaders_are_not_put_together() {
    let flow = history(77);
    let tape = flow.tape.clone();
    let engine = Moving::new(flow, 1, 5);
    let running =
        start_on(engine.clone(), &tape, CacheCenterSection { standing_page: 4, deals_kept: DEALS_KEPT, ..quick() })
            .await;
    let mut flow = engine.take();
    assert_eq!(engine.asked().begins, 2, "it began again");
    flow.steps(1);
    check(&running, &flow, "after the second leader's pages").await;
}

#[tokio::test]
async fn the_standing_orders_are_all_that_are_open_once_each() {
    for seed in 1..20 {
        let mut flow = Flow::new(Tape::new(1), seed * 31);
        flow.steps(600);
        for page in [1, 5, 1000] {
            let (mut from, mut found) = (0, Vec::new());
            loop {
                let (orders, next) = flow.spot.standing(from, page);
                found.extend(orders);
                match next {
                    Some(next) => from = next,
                    None => break,
                }
            }
            let mut ids: Vec<u64> = found.iter().map(|order| order.order.0).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), found.len(), "seed {seed}: one twice");
            for (id, symbol) in markets() {
                let of = |side| found.iter().filter(move |order| order.market == id && order.side == side);
                for side in [Side::Buy, Side::Sell] {
                    let resting = of(side).filter(|order| order.stage == Stage::Resting).count();
                    let want = flow.spot.book(id, side, 0, usize::MAX).1;
                    assert_eq!(resting as u64, want, "seed {seed} {symbol} {side:?}");
                }
            }
            for order in &found {
                let view = flow.spot.order(order.order).expect("is open");
                assert_eq!((view.left, view.new.price, view.new.market), (order.left, order.price, order.market));
            }
            let priced = |view: &OrderView| view.new.price != PriceTicks::NONE;
            let open: usize = (1..=6)
                .map(|user| flow.spot.open_orders(UserId(user), None, None, 0, usize::MAX).0)
                .map(|orders| orders.iter().filter(|view| priced(view)).count())
                .sum();
            assert_eq!(found.len(), open, "seed {seed}");
        }
    }
}
