//! `allin feed`: a recording goes through a served engine, whole or with the engine gone in the middle, and is verified.

use std::{
    fmt::Write as _,
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use allin_core::{ids::Seq, spot::Spot};
use allin_exchange::{
    matchengine::{self, MatchEngineSection},
    service::{Running, bind},
};
use allin_runtime::{
    auth::InternalToken,
    engine::{Engine, Query},
    oplog,
    shard::{LocalEngine, Setup, Shard},
    storage::DiskStorage,
};
use serde_json::Value;
use tokio::runtime::Runtime;

/// The recorded streams, beside the repository.
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// An engine behind its gRPC service, in this process.
struct Exchange {
    runtime: Runtime,
    service: Running,
    shard: Shard,
    address: SocketAddr,
}

impl Exchange {
    /// Port 0 takes any.
    fn start(data: &Path, port: u16) -> Exchange {
        let runtime = Runtime::new().expect("a runtime");
        let storage = Arc::new(DiskStorage::new(data));
        let setup = Setup::new(storage, oplog::Options::new("test"), || Spot::new(Default::default()));
        let shard = Shard::start(setup).expect("a shard");
        let token = InternalToken::open(data).expect("a token");
        let (service, address) = runtime.block_on(async {
            let listener = bind("matchengine", SocketAddr::from(([127, 0, 0, 1], port))).await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let handles = matchengine::Handles { engine: shard.engine(), bus: shard.bus(), token, listener };
            (
                matchengine::start("landry-ces-matchengine", handles, MatchEngineSection::default())
                    .expect("a service"),
                address,
            )
        });
        Exchange { runtime, service, shard, address }
    }

    fn engine(&self) -> Arc<LocalEngine> {
        self.shard.engine()
    }

    /// Connections are cut, and what was not answered never is.
    fn cut(self) {
        self.runtime.shutdown_background();
        drop(self.service);
        self.shard.stop();
    }
}

/// The program at work on an engine; the token is in the data folder.
pub fn feed(exchange: SocketAddr, data: &Path, file: &Path, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_allin"))
        .args(["feed", "bitstamp", "--format", "json", "--grpc", &exchange.to_string(), "--accounts", "7"])
        .arg("--data")
        .arg(data)
        .args(more)
        .arg(file)
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts")
}

/// The report, after the program ended well.
pub fn report(child: Child) -> Value {
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&text).expect("one object")
}

/// A recording of `orders` orders over a second: most are cancelled, some trade, some change.
pub fn recording(folder: &Path, orders: u64) -> PathBuf {
    let mut text = String::from("id,timestamp,exchange_timestamp,price,volume,action,direction\n");
    let mut row = |id: u64, at: u64, price: u64, volume: &str, action: &str, side: &str| {
        writeln!(text, "{id},{at},{at},{}.{},{volume},{action},{side}", price / 10, price % 10).expect("text");
    };
    for id in 1..=20 {
        let (price, side) = if id % 2 == 0 { (1_000 - id, "bid") } else { (1_000 + id, "ask") };
        row(id, 5_000, price, "0.5", "created", side);
    }
    row(21, 5_000, 0, "1.0", "created", "bid");
    for n in 0..orders {
        let (id, at) = (100 + n, 1_000 + n * 1_000 / orders);
        let side = if n % 2 == 0 { "bid" } else { "ask" };
        let price = 1_000 + n % 7 - 3;
        match n % 10 {
            3 => row(id, at, 0, "2.6e-06", "created", "ask"),
            4 => row(id, at, 9_999_999_990, "0.0", "created", "bid"),
            _ => row(id, at, price, "0.02", "created", side),
        }
        if n % 10 == 5 {
            row(id, at, price, "0.01", "changed", side);
        }
        row(id, at, price, "0.02", "deleted", side);
    }
    row(99_999_999, 2_000, 1_000, "1.0", "deleted", "bid");
    for id in 1..=21 {
        row(id, 9_000, 1_000, "0.5", "deleted", "bid");
    }
    let path = folder.join("recording.csv");
    fs::write(&path, text).expect("a file");
    path
}

