//! `allin bench fanout`: one stream of a book's differences to a thousand clients, beside a blast of the same bytes to as many raw
//! sockets; and what an idle client takes of memory.
//!
//! Orders come as fast as the slowest client reads: a client that falls behind would be closed, as it should be.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use allin_core::ids::{MarketId, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::command::{Command, NewOrder, Side};
use allin_runtime::shard::Pipeline;

use super::fanout_blast;
use super::fanout_clients::{Clients, Delivered};
use super::fanout_idle;
use super::http::set_up;
use super::public;
use super::shard::{self, ANSWER_WAIT, Folder, IN_FLIGHT_MAX, Unsynced};
use super::table::{Row, Runs, number};

pub(super) const CLIENTS: usize = 1000;
/// What is not counted, and the time of one measurement.
pub(super) const WARM_UP: Duration = Duration::from_millis(500);
pub(super) const TIME: Duration = Duration::from_secs(3);
pub(super) const STREAM: &str = "btcusd@depth@100ms";
const GOAL_RATIO: f64 = 0.6;
/// Orders that are placed together: one message changes about as many levels.
const ROUND_ORDERS: u64 = 20;
/// Rounds that some client has not read yet.
const ROUNDS_MAX: usize = 8;
/// Price levels a side.
const LEVELS: u64 = 100;
const POLL: Duration = Duration::from_millis(1);

/// Runs both in turn. The log is not synced: the disk is no part of this.
pub fn run(dir: &Path, runs: usize) -> Result<Vec<Row>, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| e.to_string())?;
    let folder = Folder::new(dir, "fanout")?;
    let shard = shard::start(Arc::new(Unsynced::new(folder.path())))?;
    shard::call_all(&shard.engine().pipeline(IN_FLIGHT_MAX), set_up())?;
    let (mut ours, mut raw, mut frame_bytes) = (Runs::default(), Runs::default(), Runs::default());
    let idle = runtime.block_on(async {
        let books = public::books(&shard).await?;
        let streams = public::streams(&shard, &books).await?;
        // Memory first: what the others leave behind would be used again.
        let idle = fanout_idle::measure(streams.address).await?;
        let mut flow = Flow { pipeline: shard.engine().pipeline(IN_FLIGHT_MAX), rounds: 0 };
        for _ in 0..runs.max(1) {
            let told = tell(&mut flow, streams.address).await?;
            ours.push(told.messages_per_second);
            frame_bytes.push(told.frame_bytes());
            raw.push(fanout_blast::rate(&told).await?);
        }
        streams.stop().await?;
        books.running.stop().await.map_err(|error| error.to_string())?;
        Ok::<_, String>(idle)
    })?;
    shard.stop();
    Ok(vec![row(&ours, &raw, &frame_bytes), idle.row()])
}

fn row(ours: &Runs, raw: &Runs, frame_bytes: &Runs) -> Row {
    let ratio = ours.ratio_to(raw);
    Row {
        bench: "fanout".into(),
        workload: format!(
            "one diff-depth stream to {} clients, as fast as the slowest reads, messages of {} bytes on average",
            number(CLIENTS as f64),
            number(frame_bytes.median())
        ),
        unit: "messages/s".into(),
        median: ours.median(),
        p10: ours.p10(),
        cpu_median: None,
        peer: "a blast of the same messages to as many raw sockets, in turn".into(),
        peer_median: Some(raw.median()),
        ratio: Some(ratio),
        goal: format!("ratio ≥ {GOAL_RATIO}"),
        met: Some(ratio >= GOAL_RATIO),
    }
}

/// Orders that never meet.
struct Flow {
    pipeline: Pipeline,
    rounds: u64,
}

impl Flow {
    /// Places a round; gives the sequence of its last order.
    async fn round(&mut self) -> Result<u64, String> {
        let first = self.rounds * ROUND_ORDERS;
        self.rounds += 1;
        let mut commands = (first..first + ROUND_ORDERS).map(|n| (n, order(n))).collect();
        let (mut refused, mut completed) = (Vec::new(), Vec::new());
        self.pipeline.submit_all(&mut commands, &mut refused);
        if let Some((_, error)) = refused.first() {
            return Err(format!("an order was not taken: {error}"));
        }
        while completed.len() < ROUND_ORDERS as usize {
            self.pipeline.completed(&mut completed).await;
        }
        completed.iter().try_for_each(shard::check)?;
        let seqs = completed.iter().filter_map(|done| Some(done.outcome.as_ref().ok()?.seq().0));
        seqs.max().ok_or_else(|| "a round without orders".into())
    }
}

fn order(n: u64) -> Command {
    let step = n / 2 * 7 % LEVELS;
    let (side, price) = match n % 2 {
        0 => (Side::Buy, 7_799_900 - 100 * step),
        _ => (Side::Sell, 7_800_000 + 100 * step),
    };
    let user = UserId(1 + n % 64);
    Command::Place(NewOrder::limit(user, MarketId(0), side, PriceTicks(price), QtyLots(50_000_000)))
}

/// One measurement of the streams: every client must get every byte, and the differences must be without a gap.
async fn tell(flow: &mut Flow, server: SocketAddr) -> Result<Delivered, String> {
    let mut clients = Clients::of_stream(server).await?;
    let start = Instant::now() + WARM_UP;
    let end = start + TIME;
    let (mut open, mut at_start): (VecDeque<u64>, Option<(u64, Instant)>) = (VecDeque::new(), None);
    let mut moved = Instant::now();
    loop {
        clients.check()?;
        let seen = clients.seen_by_all();
        while open.pop_front_if(|round| *round <= seen).is_some() {
            moved = Instant::now();
        }
        if moved.elapsed() > ANSWER_WAIT {
            return Err(format!("a client waits for the differences after {seen}"));
        }
        let now = Instant::now();
        if now >= start && at_start.is_none() {
            at_start = Some((clients.bytes(), now));
        }
        if now >= end {
            break;
        }
        match open.len() < ROUNDS_MAX {
            true => open.push_back(flow.round().await?),
            false => tokio::time::sleep(POLL).await,
        }
    }
    let (bytes, since) = at_start.ok_or("nothing was measured")?;
    let rate = (clients.bytes() - bytes) as f64 / since.elapsed().as_secs_f64();
    while open.back().is_some_and(|last| *last > clients.seen_by_all()) {
        if moved.elapsed() > TIME + ANSWER_WAIT {
            return Err("a client never got the last difference".into());
        }
        clients.check()?;
        tokio::time::sleep(POLL).await;
    }
    clients.finish(rate).await
}
