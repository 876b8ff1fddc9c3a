//! Every endpoint of the spot API by both of its doors.

use allin_landry::spotapi::{SpotApiSection, endpoint};
use serde_json::{Value, json};

use super::faults;
use crate::world::World;
use crate::wsapi::client::{Client, signed};

/// Fields that are there only where they say something.
const EXTRAS: &str = "stopPrice?:d icebergQty?:d trailingDelta?:i trailingTime?:i strategyId?:i strategyType?:i \
     preventedMatchId?:i preventedQuantity?:d expiryReason?:s";
const ACK: &str = "{symbol:s orderId:i orderListId:i clientOrderId:s transactTime:i}";
const AMOUNTS: &str = "price:d origQty:d executedQty:d origQuoteOrderQty:d cummulativeQuoteQty:d status:s timeInForce:s \
     type:s side:s selfTradePreventionMode:s";
const HEAD: &str = "symbol:s orderId:i orderListId:i clientOrderId:s";
const LIST: &str = "orderListId:i contingencyType:s listStatusType:s listOrderStatus:s listClientOrderId:s \
     transactionTime:i symbol:s orders:[{symbol:s orderId:i clientOrderId:s}]";
const CHANGE: &str = "priceChange:d priceChangePercent:d weightedAvgPrice:d";
const WINDOW: &str = "symbol:s openPrice:d highPrice:d lowPrice:d lastPrice:d volume:d quoteVolume:d openTime:i \
     closeTime:i firstId:i lastId:i count:i";
const TRADE: &str = "[{id:i price:d qty:d quoteQty:d time:i isBuyerMaker:b isBestMatch:b}]";
const KLINE: &str = "[(i d d d d d i d i d d d)]";
const SIDED: &str = "{maker:d taker:d buyer:d seller:d}";
const RATES: &str = "{maker:d taker:d}";
const DISCOUNT: &str = "{enabledForAccount:b enabledForSymbol:b discountAsset:s|n discount:d}";
const LIMIT: &str = "{rateLimitType:s interval:s intervalNum:i limit:i count:i}";

fn report() -> String {
    format!("{{{HEAD} transactTime:i workingTime:i {AMOUNTS} {EXTRAS}}}")
}

fn full() -> String {
    let fill = "{price:d qty:d commission:d commissionAsset:s tradeId:i}";
    let prevented =
        "{preventedMatchId:i makerSymbol:s makerOrderId:i price:d takerPreventedQuantity?:d makerPreventedQuantity?:d}";
    format!(
        "{{{HEAD} transactTime:i workingTime:i fills:[{fill}]? preventedMatches?:[{prevented}] {AMOUNTS} {EXTRAS}}}"
    )
}

fn cancelled() -> String {
    format!("{{{HEAD} origClientOrderId:s transactTime:i {AMOUNTS} {EXTRAS}}}")
}

fn query() -> String {
    let extras = EXTRAS.replace("stopPrice?:d icebergQty?:d", "stopPrice:d icebergQty:d");
    format!("{{{HEAD} {AMOUNTS} time:i updateTime:i isWorking:b workingTime:i {extras}}}")
}

fn amended(list: &str) -> String {
    let order = format!(
        "{HEAD} origClientOrderId:s price:d qty:d executedQty:d preventedQty:d quoteOrderQty:d cumulativeQuoteQty:d status:s \
         timeInForce:s type:s side:s workingTime?:i selfTradePreventionMode:s {EXTRAS}"
    );
    format!("{{transactTime:i executionId:i amendedOrder:{{{order}}} {list}}}")
}

