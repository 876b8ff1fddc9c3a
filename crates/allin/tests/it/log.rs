//! `allin log`, on logs of the real state machine.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use allin_core::ids::{AssetId, Epoch, MarketId, Seq, Timestamp, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::command::{Command, Counter, Funding, MarketState, NewOrder, Side};
use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};
use allin_core::spot::{Limits, Spot};
use allin_core::text::{Label, Symbol};
use allin_runtime::oplog::{Options, Recovered, recover};
use allin_runtime::storage::DiskStorage;

use crate::{allin, stderr, stdout};

fn setup() -> Vec<Command> {
    let symbol = |text| Symbol::new(text).unwrap();
    let asset = |id, text| AssetSpec { id: AssetId(id), symbol: symbol(text), scale: 8, display_scale: 8 };
    let market = MarketSpec {
        id: MarketId(0),
        symbol: symbol("BTCUSDT"),
        base: AssetId(0),
        quote: AssetId(1),
        price_scale: 2,
        tick_units: 1,
        qty_scale: 6,
        lot_units: 1,
        filters: Filters::OPEN,
    };
    let credit = |user, asset| {
        Command::Credit(Funding {
            user: UserId(user),
            asset: AssetId(asset),
            amount: 5_000_000_000_000_000,
            business: Label::new("deposit").unwrap(),
            business_id: 1,
            counter: Counter::External,
            detail: "".into(),
        })
    };
    vec![
        Command::StartEpoch(Epoch(1)),
        Command::SetAsset(asset(0, "BTC")),
        Command::SetAsset(asset(1, "USDT")),
        Command::SetMarket(market),
        Command::SetMarketState { market: MarketId(0), state: MarketState::Trading },
        credit(1, 0),
        credit(2, 1),
    ]
}

fn command(seq: u64) -> Command {
    if let Some(command) = setup().get(seq as usize - 1) {
        return command.clone();
    }
    let (user, side) = if seq.is_multiple_of(2) { (1, Side::Sell) } else { (2, Side::Buy) };
    let price = PriceTicks(100_000 + seq * 7 % 50);
    Command::Place(NewOrder::limit(UserId(user), MarketId(0), side, price, QtyLots(1000 + seq % 9)))
}

fn open(data: &Path) -> Recovered<Spot> {
    let options = Options { segment_bytes: Options::SEGMENT_BYTES_MIN, ..Options::new("spot") };
    recover(Arc::new(DiskStorage::new(data)), &options, || Spot::new(Limits::default())).unwrap()
}

fn extend(recovered: &mut Recovered<Spot>, last: u64) {
    for seq in recovered.machine.seq().0 + 1..=last {
        let (at, command) = (Timestamp(1_700_000_000_000_000 + seq), command(seq));
        recovered.writer.append(Epoch(1), Seq(seq), at, &command).unwrap();
        recovered.machine.apply(Seq(seq), at, &command, &mut Vec::new());
        if seq.is_multiple_of(50) {
            recovered.writer.sync().unwrap();
        }
    }
    recovered.writer.sync().unwrap();
}

fn save(recovered: &Recovered<Spot>) {
    let machine = &recovered.machine;
    recovered.snapshots.save(machine).unwrap();
}

fn line<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {text}")).trim()
}

#[test]
fn verify_agrees_beside_a_running_instance_and_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut recovered = open(&data);
    for last in [300, 600, 701] {
        extend(&mut recovered, last);
        if last < 700 {
            save(&recovered);
        }
        let output = allin(directory.path(), &["log", "verify"]);
        let text = stdout(&output);
        assert!(output.status.success(), "{text}{}", stderr(&output));
        assert_eq!(line(text, "last sequence"), last.to_string());
        assert_eq!(line(text, "digest"), format!("{:016x}", recovered.machine.digest()));
        assert!(line(text, "USDT").ends_with("holds") && text.ends_with("ok\n"), "{text}");
    }
    let digest = format!("{:016x}", recovered.machine.digest());
    recovered.writer.close().unwrap();
    let output = allin(directory.path(), &["log", "verify", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&document["ok"], &document["digest"]), (&true.into(), &digest.into()));
    assert_eq!(document["snapshots"], serde_json::json!([300, 600]));
    assert_eq!(document["conservation"][1]["holds"], true);
}

