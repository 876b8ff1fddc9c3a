//! Kafka and etcd, where the settings name them.

use allin_cluster::etcd::{Etcd, EtcdSection};
use allin_cluster::kafka::topic::{self, Topic};
use allin_cluster::kafka::{KafkaLog, KafkaSection, look_at_events};
use allin_runtime::config::{LogKind, LogSection};

use super::Finding;
use crate::node::SHARD;

pub(super) fn check(log: &LogSection, kafka: &KafkaSection, etcd: &EtcdSection) -> Vec<Finding> {
    let mut findings = vec![];
    if log.kind == LogKind::Kafka {
        findings.extend(operlog(kafka));
    }
    if !kafka.event_topics.is_empty() {
        findings.push(events(kafka));
    }
    if !etcd.endpoints().is_empty() {
        findings.push(leases(etcd));
    }
    findings
}

fn operlog(section: &KafkaSection) -> Vec<Finding> {
    let check = "Kafka";
    let log = KafkaLog::new(SHARD, section);
    match topic::look(&log, section) {
        Err(error) => vec![Finding::fail(check, error.to_string(), "start the brokers, or set kafka.brokers")],
        Ok(Topic::Missing) if section.create_topics => {
            vec![Finding::ok(check, format!("topic {} will be made at the first start", log.topic()))]
        }
        Ok(Topic::Missing) => {
            let settings: Vec<String> =
                topic::settings(section).into_iter().map(|(key, value)| format!("--config {key}={value}")).collect();
            let (replicas, settings) = (section.replication, settings.join(" "));
            let advice = format!(
                "kafka-topics.sh --bootstrap-server {} --create --topic {} --partitions 1 --replication-factor {replicas} \
                 {settings}, or set kafka.create_topics = true",
                section.brokers,
                log.topic()
            );
            vec![Finding::fail(check, format!("topic {} is not there", log.topic()), advice)]
        }
        Ok(Topic::There { brokers, replicas, faults }) if faults.is_empty() => {
            let says = format!("topic {} is as it must be; {replicas} replicas, {brokers} brokers", log.topic());
            if replicas < 2 {
                let advice = "a broker that dies takes the log with it: more replicas, and kafka.min_insync of 2";
                return vec![Finding::warn(check, says, advice)];
            }
            vec![Finding::ok(check, says)]
        }
        Ok(Topic::There { faults, .. }) => faults
            .into_iter()
            .map(|fault| {
                let advice = format!("{}; set {} to {}", fault.why, fault.setting, fault.must);
                Finding::fail(check, format!("{}: {} is {}", log.topic(), fault.setting, fault.is), advice)
            })
            .collect(),
    }
}

fn events(section: &KafkaSection) -> Finding {
    let check = "event topics";
    match look_at_events(SHARD, section) {
        Err(error) => Finding::fail(check, error.to_string(), "start the brokers, or set kafka.brokers"),
        Ok(look) if look.missing.is_empty() => {
            let told = look.position.unwrap_or_default().0;
            Finding::ok(
                check,
                format!("{} and others are told up to sequence {told}", section.event_topic(SHARD, "deals")),
            )
        }
        Ok(look) if section.create_topics => {
            Finding::ok(check, format!("{} will be made at the first start", look.missing.join(", ")))
        }
        Ok(look) => {
            let advice = "make them with one partition each, the one of positions with cleanup.policy=compact, or set \
                          kafka.create_topics = true";
            Finding::fail(check, format!("missing: {}", look.missing.join(", ")), advice)
        }
    }
}

fn leases(section: &EtcdSection) -> Finding {
    let check = "etcd";
    let asked = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string());
    let status = asked.and_then(|runtime| {
        runtime.block_on(async { Etcd::new(&section.endpoints())?.status().await }).map_err(|error| error.to_string())
    });
    match status {
        Ok((version, true)) => Finding::ok(check, format!("version {version} at {}", section.endpoints)),
        Ok((version, false)) => {
            let says = format!("version {version} at {} has no leader", section.endpoints);
            Finding::fail(check, says, "without a majority of its members nobody can lead: start the others")
        }
        Err(error) => Finding::fail(check, error, "start it, or set etcd.endpoints"),
    }
}