fn exchange_info() -> String {
    let symbol = "symbol:s status:s baseAsset:s baseAssetPrecision:i quoteAsset:s quotePrecision:i quoteAssetPrecision:i \
        baseCommissionPrecision:i quoteCommissionPrecision:i orderTypes:[s] icebergAllowed:b ocoAllowed:b otoAllowed:b \
        opoAllowed:b quoteOrderQtyMarketAllowed:b allowTrailingStop:b cancelReplaceAllowed:b amendAllowed:b \
        pegInstructionsAllowed:b isSpotTradingAllowed:b isMarginTradingAllowed:b permissions:[s]? permissionSets:[[s]] \
        defaultSelfTradePreventionMode:s allowedSelfTradePreventionModes:[s]";
    let filters = "{filterType:s minPrice:d maxPrice:d tickSize:d}|{filterType:s minQty:d maxQty:d stepSize:d}\
        |{filterType:s bidMultiplierUp:d bidMultiplierDown:d askMultiplierUp:d askMultiplierDown:d avgPriceMins:i}\
        |{filterType:s minNotional:d applyMinToMarket:b maxNotional:d applyMaxToMarket:b avgPriceMins:i}\
        |{filterType:s limit:i}|{filterType:s maxNumOrders:i}|{filterType:s maxNumOrderLists:i}\
        |{filterType:s maxNumAlgoOrders:i}|{filterType:s maxNumIcebergOrders:i}|{filterType:s maxNumOrderAmends:i}\
        |{filterType:s maxPosition:d}\
        |{filterType:s minTrailingAboveDelta:i maxTrailingAboveDelta:i minTrailingBelowDelta:i maxTrailingBelowDelta:i}";
    let limits = "{rateLimitType:s interval:s intervalNum:i limit:i}";
    format!(
        "{{timezone:s serverTime:i rateLimits:[{limits}] exchangeFilters:[o]? symbols:[{{{symbol} filters:[{filters}]}}]}}"
    )
}

/// `METHOD /path?query` as Alice or Bob, the WebSocket API's method for the same, and the shape.
type Row = (&'static str, &'static str, &'static str, &'static str, String);

fn row(key: &'static str, target: &'static str, ws: &'static str, shape: impl Into<String>) -> Row {
    let (target, query) = target.split_once('?').unwrap_or((target, ""));
    (key, target, query, ws, shape.into())
}

/// Each row goes on from what those before it did.
fn trading() -> Vec<Row> {
    [placing(), changing(), listing()].concat()
}

fn placing() -> Vec<Row> {
    let commissions = format!(
        "{{standardCommissionForOrder:{RATES} specialCommissionForOrder:{RATES} taxCommissionForOrder:{RATES} discount:{DISCOUNT}}}"
    );
    vec![
        row("alice", "POST order/test?symbol=BTCUSDT&side=SELL&type=MARKET&quantity=1", "order.test", "{}"),
        row(
            "alice",
            "POST order/test?symbol=BTCUSDT&side=SELL&type=MARKET&quantity=1&computeCommissionRates=true",
            "order.test",
            commissions,
        ),
        row(
            "alice",
            "POST order?symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=50000&newClientOrderId=a1&newOrderRespType=ACK",
            "order.place",
            ACK,
        ),
        row(
            "alice",
            "POST order?symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=2&price=50010&icebergQty=1&strategyId=5&strategyType=1000000&newOrderRespType=RESULT",
            "order.place",
            report(),
        ),
        row(
            "alice",
            "POST order?symbol=BTCUSDT&side=SELL&type=STOP_LOSS_LIMIT&timeInForce=GTC&quantity=0.1&price=39000&trailingDelta=100&stopPrice=40000&newOrderRespType=RESULT",
            "order.place",
            report(),
        ),
        row(
            "bob",
            "POST order?symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.5&newClientOrderId=b1",
            "order.place",
            full(),
        ),
        row(
            "bob",
            "POST order?symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=FOK&quantity=9&price=50000",
            "order.place",
            full(),
        ),
        row(
            "alice",
            "POST order?symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1&selfTradePreventionMode=EXPIRE_TAKER",
            "order.place",
            full(),
        ),
    ]
}

