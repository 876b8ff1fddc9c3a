//! Servers that crash, hang and come back; writers that are cut off.

use std::time::Duration;

use allin_databases::{Product, Server};

use super::*;

const PRODUCTS: [Product; 2] = [Product::MariaDb, Product::Postgres];

/// Quick to find out that a server does not answer.
async fn impatient(server: &Server) -> Store {
    let url = server.database().replace("busy_timeout_ms=5000", "busy_timeout_ms=1000");
    let store = Store::open(&format!("{url}&statement_timeout_ms=2000")).await.expect("opens");
    store.migrate("test", ITEMS).await.expect("migrates");
    store
}

/// A transaction that adds the next item and moves the position with it.
async fn add(store: &Store, position: &Position) -> Result<(), allin_runtime::store::StoreError> {
    let mut tx = store.begin().await?;
    let at = position.load(&mut tx).await?;
    tx.insert(&items(at.0..at.0 + 1)).await?;
    position.advance(&mut tx, at, Seq(at.0 + 1)).await?;
    tx.commit().await
}

/// As many items as the position says.
async fn check(store: &Store, position: &Position) -> u64 {
    let mut tx = store.snapshot().await.expect("begins");
    let at = position.load(&mut tx).await.expect("loads").0;
    assert_eq!(count_in(&mut tx).await, at as i64, "rows and position are one");
    tx.commit().await.expect("ends");
    at
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_and_position_stay_one_while_the_server_crashes_under_load() {
    for product in PRODUCTS {
        let server = std::sync::Arc::new(Server::start(product));
        let store = impatient(&server).await;
        let position = Position::new("consumer");
        position.create(&store).await.expect("creates");
        let (mut acknowledged, mut refused, mut crashes) = (0_u64, 0_u32, 0);
        let (sender, mut restarted) = tokio::sync::mpsc::channel(1);
        while crashes < 3 {
            if acknowledged >= 20 * (crashes + 1) {
                crashes += 1;
                let (server, sender) = (server.clone(), sender.clone());
                let (noticed, notice) = std::sync::mpsc::channel();
                std::thread::spawn(move || {
                    server.kill();
                    notice.recv().expect("it is noticed");
                    server.restart();
                    let _ = sender.blocking_send(());
                });
                // Goes on trying meanwhile.
                loop {
                    match add(&store, &position).await {
                        Ok(()) => acknowledged += 1,
                        Err(error) => {
                            assert!(error.is_unavailable(), "{product:?}: {error}");
                            refused += 1;
                            let _ = noticed.send(());
                        }
                    }
                    if restarted.try_recv().is_ok() {
                        break;
                    }
                }
            }
            match add(&store, &position).await {
                Ok(()) => acknowledged += 1,
                Err(error) => assert!(error.is_unavailable(), "{product:?}: {error}"),
            }
        }
        assert!(refused >= 3, "{product:?}: noticed {refused} of 3 crashes");
        add(&store, &position).await.expect("the pool has found the server again");
        let stored = check(&store, &position).await;
        // A commit may have happened although its answer was lost.
        assert!(stored > acknowledged && stored <= acknowledged + 1 + u64::from(refused), "{stored} {acknowledged}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_unavailable_and_found_again() {
    for product in PRODUCTS {
        let server = Server::start(product);
        let store = impatient(&server).await;
        let position = Position::new("consumer");
        position.create(&store).await.expect("creates");
        add(&store, &position).await.expect("works");
        let mut cut = store.begin().await.expect("begins");
        cut.insert(&items(100..110)).await.expect("inserts");
        server.freeze();
        let error = cut.execute("DELETE FROM items", &[]).await.expect_err("no answer");
        assert!(error.is_unavailable(), "{error}");
        drop(cut);
        for _ in 0..2 {
            let error = add(&store, &position).await.expect_err("no answer");
            assert!(error.is_unavailable(), "{error}");
            let error = store.query("SELECT COUNT(*) FROM items", &[]).await.err().expect("no answer");
            assert!(error.is_unavailable(), "{error}");
        }
        server.thaw();
        // What was under way when it hung is rolled back as soon as the server finds its connections closed.
        let back = async {
            while add(&store, &position).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), back).await.expect("is found again");
        assert_eq!(check(&store, &position).await, 2);
    }
}

/// A writer whose connection is ended by the server loses its turn, and cannot commit into that of another.
#[tokio::test]
async fn a_writer_that_lost_its_connection_is_fenced() {
    for product in PRODUCTS {
        let server = Server::start(product);
        let url = server.database();
        let (first, second) = (Store::open(&url).await.expect("opens"), Store::open(&url).await.expect("opens"));
        first.migrate("test", ITEMS).await.expect("migrates");
        let position = Position::new("consumer");
        position.create(&first).await.expect("creates");
        let mut tx = first.begin().await.expect("begins");
        tx.insert(&items(0..1)).await.expect("inserts");
        position.advance(&mut tx, Seq(0), Seq(1)).await.expect("moves");
        let id = match product {
            Product::MariaDb => "SELECT CONNECTION_ID()",
            Product::Postgres => "SELECT pg_backend_pid()",
        };
        let id = tx.query(id, &[]).await.expect("tells")[0].int(0).expect("a number");
        server.run(&match product {
            Product::MariaDb => format!("KILL {id}"),
            Product::Postgres => format!("SELECT pg_terminate_backend({id})"),
        });
        add(&second, &position).await.expect("gets its turn");
        let error = tx.commit().await.expect_err("is too late");
        assert!(error.is_unavailable(), "{error}");
        assert_eq!(check(&second, &position).await, 1);
        add(&first, &position).await.expect("gets a new connection");
        assert_eq!(check(&first, &position).await, 2);
    }
}
