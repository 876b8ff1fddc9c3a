//! The answers, byte for byte.

use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::command::{Command, NewOrder, Side};
use expect_test::{Expect, expect};
use serde_json::Value;

use super::{BTCUSDT, traded};
use crate::world::{ALICE, BOB, World};

async fn check(world: &World, target: &str, wanted: Expect) {
    wanted.assert_eq(&world.get(&format!("/api/v3/{target}")).await.text());
}

#[tokio::test]
async fn books_and_trades() {
    let world = &traded().await;
    check(world, "depth?symbol=BTCUSDT", expect![[r#"200 {"lastUpdateId":37,"bids":[["49900.00000000","0.00270000"],["49800.00000000","0.00200000"]],"asks":[["50005.00000000","0.00035000"],["50100.00000000","0.00500000"]]}"#]]).await;
    check(
        world,
        "depth?symbol=BTCUSDT&limit=1",
        expect![[r#"200 {"lastUpdateId":37,"bids":[["49900.00000000","0.00270000"]],"asks":[["50005.00000000","0.00035000"]]}"#]],
    )
    .await;
    check(world, "depth?symbol=ETHUSDT", expect![[r#"200 {"lastUpdateId":37,"bids":[],"asks":[]}"#]]).await;
    check(world, "trades?symbol=BTCUSDT", expect![[r#"200 [{"id":1,"price":"50000.00000000","qty":"0.00040000","quoteQty":"20.00000000","time":1767323045000,"isBuyerMaker":false,"isBestMatch":true},{"id":2,"price":"50000.00000000","qty":"0.00060000","quoteQty":"30.00000000","time":1767323046000,"isBuyerMaker":false,"isBestMatch":true},{"id":3,"price":"50000.00000000","qty":"0.00025000","quoteQty":"12.50000000","time":1767323046000,"isBuyerMaker":false,"isBestMatch":true},{"id":4,"price":"50005.00000000","qty":"0.00015000","quoteQty":"7.50075000","time":1767323046000,"isBuyerMaker":false,"isBestMatch":true},{"id":5,"price":"49900.00000000","qty":"0.00030000","quoteQty":"14.97000000","time":1767323047000,"isBuyerMaker":true,"isBestMatch":true}]"#]]).await;
    check(world, "trades?symbol=BTCUSDT&limit=1", expect![[r#"200 [{"id":5,"price":"49900.00000000","qty":"0.00030000","quoteQty":"14.97000000","time":1767323047000,"isBuyerMaker":true,"isBestMatch":true}]"#]]).await;
    check(world, "historicalTrades?symbol=BTCUSDT&fromId=2&limit=2", expect![[r#"200 [{"id":2,"price":"50000.00000000","qty":"0.00060000","quoteQty":"30.00000000","time":1767323046000,"isBuyerMaker":false,"isBestMatch":true},{"id":3,"price":"50000.00000000","qty":"0.00025000","quoteQty":"12.50000000","time":1767323046000,"isBuyerMaker":false,"isBestMatch":true}]"#]]).await;
    check(world, "historicalTrades?symbol=BTCUSDT&limit=1", expect![[r#"200 [{"id":5,"price":"49900.00000000","qty":"0.00030000","quoteQty":"14.97000000","time":1767323047000,"isBuyerMaker":true,"isBestMatch":true}]"#]]).await;
    check(world, "historicalBlockTrades?symbol=BTCUSDT&fromId=0", expect!["200 []"]).await;
    check(world, "trades?symbol=ETHUSDT", expect!["200 []"]).await;
}

#[tokio::test]
async fn aggregates() {
    let world = &traded().await;
    check(world, "aggTrades?symbol=BTCUSDT", expect![[r#"200 [{"a":1,"p":"50000.00000000","q":"0.00040000","f":1,"l":1,"T":1767323045000,"m":false,"M":true},{"a":2,"p":"50000.00000000","q":"0.00085000","f":2,"l":3,"T":1767323046000,"m":false,"M":true},{"a":3,"p":"50005.00000000","q":"0.00015000","f":4,"l":4,"T":1767323046000,"m":false,"M":true},{"a":4,"p":"49900.00000000","q":"0.00030000","f":5,"l":5,"T":1767323047000,"m":true,"M":true}]"#]]).await;
    check(world, "aggTrades?symbol=BTCUSDT&limit=2", expect![[r#"200 [{"a":3,"p":"50005.00000000","q":"0.00015000","f":4,"l":4,"T":1767323046000,"m":false,"M":true},{"a":4,"p":"49900.00000000","q":"0.00030000","f":5,"l":5,"T":1767323047000,"m":true,"M":true}]"#]]).await;
    // Ids are without a gap; the aggregate 2 has two trades.
    check(
        world,
        "aggTrades?symbol=BTCUSDT&fromId=2&limit=1",
        expect![[
            r#"200 [{"a":2,"p":"50000.00000000","q":"0.00085000","f":2,"l":3,"T":1767323046000,"m":false,"M":true}]"#
        ]],
    )
    .await;
    check(
        world,
        "aggTrades?symbol=BTCUSDT&fromId=3&limit=1",
        expect![[
            r#"200 [{"a":3,"p":"50005.00000000","q":"0.00015000","f":4,"l":4,"T":1767323046000,"m":false,"M":true}]"#
        ]],
    )
    .await;
    check(world, "aggTrades?symbol=BTCUSDT&fromId=5", expect!["200 []"]).await;
    check(world, "aggTrades?symbol=BTCUSDT&startTime=1767323046000&endTime=1767323046000", expect![[r#"200 [{"a":2,"p":"50000.00000000","q":"0.00085000","f":2,"l":3,"T":1767323046000,"m":false,"M":true},{"a":3,"p":"50005.00000000","q":"0.00015000","f":4,"l":4,"T":1767323046000,"m":false,"M":true}]"#]]).await;
    check(
        world,
        "aggTrades?symbol=BTCUSDT&startTime=1767323046000000&limit=1",
        expect![[
            r#"200 [{"a":2,"p":"50000.00000000","q":"0.00085000","f":2,"l":3,"T":1767323046000,"m":false,"M":true}]"#
        ]],
    )
    .await;
    check(
        world,
        "aggTrades?symbol=BTCUSDT&endTime=1767323046999&limit=1",
        expect![[
            r#"200 [{"a":3,"p":"50005.00000000","q":"0.00015000","f":4,"l":4,"T":1767323046000,"m":false,"M":true}]"#
        ]],
    )
    .await;
    check(world, "aggTrades?symbol=BTCUSDT&startTime=1767323048000", expect!["200 []"]).await;
}

/// Page by page, from any time, and the newest: every aggregate has the same id, whichever way it is asked for.
#[tokio::test]
async fn ids_of_aggregates_have_no_gap() {
    let world = World::new().await;
    // A taker of four trades at two prices, again and again: 1,400 trades in 700 aggregates.
    let order = |user, side, cents, lots| NewOrder::limit(user, BTCUSDT, side, PriceTicks(cents), QtyLots(lots));
    for _ in 0..350 {
        let makers = [(5_000_000, 10), (5_000_000, 20), (5_000_500, 10), (5_000_500, 20)];
        let mut batch: Vec<NewOrder> = makers.map(|(cents, lots)| order(BOB, Side::Sell, cents, lots)).into();
        batch.push(order(ALICE, Side::Buy, 5_000_500, 60));
        world.submit(Command::PlaceBatch(batch)).await;
        world.pass(1_000_000);
    }
    world.caught_up().await;
    let page = async |query: &str| {
        let rows = world.get(&format!("/api/v3/aggTrades?symbol=BTCUSDT&{query}")).await.json();
        let numbers = |row: &Value| ["a", "f", "l", "T"].map(|key| row[key].as_u64().expect("a number"));
        rows.as_array().unwrap_or_else(|| panic!("{rows}")).iter().map(numbers).collect::<Vec<_>>()
    };
    let mut all: Vec<[u64; 4]> = Vec::new();
    loop {
        let from = all.last().map_or(1, |last| last[0] + 1);
        let rows = page(&format!("fromId={from}&limit=97")).await;
        if rows.is_empty() {
            break;
        }
        all.extend(rows);
    }
    assert_eq!(all.len(), 700);
    let mut next = [1, 1];
    for [id, first, last, _] in &all {
        assert_eq!([*id, *first, *last], [next[0], next[1], next[1] + 1]);
        next = [id + 1, last + 1];
    }
    assert_eq!(page("limit=1000").await, all);
    for limit in [1, 2, 249, 250, 251, 499, 500] {
        assert_eq!(page(&format!("limit={limit}")).await, all[700 - limit..], "the newest {limit}");
    }
    for at in [0, 1, 2, 3, 249, 250, 251, 499, 500, 501, 698, 699] {
        let [id, _, _, time] = all[at];
        assert_eq!(page(&format!("fromId={id}&limit=3")).await, all[at..(at + 3).min(700)], "from {id}");
        // The two aggregates of one command have one time.
        let begin = at - at % 2;
        assert_eq!(page(&format!("startTime={time}&limit=5")).await, all[begin..(begin + 5).min(700)], "at {time}");
        assert_eq!(page(&format!("endTime={time}&limit=2")).await, all[begin..begin + 2], "to {time}");
    }
}

#[tokio::test]
async fn klines() {
    let world = &traded().await;
    check(world, "klines?symbol=BTCUSDT&interval=1s", expect![[r#"200 [[1767323045000,"50000.00000000","50000.00000000","50000.00000000","50000.00000000","0.00040000",1767323045999,"20.00000000",1,"0.00040000","20.00000000","0"],[1767323046000,"50000.00000000","50005.00000000","50000.00000000","50005.00000000","0.00100000",1767323046999,"50.00075000",3,"0.00100000","50.00075000","0"],[1767323047000,"49900.00000000","49900.00000000","49900.00000000","49900.00000000","0.00030000",1767323047999,"14.97000000",1,"0.00000000","0.00000000","0"]]"#]]).await;
    check(world, "klines?symbol=BTCUSDT&interval=1s&startTime=1767323046000&limit=1", expect![[r#"200 [[1767323046000,"50000.00000000","50005.00000000","50000.00000000","50005.00000000","0.00100000",1767323046999,"50.00075000",3,"0.00100000","50.00075000","0"]]"#]]).await;
    check(world, "klines?symbol=BTCUSDT&interval=1s&startTime=1767323045000&endTime=1767323046000", expect![[r#"200 [[1767323045000,"50000.00000000","50000.00000000","50000.00000000","50000.00000000","0.00040000",1767323045999,"20.00000000",1,"0.00040000","20.00000000","0"],[1767323046000,"50000.00000000","50005.00000000","50000.00000000","50005.00000000","0.00100000",1767323046999,"50.00075000",3,"0.00100000","50.00075000","0"]]"#]])
        .await;
    check(world, "uiKlines?symbol=BTCUSDT&interval=1M&startTime=0&limit=1", expect![[r#"200 [[1767225600000,"50000.00000000","50005.00000000","49900.00000000","49900.00000000","0.00170000",1769903999999,"84.97075000",5,"0.00140000","70.00075000","0"]]"#]]).await;
    check(world, "klines?symbol=BTCUSDT&interval=1d&timeZone=5:45", expect![[r#"200 [[1767291300000,"50000.00000000","50005.00000000","49900.00000000","49900.00000000","0.00170000",1767377699999,"84.97075000",5,"0.00140000","70.00075000","0"]]"#]]).await;
    check(world, "klines?symbol=ETHUSDT&interval=1d", expect!["200 []"]).await;
    for interval in ["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"]
    {
        let rows = world.get(&format!("/api/v3/klines?symbol=BTCUSDT&interval={interval}")).await.json();
        let trades: u64 = rows.as_array().expect("rows").iter().filter_map(|row| row[8].as_u64()).sum();
        assert_eq!(trades, 5, "{interval}");
    }
}

#[tokio::test]
async fn tickers() {
    let world = &traded().await;
    check(
        world,
        "avgPrice?symbol=BTCUSDT",
        expect![[r#"200 {"mins":5,"price":"49982.79411764","closeTime":1767323047000}"#]],
    )
    .await;
    check(world, "avgPrice?symbol=ETHUSDT", expect![[r#"200 {"mins":5,"price":"0.00000000","closeTime":0}"#]]).await;
    check(world, "ticker/24hr?symbol=BTCUSDT", expect![[r#"200 {"symbol":"BTCUSDT","priceChange":"-100.00000000","priceChangePercent":"-0.200","weightedAvgPrice":"49982.79411764","prevClosePrice":"0.00000000","lastPrice":"49900.00000000","lastQty":"0.00030000","bidPrice":"49900.00000000","bidQty":"0.00270000","askPrice":"50005.00000000","askQty":"0.00035000","openPrice":"50000.00000000","highPrice":"50005.00000000","lowPrice":"49900.00000000","volume":"0.00170000","quoteVolume":"84.97075000","openTime":1767236647000,"closeTime":1767323047000,"firstId":1,"lastId":5,"count":5}"#]]).await;
    check(world, "ticker/24hr?symbol=BTCUSDT&type=MINI", expect![[r#"200 {"symbol":"BTCUSDT","openPrice":"50000.00000000","highPrice":"50005.00000000","lowPrice":"49900.00000000","lastPrice":"49900.00000000","volume":"0.00170000","quoteVolume":"84.97075000","openTime":1767236647000,"closeTime":1767323047000,"firstId":1,"lastId":5,"count":5}"#]]).await;
    check(world, "ticker/24hr?symbols=[%22ETHUSDT%22]", expect![[r#"200 [{"symbol":"ETHUSDT","priceChange":"0.00000000","priceChangePercent":"0.000","weightedAvgPrice":"0.00000000","prevClosePrice":"0.00000000","lastPrice":"0.00000000","lastQty":"0.00000000","bidPrice":"0.00000000","bidQty":"0.00000000","askPrice":"0.00000000","askQty":"0.00000000","openPrice":"0.00000000","highPrice":"0.00000000","lowPrice":"0.00000000","volume":"0.00000000","quoteVolume":"0.00000000","openTime":1767236647000,"closeTime":1767323047000,"firstId":-1,"lastId":-1,"count":0}]"#]]).await;
    check(world, "ticker/tradingDay?symbol=BTCUSDT", expect![[r#"200 {"symbol":"BTCUSDT","priceChange":"-100.00000000","priceChangePercent":"-0.200","weightedAvgPrice":"49982.79411764","openPrice":"50000.00000000","highPrice":"50005.00000000","lowPrice":"49900.00000000","lastPrice":"49900.00000000","volume":"0.00170000","quoteVolume":"84.97075000","openTime":1767312000000,"closeTime":1767398399999,"firstId":1,"lastId":5,"count":5}"#]]).await;
    check(world, "ticker/tradingDay?symbols=[%22BTCUSDT%22]&type=MINI&timeZone=-4", expect![[r#"200 [{"symbol":"BTCUSDT","openPrice":"50000.00000000","highPrice":"50005.00000000","lowPrice":"49900.00000000","lastPrice":"49900.00000000","volume":"0.00170000","quoteVolume":"84.97075000","openTime":1767240000000,"closeTime":1767326399999,"firstId":1,"lastId":5,"count":5}]"#]]).await;
    check(world, "ticker?symbol=BTCUSDT", expect![[r#"200 {"symbol":"BTCUSDT","priceChange":"-100.00000000","priceChangePercent":"-0.200","weightedAvgPrice":"49982.79411764","openPrice":"50000.00000000","highPrice":"50005.00000000","lowPrice":"49900.00000000","lastPrice":"49900.00000000","volume":"0.00170000","quoteVolume":"84.97075000","openTime":1767236640000,"closeTime":1767323047000,"firstId":1,"lastId":5,"count":5}"#]]).await;
    check(world, "ticker?symbols=[%22BTCUSDT%22]&windowSize=1m&type=MINI", expect![[r#"200 [{"symbol":"BTCUSDT","openPrice":"50000.00000000","highPrice":"50005.00000000","lowPrice":"49900.00000000","lastPrice":"49900.00000000","volume":"0.00170000","quoteVolume":"84.97075000","openTime":1767322980000,"closeTime":1767323047000,"firstId":1,"lastId":5,"count":5}]"#]]).await;
    check(world, "ticker?symbol=BTCUSDT&windowSize=7d&type=MINI", expect![[r#"200 {"symbol":"BTCUSDT","openPrice":"50000.00000000","highPrice":"50005.00000000","lowPrice":"49900.00000000","lastPrice":"49900.00000000","volume":"0.00170000","quoteVolume":"84.97075000","openTime":1766718240000,"closeTime":1767323047000,"firstId":1,"lastId":5,"count":5}"#]]).await;
    check(world, "ticker/price?symbol=BTCUSDT", expect![[r#"200 {"symbol":"BTCUSDT","price":"49900.00000000"}"#]])
        .await;
    check(
        world,
        "ticker/price?symbols=[%22ETHUSDT%22,%22BTCUSDT%22]",
        expect![[r#"200 [{"symbol":"ETHUSDT","price":"0.00000000"},{"symbol":"BTCUSDT","price":"49900.00000000"}]"#]],
    )
    .await;
    check(world, "ticker/bookTicker?symbol=BTCUSDT", expect![[r#"200 {"symbol":"BTCUSDT","bidPrice":"49900.00000000","bidQty":"0.00270000","askPrice":"50005.00000000","askQty":"0.00035000"}"#]]).await;
    check(
        world,
        "ticker/bookTicker?symbols=[%22ETHUSDT%22]",
        expect![[r#"200 [{"symbol":"ETHUSDT","bidPrice":"0.00000000","bidQty":"0.00000000","askPrice":"0.00000000","askQty":"0.00000000"}]"#]],
    )
    .await;
}

#[tokio::test]
async fn rules() {
    let world = &World::new().await;
    check(world, "exchangeInfo?symbol=BTCUSDT", expect![[r#"200 {"timezone":"UTC","serverTime":1767323045000,"rateLimits":[{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":200000},{"rateLimitType":"RAW_REQUESTS","interval":"MINUTE","intervalNum":5,"limit":300000}],"exchangeFilters":[],"symbols":[{"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","baseAssetPrecision":8,"quoteAsset":"USDT","quotePrecision":8,"quoteAssetPrecision":8,"baseCommissionPrecision":8,"quoteCommissionPrecision":8,"orderTypes":["LIMIT","LIMIT_MAKER","MARKET","STOP_LOSS","STOP_LOSS_LIMIT","TAKE_PROFIT","TAKE_PROFIT_LIMIT"],"icebergAllowed":true,"ocoAllowed":true,"otoAllowed":true,"opoAllowed":false,"quoteOrderQtyMarketAllowed":true,"allowTrailingStop":true,"cancelReplaceAllowed":true,"amendAllowed":true,"pegInstructionsAllowed":false,"isSpotTradingAllowed":true,"isMarginTradingAllowed":false,"filters":[{"filterType":"PRICE_FILTER","minPrice":"0.01000000","maxPrice":"90071992547409.92000000","tickSize":"0.01000000"},{"filterType":"LOT_SIZE","minQty":"0.00001000","maxQty":"11529215046068.46976000","stepSize":"0.00001000"},{"filterType":"TRAILING_DELTA","minTrailingAboveDelta":10,"maxTrailingAboveDelta":2000,"minTrailingBelowDelta":10,"maxTrailingBelowDelta":2000},{"filterType":"PERCENT_PRICE_BY_SIDE","bidMultiplierUp":"5","bidMultiplierDown":"0.2","askMultiplierUp":"5","askMultiplierDown":"0.2","avgPriceMins":5},{"filterType":"NOTIONAL","minNotional":"5.00000000","applyMinToMarket":true,"maxNotional":"10000000000000000000000000000.00000000","applyMaxToMarket":false,"avgPriceMins":5},{"filterType":"ICEBERG_PARTS","limit":10},{"filterType":"MAX_NUM_ORDERS","maxNumOrders":200},{"filterType":"MAX_NUM_ORDER_LISTS","maxNumOrderLists":20},{"filterType":"MAX_NUM_ALGO_ORDERS","maxNumAlgoOrders":5},{"filterType":"MAX_NUM_ORDER_AMENDS","maxNumOrderAmends":10}],"permissions":[],"permissionSets":[["SPOT"]],"defaultSelfTradePreventionMode":"NONE","allowedSelfTradePreventionModes":["NONE","EXPIRE_TAKER","EXPIRE_MAKER","EXPIRE_BOTH","DECREMENT"]}]}"#]]).await;
    check(
        world,
        "executionRules?symbol=BTCUSDT",
        expect![[r#"200 {"symbolRules":[{"symbol":"BTCUSDT","rules":[]}]}"#]],
    )
    .await;
    check(
        world,
        "referencePrice?symbol=BTCUSDT",
        expect![[r#"400 {"code":-2043,"msg":"This symbol doesn't have a reference price."}"#]],
    )
    .await;
    check(world, "exchangeInfo?permissions=MARGIN&showPermissionSets=false", expect![[r#"200 {"timezone":"UTC","serverTime":1767323045000,"rateLimits":[{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":200000},{"rateLimitType":"RAW_REQUESTS","interval":"MINUTE","intervalNum":5,"limit":300000}],"exchangeFilters":[],"symbols":[]}"#]]).await;
    let all = world.get("/api/v3/exchangeInfo").await.json();
    let symbols = all["symbols"].as_array().expect("symbols");
    assert!(
        symbols.len() > 1
            && symbols.iter().all(|one| one["status"] == "TRADING" && one["permissions"] == serde_json::json!([]))
    );
    let none = world.get("/api/v3/exchangeInfo?symbolStatus=HALT").await.json();
    assert_eq!(none["symbols"], serde_json::json!([]));
}