fn changing() -> Vec<Row> {
    let replaced =
        format!("{{cancelResult:s newOrderResult:s cancelResponse:{} newOrderResponse:{}}}", cancelled(), full());
    vec![
        row(
            "alice",
            "PUT order/amend/keepPriority?symbol=BTCUSDT&origClientOrderId=a1&newQty=0.9&newClientOrderId=a2",
            "order.amend.keepPriority",
            amended(""),
        ),
        row(
            "alice",
            "GET order/amendments?symbol=BTCUSDT&orderId=1",
            "order.amendments",
            "[{symbol:s orderId:i executionId:i origClientOrderId:s newClientOrderId:s origQty:d newQty:d time:i}]",
        ),
        row("alice", "GET order?symbol=BTCUSDT&origClientOrderId=a2", "order.status", query()),
        row("alice", "GET openOrders?symbol=BTCUSDT", "openOrders.status", format!("[{}]", query())),
        row("alice", "GET allOrders?symbol=BTCUSDT", "allOrders", format!("[{}]", query())),
        row("bob", "GET allOrders?symbol=BTCUSDT", "allOrders", format!("[{}]", query())),
        row(
            "alice",
            "POST order/cancelReplace?symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=51000&cancelReplaceMode=STOP_ON_FAILURE&cancelOrigClientOrderId=a2&newClientOrderId=a3",
            "order.cancelReplace",
            replaced,
        ),
        row("alice", "DELETE order?symbol=BTCUSDT&origClientOrderId=a3", "order.cancel", cancelled()),
    ]
}

fn listing() -> Vec<Row> {
    let list = |report: String| format!("{{{LIST} orderReports:[{report}]}}");
    let now = "orderListId:i contingencyType:s listOrderStatus:s listClientOrderId:s symbol:s orders:[{symbol:s orderId:i clientOrderId:s}]";
    vec![
        row(
            "alice",
            "POST orderList/oco?symbol=BTCUSDT&side=SELL&quantity=1&aboveType=LIMIT_MAKER&abovePrice=55000&belowType=STOP_LOSS_LIMIT&belowPrice=44000&belowStopPrice=45000&belowTimeInForce=GTC&listClientOrderId=l1",
            "orderList.place.oco",
            list(report()),
        ),
        row(
            "alice",
            "POST orderList/oto?symbol=BTCUSDT&workingType=LIMIT&workingSide=SELL&workingPrice=56000&workingQuantity=1&workingTimeInForce=GTC&pendingType=MARKET&pendingSide=BUY&pendingQuantity=1&listClientOrderId=l2&pendingClientOrderId=p2",
            "orderList.place.oto",
            list(report()),
        ),
        row(
            "alice",
            "POST orderList/otoco?symbol=BTCUSDT&workingType=LIMIT&workingSide=BUY&workingPrice=20000&workingQuantity=1&workingTimeInForce=GTC&pendingSide=SELL&pendingQuantity=1&pendingAboveType=LIMIT_MAKER&pendingAbovePrice=60000&pendingBelowType=STOP_LOSS&pendingBelowStopPrice=30000",
            "orderList.place.otoco",
            list(report()),
        ),
        row(
            "alice",
            "POST order/oco?symbol=BTCUSDT&side=SELL&quantity=0.5&price=57000&stopPrice=44000&newOrderRespType=FULL",
            "orderList.place",
            list(full()),
        ),
        row(
            "alice",
            "PUT order/amend/keepPriority?symbol=BTCUSDT&origClientOrderId=p2&newQty=0.5",
            "order.amend.keepPriority",
            amended(&format!("listStatus:{{{now}}}")),
        ),
        row("alice", "GET orderList?origClientOrderId=l1", "orderList.status", format!("{{{LIST}}}")),
        row("alice", "GET openOrderList", "openOrderLists.status", format!("[{{{LIST}}}]")),
        row("alice", "GET allOrderList", "allOrderLists", format!("[{{{LIST}}}]")),
        row("alice", "DELETE orderList?symbol=BTCUSDT&listClientOrderId=l1", "orderList.cancel", list(cancelled())),
        row(
            "alice",
            "DELETE openOrders?symbol=BTCUSDT",
            "openOrders.cancelAll",
            format!("[{}|{}]", cancelled(), list(cancelled())),
        ),
    ]
}