#[test]
fn a_recording_is_fed_and_verified() {
    let folder = tempfile::tempdir().expect("a folder");
    let exchange = Exchange::start(folder.path(), 0);
    let file = recording(folder.path(), 500);
    let told = report(feed(exchange.address, folder.path(), &file, &["--speed", "max"]));
    let counts = &told["counts"];
    assert_eq!(counts["rejects"]["invalid_combination"], 1, "{told}");
    assert_eq!(counts["rows_without_order"], 101, "{told}");
    assert_eq!(counts["cancel_of_refused"], 1, "{told}");
    assert_eq!(counts["cancel_not_found"], 0, "{told}");
    assert_eq!(counts["orders"], 20 + 450, "{told}");
    let cancels = ["cancelled", "cancel_already_traded"].map(|key| counts[key].as_u64().expect("a count"));
    assert_eq!(cancels.iter().sum::<u64>(), 20 + 450, "{told}");
    assert!(counts["trades"].as_u64() > Some(0) && counts["trades"] == told["proof"]["trades"], "{told}");
    assert!(counts["reduced"].as_u64() > Some(0), "{told}");
    assert_eq!(told["proof"]["acknowledged"], told["proof"]["acknowledged_found"], "{told}");
    assert_eq!(told["proof"]["faults"].as_array().map(Vec::len), Some(0), "{told}");
    assert_eq!(told["book"]["open_orders"], 18, "{told}");

    // The same again would only repeat what the exchange said, so it is refused; another tag makes it a new run.
    let again = feed(exchange.address, folder.path(), &file, &["--speed", "max"]).wait_with_output().expect("it ends");
    assert!(!again.status.success());
    assert!(String::from_utf8_lossy(&again.stderr).contains("was sent to this exchange before"), "{again:?}");
    report(feed(exchange.address, folder.path(), &file, &["--speed", "50", "--tag", "b-"]));
    report(feed(exchange.address, folder.path(), &file, &["--speed", "max", "--tag", "b-", "--resume"]));
    let status = exchange.runtime.block_on(exchange.engine().query(Query::Status)).expect("an answer");
    assert!(status.seq.0 > 3 * 900);
    exchange.cut();
}

/// The opening book and the first rows of the real recording.
#[test]
fn the_real_recording_is_fed_and_verified() {
    let file = Path::new(DATA).join("bitstamp_btcusd_l3_20260502.orders.csv.gz");
    if !file.exists() {
        eprintln!("skipped: {} is not there", file.display());
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let exchange = Exchange::start(folder.path(), 0);
    let told = report(feed(exchange.address, folder.path(), &file, &["--speed", "max", "--rows", "5000"]));
    assert_eq!(told["rows"], 6_512 + 5_000, "{told}");
    assert_eq!(told["counts"]["cancel_not_found"], 0, "{told}");
    assert_eq!(told["proof"]["faults"].as_array().map(Vec::len), Some(0), "{told}");
    assert!(told["book"]["spread"].is_string(), "{told}");
    println!("{told:#}");
    exchange.cut();
}

/// The engine as a process of its own, on a port that it has again after a restart.
struct Process(Child);

impl Process {
    fn start(data: &Path, address: SocketAddr) -> Process {
        let settings = data.with_extension("toml");
        let text = format!("[ports]\n\"landry-ces-matchengine.7316\" = \"{address}\"\n");
        fs::write(&settings, text).expect("settings");
        let child = Command::new(env!("CARGO_BIN_EXE_allin"))
            .args(["run", "landry-ces-matchengine", "--config"])
            .arg(settings)
            .arg("--data")
            .arg(data)
            .env_clear()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        Process(child)
    }

    /// SIGKILL: nothing is finished, and nothing is told.
    fn kill(mut self) {
        self.0.kill().expect("our child");
        let status = self.0.wait().expect("our child");
        assert!(!status.success(), "it was still running");
    }
}

/// The last sequence in the log, as its own reader finds it.
fn logged(data: &Path) -> u64 {
    let storage = Arc::new(DiskStorage::new(data));
    let Ok(shard) = oplog::shard_of(&*storage) else { return 0 };
    let options = oplog::Options::new(shard);
    let Ok(mut fold) = oplog::Fold::begin(storage, &options, || Spot::new(Default::default())) else { return 0 };
    let _ = fold.advance(Seq(u64::MAX));
    fold.machine.seq().0
}

#[test]
fn an_engine_killed_in_the_middle_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let file = recording(folder.path(), 3_000);
    let address = free_address();
    let mut engine = Process::start(&data, address);
    let start = Instant::now();
    while !data.join("internal.token").exists() || logged(&data) == 0 {
        assert!(start.elapsed() < PATIENCE, "it does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut child = feed(address, &data, &file, &["--speed", "max", "--window", "200"]);
    for least in [800, 2_000, 4_000] {
        let start = Instant::now();
        while logged(&data) < least {
            assert!(start.elapsed() < PATIENCE, "only {}", logged(&data));
            assert!(child.try_wait().expect("our child").is_none(), "it ended before {least}");
        }
        engine.kill();
        engine = Process::start(&data, address);
    }
    let told = report(child);
    assert_eq!(told["reconnects"], 3, "{told}");
    assert_eq!(told["counts"]["orders"], 20 + 2_700, "{told}");
    assert_eq!(told["counts"]["cancel_not_found"], 0, "{told}");
    assert_eq!(told["proof"]["acknowledged"], told["proof"]["acknowledged_found"], "{told}");
    engine.kill();
    assert_eq!(told["proof"]["seq"], logged(&data), "{told}");
}

/// A port that nobody has now.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

#[test]
fn an_exchange_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    InternalToken::open(folder.path()).expect("a token");
    let file = recording(folder.path(), 10);
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let output = feed(nowhere, folder.path(), &file, &["--patience", "0"]).wait_with_output().expect("it ends");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot reach the matching engine"), "{output:?}");
}
