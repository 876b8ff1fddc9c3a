//! `allin bench`: the recorded stream of exchange-core gives exchange-core's results.

use std::{env::temp_dir, fs, path::Path};

use allin_testing::middleware::Kafka;

use super::{allin, stdout};

/// The recorded streams, beside the repository.
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

#[test]
fn the_recorded_stream_gives_the_recorded_results() {
    let stream = Path::new(DATA).join("ec_singlepair_seed1.bin.zst");
    if !stream.exists() {
        eprintln!("skipped: {} is not there", stream.display());
        return;
    }
    let path = stream.to_str().expect("a path of text");
    let output = allin(&temp_dir(), &["bench", "core", "--stream", path, "--runs", "1", "--format", "json"]);
    assert!(output.status.success(), "{output:?}");
    let report: serde_json::Value = serde_json::from_str(stdout(&output)).expect("one object");
    assert_eq!(report["commands"], 3_001_000);
    assert_eq!(report["trades"], 122_607);
    assert_eq!(report["traded_volume"], 1_066_063);
    assert_eq!(report["traded_notional"], 36_691_546_459u64);
    assert_eq!(report["trade_hash"], "8d6385d7261a7c50");
    assert_eq!(report["final_book"], "equal");
    assert_eq!(report["conserved"], true);
}

#[test]
fn a_stream_that_ends_otherwise_than_expected_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("short.bin");
    let mut record = vec![1, 1, 0, 0];
    for field in [1u32, 1, 5] {
        record.extend(field.to_le_bytes());
    }
    record.extend(100u64.to_le_bytes());
    fs::write(&path, &record).expect("a file");
    let arguments = ["bench", "core", "--stream", path.to_str().expect("text"), "--format", "json"];
    assert!(allin(folder.path(), &arguments).status.success(), "nothing is expected of it");

    fs::write(folder.path().join("short.final_book.csv"), "side,price,volume,orders\nbid,100,4,1\n").expect("a file");
    let output = allin(folder.path(), &arguments);
    assert!(!output.status.success());
    assert!(stdout(&output).contains(r#""final_book":"different""#), "{output:?}");
}

/// Short, and on a machine that does other things: that it runs and answers, not how fast.
#[test]
fn the_benches_of_the_ports_run_and_compare_themselves() {
    for (bench, rows) in [("http", 1), ("rest", 2), ("wsapi", 1), ("depth", 2)] {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().to_str().expect("text");
        let arguments = ["bench", bench, "--runs", "1", "--millis", "200", "--dir", dir, "--format", "json"];
        let output = allin(folder.path(), &arguments);
        assert!(output.status.success(), "{bench}: {output:?}");
        let told: Vec<serde_json::Value> = serde_json::from_str(stdout(&output)).expect("rows");
        assert_eq!(told.len(), rows, "{bench}");
        for row in told {
            for figure in ["median", "peer_median", "ratio"] {
                assert!(row[figure].as_f64().is_some_and(|figure| figure > 0.0), "{bench}: {figure} of {row}");
            }
        }
    }
}

/// Small, on servers of their own: that the figures come out, not what they are.
#[test]
fn the_log_in_kafka_and_the_history_writer_are_measured() {
    let (folder, url) = (tempfile::tempdir().expect("a folder"), "sqlite:history.db");
    let arguments = ["bench", "history", "--store", url, "--per-second", "200", "--seconds", "2", "--format", "json"];
    let output = allin(folder.path(), &arguments);
    assert!(output.status.success(), "{output:?}");
    let rows: serde_json::Value = serde_json::from_str(stdout(&output)).expect("rows");
    assert_eq!(rows[0]["peer_median"], 200.0);
    assert!(rows[0]["median"].as_f64().is_some_and(|rate| rate > 0.0), "{rows}");

    let path = folder.path().join("few.bin");
    let mut bytes = vec![];
    for order in 1..=2_000u32 {
        bytes.extend([1, (order % 2) as u8, 0, 0]);
        for field in [1 + order % 7, order, 5] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(100u64.to_le_bytes());
    }
    fs::write(&path, &bytes).expect("a file");
    let (brokers, stream) = (Kafka::shared().brokers(), path.to_str().expect("text"));
    let arguments = ["bench", "kafka", "--brokers", &brokers, "--stream", stream, "--runs", "1", "--format", "json"];
    let output = allin(folder.path(), &arguments);
    assert!(output.status.success(), "{output:?}");
    let rows: serde_json::Value = serde_json::from_str(stdout(&output)).expect("rows");
    assert!(rows[0]["ratio"].as_f64().is_some_and(|ratio| ratio > 0.0), "{rows}");
}
