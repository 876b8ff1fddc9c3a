//! Questions, and what is published to the cache.

use crate::guarded::channel;
use allin_core::ids::MarketId;
use allin_core::spot::command::Side;
use allin_testing::cache::{Mood, MoodyCache};
use allin_wire::exchange::v1::cache_push_client::CachePushClient;
use allin_wire::exchange::v1::cache_query_client::CacheQueryClient;
use allin_wire::exchange::v1::{
    CacheDealsRequest, DepthRequest, DepthSnapshot, Level, PushKlines, PushSubscribe, PushTicker,
};
use prost::Message;
use tonic::Code;

use super::*;
use crate::flow::Flow;

fn depth(limit: u32, merge: &str) -> DepthRequest {
    DepthRequest { market: "BTCUSDT".into(), limit, merge: merge.into() }
}

#[tokio::test]
async fn questions_are_answered_from_one_moment() {
    let tape = Tape::new(50);
    let mut flow = Flow::new(tape.clone(), 12);
    flow.steps(900);
    let running = start(&tape, quick()).await;
    let mut client = CacheQueryClient::new(channel(running.url(QUERIES)));

    let snapshot = client.depth(depth(3, "")).await.expect("an answer").into_inner();
    assert_eq!(snapshot.seq, flow.spot.seq().0);
    let normal = |levels: &[Level]| levels.iter().map(|level| level.price.clone()).collect::<Vec<_>>();
    let expected = |side| -> Vec<String> {
        let levels = flow.spot.depth(MarketId(0), side, 3);
        levels.iter().map(|level| format!("{}.{:02}", level.price.0 / 100, level.price.0 % 100)).collect()
    };
    assert_eq!(normal(&snapshot.bids), expected(Side::Buy));
    assert_eq!(normal(&snapshot.asks), expected(Side::Sell));
    let merged = client.depth(depth(0, "0.10")).await.expect("an answer").into_inner();
    assert!(merged.bids.iter().all(|level| level.price.ends_with('0')), "{:?}", merged.bids);
    for bad in ["0.001", "0", "-1", "x", "1e3"] {
        assert_eq!(client.depth(depth(0, bad)).await.expect_err(bad).code(), Code::InvalidArgument);
    }

    let deals = CacheDealsRequest { market: "BTCUSDT".into(), limit: 5 };
    let deals = client.deals(deals).await.expect("an answer").into_inner().deals;
    let newest = flow.spot.market(MarketId(0)).expect("a market").next_trade.0 - 1;
    assert_eq!(
        deals.iter().map(|deal| deal.trade).collect::<Vec<_>>(),
        (newest - 4..=newest).rev().collect::<Vec<_>>()
    );
    let day = PushKlines { market: "BTCUSDT".into(), interval: "1d".into() };
    let bar = client.klines(day.clone()).await.expect("an answer").into_inner();
    assert_eq!((bar.trades, bar.first_trade, bar.last_trade, bar.closed), (newest, 1, newest, false));
    let tickers = client.tickers(PushSubscribe::default()).await.expect("an answer").into_inner().tickers;
    assert_eq!(tickers.iter().map(|t| t.market.as_str()).collect::<Vec<_>>(), ["BTCUSDT", "ETHUSDT", "ETHBTC"]);
    assert_eq!((tickers[0].trades, tickers[2].trades, tickers[2].last.as_str()), (newest, 0, "0.00"));
    assert_eq!(tickers[0].volume, bar.volume);

    let none = PushKlines { market: "ETHBTC".into(), ..day.clone() };
    assert_eq!(client.klines(none).await.expect_err("no trade").code(), Code::NotFound);
    let odd = PushKlines { interval: "7m".into(), ..day };
    assert_eq!(client.klines(odd).await.expect_err("refused").code(), Code::InvalidArgument);
    let mut of_tickers = CacheQueryClient::new(channel(running.url(TICKERS)));
    assert_eq!(of_tickers.depth(depth(1, "")).await.expect_err("another kind").code(), Code::Unimplemented);
    of_tickers.tickers(PushSubscribe { market: "BTCUSDT".into() }).await.expect("its kind");
}

