//! The store on real databases: migrations, batches, positions, failures.

mod faults;
mod migrations;
mod servers;
mod sqlite;

use allin_core::ids::Seq;
use allin_databases::{Database, Place, on_every_database};
use allin_runtime::args;
use allin_runtime::store::{Migration, Position, Rows, Store, StoreErrorKind, Tx, Updates, Value};

const ITEMS: &[Migration] = &[Migration {
    version: 1,
    statements: &[
        "CREATE TABLE items (id {id} NOT NULL PRIMARY KEY, owner BIGINT NOT NULL, name VARCHAR(64) NOT NULL)",
        "CREATE INDEX items_owner ON items (owner, id)",
    ],
}];

const COLUMNS: &[&str] = &["id", "owner", "name"];

async fn open(place: &Place) -> Store {
    let store = Store::open(&place.url).await.expect("opens");
    store.migrate("test", ITEMS).await.expect("migrates");
    store
}

fn items(ids: std::ops::Range<u64>) -> Rows {
    let mut rows = Rows::new("items", COLUMNS);
    for id in ids {
        rows.push([id.into(), (id % 7).into(), format!("item {id}").into()]);
    }
    rows
}

async fn count(store: &Store) -> i64 {
    let rows = store.query("SELECT COUNT(*) FROM items", &[]).await.expect("counts");
    rows[0].int(0).expect("a number")
}

async fn count_in(tx: &mut Tx) -> i64 {
    tx.query("SELECT COUNT(*) FROM items", &[]).await.expect("counts")[0].int(0).expect("a number")
}