#[test]
fn verify_names_every_fault_and_fails() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut recovered = open(&data);
    extend(&mut recovered, 400);
    save(&recovered);
    extend(&mut recovered, 500);
    recovered.writer.close().unwrap();
    let flip = |name: &str, at: usize| {
        let path = data.join(name);
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 0x10;
        fs::write(path, bytes).unwrap();
    };
    let snapshot = "snapshots/00000000000000000400.snap";
    let segment = "oplog/00000000000000000001.log";
    for (name, at, last) in [(snapshot, 2000, "500"), (segment, 9000, "")] {
        flip(name, at);
        let output = allin(directory.path(), &["log", "verify"]);
        let text = stdout(&output);
        assert!(!output.status.success(), "{text}");
        let fault = line(text, "FAULT");
        assert!(fault.contains(name), "{fault}");
        if !last.is_empty() {
            assert_eq!(line(text, "last sequence"), last);
        }
        flip(name, at);
    }
    assert!(allin(directory.path(), &["log", "verify"]).status.success());
    // A snapshot of another history: whole in itself, and not what the log comes to.
    let elsewhere = tempfile::tempdir().unwrap();
    let mut other = open(elsewhere.path());
    for seq in 1..=400 {
        let (at, command) = (Timestamp(seq), command(seq));
        other.machine.apply(Seq(seq), at, &command, &mut Vec::new());
    }
    save(&other);
    fs::copy(elsewhere.path().join(snapshot), data.join(snapshot)).unwrap();
    let output = allin(directory.path(), &["log", "verify"]);
    assert!(!output.status.success());
    assert!(line(stdout(&output), "FAULT").contains("but the replay gives"));
}

#[test]
fn replay_and_digest_find_where_two_logs_part() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut recovered = open(&data);
    extend(&mut recovered, 123);
    let digest = format!("{:016x}", recovered.machine.digest());
    let hash = format!("{:016x}", recovered.machine.state_hash());
    extend(&mut recovered, 456);
    let run = |arguments: &[&str]| allin(directory.path(), &[&["log"], arguments, &["--data", "data"]].concat());

    let output = run(&["replay", "--until", "123"]);
    let text = stdout(&output);
    assert_eq!((line(text, "digest"), line(text, "state hash")), (&digest[..], &hash[..]));
    assert_eq!(line(text, "time"), "2023-11-14T22:13:20.000123Z");
    assert!(line(text, "BTC").ends_with("holds"));
    let past = run(&["replay", "--until", "457"]);
    assert!(!past.status.success() && stderr(&past).contains("ends at sequence 456, before 457"));

    let output = run(&["digest", "--every", "123"]);
    let lines: Vec<&str> = stdout(&output).lines().collect();
    let sequences: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(sequences, ["123", "246", "369", "456"]);
    assert_eq!(lines[0], format!("123 {digest}"));
    let output = run(&["digest", "--every", "100", "--from", "150", "--until", "300"]);
    let sequences: Vec<&str> = stdout(&output).lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(sequences, ["200", "300"]);
}

#[test]
fn inspect_lists_files_and_commands() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut recovered = open(&data);
    extend(&mut recovered, 300);
    save(&recovered);
    extend(&mut recovered, 400);
    recovered.writer.close().unwrap();
    let output = allin(directory.path(), &["log", "inspect"]);
    let text = stdout(&output);
    assert!(output.status.success());
    assert_eq!(text.lines().filter(|line| line.contains(".log ")).count(), 2, "{text}");
    assert!(line(text, "snapshot 300").contains("digest"), "{text}");
    let output = allin(directory.path(), &["log", "inspect", "--from", "7", "--to", "9"]);
    let lines: Vec<&str> = stdout(&output).lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("7 2023-11-14T22:13:20.000007Z epoch 1 Credit("), "{}", lines[0]);

    let nothing = allin(directory.path(), &["log", "verify", "--data", "elsewhere"]);
    assert!(!nothing.status.success() && stderr(&nothing).contains("there is no log here"));
}

/// A log of small segments with snapshots, and stores that say how far each consumer is.
fn with_stores(directory: &Path, last: u64, snapshots: &[u64], stored: u64) -> String {
    let mut recovered = open(&directory.join("data"));
    for seq in snapshots {
        extend(&mut recovered, *seq);
        save(&recovered);
    }
    extend(&mut recovered, last);
    let digest = format!("{:016x}", recovered.machine.digest());
    recovered.writer.close().unwrap();
    let migrated = allin(directory, &["migrate"]);
    assert!(migrated.status.success(), "{}", stderr(&migrated));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for service in CONSUMERS {
        let url = format!("sqlite:{}", directory.join(format!("data/store/{service}.db")).display());
        runtime.block_on(async {
            let store = allin_runtime::store::Store::open(&url).await.unwrap();
            let mut tx = store.begin().await.unwrap();
            let moved = tx.execute("UPDATE positions SET seq = ?", allin_runtime::args![stored]).await.unwrap();
            // The history writer has a position for each of its lanes.
            assert_eq!(moved, 1 + u64::from(service == "landry-ces-historywriter"), "{service}");
            tx.commit().await.unwrap();
            store.close().await;
        });
    }
    digest
}