fn account() -> Vec<Row> {
    let account = format!(
        "{{makerCommission:i takerCommission:i buyerCommission:i sellerCommission:i commissionRates:{SIDED} canTrade:b \
         canWithdraw:b canDeposit:b brokered:b requireSelfTradePrevention:b preventSor:b updateTime:i accountType:s \
         balances:[{{asset:s free:d locked:d}}] permissions:[s] uid:i}}"
    );
    let commission = format!(
        "{{symbol:s standardCommission:{SIDED} specialCommission:{SIDED} taxCommission:{SIDED} discount:{DISCOUNT}}}"
    );
    let prevented = "[{symbol:s preventedMatchId:i takerOrderId:i makerSymbol:s makerOrderId:i tradeGroupId:i \
        selfTradePreventionMode:s price:d makerPreventedQuantity?:d takerPreventedQuantity?:d transactTime:i}]";
    vec![
        row("alice", "GET account", "account.status", account),
        row("alice", "GET account/commission?symbol=BTCUSDT", "account.commission", commission),
        row("alice", "GET rateLimit/order", "account.rateLimits.orders", format!("[{LIMIT}]")),
        row(
            "bob",
            "GET myTrades?symbol=BTCUSDT",
            "myTrades",
            "[{symbol:s id:i orderId:i orderListId:i price:d qty:d quoteQty:d commission:d commissionAsset:s time:i isBuyer:b isMaker:b isBestMatch:b}]",
        ),
        row("alice", "GET myPreventedMatches?symbol=BTCUSDT&orderId=6", "myPreventedMatches", prevented),
        row("alice", "GET myAllocations?symbol=BTCUSDT", "myAllocations", "[o]?"),
        row(
            "alice",
            "GET myFilters?symbol=BTCUSDT",
            "myFilters",
            "{exchangeFilters:[o]? symbolFilters:[o] assetFilters:[o]?}",
        ),
    ]
}

fn market() -> Vec<Row> {
    let day = format!("{{{WINDOW} {CHANGE} prevClosePrice:d lastQty:d bidPrice:d bidQty:d askPrice:d askQty:d}}");
    let window = format!("{{{WINDOW} {CHANGE}}}");
    let mini = format!("{{{WINDOW}}}");
    vec![
        row("", "GET ping", "ping", "{}"),
        row("", "GET time", "time", "{serverTime:i}"),
        row("", "GET exchangeInfo", "exchangeInfo", exchange_info()),
        row("", "GET executionRules?symbol=BTCUSDT", "executionRules", "{symbolRules:[{symbol:s rules:[o]?}]}"),
        row("", "GET depth?symbol=BTCUSDT", "depth", "{lastUpdateId:i bids:[(d d)]? asks:[(d d)]?}"),
        row("", "GET trades?symbol=BTCUSDT", "trades.recent", TRADE),
        row("", "GET historicalTrades?symbol=BTCUSDT", "trades.historical", TRADE),
        row("", "GET historicalBlockTrades?symbol=BTCUSDT&fromId=0", "blockTrades.historical", "[o]?"),
        row("", "GET aggTrades?symbol=BTCUSDT", "trades.aggregate", "[{a:i p:d q:d f:i l:i T:i m:b M:b}]"),
        row("", "GET klines?symbol=BTCUSDT&interval=1m", "klines", KLINE),
        row("", "GET uiKlines?symbol=BTCUSDT&interval=1m", "uiKlines", KLINE),
        row("", "GET avgPrice?symbol=BTCUSDT", "avgPrice", "{mins:i price:d closeTime:i}"),
        row("", "GET ticker/24hr?symbol=BTCUSDT", "ticker.24hr", day.clone()),
        row("", "GET ticker/24hr", "ticker.24hr", format!("[{day}]")),
        row("", "GET ticker/24hr?symbol=BTCUSDT&type=MINI", "ticker.24hr", mini.clone()),
        row("", "GET ticker/tradingDay?symbol=BTCUSDT", "ticker.tradingDay", window.clone()),
        row("", "GET ticker/tradingDay?symbol=BTCUSDT&type=MINI", "ticker.tradingDay", mini.clone()),
        row("", "GET ticker?symbol=BTCUSDT", "ticker", window),
        row("", "GET ticker?symbol=BTCUSDT&type=MINI", "ticker", mini),
        row("", "GET ticker/price?symbol=BTCUSDT", "ticker.price", "{symbol:s price:d}"),
        row("", "GET ticker/price", "ticker.price", "[{symbol:s price:d}]"),
        row(
            "",
            "GET ticker/bookTicker?symbol=BTCUSDT",
            "ticker.book",
            "{symbol:s bidPrice:d bidQty:d askPrice:d askQty:d}",
        ),
    ]
}

