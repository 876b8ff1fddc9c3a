//! `allin bench depth`: books over the public REST API, beside signed orders on as many connections; the same once more while
//! orders change the book.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use allin_core::ids::{MarketId, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::command::{Command, NewOrder, Side};
use allin_runtime::storage::DiskStorage;

use super::http::{CONNECTIONS, MARKET, set_up};
use super::load;
use super::public;
use super::rest::{self, order};
use super::shard::{self, Folder, IN_FLIGHT_MAX};
use super::table::{Row, Runs};

/// Connections that place orders while books are asked for.
const MAKERS: usize = 8;
/// Levels a side that are always there, far from where the orders meet, and those that are asked for.
const LEVELS: u64 = 1000;
const LIMIT: usize = 100;
const GOAL_RATIO: f64 = 10.0;

/// Runs all in turn, for `time` each; the log lies on the disk that `dir` is on.
pub fn run(dir: &Path, runs: usize, time: Duration) -> Result<Vec<Row>, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| e.to_string())?;
    let folder = Folder::new(dir, "depth")?;
    let shard = shard::start(Arc::new(DiskStorage::new(folder.path())))?;
    shard::call_all(&shard.engine().pipeline(IN_FLIGHT_MAX), set_up().into_iter().chain(far_orders()))?;
    let (mut orders, mut still) = (Runs::default(), Runs::default());
    let (mut orders_meanwhile, mut moving) = (Runs::default(), Runs::default());
    runtime.block_on(async {
        let books = public::books(&shard).await?;
        let api = public::spot_api(&shard, folder.path(), Some(books.api.clone())).await?;
        let place = |connections| load::rate(api.address, connections, time, order, rest::EXPECTED);
        let ask = || load::rate(api.address, CONNECTIONS, time, depth, EXPECTED);
        for _ in 0..runs.max(1) {
            orders.push(place(CONNECTIONS).await?);
            still.push(ask().await?);
            let (asked, placed) = tokio::join!(ask(), place(MAKERS));
            moving.push(asked?);
            orders_meanwhile.push(placed?);
        }
        api.stop().await?;
        books.running.stop().await.map_err(|error| error.to_string())
    })?;
    shard.stop();
    let orders_row = "signed orders on as many connections, each answer after its sync, in turn".to_owned();
    let meanwhile = format!("signed orders on {MAKERS} connections, which change that book meanwhile");
    Ok(vec![
        row("", &still, orders_row, &orders, Some(GOAL_RATIO)),
        row(", of a book that changes", &moving, meanwhile, &orders_meanwhile, None),
    ])
}

fn row(book: &str, ours: &Runs, peer: String, orders: &Runs, goal: Option<f64>) -> Row {
    let ratio = ours.ratio_to(orders);
    Row {
        bench: "depth".into(),
        workload: format!("GET /api/v3/depth, {LIMIT} levels a side{book}, {CONNECTIONS} connections"),
        unit: "requests/s".into(),
        median: ours.median(),
        p10: ours.p10(),
        cpu_median: None,
        peer,
        peer_median: Some(orders.median()),
        ratio: Some(ratio),
        goal: goal.map(|goal| format!("ratio > {goal}")).unwrap_or_default(),
        met: goal.map(|goal| ratio > goal),
    }
}

/// An answer with bids.
const EXPECTED: &str = r#","bids":[["#;

fn depth(_: usize, _: u64) -> Vec<u8> {
    let target = format!("/api/v3/depth?symbol={MARKET}&limit={LIMIT}");
    format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").into_bytes()
}

/// A book on both sides of where the orders meet.
fn far_orders() -> impl Iterator<Item = Command> {
    let order = |side, price: u64| {
        let (user, market) = (UserId(1), MarketId(0));
        Command::Place(NewOrder::limit(user, market, side, PriceTicks(price), QtyLots(50_000_000)))
    };
    (0..LEVELS).flat_map(move |n| [order(Side::Buy, 7_000_000 - 100 * n), order(Side::Sell, 9_000_000 + 100 * n)])
}
