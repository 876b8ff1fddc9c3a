//! `allin bench wsapi`: orders over the WebSocket API, pipelined on few connections, each answered when it is on the disk; beside
//! the core alone, which applies the very commands that are then in the log, one after the other in one thread.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use allin_core::ids::Seq;
use allin_core::spot::Spot;
use allin_core::spot::command::Command;
use allin_core::spot::event::Event;
use allin_runtime::oplog::{Entry, Reader};
use allin_runtime::storage::{DiskStorage, Storage};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::http::{MARKET, set_up};
use super::public::{self, ed25519_sign, now_ms};
use super::shard::{self, ANSWER_WAIT, Folder, IN_FLIGHT_MAX};
use super::table::{Row, Runs, Stopwatch, number};
use super::websocket::{Socket, push_text};

const CONNECTIONS: usize = 4;
/// Orders of one connection that are not answered yet; the server's bound is a little higher.
const WINDOW: usize = 1000;
/// Requests that are not counted.
const WARM_UP: Duration = Duration::from_millis(500);
const GOAL_RATIO: f64 = 0.15;
/// How often the core applies the same commands; it needs a fraction of a second.
const CORE_PASSES: usize = 5;

/// What a connection has got.
#[derive(Default)]
struct Answered {
    /// While it was measured.
    counted: u64,
    all: u64,
}

/// Runs both in turn, ours for `time`; the log lies on the disk that `dir` is on.
pub fn run(dir: &Path, runs: usize, time: Duration) -> Result<Vec<Row>, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| e.to_string())?;
    let (mut ours, mut core) = (Runs::default(), Runs::default());
    for _ in 0..runs.max(1) {
        let folder = Folder::new(dir, "wsapi")?;
        let storage: Arc<dyn Storage> = Arc::new(DiskStorage::new(folder.path()));
        let (rate, orders) = placed(&runtime, folder.path(), storage.clone(), time)?;
        ours.push(rate);
        core.push(applied(storage, orders)?);
    }
    let ratio = ours.ratio_to(&core);
    Ok(vec![Row {
        bench: "wsapi".into(),
        workload: format!(
            "order.place over the WebSocket API, session.logon with Ed25519, {CONNECTIONS} connections with {} in flight, \
             each answer after its sync",
            number(WINDOW as f64)
        ),
        unit: "orders/s".into(),
        median: ours.median(),
        p10: ours.p10(),
        cpu_median: None,
        peer: "the core alone: the same orders out of the log, applied in a loop, in turn".into(),
        peer_median: Some(core.median()),
        ratio: Some(ratio),
        goal: format!("ratio ≥ {GOAL_RATIO}"),
        met: Some(ratio >= GOAL_RATIO),
    }])
}

/// Orders a second, and how many were acknowledged in all.
fn placed(runtime: &Runtime, folder: &Path, storage: Arc<dyn Storage>, time: Duration) -> Result<(f64, u64), String> {
    let shard = shard::start(storage)?;
    shard::call_all(&shard.engine().pipeline(IN_FLIGHT_MAX), set_up())?;
    let answered = runtime.block_on(async {
        let api = public::spot_api(&shard, folder, None).await?;
        let start = Instant::now() + WARM_UP;
        let mut tasks = JoinSet::new();
        for connection in 0..CONNECTIONS {
            let address = api.address;
            tasks.spawn(async move {
                let conversation = converse(address, connection, start, start + time);
                let done = tokio::time::timeout(WARM_UP + time + ANSWER_WAIT, conversation).await;
                let done = done.map_err(|_| std::io::Error::other("an answer is missing")).flatten();
                done.map_err(|error| format!("connection {connection}: {error}"))
            });
        }
        let mut sum = Answered::default();
        while let Some(done) = tasks.join_next().await {
            let one = done.map_err(|error| error.to_string())??;
            sum = Answered { counted: sum.counted + one.counted, all: sum.all + one.all };
        }
        api.stop().await?;
        Ok::<_, String>(sum)
    })?;
    shard.stop();
    Ok((answered.counted as f64 / time.as_secs_f64(), answered.all))
}

