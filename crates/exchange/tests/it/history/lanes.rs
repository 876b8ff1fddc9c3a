//! The writer's two lanes: stopped between their commits, in both orders; and positions that do not belong together.

use std::time::Duration;

use allin_core::ids::Seq;
use allin_databases::{Database, Place, on_every_database};
use allin_exchange::history_schema::{CONSUMER, CONSUMER_TOLD, MIGRATIONS, NAMESPACE, SCHEMA};
use allin_exchange::historywriter::HistoryWriterSection;
use allin_runtime::args;
use allin_runtime::engine::Batch;
use allin_runtime::store::{Position, Store, Tx};

use super::bus::ReadyBus;
use super::feed::Feed;
use super::writer::{
    PATIENCE, assert_equals_fold, kill_feed, small_batches, start, start_at, start_child, until_written,
};

/// So much that no delta waits for the one before it to make room in memory.
const CACHE: usize = 100_000;

/// Positions of the state and of what is told.
async fn positions(store: &Store) -> (Seq, Seq) {
    let mut tx = store.snapshot().await.expect("begins");
    let state = Position::new(CONSUMER).load(&mut tx).await.expect("loads");
    let told = Position::new(CONSUMER_TOLD).load(&mut tx).await.expect("loads");
    tx.commit().await.expect("ends");
    (state, told)
}

