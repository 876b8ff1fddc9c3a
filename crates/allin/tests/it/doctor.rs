//! `allin doctor`.

use std::{fs, os::unix::fs::PermissionsExt};

use allin_testing::middleware::{Etcd, Kafka, Redis};

use crate::{allin, stderr, stdout};

#[test]
fn a_new_place_is_fine_and_stays_untouched() {
    let directory = tempfile::tempdir().unwrap();
    let output = allin(directory.path(), &["doctor", "--data", "data", "--listen", "off"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    for check in ["data directory", "free disk", "durable write", "internal token", "ports"] {
        assert!(stdout(&output).contains(check), "{check} is missing: {}", stdout(&output));
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_token_that_others_can_read_is_a_fault_with_its_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let token = directory.path().join("internal.token");
    fs::write(&token, "0".repeat(64)).unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    let output = allin(directory.path(), &["doctor", "--data", ".", "--listen", "off"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("chmod 600"), "{}", stdout(&output));
}

#[test]
fn a_data_directory_that_is_a_file_is_a_fault() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("data"), "").unwrap();
    let output = allin(directory.path(), &["doctor", "--listen", "off"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("is not a directory"), "{}", stdout(&output));
}

#[test]
fn a_wrong_setting_is_an_error_that_names_it_and_tells_no_secret() {
    let directory = tempfile::tempdir().unwrap();
    let settings = ["log.batch_bytes_max=1", "node.token=Zx9", "store.spot_url=ftp://me:Zx9@h", "nothing.at_all=Zx9"];
    for setting in settings {
        let output = allin(directory.path(), &["doctor", "--set", setting]);
        assert_eq!(output.status.code(), Some(1), "{setting}");
        let (key, said) = (setting.split('=').next().unwrap(), stderr(&output));
        assert!(said.contains(&format!("--set {key}")) && !said.contains("Zx9"), "{said}");
    }
}

#[test]
fn kafka_and_etcd_are_checked_where_the_settings_name_them() {
    let directory = tempfile::tempdir().unwrap();
    let doctor = |settings: &[&str]| {
        let brokers = format!("kafka.brokers={}", Kafka::shared().brokers());
        let always = ["log.kind=kafka", "kafka.operlog_topic=doctor", &brokers];
        let settings: Vec<&str> = always.iter().chain(settings).flat_map(|setting| ["--set", setting]).collect();
        let output = allin(directory.path(), &[&["doctor", "--listen", "off"][..], &settings].concat());
        (output.status.code(), stdout(&output).to_owned())
    };
    let etcd = format!("etcd.endpoints={}", Etcd::shared().endpoint());
    let events = "kafka.event_topics=doctor-{topic}";
    let rows: [(&[&str], i32, &[&str]); 5] = [
        (&[], 1, &["topic doctor is not there", "--partitions 1 --replication-factor 3", "kafka.create_topics"]),
        (&["kafka.create_topics=true", &etcd], 0, &["topic doctor will be made", "etcd", "version 3."]),
        (&[events], 1, &["FAIL  event topics", "missing: doctor-deals, doctor-orders", "cleanup.policy=compact"]),
        (&["kafka.create_topics=true", events], 0, &["doctor-books, doctor-positions will be made"]),
        (&["kafka.create_topics=true", "etcd.endpoints=http://127.0.0.1:1"], 1, &["FAIL  etcd", "set etcd.endpoints"]),
    ];
    for (settings, code, parts) in rows {
        let (status, said) = doctor(settings);
        assert_eq!(status, Some(code), "{said}");
        parts.iter().for_each(|part| assert!(said.contains(part), "{part} is missing: {said}"));
    }
}

#[test]
fn redis_is_checked_where_the_settings_name_it() {
    let directory = tempfile::tempdir().unwrap();
    let doctor = |url: &str| {
        let setting = format!("cache.spot_url={url}");
        let output = allin(directory.path(), &["doctor", "--listen", "off", "--set", &setting]);
        (output.status.code(), format!("{}{}", stdout(&output), stderr(&output)))
    };
    let keeps = Redis::start(&["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru", "--save", "60 1"]);
    let asks = Redis::start(&["--requirepass", "pw"]);
    let wrong = asks.url().replace("redis://", "redis://:s3cr3t@");
    let rows: [(&str, i32, &[&str]); 5] = [
        (&Redis::shared().url(), 0, &["ok    cache", "at redis://127.", "may set, read, publish and subscribe"]),
        (&keeps.url(), 0, &["(allkeys-lru)", "maxmemory-policy noeviction", "writes its values to a disk"]),
        (&wrong, 0, &["warn  cache", "cache.spot_url", "correct user, password"]),
        ("redis://127.0.0.1:1", 0, &["warn  cache", "cache.spot_url", "start it"]),
        ("http://ann:s3cr3t@127.0.0.1:1", 1, &["cache.spot_url", "expected redis://"]),
    ];
    for (url, code, parts) in rows {
        let (status, said) = doctor(url);
        assert_eq!(status, Some(code), "{said}");
        parts.iter().for_each(|part| assert!(said.contains(part), "{part} is missing: {said}"));
        assert!(!said.contains("s3cr3t"), "{said}");
    }
}