/// Keeps the window full until the end, then takes the answers that are still to come.
async fn converse(server: SocketAddr, connection: usize, start: Instant, end: Instant) -> std::io::Result<Answered> {
    let mut socket = Socket::connect(server, "/ws-api/v3?returnRateLimits=false").await?;
    log_on(&mut socket, connection).await?;
    let (mut answered, mut sent, mut frames) = (Answered::default(), 0, Vec::new());
    loop {
        let now = Instant::now();
        while now < end && sent - answered.all < WINDOW as u64 {
            push_text(&mut frames, &order(connection, sent));
            sent += 1;
        }
        socket.stream.write_all(&frames).await?;
        frames.clear();
        if sent == answered.all {
            return Ok(answered);
        }
        socket.read().await?;
        let now = Instant::now();
        while let Some(text) = socket.text_now()? {
            check(text)?;
            answered.all += 1;
            answered.counted += u64::from(now >= start && now < end);
        }
    }
}

async fn log_on(socket: &mut Socket, connection: usize) -> std::io::Result<()> {
    let (key, now) = (public::key_name('e', connection + 1), now_ms());
    let signature = STANDARD.encode(ed25519_sign(&format!("apiKey={key}&timestamp={now}")));
    let params = format!(r#"{{"apiKey":"{key}","timestamp":{now},"signature":"{signature}"}}"#);
    socket.send(&format!(r#"{{"id":"on","method":"session.logon","params":{params}}}"#)).await?;
    check(&socket.text().await?)
}

fn check(answer: &str) -> std::io::Result<()> {
    match answer.contains(r#""status":200,"#) {
        true => Ok(()),
        false => Err(std::io::Error::other(answer.to_owned())),
    }
}

/// Buyers and sellers meet within a hundred prices, so that some orders trade and some rest.
fn order(connection: usize, n: u64) -> String {
    let side = if (connection as u64 + n).is_multiple_of(2) { "SELL" } else { "BUY" };
    let price = 78_000 + (n * 37 + connection as u64 * 11) % 100;
    let now = now_ms();
    format!(
        r#"{{"id":{n},"method":"order.place","params":{{"symbol":"{MARKET}","side":"{side}","type":"LIMIT","timeInForce":"GTC","quantity":"0.5","price":"{price}.5","newOrderRespType":"ACK","timestamp":{now}}}}}"#
    )
}

/// Commands a second of the core alone. Every order that was acknowledged must be in the log, and nothing else.
fn applied(storage: Arc<dyn Storage>, orders: u64) -> Result<f64, String> {
    let told = |error: allin_runtime::oplog::LogError| format!("read the log: {error}");
    let mut reader = Reader::open(storage, &shard::options(), Seq(1)).map_err(told)?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_written().map_err(told)? {
        entries.push(entry);
    }
    // Before them come the listing and the funds.
    let is_order = |entry: &Entry| matches!(entry.command, Command::Place(_));
    let first = entries.iter().position(is_order).unwrap_or(entries.len());
    if entries[first..].len() as u64 != orders || !entries[first..].iter().all(is_order) {
        return Err(format!("{orders} orders were acknowledged; in the log are {} commands", entries.len() - first));
    }
    let mut passes = Runs::default();
    for _ in 0..CORE_PASSES {
        passes.push(pass(&entries, first)?);
    }
    Ok(passes.median())
}

fn pass(entries: &[Entry], first: usize) -> Result<f64, String> {
    let (mut spot, mut events) = (Spot::new(Default::default()), Vec::new());
    let (before, orders) = entries.split_at(first);
    for entry in before {
        spot.apply(entry.seq, entry.at, &entry.command, &mut events);
    }
    let watch = Stopwatch::start();
    for entry in orders {
        events.clear();
        spot.apply(entry.seq, entry.at, &entry.command, &mut events);
        if let Some(refusal) = events.iter().find(|event| matches!(event, Event::Refused(_))) {
            return Err(format!("{:?}: {refusal:?}", entry.command));
        }
    }
    Ok(orders.len() as f64 / watch.seconds().0)
}