/// Positions of which something is true, in time.
async fn until(store: &Store, is_so: impl Fn(Seq, Seq) -> bool) -> (Seq, Seq) {
    let look = async {
        loop {
            let (state, told) = positions(store).await;
            if is_so(state, told) {
                return (state, told);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.expect("in time")
}

async fn hold(store: &Store, position: &str) -> Tx {
    let mut tx = store.begin().await.expect("begins");
    tx.execute("UPDATE positions SET seq = seq WHERE name = ?", args![position]).await.expect("takes its row");
    tx
}

async fn set(store: &Store, position: &str, seq: u64) {
    let mut tx = store.begin().await.expect("begins");
    let set = tx.execute("UPDATE positions SET seq = ? WHERE name = ?", args![seq, position]).await;
    assert_eq!(set.expect("moves"), 1);
    tx.commit().await.expect("ends");
}

/// One lane cannot commit and waits, the other goes on as far as it may; then the process is killed. Gives the positions.
async fn killed_while_held(place: &Place, store: &Store, position: &str, batch_rows_max: usize) -> (Seq, Seq) {
    let before = positions(store).await.1;
    let held = if position == CONSUMER { Some(hold(store, position).await) } else { None };
    let mut child = start_child(&place.url, batch_rows_max, CACHE);
    let (lock, found) = match held {
        // On a server the next is told while the state waits.
        Some(lock) => {
            let ends: Vec<Seq> = kill_feed().iter().filter_map(Batch::last_seq).collect();
            let is_ahead = |state, told| ends.iter().filter(|end| state < **end && **end <= told).count() > 1;
            (lock, until(store, is_ahead).await)
        }
        // In the middle of its work, so that the state comes to where the told rows end.
        None => {
            until(store, |state, _| before < state).await;
            (hold(store, position).await, until(store, |state, told| state == told).await)
        }
    };
    child.kill().expect("is killed");
    child.wait().expect("ends");
    drop(lock);
    found
}

/// A file has one writer, so there nothing can wait while another goes on: one lane's commit fails, and the writer ends.
async fn ended_by_a_refusal(place: &Place, store: &Store, position: &str, batch_rows_max: usize) -> (Seq, Seq) {
    let beyond = positions(store).await.1.0 + 150;
    let refuse = format!(
        "CREATE TRIGGER refused BEFORE UPDATE ON positions WHEN new.name = '{position}' AND new.seq > {beyond} \
         BEGIN SELECT RAISE(ABORT, 'refused'); END"
    );
    let run = |sql: String| async move {
        let mut tx = store.begin().await.expect("begins");
        tx.execute(&sql, &[]).await.expect("runs");
        tx.commit().await.expect("ends");
    };
    run(refuse).await;
    let bus = ReadyBus::new(kill_feed(), 0);
    let config = HistoryWriterSection { batch_rows_max, cache_max: CACHE, ..small_batches() };
    let mut writer = start_at(place.url.clone(), &bus, config);
    let ended = tokio::time::timeout(PATIENCE, writer.running.ended()).await.expect("in time");
    let error = ended.expect_err("ends").to_string();
    assert!(error.contains("refused"), "{error}");
    run("DROP TRIGGER refused".to_owned()).await;
    positions(store).await
}

on_every_database! {
async fn stopped_between_the_lanes_the_tables_still_equal_the_fold(database: Database) {
    let place = database.place();
    let store = Store::open(&format!("{}&writer=test", place.url)).await.expect("opens");
    SCHEMA.apply(&store).await.expect("makes the tables");
    let mut last = Seq(0);
    for round in 0..10 {
        let position = [CONSUMER, CONSUMER_TOLD][round % 2];
        // A batch each time, or several: deltas do not end where told rows did.
        let rows = if position == CONSUMER { 1 } else { 60 + round * 7 };
        let (state, told) = match database {
            Database::Sqlite => ended_by_a_refusal(&place, &store, position, rows).await,
            _ => killed_while_held(&place, &store, position, rows).await,
        };
        match position {
            CONSUMER => assert!(last <= state && state < told, "between the two: {state:?}, {told:?}"),
            _ => assert!(last < state && state == told, "after both: {state:?}, {told:?}"),
        }
        last = state;
    }
    let bus = ReadyBus::new(kill_feed(), 0);
    let mut writer = start(&place, &bus, HistoryWriterSection::default());
    until_written(&mut writer, bus.last()).await;
    writer.running.stop().await.expect("stops");
    assert_equals_fold(&place.url, &kill_feed()).await;
    assert_eq!(positions(&store).await, (bus.last(), bus.last()));
}

async fn rows_told_beyond_the_log_are_refused(database: Database) {
    let batches = Feed::new(72, 5, 30).batches(500, 10);
    let place = database.place();
    let bus = ReadyBus::new(batches, 0);
    let mut writer = start(&place, &bus, small_batches());
    until_written(&mut writer, bus.last()).await;
    writer.running.stop().await.expect("stops");
    let store = Store::open(&place.url).await.expect("opens");
    set(&store, CONSUMER_TOLD, bus.last().0 + 1).await;
    let mut writer = start(&place, &bus, small_batches());
    let ended = tokio::time::timeout(PATIENCE, writer.running.ended()).await.expect("in time");
    let error = ended.expect_err("is refused").to_string();
    assert!(error.contains("do not belong together"), "{error}");
}

/// It knows one position only, and wrote on after the tables had been migrated.
async fn goes_on_where_an_older_version_ended(database: Database) {
    let batches = Feed::new(73, 5, 30).batches(2000, 10);
    let place = database.place();
    let half = ReadyBus::new(batches[..batches.len() / 2].to_vec(), 0);
    let mut writer = start(&place, &half, small_batches());
    until_written(&mut writer, half.last()).await;
    writer.running.stop().await.expect("stops");
    let store = Store::open(&place.url).await.expect("opens");
    set(&store, CONSUMER_TOLD, half.last().0 / 3).await;
    let bus = ReadyBus::new(batches.clone(), 0);
    let mut writer = start(&place, &bus, small_batches());
    until_written(&mut writer, bus.last()).await;
    writer.running.stop().await.expect("stops");
    assert_equals_fold(&place.url, &batches).await;
    assert_eq!(positions(&store).await, (bus.last(), bus.last()));
}

async fn tables_of_before_are_told_as_far_as_they_go(database: Database) {
    let place = database.place();
    let store = Store::open(&place.url).await.expect("opens");
    Position::new(CONSUMER).create(&store).await.expect("makes");
    let tells = |statement: &&str| statement.contains(CONSUMER_TOLD);
    let before = MIGRATIONS.iter().position(|migration| migration.statements.iter().any(tells));
    store.migrate(NAMESPACE, &MIGRATIONS[..before.expect("one of them")]).await.expect("migrates");
    set(&store, CONSUMER, 77).await;
    SCHEMA.apply(&store).await.expect("migrates");
    assert_eq!(positions(&store).await, (Seq(77), Seq(77)));
}
}
