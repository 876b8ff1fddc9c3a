//! The writer, stopped in every way, against the naive fold.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use allin_core::ids::Seq;
use allin_core::spot::event::Event;
use allin_databases::{Database, Place, on_every_database};
use allin_exchange::historywriter::{self, HistoryWriterSection, Service};
use allin_runtime::engine::Batch;
use allin_runtime::store::{Position, Store};

use super::bus::ReadyBus;
use super::feed::{Feed, Random};
use super::naive;

pub const PATIENCE: Duration = Duration::from_secs(60);

/// So few that one transaction waits for the other, a few more, and so many that they always overlap.
fn caches(index: u64) -> usize {
    [30, 100, 100_000][index as usize % 3]
}

pub fn small_batches() -> HistoryWriterSection {
    HistoryWriterSection {
        batch_rows_max: 40,
        batch_wait_ms: 1,
        cache_max: 30,
        retry_wait_max_ms: 4,
        ..HistoryWriterSection::default()
    }
}

async fn open(url: &str) -> Store {
    Store::open(url).await.expect("opens")
}

pub fn start(place: &Place, bus: &Arc<ReadyBus>, config: HistoryWriterSection) -> Service {
    start_at(place.url.clone(), bus, config)
}

pub fn start_at(store_url: String, bus: &Arc<ReadyBus>, config: HistoryWriterSection) -> Service {
    start_keeping(0, store_url, bus, config)
}

pub fn start_keeping(
    keep_months: u32,
    store_url: String,
    bus: &Arc<ReadyBus>,
    config: HistoryWriterSection,
) -> Service {
    let handles = historywriter::Handles { engine: bus.clone(), bus: bus.clone(), store_url, keep_months };
    historywriter::start("test-historywriter", config, handles)
}

pub async fn until_written(writer: &mut Service, seq: Seq) {
    let wait = writer.written.wait_for(|written| *written >= seq);
    tokio::time::timeout(PATIENCE, wait).await.expect("in time").expect("still writes");
}

pub async fn assert_equals_fold(url: &str, batches: &[Batch]) {
    assert_equals(url, naive::fold(batches)).await;
}

pub async fn assert_equals(url: &str, wanted: naive::Tables) {
    let store = open(url).await;
    let tables = naive::dump(&store).await;
    for (table, found) in &tables {
        let lines = &wanted[table];
        let differs = found.iter().zip(lines).find(|(a, b)| a != b);
        assert_eq!(differs, None, "{table}: first difference (stored, wanted)");
        assert_eq!(found.len(), lines.len(), "{table}: rows");
    }
    store.close().await;
}

/// Does nothing unless a test runs it in a process of its own.
#[tokio::test]
async fn child_that_is_killed() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let bus = ReadyBus::new(kill_feed(), 0);
    let bounds: Vec<usize> =
        std::env::var(CHILD_BOUNDS).expect("are given").split(' ').map(|n| n.parse().expect("a number")).collect();
    let (batch_rows_max, cache_max) = (bounds[0], bounds[1]);
    // Everything is there at once: deltas end where they are full.
    let config = HistoryWriterSection { batch_rows_max, cache_max, batch_wait_ms: 50, ..small_batches() };
    let mut writer = start_at(url, &bus, config);
    writer.running.ready().await.expect("is ready");
    println!("\n{WRITING}");
    until_written(&mut writer, bus.last()).await;
    writer.running.stop().await.expect("stops");
}

#[tokio::test]
async fn a_full_disk_only_makes_history_lag() {
    let batches = Feed::new(31, 5, 40).batches(3000, 30);
    let place = Database::Sqlite.place();
    let bus = ReadyBus::new(batches.clone(), 0);
    let mut before = Seq(0);
    for pages in [80, 120, 160] {
        let mut writer = start_at(format!("{}&pages_max={pages}", place.url), &bus, small_batches());
        let mut written = writer.written.clone();
        // It comes to where the disk is full, and stays there, trying.
        let beyond = written.wait_for(|written| *written > before);
        tokio::time::timeout(PATIENCE, beyond).await.expect("in time").expect("still writes");
        while let Ok(changed) = tokio::time::timeout(Duration::from_millis(500), written.changed()).await {
            changed.expect("is still there");
        }
        let now = *written.borrow();
        assert!(now < bus.last(), "{pages} pages hold up to {now:?}");
        before = now;
        let ended = tokio::time::timeout(Duration::from_millis(1), writer.running.ended()).await;
        assert!(ended.is_err(), "a full disk ends nothing");
        writer.running.stop().await.expect("stops while it waits");
    }
    let mut writer = start(&place, &bus, small_batches());
    until_written(&mut writer, bus.last()).await;
    writer.running.stop().await.expect("stops");
    assert_equals_fold(&place.url, &batches).await;
}

