//! How long a shard with a large state stands still while it writes a snapshot: the longest time in which a command waits to
//! be applied, with and without a snapshot, at the same steady pace.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use allin_runtime::{
    shard::{LocalEngine, Shard},
    storage::DiskStorage,
};

use super::{
    open_loop,
    population::{Compact, Population},
    shard::{self, Folder, IN_FLIGHT_MAX},
    table::Row,
};

const PER_SECOND: u64 = 10_000;
const TIME: Duration = Duration::from_secs(4);
/// Distance of two looks at the engine.
const LOOK: Duration = Duration::from_micros(200);
const GOAL_MS: f64 = 10.0;

/// Takes the population on by the flow of both loops.
pub fn row(dir: &Path, population: &mut Population) -> Result<Row, String> {
    let folder = Folder::new(dir, "snapshot-live")?;
    let shard = shard::start(Arc::new(DiskStorage::new(folder.path())))?;
    shard::call_all(&shard.engine().pipeline(IN_FLIGHT_MAX), population.history())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().map_err(|e| e.to_string())?;
    // The first one finds the replica far behind.
    runtime.block_on(shard.snapshot()).map_err(|error| error.to_string())?;

    let count = (PER_SECOND * TIME.as_secs()) as usize;
    let without = longest_pause(&shard, population.flow(count))?;
    let (with, took) = thread::scope(|scope| {
        let writing = scope.spawn(|| {
            thread::sleep(Duration::from_millis(500));
            let start = Instant::now();
            runtime.block_on(shard.snapshot()).map(|_| start.elapsed())
        });
        let with = longest_pause(&shard, population.flow(count))?;
        let took = writing.join().map_err(|_| "the snapshot's thread panicked")?.map_err(|error| error.to_string())?;
        Ok::<_, String>((with, took))
    })?;
    shard.stop();
    let (with, without) = (with.as_secs_f64() * 1e3, without.as_secs_f64() * 1e3);
    Ok(Row {
        bench: "snapshot".into(),
        workload: format!(
            "longest wait of the engine at {PER_SECOND} commands/s while a snapshot of 1 M orders is written ({:.2} s)",
            took.as_secs_f64()
        ),
        unit: "ms".into(),
        median: with,
        p10: with,
        cpu_median: None,
        peer: "the same without a snapshot".into(),
        peer_median: Some(without),
        ratio: Some(with / without),
        goal: format!("≤ {GOAL_MS} ms"),
        met: Some(with <= GOAL_MS),
    })
}

/// Sends a flow at the pace, and watches the last sequence applied.
fn longest_pause(shard: &Shard, flow: Vec<Compact>) -> Result<Duration, String> {
    let engine = shard.engine();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watching = scope.spawn(|| watch(&engine, &done));
        let pipeline = engine.pipeline(IN_FLIGHT_MAX);
        let commands = flow.iter().map(Compact::command);
        let sent = open_loop::shard(&pipeline, commands, PER_SECOND, TIME, &mut open_loop::histogram());
        done.store(true, Ordering::Release);
        let longest = watching.join().map_err(|_| "the watching thread panicked")?;
        sent.map(|()| longest)
    })
}

fn watch(engine: &LocalEngine, done: &AtomicBool) -> Duration {
    let mut longest = Duration::ZERO;
    let mut moved = (engine.applied(), Instant::now());
    // Until the last command is sent; what follows is no pause.
    while !done.load(Ordering::Acquire) {
        thread::sleep(LOOK);
        let applied = engine.applied();
        if applied != moved.0 {
            longest = longest.max(moved.1.elapsed());
            moved = (applied, Instant::now());
        }
    }
    longest
}
