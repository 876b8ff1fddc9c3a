//! Any JSON at all: an answer below 500, and soon.

use std::time::Duration;

use allin_wire::viabtc::Method;
use proptest::prelude::*;
use proptest::test_runner::{Config as Runs, TestRunner};
use serde_json::Value;

use super::world::World;

/// Values that go deep into a method rather often.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0u64..4).prop_map(Value::from),
        ".*".prop_map(Value::from),
        r"-?[0-9]{1,3}(\.[0-9]{1,4})?".prop_map(Value::from),
        prop::sample::select(vec!["BTC", "USD", "BTCUSD", "deposit", "airdrop", "0", "1", "60"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(".{0,6}", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn request() -> impl Strategy<Value = Value> {
    let method = prop::sample::select(Method::ALL.iter().map(|method| method.name()).collect::<Vec<_>>());
    let params = prop::collection::vec(value(), 0..10);
    let called =
        (method, params).prop_map(|(method, params)| serde_json::json!({"id": 1, "method": method, "params": params}));
    prop_oneof![8 => called, 1 => value()]
}

#[test]
fn random_json_is_answered_and_never_with_a_5xx() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let world = runtime.block_on(async {
        let world = World::new().await;
        world.fund_two();
        world
    });
    let mut runner = TestRunner::new(Runs { cases: 1500, failure_persistence: None, ..Runs::default() });
    let run = runner.run(&request(), |request| {
        let answered = runtime.block_on(async {
            let answered = tokio::time::timeout(Duration::from_secs(5), world.send(request.to_string())).await;
            answered.map_err(|_| TestCaseError::fail("no answer"))
        })?;
        prop_assert!(answered.status >= 200 && answered.status < 500, "{:?}", answered);
        let body: Value =
            serde_json::from_str(&answered.body).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(body.get("error").is_some() && body.get("result").is_some() && body.get("id").is_some());
        Ok(())
    });
    run.expect("every answer is one");
}
