//! `allin bench durable` and `allin bench replay`: what it costs that an answer is on the disk before it is given.
//!
//! The stream goes through a whole shard (sequencer, log, publisher, replica): pipelined, once on a disk and once on one
//! that never syncs; then replayed from the log; then in open loop at a fixed pace, beside a bare loop that appends and
//! syncs as many records of the same size on the same disk.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use allin_core::{ids::Seq, spot::Spot};
use allin_runtime::{
    oplog,
    shard::Pipeline,
    storage::{DiskStorage, Storage},
};
use hdrhistogram::Histogram;

use super::{
    core_run::set_up,
    known::Known,
    open_loop,
    shard::{self, Folder, IN_FLIGHT_MAX, Unsynced},
    stream::Stream,
    table::{Row, Runs, number},
};

const DURABLE_RATIO: f64 = 0.5;
/// Seconds of one open loop.
const LOOP_TIME: Duration = Duration::from_secs(4);
const PER_SECOND: u64 = 10_000;
const P50_RATIO: f64 = 2.0;
const P99_RATIO: f64 = 2.5;

/// Pipelined and open-loop, on the disk that `dir` is on.
pub fn run(path: &Path, dir: &Path, runs: usize) -> Result<Vec<Row>, String> {
    let stream = Stream::load(path)?;
    let known = Known::learn(&stream)?;
    let (mut durable, mut memory, mut replay) = (Runs::default(), Runs::default(), Runs::default());
    let (mut ours, mut bare) = (open_loop::histogram(), open_loop::histogram());
    for _ in 0..runs.max(1) {
        let folder = Folder::new(&memory_dir(dir), "unsynced")?;
        memory.push(known.pipelined(shard::start(Arc::new(Unsynced::new(folder.path())))?)?);
        drop(folder);
        let folder = Folder::new(dir, "durable")?;
        let storage: Arc<dyn Storage> = Arc::new(DiskStorage::new(folder.path()));
        durable.push(known.pipelined(shard::start(storage.clone())?)?);
        replay.push(replayed(storage)?);
        drop(folder);
        open_loops(&known, dir, &mut ours, &mut bare)?;
    }
    let mut rows = vec![rate_row(&durable, &memory), replay_row(&replay, &durable)];
    rows.extend(latency_rows(&ours, &bare));
    Ok(rows)
}

/// A folder in memory where the system has one; else beside the durable one, written but never synced.
fn memory_dir(dir: &Path) -> std::path::PathBuf {
    let shm = Path::new("/dev/shm");
    if shm.is_dir() { shm.to_owned() } else { dir.to_owned() }
}

/// Commands a second when a log is read back from its beginning, as at a start without a snapshot.
fn replayed(storage: Arc<dyn Storage>) -> Result<f64, String> {
    let start = Instant::now();
    let recovered = oplog::recover(storage, &shard::options(), || Spot::new(Default::default()));
    let recovered = recovered.map_err(|error| format!("replay: {error}"))?;
    let elapsed = start.elapsed().as_secs_f64();
    if recovered.machine.seq() == Seq(0) {
        return Err("nothing was replayed".into());
    }
    Ok(recovered.replayed as f64 / elapsed)
}

/// One bare loop and one through a shard, of the same length and pace.
fn open_loops(
    known: &Known<'_>,
    dir: &Path,
    ours: &mut Histogram<u64>,
    bare: &mut Histogram<u64>,
) -> Result<(), String> {
    let folder = Folder::new(dir, "bare")?;
    open_loop::bare(folder.path(), PER_SECOND, LOOP_TIME, bare)?;
    drop(folder);
    let folder = Folder::new(dir, "open-loop")?;
    let shard = shard::start(Arc::new(DiskStorage::new(folder.path())))?;
    let pipeline: Pipeline = shard.engine().pipeline(IN_FLIGHT_MAX);
    shard::call_all(&pipeline, set_up(known.stream))?;
    let commands = known.stream.records().map(|record| known.run.command(&record));
    open_loop::shard(&pipeline, commands, PER_SECOND, LOOP_TIME, ours)?;
    drop(pipeline);
    shard.stop();
    Ok(())
}

fn rate_row(durable: &Runs, memory: &Runs) -> Row {
    let ratio = durable.ratio_to(memory);
    Row {
        bench: "durable".into(),
        workload: format!(
            "exchange-core single pair through sequencer, log and publisher, {} in flight, each answer after its sync",
            number(IN_FLIGHT_MAX as f64)
        ),
        unit: "commands/s".into(),
        median: durable.median(),
        p10: durable.p10(),
        cpu_median: None,
        peer: "the same with a log that is never synced, in memory".into(),
        peer_median: Some(memory.median()),
        ratio: Some(ratio),
        goal: format!("ratio ≥ {DURABLE_RATIO}"),
        met: Some(ratio >= DURABLE_RATIO),
    }
}

fn replay_row(replay: &Runs, durable: &Runs) -> Row {
    let ratio = replay.ratio_to(durable);
    Row {
        bench: "replay".into(),
        workload: "the log of that run read back from its beginning, checked and applied".into(),
        unit: "commands/s".into(),
        median: replay.median(),
        p10: replay.p10(),
        cpu_median: None,
        peer: "the durable run that wrote it".into(),
        peer_median: Some(durable.median()),
        ratio: Some(ratio),
        goal: "ratio ≥ 1".into(),
        met: Some(ratio >= 1.0),
    }
}

fn latency_rows(ours: &Histogram<u64>, bare: &Histogram<u64>) -> Vec<Row> {
    let row = |what: &str, quantile: f64, bound: f64| {
        let (ours, bare) = (ours.value_at_quantile(quantile) as f64, bare.value_at_quantile(quantile) as f64);
        Row {
            bench: "latency".into(),
            workload: format!(
                "open loop, {} commands/s, {what} from the scheduled time to the durable answer",
                number(PER_SECOND as f64)
            ),
            unit: "µs".into(),
            median: ours,
            p10: ours,
            cpu_median: None,
            peer: "a bare loop of append and fdatasync at the same pace on the same disk".into(),
            peer_median: Some(bare),
            ratio: Some(ours / bare),
            goal: format!("ratio ≤ {bound}"),
            met: Some(ours / bare <= bound),
        }
    };
    vec![row("p50", 0.5, P50_RATIO), row("p99", 0.99, P99_RATIO)]
}
