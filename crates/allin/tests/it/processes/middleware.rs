//! One process a service on all of the middleware at once, as in production: the log in Kafka, leases and names in etcd, the tables on a
//! server, the cache in Redis.

use std::collections::BTreeSet;

use allin_cluster::etcd::Etcd;
use allin_cluster::kafka::KafkaSection;
use allin_core::num::decimal;
use allin_databases::{Product, Server};
use allin_testing::middleware::{self, Kafka, Redis};
use serde_json::Value;

use super::client::Rest;
use super::cluster::Cluster;
use super::kills::{self, kill_in_turn};
use crate::crash::poll;
use crate::failover::pair::assert_digest;
use crate::feed;

const PREFIX: &str = "/middleware";
/// Those whose loss touches each of the middleware: the leader's lease, the writer's transactions, the cache's marks.
const KILLED: [&str; 3] = ["landry-ces-matchengine", "landry-ces-historywriter", "landry-spotapi-web"];
const FUNDS: i128 = 1_000_000;

fn units(text: &Value) -> i128 {
    decimal::parse_signed(text.as_str().expect("decimal text"), 8).expect("a number")
}

/// What a user has is what he was given and what his trades in the history came to.
fn assert_history_is_whole(rest: &mut Rest) {
    let mut filled = BTreeSet::new();
    for side in ["BUY", "BUY", "SELL"].into_iter().cycle().take(12) {
        // The maker may still be on its way back.
        poll("a fill", || {
            let order = format!("symbol=BTCUSDT&side={side}&type=MARKET&quantity=0.001");
            let (status, body) = rest.signed("POST", "/api/v3/order", &order).expect("an answer");
            assert_eq!(status, 200, "{body}");
            let done = units(&body["executedQty"]) > 0;
            done.then(|| filled.insert(body["orderId"].as_u64().expect("an id")))
        });
    }
    let trades = rest.good("/api/v3/myTrades", "symbol=BTCUSDT");
    let trades = trades.as_array().expect("a list");
    let orders: BTreeSet<u64> = trades.iter().map(|trade| trade["orderId"].as_u64().expect("an id")).collect();
    assert_eq!(orders, filled, "{trades:?}");
    let (mut btc, mut usdt) = (0, FUNDS * 100_000_000);
    for trade in trades {
        let (qty, quote, fee) = (units(&trade["qty"]), units(&trade["quoteQty"]), units(&trade["commission"]));
        let sign = if trade["isBuyer"] == true { 1 } else { -1 };
        (btc, usdt) = (btc + sign * qty, usdt - sign * quote);
        match trade["commissionAsset"].as_str() {
            Some("BTC") => btc -= fee,
            Some("USDT") => usdt -= fee,
            other => panic!("a fee in {other:?}"),
        }
    }
    let account = rest.good("/api/v3/account", "");
    let balances = account["balances"].as_array().expect("balances");
    let has = |asset: &str| {
        let balance = balances.iter().find(|balance| balance["asset"] == asset).expect("it is listed");
        units(&balance["free"]) + units(&balance["locked"])
    };
    assert_eq!((has("BTC"), has("USDT")), (btc, usdt), "{trades:?}");
}

#[test]
fn on_kafka_etcd_a_database_and_redis_any_of_three_may_die() {
    let (kafka, etcd, redis) = (Kafka::shared(), middleware::Etcd::shared(), Redis::start(&[]));
    let database = Server::shared(Product::MariaDb).database();
    let log = KafkaSection {
        brokers: kafka.brokers(),
        operlog_topic: "middleware-{shard}".to_owned(),
        ..KafkaSection::default()
    };
    let settings = [
        "log.kind=kafka".to_owned(),
        format!("kafka.brokers={}", log.brokers),
        format!("kafka.operlog_topic={}", log.operlog_topic),
        "kafka.create_topics=true".to_owned(),
        "kafka.replication=1".to_owned(),
        "kafka.min_insync=1".to_owned(),
        format!("etcd.endpoints={}", etcd.endpoint()),
        format!("etcd.prefix={PREFIX}"),
        format!("store.spot_url={database}"),
        format!("cache.spot_url={}", redis.url()),
    ];
    let settings = settings.iter().map(String::as_str).chain(kills::SETTINGS);
    let mut cluster = Cluster::start(&settings.flat_map(|setting| ["--set", setting]).collect::<Vec<_>>());
    let users = [cluster.user("USDT=1000000"), cluster.user(&format!("USDT={FUNDS}"))];
    let processes: Vec<_> = KILLED.iter().map(|name| cluster.process(name)).collect();
    kill_in_turn(&cluster, &users[0], processes);
    assert_history_is_whole(&mut Rest::new(cluster.public(0), &users[1]));
    let engine = cluster.process("landry-ces-matchengine").addresses[0].parse().expect("an address");
    let recording = feed::recording(cluster.path(), 300);
    let told = feed::report(feed::feed(engine, &cluster.data(), &recording, &["--speed", "max"]));
    assert_eq!(told["proof"]["faults"].as_array().map(Vec::len), Some(0), "{told}");
    assert_eq!(told["proof"]["acknowledged"], told["proof"]["acknowledged_found"], "{told}");
    assert_digest(&log, engine, &cluster.data());

    // All of it was used, and nothing beside it.
    assert_ne!(redis.run("DBSIZE").trim(), ":0", "the cache is in Redis");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let known = runtime.block_on(async {
        let client = Etcd::new(&[&etcd.endpoint()]).expect("an endpoint");
        let (pairs, _) = client.range(&format!("{PREFIX}/")).await.expect("an answer");
        pairs.into_iter().map(|pair| pair.key).collect::<Vec<_>>()
    });
    for part in ["/leader/spot", "landry-spotapi-web:8080", "landry-ces-historyreader:7516"] {
        assert!(known.iter().any(|key| key.contains(part)), "{part} is not in {known:?}");
    }
    for folder in ["oplog", "store"] {
        assert!(!cluster.data().join(folder).exists(), "{folder}: nothing is kept in files");
    }
    for name in KILLED {
        assert_eq!(cluster.process(name).restarts, 1, "{name}");
    }
    cluster.command(&["stop", "--data", "data"]);
    assert!(cluster.wait().success(), "{}", cluster.stderr());
    cluster.assert_verifies();
}
