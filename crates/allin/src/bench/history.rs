//! `allin bench history`: whether the history writer keeps up with deals that come at a fixed pace.
//!
//! Takers hit a resting order, a deal each, through a shard that never syncs; the history writer follows its bus into a database.
//! It keeps up if it never lags by more than a few seconds and the rest is written soon after the last deal.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use allin_core::ids::{AssetId, MarketId, Seq, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::command::{Command, Counter, Funding, NewOrder, Side};
use allin_core::text::Label;
use allin_exchange::historywriter::{self, HistoryWriterSection};
use allin_exchange::listing::{GenesisSection, commands};
use allin_runtime::shard::{Completed, Pipeline};

use super::shard::{self, ANSWER_WAIT, Folder, IN_FLIGHT_MAX, Unsynced};
use super::table::{Row, number};

const MARKET: MarketId = MarketId(0);
const PRICE: PriceTicks = PriceTicks(1_000_000);
const LOT: u64 = 1_000;
const FUNDS: i128 = 1 << 80;
const MAKER: UserId = UserId(1);
const TAKERS: u64 = 100;
/// Deals of one resting order.
const DEALS_AN_ORDER: u64 = 1_000;
/// Of a writer that keeps up.
const LAG_MAX: Duration = Duration::from_secs(2);
const WRITE_MAX: Duration = Duration::from_secs(600);

pub struct Plan<'a> {
    /// The database, as `store.spot_url`.
    pub store: &'a str,
    pub dir: &'a Path,
    pub per_second: u64,
    pub seconds: u64,
}

pub fn run(plan: &Plan<'_>) -> Result<Vec<Row>, String> {
    let folder = Folder::new(plan.dir, "history")?;
    let shard = shard::start(Arc::new(Unsynced::new(folder.path())))?;
    let pipeline = shard.engine().pipeline(IN_FLIGHT_MAX);
    shard::call_all(&pipeline, set_up()?)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let handles = historywriter::Handles {
        engine: shard.engine(),
        bus: shard.bus(),
        store_url: plan.store.to_owned(),
        keep_months: 0,
    };
    let mut service = runtime.block_on(async {
        let mut service = historywriter::start("bench-historywriter", HistoryWriterSection::default(), handles);
        service.running.ready().await.map(|()| service)
    });
    let service = service.as_mut().map_err(|error| error.to_string())?;
    let written = service.written.clone();
    let fed = feed(plan, &pipeline, || *written.borrow())?;
    let end = shard.engine().durable();
    let rest = Instant::now();
    let whole = async { tokio::time::timeout(WRITE_MAX, service.written.wait_for(|seq| *seq >= end)).await };
    if !matches!(runtime.block_on(whole), Ok(Ok(_))) {
        return Err(format!("sequence {} is not written after {WRITE_MAX:?}", end.0));
    }
    let (rest, deals) = (rest.elapsed(), (plan.per_second * plan.seconds) as f64);
    let rate = deals / (fed.took + rest).as_secs_f64();
    drop(pipeline);
    drop(runtime);
    shard.stop();
    let keeps_up = rest <= LAG_MAX && fed.lag_max <= LAG_MAX;
    Ok(vec![Row {
        bench: format!("history, {}", plan.store.split(':').next().unwrap_or_default()),
        workload: format!(
            "{} deals/s for {} s, each an order that takes; lagged by at most {:.2} s, and {:.2} s at the end",
            number(plan.per_second as f64),
            plan.seconds,
            fed.lag_max.as_secs_f64(),
            rest.as_secs_f64()
        ),
        unit: "deals/s".into(),
        median: rate,
        p10: rate,
        cpu_median: None,
        peer: "the pace of the deals".into(),
        peer_median: Some(plan.per_second as f64),
        ratio: Some(rate / plan.per_second as f64),
        goal: format!("never lags by more than {} s", LAG_MAX.as_secs()),
        met: Some(keeps_up),
    }])
}

fn set_up() -> Result<Vec<Command>, String> {
    let mut all = commands(&GenesisSection::default()).map_err(|error| error.to_string())?;
    for user in 1..=1 + TAKERS {
        for asset in [0, 1] {
            let business = Label::new("deposit").ok_or("the label is short")?;
            let (user, asset, business_id) = (UserId(user), AssetId(asset), i64::from(asset));
            let counter = Counter::External;
            all.push(Command::Credit(Funding {
                user,
                asset,
                amount: FUNDS,
                business,
                business_id,
                counter,
                detail: "".into(),
            }));
        }
    }
    Ok(all)
}

/// How the feeding went.
struct Fed {
    took: Duration,
    lag_max: Duration,
}

/// Sends deals when they are due, and looks how far behind the writer is.
fn feed(plan: &Plan<'_>, pipeline: &Pipeline, written: impl Fn() -> Seq) -> Result<Fed, String> {
    let (deals, begun) = (plan.per_second * plan.seconds, Instant::now());
    let (mut sent, mut open) = (0, 0);
    let mut done: Vec<Completed> = vec![];
    let mut lag_max = Duration::ZERO;
    // Sequences in the order of their times, to know when the one that is written now was made.
    let mut made: std::collections::VecDeque<(Seq, Instant)> = std::collections::VecDeque::new();
    while sent < deals || open > 0 {
        let due = deals.min(begun.elapsed().as_micros() as u64 * plan.per_second / 1_000_000);
        while sent < due && pipeline.free() > 1 {
            let maker = sent.is_multiple_of(DEALS_AN_ORDER).then(|| order(MAKER, Side::Sell, DEALS_AN_ORDER));
            let taker = order(UserId(2 + sent % TAKERS), Side::Buy, 1);
            for command in maker.into_iter().chain([taker]) {
                pipeline.submit(sent, command).map_err(|error| format!("deal {sent}: {error}"))?;
                open += 1;
            }
            sent += 1;
        }
        let wait = if sent < deals { Duration::from_millis(1) } else { ANSWER_WAIT };
        if pipeline.completed_within(wait, &mut done) == 0 && sent == deals {
            return Err("answers are missing".into());
        }
        open -= done.len();
        done.iter().try_for_each(shard::check)?;
        if let Some(last) = done.drain(..).filter_map(|done| done.outcome.ok()).next_back() {
            made.push_back((last.seq(), Instant::now()));
        }
        let at = written();
        while made.pop_front_if(|(seq, _)| *seq <= at).is_some() {}
        lag_max = lag_max.max(made.front().map_or(Duration::ZERO, |(_, since)| since.elapsed()));
    }
    Ok(Fed { took: begun.elapsed(), lag_max })
}

fn order(user: UserId, side: Side, lots: u64) -> Command {
    Command::Place(NewOrder::limit(user, MARKET, side, PRICE, QtyLots(LOT * lots)))
}
