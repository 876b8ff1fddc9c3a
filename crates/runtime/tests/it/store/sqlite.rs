//! What files alone can do.

use super::*;

#[tokio::test]
async fn a_batch_update_finds_its_rows_by_key() {
    let place = Database::Sqlite.place();
    let store = open(&place).await;
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
async fn a_full_database_is_unavailable() {
    let place = Database::Sqlite.place();
    let store = open(&place).await;
    let small = Store::open(&format!("{}&pages_max=20", place.url)).await.expect("opens");
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

#[tokio::test]
async fn a_file_that_is_removed_is_not_present() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Store::open_embedded(directory.path(), "test").await.expect("opens");
    assert!(store.is_present());
    std::fs::remove_dir_all(directory.path().join("store")).expect("removes");
    assert!(!store.is_present());
}
