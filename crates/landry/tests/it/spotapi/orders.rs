//! Orders from placing to history, as the answers tell them. The clock stands, so the answers are the same every time.

use expect_test::expect;

use crate::world::World;

/// Each line a request of Alice or Bob (`key METHOD /path query`), and its answer behind it.
pub async fn tell(world: &World, requests: &[&str]) -> String {
    let mut text = String::new();
    for request in requests {
        let mut parts = request.splitn(4, ' ');
        let mut part = || parts.next().unwrap_or_default();
        let (key, method, path, query) = (part(), part(), part(), part());
        let answered = world.call(key, method, &format!("/api/v3/{path}"), query).await;
        text += &format!("{request}\n    {}\n", answered.text());
    }
    text
}

#[tokio::test]
async fn answers_to_new_orders() {
    let world = World::new().await;
    let told = tell(&world, &[
        "alice POST order symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=50000&newClientOrderId=a1",
        "alice POST order symbol=BTCUSDT&side=SELL&type=LIMIT_MAKER&quantity=1&price=50100.5&newClientOrderId=a2",
        "alice POST order symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=2&price=60000&icebergQty=0.5&newOrderRespType=RESULT&newClientOrderId=a3",
        "bob POST order symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&quantity=1.5&price=50100.5&newClientOrderId=b1",
        "bob POST order symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1&newOrderRespType=ACK&newClientOrderId=b2",
        "bob POST order symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=1000&newClientOrderId=b3",
        "bob POST order symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=FOK&quantity=9&price=50200&newClientOrderId=b4&strategyId=7&strategyType=1000000",
        "bob POST order symbol=BTCUSDT&side=SELL&type=STOP_LOSS_LIMIT&timeInForce=GTC&quantity=0.1&price=39000&stopPrice=40000&newOrderRespType=FULL&newClientOrderId=b5",
        "bob POST order symbol=BTCUSDT&side=SELL&type=TAKE_PROFIT&quantity=0.1&trailingDelta=100&newOrderRespType=RESULT&newClientOrderId=b6",
        "alice POST order symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1&selfTradePreventionMode=EXPIRE_TAKER&newClientOrderId=a4",
    ])
    .await;
    expect![[""]].assert_eq(&told);
}

#[tokio::test]
async fn what_becomes_of_orders() {
    let world = World::new().await;
    let told = tell(&world, &[
        "alice POST order symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=50000&newClientOrderId=a1&newOrderRespType=ACK",
        "bob POST order symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.4&price=50000&newClientOrderId=b1&newOrderRespType=ACK",
        "alice GET order symbol=BTCUSDT&orderId=1",
        "alice GET order symbol=BTCUSDT&origClientOrderId=a1",
        "bob GET order symbol=BTCUSDT&origClientOrderId=b1",
        "bob GET order symbol=BTCUSDT&orderId=1",
        "alice GET order symbol=ETHUSDT&orderId=1",
        "alice GET openOrders symbol=BTCUSDT",
        "alice PUT order/amend/keepPriority symbol=BTCUSDT&orderId=1&newQty=0.9",
        "alice PUT order/amend/keepPriority symbol=BTCUSDT&orderId=1&newQty=0.9",
        "alice PUT order/amend/keepPriority symbol=BTCUSDT&orderId=1&newQty=0.95",
        "alice PUT order/amend/keepPriority symbol=BTCUSDT&orderId=1&newQty=0.8&newClientOrderId=other",
        "bob DELETE order symbol=BTCUSDT&orderId=1",
        "alice DELETE order symbol=BTCUSDT&orderId=1&cancelRestrictions=ONLY_NEW",
        "alice DELETE order symbol=BTCUSDT&orderId=1&newClientOrderId=c1",
        "alice DELETE order symbol=BTCUSDT&orderId=1",
        "alice GET order symbol=BTCUSDT&orderId=1",
        "alice GET order/amendments symbol=BTCUSDT&orderId=1",
        "alice GET openOrders symbol=BTCUSDT",
        "alice GET allOrders symbol=BTCUSDT",
        "alice GET myTrades symbol=BTCUSDT",
        "bob GET myTrades symbol=BTCUSDT&orderId=2",
        "bob GET myTrades symbol=BTCUSDT&orderId=1",
        "alice DELETE openOrders symbol=BTCUSDT",
    ])
    .await;
    expect![[""]].assert_eq(&told);
}

#[tokio::test]
async fn cancel_and_replace() {
    let world = World::new().await;
    let sell = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1";
    let first = format!("alice POST order {sell}&price=50000&newClientOrderId=a1&newOrderRespType=ACK");
    let replace = |rest: &str| format!("alice POST order/cancelReplace {sell}&{rest}");
    let requests = [
        first,
        replace("price=51000&cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId=1&cancelNewClientOrderId=c1&newClientOrderId=a2"),
        replace("price=52000&cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId=1&newClientOrderId=a3"),
        replace("price=52000&cancelReplaceMode=ALLOW_FAILURE&cancelOrigClientOrderId=nobody&newClientOrderId=a3&newOrderRespType=ACK"),
        replace("price=52000&cancelReplaceMode=ALLOW_FAILURE&cancelOrderId=2&cancelRestrictions=ONLY_PARTIALLY_FILLED&newClientOrderId=a4&quantity=99"),
        "alice POST order/cancelReplace symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=99&price=52000&cancelReplaceMode=ALLOW_FAILURE&cancelOrderId=1&newClientOrderId=a4".to_owned(),
        "alice POST order/cancelReplace symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=99&price=52000&cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId=2&cancelNewClientOrderId=c2&newClientOrderId=a5".to_owned(),
        replace("price=52000.001&cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId=3&newClientOrderId=a6"),
        replace("price=52000&cancelReplaceMode=SOMETIMES&cancelOrderId=3&newClientOrderId=a6"),
        replace("price=52000&cancelReplaceMode=STOP_ON_FAILURE&newClientOrderId=a6"),
    ];
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    let told = tell(&world, &requests).await;
    expect![[""]].assert_eq(&told);
}

