//! Killed anywhere, removed, left behind: the store is the fold over the log, or becomes it.

use allin_core::ids::Timestamp;
use allin_core::spot::command::Side;
use allin_databases::{Database, on_every_database};

use super::*;
use crate::cut::{cut, lives, places_min};

/// One life of the fold, ended at a poll of its task; every statement and every batch is some. Tells what it had stored
/// when it was killed; none when it had nothing left to be killed at.
async fn live_and_die(tape: &Arc<Tape>, url: &str, polls: u32) -> Option<Seq> {
    let progress = Arc::new(allin_exchange::follow::Progress::default());
    let handles = marketprice::FoldHandles {
        engine: tape.clone(),
        store_url: url.to_owned(),
        clock: tape_clock(tape),
        progress: progress.clone(),
    };
    let mut starting = allin_exchange::service::Starting::new(NAME);
    let (readiness, stopping) = (starting.readiness(), starting.stopping());
    // A commit after every batch.
    let config = MarketPriceSection { commit_events_max: 1, ..quick() };
    let follower = marketprice::follower(NAME, config, handles, Arc::new(TapeBus(tape.clone())));
    tokio::select! {
        _ = cut(follower.run(readiness, stopping), polls) => Some(progress.committed()),
        () = wait(|| progress.committed() >= tape.durable()) => None,
    }
}

#[tokio::test]
async fn a_store_that_is_removed_is_rebuilt() {
    let place = Database::Sqlite.place();
    let file = place.folder.path().join("test.db");
    let tape = Tape::new(50);
    record_trades(&tape, 200, 9);
    let service = start(&tape, &place.url).await;
    stored(&tape, &service).await;
    for name in ["test.db", "test.db-wal", "test.db-shm"] {
        let _ = std::fs::remove_file(place.folder.path().join(name));
    }
    // The next commit finds it gone, and the fold begins again from the log's first sequence.
    record_trades(&tape, 20, 10);
    wait(|| file.exists()).await;
    stored(&tape, &service).await;
    check_all(&tape, &service).await;
    stop(service).await;
}

on_every_database! {
async fn killed_at_every_step_the_bars_equal_the_fold(database: Database) {
    let place = database.place();
    let tape = Tape::new(5);
    record_trades(&tape, 300, 77);
    // Lives of every length, so that each step is the last of some life.
    let mut killed_at = std::collections::BTreeSet::new();
    for polls in lives(database, 160) {
        killed_at.extend(live_and_die(&tape, &place.url, polls).await);
        record_trades(&tape, 5, u64::from(polls) + 1);
    }
    assert!(killed_at.len() > places_min(database), "killed at {killed_at:?}");
    let service = start(&tape, &place.url).await;
    caught_up(&tape, &service).await;
    check_all(&tape, &service).await;
    stored(&tape, &service).await;
    check_all(&tape, &service).await;
    stop(service).await;
}

async fn a_restart_goes_on_where_it_was(database: Database) {
    let place = database.place();
    let tape = Tape::new(100);
    record_trades(&tape, 200, 5);
    let service = start(&tape, &place.url).await;
    assert_eq!(stop(service).await, tape.durable(), "a stop commits what it has");
    record_trades(&tape, 100, 6);
    let service = start(&tape, &place.url).await;
    caught_up(&tape, &service).await;
    check_all(&tape, &service).await;
    stop(service).await;
}

async fn a_store_of_another_log_is_rebuilt(database: Database) {
    let place = database.place();
    let longer = Tape::new(50);
    record_trades(&longer, 200, 9);
    stop(start(&longer, &place.url).await).await;
    let shorter = Tape::new(50);
    record_trades(&shorter, 40, 123);
    let service = start(&shorter, &place.url).await;
    caught_up(&shorter, &service).await;
    check_all(&shorter, &service).await;
    stop(service).await;
}

async fn what_is_not_kept_is_cleared_and_nothing_else(database: Database) {
    let place = database.place();
    let tape = Tape::new(50);
    let deal = Deal { market: 0, price: 100, qty: 1, taker_side: Side::Buy, maker: 1, taker: 2 };
    for nth in 0..3000 {
        tape.trade(Timestamp(DAY_START + nth * 10 * Timestamp::SECOND), &[deal]);
    }
    let config = MarketPriceSection { seconds_kept_s: 3600, deals_kept: 1000, commit_events_max: 100, ..quick() };
    let mut service = start_with(&tape, &place.url, config).await;
    service.running.ready().await.expect("catches up");
    stop(service).await;
    let store = allin_runtime::store::Store::open(&place.url).await.expect("opens");
    let count = async |sql: &str| store.query(sql, &[]).await.expect("an answer")[0].int(0).expect("a number");
    let deals = count("SELECT COUNT(*) FROM marketprice_deals").await;
    assert!((1000..=1200).contains(&deals), "{deals} deals");
    let seconds = count("SELECT COUNT(*) FROM marketprice_bars WHERE base = 0").await;
    assert!((360..=740).contains(&seconds), "{seconds} seconds");
    assert_eq!(count("SELECT COUNT(*) FROM marketprice_bars WHERE base = 1").await, 500);
    // Every 500 trades.
    assert_eq!(count("SELECT COUNT(*) FROM marketprice_marks").await, 6);
}

/// A store of before has no numbers: what it had keeps the ids of first trades, and counting begins behind that.
async fn a_store_that_did_not_count_goes_on_from_its_trades(database: Database) {
    let place = database.place();
    let tape = Tape::new(100);
    record_trades(&tape, 200, 5);
    stop(start(&tape, &place.url).await).await;
    let store = allin_runtime::store::Store::open(&place.url).await.expect("opens");
    let mut tx = store.begin().await.expect("begins");
    for table in ["marketprice_marks", "marketprice_numbering"] {
        tx.execute(&format!("DELETE FROM {table}"), &[]).await.expect("deleted");
    }
    tx.commit().await.expect("commits");
    let before = numbers(&tape, 0).len() as u64;
    record_trades(&tape, 100, 6);
    let (trades, counted) = (fills(&tape, 0).len() as u64, numbers(&tape, 0));
    for _ in 0..2 {
        let service = start(&tape, &place.url).await;
        caught_up(&tape, &service).await;
        let ask = async |market: &str, trade| {
            let request = AggregatesRequest { market: market.to_owned(), trade, number: 0 };
            service.api.aggregates(Request::new(request)).await.expect("an answer").into_inner()
        };
        let first = ask("BTCUSDT", trades).await.first.expect("a mark");
        assert_eq!((first.trade, first.number), (before + 1, before + 1));
        assert_eq!(ask("BTCUSDT", before).await.mark, None);
        let newest = ask("", 0).await.counts.into_iter().find(|count| count.market == 0).expect("it traded");
        let since = counted[counted.len() - 1] - counted[before as usize - 1];
        assert_eq!((newest.trade, newest.number), (trades, before + since));
        stop(service).await;
    }
}
}
