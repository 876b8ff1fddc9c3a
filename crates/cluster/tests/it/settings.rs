//! The settings: documented, and checked.

use allin_cluster::etcd::EtcdSection;
use allin_cluster::kafka::{KafkaSection, MESSAGE_BYTES_MAX};
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
    let count = missing::<KafkaSection>() + missing::<EtcdSection>();
    let rows = |name: &str| TEXT.lines().filter(|line| line.starts_with(&format!("| `{name}."))).count();
    assert_eq!(rows("kafka") + rows("etcd"), count);
    assert!(TEXT.contains(&format!("| {} KiB or more |", MESSAGE_BYTES_MAX.div_ceil(1024))), "{MESSAGE_BYTES_MAX}");
}

#[test]
fn wrong_settings_are_refused_by_name() {
    let rows = [
        ("kafka.brokers", "localhost"),
        ("kafka.operlog_topic", "spot operlog"),
        ("kafka.replication", "0"),
        ("kafka.min_insync", "4"),
        ("kafka.stall_ms", "1"),
        ("kafka.hand_over_ms", "100"),
        ("etcd.endpoints", "127.0.0.1:2379"),
        ("etcd.prefix", "allin"),
        ("etcd.leader_lease_s", "1"),
    ];
    for (key, value) in rows {
        let settings = Layers::new().flag("--set", key, value).expect("a value").done();
        let error = match key.split_once('.') {
            Some(("kafka", _)) => settings.section::<KafkaSection>().err(),
            _ => settings.section::<EtcdSection>().err(),
        };
        let said = error.unwrap_or_else(|| panic!("{key} = {value} passes")).to_string();
        assert!(said.contains(key), "{said}");
    }
}
