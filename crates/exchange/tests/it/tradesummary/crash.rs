//! Killed anywhere, removed, left behind: the store is the sums over the log, or becomes them.

use allin_databases::{Database, on_every_database};
use std::collections::BTreeSet;

use allin_core::ids::Seq;

use super::*;
use crate::cut::{cut, lives, places_min};

/// One life of the fold, ended at a poll of its task. Tells what it had stored; none when nothing was left to do.
async fn live_and_die(tape: &Arc<Tape>, url: &str, polls: u32) -> Option<Seq> {
    let progress = Arc::new(allin_exchange::follow::Progress::default());
    let newest = tape.clone();
    let handles = tradesummary::FoldHandles {
        engine: tape.clone(),
        store_url: url.to_owned(),
        clock: Arc::new(move || newest.now()),
        progress: progress.clone(),
    };
    let mut starting = allin_exchange::service::Starting::new(NAME);
    let (readiness, stopping) = (starting.readiness(), starting.stopping());
    // A commit after every batch, and nobody stays in memory.
    let config = TradeSummarySection { commit_events_max: 1, users_cached_max: 1, ..quick() };
    let follower = tradesummary::follower(NAME, config, handles, Arc::new(TapeBus(tape.clone())));
    tokio::select! {
        _ = cut(follower.run(readiness, stopping), polls) => Some(progress.committed()),
        () = wait(|| progress.committed() >= tape.durable()) => None,
    }
}

#[tokio::test]
async fn a_removed_store_and_one_of_another_log_are_rebuilt() {
    let place = Database::Sqlite.place();
    let file = place.folder.path().join("test.db");
    let tape = Tape::new(50);
    record_trades(&tape, 200, 3);
    let service = ready(&tape, &place.url, quick()).await;
    for name in ["test.db", "test.db-wal", "test.db-shm"] {
        let _ = std::fs::remove_file(place.folder.path().join(name));
    }
    record_trades(&tape, 20, 10);
    wait(|| file.exists()).await;
    stored(&tape, &service).await;
    check(&tape, &service).await;
    service.running.stop().await.expect("stops in order");

    let shorter = Tape::new(50);
    record_trades(&shorter, 90, 8);
    let service = ready(&shorter, &place.url, quick()).await;
    check(&shorter, &service).await;
    service.running.stop().await.expect("stops in order");
}
on_every_database! {
async fn killed_at_every_step_the_sums_equal_the_trades(database: Database) {
    let place = database.place();
    let tape = Tape::new(4);
    record_trades(&tape, 150, 77);
    let mut killed_at = BTreeSet::new();
    for polls in lives(database, 200) {
        killed_at.extend(live_and_die(&tape, &place.url, polls).await);
        record_trades(&tape, 4, u64::from(polls) + 1);
    }
    assert!(killed_at.len() > places_min(database), "killed at {killed_at:?}");
    let service = ready(&tape, &place.url, quick()).await;
    check(&tape, &service).await;
    service.running.stop().await.expect("stops in order");
}
}
