//! A world that fails around accesshttp: the right code, the right status, and no hang.

use allin_exchange::accesshttp::Config;
use allin_runtime::engine::SubmitError;
use allin_wire::viabtc::Method;

use super::world::World;

const PUT: &str = r#"[1,"BTCUSD",2,"1","1","0","0",""]"#;

#[tokio::test]
async fn an_engine_that_takes_nothing() {
    let world = World::new().await;
    world.fund_two();
    let unavailable = r#"503 {"code":3,"message":"service unavailable"}"#;
    let rows = [
        (SubmitError::Overloaded, unavailable),
        (SubmitError::ReadOnly, unavailable),
        (SubmitError::Stopping, unavailable),
        (SubmitError::Unknown, r#"504 {"code":5,"message":"service timeout"}"#),
        (SubmitError::Malformed("x"), r#"200 {"code":1,"message":"invalid argument"}"#),
    ];
    for (failure, want) in rows {
        world.shard.fail(Some(failure));
        for (method, params) in
            [("order.put_limit", PUT), ("balance.update", r#"[1,"BTC","d",1,"1",{}]"#), ("balance.query", "[1]")]
        {
            assert_eq!(world.error(method, params).await, want, "{failure} {method}");
        }
    }
    world.shard.fail(Some(SubmitError::Overloaded));
    assert!(world.ask("order.put_limit", PUT).await.head.contains("retry-after: 1"));
    world.shard.fail(None);
    world.result("order.put_limit", PUT).await;
}

#[tokio::test]
async fn an_engine_that_does_not_answer() {
    let world = World::with(Config { answer_timeout_ms: 100, ..Config::default() }).await;
    world.fund_two();
    world.shard.hang();
    assert_eq!(world.error("order.put_limit", PUT).await, r#"504 {"code":5,"message":"service timeout"}"#);
    // Reads are not held up by it.
    world.result("balance.query", "[1]").await;
}

#[tokio::test]
async fn too_many_requests_at_once() {
    let world = World::with(Config { requests_max: 1, answer_timeout_ms: 3000, ..Config::default() }).await;
    world.fund_two();
    world.shard.hang();
    let (first, second) = tokio::join!(world.call("order.put_limit", PUT), async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        world.call("balance.query", "[1]").await
    });
    assert_eq!(first, r#"504 {"error":{"code":5,"message":"service timeout"},"result":null,"id":1}"#);
    assert_eq!(second, r#"503 {"error":{"code":3,"message":"service unavailable"},"result":null,"id":null}"#);
}

#[tokio::test]
async fn read_services_that_fail() {
    let world = World::new().await;
    let rows = [
        (tonic::Code::Unavailable, r#"503 {"code":3,"message":"service unavailable"}"#),
        (tonic::Code::DeadlineExceeded, r#"504 {"code":5,"message":"service timeout"}"#),
        (tonic::Code::Internal, r#"500 {"code":2,"message":"internal error"}"#),
        (tonic::Code::InvalidArgument, r#"200 {"code":1,"message":"invalid argument"}"#),
    ];
    let calls = [
        ("balance.history", r#"[1,"","",0,0,0,1]"#),
        ("order.finished", r#"[1,"BTCUSD",0,0,0,1]"#),
        ("order.finished_detail", "[1]"),
        ("order.deals", "[1,0,1]"),
        ("market.user_deals", r#"[1,"BTCUSD",0,1]"#),
        ("market.last", r#"["BTCUSD"]"#),
        ("market.deals", r#"["BTCUSD",1,0]"#),
        ("market.kline", r#"["BTCUSD",1,2,60]"#),
        ("market.status", r#"["BTCUSD",60]"#),
        ("market.status_today", r#"["BTCUSD"]"#),
    ];
    for (code, want) in rows {
        *world.history.failure.lock().expect("lock") = Some(code);
        *world.prices.failure.lock().expect("lock") = Some(code);
        for (method, params) in calls {
            assert_eq!(world.error(method, params).await, want, "{code:?} {method}");
        }
    }
    // What history or market prices do not know yet is not there, and no failure.
    *world.history.failure.lock().expect("lock") = Some(tonic::Code::NotFound);
    *world.prices.failure.lock().expect("lock") = Some(tonic::Code::NotFound);
    for (method, params) in &calls[5..] {
        world.result(method, params).await;
    }
    assert_eq!(world.result("order.finished_detail", "[1]").await, "null");
}

/// Each method, with parameters of every wrong kind in every place: an error object, no 5xx, nothing changed.
#[tokio::test]
async fn bad_parameters_of_every_method() {
    let world = World::new().await;
    world.fund_two();
    world.result("order.put_limit", PUT).await;
    let before = world.shard.fingerprint();
    let huge = format!("\"{}\"", "x".repeat(10_000));
    let bad = [
        "null",
        "true",
        "-1",
        "1.5",
        "1e300",
        "\"\"",
        "\"\\u0000\"",
        "\"BTCUSD \"",
        "[]",
        "{}",
        "\"１\"",
        "99999999999999999999",
        &huge,
    ];
    for method in Method::ALL {
        for count in 0..10 {
            for bad in bad {
                let params = vec![bad; count].join(",");
                let answered = world.ask(method.name(), &format!("[{params}]")).await;
                assert!(answered.status < 500, "{} {params}: {answered:?}", method.name());
            }
        }
    }
    assert_eq!(world.shard.fingerprint(), before);
}