#[tokio::test]
async fn a_database_that_is_away_now_and_then_only_makes_history_lag() {
    let batches = Feed::new(32, 5, 40).batches(3000, 30);
    let place = Database::Sqlite.place();
    let bus = ReadyBus::new(batches.clone(), 0);
    let mut writer = start_at(place.url.replace("busy_timeout_ms=5000", "busy_timeout_ms=1"), &bus, small_batches());
    writer.running.ready().await.expect("is ready");
    let other = open(&place.url).await;
    let mut held_up = 0;
    while *writer.written.borrow() < bus.last() {
        let lock = other.begin().await.expect("takes the lock");
        let before = *writer.written.borrow();
        tokio::time::sleep(Duration::from_millis(10)).await;
        held_up += u32::from(*writer.written.borrow() == before);
        lock.commit().await.expect("gives it back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(held_up >= 3, "was held up {held_up} times only");
    writer.running.stop().await.expect("stops");
    assert_equals_fold(&place.url, &batches).await;
}

#[tokio::test]
async fn made_again_after_its_file_is_gone() {
    let batches = Feed::new(41, 5, 30).batches(1000, 30);
    let bus = ReadyBus::new(batches.clone(), 0);
    let place = Database::Sqlite.place();
    for _ in 0..2 {
        let mut writer = start(&place, &bus, HistoryWriterSection::default());
        until_written(&mut writer, bus.last()).await;
        writer.running.stop().await.expect("stops");
        assert_equals_fold(&place.url, &batches).await;
        std::fs::remove_dir_all(place.folder.path()).expect("removes");
    }
}

/// The feed with one event spoilt: the first, after the listings, that `spoil` takes.
fn spoilt(mut batches: Vec<Batch>, spoil: impl Fn(&mut Event) -> bool) -> Vec<Batch> {
    let events = batches.iter_mut().flat_map(|batch| &mut batch.events);
    assert!(events.into_iter().any(spoil), "there is such an event");
    batches
}

on_every_database! {
async fn tables_equal_the_fold(database: Database) {
    for (seed, drop_after, cache_max) in [(1, 0, 30), (2, 7, 100), (3, 0, 0), (4, 0, 100_000)] {
        let batches = Feed::new(seed, 6, 30).batches(3000, 40);
        let kinds = ["orders", "user_deals", "ledger", "order_lists", "order_clients"];
        let wanted = naive::fold(&batches);
        for table in kinds {
            assert!(wanted[table].len() > 10, "the feed makes enough of {table}");
        }
        let place = database.place();
        let bus = ReadyBus::new(batches.clone(), drop_after);
        let config = match cache_max {
            0 => HistoryWriterSection::default(),
            _ => HistoryWriterSection { cache_max, ..small_batches() },
        };
        let mut writer = start(&place, &bus, config);
        until_written(&mut writer, bus.last()).await;
        writer.running.stop().await.expect("stops");
        assert_eq!(bus.subscriptions.load(Ordering::Relaxed) > 1, drop_after > 0, "was dropped and came back");
        assert_equals_fold(&place.url, &batches).await;
    }
}

async fn what_does_not_fit_the_log_ends_the_writer_and_is_named(database: Database) {
    let good = Feed::new(51, 5, 30).batches(300, 10);
    let mut gap = good.clone();
    gap.remove(10);
    let fee = spoilt(good.clone(), |event| match event {
        Event::Trade(trade) => {
            trade.maker_fee += 1;
            true
        }
        _ => false,
    });
    let filled = spoilt(good.clone(), |event| match event {
        Event::Closed(closed) => {
            closed.filled.0 += 1;
            true
        }
        _ => false,
    });
    let order = spoilt(good, |event| match event {
        Event::Closed(closed) => {
            closed.order.0 = 1_000_000;
            true
        }
        _ => false,
    });
    let rows = [
        ("a gap", gap, "was due"),
        ("a fee that the balance has not", fee, "sum to"),
        ("a fill that was not", filled, "lots filled"),
        ("an order that was not", order, "never placed"),
    ];
    for (what, batches, told) in rows {
        let place = database.place();
        let mut writer = start(&place, &ReadyBus::new(batches, 0), small_batches());
        let ended = tokio::time::timeout(PATIENCE, writer.running.ended()).await.expect(what);
        let error = ended.expect_err(what).to_string();
        assert!(error.contains(told), "{what}: {error}");
    }
}

async fn a_history_that_goes_beyond_the_log_is_refused(database: Database) {
    let batches = Feed::new(71, 5, 30).batches(500, 10);
    let place = database.place();
    let bus = ReadyBus::new(batches.clone(), 0);
    let mut writer = start(&place, &bus, small_batches());
    until_written(&mut writer, bus.last()).await;
    writer.running.stop().await.expect("stops");
    let shorter = ReadyBus::new(batches[..batches.len() / 2].to_vec(), 0);
    let mut writer = start(&place, &shorter, small_batches());
    let error = writer.running.ready().await.expect_err("is refused").to_string();
    assert!(error.contains("do not belong together"), "{error}");
}

async fn two_writers_on_one_database_do_not_double_rows(database: Database) {
    let batches = Feed::new(61, 5, 30).batches(2000, 10);
    let place = database.place();
    let bus = ReadyBus::new(batches.clone(), 0);
    let mut writers = Vec::new();
    for _ in 0..2 {
        writers.push(start(&place, &bus, small_batches()));
    }
    let mut failed = 0;
    for mut writer in writers {
        let mut written = writer.written.clone();
        let written = tokio::select! {
            done = written.wait_for(|written| *written == bus.last()) => done.is_ok(),
            ended = writer.running.ended() => { ended.expect_err("only by failing"); false }
        };
        failed += usize::from(!written);
    }
    assert!(failed <= 1, "one of them goes on");
    if failed == 1 {
        let store = open(&place.url).await;
        let mut tx = store.snapshot().await.expect("begins");
        let position = Position::new("historywriter").load(&mut tx).await.expect("loads");
        tx.commit().await.expect("ends");
        assert_eq!(position, bus.last());
    }
    assert_equals_fold(&place.url, &batches).await;
}

/// Not a test of speed: prints it where the suite is run with `--nocapture`.
async fn keeps_up(database: Database) {
    let deals: u64 = std::env::var("ALLIN_TEST_DEALS").ok().and_then(|n| n.parse().ok()).unwrap_or(3000);
    let batches = Feed::new(71, 300, 60).batches(deals * 10 / 6, 500);
    let trades: usize = naive_trades(&batches);
    let place = database.place();
    let bus: Arc<ReadyBus> = ReadyBus::new(batches, 0);
    let started = std::time::Instant::now();
    let mut writer = start(&place, &bus, HistoryWriterSection::default());
    until_written(&mut writer, bus.last()).await;
    let took = started.elapsed();
    println!(
        "{database:?}: {trades} trades of {} commands in {took:?}: {:.0} trades/s",
        bus.last().0,
        trades as f64 / took.as_secs_f64()
    );
    writer.running.stop().await.expect("stops");
}
}

on_every_database! {
fn cut_off_at_any_moment_the_tables_still_equal_the_fold(database: Database) {
    let batches = Feed::new(11, 5, 30).batches(4000, 30);
    let bus = ReadyBus::new(batches.clone(), 0);
    let place = database.place();
    let mut random = Random::new(5);
    let mut cuts = 0;
    loop {
        // Dropping a runtime cuts its tasks off wherever they wait, in the middle of a transaction too.
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("builds");
        let (url, bus) = (place.url.clone(), bus.clone());
        let config = HistoryWriterSection { cache_max: caches(cuts), ..small_batches() };
        // Longer every time, so that it comes to an end on a slow machine too.
        let wait = Duration::from_micros(3000 + random.below(30_000 + cuts * 2000));
        let last = runtime.block_on(async move {
            let writer = start_at(url, &bus, config);
            tokio::time::sleep(wait).await;
            *writer.written.borrow() == bus.last()
        });
        runtime.shutdown_background();
        if last {
            break;
        }
        cuts += 1;
    }
    assert!(cuts >= 5, "was cut off {cuts} times only");
    let runtime = tokio::runtime::Runtime::new().expect("builds");
    runtime.block_on(assert_equals_fold(&place.url, &batches));
}

fn killed_at_any_moment_the_tables_still_equal_the_fold(database: Database) {
    let place = database.place();
    let mut random = Random::new(9);
    let mut kills = 0;
    loop {
        let mut child = start_child(&place.url, 40, caches(kills));
        // Longer every time, so that it comes to an end on a slow machine too.
        std::thread::sleep(Duration::from_micros(random.below(20_000 + kills * 2000)));
        if let Some(status) = child.try_wait().expect("its state") {
            assert!(status.success(), "the child failed by itself");
            break;
        }
        child.kill().expect("is killed");
        child.wait().expect("ends");
        kills += 1;
    }
    assert!(kills >= 3, "was killed {kills} times only");
    let runtime = tokio::runtime::Runtime::new().expect("builds");
    runtime.block_on(assert_equals_fold(&place.url, &kill_feed()));
}
}

fn naive_trades(batches: &[Batch]) -> usize {
    let is_trade = |event: &&Event| matches!(event, Event::Trade(_));
    batches.iter().map(|batch| batch.events.iter().filter(is_trade).count()).sum()
}

/// A process that writes [`kill_feed`]; it is about to begin.
pub fn start_child(url: &str, batch_rows_max: usize, cache_max: usize) -> Child {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--nocapture", "--exact", "history::writer::child_that_is_killed"])
        .env(CHILD, url)
        .env(CHILD_BOUNDS, format!("{batch_rows_max} {cache_max}"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut output = BufReader::new(child.stdout.take().expect("piped"));
    let writes = output.by_ref().lines().any(|line| line.expect("text") == WRITING);
    assert!(writes, "the child ended before it wrote");
    // It has more to say.
    child.stdout = Some(output.into_inner());
    child
}

/// What the child writes.
pub fn kill_feed() -> Vec<Batch> {
    Feed::new(21, 5, 30).batches(4000, 30)
}

/// What the child says when it begins to write.
const WRITING: &str = "writing";
const CHILD: &str = "ALLIN_TEST_HISTORY_CHILD";
const CHILD_BOUNDS: &str = "ALLIN_TEST_HISTORY_CHILD_BOUNDS";
