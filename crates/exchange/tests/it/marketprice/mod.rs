//! The role over a tape: bars equal the fold over the trades, whatever happens to the process and to its store.

mod crash;
mod read;

use std::sync::Arc;
use std::time::Duration;

use allin_core::candles::{Bar, Fill, Interval, Offset, regroup};
use allin_core::ids::{MarketId, Seq, Timestamp};
use allin_core::spot::command::Side;
use allin_core::spot::event::Event;
use allin_exchange::clock::Clock;
use allin_exchange::marketprice::{self, Handles, MarketPriceSection, Service};
use allin_wire::exchange::v1::{AggregatesRequest, KlinesReply, KlinesRequest};
use tonic::Request;

use crate::flow::Random;
use crate::tape::{Deal, Tape, TapeBus};

const NAME: &str = "landry-ces-marketprice";
/// 2026-05-02 00:00 UTC, a Saturday.
pub const DAY_START: u64 = 1_777_680_000 * Timestamp::SECOND;

/// A clock that stands at the newest record.
fn tape_clock(tape: &Arc<Tape>) -> Clock {
    let tape = tape.clone();
    Arc::new(move || tape.now())
}

async fn start_with(tape: &Arc<Tape>, url: &str, config: MarketPriceSection) -> Service {
    let listener = crate::guarded::port().await;
    let handles = Handles {
        engine: tape.clone(),
        bus: Arc::new(TapeBus(tape.clone())),
        store_url: url.to_owned(),
        clock: tape_clock(tape),
        listener,
    };
    marketprice::start(NAME, config, handles).expect("starts")
}

fn quick() -> MarketPriceSection {
    MarketPriceSection { commit_interval_ms: 1, ..MarketPriceSection::default() }
}

async fn start(tape: &Arc<Tape>, url: &str) -> Service {
    let mut service = start_with(tape, url, quick()).await;
    service.running.ready().await.expect("catches up");
    service
}

/// Until everything on the tape is in memory.
async fn caught_up(tape: &Tape, service: &Service) {
    wait(|| service.progress.folded() >= tape.durable()).await;
}

/// Until everything on the tape is in the store.
async fn stored(tape: &Tape, service: &Service) {
    wait(|| service.progress.committed() >= tape.durable()).await;
}

async fn wait(done: impl Fn() -> bool) {
    let all = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.expect("comes in time");
}

/// A few days of trades over two markets, in bursts and with pauses.
fn record_trades(tape: &Tape, count: usize, seed: u64) {
    let mut random = Random(seed);
    let mut at = tape.records().last().map_or(0, |(record, _)| record.at.0).max(DAY_START);
    for _ in 0..count {
        at += match random.below(10) {
            0 => random.below(9 * 3600) * Timestamp::SECOND,
            1..4 => random.below(90) * Timestamp::SECOND,
            _ => random.below(400_000),
        };
        let mut deals: Vec<Deal> = Vec::new();
        for _ in 0..random.below(4) {
            // Every other one goes on at the price before: the same aggregate trade.
            let (market, price) = match deals.last() {
                Some(last) if random.below(2) == 0 => (last.market, last.price),
                _ => (random.below(2) as u32, 900 + random.below(200)),
            };
            deals.push(Deal {
                market,
                price,
                qty: 1 + random.below(5000),
                taker_side: if random.below(2) == 0 { Side::Buy } else { Side::Sell },
                maker: random.below(4) + 1,
                taker: random.below(4) + 1,
            });
        }
        tape.trade(Timestamp(at), &deals);
    }
}

pub fn fills(tape: &Tape, market: u32) -> Vec<Fill> {
    let fill = |(record, events): &(allin_runtime::engine::Record, Vec<Event>)| -> Vec<Fill> {
        let trades = events.iter().filter_map(|event| match event {
            Event::Trade(trade) if trade.market == MarketId(market) => Some(Fill::new(trade, record.at)),
            _ => None,
        });
        trades.collect()
    };
    tape.records().iter().flat_map(fill).collect()
}

/// Bars straight from all trades, without the role.
pub fn expected(tape: &Tape, market: u32, interval: Interval, offset: Offset) -> Vec<Bar> {
    let single = fills(tape, market).into_iter().map(|fill| Bar::new(fill.at, &fill));
    regroup(single, interval, offset)
}

async fn klines(service: &Service, request: KlinesRequest) -> KlinesReply {
    service.api.klines(Request::new(request)).await.expect("an answer").into_inner()
}

