//! Limits that several nodes of the service count together, over the shared cache's messages.

use std::sync::Arc;

use allin_landry::spotapi::SpotApiSection;
use allin_testing::cache::{Mood, MoodyCache};

use crate::world::{Answered, World};

const SELL: &str = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.1&price=50000";
const BUY: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=50000";
const DAY_MAX: u32 = 10;

fn config() -> SpotApiSection {
    SpotApiSection { weight_1m_max: 0, orders_10s_max: 0, orders_1d_max: DAY_MAX, ..SpotApiSection::default() }
}

/// Nodes of one service.
struct Nodes {
    world: World,
    addresses: Vec<std::net::SocketAddr>,
    cache: Arc<MoodyCache>,
}

impl Nodes {
    async fn two(config: SpotApiSection) -> Nodes {
        let cache = Arc::new(MoodyCache::default());
        let mut world = World::shared(config.clone(), cache.clone()).await;
        let addresses = vec![world.address, world.another(config).await];
        Nodes { world, addresses, cache }
    }

    fn at(&mut self, node: usize) -> &World {
        self.world.address = self.addresses[node];
        &self.world
    }

    async fn place(&mut self, node: usize, key: &str, order: &str) -> Answered {
        self.at(node).call(key, "POST", "/api/v3/order", order).await
    }

    /// Places orders that are taken.
    async fn sell(&mut self, node: usize, count: u32) {
        for _ in 0..count {
            let answered = self.place(node, "alice", SELL).await;
            assert_eq!(answered.status, 200, "node {node}: {answered:?}");
        }
    }

    /// Orders of the day, as a node counts.
    async fn count(&mut self, node: usize, key: &str) -> u64 {
        let rows = self.at(node).ok(key, "GET", "/api/v3/rateLimit/order", "").await;
        rows[1]["count"].as_u64().expect("a count")
    }

    /// Waits until every node counts so many.
    async fn reach(&mut self, key: &str, wanted: &[u64]) {
        let mut counts = Vec::new();
        for _ in 0..2000 {
            counts.clear();
            for node in 0..self.addresses.len() {
                counts.push(self.count(node, key).await);
            }
            if counts == wanted {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("{key}: {counts:?} instead of {wanted:?}");
    }

    async fn assert_full(&mut self) {
        for node in 0..self.addresses.len() {
            let refused = self.place(node, "alice", SELL).await;
            assert_eq!((refused.status, &refused.json()["code"]), (429, &(-1015).into()), "node {node}: {refused:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_an_account_are_counted_whichever_node_takes_them() {
    let mut nodes = Nodes::two(config()).await;
    nodes.sell(0, 6).await;
    nodes.reach("alice", &[6, 6]).await;
    nodes.sell(1, 4).await;
    nodes.reach("alice", &[10, 10]).await;
    nodes.assert_full().await;
    // What is refused is counted nowhere, and others have their own count.
    nodes.reach("alice", &[10, 10]).await;
    assert_eq!(nodes.place(1, "bob", BUY).await.status, 200);
    // Both nodes see the fill, and each takes it off once: one for the taker, five for the maker.
    nodes.reach("bob", &[0, 0]).await;
    nodes.reach("alice", &[5, 5]).await;
    nodes.sell(1, 5).await;
    nodes.reach("alice", &[10, 10]).await;
    nodes.assert_full().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_new_counts_what_was_before_it() {
    let mut nodes = Nodes::two(config()).await;
    nodes.sell(0, 4).await;
    nodes.sell(1, 4).await;
    nodes.place(0, "bob", BUY).await;
    nodes.reach("alice", &[3, 3]).await;
    let third = nodes.world.another(config()).await;
    nodes.addresses.push(third);
    nodes.reach("alice", &[3, 3, 3]).await;
    nodes.sell(2, 7).await;
    nodes.reach("alice", &[10, 10, 10]).await;
    nodes.assert_full().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn weight_and_bans_of_an_address_are_of_all_nodes() {
    let config = SpotApiSection { weight_1m_max: 100, refusals_before_ban: 3, ..SpotApiSection::default() };
    let mut nodes = Nodes::two(config).await;
    // A ping costs 1. Alone, each node would serve a hundred.
    let mut served = [0, 0];
    let mut status = 200;
    while status == 200 {
        for (node, served) in served.iter_mut().enumerate() {
            status = status.max(nodes.at(node).get("/api/v3/ping").await.status);
            *served += u32::from(status == 200);
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(status, 429);
    assert!(served.iter().sum::<u32>() >= 100 && served.iter().all(|served| *served < 80), "{served:?}");
    // One node bans, and the other holds to it; in the next minute nothing else explains it.
    while status != 418 {
        status = nodes.at(0).get("/api/v3/ping").await.status;
        assert!([429, 418].contains(&status), "{status}");
    }
    nodes.world.pass(60_000_000);
    for _ in 0..90 {
        if nodes.at(1).get("/api/v3/ping").await.status == 418 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("the other node serves a banned address");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_cache_each_node_goes_on_with_what_it_knows() {
    for mood in [Mood::Away, Mood::Hangs] {
        let mut nodes = Nodes::two(config()).await;
        nodes.sell(0, 3).await;
        nodes.reach("alice", &[3, 3]).await;
        nodes.cache.set_mood(mood);
        nodes.sell(0, 4).await;
        nodes.sell(1, 2).await;
        // What was heard still counts, and what was not does not.
        nodes.reach("alice", &[7, 5]).await;
        nodes.sell(1, 5).await;
        let refused = nodes.place(1, "alice", SELL).await;
        assert_eq!(refused.status, 429, "{mood:?}: no limit without the cache: {refused:?}");
        // Back again, all of it is made good.
        nodes.cache.set_mood(Mood::Well);
        nodes.reach("alice", &[14, 14]).await;
        nodes.assert_full().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_makes_no_difference() {
    let mut nodes = Nodes::two(config()).await;
    for placed in 1..=u64::from(DAY_MAX) {
        nodes.cache.flush();
        nodes.sell(placed as usize % 2, 1).await;
        nodes.cache.flush();
        nodes.reach("alice", &[placed, placed]).await;
    }
    nodes.assert_full().await;
}
