//! How a server is found, and what is told of it.

use std::time::Duration;

use allin_databases::{Product, Server};

use super::*;

const PRODUCTS: [Product; 2] = [Product::MariaDb, Product::Postgres];
const SECRET: &str = "Zx9-wrong-Zx9";

#[tokio::test]
async fn a_server_that_cannot_be_used_is_named_without_its_password() {
    for product in PRODUCTS {
        let server = Server::shared(product);
        let nowhere = server.url_as("allin", SECRET, "test").replace(&server.address().to_string(), "127.0.0.1:9");
        let quick = |url: String| url.replace("busy_timeout_ms=5000", "busy_timeout_ms=300");
        let rows = [
            ("a wrong password", server.url_as("allin", SECRET, "test"), StoreErrorKind::Invalid),
            ("an unknown user", server.url_as("nobody", SECRET, "test"), StoreErrorKind::Invalid),
            ("an unknown database", server.url("missing"), StoreErrorKind::Invalid),
            ("nothing listens", quick(nowhere), StoreErrorKind::Unavailable),
            (
                "an unknown option",
                format!("{}&colour=red", server.url_as("allin", SECRET, "x")),
                StoreErrorKind::Invalid,
            ),
            (
                "a port that is none",
                server.url_as("allin", SECRET, "x").replace(":24", ":99924"),
                StoreErrorKind::Invalid,
            ),
        ];
        for (what, url, kind) in rows {
            let error = Store::open(&url).await.err().expect(what);
            assert_eq!(error.kind(), kind, "{what}: {error}");
            let told = format!("{error} {error:?}");
            assert!(told.contains("allin@") || told.contains("nobody@"), "{what} says where: {told}");
            for secret in [SECRET, "s3cr3t", "tests@"] {
                assert!(!told.contains(secret), "{what}: {told}");
            }
        }
    }
}

#[tokio::test]
async fn a_server_tells_what_it_is_and_what_may_be_done() {
    for (product, named) in [(Product::MariaDb, "MariaDB 1"), (Product::Postgres, "PostgreSQL 1")] {
        let server = Server::shared(product);
        let url = server.database();
        let store = Store::open(&url).await.expect("opens");
        let about = store.about().await.expect("tells");
        assert!(about.product.starts_with(named) && about.is_supported, "{about:?}");
        assert_eq!(about.refused, None);
        // The tests' MariaDB leaves syncing to the system.
        assert_eq!(about.is_synced, product == Product::Postgres);
        store.migrate("test", ITEMS).await.expect("nothing is left in the way");

        let database = url.split(['/', '?']).nth(3).expect("a name").to_owned();
        let grants = match product {
            Product::MariaDb => {
                format!("CREATE USER reader_a IDENTIFIED BY 'x'; GRANT SELECT ON {database}.* TO reader_a")
            }
            // With the way to log in that is PostgreSQL's default.
            Product::Postgres => "SET password_encryption = 'scram-sha-256'; CREATE USER reader_a PASSWORD 'x'; \
                GRANT pg_read_all_data TO reader_a"
                .to_owned(),
        };
        server.run(&grants);
        let reader = Store::open(&server.url_as("reader_a", "x", &database)).await.expect("opens");
        let refused = reader.about().await.expect("tells").refused.expect("it may not write");
        assert!(refused.starts_with("may not make tables"), "{refused}");
        assert_eq!(count(&reader).await, 0, "it may read");
        reader.migrate("test", ITEMS).await.expect("what is there needs no rights");
    }
}

#[tokio::test]
async fn writers_of_two_names_or_lanes_do_not_wait_for_each_other() {
    for product in PRODUCTS {
        let url = Server::shared(product).database();
        let first = Store::open(&format!("{url}&writer=first")).await.expect("opens");
        let second = Store::open(&format!("{url}&writer=second")).await.expect("opens");
        let lane = || async { Store::open_lane(&format!("{url}&writer=first"), "lane").await.expect("opens") };
        let (lane, same_lane) = (lane().await, lane().await);
        let held = first.begin().await.expect("begins");
        second.begin().await.expect("does not wait").commit().await.expect("commits");
        let held_lane = lane.begin().await.expect("does not wait either");
        let waits = tokio::time::timeout(Duration::from_millis(200), same_lane.begin()).await;
        assert!(waits.is_err(), "one at a time in a lane");
        held_lane.commit().await.expect("commits");
        held.commit().await.expect("commits");
    }
}

#[tokio::test]
async fn a_batch_update_finds_its_rows_by_key() {
    for product in PRODUCTS {
        let url = Server::shared(product).database();
        let store = Store::open(&url).await.expect("opens");
        store.migrate("test", ITEMS).await.expect("migrates");
        let mut tx = store.begin().await.expect("begins");
        tx.insert(&items(1..20_000)).await.expect("inserts");
        tx.commit().await.expect("commits");
        let (sql, args, wanted) = match product {
            Product::MariaDb => (
                "UPDATE items JOIN JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$[0]')) AS news ON items.id=news.id \
                 SET items.name='x'",
                vec![Value::from("[[1],[2]]")],
                "items type=eq_ref key=PRIMARY",
            ),
            Product::Postgres => (
                "UPDATE items SET name='x' FROM UNNEST(ARRAY[?::int8,?]) AS news(id) WHERE items.id=news.id",
                vec![Value::Int(1), Value::Int(2)],
                "Index Scan using items_pkey on items",
            ),
        };
        let plan = store.explain(sql, &args).await.expect("explains").join("\n");
        assert!(plan.contains(wanted), "{plan}");
    }
}
