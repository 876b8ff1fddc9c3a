//! `allin topology`.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{allin, stderr, stdout};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn services_md_is_up_to_date() {
    let output = allin(Path::new(ROOT), &["topology", "--check"]);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn a_stale_file_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let missing = allin(directory.path(), &["topology", "--check"]);
    assert!(!missing.status.success() && stderr(&missing).contains("is not there"));
    fs::write(directory.path().join("SERVICES.md"), "# Services\n").unwrap();
    let stale = allin(directory.path(), &["topology", "--check"]);
    assert!(!stale.status.success() && stderr(&stale).contains("is stale"));
}

#[test]
fn json_follows_the_settings() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("allin.toml"),
        "[ports]\nlandry-ces-accesshttp.8080 = '127.0.0.1:18080'\n[topology]\ninternal_domain = 'in.example'\n",
    )
    .unwrap();
    let output = allin(directory.path(), &["topology", "--format", "json", "--config", "allin.toml"]);
    let document: Value = serde_json::from_slice(&output.stdout).expect("one object");
    let services = document["services"].as_array().unwrap();
    let service = services.iter().find(|one| one["name"] == "landry-ces-accesshttp").unwrap();
    assert_eq!(service["ports"][0]["address"], "127.0.0.1:18080");
    assert!(stdout(&output).contains("kafka.in.example:9092"));
}

#[test]
fn a_port_that_does_not_exist_is_refused_by_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let output = allin(directory.path(), &["topology", "--set", "ports.landry-ces-accesshttp.81=127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1));
    let message = stderr(&output);
    assert!(message.contains("configuration key ports.landry-ces-accesshttp.81 (set by flag --set"), "{message}");
}
