//! Balances, assets, markets, and what history and market prices tell.

use allin_wire::exchange::v1::{Deal, Fee, HistoryOrder, Kline, LedgerEntry, MarketDeal, TickerReply, UserDeal};
use expect_test::expect;

use super::world::{T0, World};

#[tokio::test]
async fn balances_move_once() {
    let world = World::new().await;
    let update = async |params| world.call("balance.update", params).await;
    let done = update(r#"[1,"BTC","deposit",100,"1.2345",{"txid":"é"}]"#).await;
    expect![[r#"200 {"error":null,"result":{"status":"success"},"id":1}"#]].assert_eq(&done);
    let error = async |params| world.error("balance.update", params).await;
    let repeat = r#"200 {"code":10,"message":"repeat update"}"#;
    assert_eq!(error(r#"[1,"BTC","deposit",100,"1.2345",{}]"#).await, repeat);
    assert_eq!(error(r#"[1,"BTC","deposit",100,"9",{}]"#).await, repeat);
    assert_eq!(error(r#"[1,"BTC","deposit",100,"-1",{}]"#).await, repeat);
    let not_enough = r#"200 {"code":11,"message":"balance not enough"}"#;
    assert_eq!(error(r#"[1,"BTC","withdraw",100,"-1.2346",{}]"#).await, not_enough);
    assert_eq!(error(r#"[7,"BTC","withdraw",100,"-1",{}]"#).await, not_enough);
    // The house has nothing to give.
    assert_eq!(error(r#"[1,"BTC","airdrop",1,"1",{}]"#).await, not_enough);
    assert_eq!(
        world.result("balance.update", r#"[1,"BTC","withdraw",100,"-0.2345",{}]"#).await,
        r#"{"status":"success"}"#
    );
    assert_eq!(world.result("balance.query", r#"[1,"BTC"]"#).await, r#"{"BTC":{"available":"1","freeze":"0"}}"#);
    for change in ["0", "-0", "1e1", "1.000000001", "", "+1", "1000000000000000000000000000000000000000"] {
        let params = format!(r#"[1,"BTC","deposit",7,"{change}",{{}}]"#);
        assert!(
            world.error("balance.update", &params).await.starts_with(r#"200 {"code":1,"message":"invalid argument""#),
            "{change}"
        );
    }
}

#[tokio::test]
async fn balances_are_shown_cut_to_their_display_decimals() {
    let world = World::new().await;
    world.result("balance.update", r#"[1,"USD","deposit",1,"10.1299999999",{}]"#).await;
    world.result("order.put_limit", r#"[1,"BTCUSD",2,"0.001","1000","0","0",""]"#).await;
    let all = world.result("balance.query", "[1]").await;
    expect![[r#"{"BTC":{"available":"0","freeze":"0"},"USD":{"available":"9.12","freeze":"1"}}"#]].assert_eq(&all);
    let some = world.result("balance.query", r#"[2,"USD","BTC","USD"]"#).await;
    expect![[r#"{"USD":{"available":"0","freeze":"0"},"BTC":{"available":"0","freeze":"0"}}"#]].assert_eq(&some);
    let summary = world.result("asset.summary", r#"["USD"]"#).await;
    expect![[r#"[{"name":"USD","total_balance":"10.1299999999","available_count":1,"available_balance":"9.1299999999","freeze_count":1,"freeze_balance":"1"}]"#]].assert_eq(&summary);
    let summary = world.result("asset.summary", "[]").await;
    assert_eq!(summary.matches("name").count(), 2, "{summary}");
}

#[tokio::test]
async fn assets_and_markets_are_listed() {
    let world = World::new().await;
    world.fund_two();
    world.result("order.put_limit", r#"[1,"BTCUSD",1,"1.5","8000","0","0",""]"#).await;
    world.result("order.put_limit", r#"[1,"BTCUSD",1,"1","8001","0","0",""]"#).await;
    let assets = world.result("asset.list", "[]").await;
    expect![[r#"[{"name":"BTC","prec":8},{"name":"USD","prec":2}]"#]].assert_eq(&assets);
    let markets = world.result("market.list", "[]").await;
    expect![[r#"[{"name":"BTCUSD","stock":"BTC","money":"USD","fee_prec":8,"stock_prec":4,"money_prec":2,"min_amount":"0.001"}]"#]].assert_eq(&markets);
    let summary = world.result("market.summary", "[]").await;
    expect![[r#"[{"name":"BTCUSD","ask_count":2,"ask_amount":"2.5","bid_count":0,"bid_amount":"0"}]"#]]
        .assert_eq(&summary);
    assert_eq!(world.result("market.summary", r#"["BTCUSD"]"#).await, summary);
}

#[tokio::test]
async fn history_of_balances() {
    let world = World::new().await;
    let entry = |detail: &str| LedgerEntry {
        at_us: T0 + 1,
        user: 1,
        asset: "BTC".to_owned(),
        business: "deposit".to_owned(),
        business_id: 5,
        change: "1.50000000".to_owned(),
        balance: "10.00000000".to_owned(),
        detail: detail.to_owned(),
        seq: 9,
    };
    world.history.ledger.lock().expect("lock").extend([entry(r#"{"id":5,"a":[1]}"#), entry("broken")]);
    let records = world.result("balance.history", r#"[1,"BTC","deposit,trade",10,20,0,101]"#).await;
    expect![[r#"{"offset":0,"limit":101,"records":[{"time":1700000000.000001,"asset":"BTC","business":"deposit","change":"1.5","balance":"10","detail":{"id":5,"a":[1]}},{"time":1700000000.000001,"asset":"BTC","business":"deposit","change":"1.5","balance":"10","detail":{}}]}"#]].assert_eq(&records);
    expect![[r#"LedgerRequest { user: 1, asset: "BTC", business: ["deposit", "trade"], start_us: 10000000, end_us: 20000000, offset: 0, limit: 101 }"#]].assert_eq(&world.history.asked.lock().expect("lock")[0]);
    let unknown = world.result("balance.history", r#"[1,"XRP","",0,0,3,1]"#).await;
    assert_eq!(unknown, r#"{"offset":3,"limit":1,"records":[]}"#);
}

fn finished(order: u64, filled: &str) -> HistoryOrder {
    HistoryOrder {
        order,
        user: 1,
        market: "BTCUSD".to_owned(),
        side: 2,
        kind: "LIMIT".to_owned(),
        price: "8000.00".to_owned(),
        qty: "1.0000".to_owned(),
        quote_order_qty: "0.0000000000".to_owned(),
        filled: filled.to_owned(),
        filled_quote: "8000.0000000000".to_owned(),
        fees: vec![
            Fee { asset: "BTC".to_owned(), amount: "0.00200000".to_owned() },
            Fee { asset: "USD".to_owned(), amount: "1.0000000000".to_owned() },
        ],
        maker_fee_rate: "0.00100000".to_owned(),
        taker_fee_rate: "0.00200000".to_owned(),
        source: "web".to_owned(),
        created_us: T0,
        updated_us: T0 + 1_500_000,
        finished_us: T0 + 1_500_000,
        ..HistoryOrder::default()
    }
}

#[tokio::test]
async fn finished_orders_are_those_that_traded() {
    let world = World::new().await;
    let by_money = HistoryOrder {
        kind: "MARKET".to_owned(),
        price: "0.00".to_owned(),
        qty: "0.0000".to_owned(),
        quote_order_qty: "8000.5000000000".to_owned(),
        ..finished(8, "1.0000")
    };
    let open = HistoryOrder { finished_us: 0, ..finished(6, "0.5000") };
    let orders = [finished(9, "1.0000"), finished(7, "0.0000"), by_money, finished(5, "0.0001")];
    world.history.orders.lock().expect("lock").extend(orders);
    let first = r#"{"id":9,"ctime":1700000000.0,"ftime":1700000001.5,"user":1,"market":"BTCUSD","source":"web","type":1,"side":2,"price":"8000","amount":"1","taker_fee":"0.002","maker_fee":"0.001","deal_stock":"1","deal_money":"8000","deal_fee":"0.002"}"#;
    let page = world.result("order.finished", r#"[1,"BTCUSD",0,0,0,1]"#).await;
    assert_eq!(page, format!(r#"{{"offset":0,"limit":1,"records":[{first}]}}"#));
    let page = world.result("order.finished", r#"[1,"BTCUSD",0,0,1,1,2]"#).await;
    expect![[r#"{"offset":1,"limit":1,"records":[{"id":8,"ctime":1700000000.0,"ftime":1700000001.5,"user":1,"market":"BTCUSD","source":"web","type":2,"side":2,"price":"0","amount":"8000.5","taker_fee":"0.002","maker_fee":"0","deal_stock":"1","deal_money":"8000","deal_fee":"0.002"}]}"#]].assert_eq(&page);
    let page = world.result("order.finished", r#"[1,"BTCUSD",0,0,2,101]"#).await;
    assert!(page.contains(r#""id":5"#) && !page.contains(r#""id":7"#), "{page}");
    assert_eq!(world.result("order.finished", r#"[1,"NONE",0,0,0,1]"#).await, r#"{"offset":0,"limit":1,"records":[]}"#);
    world.history.orders.lock().expect("lock").push(open);
    assert_eq!(world.result("order.finished_detail", "[9]").await, first);
    for absent in ["[6]", "[7]", "[99]"] {
        assert_eq!(world.result("order.finished_detail", absent).await, "null");
    }
}

#[tokio::test]
async fn deals_of_orders_users_and_markets() {
    let world = World::new().await;
    let deal = UserDeal {
        trade: 5,
        market: "BTCUSD".to_owned(),
        at_us: T0,
        order: 1,
        user: 1,
        counter_order: 2,
        side: 1,
        maker: true,
        price: "8000.00".to_owned(),
        qty: "0.5000".to_owned(),
        quote: "4000.0000000000".to_owned(),
        fee: "4.0000000000".to_owned(),
        fee_asset: "USD".to_owned(),
        counter_user: 2,
        list: 0,
    };
    world.history.deals.lock().expect("lock").push(deal);
    let deals = world.result("order.deals", "[1,0,10]").await;
    expect![[r#"{"offset":0,"limit":10,"records":[{"time":1700000000.0,"user":1,"id":5,"role":1,"price":"8000","amount":"0.5","deal":"4000","fee":"4","deal_order_id":2}]}"#]].assert_eq(&deals);
    let deals = world.result("market.user_deals", r#"[1,"BTCUSD",0,10]"#).await;
    expect![[r#"{"offset":0,"limit":10,"records":[{"time":1700000000.0,"user":1,"id":5,"side":1,"role":1,"price":"8000","amount":"0.5","deal":"4000","fee":"4","deal_order_id":2,"market":"BTCUSD"}]}"#]].assert_eq(&deals);

    let newest = |trade| Deal {
        trade,
        at_us: T0 + trade,
        price: "8000.10".to_owned(),
        qty: "0.1000".to_owned(),
        taker_is_buyer: trade % 2 == 0,
        quote: String::new(),
    };
    let older = |trade| MarketDeal {
        trade,
        at_us: T0 + trade,
        price: "1.00".to_owned(),
        qty: "1.0000".to_owned(),
        ..MarketDeal::default()
    };
    world.prices.deals.lock().expect("lock").extend((1..=3000).rev().map(newest));
    world.history.market_deals.lock().expect("lock").extend((1..=2900).map(older));
    let two = world.result("market.deals", r#"["BTCUSD",2,0]"#).await;
    expect![[r#"[{"id":3000,"time":1700000000.003,"price":"8000.1","amount":"0.1","type":"buy"},{"id":2999,"time":1700000000.002999,"price":"8000.1","amount":"0.1","type":"sell"}]"#]].assert_eq(&two);
    assert_eq!(world.result("market.deals", r#"["BTCUSD",2,3000]"#).await, "[]");
    for (limit, after, want) in [
        (10_000, 0, (1..=3000)),
        (1500, 0, (1501..=3000)),
        (10_000, 2500, (2501..=3000)),
        (10_000, 1990, (1991..=3000)),
    ] {
        let all = world.result("market.deals", &format!(r#"["BTCUSD",{limit},{after}]"#)).await;
        let all: serde_json::Value = serde_json::from_str(&all).expect("JSON");
        let ids: Vec<u64> =
            all.as_array().expect("an array").iter().map(|deal| deal["id"].as_u64().expect("an id")).collect();
        assert_eq!(ids, want.rev().collect::<Vec<_>>(), "{limit} {after}");
    }
}

#[tokio::test]
async fn prices_and_status() {
    let world = World::new().await;
    assert_eq!(world.result("market.last", r#"["BTCUSD"]"#).await, r#""0""#);
    let none = world.result("market.status", r#"["BTCUSD",86400]"#).await;
    expect![[r#"{"period":86400,"last":"0","open":"0","close":"0","high":"0","low":"0","volume":"0","deal":"0"}"#]]
        .assert_eq(&none);
    let none = world.result("market.status_today", r#"["BTCUSD"]"#).await;
    expect![[r#"{"open":"0","last":"0","high":"0","low":"0","volume":"0","deal":"0"}"#]].assert_eq(&none);

    *world.prices.last.lock().expect("lock") = "8000.00".to_owned();
    *world.prices.window.lock().expect("lock") = TickerReply {
        open: "1.00".to_owned(),
        high: "4.00".to_owned(),
        low: "0.50".to_owned(),
        last: "2.00".to_owned(),
        volume: "3.0000".to_owned(),
        quote_volume: "6.5000000000".to_owned(),
        trades: 2,
        ..TickerReply::default()
    };
    *world.prices.today.lock().expect("lock") =
        TickerReply { previous_close: "7.10".to_owned(), ..TickerReply::default() };
    assert_eq!(world.result("market.last", r#"["BTCUSD"]"#).await, r#""8000""#);
    let status = world.result("market.status", r#"["BTCUSD",60]"#).await;
    expect![[r#"{"period":60,"last":"8000","open":"1","close":"2","high":"4","low":"0.5","volume":"3","deal":"6.5"}"#]]
        .assert_eq(&status);
    let today = world.result("market.status_today", r#"["BTCUSD"]"#).await;
    expect![[r#"{"open":"7.1","last":"7.1","high":"7.1","low":"7.1","volume":"3","deal":"6.5"}"#]].assert_eq(&today);
}

/// Bars of `seconds` from `start` on; a price of 0 is a bar without trades at the last price.
fn bars(seconds: u64, start: u64, prices: &[u64]) -> Vec<Kline> {
    let mut last = 0;
    let bar = |nth: usize, price: &u64| {
        let (trades, high) = if *price == 0 { (0, last) } else { (1, *price + 1) };
        last = if *price == 0 { last } else { *price };
        Kline {
            open_us: (start + nth as u64 * seconds) * 1_000_000,
            close_us: (start + (nth as u64 + 1) * seconds) * 1_000_000 - 1,
            open: format!("{last}.00"),
            high: format!("{high}.00"),
            low: format!("{last}.00"),
            close: format!("{last}.00"),
            volume: format!("{trades}.0000"),
            quote_volume: format!("{}.0000000000", trades * last),
            trades,
            ..Kline::default()
        }
    };
    prices.iter().enumerate().map(bar_fn(bar)).collect()
}

fn bar_fn(mut bar: impl FnMut(usize, &u64) -> Kline) -> impl FnMut((usize, &u64)) -> Kline {
    move |(nth, price)| bar(nth, price)
}

#[tokio::test]
async fn klines_of_every_interval() {
    let world = World::new().await;
    let minute = 1_700_000_040;
    let all = [("1m", bars(60, minute, &[10, 12, 0, 0, 0, 9])), ("1s", bars(1, minute, &[5, 0, 6]))];
    for (interval, bars) in all {
        world.prices.klines.lock().expect("lock").extend(bars.into_iter().map(|bar| (interval, bar)));
    }
    let kline = async |start: u64, end: u64, interval: u32| {
        world.result("market.kline", &format!(r#"["BTCUSD",{start},{end},{interval}]"#)).await
    };
    // As they are; a start within a bar gives that bar, an end gives the bar that begins there.
    let plain = kline(minute + 61, minute + 120, 60).await;
    expect![[
        r#"[[1700000100,"12","12","13","12","1","12","BTCUSD"],[1700000160,"12","12","12","12","0","0","BTCUSD"]]"#
    ]]
    .assert_eq(&plain);
    // Two minutes of one: empty bars do not count, unless there are no others.
    let merged = kline(minute, minute + 1000, 120).await;
    expect![[r#"[[1700000040,"10","12","13","10","2","22","BTCUSD"],[1700000160,"12","12","12","12","0","0","BTCUSD"],[1700000280,"9","9","10","9","1","9","BTCUSD"]]"#]].assert_eq(&merged);
    let seconds = kline(minute, minute + 9, 2).await;
    expect![[r#"[[1700000040,"5","5","6","5","1","5","BTCUSD"],[1700000042,"6","6","7","6","1","6","BTCUSD"]]"#]]
        .assert_eq(&seconds);
    // Start beyond the present.
    assert_eq!(
        world.error("market.kline", r#"["BTCUSD",99999999998,99999999999,60]"#).await,
        r#"200 {"code":1,"message":"invalid argument"}"#
    );
}

#[tokio::test]
async fn klines_of_weeks_and_months_begin_where_the_calendar_says() {
    let world = World::new().await;
    let (january, february, march) = (1_704_067_200, 1_706_745_600, 1_709_251_200);
    let mut months = bars(february - january, january, &[1]);
    months.extend(bars(march - february, february, &[2]));
    months.extend(bars(31 * 86_400, march, &[3]));
    world.prices.klines.lock().expect("lock").extend(months.into_iter().map(|bar| ("1M", bar)));
    let monday = 1_704_067_200;
    let weeks = bars(7 * 86_400, monday, &[4, 5]);
    world.prices.klines.lock().expect("lock").extend(weeks.into_iter().map(|bar| ("1w", bar)));
    let kline = async |start: u64, end: u64, interval: u32| {
        world.result("market.kline", &format!(r#"["BTCUSD",{start},{end},{interval}]"#)).await
    };
    let months = kline(march, march + 1, 2_592_000).await;
    expect![[r#"[[1709251200,"3","3","4","3","1","3","BTCUSD"]]"#]].assert_eq(&months);
    let months = kline(february + 5, march, 2_592_000).await;
    expect![[r#"[[1706745600,"2","2","3","2","1","2","BTCUSD"],[1709251200,"3","3","4","3","1","3","BTCUSD"]]"#]]
        .assert_eq(&months);
    let weeks = kline(monday + 600_000, monday + 700_000, 604_800).await;
    expect![[r#"[[1704067200,"4","4","5","4","1","4","BTCUSD"],[1704672000,"5","5","6","5","1","5","BTCUSD"]]"#]]
        .assert_eq(&weeks);
}