/// Documented, and refused as on a market that does not have it.
const REFUSED: [(&str, &str, &str, i64); 10] = [
    ("GET referencePrice?symbol=BTCUSDT", "referencePrice", "", -2043),
    ("GET referencePrice/calculation?symbol=BTCUSDT", "referencePrice.calculation", "", -2043),
    ("POST sor/order?symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1", "sor.order.place", "alice", -2010),
    (
        "POST sor/order/test?symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&computeCommissionRates=true",
        "sor.order.test",
        "alice",
        -2010,
    ),
    ("POST sor/order?symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&price=1&quantity=1", "sor.order.place", "alice", -1116),
    (
        "POST orderList/opo?symbol=BTCUSDT&workingType=LIMIT&workingSide=BUY&workingPrice=20000&workingQuantity=1&workingTimeInForce=GTC&pendingType=MARKET&pendingSide=SELL",
        "orderList.place.opo",
        "alice",
        -2010,
    ),
    (
        "POST orderList/opo?symbol=BTCUSDT&workingType=LIMIT&workingSide=SELL&workingPrice=60000&workingQuantity=1&workingTimeInForce=GTC&pendingType=MARKET&pendingSide=SELL",
        "orderList.place.opo",
        "alice",
        -1222,
    ),
    (
        "POST orderList/opoco?symbol=BTCUSDT&workingType=LIMIT&workingSide=BUY&workingPrice=20000&workingQuantity=1&workingTimeInForce=GTC&pendingSide=SELL&pendingAboveType=LIMIT_MAKER&pendingAbovePrice=60000&pendingBelowType=STOP_LOSS&pendingBelowStopPrice=30000",
        "orderList.place.opoco",
        "alice",
        -2010,
    ),
    (
        "POST orderList/opoco?symbol=BTCUSDT&workingType=LIMIT&workingSide=BUY&workingPrice=20000&workingQuantity=1&workingTimeInForce=GTC&pendingSide=SELL&pendingQuantity=1",
        "orderList.place.opoco",
        "alice",
        -1225,
    ),
    (
        "POST orderList/opo?symbol=BTCUSDT&workingType=LIMIT&workingSide=BUY&workingPrice=20000&workingQuantity=1&workingTimeInForce=GTC&pendingType=MARKET&pendingSide=SELL&x=1",
        "orderList.place.opo",
        "alice",
        -1104,
    ),
];

async fn ask(world: &World, key: &str, target: &str, query: &str) -> (u16, Value) {
    let (method, path) = target.split_once(' ').expect("a method and a path");
    let path = format!("/api/v3/{path}");
    let answered = match key {
        "" => world.send(method, &format!("{path}?{query}"), "", "").await,
        _ => world.call(key, method, &path, query).await,
    };
    (answered.status, answered.json())
}

#[tokio::test]
async fn answers_of_rest() {
    let world = World::new().await;
    let mut wrong = String::new();
    for (key, target, query, _, shape) in trading().into_iter().chain(account()).chain(market()) {
        let (status, body) = ask(&world, key, target, query).await;
        let found = faults(&body, &shape);
        if status != 200 || !found.is_empty() {
            wrong += &format!("{target}?{query}\n    {status} {}\n    {body}\n", found.join("\n    "));
        }
        world.caught_up().await;
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// The parameters of a query as the WebSocket API has them.
fn params(query: &str) -> Value {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), Value::from(value))).collect::<serde_json::Map<_, _>>().into()
}

