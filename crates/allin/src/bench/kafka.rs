//! `allin bench kafka`: what it costs that an answer is in Kafka, and read back, before it is given.
//!
//! The stream goes through a whole shard whose log is a topic, pipelined; then as many records of the same bytes go through a
//! bare producer with the same settings, on the same broker. The bare one reads nothing back, and applies nothing.

use std::path::Path;
use std::sync::Arc;

use allin_cluster::kafka::{Fold, KafkaLog, KafkaSection, bare, topic};
use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::Spot;
use allin_runtime::oplog::SnapshotStore;
use allin_runtime::shard::{Setup, Shard};
use allin_runtime::storage::DiskStorage;
use allin_wire::oplog::frame::{self, Header, kind};

use super::known::Known;
use super::shard::{self, Folder, IN_FLIGHT_MAX};
use super::stream::Stream;
use super::table::{Row, Runs, number};

const RATIO: f64 = 0.5;

pub fn run(path: &Path, brokers: &str, dir: &Path, runs: usize) -> Result<Vec<Row>, String> {
    let stream = Stream::load(path)?;
    let known = Known::learn(&stream)?;
    let payloads = payloads(&known)?;
    let (mut ours, mut bare) = (Runs::default(), Runs::default());
    for run in 0..runs.max(1) {
        bare.push(bare_rate(brokers, run, &payloads)?);
        let folder = Folder::new(dir, "kafka")?;
        ours.push(known.pipelined(start(brokers, &folder, run)?)?);
    }
    let ratio = ours.ratio_to(&bare);
    Ok(vec![Row {
        bench: "kafka".into(),
        workload: format!(
            "exchange-core single pair through sequencer, a log in Kafka and publisher, {} in flight, each answer after its \
             record was read back",
            number(IN_FLIGHT_MAX as f64)
        ),
        unit: "commands/s".into(),
        median: ours.median(),
        p10: ours.p10(),
        cpu_median: None,
        peer: "a bare producer with the same settings on the same broker, a record a message".into(),
        peer_median: Some(bare.median()),
        ratio: Some(ratio),
        goal: format!("ratio ≥ {RATIO}"),
        met: Some(ratio >= RATIO),
    }])
}

/// A topic that nobody wrote to.
fn fresh_log(brokers: &str, name: &str) -> Result<KafkaLog, String> {
    let section = KafkaSection {
        brokers: brokers.to_owned(),
        operlog_topic: format!("allin-bench-{}-{name}", std::process::id()),
        create_topics: true,
        replication: 1,
        min_insync: 1,
        // A stall is slow, and is measured.
        stall_ms: 600_000,
        ..KafkaSection::default()
    };
    let log = KafkaLog::new("bench", &section);
    topic::ensure(&log, &section).map_err(|error| error.to_string())?;
    Ok(log)
}

/// A shard whose log is a topic of its own.
fn start(brokers: &str, folder: &Folder, run: usize) -> Result<Shard, String> {
    let log = fresh_log(brokers, &format!("log-{run}"))?;
    let mut setup = Setup::new(Arc::new(DiskStorage::new(folder.path())), shard::options(), fresh);
    setup.config = shard::config();
    let snapshots = SnapshotStore::new(setup.storage.clone(), &setup.log);
    let led = Fold::open(&log, &snapshots, fresh).and_then(Fold::lead).map_err(|error| error.to_string())?;
    Shard::lead(setup, Arc::new(log), led).map_err(|error| error.to_string())
}

fn fresh() -> Spot {
    Spot::new(Default::default())
}

/// The bytes that the log keeps of each command, one after the other.
struct Payloads {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

fn payloads(known: &Known<'_>) -> Result<Payloads, String> {
    let mut all = Payloads { bytes: vec![], ends: vec![] };
    for (index, record) in known.stream.records().enumerate() {
        let (command, seq) = (known.run.command(&record), Seq(index as u64 + 1));
        let (kind, version) = (kind::COMMAND, allin_wire::oplog::VERSION);
        let header = Header { kind, version, epoch: Epoch(1), seq, at: Timestamp(1), durable: Seq(0) };
        let write = |out: &mut Vec<u8>| allin_wire::oplog::encode(&command, out);
        frame::put(&mut all.bytes, 0, &header, write).map_err(|error| format!("command {index}: {error}"))?;
        all.ends.push(all.bytes.len());
    }
    Ok(all)
}

fn bare_rate(brokers: &str, run: usize, payloads: &Payloads) -> Result<f64, String> {
    let log = fresh_log(brokers, &format!("bare-{run}"))?;
    let begins = std::iter::once(0).chain(payloads.ends.iter().copied());
    let each = begins.zip(&payloads.ends).map(|(begin, &end)| &payloads.bytes[begin..end]);
    let took = bare::produce(&log, each, IN_FLIGHT_MAX).map_err(|error| error.to_string())?;
    Ok(payloads.ends.len() as f64 / took.as_secs_f64())
}
