//! The interface's description: committed, served, and complete.

use std::collections::BTreeSet;

use allin_landry::userserver::{Who, openapi, route_table};
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
    let world = World::new().await;
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
