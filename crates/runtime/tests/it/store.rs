//! The store on real files: migrations, batches, positions, failures.

use std::path::Path;

use allin_core::ids::Seq;
use allin_runtime::args;
use allin_runtime::store::{Migration, Position, Rows, Store, StoreErrorKind, Updates, Value};

const ITEMS: &[Migration] = &[Migration {
    version: 1,
    statements: &[
        "CREATE TABLE items (id {id} NOT NULL PRIMARY KEY, owner BIGINT NOT NULL, name VARCHAR(64) NOT NULL)",
        "CREATE INDEX items_owner ON items (owner, id)",
    ],
}];

const COLUMNS: &[&str] = &["id", "owner", "name"];

async fn open(directory: &Path) -> Store {
    let store = Store::open_embedded(directory, "test").await.expect("opens");
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

#[tokio::test]
async fn many_rows_go_in_and_change_and_come_out() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path()).await;
    let mut tx = store.begin().await.expect("begins");
    tx.insert(&items(1..10_001)).await.expect("inserts");
    let mut updates = Updates::new("items", 1, &["id", "name"]);
    for id in (1..=20_000_u64).step_by(2) {
        updates.push([id.into(), "odd".into()]);
    }
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

    let again = open(directory.path()).await;
    assert_eq!(count(&again).await, 10_000, "after opening again");
}

#[tokio::test]
async fn a_batch_update_finds_its_rows_by_key() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path()).await;
    let mut tx = store.begin().await.expect("begins");
    tx.insert(&items(1..2000)).await.expect("inserts");
    tx.commit().await.expect("commits");
    let plan = store
        .explain(
            "WITH news(id,name) AS (VALUES (?,?),(?,?)) UPDATE items SET name=news.name FROM news WHERE items.id=news.id",
            args![1_u64, "a", 2_u64, "b"],
        )
        .await
        .expect("explains")
        .join("\n");
    assert!(plan.contains("SEARCH items USING INTEGER PRIMARY KEY"), "{plan}");
}

#[tokio::test]
async fn a_transaction_that_is_dropped_never_happened() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path()).await;
    for _ in 0..3 {
        let mut tx = store.begin().await.expect("begins");
        tx.insert(&items(1..100)).await.expect("inserts");
        drop(tx);
    }
    assert_eq!(count(&store).await, 0);
    let mut tx = store.begin().await.expect("still begins");
    tx.insert(&items(1..100)).await.expect("inserts");
    let error = tx.insert(&items(99..101)).await.expect_err("99 is there");
    assert_eq!(error.kind(), StoreErrorKind::Duplicate);
    drop(tx);
    assert_eq!(count(&store).await, 0);
}

#[tokio::test]
async fn a_full_database_is_unavailable() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path()).await;
    let url = |options: &str| format!("sqlite:{}{options}", directory.path().join("store/test.db").display());
    let small = Store::open(&url("?pages_max=20")).await.expect("opens");
    for _ in 0..3 {
        let mut tx = small.begin().await.expect("begins");
        let error = tx.insert(&items(1..10_000)).await.expect_err("no room");
        assert!(error.is_unavailable(), "{error}");
    }
    small.close().await;
    let mut tx = store.begin().await.expect("begins again");
    tx.insert(&items(1..10_000)).await.expect("inserts");
    tx.commit().await.expect("commits");
    assert_eq!(count(&store).await, 9_999);
}

#[tokio::test]
async fn a_locked_database_is_unavailable() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path()).await;
    let url = format!("sqlite:{}?busy_timeout_ms=1", directory.path().join("store/test.db").display());
    let other = Store::open(&url).await.expect("opens");
    let lock = store.begin().await.expect("begins");
    let error = other.begin().await.err().expect("is locked");
    assert!(error.is_unavailable(), "{error}");
    lock.commit().await.expect("ends");
    other.begin().await.expect("is free again").commit().await.expect("commits");
}

#[tokio::test]
async fn a_snapshot_sees_one_moment() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path()).await;
    let mut snapshot = store.snapshot().await.expect("begins");
    let sql = "SELECT COUNT(*) FROM items";
    assert_eq!(snapshot.query(sql, &[]).await.expect("counts")[0].int(0).ok(), Some(0));
    let mut tx = store.begin().await.expect("begins");
    tx.insert(&items(1..10)).await.expect("inserts");
    tx.commit().await.expect("commits");
    assert_eq!(snapshot.query(sql, &[]).await.expect("counts")[0].int(0).ok(), Some(0));
    let refused = snapshot.execute("DELETE FROM items", &[]).await;
    assert!(refused.is_err(), "a snapshot does not write");
    drop(snapshot);
    assert_eq!(count(&store).await, 9);
}

#[tokio::test]
async fn positions_move_only_from_where_they_are() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path()).await;
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

#[tokio::test]
async fn migrations_are_applied_once_in_order_and_never_change() {
    const CHANGED: &[Migration] = &[Migration { version: 1, statements: &["CREATE TABLE items (id BIGINT)"] }];
    const GAP: &[Migration] = &[Migration { version: 2, statements: &[] }];
    const MORE: &[Migration] = &[ITEMS[0], Migration { version: 2, statements: &["CREATE TABLE more (id BIGINT)"] }];
    const BROKEN: &[Migration] =
        &[ITEMS[0], Migration { version: 2, statements: &["CREATE TABLE half (id BIGINT)", "CREATE NONSENSE"] }];
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path()).await;
    assert!(store.migrate("test", BROKEN).await.is_err(), "is not SQL");
    assert!(store.query("SELECT * FROM half", &[]).await.is_err(), "a step that fails leaves nothing");
    for (what, migrations, works) in [
        ("again", ITEMS, true),
        ("changed", CHANGED, false),
        ("not from 1", GAP, false),
        ("one more", MORE, true),
        ("an older program", ITEMS, false),
    ] {
        let result = store.migrate("test", migrations).await;
        assert_eq!(result.is_ok(), works, "{what}");
        if let Err(error) = result {
            assert_eq!(error.kind(), StoreErrorKind::Migration, "{what}: {error}");
        }
    }
}

#[tokio::test]
async fn what_is_no_database_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("store/test.db");
    std::fs::create_dir_all(file.parent().expect("has one")).expect("makes it");
    std::fs::write(&file, "not a database ".repeat(1000)).expect("writes");
    let error = Store::open_file(&file).await.err().expect("refused");
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
    for url in
        ["", "sqlite:", "sqlite:?pages_max=1", "sqlite:x?pages=1", "sqlite:x?pages_max=-1", "mysql://x", "/tmp/x.db"]
    {
        let error = Store::open(url).await.err().expect("refused");
        assert_eq!(error.kind(), StoreErrorKind::Invalid, "{url}");
    }
}
