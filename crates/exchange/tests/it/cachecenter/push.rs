//! Streams: snapshot and differences, trades, bars, tickers; slow subscribers; the bound of subscribers.

use crate::guarded::channel;
use std::collections::{BTreeMap, HashMap};

use allin_core::ids::{MarketId, Seq};
use allin_core::spot::command::Side;
use allin_core::spot::event::Event;
use allin_wire::exchange::v1::cache_push_client::CachePushClient;
use allin_wire::exchange::v1::depth_update::Kind;
use allin_wire::exchange::v1::{DepthSubscribe, DepthUpdate, PushKlines, PushSubscribe};
use tonic::Code;

use super::*;
use crate::flow::Flow;

type Sides = (BTreeMap<String, (String, u32)>, BTreeMap<String, (String, u32)>);

/// The engine's book as a client would write it.
fn engine_book(flow: &Flow) -> Sides {
    let side = |side| {
        let levels = flow.spot.depth(MarketId(0), side, usize::MAX);
        let text = |level: &allin_core::spot::view::LevelView| {
            let (price, qty) = (level.price.0, level.qty.0);
            let price = format!("{}.{:02}", price / 100, price % 100);
            (price, (format!("{}.{:04}", qty / 10_000, qty % 10_000), level.orders))
        };
        levels.iter().map(text).collect()
    };
    (side(Side::Buy), side(Side::Sell))
}

/// A client that knows nothing but what it is sent.
#[derive(Default)]
struct Client {
    book: Sides,
    seq: u64,
    update: u64,
    started: bool,
}

