//! The interface's description: committed, served, and complete.

use std::collections::BTreeSet;

use allin_databases::Database;
use allin_landry::userserver::{UsersSection, Who, openapi, route_table};
use allin_runtime::config::Section;
use expect_test::expect_file;
use serde_json::Value;

use super::world::World;

#[test]
fn the_committed_description_is_that_of_the_code() {
    // UPDATE_EXPECT=1 writes it.
    expect_file!["../../../../../docs/openapi/userserver.json"].assert_eq(&openapi());
}

#[tokio::test]
async fn the_served_description_is_the_committed_one() {
    let world = World::new(Database::Sqlite).await;
    let served = world.get("/openapi.json", "").await;
    assert_eq!((served.status, String::from_utf8(served.bytes).expect("UTF-8")), (200, openapi()));
}

#[test]
fn every_endpoint_is_described_with_who_may_call_it() {
    let document: Value = serde_json::from_str(&openapi()).expect("JSON");
    assert_eq!(document["openapi"], "3.1.0");
    let mut described = BTreeSet::new();
    let mut names = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let security = match operation["security"][0].as_object() {
                None => Who::Anyone,
                Some(scheme) if scheme.contains_key("session") => Who::Session,
                Some(scheme) if scheme.contains_key("internal") => Who::Internal,
                Some(scheme) => panic!("{scheme:?}"),
            };
            described.insert((method.to_uppercase(), path.clone(), format!("{security:?}")));
            let name = operation["operationId"].as_str().expect("a name").to_owned();
            assert!(names.insert(name.clone()), "two operations are called {name}");
            assert!(operation["responses"]["400"].is_object() && operation["responses"]["429"].is_object());
        }
    }
    let mut routed = BTreeSet::new();
    for (method, path, who) in route_table() {
        if !["/openapi.json", "/healthz"].contains(&path) {
            routed.insert((method.to_owned(), path.to_owned(), format!("{who:?}")));
        }
    }
    assert_eq!(described, routed);
}

#[test]
fn the_page_lists_every_setting_and_default() {
    const PAGE: &str = include_str!("../../../../../docs/users.md");
    let defaults = serde_json::to_value(UsersSection::default()).expect("plain data");
    let table = defaults.as_object().expect("a table");
    for (key, value) in table {
        let row = format!("| `users.{key}` | `{}` |", value.to_string().replace("\",\"", "\", \""));
        assert!(PAGE.contains(&row), "docs/users.md lacks {row}");
    }
    assert_eq!(PAGE.lines().filter(|line| line.starts_with("| `")).count(), table.len());
}

#[test]
fn settings_that_are_refused() {
    let good = UsersSection::default();
    assert!(good.check().is_ok());
    let rows = [
        UsersSection { password_memory_kib: 19_455, ..good.clone() },
        UsersSection { password_passes: 1, ..good.clone() },
        UsersSection { hashes_at_once: 0, ..good.clone() },
        UsersSection { attempts_per_account_max: 0, ..good.clone() },
        UsersSection { proxies: 9, ..good.clone() },
        UsersSection { body_bytes_max: 1023, ..good.clone() },
        UsersSection { document_bytes_max: (64 << 20) + 1, ..good.clone() },
        UsersSection { passkey_origins: vec![], ..good },
    ];
    for row in rows {
        assert!(row.check().is_err(), "{row:?}");
    }
}
