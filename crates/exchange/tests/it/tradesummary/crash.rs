//! Killed anywhere, removed, left behind: the store is the sums over the log, or becomes them.

use std::collections::BTreeSet;

use allin_core::ids::Seq;

use super::*;
use crate::cut::cut;

/// One life of the fold, ended at a poll of its task. Tells what it had stored; none when nothing was left to do.
async fn live_and_die(tape: &Arc<Tape>, file: &Path, polls: u32) -> Option<Seq> {
    let progress = Arc::new(allin_exchange::follow::Progress::default());
    let newest = tape.clone();
    let handles = tradesummary::FoldHandles {
        engine: tape.clone(),
        store_url: format!("sqlite:{}", file.display()),
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
async fn killed_at_every_step_the_sums_equal_the_trades() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("summary.db");
    let tape = Tape::new(4);
    record_trades(&tape, 150, 77);
    let mut killed_at = BTreeSet::new();
    for polls in 1..200 {
        killed_at.extend(live_and_die(&tape, &file, polls).await);
        record_trades(&tape, 4, u64::from(polls) + 1);
    }
    assert!(killed_at.len() > 20, "killed at {killed_at:?}");
    let service = ready(&tape, &file, quick()).await;
    check(&tape, &service).await;
    service.running.stop().await.expect("stops in order");
}

#[tokio::test]
async fn a_removed_store_and_one_of_another_log_are_rebuilt() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("summary.db");
    let tape = Tape::new(50);
    record_trades(&tape, 200, 3);
    let service = ready(&tape, &file, quick()).await;
    for name in ["summary.db", "summary.db-wal", "summary.db-shm"] {
        let _ = std::fs::remove_file(directory.path().join(name));
    }
    record_trades(&tape, 20, 10);
    wait(|| file.exists()).await;
    stored(&tape, &service).await;
    check(&tape, &service).await;
    service.running.stop().await.expect("stops in order");

    let shorter = Tape::new(50);
    record_trades(&shorter, 90, 8);
    let service = ready(&shorter, &file, quick()).await;
    check(&shorter, &service).await;
    service.running.stop().await.expect("stops in order");
}