impl Client {
    fn take(&mut self, message: DepthUpdate) {
        match message.kind.expect("a kind") {
            Kind::Snapshot(snapshot) => {
                assert!(!self.started, "one snapshot, first");
                let side = |levels: Vec<allin_wire::exchange::v1::Level>| {
                    levels.into_iter().map(|level| (level.price, (level.qty, level.orders))).collect()
                };
                (self.started, self.seq, self.update) = (true, snapshot.seq, snapshot.update);
                self.book = (side(snapshot.bids), side(snapshot.asks));
            }
            Kind::Diff(diff) => {
                assert_eq!(diff.first_update, self.update + 1, "no gap");
                assert!(diff.seq > self.seq && diff.last_update >= diff.first_update);
                (self.seq, self.update) = (diff.seq, diff.last_update);
                for (levels, side) in [(diff.bids, &mut self.book.0), (diff.asks, &mut self.book.1)] {
                    for level in levels {
                        match level.orders {
                            0 => side.remove(&level.price),
                            _ => side.insert(level.price, (level.qty, level.orders)),
                        };
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshot_and_differences_are_the_engines_book_at_every_sequence() {
    let tape = Tape::new(3);
    let mut flow = Flow::new(tape.clone(), 99);
    flow.steps(300);
    let config = CacheCenterSection { subscriber_queue_max: 20_000, ..quick() };
    let running = start(&tape, config).await;
    let mut books: HashMap<u64, Sides> = HashMap::from([(flow.spot.seq().0, engine_book(&flow))]);
    let mut followers = Vec::new();
    for round in 0..5 {
        // The kind's own port is as good.
        let port = if round % 2 == 0 { PUSH } else { DEPTH };
        let mut client = CachePushClient::new(channel(running.url(port)));
        let asked = DepthSubscribe { market: "BTCUSDT".into() };
        let mut stream = client.depth(asked).await.expect("a stream").into_inner();
        let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(message)) = stream.message().await {
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        let mut state = Client::default();
        state.take(receive.recv().await.expect("a snapshot"));
        followers.push((state, receive));
        for _ in 0..600 {
            flow.step();
            books.insert(flow.spot.seq().0, engine_book(&flow));
        }
    }
    let last = flow.spot.seq();
    wait(|| running.service.progress.folded() >= last).await;
    let mut checked = 0;
    for (client, receive) in &mut followers {
        loop {
            assert_eq!(client.book, books[&client.seq], "at {}", client.seq);
            checked += 1;
            // Sequences without a difference have the same book.
            let next = (client.seq + 1..=last.0).find(|seq| books[seq] != client.book);
            let Some(next) = next else { break };
            client.take(receive.recv().await.expect("a difference"));
            assert_eq!(client.seq, next, "told at the very sequence that changed it");
        }
    }
    assert!(checked > 1000, "{checked}");
    running.service.running.stop().await.expect("stops with streams open");
}

#[tokio::test]
async fn trades_bars_and_tickers_are_pushed() {
    let tape = Tape::new(3);
    let mut flow = Flow::new(tape.clone(), 5);
    flow.steps(400);
    let running = start(&tape, quick()).await;
    let mut client = CachePushClient::new(channel(running.url(PUSH)));
    let market = || PushSubscribe { market: "BTCUSDT".into() };
    let mut deals = client.deals(market()).await.expect("a stream").into_inner();
    let minutes = PushKlines { market: "BTCUSDT".into(), interval: "1s".into() };
    let mut klines = client.klines(minutes).await.expect("a stream").into_inner();
    let mut tickers = client.tickers(PushSubscribe::default()).await.expect("a stream").into_inner();
    let from = flow.spot.seq();
    flow.steps(400);
    let trades: Vec<(Seq, u64)> = tape
        .records()
        .iter()
        .filter(|(record, _)| record.seq > from)
        .flat_map(|(record, events)| events.iter().map(|event| (record.seq, *event)))
        .filter_map(|(seq, event)| match event {
            Event::Trade(trade) if trade.market == MarketId(0) => Some((seq, trade.trade.0)),
            _ => None,
        })
        .collect();
    assert!(trades.len() > 20, "{}", trades.len());
    for (seq, trade) in &trades {
        let deal = deals.message().await.expect("open").expect("a trade");
        assert_eq!((deal.trade, deal.seq), (*trade, seq.0));
    }
    // Bars: in order; each is closed once a later one began, and the last holds the last trade.
    let (mut open_us, mut trades_of_bar, mut closed_bars) = (0, 0, 0);
    loop {
        let kline = klines.message().await.expect("open").expect("a bar");
        match kline.open_us == open_us {
            true => assert!(kline.trades >= trades_of_bar),
            false => assert!(kline.open_us > open_us),
        }
        (open_us, trades_of_bar) = (kline.open_us, kline.trades);
        closed_bars += u64::from(kline.closed);
        if Some(kline.last_trade) == trades.last().map(|(_, trade)| *trade) {
            break;
        }
    }
    assert!(closed_bars > 3, "{closed_bars}");
    loop {
        let ticker = tickers.message().await.expect("open").expect("a ticker");
        if ticker.market == "BTCUSDT" && Some(ticker.last_trade) == trades.last().map(|(_, trade)| *trade) {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_too_slowly_is_cut_off_and_others_are_not() {
    let tape = Tape::new(50);
    let mut flow = Flow::new(tape.clone(), 8);
    flow.steps(50);
    let config = CacheCenterSection { subscriber_queue_max: 64, ..quick() };
    let running = start(&tape, config).await;
    use futures::StreamExt;
    // In this process nothing but the queue is between the fold and the reader, so its bound shows exactly.
    let mut slow = running.service.center.subscribe_depth("BTCUSDT").expect("a stream");
    let from = flow.spot.seq();
    let mut quick_one = running.service.center.subscribe_depth("BTCUSDT").expect("a stream");
    let mut received = 0;
    for _ in 0..800 {
        flow.step();
        wait(|| running.service.progress.folded() >= flow.spot.seq()).await;
        while let Some(Some(frame)) = futures::FutureExt::now_or_never(quick_one.next()) {
            frame.expect("the quick one is not cut off");
            received += 1;
        }
    }
    assert!(flow.spot.seq() > from && received > 100, "{received}");
    let (mut before_end, mut end) = (0, None);
    while let Some(frame) = slow.next().await {
        match frame {
            Ok(_) => before_end += 1,
            Err(status) => end = Some(status.code()),
        }
    }
    assert_eq!((before_end, end), (65, Some(Code::ResourceExhausted)), "the snapshot and what its queue holds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_reads_does_not_hold_up_the_fold() {
    let tape = Tape::new(200);
    let mut flow = Flow::new(tape.clone(), 21);
    let config = CacheCenterSection { subscriber_queue_max: 16, ..quick() };
    let running = start(&tape, config).await;
    let mut client = CachePushClient::new(channel(running.url(PUSH)));
    let mut asleep = client.depth(DepthSubscribe { market: "BTCUSDT".into() }).await.expect("a stream").into_inner();
    // More than the buffers of the connection take.
    flow.steps(6000);
    wait(|| running.service.progress.folded() >= flow.spot.seq()).await;
    let end = loop {
        match asleep.message().await {
            Ok(Some(_)) => {}
            Ok(None) => break None,
            Err(status) => break Some(status.code()),
        }
    };
    assert_eq!(end, Some(Code::ResourceExhausted));
}

#[tokio::test]
async fn subscribers_have_a_bound_and_ports_a_kind() {
    let tape = Tape::new(50);
    let flow = Flow::new(tape.clone(), 8);
    let running = start(&tape, CacheCenterSection { subscribers_max: 2, ..quick() }).await;
    wait(|| running.service.progress.folded() >= flow.spot.seq()).await;
    let mut client = CachePushClient::new(channel(running.url(PUSH)));
    let market = || PushSubscribe { market: "BTCUSDT".into() };
    let first = client.deals(market()).await.expect("room");
    let _second = client.deals(market()).await.expect("room");
    assert_eq!(client.deals(market()).await.expect_err("full").code(), Code::ResourceExhausted);
    drop(first);
    let mut freed = false;
    for _ in 0..500 {
        freed = freed || client.deals(market()).await.is_ok();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(freed, "a place is free again once its stream is gone");
    let unknown = client.deals(PushSubscribe { market: "XXX".into() }).await.expect_err("refused");
    assert_eq!(unknown.code(), Code::NotFound);
    let mut depth = CachePushClient::new(channel(running.url(DEPTH)));
    assert_eq!(depth.deals(market()).await.expect_err("another kind").code(), Code::Unimplemented);
}