const CONSUMERS: [&str; 3] = ["landry-ces-historywriter", "landry-ces-marketprice", "landry-ces-tradesummary"];

fn segments(directory: &Path) -> Vec<String> {
    let folder = fs::read_dir(directory.join("data/oplog")).unwrap();
    let mut names: Vec<String> = folder
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".log"))
        .collect();
    names.sort();
    names
}

#[test]
fn compact_trims_what_was_verified_and_everything_still_reads_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let digest = with_stores(directory.path(), 2000, &[1200, 1500, 1800], 1900);
    let run = |arguments: &[&str]| allin(directory.path(), &[&["log"], arguments].concat());
    let whole = segments(directory.path());
    let checked = run(&["compact", "--check"]);
    assert!(checked.status.success() && stdout(&checked).contains("would go"), "{}", stderr(&checked));
    assert_eq!(segments(directory.path()), whole, "looking removes nothing");

    let held = open(&directory.path().join("data"));
    let refused = run(&["compact"]);
    assert!(!refused.status.success() && stderr(&refused).contains("is the instance running?"), "{}", stderr(&refused));
    held.writer.close().unwrap();

    let done = run(&["compact"]);
    let text = stdout(&done);
    assert!(done.status.success(), "{text}{}", stderr(&done));
    assert!(line(text, "verified").starts_with("snapshots 1200, 1500, 1800 by a replay of 1800"), "{text}");
    let left = segments(directory.path());
    assert!(left.len() < whole.len() && !left.contains(&whole[0]), "{left:?}");
    assert!(line(text, "log begins at").parse::<u64>().unwrap() > 1000, "{text}");

    let verified = run(&["verify"]);
    let text = stdout(&verified);
    assert!(verified.status.success(), "{text}");
    assert_eq!(
        (line(text, "begins after"), line(text, "last sequence"), line(text, "digest")),
        ("1200", "2000", &digest[..])
    );
    let replayed = run(&["replay"]);
    assert_eq!(line(stdout(&replayed), "digest"), digest);
    let early = run(&["replay", "--until", "700"]);
    assert!(
        !early.status.success() && stderr(&early).contains("was trimmed up to sequence 1200"),
        "{}",
        stderr(&early)
    );
    let digests = run(&["digest", "--every", "500"]);
    assert!(stdout(&digests).starts_with("1500 "), "{}", stdout(&digests));
    let listed = run(&["inspect"]);
    assert!(listed.status.success() && stdout(&listed).contains("snapshot 1200"));
    let again = run(&["compact"]);
    assert!(again.status.success() && stdout(&again).contains("nothing to remove"), "{}", stdout(&again));
    assert_eq!(segments(directory.path()), left);
}

#[test]
fn compact_leaves_what_a_consumer_needs_and_everything_when_a_snapshot_is_damaged() {
    // The slowest rules; one without a store needs everything.
    for (stored, gone) in [(1900, None), (1100, None), (1900, Some("landry-ces-tradesummary"))] {
        let directory = tempfile::tempdir().unwrap();
        with_stores(directory.path(), 2000, &[1200, 1500, 1800], stored);
        if let Some(service) = gone {
            fs::remove_file(directory.path().join(format!("data/store/{service}.db"))).unwrap();
        }
        let whole = segments(directory.path());
        let damaged = directory.path().join("data/snapshots/00000000000000001500.snap");
        if stored == 1900 && gone.is_none() {
            let mut bytes = fs::read(&damaged).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 2;
            fs::write(&damaged, bytes).unwrap();
        }
        let done = allin(directory.path(), &["log", "compact"]);
        if stored == 1900 && gone.is_none() {
            assert!(!done.status.success() && stderr(&done).contains("1500.snap"), "{}", stderr(&done));
        } else {
            assert!(done.status.success() && stdout(&done).contains("nothing to remove"), "{}", stdout(&done));
        }
        assert_eq!(segments(directory.path()), whole, "{stored} {gone:?}");
    }
}