#[tokio::test]
async fn snapshots_and_tickers_are_published_as_they_change() {
    let tape = Tape::new(50);
    let mut flow = Flow::new(tape.clone(), 12);
    flow.steps(500);
    let running = start(&tape, quick()).await;
    let mut messages = running.cache.subscribe("landry-ces-cachecenter/depth/BTCUSDT").await.expect("listens");
    flow.step();
    flow.steps(200);
    let last = flow.spot.seq().0;
    let best = flow.spot.depth(MarketId(0), Side::Buy, 1);
    let snapshot = loop {
        let message = messages.next().await.expect("a message");
        let snapshot = DepthSnapshot::decode(message).expect("a snapshot");
        if snapshot.seq >= last {
            break snapshot;
        }
        // Perhaps the last commands changed nothing: then this was the last message of them.
        let folded = || running.service.progress.folded().0 >= last;
        wait(folded).await;
        flow.send(allin_core::spot::command::Command::Tick);
        if snapshot.bids.len() == flow.spot.depth(MarketId(0), Side::Buy, 100).len() {
            break snapshot;
        }
    };
    assert_eq!(snapshot.bids.first().map(|level| level.orders), best.first().map(|level| level.orders));
    let ticker = async || {
        let bytes = running.cache.get("landry-ces-cachecenter/ticker/BTCUSDT").await.expect("the cache")?;
        PushTicker::decode(bytes).ok()
    };
    let newest = flow.spot.market(MarketId(0)).expect("a market").next_trade.0 - 1;
    let all = async {
        while ticker().await.map(|ticker| ticker.last_trade) != Some(newest) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.expect("comes in time");
}

/// Whoever asks the cache gets what there was, for its time; who is subscribed gets what there is.
#[tokio::test]
async fn subscribers_do_not_wait_for_a_cache_that_is_away_or_hangs() {
    for mood in [Mood::Away, Mood::Hangs] {
        let tape = Tape::new(50);
        let mut flow = Flow::new(tape.clone(), 12);
        flow.steps(500);
        let cache = Arc::new(MoodyCache::default());
        let data = tempfile::tempdir().expect("a folder");
        let prices = prices(&tape, &data).await;
        let service = serve(tape.clone(), &tape, quick(), cache.clone(), &prices).await;
        let mut tickers = CachePushClient::new(channel(format!("http://{}", service.running.addresses()[PUSH])))
            .tickers(PushSubscribe::default())
            .await
            .expect("a stream")
            .into_inner();
        cache.set_mood(mood);
        // Both markets that trade, more than once.
        for _ in 0..3 {
            let before = [0, 1].map(|market| flow.spot.market(MarketId(market)).expect("a market").next_trade.0);
            let traded = |flow: &Flow| {
                [0, 1].map(|market| flow.spot.market(MarketId(market)).expect("a market").next_trade.0 - 1)
            };
            while traded(&flow).iter().zip(before).any(|(now, before)| *now < before) {
                flow.step();
            }
            let mut missing: Vec<u64> = traded(&flow).to_vec();
            let all = async {
                while !missing.is_empty() {
                    let ticker = tickers.message().await.expect("open").expect("a ticker");
                    missing.retain(|trade| *trade != ticker.last_trade);
                }
            };
            tokio::time::timeout(Duration::from_secs(20), all).await.unwrap_or_else(|_| panic!("{mood:?}"));
        }
        // What it missed comes by itself, also of a market where nothing happens any more.
        cache.flush();
        cache.set_mood(Mood::Well);
        for key in ["ticker/BTCUSDT", "depth/BTCUSDT", "ticker/ETHUSDT", "depth/ETHBTC"] {
            let all = async {
                while cache.get(&format!("{NAME}/{key}")).await.expect("well").is_none() {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), all).await.unwrap_or_else(|_| panic!("{mood:?} {key}"));
        }
    }
}
