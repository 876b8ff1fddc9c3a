//! The role over a tape: sums equal the trades, and tiers move on the day they should.

mod crash;
mod read;
mod tiers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use allin_core::ids::{Timestamp, UserId};
use allin_core::spot::command::Side;
use allin_core::spot::event::Event;
use allin_exchange::tradesummary::{self, Handles, Service, TradeSummarySection};
use allin_runtime::engine::Engine;
use allin_wire::exchange::v1::{UserDay, UserDaysRequest};
use tonic::Request;

use crate::flow::Random;
use crate::tape::{ASSETS, Deal, MARKETS, QUOTE_UNIT, Tape, TapeBus};

const NAME: &str = "landry-ces-tradesummary";
/// 2026-05-02.
const FIRST_DAY: u32 = 20_575;
const USERS: u64 = 5;

fn at(day: u32, second: u64) -> Timestamp {
    Timestamp((u64::from(day) * 86_400 + second) * Timestamp::SECOND)
}

fn quick() -> TradeSummarySection {
    TradeSummarySection { commit_interval_ms: 1, ..TradeSummarySection::default() }
}

async fn start(tape: &Arc<Tape>, url: &str, config: TradeSummarySection) -> Service {
    start_on(tape.clone(), tape, url, config).await
}

async fn start_on(engine: Arc<dyn Engine>, tape: &Arc<Tape>, url: &str, config: TradeSummarySection) -> Service {
    let newest = tape.clone();
    let handles = Handles {
        engine,
        bus: Arc::new(TapeBus(tape.clone())),
        store_url: url.to_owned(),
        clock: Arc::new(move || newest.now()),
        listener: crate::guarded::port().await,
    };
    tradesummary::start(NAME, config, handles).expect("starts")
}

async fn ready(tape: &Arc<Tape>, url: &str, config: TradeSummarySection) -> Service {
    let mut service = start(tape, url, config).await;
    service.running.ready().await.expect("catches up");
    stored(tape, &service).await;
    service
}

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

/// Trades over some days between a few users, with themselves too.
fn record_trades(tape: &Tape, count: usize, seed: u64) {
    let mut random = Random(seed);
    let mut now = tape.now().max(at(FIRST_DAY, 0)).0;
    for _ in 0..count {
        now += random.below(2 * 3600) * Timestamp::SECOND;
        let deals: Vec<Deal> = (0..random.below(3))
            .map(|_| Deal {
                market: random.below(3) as u32,
                price: 900 + random.below(200),
                qty: 1 + random.below(5000),
                taker_side: if random.below(2) == 0 { Side::Buy } else { Side::Sell },
                maker: 1 + random.below(USERS),
                taker: 1 + random.below(USERS),
            })
            .collect();
        tape.trade(Timestamp(now), &deals);
    }
}

/// A row as the role should serve it, reckoned from all trades.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
struct Expected {
    buy: (i128, i128),
    sell: (i128, i128),
    trades: (u64, u64),
    profit: i128,
    fees: BTreeMap<&'static str, i128>,
}

fn expected(tape: &Tape) -> BTreeMap<(u64, u32, &'static str), Expected> {
    let mut rows: BTreeMap<(u64, u32, &'static str), Expected> = BTreeMap::new();
    let mut held: BTreeMap<(u64, u32), (i128, i128)> = BTreeMap::new();
    for (record, events) in tape.records() {
        let day = (record.at.0 / Timestamp::DAY) as u32;
        for event in events {
            let Event::Trade(trade) = event else { continue };
            let symbol = MARKETS[trade.market.0 as usize].0;
            let taker = (trade.taker_user, trade.taker_side, trade.taker_fee_asset, trade.taker_fee, false);
            let maker = (trade.maker_user, trade.taker_side.opposite(), trade.maker_fee_asset, trade.maker_fee, true);
            let mut sides = [taker, maker];
            sides.sort_by_key(|side| side.1 == Side::Sell);
            for (UserId(user), side, fee_asset, fee, is_maker) in sides {
                let row = rows.entry((user, day, symbol)).or_default();
                let (lots, cost) = held.entry((user, trade.market.0)).or_default();
                let qty = i128::from(trade.qty.0);
                if side == Side::Buy {
                    row.buy = (row.buy.0 + qty, row.buy.1 + trade.quote);
                    (*lots, *cost) = (*lots + qty, *cost + trade.quote);
                } else {
                    row.sell = (row.sell.0 + qty, row.sell.1 + trade.quote);
                    let covered = qty.min(*lots);
                    let share = if *lots == 0 { 0 } else { *cost * covered / *lots };
                    row.profit += covered * trade.price.0 as i128 * QUOTE_UNIT - share;
                    (*lots, *cost) = (*lots - covered, *cost - share);
                }
                row.trades = (row.trades.0 + u64::from(is_maker), row.trades.1 + u64::from(!is_maker));
                if fee != 0 {
                    *row.fees.entry(ASSETS[fee_asset.0 as usize].0).or_default() += fee;
                }
            }
        }
    }
    rows
}

fn parse(text: &str, scale: u8) -> i128 {
    allin_core::num::decimal::parse_signed(text, scale).expect("a number")
}

fn symbol_of(row: &UserDay) -> &'static str {
    MARKETS.iter().map(|(symbol, _, _)| *symbol).find(|symbol| *symbol == row.market).expect("a market")
}

/// Everything that the role serves, in the form of [`expected`].
async fn served(service: &Service, last_day: u32) -> BTreeMap<(u64, u32, &'static str), Expected> {
    let mut rows = BTreeMap::new();
    for user in 1..=USERS {
        let request = UserDaysRequest { user, market: String::new(), first_day: FIRST_DAY, last_day };
        let reply = service.api.user_days(Request::new(request)).await.expect("an answer").into_inner();
        for row in reply.days {
            let fee = |fee: &allin_wire::exchange::v1::DayFee| {
                let (symbol, scale) = ASSETS.into_iter().find(|(symbol, _)| *symbol == fee.asset).expect("an asset");
                (symbol, parse(&fee.amount, scale))
            };
            let expected = Expected {
                buy: (parse(&row.buy_qty, 4), parse(&row.buy_quote, 8)),
                sell: (parse(&row.sell_qty, 4), parse(&row.sell_quote, 8)),
                trades: (row.maker_trades, row.taker_trades),
                profit: parse(&row.realised_profit, 8),
                fees: row.fees.iter().map(fee).collect(),
            };
            rows.insert((user, row.day, symbol_of(&row)), expected);
        }
    }
    rows
}

async fn check(tape: &Tape, service: &Service) {
    let last_day = (tape.now().0 / Timestamp::DAY) as u32;
    let (got, want) = (served(service, last_day).await, expected(tape));
    assert!(want.len() > 30, "{} rows", want.len());
    assert_eq!(got, want);
}