#[tokio::test]
async fn order_lists() {
    let world = World::new().await;
    let told = tell(&world, &[
        "alice POST order symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=50000&newClientOrderId=m1&newOrderRespType=ACK",
        "bob POST order symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.1&price=50000&newClientOrderId=m2&newOrderRespType=ACK",
        "alice POST orderList/oco symbol=BTCUSDT&side=SELL&quantity=1&aboveType=LIMIT_MAKER&abovePrice=55000&aboveClientOrderId=o1&belowType=STOP_LOSS_LIMIT&belowStopPrice=45000&belowPrice=44000&belowTimeInForce=GTC&belowClientOrderId=o2&listClientOrderId=l1",
        "alice GET openOrderList ",
        "alice GET orderList orderListId=1",
        "alice GET orderList origClientOrderId=l1",
        "bob GET orderList orderListId=1",
        "alice DELETE order symbol=BTCUSDT&origClientOrderId=o2&newClientOrderId=c1",
        "alice POST order/oco symbol=BTCUSDT&side=BUY&quantity=1&price=45000&stopPrice=55000&stopLimitPrice=56000&stopLimitTimeInForce=GTC&limitClientOrderId=o3&stopClientOrderId=o4&listClientOrderId=l2&newOrderRespType=ACK",
        "alice DELETE orderList symbol=BTCUSDT&listClientOrderId=l2&newClientOrderId=c2",
        "alice POST orderList/oto symbol=BTCUSDT&workingType=LIMIT&workingSide=BUY&workingPrice=49000&workingQuantity=1&workingTimeInForce=GTC&workingClientOrderId=w1&pendingType=MARKET&pendingSide=SELL&pendingQuantity=0.5&pendingClientOrderId=p1&listClientOrderId=l3",
        "alice POST orderList/otoco symbol=BTCUSDT&workingType=LIMIT_MAKER&workingSide=BUY&workingPrice=48000&workingQuantity=1&workingClientOrderId=w2&pendingSide=SELL&pendingQuantity=1&pendingAboveType=TAKE_PROFIT&pendingAboveStopPrice=56000&pendingAboveClientOrderId=p2&pendingBelowType=STOP_LOSS&pendingBelowStopPrice=44000&pendingBelowClientOrderId=p3&listClientOrderId=l4&newOrderRespType=ACK",
        "alice DELETE openOrders symbol=BTCUSDT",
        "alice GET allOrderList limit=3",
        "alice GET allOrderList fromId=2&limit=1",
        "alice DELETE orderList symbol=BTCUSDT&orderListId=1",
        "alice POST orderList/oco symbol=BTCUSDT&side=SELL&quantity=1&aboveType=STOP_LOSS&aboveStopPrice=55000&belowType=STOP_LOSS&belowStopPrice=45000",
        "alice POST orderList/oco symbol=BTCUSDT&side=SELL&quantity=1&aboveType=LIMIT_MAKER&abovePrice=44000&belowType=STOP_LOSS&belowStopPrice=45000",
        "alice POST orderList/oco symbol=BTCUSDT&side=SELL&quantity=1&aboveType=LIMIT&abovePrice=44000&belowType=STOP_LOSS&belowStopPrice=45000",
    ])
    .await;
    expect![[""]].assert_eq(&told);
}

#[tokio::test]
async fn accounts() {
    let world = World::new().await;
    let told = tell(&world, &[
        "alice POST order symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=50000&newClientOrderId=a1&newOrderRespType=ACK&selfTradePreventionMode=EXPIRE_MAKER",
        "alice GET account omitZeroBalances=true",
        "aliceread GET account/commission symbol=BTCUSDT",
        "alice POST order/test symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=50000",
        "alice POST order/test symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=50000&computeCommissionRates=true",
        "alice POST order/test symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.00001&price=1",
        "alice POST order/test symbol=BTCUSDT&side=SELL&type=TAKE_PROFIT&quantity=1&trailingDelta=99999",
        "alice GET rateLimit/order ",
        "alice GET myFilters symbol=BTCUSDT",
        "alice GET myAllocations symbol=BTCUSDT",
        "alice POST order symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.3&selfTradePreventionMode=EXPIRE_TAKER&newClientOrderId=a2",
        "alice GET order symbol=BTCUSDT&orderId=2",
        "alice GET myPreventedMatches symbol=BTCUSDT&orderId=2",
        "bob GET myPreventedMatches symbol=BTCUSDT&orderId=2",
        "alice GET myPreventedMatches symbol=BTCUSDT",
        "bob GET account ",
    ])
    .await;
    expect![[""]].assert_eq(&told);
}
