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
    expect![[r#"
        alice POST order symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=50000&newClientOrderId=a1
            200 {"symbol":"BTCUSDT","orderId":1,"orderListId":-1,"clientOrderId":"a1","transactTime":1767323045000,"price":"50000.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"NEW","timeInForce":"GTC","type":"LIMIT","side":"SELL","workingTime":1767323045000,"selfTradePreventionMode":"NONE","fills":[]}
        alice POST order symbol=BTCUSDT&side=SELL&type=LIMIT_MAKER&quantity=1&price=50100.5&newClientOrderId=a2
            200 {"symbol":"BTCUSDT","orderId":2,"orderListId":-1,"clientOrderId":"a2","transactTime":1767323045000}
        alice POST order symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=2&price=60000&icebergQty=0.5&newOrderRespType=RESULT&newClientOrderId=a3
            200 {"symbol":"BTCUSDT","orderId":3,"orderListId":-1,"clientOrderId":"a3","transactTime":1767323045000,"price":"60000.00000000","origQty":"2.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"NEW","timeInForce":"GTC","type":"LIMIT","side":"SELL","icebergQty":"0.50000000","workingTime":1767323045000,"selfTradePreventionMode":"NONE"}
        bob POST order symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&quantity=1.5&price=50100.5&newClientOrderId=b1
            200 {"symbol":"BTCUSDT","orderId":4,"orderListId":-1,"clientOrderId":"b1","transactTime":1767323045000,"price":"50100.50000000","origQty":"1.50000000","executedQty":"1.50000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"75050.25000000","status":"FILLED","timeInForce":"IOC","type":"LIMIT","side":"BUY","workingTime":1767323045000,"selfTradePreventionMode":"NONE","fills":[{"price":"50000.00000000","qty":"1.00000000","commission":"0.00100000","commissionAsset":"BTC","tradeId":1},{"price":"50100.50000000","qty":"0.50000000","commission":"0.00050000","commissionAsset":"BTC","tradeId":2}]}
        bob POST order symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1&newOrderRespType=ACK&newClientOrderId=b2
            200 {"symbol":"BTCUSDT","orderId":5,"orderListId":-1,"clientOrderId":"b2","transactTime":1767323045000}
        bob POST order symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=1000&newClientOrderId=b3
            200 {"symbol":"BTCUSDT","orderId":6,"orderListId":-1,"clientOrderId":"b3","transactTime":1767323045000,"price":"0.00000000","origQty":"0.01995000","executedQty":"0.01995000","origQuoteOrderQty":"1000.00000000","cummulativeQuoteQty":"999.50497500","status":"FILLED","timeInForce":"GTC","type":"MARKET","side":"BUY","workingTime":1767323045000,"selfTradePreventionMode":"NONE","fills":[{"price":"50100.50000000","qty":"0.01995000","commission":"0.00001995","commissionAsset":"BTC","tradeId":4}]}
        bob POST order symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=FOK&quantity=9&price=50200&newClientOrderId=b4&strategyId=7&strategyType=1000000
            200 {"symbol":"BTCUSDT","orderId":7,"orderListId":-1,"clientOrderId":"b4","transactTime":1767323045000,"price":"50200.00000000","origQty":"9.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"EXPIRED","timeInForce":"FOK","type":"LIMIT","side":"BUY","strategyId":7,"strategyType":1000000,"expiryReason":"UNFILLED_FOK_ORDER_EXPIRED","workingTime":1767323045000,"selfTradePreventionMode":"NONE","fills":[]}
        bob POST order symbol=BTCUSDT&side=SELL&type=STOP_LOSS_LIMIT&timeInForce=GTC&quantity=0.1&price=39000&stopPrice=40000&newOrderRespType=FULL&newClientOrderId=b5
            200 {"symbol":"BTCUSDT","orderId":8,"orderListId":-1,"clientOrderId":"b5","transactTime":1767323045000,"price":"39000.00000000","origQty":"0.10000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"NEW","timeInForce":"GTC","type":"STOP_LOSS_LIMIT","side":"SELL","stopPrice":"40000.00000000","workingTime":-1,"selfTradePreventionMode":"NONE","fills":[]}
        bob POST order symbol=BTCUSDT&side=SELL&type=TAKE_PROFIT&quantity=0.1&trailingDelta=100&newOrderRespType=RESULT&newClientOrderId=b6
            200 {"symbol":"BTCUSDT","orderId":9,"orderListId":-1,"clientOrderId":"b6","transactTime":1767323045000,"price":"0.00000000","origQty":"0.10000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"NEW","timeInForce":"GTC","type":"TAKE_PROFIT","side":"SELL","stopPrice":"0.00000000","trailingDelta":100,"trailingTime":1767323045000,"workingTime":-1,"selfTradePreventionMode":"NONE"}
        alice POST order symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1&selfTradePreventionMode=EXPIRE_TAKER&newClientOrderId=a4
            200 {"symbol":"BTCUSDT","orderId":10,"orderListId":-1,"clientOrderId":"a4","transactTime":1767323045000,"price":"0.00000000","origQty":"0.10000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"EXPIRED_IN_MATCH","timeInForce":"GTC","type":"MARKET","side":"BUY","preventedMatchId":2432,"preventedQuantity":"0.10000000","workingTime":1767323045000,"selfTradePreventionMode":"EXPIRE_TAKER","fills":[],"preventedMatches":[{"preventedMatchId":2432,"makerOrderId":2,"price":"50100.50000000","takerPreventedQuantity":"0.10000000"}]}
    "#]].assert_eq(&told);
}

const LIFE: [&str; 24] = [
    "alice POST order symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=50000&newClientOrderId=a1&newOrderRespType=ACK",
    "bob POST order symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.4&price=50000&newClientOrderId=b1&newOrderRespType=ACK",
    "alice GET order symbol=BTCUSDT&orderId=1",
    "alice GET order symbol=BTCUSDT&origClientOrderId=a1",
    "bob GET order symbol=BTCUSDT&origClientOrderId=b1",
    "bob GET order symbol=BTCUSDT&orderId=1",
    "alice GET order symbol=ETHUSDT&orderId=1",
    "alice GET openOrders symbol=BTCUSDT",
    "alice PUT order/amend/keepPriority symbol=BTCUSDT&orderId=1&newQty=0.9&newClientOrderId=a1",
    "alice PUT order/amend/keepPriority symbol=BTCUSDT&orderId=1&newQty=0.9&newClientOrderId=a1",
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
];

#[tokio::test]
async fn what_becomes_of_orders() {
    let world = World::new().await;
    let told = tell(&world, &LIFE).await;
    expect![[r#"
        alice POST order symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=50000&newClientOrderId=a1&newOrderRespType=ACK
            200 {"symbol":"BTCUSDT","orderId":1,"orderListId":-1,"clientOrderId":"a1","transactTime":1767323045000}
        bob POST order symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.4&price=50000&newClientOrderId=b1&newOrderRespType=ACK
            200 {"symbol":"BTCUSDT","orderId":2,"orderListId":-1,"clientOrderId":"b1","transactTime":1767323045000}
        alice GET order symbol=BTCUSDT&orderId=1
            200 {"symbol":"BTCUSDT","orderId":1,"orderListId":-1,"clientOrderId":"a1","price":"50000.00000000","origQty":"1.00000000","executedQty":"0.40000000","cummulativeQuoteQty":"20000.00000000","status":"PARTIALLY_FILLED","timeInForce":"GTC","type":"LIMIT","side":"SELL","stopPrice":"0.00000000","icebergQty":"0.00000000","time":1767323045000,"updateTime":1767323045000,"isWorking":true,"workingTime":1767323045000,"origQuoteOrderQty":"0.00000000","selfTradePreventionMode":"NONE"}
        alice GET order symbol=BTCUSDT&origClientOrderId=a1
            200 {"symbol":"BTCUSDT","orderId":1,"orderListId":-1,"clientOrderId":"a1","price":"50000.00000000","origQty":"1.00000000","executedQty":"0.40000000","cummulativeQuoteQty":"20000.00000000","status":"PARTIALLY_FILLED","timeInForce":"GTC","type":"LIMIT","side":"SELL","stopPrice":"0.00000000","icebergQty":"0.00000000","time":1767323045000,"updateTime":1767323045000,"isWorking":true,"workingTime":1767323045000,"origQuoteOrderQty":"0.00000000","selfTradePreventionMode":"NONE"}
        bob GET order symbol=BTCUSDT&origClientOrderId=b1
            200 {"symbol":"BTCUSDT","orderId":2,"orderListId":-1,"clientOrderId":"b1","price":"50000.00000000","origQty":"0.40000000","executedQty":"0.40000000","cummulativeQuoteQty":"20000.00000000","status":"FILLED","timeInForce":"GTC","type":"LIMIT","side":"BUY","stopPrice":"0.00000000","icebergQty":"0.00000000","time":1767323045000,"updateTime":1767323045000,"isWorking":true,"workingTime":1767323045000,"origQuoteOrderQty":"0.00000000","selfTradePreventionMode":"NONE"}
        bob GET order symbol=BTCUSDT&orderId=1
            400 {"code":-2013,"msg":"Order does not exist."}
        alice GET order symbol=ETHUSDT&orderId=1
            400 {"code":-2013,"msg":"Order does not exist."}
        alice GET openOrders symbol=BTCUSDT
            200 [{"symbol":"BTCUSDT","orderId":1,"orderListId":-1,"clientOrderId":"a1","price":"50000.00000000","origQty":"1.00000000","executedQty":"0.40000000","cummulativeQuoteQty":"20000.00000000","status":"PARTIALLY_FILLED","timeInForce":"GTC","type":"LIMIT","side":"SELL","stopPrice":"0.00000000","icebergQty":"0.00000000","time":1767323045000,"updateTime":1767323045000,"isWorking":true,"workingTime":1767323045000,"origQuoteOrderQty":"0.00000000","selfTradePreventionMode":"NONE"}]
        alice PUT order/amend/keepPriority symbol=BTCUSDT&orderId=1&newQty=0.9&newClientOrderId=a1
            200 {"transactTime":1767323045000,"executionId":31,"amendedOrder":{"symbol":"BTCUSDT","orderId":1,"orderListId":-1,"origClientOrderId":"a1","clientOrderId":"a1","price":"50000.00000000","qty":"0.90000000","executedQty":"0.40000000","preventedQty":"0.00000000","quoteOrderQty":"0.00000000","cumulativeQuoteQty":"20000.00000000","status":"PARTIALLY_FILLED","timeInForce":"GTC","type":"LIMIT","side":"SELL","workingTime":1767323045000,"selfTradePreventionMode":"NONE"}}
        alice PUT order/amend/keepPriority symbol=BTCUSDT&orderId=1&newQty=0.9&newClientOrderId=a1
            400 {"code":-2038,"msg":"The requested action would change no state; rejecting"}
        alice PUT order/amend/keepPriority symbol=BTCUSDT&orderId=1&newQty=0.95
            400 {"code":-2038,"msg":"Order amend (quantity increase) is not supported."}
        alice PUT order/amend/keepPriority symbol=BTCUSDT&orderId=1&newQty=0.8&newClientOrderId=other
            200 {"transactTime":1767323045000,"executionId":33,"amendedOrder":{"symbol":"BTCUSDT","orderId":1,"orderListId":-1,"origClientOrderId":"a1","clientOrderId":"other","price":"50000.00000000","qty":"0.80000000","executedQty":"0.40000000","preventedQty":"0.00000000","quoteOrderQty":"0.00000000","cumulativeQuoteQty":"20000.00000000","status":"PARTIALLY_FILLED","timeInForce":"GTC","type":"LIMIT","side":"SELL","workingTime":1767323045000,"selfTradePreventionMode":"NONE"}}
        bob DELETE order symbol=BTCUSDT&orderId=1
            400 {"code":-2011,"msg":"Unknown order sent."}
        alice DELETE order symbol=BTCUSDT&orderId=1&cancelRestrictions=ONLY_NEW
            400 {"code":-2011,"msg":"Order was not canceled due to cancel restrictions."}
        alice DELETE order symbol=BTCUSDT&orderId=1&newClientOrderId=c1
            200 {"symbol":"BTCUSDT","origClientOrderId":"other","orderId":1,"orderListId":-1,"clientOrderId":"c1","transactTime":1767323045000,"price":"50000.00000000","origQty":"0.80000000","executedQty":"0.40000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"20000.00000000","status":"CANCELED","timeInForce":"GTC","type":"LIMIT","side":"SELL","selfTradePreventionMode":"NONE"}
        alice DELETE order symbol=BTCUSDT&orderId=1
            400 {"code":-2011,"msg":"Unknown order sent."}
        alice GET order symbol=BTCUSDT&orderId=1
            200 {"symbol":"BTCUSDT","orderId":1,"orderListId":-1,"clientOrderId":"other","price":"50000.00000000","origQty":"0.80000000","executedQty":"0.40000000","cummulativeQuoteQty":"20000.00000000","status":"CANCELED","timeInForce":"GTC","type":"LIMIT","side":"SELL","stopPrice":"0.00000000","icebergQty":"0.00000000","time":1767323045000,"updateTime":1767323045000,"isWorking":true,"workingTime":1767323045000,"origQuoteOrderQty":"0.00000000","selfTradePreventionMode":"NONE"}
        alice GET order/amendments symbol=BTCUSDT&orderId=1
            200 [{"symbol":"BTCUSDT","orderId":1,"executionId":31,"origClientOrderId":"a1","newClientOrderId":"a1","origQty":"1.00000000","newQty":"0.90000000","time":1767323045000},{"symbol":"BTCUSDT","orderId":1,"executionId":33,"origClientOrderId":"a1","newClientOrderId":"other","origQty":"0.90000000","newQty":"0.80000000","time":1767323045000}]
        alice GET openOrders symbol=BTCUSDT
            200 []
        alice GET allOrders symbol=BTCUSDT
            200 [{"symbol":"BTCUSDT","orderId":1,"orderListId":-1,"clientOrderId":"other","price":"50000.00000000","origQty":"0.80000000","executedQty":"0.40000000","cummulativeQuoteQty":"20000.00000000","status":"CANCELED","timeInForce":"GTC","type":"LIMIT","side":"SELL","stopPrice":"0.00000000","icebergQty":"0.00000000","time":1767323045000,"updateTime":1767323045000,"isWorking":true,"workingTime":1767323045000,"origQuoteOrderQty":"0.00000000","selfTradePreventionMode":"NONE"}]
        alice GET myTrades symbol=BTCUSDT
            200 [{"symbol":"BTCUSDT","id":1,"orderId":1,"orderListId":-1,"price":"50000.00000000","qty":"0.40000000","quoteQty":"20000.00000000","commission":"20.00000000","commissionAsset":"USDT","time":1767323045000,"isBuyer":false,"isMaker":true,"isBestMatch":true}]
        bob GET myTrades symbol=BTCUSDT&orderId=2
            200 [{"symbol":"BTCUSDT","id":1,"orderId":2,"orderListId":-1,"price":"50000.00000000","qty":"0.40000000","quoteQty":"20000.00000000","commission":"0.00040000","commissionAsset":"BTC","time":1767323045000,"isBuyer":true,"isMaker":false,"isBestMatch":true}]
        bob GET myTrades symbol=BTCUSDT&orderId=1
            200 []
        alice DELETE openOrders symbol=BTCUSDT
            400 {"code":-2011,"msg":"Unknown order sent."}
    "#]].assert_eq(&told);
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
    expect![[r#"
        alice POST order symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=50000&newClientOrderId=a1&newOrderRespType=ACK
            200 {"symbol":"BTCUSDT","orderId":1,"orderListId":-1,"clientOrderId":"a1","transactTime":1767323045000}
        alice POST order/cancelReplace symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=51000&cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId=1&cancelNewClientOrderId=c1&newClientOrderId=a2
            200 {"cancelResult":"SUCCESS","newOrderResult":"SUCCESS","cancelResponse":{"symbol":"BTCUSDT","origClientOrderId":"a1","orderId":1,"orderListId":-1,"clientOrderId":"c1","transactTime":1767323045000,"price":"50000.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC","type":"LIMIT","side":"SELL","selfTradePreventionMode":"NONE"},"newOrderResponse":{"symbol":"BTCUSDT","orderId":2,"orderListId":-1,"clientOrderId":"a2","transactTime":1767323045000,"price":"51000.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"NEW","timeInForce":"GTC","type":"LIMIT","side":"SELL","workingTime":1767323045000,"selfTradePreventionMode":"NONE","fills":[]}}
        alice POST order/cancelReplace symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=52000&cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId=1&newClientOrderId=a3
            400 {"code":-2022,"msg":"Order cancel-replace failed.","data":{"cancelResult":"FAILURE","newOrderResult":"NOT_ATTEMPTED","cancelResponse":{"code":-2011,"msg":"Unknown order sent."},"newOrderResponse":null}}
        alice POST order/cancelReplace symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=52000&cancelReplaceMode=ALLOW_FAILURE&cancelOrigClientOrderId=nobody&newClientOrderId=a3&newOrderRespType=ACK
            409 {"code":-2021,"msg":"Order cancel-replace partially failed.","data":{"cancelResult":"FAILURE","newOrderResult":"SUCCESS","cancelResponse":{"code":-2011,"msg":"Unknown order sent."},"newOrderResponse":{"symbol":"BTCUSDT","orderId":3,"orderListId":-1,"clientOrderId":"a3","transactTime":1767323045000}}}
        alice POST order/cancelReplace symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=52000&cancelReplaceMode=ALLOW_FAILURE&cancelOrderId=2&cancelRestrictions=ONLY_PARTIALLY_FILLED&newClientOrderId=a4&quantity=99
            400 {"code":-1101,"msg":"Duplicate values for parameter 'quantity'."}
        alice POST order/cancelReplace symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=99&price=52000&cancelReplaceMode=ALLOW_FAILURE&cancelOrderId=1&newClientOrderId=a4
            400 {"code":-2022,"msg":"Order cancel-replace failed.","data":{"cancelResult":"FAILURE","newOrderResult":"FAILURE","cancelResponse":{"code":-2011,"msg":"Unknown order sent."},"newOrderResponse":{"code":-2010,"msg":"Account has insufficient balance for requested action."}}}
        alice POST order/cancelReplace symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=99&price=52000&cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId=2&cancelNewClientOrderId=c2&newClientOrderId=a5
            409 {"code":-2021,"msg":"Order cancel-replace partially failed.","data":{"cancelResult":"SUCCESS","newOrderResult":"FAILURE","cancelResponse":{"symbol":"BTCUSDT","origClientOrderId":"a2","orderId":2,"orderListId":-1,"clientOrderId":"c2","transactTime":1767323045000,"price":"51000.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC","type":"LIMIT","side":"SELL","selfTradePreventionMode":"NONE"},"newOrderResponse":{"code":-2010,"msg":"Account has insufficient balance for requested action."}}}
        alice POST order/cancelReplace symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=52000.001&cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId=3&newClientOrderId=a6
            400 {"code":-1013,"msg":"Filter failure: PRICE_FILTER"}
        alice POST order/cancelReplace symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=52000&cancelReplaceMode=SOMETIMES&cancelOrderId=3&newClientOrderId=a6
            400 {"code":-1130,"msg":"Data sent for parameter 'cancelReplaceMode' is not valid."}
        alice POST order/cancelReplace symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=52000&cancelReplaceMode=STOP_ON_FAILURE&newClientOrderId=a6
            400 {"code":-1102,"msg":"Param 'cancelOrigClientOrderId' or 'cancelOrderId' must be sent, but both were empty/null!"}
    "#]].assert_eq(&told);
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
    expect![[r#"
        alice POST order symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=50000&newClientOrderId=m1&newOrderRespType=ACK
            200 {"symbol":"BTCUSDT","orderId":1,"orderListId":-1,"clientOrderId":"m1","transactTime":1767323045000}
        bob POST order symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.1&price=50000&newClientOrderId=m2&newOrderRespType=ACK
            200 {"symbol":"BTCUSDT","orderId":2,"orderListId":-1,"clientOrderId":"m2","transactTime":1767323045000}
        alice POST orderList/oco symbol=BTCUSDT&side=SELL&quantity=1&aboveType=LIMIT_MAKER&abovePrice=55000&aboveClientOrderId=o1&belowType=STOP_LOSS_LIMIT&belowStopPrice=45000&belowPrice=44000&belowTimeInForce=GTC&belowClientOrderId=o2&listClientOrderId=l1
            200 {"orderListId":1,"contingencyType":"OCO","listStatusType":"EXEC_STARTED","listOrderStatus":"EXECUTING","listClientOrderId":"l1","transactionTime":1767323045000,"symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":3,"clientOrderId":"o1"},{"symbol":"BTCUSDT","orderId":4,"clientOrderId":"o2"}],"orderReports":[{"symbol":"BTCUSDT","orderId":3,"orderListId":1,"clientOrderId":"o1","transactTime":1767323045000,"price":"55000.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"NEW","timeInForce":"GTC","type":"LIMIT_MAKER","side":"SELL","workingTime":1767323045000,"selfTradePreventionMode":"NONE"},{"symbol":"BTCUSDT","orderId":4,"orderListId":1,"clientOrderId":"o2","transactTime":1767323045000,"price":"44000.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"NEW","timeInForce":"GTC","type":"STOP_LOSS_LIMIT","side":"SELL","stopPrice":"45000.00000000","workingTime":-1,"selfTradePreventionMode":"NONE"}]}
        alice GET openOrderList 
            200 [{"orderListId":1,"contingencyType":"OCO","listStatusType":"EXEC_STARTED","listOrderStatus":"EXECUTING","listClientOrderId":"l1","transactionTime":1767323045000,"symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":3,"clientOrderId":"o1"},{"symbol":"BTCUSDT","orderId":4,"clientOrderId":"o2"}]}]
        alice GET orderList orderListId=1
            200 {"orderListId":1,"contingencyType":"OCO","listStatusType":"EXEC_STARTED","listOrderStatus":"EXECUTING","listClientOrderId":"l1","transactionTime":1767323045000,"symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":3,"clientOrderId":"o1"},{"symbol":"BTCUSDT","orderId":4,"clientOrderId":"o2"}]}
        alice GET orderList origClientOrderId=l1
            200 {"orderListId":1,"contingencyType":"OCO","listStatusType":"EXEC_STARTED","listOrderStatus":"EXECUTING","listClientOrderId":"l1","transactionTime":1767323045000,"symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":3,"clientOrderId":"o1"},{"symbol":"BTCUSDT","orderId":4,"clientOrderId":"o2"}]}
        bob GET orderList orderListId=1
            400 {"code":-2013,"msg":"Order list does not exist."}
        alice DELETE order symbol=BTCUSDT&origClientOrderId=o2&newClientOrderId=c1
            200 {"orderListId":1,"contingencyType":"OCO","listStatusType":"ALL_DONE","listOrderStatus":"ALL_DONE","listClientOrderId":"l1","transactionTime":1767323045000,"symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":3,"clientOrderId":"o1"},{"symbol":"BTCUSDT","orderId":4,"clientOrderId":"o2"}],"orderReports":[{"symbol":"BTCUSDT","origClientOrderId":"o1","orderId":3,"orderListId":1,"clientOrderId":"c1","transactTime":1767323045000,"price":"55000.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC","type":"LIMIT_MAKER","side":"SELL","selfTradePreventionMode":"NONE"},{"symbol":"BTCUSDT","origClientOrderId":"o2","orderId":4,"orderListId":1,"clientOrderId":"c1","transactTime":1767323045000,"price":"44000.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC","type":"STOP_LOSS_LIMIT","side":"SELL","stopPrice":"45000.00000000","selfTradePreventionMode":"NONE"}]}
        alice POST order/oco symbol=BTCUSDT&side=BUY&quantity=1&price=45000&stopPrice=55000&stopLimitPrice=56000&stopLimitTimeInForce=GTC&limitClientOrderId=o3&stopClientOrderId=o4&listClientOrderId=l2&newOrderRespType=ACK
            200 {"orderListId":2,"contingencyType":"OCO","listStatusType":"EXEC_STARTED","listOrderStatus":"EXECUTING","listClientOrderId":"l2","transactionTime":1767323045000,"symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":5,"clientOrderId":"o4"},{"symbol":"BTCUSDT","orderId":6,"clientOrderId":"o3"}],"orderReports":[{"symbol":"BTCUSDT","orderId":5,"orderListId":2,"clientOrderId":"o4","transactTime":1767323045000},{"symbol":"BTCUSDT","orderId":6,"orderListId":2,"clientOrderId":"o3","transactTime":1767323045000}]}
        alice DELETE orderList symbol=BTCUSDT&listClientOrderId=l2&newClientOrderId=c2
            200 {"orderListId":2,"contingencyType":"OCO","listStatusType":"ALL_DONE","listOrderStatus":"ALL_DONE","listClientOrderId":"l2","transactionTime":1767323045000,"symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":5,"clientOrderId":"o4"},{"symbol":"BTCUSDT","orderId":6,"clientOrderId":"o3"}],"orderReports":[{"symbol":"BTCUSDT","origClientOrderId":"o4","orderId":5,"orderListId":2,"clientOrderId":"c2","transactTime":1767323045000,"price":"56000.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC","type":"STOP_LOSS_LIMIT","side":"BUY","stopPrice":"55000.00000000","selfTradePreventionMode":"NONE"},{"symbol":"BTCUSDT","origClientOrderId":"o3","orderId":6,"orderListId":2,"clientOrderId":"c2","transactTime":1767323045000,"price":"45000.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC","type":"LIMIT_MAKER","side":"BUY","selfTradePreventionMode":"NONE"}]}
        alice POST orderList/oto symbol=BTCUSDT&workingType=LIMIT&workingSide=BUY&workingPrice=49000&workingQuantity=1&workingTimeInForce=GTC&workingClientOrderId=w1&pendingType=MARKET&pendingSide=SELL&pendingQuantity=0.5&pendingClientOrderId=p1&listClientOrderId=l3
            200 {"orderListId":3,"contingencyType":"OTO","listStatusType":"EXEC_STARTED","listOrderStatus":"EXECUTING","listClientOrderId":"l3","transactionTime":1767323045000,"symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":7,"clientOrderId":"w1"},{"symbol":"BTCUSDT","orderId":8,"clientOrderId":"p1"}],"orderReports":[{"symbol":"BTCUSDT","orderId":7,"orderListId":3,"clientOrderId":"w1","transactTime":1767323045000,"price":"49000.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"NEW","timeInForce":"GTC","type":"LIMIT","side":"BUY","workingTime":1767323045000,"selfTradePreventionMode":"NONE"},{"symbol":"BTCUSDT","orderId":8,"orderListId":3,"clientOrderId":"p1","transactTime":1767323045000,"price":"0.00000000","origQty":"0.50000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"PENDING_NEW","timeInForce":"GTC","type":"MARKET","side":"SELL","workingTime":-1,"selfTradePreventionMode":"NONE"}]}
        alice POST orderList/otoco symbol=BTCUSDT&workingType=LIMIT_MAKER&workingSide=BUY&workingPrice=48000&workingQuantity=1&workingClientOrderId=w2&pendingSide=SELL&pendingQuantity=1&pendingAboveType=TAKE_PROFIT&pendingAboveStopPrice=56000&pendingAboveClientOrderId=p2&pendingBelowType=STOP_LOSS&pendingBelowStopPrice=44000&pendingBelowClientOrderId=p3&listClientOrderId=l4&newOrderRespType=ACK
            200 {"orderListId":4,"contingencyType":"OTO","listStatusType":"EXEC_STARTED","listOrderStatus":"EXECUTING","listClientOrderId":"l4","transactionTime":1767323045000,"symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":9,"clientOrderId":"w2"},{"symbol":"BTCUSDT","orderId":10,"clientOrderId":"p2"},{"symbol":"BTCUSDT","orderId":11,"clientOrderId":"p3"}],"orderReports":[{"symbol":"BTCUSDT","orderId":9,"orderListId":4,"clientOrderId":"w2","transactTime":1767323045000},{"symbol":"BTCUSDT","orderId":10,"orderListId":4,"clientOrderId":"p2","transactTime":1767323045000},{"symbol":"BTCUSDT","orderId":11,"orderListId":4,"clientOrderId":"p3","transactTime":1767323045000}]}
        alice DELETE openOrders symbol=BTCUSDT
            200 [{"orderListId":3,"contingencyType":"OTO","listStatusType":"ALL_DONE","listOrderStatus":"ALL_DONE","listClientOrderId":"l3","transactionTime":1767323045000,"symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":7,"clientOrderId":"w1"},{"symbol":"BTCUSDT","orderId":8,"clientOrderId":"p1"}],"orderReports":[{"symbol":"BTCUSDT","origClientOrderId":"w1","orderId":7,"orderListId":3,"clientOrderId":"8fysUMWr4DKkAGYIvb8ca7","transactTime":1767323045000,"price":"49000.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC","type":"LIMIT","side":"BUY","selfTradePreventionMode":"NONE"},{"symbol":"BTCUSDT","origClientOrderId":"p1","orderId":8,"orderListId":3,"clientOrderId":"802oEYK1gea6TYnpVO9xP3","transactTime":1767323045000,"price":"0.00000000","origQty":"0.50000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC","type":"MARKET","side":"SELL","selfTradePreventionMode":"NONE"}]},{"orderListId":4,"contingencyType":"OTO","listStatusType":"ALL_DONE","listOrderStatus":"ALL_DONE","listClientOrderId":"l4","transactionTime":1767323045000,"symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":9,"clientOrderId":"w2"},{"symbol":"BTCUSDT","orderId":10,"clientOrderId":"p2"},{"symbol":"BTCUSDT","orderId":11,"clientOrderId":"p3"}],"orderReports":[{"symbol":"BTCUSDT","origClientOrderId":"w2","orderId":9,"orderListId":4,"clientOrderId":"taFkHir0m96LgU1L1wziv5","transactTime":1767323045000,"price":"48000.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC","type":"LIMIT_MAKER","side":"BUY","selfTradePreventionMode":"NONE"},{"symbol":"BTCUSDT","origClientOrderId":"p2","orderId":10,"orderListId":4,"clientOrderId":"H1SRBgJ8xeEY6OFasTYJk0","transactTime":1767323045000,"price":"0.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC","type":"TAKE_PROFIT","side":"SELL","stopPrice":"56000.00000000","selfTradePreventionMode":"NONE"},{"symbol":"BTCUSDT","origClientOrderId":"p3","orderId":11,"orderListId":4,"clientOrderId":"13BH5TnD04aluGbBPYkwR5","transactTime":1767323045000,"price":"0.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC","type":"STOP_LOSS","side":"SELL","stopPrice":"44000.00000000","selfTradePreventionMode":"NONE"}]}]
        alice GET allOrderList limit=3
            200 [{"orderListId":2,"contingencyType":"OCO","listStatusType":"ALL_DONE","listOrderStatus":"ALL_DONE","listClientOrderId":"l2","transactionTime":1767323045000,"symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":5,"clientOrderId":"o4"},{"symbol":"BTCUSDT","orderId":6,"clientOrderId":"o3"}]},{"orderListId":3,"contingencyType":"OTO","listStatusType":"ALL_DONE","listOrderStatus":"ALL_DONE","listClientOrderId":"l3","transactionTime":1767323045000,"symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":7,"clientOrderId":"w1"},{"symbol":"BTCUSDT","orderId":8,"clientOrderId":"p1"}]},{"orderListId":4,"contingencyType":"OTO","listStatusType":"ALL_DONE","listOrderStatus":"ALL_DONE","listClientOrderId":"l4","transactionTime":1767323045000,"symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":9,"clientOrderId":"w2"},{"symbol":"BTCUSDT","orderId":10,"clientOrderId":"p2"},{"symbol":"BTCUSDT","orderId":11,"clientOrderId":"p3"}]}]
        alice GET allOrderList fromId=2&limit=1
            200 [{"orderListId":2,"contingencyType":"OCO","listStatusType":"ALL_DONE","listOrderStatus":"ALL_DONE","listClientOrderId":"l2","transactionTime":1767323045000,"symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":5,"clientOrderId":"o4"},{"symbol":"BTCUSDT","orderId":6,"clientOrderId":"o3"}]}]
        alice DELETE orderList symbol=BTCUSDT&orderListId=1
            400 {"code":-2011,"msg":"Unknown order sent."}
        alice POST orderList/oco symbol=BTCUSDT&side=SELL&quantity=1&aboveType=STOP_LOSS&aboveStopPrice=55000&belowType=STOP_LOSS&belowStopPrice=45000
            400 {"code":-1197,"msg":"A stop loss order in a sell OCO must be below."}
        alice POST orderList/oco symbol=BTCUSDT&side=SELL&quantity=1&aboveType=LIMIT_MAKER&abovePrice=44000&belowType=STOP_LOSS&belowStopPrice=45000
            400 {"code":-2010,"msg":"The relationship of the prices for the orders is not correct."}
        alice POST orderList/oco symbol=BTCUSDT&side=SELL&quantity=1&aboveType=LIMIT&abovePrice=44000&belowType=STOP_LOSS&belowStopPrice=45000
            400 {"code":-1158,"msg":"Order type not supported in OCO."}
    "#]].assert_eq(&told);
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
    expect![[r#"
        alice POST order symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=50000&newClientOrderId=a1&newOrderRespType=ACK&selfTradePreventionMode=EXPIRE_MAKER
            200 {"symbol":"BTCUSDT","orderId":1,"orderListId":-1,"clientOrderId":"a1","transactTime":1767323045000}
        alice GET account omitZeroBalances=true
            200 {"makerCommission":10,"takerCommission":10,"buyerCommission":0,"sellerCommission":0,"commissionRates":{"maker":"0.00100000","taker":"0.00100000","buyer":"0.00000000","seller":"0.00000000"},"canTrade":true,"canWithdraw":true,"canDeposit":true,"brokered":false,"requireSelfTradePrevention":false,"preventSor":true,"updateTime":1767323045000,"accountType":"SPOT","balances":[{"asset":"USDT","free":"1000000.00000000","locked":"0.00000000"},{"asset":"BTC","free":"9.00000000","locked":"1.00000000"},{"asset":"ETH","free":"100.00000000","locked":"0.00000000"}],"permissions":["SPOT"],"uid":1}
        aliceread GET account/commission symbol=BTCUSDT
            200 {"symbol":"BTCUSDT","standardCommission":{"maker":"0.00100000","taker":"0.00100000","buyer":"0.00000000","seller":"0.00000000"},"specialCommission":{"maker":"0.00000000","taker":"0.00000000","buyer":"0.00000000","seller":"0.00000000"},"taxCommission":{"maker":"0.00000000","taker":"0.00000000","buyer":"0.00000000","seller":"0.00000000"},"discount":{"enabledForAccount":false,"enabledForSymbol":true,"discountAsset":"BNB","discount":"0.25000000"}}
        alice POST order/test symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=50000
            200 {}
        alice POST order/test symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=50000&computeCommissionRates=true
            200 {"standardCommissionForOrder":{"maker":"0.00100000","taker":"0.00100000"},"specialCommissionForOrder":{"maker":"0.00000000","taker":"0.00000000"},"taxCommissionForOrder":{"maker":"0.00000000","taker":"0.00000000"},"discount":{"enabledForAccount":false,"enabledForSymbol":true,"discountAsset":"BNB","discount":"0.25000000"}}
        alice POST order/test symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.00001&price=1
            400 {"code":-1013,"msg":"Filter failure: NOTIONAL"}
        alice POST order/test symbol=BTCUSDT&side=SELL&type=TAKE_PROFIT&quantity=1&trailingDelta=99999
            400 {"code":-1013,"msg":"Filter failure: TRAILING_DELTA"}
        alice GET rateLimit/order 
            200 [{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":4294967295,"count":1},{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":200000,"count":1}]
        alice GET myFilters symbol=BTCUSDT
            200 {"assetFilters":[],"exchangeFilters":[],"symbolFilters":[{"filterType":"MAX_NUM_ORDERS","maxNumOrders":200},{"filterType":"MAX_NUM_ORDER_LISTS","maxNumOrderLists":20},{"filterType":"MAX_NUM_ALGO_ORDERS","maxNumAlgoOrders":5},{"filterType":"MAX_NUM_ORDER_AMENDS","maxNumOrderAmends":10}]}
        alice GET myAllocations symbol=BTCUSDT
            200 []
        alice POST order symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.3&selfTradePreventionMode=EXPIRE_TAKER&newClientOrderId=a2
            200 {"symbol":"BTCUSDT","orderId":2,"orderListId":-1,"clientOrderId":"a2","transactTime":1767323045000,"price":"0.00000000","origQty":"0.30000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"EXPIRED_IN_MATCH","timeInForce":"GTC","type":"MARKET","side":"BUY","preventedMatchId":1920,"preventedQuantity":"0.30000000","workingTime":1767323045000,"selfTradePreventionMode":"EXPIRE_TAKER","fills":[],"preventedMatches":[{"preventedMatchId":1920,"makerOrderId":1,"price":"50000.00000000","takerPreventedQuantity":"0.30000000"}]}
        alice GET order symbol=BTCUSDT&orderId=2
            200 {"symbol":"BTCUSDT","orderId":2,"orderListId":-1,"clientOrderId":"a2","price":"0.00000000","origQty":"0.30000000","executedQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"EXPIRED_IN_MATCH","timeInForce":"GTC","type":"MARKET","side":"BUY","stopPrice":"0.00000000","icebergQty":"0.00000000","preventedMatchId":1920,"preventedQuantity":"0.30000000","time":1767323045000,"updateTime":1767323045000,"isWorking":true,"workingTime":1767323045000,"origQuoteOrderQty":"0.00000000","selfTradePreventionMode":"EXPIRE_TAKER"}
        alice GET myPreventedMatches symbol=BTCUSDT&orderId=2
            200 [{"symbol":"BTCUSDT","preventedMatchId":1920,"takerOrderId":2,"makerSymbol":"BTCUSDT","makerOrderId":1,"tradeGroupId":-1,"selfTradePreventionMode":"EXPIRE_TAKER","price":"50000.00000000","makerPreventedQuantity":"0.30000000","transactTime":1767323045000}]
        bob GET myPreventedMatches symbol=BTCUSDT&orderId=2
            200 []
        alice GET myPreventedMatches symbol=BTCUSDT
            400 {"code":-1128,"msg":"Combination of optional parameters invalid."}
        bob GET account 
            200 {"makerCommission":10,"takerCommission":10,"buyerCommission":0,"sellerCommission":0,"commissionRates":{"maker":"0.00100000","taker":"0.00100000","buyer":"0.00000000","seller":"0.00000000"},"canTrade":true,"canWithdraw":true,"canDeposit":true,"brokered":false,"requireSelfTradePrevention":false,"preventSor":true,"updateTime":1767323045000,"accountType":"SPOT","balances":[{"asset":"USDT","free":"1000000.00000000","locked":"0.00000000"},{"asset":"BTC","free":"10.00000000","locked":"0.00000000"},{"asset":"ETH","free":"100.00000000","locked":"0.00000000"},{"asset":"BNB","free":"0.00000000","locked":"0.00000000"},{"asset":"SOL","free":"0.00000000","locked":"0.00000000"},{"asset":"XRP","free":"0.00000000","locked":"0.00000000"},{"asset":"USD","free":"0.0000000000","locked":"0.0000000000"}],"permissions":["SPOT"],"uid":2}
    "#]].assert_eq(&told);
}

/// Makers of 1 and 2 at two prices, and a taker of 4 that would meet both.
#[tokio::test]
async fn a_taker_is_told_every_match_that_was_prevented() {
    let rows: [(&str, &str, &[&str]); 6] = [
        ("NONE", "FULL", &[]),
        ("EXPIRE_TAKER", "FULL", &["50000 taker 1"]),
        ("EXPIRE_MAKER", "FULL", &["50000 maker 1", "50010 maker 2"]),
        ("EXPIRE_MAKER", "RESULT", &[]),
        ("EXPIRE_BOTH", "FULL", &["50000 taker 1 maker 1"]),
        ("DECREMENT", "FULL", &["50000 taker 1 maker 1", "50010 taker 2 maker 2"]),
    ];
    for (mode, form, expected) in rows {
        let world = World::new().await;
        let place = async |query: &str| {
            world
                .ok("alice", "POST", "/api/v3/order", &format!("symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&{query}"))
                .await
        };
        let makers = [place("side=SELL&quantity=1&price=50000").await, place("side=SELL&quantity=2&price=50010").await];
        let taker =
            place(&format!("side=BUY&quantity=4&price=50010&selfTradePreventionMode={mode}&newOrderRespType={form}"))
                .await;
        let none = Vec::new();
        let told = taker["preventedMatches"].as_array().unwrap_or(&none);
        let short = |value: &serde_json::Value| value.as_str().map(|text| text.replace(".00000000", ""));
        let texts: Vec<String> = told
            .iter()
            .map(|one| {
                let side =
                    |name: &str| short(&one[format!("{name}PreventedQuantity")]).map(|qty| format!(" {name} {qty}"));
                let sides = [side("taker"), side("maker")].map(Option::unwrap_or_default).concat();
                format!("{}{sides}", short(&one["price"]).expect("a price"))
            })
            .collect();
        assert_eq!(texts, expected, "{mode} {taker}");
        // No empty list, and nothing without the fills.
        assert_eq!(taker.get("preventedMatches").is_some(), !expected.is_empty(), "{mode} {taker}");
        if form != "FULL" {
            continue;
        }
        let ids: Vec<_> = told.iter().map(|one| (&one["preventedMatchId"], &one["makerOrderId"])).collect();
        for ((_, order), maker) in ids.iter().zip(&makers) {
            assert_eq!(**order, maker["orderId"], "{mode} {taker}");
        }
        let query = format!("symbol=BTCUSDT&orderId={}", taker["orderId"]);
        let kept = world.ok("alice", "GET", "/api/v3/myPreventedMatches", &query).await;
        let kept = kept.as_array().expect("a list");
        let kept: Vec<_> = kept.iter().map(|one| (&one["preventedMatchId"], &one["makerOrderId"])).collect();
        assert_eq!(ids, kept, "{mode}");
    }
}