on_every_database! {
async fn many_rows_go_in_and_change_and_come_out(database: Database) {
    let place = database.place();
    let store = open(&place).await;
    let mut tx = store.begin().await.expect("begins");
    tx.insert(&items(1..10_001)).await.expect("inserts");
    let mut updates = Updates::new("items", 1, &["id", "name"]);
    for id in (1..=20_000_u64).step_by(2) {
        updates.push([id.into(), "odd".into()]);
    }
    assert_eq!(tx.update(&updates).await.expect("updates"), 5000);
    // What does not change was there all the same.
    assert_eq!(tx.update(&updates).await.expect("updates"), 5000);
    let keys: Vec<Value> = [3_u64, 4, 30_000].map(Value::from).into();
    let rows = tx.query_in("SELECT id, name FROM items WHERE id IN", &keys).await.expect("selects");
    let mut found: Vec<(i64, String)> =
        rows.iter().map(|row| (row.int(0).expect("id"), row.text(1).expect("name"))).collect();
    found.sort();
    assert_eq!(found, [(3, "odd".to_owned()), (4, "item 4".to_owned())]);
    assert_eq!(count(&store).await, 0, "not before the commit");
    tx.commit().await.expect("commits");
    assert_eq!(count(&store).await, 10_000);
    store.close().await;

    let again = open(&place).await;
    assert_eq!(count(&again).await, 10_000, "after opening again");
}

async fn values_come_back_as_they_were(database: Database) {
    const TABLE: &[Migration] = &[Migration {
        version: 1,
        statements: &["CREATE TABLE kinds (name VARCHAR(64) NOT NULL PRIMARY KEY, small SMALLINT NOT NULL, \
            big BIGINT NOT NULL, long_key VARCHAR(1400) NOT NULL, words TEXT NOT NULL) {clustered}"],
    }];
    const KINDS: &[&str] = &["name", "small", "big", "long_key", "words"];
    let place = database.place();
    let store = Store::open(&place.url).await.expect("opens");
    store.migrate("kinds", TABLE).await.expect("migrates");
    let words = |n: usize| format!("'{n}' \"q\" \\ \n\t % ? $1 ü € 𝄞 \0 \u{F8FE} {}", "long ".repeat(n * 4000));
    let names = ["a", "A", "a ", "ä", "?", "it's", "\\"];
    let row = |n: usize, big: i64| {
        let key = "k".repeat(1300 + n);
        [names[n].into(), Value::Int(n as i64 - 3), Value::Int(big), key.into(), words(n).into()]
    };
    let bigs = [i64::MIN, -1, 0, 1, i64::MAX, 1 << 53, (1 << 53) + 1];
    let mut rows = Rows::new("kinds", KINDS);
    (0..names.len()).for_each(|n| rows.push(row(n, 7)));
    let mut updates = Updates::new("kinds", 1, KINDS);
    (0..names.len()).for_each(|n| updates.push(row(n, bigs[n])));
    let mut tx = store.begin().await.expect("begins");
    tx.insert(&rows).await.expect("inserts: names differ by case, accent and space");
    assert_eq!(tx.update(&updates).await.expect("updates"), names.len() as u64);
    tx.commit().await.expect("commits");
    for (n, big) in bigs.into_iter().enumerate() {
        let sql = "SELECT small, big, long_key, words FROM kinds WHERE name = ?";
        let found = store.query(sql, args![names[n]]).await.expect("selects");
        assert_eq!(found.len(), 1, "{:?}", names[n]);
        let found = &found[0];
        assert_eq!((found.int(0).ok(), found.int(1).ok()), (Some(n as i64 - 3), Some(big)));
        assert_eq!(found.unsigned(1).ok(), Some(big as u64));
        assert_eq!((found.text(2).ok(), found.text(3).ok()), (Some("k".repeat(1300 + n)), Some(words(n))));
        assert!(found.int(3).is_err() && found.text(1).is_err(), "a type is not another");
    }
    let sql = "SELECT name FROM kinds WHERE long_key = ? AND small = ?";
    let found = store.query(sql, args!["k".repeat(1302), -1_i64]).await.expect("selects");
    assert_eq!(found[0].text(0).ok().as_deref(), Some("a "));
    let sorted = store.query("SELECT name FROM kinds ORDER BY name", &[]).await.expect("selects");
    let sorted: Vec<String> = sorted.iter().map(|row| row.text(0).expect("text")).collect();
    assert_eq!(sorted, ["?", "A", "\\", "a", "a ", "it's", "ä"], "by bytes");
    let none = store.query("SELECT MAX(big) FROM kinds WHERE name = 'none'", &[]).await.expect("selects");
    assert_eq!(none[0].int_or_none(0).ok(), Some(None));
}

async fn a_transaction_that_is_dropped_never_happened(database: Database) {
    let place = database.place();
    let store = open(&place).await;
    for _ in 0..3 {
        let mut tx = store.begin().await.expect("begins");
        tx.insert(&items(1..100)).await.expect("inserts");
        drop(tx);
    }
    assert_eq!(count(&store).await, 0);
    let mut tx = store.begin().await.expect("still begins");
    tx.insert(&items(1..100)).await.expect("inserts");
    let error = tx.insert(&items(99..101)).await.expect_err("99 is there");
    assert_eq!(error.kind(), StoreErrorKind::Duplicate, "{error}");
    drop(tx);
    assert_eq!(count(&store).await, 0);
}

async fn who_waits_too_long_for_its_turn_is_told_so(database: Database) {
    let place = database.place();
    let store = open(&place).await;
    let other = Store::open(&place.url.replace("busy_timeout_ms=5000", "busy_timeout_ms=1000")).await.expect("opens");
    store.begin().await.expect("begins").commit().await.expect("commits");
    let lock = store.begin().await.expect("begins");
    let error = other.begin().await.err().expect("is locked");
    assert!(error.is_unavailable(), "{error}");
    lock.commit().await.expect("ends");
    other.begin().await.expect("is free again").commit().await.expect("commits");
}

async fn writers_follow_each_other_and_read_what_was_written_before(database: Database) {
    const WRITERS: u64 = 4;
    const TURNS: u64 = 25;
    let place = database.place();
    open(&place).await.close().await;
    let url: std::sync::Arc<str> = place.url.as_str().into();
    let add = |url: std::sync::Arc<str>| async move {
        let store = Store::open(&url).await.expect("opens");
        for _ in 0..TURNS {
            let mut tx = store.begin().await.expect("gets its turn");
            let next = count_in(&mut tx).await as u64;
            tx.insert(&items(next..next + 1)).await.expect("nobody else has taken it");
            tx.commit().await.expect("commits");
        }
    };
    let writers: Vec<_> = (0..WRITERS).map(|_| tokio::spawn(add(url.clone()))).collect();
    for writer in writers {
        writer.await.expect("does not fail");
    }
    assert_eq!(count(&open(&place).await).await, (WRITERS * TURNS) as i64);
}

async fn a_snapshot_sees_one_moment(database: Database) {
    let place = database.place();
    let store = open(&place).await;
    let mut snapshot = store.snapshot().await.expect("begins");
    assert_eq!(count_in(&mut snapshot).await, 0);
    let mut tx = store.begin().await.expect("begins");
    tx.insert(&items(1..10)).await.expect("inserts");
    tx.commit().await.expect("commits");
    assert_eq!(count_in(&mut snapshot).await, 0);
    let refused = snapshot.execute("DELETE FROM items", &[]).await;
    assert!(refused.is_err(), "a snapshot does not write");
    drop(snapshot);
    assert_eq!(count(&store).await, 9);
}

async fn positions_move_only_from_where_they_are(database: Database) {
    let place = database.place();
    let store = open(&place).await;
    let position = Position::new("consumer");
    position.create(&store).await.expect("creates");
    position.create(&store).await.expect("creates once");
    let steps = [(0, 5, true), (5, 9, true), (5, 12, false), (0, 1, false), (9, 10, true)];
    for (from, to, works) in steps {
        let mut tx = store.begin().await.expect("begins");
        let moved = position.advance(&mut tx, Seq(from), Seq(to)).await;
        assert_eq!(moved.is_ok(), works, "{from} to {to}");
        if works {
            tx.commit().await.expect("commits");
        }
    }
    let mut tx = store.snapshot().await.expect("begins");
    assert_eq!(position.load(&mut tx).await.expect("loads"), Seq(10));
    tx.commit().await.expect("ends");
}

async fn a_plan_tells_an_index_from_a_scan(database: Database) {
    let place = database.place();
    let store = open(&place).await;
    let mut tx = store.begin().await.expect("begins");
    tx.insert(&items(1..20_000)).await.expect("inserts");
    tx.commit().await.expect("commits");
    let by_index = store.explain("SELECT name FROM items WHERE owner = ? AND id = ?", args![2_u64, 2_u64]).await;
    let by_name = store.explain("SELECT id FROM items WHERE name = ?", args!["x"]).await;
    let (by_index, by_name) = (by_index.expect("explains").join("\n"), by_name.expect("explains").join("\n"));
    let (indexed, scanned) = match database {
        Database::Sqlite => ("SEARCH items", "SCAN items"),
        Database::MariaDb => ("items type=const key=PRIMARY", "items type=ALL key=-"),
        Database::Postgres => ("Index Cond", "Seq Scan on items"),
    };
    assert!(by_index.contains(indexed), "{by_index}");
    assert!(by_name.contains(scanned), "{by_name}");
}
}