#[tokio::test]
async fn answers_of_the_websocket_api() {
    let world = World::with(SpotApiSection { weight_1m_max: 1_000_000, ..SpotApiSection::default() }).await;
    let mut client = Client::new(&world).await;
    let envelope = |shape: &str| format!("{{id:s status:i result:{shape} rateLimits:[{LIMIT}]}}");
    let mut wrong = String::new();
    for (key, _, query, method, shape) in trading().into_iter().chain(account()).chain(market()) {
        let params = if key.is_empty() { params(query) } else { signed(&world, key, params(query)) };
        let answer = client.ask(method, params).await;
        let found = faults(&answer, &envelope(&shape));
        if !found.is_empty() {
            wrong += &format!("{method} {query}\n    {}\n    {answer}\n", found.join("\n    "));
        }
        world.caught_up().await;
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    let session = "{apiKey:s|n authorizedSince:i|n connectedSince:i returnRateLimits:b serverTime:i userDataStream:b}";
    let own = [
        ("session.status", json!({}), session),
        ("session.logon", signed(&world, "aliceed", json!({})), session),
        ("userDataStream.subscribe", json!({}), "{subscriptionId:i}"),
        ("userDataStream.subscribe.signature", signed(&world, "bob", json!({})), "{subscriptionId:i}"),
        ("session.subscriptions", json!({}), "[{subscriptionId:i}]"),
        ("userDataStream.unsubscribe", json!({ "subscriptionId": 1 }), "{}"),
        ("session.logout", json!({}), session),
    ];
    for (method, params, shape) in own {
        let answer = client.ask(method, params).await;
        assert_eq!(faults(&answer, &envelope(shape)), [""; 0], "{method}: {answer}");
    }
    let refused =
        client.ask("order.status", signed(&world, "alice", json!({ "symbol": "BTCUSDT", "orderId": 9999 }))).await;
    let shape = format!("{{id:s status:i error:{{code:i msg:s}} rateLimits:[{LIMIT}]}}");
    assert_eq!(faults(&refused, &shape), [""; 0], "{refused}");
}

#[tokio::test]
async fn what_no_market_has_is_refused_as_documented() {
    let world = World::new().await;
    let mut client = Client::new(&world).await;
    let before = world.fingerprint().await;
    for (target, method, key, code) in REFUSED {
        let (target, query) = target.split_once('?').expect("a query");
        let (status, body) = ask(&world, key, target, query).await;
        assert_eq!((status, body["code"].as_i64()), (400, Some(code)), "{target} {query}: {body}");
        assert_eq!(faults(&body, "{code:i msg:s}"), [""; 0], "{body}");
        let params = if key.is_empty() { params(query) } else { signed(&world, key, params(query)) };
        assert_eq!(client.fails(method, params).await, (400, code), "{method} {query}");
    }
    let order = "symbol=BTCUSDT&side=SELL&quantity=1&type";
    let pegged = [
        ("LIMIT&timeInForce=GTC&pegPriceType=PRIMARY_PEG", -2010),
        ("LIMIT&timeInForce=GTC&pegPriceType=BEST", -1210),
        ("LIMIT&timeInForce=GTC&price=50000&pegOffsetType=PRICE_LEVEL&pegOffsetValue=1", -1106),
        ("LIMIT&timeInForce=GTC&pegPriceType=PRIMARY_PEG&pegOffsetType=TICK&pegOffsetValue=1", -1211),
        ("LIMIT&timeInForce=GTC&pegPriceType=PRIMARY_PEG&pegOffsetType=PRICE_LEVEL", -1128),
        ("LIMIT&timeInForce=GTC&pegPriceType=PRIMARY_PEG&pegOffsetType=PRICE_LEVEL&pegOffsetValue=101", -1130),
        ("LIMIT_MAKER&pegPriceType=MARKET_PEG", -2010),
        ("MARKET&pegPriceType=MARKET_PEG", -2010),
    ];
    for (rest, code) in pegged {
        for path in ["POST order", "POST order/test"] {
            let (status, body) = ask(&world, "alice", path, &format!("{order}={rest}")).await;
            assert_eq!((status, body["code"].as_i64()), (400, Some(code)), "{path} {rest}: {body}");
        }
    }
    assert_eq!(world.fingerprint().await, before);
}

/// Every endpoint of the spot API is in a row: what is new is looked at.
#[test]
fn no_endpoint_is_left_out() {
    let rows: Vec<Row> = trading().into_iter().chain(account()).chain(market()).collect();
    let refused = |path: &str| REFUSED.iter().any(|(target, ..)| target.split('?').next() == Some(path));
    for endpoint in endpoint::all() {
        for (method, path) in endpoint.rest {
            let Some(path) = path.strip_prefix("/api/v3/") else { continue };
            let target = format!("{method} {path}");
            let found = rows.iter().any(|row| row.1 == target) || refused(&target) || path == "userDataStream";
            assert!(found, "{target}");
        }
        for method in endpoint.ws {
            let found = rows.iter().any(|row| row.3 == *method) || REFUSED.iter().any(|row| row.1 == *method);
            assert!(found || method.starts_with("userDataStream."), "{method}");
        }
    }
}
