//! `/sapi/v1`.

use allin_core::ids::{AssetId, MarketId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::command::{Command, Counter, Funding, NewOrder, Side};
use allin_core::spot::event::Event;
use allin_core::text::Label;
use allin_landry::spotapi::SpotApiSection;
use expect_test::{Expect, expect};

use crate::world::{ALICE, Answered, BOB, World};

async fn check(world: &World, method: &str, target: &str, wanted: Expect) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    wanted.assert_eq(&world.call("alice", method, path, query).await.text());
}

async fn check_get(world: &World, target: &str, wanted: Expect) {
    check(world, "GET", &format!("/sapi/v1/{target}"), wanted).await;
}

/// As the holder of a key that may be used from 10.0.0.0/8 only and may withdraw.
async fn from_afar(world: &World, address: &str, method: &str, path: &str, query: &str) -> Answered {
    let query = world.sign("alicefar", query);
    let head = format!("x-mbx-apikey: alicefar\r\nx-real-ip: {address}\r\n");
    world.send(method, &format!("{path}?{query}"), &head, "").await
}

#[tokio::test]
async fn the_account_and_its_keys() {
    let world = &World::new().await;
    check_get(world, "account/status", expect![[r#"200 {"data":"Normal"}"#]]).await;
    check_get(world, "account/apiTradingStatus", expect![[r#"200 {"data":{"isLocked":false,"plannedRecoverTime":0,"triggerCondition":{"GCR":0,"IFER":0,"UFR":0},"updateTime":1767323045000}}"#]]).await;
    check_get(world, "account/info", expect![[r#"200 {"vipLevel":0,"isMarginEnabled":false,"isFutureEnabled":false,"isOptionsEnabled":false,"isPortfolioMarginRetailEnabled":false}"#]]).await;
    check_get(world, "account/apiRestrictions", expect![[r#"200 {"ipRestrict":false,"createTime":1767323045000,"enableReading":true,"enableWithdrawals":false,"enableInternalTransfer":false,"enableMargin":false,"enableFutures":false,"permitsUniversalTransfer":false,"enableVanillaOptions":false,"enableFixApiTrade":false,"enableFixReadOnly":false,"enableSpotAndMarginTrading":true,"enablePortfolioMarginTrading":false}"#]]).await;
    let far = from_afar(world, "10.1.2.3", "GET", "/sapi/v1/account/apiRestrictions", "").await.json();
    assert_eq!((far["ipRestrict"].as_bool(), far["enableWithdrawals"].as_bool()), (Some(true), Some(true)));
    world.directory.freeze(ALICE);
    check_get(world, "account/status", expect![[r#"200 {"data":"Locked"}"#]]).await;
}

#[tokio::test]
async fn what_there_is_not() {
    let world = &World::empty(SpotApiSection::default()).await;
    for target in ["/sapi/v1/margin/allPairs", "/sapi/v1/margin/isolated/allPairs", "/sapi/v1/margin/allAssets"] {
        assert_eq!(world.get(target).await.text(), "200 []");
        check(world, "GET", target, expect!["200 []"]).await;
    }
    assert_eq!(world.get("/sapi/v1/system/status").await.text(), r#"200 {"status":0,"msg":"normal"}"#);
    let futures = world.get("/dapi/v1/exchangeInfo").await;
    assert_eq!((futures.status, &futures.json()["symbols"]), (200, &serde_json::json!([])));
    check_get(world, "asset/transfer?type=MAIN_FUNDING", expect![[r#"200 {"total":0,"rows":[]}"#]]).await;
    check_get(world, "asset/assetDividend?limit=20", expect![[r#"200 {"total":0,"rows":[]}"#]]).await;
    check_get(world, "asset/dribblet", expect![[r#"200 {"total":0,"userAssetDribblets":[]}"#]]).await;
    check_get(world, "capital/deposit/hisrec", expect!["200 []"]).await;
    check_get(world, "capital/withdraw/history", expect!["200 []"]).await;
    check_get(world, "sub-account/list", expect![[r#"404 {"code":-1020,"msg":"Path not found."}"#]]).await;
    let transfer = "/sapi/v1/asset/transfer?type=MAIN_FUNDING&asset=BTC&amount=1";
    check(
        world,
        "POST",
        transfer,
        expect![[r#"400 {"code":-1020,"msg":"There is no wallet besides the spot wallet to transfer to or from."}"#]],
    )
    .await;
    check_get(
        world,
        "capital/deposit/address?coin=BTC&network=BTC",
        expect![[r#"400 {"code":-1020,"msg":"Current asset is not open for deposit."}"#]],
    )
    .await;
}

#[tokio::test]
async fn wallets() {
    let world = &World::new().await;
    // ETHBTC trades at 0.05000, BTCUSDT at 40000.00.
    for (market, price, qty) in [(MarketId(5), 5_000, 10), (MarketId(0), 4_000_000, 100)] {
        for (user, side) in [(BOB, Side::Sell), (ALICE, Side::Buy)] {
            let order = NewOrder::limit(user, market, side, PriceTicks(price), QtyLots(qty));
            let reply = world.submit(Command::Place(order)).await;
            assert!(!reply.events.iter().any(|event| matches!(event, Event::Refused(_))), "{reply:?}");
        }
    }
    let rest = NewOrder::limit(ALICE, MarketId(0), Side::Buy, PriceTicks(3_000_000), QtyLots(1_000));
    world.submit(Command::Place(rest)).await;
    world.caught_up().await;
    let coins = world.ok("alice", "GET", "/sapi/v1/capital/config/getall", "").await;
    let coins = coins.as_array().expect("coins");
    assert_eq!(coins.len(), 7);
    expect![[r#"{"coin":"USDT","depositAllEnable":false,"free":"999660.00000000","freeze":"0.00000000","ipoable":"0.00000000","ipoing":"0.00000000","isLegalMoney":false,"locked":"300.00000000","name":"USDT","networkList":[],"storage":"0.00000000","trading":true,"withdrawAllEnable":false,"withdrawing":"0.00000000"}"#]].assert_eq(&coins[0].to_string());
    check(world, "POST", "/sapi/v3/asset/getUserAsset?needBtcValuation=true", expect![[r#"200 [{"asset":"USDT","free":"999660.00000000","locked":"300.00000000","freeze":"0","withdrawing":"0","ipoable":"0","btcValuation":"24.99900000"},{"asset":"BTC","free":"10.00049900","locked":"0.00000000","freeze":"0","withdrawing":"0","ipoable":"0","btcValuation":"10.00049900"},{"asset":"ETH","free":"100.00999000","locked":"0.00000000","freeze":"0","withdrawing":"0","ipoable":"0","btcValuation":"5.00049950"}]"#]]).await;
    check(world, "POST", "/sapi/v1/asset/getUserAsset?asset=XRP", expect!["200 []"]).await;
    check_get(
        world,
        "asset/wallet/balance",
        expect![[r#"200 [{"activate":true,"balance":"39.99999850","walletName":"Spot"}]"#]],
    )
    .await;
    check_get(
        world,
        "asset/wallet/balance?quoteAsset=USDT",
        expect![[r#"200 [{"activate":true,"balance":"1599999.94000000","walletName":"Spot"}]"#]],
    )
    .await;
}

#[tokio::test]
async fn deposits_and_withdrawals() {
    let world = &World::new().await;
    world.pass(1_500_000);
    let funding = |business: &str, business_id| Funding {
        user: ALICE,
        asset: AssetId(1),
        amount: 25_000_000,
        business: Label::new(business).expect("short"),
        business_id,
        counter: Counter::External,
        detail: "".into(),
    };
    world.submit(Command::Debit(funding("withdraw", 77))).await;
    world.submit(Command::Credit(funding("gift", 78))).await;
    world.caught_up().await;
    check_get(world, "capital/deposit/hisrec?coin=BTC", expect![[r#"200 [{"id":"23","amount":"10.00000000","coin":"BTC","network":"","status":1,"address":"","addressTag":"","txId":"1","insertTime":1767323045000,"completeTime":1767323045000,"transferType":1,"confirmTimes":"1/1","unlockConfirm":0,"walletType":0}]"#]]).await;
    check_get(world, "capital/withdraw/history", expect![[r#"200 [{"id":"29","amount":"0.25000000","transactionFee":"0","coin":"BTC","status":6,"address":"","txId":"77","applyTime":"2026-01-02 03:04:06","network":"","transferType":1,"info":"","confirmNo":0,"walletType":0,"txKey":"","completeTime":"2026-01-02 03:04:06"}]"#]]).await;
    let count = async |target: &str| {
        let (path, query) = target.split_once('?').expect("a query");
        let rows = world.ok("alice", "GET", &format!("/sapi/v1/capital/{path}"), query).await;
        rows.as_array().expect("rows").len()
    };
    let rows = [
        ("deposit/hisrec?limit=1000", 3),
        ("deposit/hisrec?limit=2", 2),
        ("deposit/hisrec?offset=1", 2),
        ("deposit/hisrec?status=1", 3),
        ("deposit/hisrec?status=0", 0),
        ("deposit/hisrec?txId=1", 3),
        ("deposit/hisrec?txId=2", 0),
        ("deposit/hisrec?coin=XRP", 0),
        ("deposit/hisrec?startTime=1767323045000&endTime=1767323045000", 3),
        ("deposit/hisrec?startTime=1767323045001", 0),
        ("deposit/hisrec?endTime=1767323044999", 0),
        ("withdraw/history?status=6&coin=BTC", 1),
        ("withdraw/history?status=2", 0),
        ("withdraw/history?withdrawOrderId=77", 1),
        ("withdraw/history?idList=0,1", 0),
    ];
    for (target, wanted) in rows {
        assert_eq!(count(target).await, wanted, "{target}");
    }
    // Bob's are his own.
    let his = world.ok("bob", "GET", "/sapi/v1/capital/withdraw/history", "").await;
    assert_eq!(his, serde_json::json!([]));
}

#[tokio::test]
async fn who_may_withdraw_and_what_is_refused() {
    let world = &World::new().await;
    let before = world.fingerprint().await;
    let path = "/sapi/v1/capital/withdraw/apply";
    let good = "coin=BTC&address=bc1q&amount=0.1&network=BTC";
    for key in ["alice", "aliceread", "aliceed", "bob"] {
        let answered = world.call(key, "POST", path, good).await;
        assert_eq!((answered.status, answered.json()["code"].as_i64()), (401, Some(-2015)), "{key}");
    }
    let elsewhere = from_afar(world, "11.1.2.3", "POST", path, good).await;
    assert_eq!((elsewhere.status, elsewhere.json()["code"].as_i64()), (401, Some(-2015)));
    let rows = [
        (good, -4019),
        ("coin=NOCOIN&address=x&amount=1", -4018),
        ("address=x&amount=1", -1102),
        ("coin=BTC&amount=1", -1102),
        ("coin=BTC&address=x", -1102),
        ("coin=BTC&address=x&amount=0", -1130),
        ("coin=BTC&address=x&amount=-1", -1130),
        ("coin=BTC&address=x&amount=0.000000001", -1111),
        ("coin=BTC&address=x&amount=1e3", -1100),
        ("coin=BTC&address=x&amount=1&x=1", -1104),
    ];
    for (query, code) in rows {
        let answered = from_afar(world, "10.1.2.3", "POST", path, query).await;
        assert_eq!((answered.status, answered.json()["code"].as_i64()), (400, Some(code)), "{query}");
    }
    let others = [
        ("GET", "capital/deposit/address", "", -1102),
        ("GET", "capital/deposit/address", "coin=NOCOIN", -4018),
        ("GET", "capital/deposit/hisrec", "startTime=0", -4047),
        ("GET", "capital/deposit/hisrec", "limit=0", -1130),
        ("GET", "capital/deposit/hisrec", "offset=100001", -1130),
        ("GET", "capital/withdraw/history", "startTime=2&endTime=1", -1130),
        ("GET", "asset/wallet/balance", "quoteAsset=NOCOIN", -4018),
        ("POST", "asset/transfer", "asset=BTC&amount=1", -1102),
        ("POST", "asset/transfer", "type=MAIN_FUNDING&asset=NOCOIN&amount=1", -4018),
        ("POST", "asset/getUserAsset", "needBtcValuation=much", -1100),
        ("GET", "asset/assetDividend", "limit=x", -1100),
    ];
    for (method, path, query, code) in others {
        let answered = world.call("alice", method, &format!("/sapi/v1/{path}"), query).await;
        assert_eq!(
            (answered.status, answered.json()["code"].as_i64()),
            (400, Some(code)),
            "{path} {query}: {answered:?}"
        );
    }
    assert_eq!(world.fingerprint().await, before);
}

#[tokio::test]
async fn what_trading_costs() {
    let world = &World::new().await;
    check_get(
        world,
        "asset/tradeFee?symbol=BTCUSDT",
        expect![[r#"200 [{"symbol":"BTCUSDT","makerCommission":"0.00100000","takerCommission":"0.00100000"}]"#]],
    )
    .await;
    let all = world.ok("alice", "GET", "/sapi/v1/asset/tradeFee", "").await;
    assert_eq!(
        all.as_array().expect("rows").len(),
        world.get("/api/v3/ticker/price").await.json().as_array().expect("all").len()
    );
    check_get(world, "asset/tradeFee?symbol=NOSUCH", expect![[r#"400 {"code":-1121,"msg":"Invalid symbol."}"#]]).await;
}
