//! The settings: documented, and checked.

use allin_cluster::etcd::EtcdSection;
use allin_cluster::kafka::{KafkaSection, MESSAGE_BYTES_MAX};
use allin_cluster::redis::CacheSection;
use allin_runtime::config::{Layers, Section};
use serde::Serialize;

/// Every key with its default, and no other, is in the documentation.
#[test]
fn the_documentation_lists_every_key_and_default() {
    const TEXT: &str = include_str!("../../../../docs/cluster.md");
    fn missing<S: Section + Serialize>() -> usize {
        let table = serde_json::to_value(S::default()).expect("plain data");
        let table = table.as_object().expect("a table");
        for (key, value) in table {
            let row = format!("| `{}.{key}` | `{value}` |", S::NAME);
            assert!(TEXT.contains(&row), "docs/cluster.md lacks {row}");
        }
        table.len()
    }
    let count = missing::<KafkaSection>() + missing::<EtcdSection>() + missing::<CacheSection>();
    let rows = |name: &str| TEXT.lines().filter(|line| line.starts_with(&format!("| `{name}."))).count();
    assert_eq!(rows("kafka") + rows("etcd") + rows("cache"), count);
    assert!(TEXT.contains(&format!("| {} KiB or more |", MESSAGE_BYTES_MAX.div_ceil(1024))), "{MESSAGE_BYTES_MAX}");
}

#[test]
fn wrong_settings_are_refused_by_name() {
    let rows = [
        ("kafka.brokers", "localhost"),
        ("kafka.operlog_topic", "spot operlog"),
        ("kafka.event_topics", "spot-events"),
        ("kafka.event_topics", "{topic} of {shard}"),
        ("kafka.replication", "0"),
        ("kafka.min_insync", "4"),
        ("kafka.stall_ms", "1"),
        ("kafka.hand_over_ms", "100"),
        ("etcd.endpoints", "127.0.0.1:2379"),
        ("etcd.prefix", "allin"),
        ("etcd.leader_lease_s", "1"),
        ("cache.spot_url", "127.0.0.1:6379"),
        ("cache.spot_url", "rediss://127.0.0.1:6379"),
        ("cache.spot_url", "redis://127.0.0.1:6379/first"),
        ("cache.timeout_ms", "0"),
    ];
    for (key, value) in rows {
        let settings = Layers::new().flag("--set", key, value).expect("a value").done();
        let error = match key.split_once('.') {
            Some(("kafka", _)) => settings.section::<KafkaSection>().err(),
            Some(("cache", _)) => settings.section::<CacheSection>().err(),
            _ => settings.section::<EtcdSection>().err(),
        };
        let said = error.unwrap_or_else(|| panic!("{key} = {value} passes")).to_string();
        assert!(said.contains(key), "{said}");
    }
}

#[test]
fn a_password_is_never_shown() {
    let url = "redis://ann:s3cr3t@127.0.0.1:6379/2";
    let settings = Layers::new().flag("--set", "cache.spot_url", url).expect("a value").done();
    let section: CacheSection = settings.section().expect("valid");
    assert_eq!(section.spot(), Some(url));
    assert!(!format!("{section:?}").contains("s3cr3t"));
    let settings =
        Layers::new().flag("--set", "cache.spot_url", &url.replace("redis", "http")).expect("a value").done();
    let refused = settings.section::<CacheSection>().expect_err("no Redis").to_string();
    assert!(refused.contains("cache.spot_url") && !refused.contains("s3cr3t"), "{refused}");
}
