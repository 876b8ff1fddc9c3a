//! The database is down, or hangs, while the log goes on: history lags, and catches up exactly.

use std::sync::atomic::Ordering;
use std::time::Duration;

use allin_databases::{Product, Server};

use super::bus::ReadyBus;
use super::feed::Feed;
use super::writer::{assert_equals_fold, small_batches, start_at, until_written};

const PRODUCTS: [Product; 2] = [Product::MariaDb, Product::Postgres];

/// Goes through a feed while the server is ill-treated again and again.
async fn lags_and_catches_up(product: Product, ill: impl Fn(&Server), well: impl Fn(&Server)) {
    let server = Server::start(product);
    let url = server.database();
    let quick = url.replace("busy_timeout_ms=5000", "busy_timeout_ms=200&statement_timeout_ms=300");
    let batches = Feed::new(33, 5, 40).batches(6000, 20);
    let bus = ReadyBus::new(batches.clone(), 50);
    let mut writer = start_at(quick, &bus, small_batches());
    writer.running.ready().await.expect("is ready");
    let mut outages = 0;
    let mut at = *writer.written.borrow();
    while at < bus.last() {
        let mut written = writer.written.clone();
        // It has written something since it came back.
        let moved = written.wait_for(|written| *written > at);
        tokio::time::timeout(super::writer::PATIENCE, moved).await.expect("in time").expect("still writes");
        if outages < 4 {
            ill(&server);
            let down = *writer.written.borrow();
            tokio::time::sleep(Duration::from_millis(700)).await;
            at = *writer.written.borrow();
            // At most what was committed and not yet told.
            assert!(at.0 <= down.0 + 200, "{product:?} wrote from {down:?} to {at:?} without a server");
            assert!(!writer.running.is_ready() || at < bus.last(), "it lags");
            well(&server);
            outages += 1;
        } else {
            break;
        }
    }
    assert!(outages >= 3, "{product:?}: {outages} outages only");
    until_written(&mut writer, bus.last()).await;
    writer.running.stop().await.expect("stops");
    assert!(bus.subscriptions.load(Ordering::Relaxed) >= 1);
    assert_equals_fold(&url, &batches).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_only_makes_history_lag() {
    for product in PRODUCTS {
        lags_and_catches_up(product, Server::kill, Server::restart).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_only_makes_history_lag() {
    for product in PRODUCTS {
        lags_and_catches_up(product, Server::freeze, Server::thaw).await;
    }
}