/// What the role answers for all bars, page by page, flat ones left out, in the form of [`expected_rows`].
async fn served(service: &Service, market: &str, interval: Interval, minutes: i32, from: u64) -> Vec<String> {
    let mut rows = Vec::new();
    let mut start_us = from;
    loop {
        let request = KlinesRequest {
            market: market.into(),
            interval: interval.name().into(),
            start_us,
            end_us: 0,
            limit: 1000,
            offset_minutes: minutes,
        };
        let page = klines(service, request).await.klines;
        let Some(last) = page.last() else { return rows };
        start_us = last.close_us + 1;
        let traded = page.iter().filter(|kline| kline.trades > 0);
        rows.extend(traded.map(|k| {
            format!(
                "{} {} {} {} {} {} {} {} {}",
                k.open_us, k.open, k.high, k.low, k.close, k.volume, k.quote_volume, k.trades, k.last_trade
            )
        }));
    }
}

fn expected_rows(tape: &Tape, market: u32, interval: Interval, minutes: i32) -> Vec<String> {
    let offset = Offset::minutes(minutes).expect("in range");
    let price = |ticks: u64| format!("{}.{:02}", ticks / 100, ticks % 100);
    let row = |bar: &Bar| {
        format!(
            "{} {} {} {} {} {}.{:04} {}.{:08} {} {}",
            bar.start.0,
            price(bar.open.0),
            price(bar.high.0),
            price(bar.low.0),
            price(bar.close.0),
            bar.volume / 10_000,
            bar.volume % 10_000,
            bar.quote / 100_000_000,
            bar.quote % 100_000_000,
            bar.trades,
            bar.last_trade.0
        )
    };
    expected(tape, market, interval, offset).iter().map(row).collect()
}

/// Every interval of both markets, bar by bar.
async fn check_all(tape: &Tape, service: &Service) {
    for (id, market) in [(0, "BTCUSDT"), (1, "ETHUSDT")] {
        check_aggregates(tape, service, id, market).await;
        for (interval, minutes) in Interval::ALL.iter().map(|i| (*i, 0)).chain([
            (Interval::D1, 480),
            (Interval::W1, -300),
            (Interval::D3, 345),
            (Interval::Mon1, 7),
        ]) {
            // Seconds and minutes of many days would be many pages of flat bars: the last day of them.
            let rows = expected_rows(tape, id, interval, minutes);
            let newest = tape.records().last().map_or(0, |(record, _)| record.at.0);
            let from =
                if interval < Interval::M15 { newest - Timestamp::DAY / 8 } else { DAY_START - 40 * Timestamp::DAY };
            let from = interval.span(Timestamp(from), Offset::UTC).start.0;
            let within = |row: &&String| {
                row.split(' ').next().and_then(|at| at.parse::<u64>().ok()).is_some_and(|at| at >= from)
            };
            let want: Vec<String> = rows.iter().filter(within).cloned().collect();
            assert_eq!(
                served(service, market, interval, minutes, from).await,
                want,
                "{market} {} {minutes}",
                interval.name()
            );
        }
    }
}

/// Of each trade of a market the number of its aggregate, counted one by one.
fn numbers(tape: &Tape, market: u32) -> Vec<u64> {
    let (mut numbers, mut before): (Vec<u64>, _) = (Vec::new(), None);
    for (record, events) in &tape.records() {
        for event in events {
            if let Event::Trade(trade) = event
                && trade.market == MarketId(market)
            {
                let key = Some((trade.taker_order, record.at, trade.price));
                numbers.push(numbers.last().copied().unwrap_or(0) + u64::from(before != key));
                before = key;
            }
        }
    }
    numbers
}

/// Marks are where aggregates begin, and never far; the newest number is the last.
async fn check_aggregates(tape: &Tape, service: &Service, id: u32, market: &str) {
    let numbers = numbers(tape, id);
    let ask = async |market: &str, trade, number| {
        let request = AggregatesRequest { market: market.to_owned(), trade, number };
        service.api.aggregates(Request::new(request)).await.expect("an answer").into_inner()
    };
    let newest = ask("", 0, 0).await.counts.into_iter().find(|count| count.market == id).expect("it traded");
    assert_eq!((newest.trade, newest.number), (numbers.len() as u64, numbers[numbers.len() - 1]), "{market}");
    let begins = |trade: u64| trade == 1 || numbers[trade as usize - 1] != numbers[trade as usize - 2];
    for trade in 1..=numbers.len() as u64 {
        let number = numbers[trade as usize - 1];
        for (answer, near) in [(ask(market, trade, 0).await, trade), (ask(market, 0, number).await, trade)] {
            assert_eq!(answer.first.map(|first| (first.trade, first.number)), Some((1, 1)), "{market}");
            let mark = answer.mark.expect("the first at the latest");
            assert!(begins(mark.trade) && numbers[mark.trade as usize - 1] == mark.number, "{market} {mark:?}");
            assert!(mark.trade <= near && near - mark.trade < 510, "{market} {mark:?} for {near}");
        }
    }
}

async fn stop(service: Service) -> Seq {
    let progress = service.progress.clone();
    service.running.stop().await.expect("stops in order");
    progress.committed()
}
