//! Kafka and etcd, where the settings name them.

use std::path::Path;
use std::sync::Arc;

use allin_cluster::etcd::{Etcd, EtcdSection, config_folder, read_config};
use allin_cluster::kafka::topic::{self, Topic};
use allin_cluster::kafka::{self, KafkaLog, KafkaSection, look_at_events};
use allin_core::ids::Seq;
use allin_runtime::config::{LogKind, LogSection};
use allin_runtime::oplog::{Options, SNAPSHOT_DIR, SnapshotStore};
use allin_runtime::storage::DiskStorage;

use super::{Finding, State};
use crate::node::{SHARD, live};

pub(super) fn check(data: &Path, log: &LogSection, kafka: &KafkaSection, etcd: &EtcdSection) -> Vec<Finding> {
    let mut findings = vec![];
    if log.kind == LogKind::Kafka {
        let topic = operlog(kafka);
        let is_good = topic.iter().all(|finding| finding.state != State::Fail);
        findings.extend(topic);
        findings.extend(is_good.then(|| beginning(data, kafka)).flatten());
    }
    if !kafka.event_topics.is_empty() {
        findings.push(events(kafka));
    }
    if !etcd.endpoints().is_empty() {
        findings.push(leases(etcd));
        findings.extend(watched(etcd));
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

/// Whether this machine could begin, where the log was trimmed.
fn beginning(data: &Path, section: &KafkaSection) -> Option<Finding> {
    let check = "snapshots";
    let begin = match kafka::begin(&KafkaLog::new(SHARD, section)) {
        Ok(Seq(1)) => return None,
        // A topic that is not there yet was not trimmed.
        Err(_) => return None,
        Ok(begin) => begin,
    };
    let snapshots = SnapshotStore::new(Arc::new(DiskStorage::new(data)), &Options::new(SHARD));
    let newest = snapshots.list().ok().and_then(|all| all.last().copied());
    let begins = format!("the log was trimmed and begins at sequence {}", begin.0);
    Some(match newest {
        Some(newest) if newest.0 + 1 >= begin.0 => {
            Finding::ok(check, format!("{begins}; the newest snapshot here is of {}", newest.0))
        }
        _ => {
            let advice = format!(
                "copy the files of snapshots/ from the data folder of another machine of the shard, or from a backup, into {}",
                data.join(SNAPSHOT_DIR).display()
            );
            Finding::fail(check, format!("{begins}; no snapshot here reaches it"), advice)
        }
    })
}

/// What is set in etcd, and whether it would be taken.
fn watched(section: &EtcdSection) -> Vec<Finding> {
    let check = "watched settings";
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return vec![] };
    // That it does not answer is told already.
    let read = runtime.block_on(async { read_config(&Etcd::new(&section.endpoints())?, section).await });
    let told = |(key, value): (String, String)| {
        let shown = value.lines().next().unwrap_or_default();
        match live::check(&key, &value) {
            Some(Ok(())) => Finding::ok(check, format!("{key} is set: {shown}")),
            Some(Err(reason)) => {
                let advice = "it is not taken, and what was before goes on: put another value, or remove the key";
                Finding::warn(check, format!("{key} is set: {reason}"), advice)
            }
            None => {
                let known: Vec<_> = live::keys().collect();
                let advice = format!("remove it from {}; there are: {}", config_folder(section), known.join(", "));
                Finding::warn(check, format!("{key} is no setting that changes while processes run"), advice)
            }
        }
    };
    read.unwrap_or_default().into_iter().map(told).collect()
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
