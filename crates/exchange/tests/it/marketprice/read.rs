//! Answers: paging, gaps, windows, refusals.

use crate::guarded::channel;
use allin_databases::{Database, on_every_database};
use allin_wire::exchange::v1::market_price_client::MarketPriceClient;
use allin_wire::exchange::v1::{DealsRequest, LastRequest, TickerRequest};
use tonic::Code;

use super::*;

const SECOND: u64 = Timestamp::SECOND;

fn deal(price: u64, qty: u64) -> Deal {
    Deal { market: 0, price, qty, taker_side: Side::Buy, maker: 1, taker: 2 }
}

fn request(interval: &str) -> KlinesRequest {
    KlinesRequest { market: "BTCUSDT".into(), interval: interval.into(), ..KlinesRequest::default() }
}

fn row(reply: &KlinesReply) -> Vec<(u64, String, u64)> {
    reply.klines.iter().map(|k| ((k.open_us - DAY_START) / SECOND, k.close.clone(), k.trades)).collect()
}

on_every_database! {
async fn gaps_are_filled_and_pages_fit_together(database: Database) {
    let place = database.place();
    let tape = Tape::new(50);
    for (second, price) in [(61, 100), (62, 110), (300, 90)] {
        tape.trade(Timestamp(DAY_START + second * SECOND), &[deal(price, 5)]);
    }
    tape.trade(Timestamp(DAY_START + 430 * SECOND), &[]);
    let service = start(&tape, &place.url).await;
    let flat = |minute: u64, close: &str, trades| (minute * 60, close.to_owned(), trades);
    let all = [
        flat(1, "1.10", 2),
        flat(2, "1.10", 0),
        flat(3, "1.10", 0),
        flat(4, "1.10", 0),
        flat(5, "0.90", 1),
        flat(6, "0.90", 0),
        flat(7, "0.90", 0),
    ];
    assert_eq!(row(&klines(&service, request("1m")).await), all, "from the first trade up to now");
    let last_two = klines(&service, KlinesRequest { limit: 2, ..request("1m") }).await;
    assert_eq!(row(&last_two), all[5..]);
    let from = KlinesRequest { start_us: DAY_START + 90 * SECOND, limit: 3, ..request("1m") };
    assert_eq!(row(&klines(&service, from).await), all[1..4], "the first bar that begins after the start");
    let early = KlinesRequest { start_us: 1, limit: 2, ..request("1m") };
    assert_eq!(row(&klines(&service, early).await), all[..2], "from the first bar there is");
    let until = KlinesRequest { end_us: DAY_START + 300 * SECOND, limit: 2, ..request("1m") };
    assert_eq!(
        row(&klines(&service, until).await),
        all[3..5]
            .iter()
            .map(|r| (r.0 - 60, all[(r.0 / 60 - 2) as usize].1.clone(), all[(r.0 / 60 - 2) as usize].2))
            .collect::<Vec<_>>()
    );
    let seconds = KlinesRequest { start_us: DAY_START + 60 * SECOND, end_us: DAY_START + 64 * SECOND, ..request("1s") };
    assert_eq!(
        row(&klines(&service, seconds).await),
        [(61, "1.00".into(), 1), (62, "1.10".into(), 1), (63, "1.10".into(), 0)]
    );
    assert_eq!(klines(&service, KlinesRequest { start_us: DAY_START * 2, ..request("1m") }).await.klines, []);
    stop(service).await;
}

async fn windows_are_exact_to_the_second(database: Database) {
    let place = database.place();
    let tape = Tape::new(50);
    record_trades(&tape, 2000, 41);
    let service = start(&tape, &place.url).await;
    caught_up(&tape, &service).await;
    let now = tape.records().last().expect("trades").0.at;
    let all = fills(&tape, 0);
    for seconds in [1, 2, 59, 60, 61, 3599, 3600, 5000, 86_400, 100_001, 604_800] {
        let start = (now.0 / SECOND + 1 - seconds) * SECOND;
        let within: Vec<&Fill> = all.iter().filter(|fill| fill.at.0 >= start).collect();
        let before = all.iter().rev().find(|fill| fill.at.0 < start);
        let request = TickerRequest { market: "BTCUSDT".into(), window_us: seconds * SECOND, ..Default::default() };
        let reply = service.api.ticker(Request::new(request)).await.expect("an answer").into_inner();
        assert_eq!((reply.open_us, reply.close_us), (start, now.0), "{seconds}");
        assert_eq!(reply.trades, within.len() as u64, "{seconds}");
        let lots: u64 = within.iter().map(|fill| fill.qty.0).sum();
        assert_eq!(reply.volume, format!("{}.{:04}", lots / 10_000, lots % 10_000), "{seconds}");
        let price = |fill: Option<&&Fill>| {
            fill.or(before.as_ref()).map(|f| format!("{}.{:02}", f.price.0 / 100, f.price.0 % 100))
        };
        assert_eq!(Some(reply.open), price(within.first()), "{seconds}");
        assert_eq!(Some(reply.last), price(within.last()), "{seconds}");
        assert_eq!(Some(reply.high), price(within.iter().max_by_key(|f| f.price)), "{seconds}");
        assert_eq!(Some(reply.low), price(within.iter().min_by_key(|f| f.price)), "{seconds}");
        assert_eq!(reply.previous_close, price(None).unwrap_or_default(), "{seconds}");
    }
    let today = TickerRequest { market: "BTCUSDT".into(), today: true, ..Default::default() };
    let reply = service.api.ticker(Request::new(today)).await.expect("an answer").into_inner();
    let midnight = now.0 - now.0 % Timestamp::DAY;
    assert_eq!(reply.trades, all.iter().filter(|fill| fill.at.0 >= midnight).count() as u64);
    let since = TickerRequest { market: "BTCUSDT".into(), start_us: midnight, ..Default::default() };
    let same = service.api.ticker(Request::new(since)).await.expect("an answer").into_inner();
    assert_eq!((same.open_us, same.trades, same.volume), (midnight, reply.trades, reply.volume));
    for start_us in [midnight + 1, now.0 - now.0 % SECOND + SECOND, midnight - 9 * Timestamp::DAY] {
        let request = TickerRequest { market: "BTCUSDT".into(), start_us, ..Default::default() };
        let refused = service.api.ticker(Request::new(request)).await.expect_err("refused");
        assert_eq!(refused.code(), Code::InvalidArgument, "{start_us}");
    }
    stop(service).await;
}

async fn the_newest_trades_come_from_memory_and_store_without_a_hole(database: Database) {
    let place = database.place();
    let tape = Tape::new(7);
    record_trades(&tape, 500, 3);
    let config = MarketPriceSection { commit_interval_ms: 60_000, commit_events_max: 300, ..quick() };
    let mut service = start_with(&tape, &place.url, config).await;
    service.running.ready().await.expect("catches up");
    assert!(service.progress.committed() < tape.durable(), "some are in memory only");
    let want: Vec<u64> = fills(&tape, 0).iter().rev().map(|fill| fill.trade.0).collect();
    let ask = async |after_trade, limit| {
        let request = DealsRequest { market: "BTCUSDT".into(), after_trade, limit };
        let reply = service.api.deals(Request::new(request)).await.expect("an answer").into_inner();
        reply.deals.iter().map(|deal| deal.trade).collect::<Vec<u64>>()
    };
    assert_eq!(ask(0, 1000).await, want);
    assert_eq!(ask(0, 10).await, want[..10]);
    assert_eq!(ask(want[5], 1000).await, want[..5]);
    assert_eq!(ask(0, 0).await, want[..100.min(want.len())]);
    stop(service).await;
}

async fn the_port_serves_and_refuses(database: Database) {
    let place = database.place();
    let tape = Tape::new(50);
    tape.trade(Timestamp(DAY_START), &[deal(12345, 5)]);
    let service = start(&tape, &place.url).await;
    let address = format!("http://{}", service.running.addresses()[0]);
    let mut client = MarketPriceClient::new(channel(address));
    let last = client.last(LastRequest { market: "BTCUSDT".into() }).await.expect("an answer").into_inner();
    assert_eq!((last.price.as_str(), last.as_of_seq), ("123.45", tape.durable().0));
    let untraded = client.last(LastRequest { market: "ETHBTC".into() }).await.expect("an answer").into_inner();
    assert_eq!(untraded.price, "0.00");
    assert_eq!(
        client
            .klines(KlinesRequest { market: "ETHBTC".into(), interval: "1d".into(), ..Default::default() })
            .await
            .expect("an answer")
            .into_inner()
            .klines,
        []
    );
    let refusals = [
        (KlinesRequest { market: "XXX".into(), ..request("1m") }, Code::NotFound),
        (KlinesRequest { market: "a symbol longer than twenty".into(), ..request("1m") }, Code::NotFound),
        (request("7m"), Code::InvalidArgument),
        (KlinesRequest { offset_minutes: 841, ..request("1m") }, Code::InvalidArgument),
    ];
    for (request, code) in refusals {
        assert_eq!(client.klines(request).await.expect_err("refused").code(), code);
    }
    for window_us in [1, 604_801 * SECOND, u64::MAX] {
        let request = TickerRequest { market: "BTCUSDT".into(), window_us, ..Default::default() };
        assert_eq!(client.ticker(request).await.expect_err("refused").code(), Code::InvalidArgument);
    }
    stop(service).await;
}
}
