//! Migrations are applied once, in order, whole or gone on with.

use allin_runtime::store::Schema;

use super::*;

const MORE: Migration = Migration { version: 2, statements: &["CREATE TABLE more (id BIGINT)"] };

on_every_database! {
async fn they_are_applied_once_in_order_and_never_change(database: Database) {
    const CHANGED: &[Migration] = &[Migration { version: 1, statements: &["CREATE TABLE items (id BIGINT)"] }];
    const GAP: &[Migration] = &[Migration { version: 2, statements: &[] }];
    const TWO: &[Migration] = &[ITEMS[0], MORE];
    let place = database.place();
    let store = open(&place).await;
    for (what, migrations, works) in [
        ("again", ITEMS, true),
        ("changed", CHANGED, false),
        ("not from 1", GAP, false),
        ("one more", TWO, true),
        ("an older program", ITEMS, false),
    ] {
        let result = store.migrate("test", migrations).await;
        assert_eq!(result.is_ok(), works, "{what}");
        if let Err(error) = result {
            assert_eq!(error.kind(), StoreErrorKind::Migration, "{what}: {error}");
        }
    }
}

async fn a_schema_says_what_is_missing_and_what_it_did(database: Database) {
    const FIRST: Schema = Schema { namespace: "test", migrations: ITEMS, consumer: Some("consumer") };
    const SECOND: Schema = Schema { migrations: &[ITEMS[0], MORE], ..FIRST };
    let place = database.place();
    let store = Store::open(&place.url).await.expect("opens");
    for (schema, missing) in [(FIRST, vec![1]), (FIRST, vec![]), (SECOND, vec![2]), (SECOND, vec![])] {
        assert_eq!(schema.missing(&store).await.expect("looks"), missing);
        assert_eq!(schema.apply(&store).await.expect("applies"), missing);
    }
    let mut tx = store.begin().await.expect("begins");
    tx.execute("DELETE FROM positions", &[]).await.expect("deletes");
    tx.commit().await.expect("commits");
    assert_eq!(SECOND.missing(&store).await.expect("looks"), [1], "the position is part of it");
}

async fn one_that_fails_leaves_nothing_or_goes_on_where_it_was(database: Database) {
    // Its third statement fails until there is a table of that name.
    const HALF: &[Migration] = &[ITEMS[0], Migration { version: 2, statements: &[
        "CREATE TABLE half (id BIGINT NOT NULL PRIMARY KEY)",
        "INSERT INTO half (id) VALUES (1)",
        "CREATE INDEX late_owner ON late (owner)",
        "INSERT INTO half (id) VALUES (2)",
        "ALTER TABLE half ADD COLUMN name VARCHAR(8) NOT NULL DEFAULT 'x'",
    ] }];
    let place = database.place();
    let store = open(&place).await;
    for _ in 0..2 {
        assert!(store.migrate("test", HALF).await.is_err(), "there is no such table");
        let left = store.query("SELECT COUNT(*) FROM half", &[]).await;
        match database {
            // Every definition is committed by itself.
            Database::MariaDb => assert_eq!(left.expect("is there")[0].int(0).ok(), Some(1)),
            Database::Sqlite | Database::Postgres => assert!(left.is_err(), "a step that fails leaves nothing"),
        }
    }
    let mut tx = store.begin().await.expect("begins");
    tx.execute("CREATE TABLE late (owner BIGINT NOT NULL)", &[]).await.expect("creates");
    tx.commit().await.expect("commits");
    store.migrate("test", HALF).await.expect("goes on");
    let rows = store.query("SELECT name FROM half ORDER BY id", &[]).await.expect("is whole");
    assert_eq!(rows.len(), 2, "each row came once");
    store.migrate("test", HALF).await.expect("is done");
}

async fn two_at_once_do_it_once(database: Database) {
    let place = database.place();
    let url: std::sync::Arc<str> = place.url.as_str().into();
    let migrate = |url: std::sync::Arc<str>| async move {
        let store = Store::open(&url).await.expect("opens");
        store.migrate("test", ITEMS).await
    };
    let both: Vec<_> = (0..4).map(|_| tokio::spawn(migrate(url.clone()))).collect();
    for one in both {
        one.await.expect("ends").expect("migrates");
    }
    let store = Store::open(&place.url).await.expect("opens");
    let rows = store.query("SELECT COUNT(*) FROM schema_migrations", &[]).await.expect("counts");
    assert_eq!(rows[0].int(0).ok(), Some(1));
}
}

/// A crash after a definition and before the next note: the definition is there, and noted as begun only.
#[tokio::test]
async fn a_definition_that_is_there_already_is_taken_for_done_only_where_it_was_begun() {
    const TWO: &[Migration] = &[ITEMS[0], MORE];
    let place = Database::MariaDb.place();
    let store = open(&place).await;
    let mut tx = store.begin().await.expect("begins");
    tx.execute("CREATE TABLE more (id BIGINT)", &[]).await.expect("creates");
    tx.commit().await.expect("commits");
    let error = store.migrate("test", TWO).await.expect_err("somebody else's table");
    assert!(error.to_string().contains("already exists"), "{error}");
    // That try has noted the step as begun: as far as can be told, the table is its own.
    store.migrate("test", TWO).await.expect("goes on");
    store.query("SELECT id FROM more", &[]).await.expect("is there");
}
