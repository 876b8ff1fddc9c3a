//! Numbers that are refused wherever one is expected, before the engine hears of them.

use super::world::World;

/// Not a positive number with the decimals that a price, an amount or a rate may have.
const BAD: [&str; 26] = [
    r#""""#,
    r#"" 1""#,
    r#""1 ""#,
    r#""+1""#,
    r#""-1""#,
    r#""-0""#,
    r#""1e3""#,
    r#""1E3""#,
    r#""NaN""#,
    r#""nan""#,
    r#""inf""#,
    r#""Infinity""#,
    r#""0x10""#,
    r#""1_000""#,
    r#""1,000""#,
    r#""１""#,
    r#""1.""#,
    r#"".1""#,
    r#""1.2.3""#,
    r#""0.000000001""#,
    r#""999999999999999999999999999999999999999999""#,
    "1",
    "1.5",
    "null",
    "[\"1\"]",
    "true",
];

#[tokio::test]
async fn amounts_prices_and_rates() {
    let world = World::new().await;
    world.fund_two();
    let before = (world.shard.fingerprint(), world.shard.seq());
    let limit = [r#"1"#, r#""BTCUSD""#, "2", r#""1""#, r#""1""#, r#""0""#, r#""0""#, r#""""#];
    let market = [r#"1"#, r#""BTCUSD""#, "2", r#""1""#, r#""0""#, r#""""#];
    let update = [r#"1"#, r#""BTC""#, r#""deposit""#, "7", r#""1""#, "{}"];
    let own = |rows: &[&'static str]| rows.to_vec();
    let rows: [(&str, Vec<&str>, usize, Vec<&str>); 6] = [
        ("order.put_limit", own(&limit), 3, own(&[r#""0""#, r#""0.00001""#, r#""1.00001""#, r#""0.0""#])),
        (
            "order.put_limit",
            own(&limit),
            4,
            own(&[r#""0""#, r#""0.001""#, r#""1.001""#, r#""0.00""#, r#""100000000000000.01""#]),
        ),
        ("order.put_limit", own(&limit), 5, own(&[r#""1.00000000""#, r#""2""#, r#""0.100000001""#])),
        ("order.put_limit", own(&limit), 6, own(&[r#""1""#, r#""0.100000001""#])),
        ("order.put_market", own(&market), 3, own(&[r#""0""#, r#""0.00000000001""#, r#""1.00000000001""#])),
        ("balance.update", own(&update), 4, own(&[r#""0""#, r#""--1""#, r#""1.000000001""#, r#""-1.000000001""#])),
    ];
    for (method, params, at, more) in rows {
        for bad in BAD.iter().chain(&more) {
            // A change of a balance may be negative, and quote amounts have ten decimals.
            let fits = (method == "balance.update" && *bad == r#""-1""#)
                || (method == "order.put_market" && *bad == r#""0.000000001""#);
            if fits {
                continue;
            }
            let mut params = params.clone();
            params[at] = bad;
            let params = format!("[{}]", params.join(","));
            let error = world.error(method, &params).await;
            assert_eq!(error, r#"200 {"code":1,"message":"invalid argument"}"#, "{method} {params}");
        }
    }
    assert_eq!((world.shard.fingerprint(), world.shard.seq()), before);
}

#[tokio::test]
async fn integers() {
    let world = World::new().await;
    world.fund_two();
    let before = (world.shard.fingerprint(), world.shard.seq());
    let bad = [
        "0",
        "-1",
        "1.0",
        "1e0",
        "-0",
        "18446744073709551616",
        "\"1\"",
        "null",
        "[]",
        "18446744073709551615",
        "9223372036854775808",
    ];
    let rows = [
        ("balance.query", "[@]"),
        ("balance.update", r#"[@,"BTC","deposit",1,"1",{}]"#),
        ("order.put_limit", r#"[@,"BTCUSD",2,"1","1","0","0",""]"#),
        ("order.put_market", r#"[@,"BTCUSD",2,"1","0",""]"#),
        ("order.cancel", r#"[@,"BTCUSD",1]"#),
        ("order.pending", r#"[@,"BTCUSD",0,1]"#),
        ("order.finished", r#"[@,"BTCUSD",0,0,0,1]"#),
        ("market.user_deals", r#"[@,"BTCUSD",0,1]"#),
        ("balance.history", r#"[@,"","",0,0,0,1]"#),
    ];
    for (method, params) in rows {
        for bad in bad {
            let params = params.replace('@', bad);
            let error = world.error(method, &params).await;
            assert_eq!(error, r#"200 {"code":1,"message":"invalid argument"}"#, "{method} {params}");
        }
    }
    assert_eq!((world.shard.fingerprint(), world.shard.seq()), before);
}

/// Price times amount beyond what an amount can be: refused by the engine, and nothing changes.
#[tokio::test]
async fn products_that_overflow() {
    let world = World::new().await;
    world.fund_two();
    let before = world.shard.fingerprint();
    let error =
        world.error("order.put_limit", r#"[1,"BTCUSD",2,"115292150460684.6975","90071992547409.92","0","0",""]"#).await;
    assert!(error.starts_with("200 {\"code\":1"), "{error}");
    assert_eq!(world.shard.fingerprint(), before);
}
