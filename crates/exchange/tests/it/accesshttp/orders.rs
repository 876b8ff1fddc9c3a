//! Placing, cancelling, and what the engine tells of orders.

use allin_core::spot::command::{Command, MarketState};
use allin_wire::exchange::v1::{Fee, HistoryOrder};
use expect_test::expect;

use super::world::{MARKET, T0, World};

fn in_history(order: u64, filled: &str, fee: (&str, &str)) -> HistoryOrder {
    let fees = vec![Fee { asset: fee.0.to_owned(), amount: fee.1.to_owned() }];
    HistoryOrder { order, filled: filled.to_owned(), fees, ..HistoryOrder::default() }
}

#[tokio::test]
async fn put_limit_rests_trades_and_fills() {
    let world = World::new().await;
    world.fund_two();
    let resting = world.call("order.put_limit", r#"[1,"BTCUSD",1,"0.5000","8000.10","0.002","0.001","web"]"#).await;
    expect![[r#"200 {"error":null,"result":{"id":1,"market":"BTCUSD","source":"web","type":1,"side":1,"user":1,"ctime":1700000002.5,"mtime":1700000002.5,"price":"8000.1","amount":"0.5","taker_fee":"0.002","maker_fee":"0.001","left":"0.5","deal_stock":"0","deal_money":"0","deal_fee":"0"},"id":1}"#]]
        .assert_eq(&resting);
    let partly = world.result("order.put_limit", r#"[2,"BTCUSD",2,"0.75","8000.1","0.002","0.001",""]"#).await;
    expect![[r#"{"id":2,"market":"BTCUSD","source":"","type":1,"side":2,"user":2,"ctime":1700000002.75,"mtime":1700000002.75,"price":"8000.1","amount":"0.75","taker_fee":"0.002","maker_fee":"0.001","left":"0.25","deal_stock":"0.5","deal_money":"4000.05","deal_fee":"0.001"}"#]]
        .assert_eq(&partly);
    let filled = world.result("order.put_limit", r#"[1,"BTCUSD",1,"0.25","7000","0.002","0.001","api"]"#).await;
    expect![[r#"{"id":3,"market":"BTCUSD","source":"api","type":1,"side":1,"user":1,"ctime":1700000003.0,"mtime":1700000003.0,"price":"7000","amount":"0.25","taker_fee":"0.002","maker_fee":"0.001","left":"0","deal_stock":"0.25","deal_money":"2000.025","deal_fee":"4.00005"}"#]]
        .assert_eq(&filled);
}

#[tokio::test]
async fn put_market_sells_stock_and_spends_money() {
    let world = World::new().await;
    world.fund_two();
    world.result("order.put_limit", r#"[1,"BTCUSD",1,"1","8000","0","0",""]"#).await;
    world.result("order.put_limit", r#"[1,"BTCUSD",2,"1","7000","0","0",""]"#).await;
    let bought = world.result("order.put_market", r#"[2,"BTCUSD",2,"1000.5","0.002","web"]"#).await;
    expect![[r#"{"id":3,"market":"BTCUSD","source":"web","type":2,"side":2,"user":2,"ctime":1700000003.0,"mtime":1700000003.0,"price":"0","amount":"1000.5","taker_fee":"0.002","maker_fee":"0","left":"0.5","deal_stock":"0.125","deal_money":"1000","deal_fee":"0.00025"}"#]]
        .assert_eq(&bought);
    let sold = world.result("order.put_market", r#"[2,"BTCUSD",1,"0.01","0.002","web"]"#).await;
    expect![[r#"{"id":4,"market":"BTCUSD","source":"web","type":2,"side":1,"user":2,"ctime":1700000003.25,"mtime":1700000003.25,"price":"0","amount":"0.01","taker_fee":"0.002","maker_fee":"0","left":"0","deal_stock":"0.01","deal_money":"70","deal_fee":"0.14"}"#]]
        .assert_eq(&sold);
}

#[tokio::test]
async fn refusals_have_the_protocols_codes() {
    let world = World::new().await;
    world.fund_two();
    let limit = async |user, amount, price| {
        let params = format!(r#"[{user},"BTCUSD",2,"{amount}","{price}","0","0",""]"#);
        world.error("order.put_limit", &params).await
    };
    expect![[r#"200 {"code":10,"message":"balance not enough"}"#]].assert_eq(&limit(1, "1", "100001").await);
    // A user whom nobody ever gave anything.
    expect![[r#"200 {"code":10,"message":"balance not enough"}"#]].assert_eq(&limit(9, "1", "1").await);
    expect![[r#"200 {"code":11,"message":"amount too small"}"#]].assert_eq(&limit(1, "0.0009", "1").await);

    let market = async |side, amount| {
        let params = format!(r#"[1,"BTCUSD",{side},"{amount}","0","" ]"#);
        world.error("order.put_market", &params).await
    };
    expect![[r#"200 {"code":12,"message":"no enough trader"}"#]].assert_eq(&market(1, "1").await);
    expect![[r#"200 {"code":12,"message":"no enough trader"}"#]].assert_eq(&market(2, "1").await);
    expect![[r#"200 {"code":10,"message":"balance not enough"}"#]].assert_eq(&market(1, "10.0001").await);
    expect![[r#"200 {"code":10,"message":"balance not enough"}"#]].assert_eq(&market(2, "100000.1").await);
    expect![[r#"200 {"code":11,"message":"amount too small"}"#]].assert_eq(&market(1, "0.0009").await);
    world.result("order.put_limit", r#"[2,"BTCUSD",1,"1","8000","0","0",""]"#).await;
    // Not enough money for one lot.
    expect![[r#"200 {"code":11,"message":"amount too small"}"#]].assert_eq(&market(2, "0.7").await);

    world.shard.apply(Command::SetMarketState { market: MARKET, state: MarketState::Halt });
    expect![[r#"200 {"code":20,"message":"market not trading","reason":"market_halted"}"#]]
        .assert_eq(&limit(1, "1", "1").await);
}

#[tokio::test]
async fn cancel_gives_the_order_as_it_ended() {
    let world = World::new().await;
    world.fund_two();
    world.result("order.put_limit", r#"[1,"BTCUSD",1,"1","8000","0.002","0.001","web"]"#).await;
    world.result("order.put_limit", r#"[2,"BTCUSD",2,"0.25","8000","0.002","0.001",""]"#).await;
    let error = async |params| world.error("order.cancel", params).await;
    expect![[r#"200 {"code":10,"message":"order not found"}"#]].assert_eq(&error(r#"[1,"BTCUSD",99]"#).await);
    expect![[r#"200 {"code":11,"message":"user not match"}"#]].assert_eq(&error(r#"[2,"BTCUSD",1]"#).await);
    expect![[r#"200 {"code":1,"message":"invalid argument"}"#]].assert_eq(&error(r#"[1,"ETHUSD",1]"#).await);
    let cancelled = world.result("order.cancel", r#"[1,"BTCUSD",1]"#).await;
    expect![[r#"{"id":1,"market":"BTCUSD","source":"web","type":1,"side":1,"user":1,"ctime":1700000002.5,"mtime":1700000002.75,"price":"8000","amount":"1","taker_fee":"0.002","maker_fee":"0.001","left":"0.75","deal_stock":"0.25","deal_money":"2000","deal_fee":"2"}"#]]
        .assert_eq(&cancelled);
    expect![[r#"200 {"code":10,"message":"order not found"}"#]].assert_eq(&error(r#"[1,"BTCUSD",1]"#).await);
    expect![[r#"{"BTC":{"available":"9.75","freeze":"0"}}"#]]
        .assert_eq(&world.result("balance.query", r#"[1,"BTC"]"#).await);
}

/// Of orders from before the role's start, history tells the fee; without it there is none, but the cancel.
#[tokio::test]
async fn fees_from_before_the_start() {
    let world = World::new().await;
    world.fund_two();
    world.result("order.put_limit", r#"[1,"BTCUSD",1,"1","8000","0.002","0.001","web"]"#).await;
    world.result("order.put_limit", r#"[1,"BTCUSD",1,"1","8001","0.002","0.001","web"]"#).await;
    world.result("order.put_limit", r#"[2,"BTCUSD",2,"1.25","8001","0.002","0.001",""]"#).await;
    let detail = async || world.result("order.pending_detail", r#"["BTCUSD",2]"#).await;
    assert!(detail().await.ends_with(r#""deal_money":"2000.25","deal_fee":"2.00025"}"#));
    world.lose_bus().await;
    assert!(detail().await.ends_with(r#""deal_fee":null}"#));
    // History that has not heard of the fill yet does not count.
    world.history.orders.lock().expect("lock").push(in_history(2, "0.2499", ("USD", "1.0000000000")));
    assert!(detail().await.ends_with(r#""deal_fee":null}"#));
    world.history.orders.lock().expect("lock")[0] = in_history(2, "0.2500", ("USD", "2.0002500000"));
    assert!(detail().await.ends_with(r#""deal_fee":"2.00025"}"#));
    *world.history.failure.lock().expect("lock") = Some(tonic::Code::Unavailable);
    let cancelled = world.result("order.cancel", r#"[1,"BTCUSD",2]"#).await;
    assert!(cancelled.ends_with(r#""deal_money":"2000.25","deal_fee":null}"#), "{cancelled}");
    // Those placed since are known again.
    world.result("order.put_limit", r#"[1,"BTCUSD",1,"1","7000","0.002","0.001","web"]"#).await;
    world.result("order.put_limit", r#"[2,"BTCUSD",2,"0.5","7000","0.002","0.001",""]"#).await;
    let cancelled = world.result("order.cancel", r#"[1,"BTCUSD",4]"#).await;
    assert!(cancelled.ends_with(r#""deal_money":"3500","deal_fee":"3.5"}"#), "{cancelled}");
}

#[tokio::test]
async fn a_cancel_that_overtook_its_question() {
    let world = World::new().await;
    world.fund_two();
    world.result("order.put_limit", r#"[1,"BTCUSD",1,"1","8000","0.002","0.001","web"]"#).await;
    world.shard.blind();
    world.history.orders.lock().expect("lock").push(HistoryOrder {
        order: 1,
        user: 1,
        side: 1,
        price: "8000.00".to_owned(),
        qty: "1.0000".to_owned(),
        maker_fee_rate: "0.00100000".to_owned(),
        taker_fee_rate: "0.00200000".to_owned(),
        source: "web".to_owned(),
        created_us: T0,
        updated_us: T0,
        finished_us: T0 + 1,
        ..HistoryOrder::default()
    });
    let cancelled = world.result("order.cancel", r#"[1,"BTCUSD",1]"#).await;
    expect![[r#"{"id":1,"market":"BTCUSD","source":"web","type":1,"side":1,"user":1,"ctime":1700000000.0,"mtime":1700000000.0,"price":"8000","amount":"1","taker_fee":"0.002","maker_fee":"0.001","left":"1","deal_stock":"0","deal_money":"0","deal_fee":"0"}"#]]
        .assert_eq(&cancelled);
}

#[tokio::test]
async fn a_client_id_makes_sending_again_safe() {
    let world = World::new().await;
    world.fund_two();
    let params = r#"[1,"BTCUSD",1,"1","8000","0.002","0.001","web",{"client_id":"a-1"}]"#;
    let first = world.result("order.put_limit", params).await;
    let again = world.result("order.put_limit", params).await;
    assert_eq!(first, again);
    let other = world.error("order.put_limit", &params.replace("8000", "8001")).await;
    expect![[r#"200 {"code":22,"message":"client id conflict","reason":"client_id_conflict"}"#]].assert_eq(&other);
    let pending = world.result("order.pending", r#"[1,"BTCUSD",0,101]"#).await;
    assert!(pending.contains(r#""total":1,"#), "{pending}");
}

#[tokio::test]
async fn book_pending_and_detail_show_open_orders() {
    let world = World::new().await;
    world.fund_two();
    for price in ["8002", "8000", "8001"] {
        let params = format!(r#"[1,"BTCUSD",1,"1","{price}","0.002","0.001","s"]"#);
        world.result("order.put_limit", &params).await;
    }
    world.result("order.put_limit", r#"[2,"BTCUSD",2,"0.5","8000","0.002","0.001",""]"#).await;
    let book = world.result("order.book", r#"["BTCUSD",1,0,2]"#).await;
    expect![[r#"{"offset":0,"limit":2,"total":3,"orders":[{"id":2,"market":"BTCUSD","source":"s","type":1,"side":1,"user":1,"ctime":1700000002.75,"mtime":1700000003.25,"price":"8000","amount":"1","taker_fee":"0.002","maker_fee":"0.001","left":"0.5","deal_stock":"0.5","deal_money":"4000","deal_fee":"4"},{"id":3,"market":"BTCUSD","source":"s","type":1,"side":1,"user":1,"ctime":1700000003.0,"mtime":1700000003.0,"price":"8001","amount":"1","taker_fee":"0.002","maker_fee":"0.001","left":"1","deal_stock":"0","deal_money":"0","deal_fee":"0"}]}"#]]
        .assert_eq(&book);
    let pending = world.result("order.pending", r#"[1,"BTCUSD",2,101]"#).await;
    expect![[r#"{"limit":101,"offset":2,"total":3,"records":[{"id":1,"market":"BTCUSD","source":"s","type":1,"side":1,"user":1,"ctime":1700000002.5,"mtime":1700000002.5,"price":"8002","amount":"1","taker_fee":"0.002","maker_fee":"0.001","left":"1","deal_stock":"0","deal_money":"0","deal_fee":"0"}]}"#]]
        .assert_eq(&pending);
    let detail = world.result("order.pending_detail", r#"["BTCUSD",3]"#).await;
    expect![[r#"{"id":3,"market":"BTCUSD","source":"s","type":1,"side":1,"user":1,"ctime":1700000003.0,"mtime":1700000003.0,"price":"8001","amount":"1","taker_fee":"0.002","maker_fee":"0.001","left":"1","deal_stock":"0","deal_money":"0","deal_fee":"0"}"#]]
        .assert_eq(&detail);
    assert_eq!(world.result("order.pending_detail", r#"["BTCUSD",99]"#).await, "null");
    let empty = world.result("order.pending", r#"[9,"BTCUSD",0,1]"#).await;
    assert_eq!(empty, r#"{"limit":1,"offset":0,"total":0,"records":[]}"#);
}

#[tokio::test]
async fn depth_merges_at_the_outer_edge() {
    let world = World::new().await;
    world.fund_two();
    for (side, price, amount) in [
        (1, "8000.01", "1"),
        (1, "8000.99", "2"),
        (1, "8001.5", "0.5"),
        (2, "7999.99", "1"),
        (2, "7999.01", "0.5"),
        (2, "7998", "0.25"),
    ] {
        let params = format!(r#"[1,"BTCUSD",{side},"{amount}","{price}","0","0",""]"#);
        world.result("order.put_limit", &params).await;
    }
    let depth = async |limit, interval| {
        let params = format!(r#"["BTCUSD",{limit},"{interval}"]"#);
        world.result("order.depth", &params).await
    };
    expect![[r#"{"asks":[["8000.01","1"],["8000.99","2"]],"bids":[["7999.99","1"],["7999.01","0.5"]]}"#]]
        .assert_eq(&depth(2, "0").await);
    expect![[r#"{"asks":[["8001","3"],["8002","0.5"]],"bids":[["7999","1.5"],["7998","0.25"]]}"#]]
        .assert_eq(&depth(101, "1").await);
    expect![[r#"{"asks":[["8001","3"]],"bids":[["7999","1.5"]]}"#]].assert_eq(&depth(1, "1.00").await);
    expect![[r#"{"asks":[["10000","3.5"]],"bids":[["0","1.75"]]}"#]].assert_eq(&depth(5, "10000").await);
    expect![[r#"{"asks":[],"bids":[]}"#]].assert_eq(&depth(0, "1").await);
    for interval in ["0.001", "-1", "x", "", "1e2"] {
        let error = world.error("order.depth", &format!(r#"["BTCUSD",5,"{interval}"]"#)).await;
        assert_eq!(error, r#"200 {"code":1,"message":"invalid argument"}"#, "{interval}");
    }
}
