//! Orders from placing to history, as the answers tell them. The clock stands, so the answers are the same every time.

use allin_core::spot::command::Command;
use expect_test::expect;
use serde_json::Value;

use crate::world::{ALICE, BOB, World};

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
            200 {"symbol":"BTCUSDT","orderId":10,"orderListId":-1,"clientOrderId":"a4","transactTime":1767323045000,"price":"0.00000000","origQty":"0.10000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"EXPIRED_IN_MATCH","timeInForce":"GTC","type":"MARKET","side":"BUY","preventedMatchId":2432,"preventedQuantity":"0.10000000","workingTime":1767323045000,"selfTradePreventionMode":"EXPIRE_TAKER","fills":[],"preventedMatches":[{"preventedMatchId":2432,"makerSymbol":"BTCUSDT","makerOrderId":2,"price":"50100.50000000","takerPreventedQuantity":"0.10000000"}]}
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
            200 [{"orderListId":3,"contingencyType":"OTO","listStatusType":"ALL_DONE","listOrderStatus":"ALL_DONE","listClientOrderId":"l3","transactionTime":1767323045000,"symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":7,"clientOrderId":"w1"},{"symbol":"BTCUSDT","orderId":8,"clientOrderId":"p1"}],"orderReports":[{"symbol":"BTCUSDT","origClientOrderId":"w1","orderId":7,"orderListId":3,"clientOrderId":"DuNZIbiPOu01NRlKgyll46","transactTime":1767323045000,"price":"49000.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC","type":"LIMIT","side":"BUY","selfTradePreventionMode":"NONE"},{"symbol":"BTCUSDT","origClientOrderId":"p1","orderId":8,"orderListId":3,"clientOrderId":"DuNZIbiPOu01NRlKgyll46","transactTime":1767323045000,"price":"0.00000000","origQty":"0.50000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC","type":"MARKET","side":"SELL","selfTradePreventionMode":"NONE"}]},{"orderListId":4,"contingencyType":"OTO","listStatusType":"ALL_DONE","listOrderStatus":"ALL_DONE","listClientOrderId":"l4","transactionTime":1767323045000,"symbol":"BTCUSDT","orders":[{"symbol":"BTCUSDT","orderId":9,"clientOrderId":"w2"},{"symbol":"BTCUSDT","orderId":10,"clientOrderId":"p2"},{"symbol":"BTCUSDT","orderId":11,"clientOrderId":"p3"}],"orderReports":[{"symbol":"BTCUSDT","origClientOrderId":"w2","orderId":9,"orderListId":4,"clientOrderId":"DuNZIbiPOu01NRlKgyll46","transactTime":1767323045000,"price":"48000.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC","type":"LIMIT_MAKER","side":"BUY","selfTradePreventionMode":"NONE"},{"symbol":"BTCUSDT","origClientOrderId":"p2","orderId":10,"orderListId":4,"clientOrderId":"DuNZIbiPOu01NRlKgyll46","transactTime":1767323045000,"price":"0.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC","type":"TAKE_PROFIT","side":"SELL","stopPrice":"56000.00000000","selfTradePreventionMode":"NONE"},{"symbol":"BTCUSDT","origClientOrderId":"p3","orderId":11,"orderListId":4,"clientOrderId":"DuNZIbiPOu01NRlKgyll46","transactTime":1767323045000,"price":"0.00000000","origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC","type":"STOP_LOSS","side":"SELL","stopPrice":"44000.00000000","selfTradePreventionMode":"NONE"}]}]
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
            200 {"symbol":"BTCUSDT","orderId":2,"orderListId":-1,"clientOrderId":"a2","transactTime":1767323045000,"price":"0.00000000","origQty":"0.30000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"EXPIRED_IN_MATCH","timeInForce":"GTC","type":"MARKET","side":"BUY","preventedMatchId":1920,"preventedQuantity":"0.30000000","workingTime":1767323045000,"selfTradePreventionMode":"EXPIRE_TAKER","fills":[],"preventedMatches":[{"preventedMatchId":1920,"makerSymbol":"BTCUSDT","makerOrderId":1,"price":"50000.00000000","takerPreventedQuantity":"0.30000000"}]}
        alice GET order symbol=BTCUSDT&orderId=2
            200 {"symbol":"BTCUSDT","orderId":2,"orderListId":-1,"clientOrderId":"a2","price":"0.00000000","origQty":"0.30000000","executedQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"EXPIRED_IN_MATCH","timeInForce":"GTC","type":"MARKET","side":"BUY","stopPrice":"0.00000000","icebergQty":"0.00000000","preventedMatchId":1920,"preventedQuantity":"0.30000000","time":1767323045000,"updateTime":1767323045000,"isWorking":true,"workingTime":1767323045000,"origQuoteOrderQty":"0.00000000","selfTradePreventionMode":"EXPIRE_TAKER"}
        alice GET myPreventedMatches symbol=BTCUSDT&orderId=2
            200 [{"symbol":"BTCUSDT","preventedMatchId":1920,"takerOrderId":2,"makerSymbol":"BTCUSDT","makerOrderId":1,"tradeGroupId":-1,"selfTradePreventionMode":"EXPIRE_TAKER","price":"50000.00000000","takerPreventedQuantity":"0.30000000","transactTime":1767323045000}]
        bob GET myPreventedMatches symbol=BTCUSDT&orderId=2
            200 []
        alice GET myPreventedMatches symbol=BTCUSDT
            400 {"code":-1128,"msg":"Combination of optional parameters invalid."}
        bob GET account 
            200 {"makerCommission":10,"takerCommission":10,"buyerCommission":0,"sellerCommission":0,"commissionRates":{"maker":"0.00100000","taker":"0.00100000","buyer":"0.00000000","seller":"0.00000000"},"canTrade":true,"canWithdraw":true,"canDeposit":true,"brokered":false,"requireSelfTradePrevention":false,"preventSor":true,"updateTime":1767323045000,"accountType":"SPOT","balances":[{"asset":"USDT","free":"1000000.00000000","locked":"0.00000000"},{"asset":"BTC","free":"10.00000000","locked":"0.00000000"},{"asset":"ETH","free":"100.00000000","locked":"0.00000000"},{"asset":"BNB","free":"0.00000000","locked":"0.00000000"},{"asset":"SOL","free":"0.00000000","locked":"0.00000000"},{"asset":"XRP","free":"0.00000000","locked":"0.00000000"},{"asset":"USD","free":"0.0000000000","locked":"0.0000000000"}],"permissions":["SPOT"],"uid":2}
    "#]].assert_eq(&told);
}

/// Whatever else the order is: who sends it again learns that the first was taken, and nothing is doubled.
#[tokio::test]
async fn a_client_id_is_taken_until_a_day_after_its_order_ended() {
    let world = World::new().await;
    let again = async |price: &str| {
        let order =
            format!("symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price={price}&newClientOrderId=a1");
        let answered = world.call("alice", "POST", "/api/v3/order", &order).await;
        if answered.status == 200 { answered.json()["orderId"].to_string() } else { answered.text() }
    };
    let refused = r#"400 {"code":-2010,"msg":"Duplicate order sent."}"#;
    assert_eq!(again("50000").await, "1");
    for price in ["50000", "50000", "60000"] {
        assert_eq!(again(price).await, refused, "{price}");
    }
    world.ok("alice", "DELETE", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=a1").await;
    const DAY: u64 = 24 * 3600 * 1_000_000;
    world.pass(DAY - 1);
    assert_eq!(again("50000").await, refused);
    world.pass(1);
    assert_eq!(again("50000").await, "2");
    let open = world.ok("alice", "GET", "/api/v3/openOrders", "symbol=BTCUSDT").await;
    assert_eq!(list(&open).len(), 1);
}

/// Of a mode and a taker's quantity: the matches of the answer, then the orders as queries tell them (taker, makers): status, what
/// was prevented, and the number of the match, counted from the first.
type Kept = (&'static str, &'static str, &'static [&'static str], [&'static str; 3]);

const KEPT: [Kept; 9] = [
    ("NONE", "4", &[], ["PARTIALLY_FILLED", "FILLED", "FILLED"]),
    ("EXPIRE_TAKER", "4", &["50000 taker 4"], ["EXPIRED_IN_MATCH 4 #1", "NEW", "NEW"]),
    ("EXPIRE_TAKER", "0.5", &["50000 taker 0.5"], ["EXPIRED_IN_MATCH 0.5 #1", "NEW", "NEW"]),
    (
        "EXPIRE_MAKER",
        "0.5",
        &["50000 maker 1", "50010 maker 2"],
        ["NEW", "EXPIRED_IN_MATCH 1 #1", "EXPIRED_IN_MATCH 2 #2"],
    ),
    ("EXPIRE_BOTH", "4", &["50000 taker 4 maker 1"], ["EXPIRED_IN_MATCH 4 #1", "EXPIRED_IN_MATCH 1 #1", "NEW"]),
    ("EXPIRE_BOTH", "0.5", &["50000 taker 0.5 maker 1"], ["EXPIRED_IN_MATCH 0.5 #1", "EXPIRED_IN_MATCH 1 #1", "NEW"]),
    (
        "DECREMENT",
        "4",
        &["50000 taker 1 maker 1", "50010 taker 2 maker 2"],
        ["NEW 3 #2", "EXPIRED_IN_MATCH 1 #1", "EXPIRED_IN_MATCH 2 #2"],
    ),
    (
        "DECREMENT",
        "1.5",
        &["50000 taker 1 maker 1", "50010 taker 0.5 maker 0.5"],
        ["EXPIRED_IN_MATCH 1.5 #2", "EXPIRED_IN_MATCH 1 #1", "NEW 0.5 #2"],
    ),
    ("DECREMENT", "0.4", &["50000 taker 0.4 maker 0.4"], ["EXPIRED_IN_MATCH 0.4 #1", "NEW 0.4 #1", "NEW"]),
];

/// Makers of 1 and 2 at two prices, and takers that would meet them, field by field as in Binance's "Self Trade Prevention FAQ".
#[tokio::test]
async fn what_self_trade_prevention_takes_off() {
    for (mode, qty, matches, orders) in KEPT {
        let world = World::new().await;
        let makers = [
            limit(&world, "side=SELL&quantity=1&price=50000").await,
            limit(&world, "side=SELL&quantity=2&price=50010").await,
        ];
        let order = format!("side=BUY&quantity={qty}&price=50010&selfTradePreventionMode={mode}&newOrderRespType=FULL");
        let taker = limit(&world, &order).await;
        let told = list(&taker["preventedMatches"]);
        let row = format!("{mode} {qty}: {taker}");
        assert_eq!(told.iter().map(prevented).collect::<Vec<_>>(), matches, "{row}");
        assert_eq!(taker.get("preventedMatches").is_some(), !matches.is_empty(), "no empty list: {row}");
        assert_eq!(taker.get("tradeGroupId"), None, "{row}");
        let numbers: Vec<&Value> = told.iter().map(|one| &one["preventedMatchId"]).collect();
        let shown = |order: &Value| {
            let number = order.get("preventedMatchId").map(|id| numbers.iter().position(|of| *of == id));
            let number = number.map(|place| format!(" #{}", place.expect("one of those that were told") + 1));
            let lost = short(&order["preventedQuantity"]).map(|qty| format!(" {qty}")).unwrap_or_default();
            format!("{}{lost}{}", order["status"].as_str().expect("a status"), number.unwrap_or_default())
        };
        assert_eq!(shown(&taker), orders[0], "{row}");
        // One by one, and where they are told together.
        let together = world.ok("alice", "GET", "/api/v3/allOrders", "symbol=BTCUSDT").await;
        let open = world.ok("alice", "GET", "/api/v3/openOrders", "symbol=BTCUSDT").await;
        for (order, wanted) in [&taker, &makers[0], &makers[1]].into_iter().zip(orders) {
            let id = &order["orderId"];
            let one = world.ok("alice", "GET", "/api/v3/order", &format!("symbol=BTCUSDT&orderId={id}")).await;
            assert_eq!(shown(&one), wanted, "{row}");
            let all = list(&together).into_iter().chain(list(&open)).filter(|other| other["orderId"] == *id);
            all.for_each(|other| assert_eq!(shown(&other), wanted, "{row}"));
            // What the account may ask for of either order is what the answer told.
            let query = format!("symbol=BTCUSDT&orderId={id}");
            let kept = list(&world.ok("alice", "GET", "/api/v3/myPreventedMatches", &query).await);
            let of = told.iter().filter(|one| *id == taker["orderId"] || one["makerOrderId"] == *id);
            let of: Vec<_> = of.map(|one| (one["preventedMatchId"].clone(), prevented(one))).collect();
            let kept: Vec<_> = kept.iter().map(|one| (one["preventedMatchId"].clone(), prevented(one))).collect();
            assert_eq!(kept, of, "{row}");
        }
        for one in &told {
            let query = format!("symbol=BTCUSDT&preventedMatchId={}", one["preventedMatchId"]);
            let kept = list(&world.ok("alice", "GET", "/api/v3/myPreventedMatches", &query).await);
            assert_eq!(kept.iter().map(prevented).collect::<Vec<_>>(), [prevented(one)], "{row}");
        }
    }
}

/// A maker that lost something to DECREMENT before it is ended; and takers that tell no quantity of their own.
#[tokio::test]
async fn prevented_quantities_add_up() {
    let world = World::new().await;
    let maker = limit(&world, "side=SELL&quantity=2&price=50000").await;
    let dec = limit(&world, "side=BUY&quantity=0.5&price=50000&selfTradePreventionMode=DECREMENT").await;
    let both = limit(&world, "side=BUY&quantity=0.25&price=50000&selfTradePreventionMode=EXPIRE_BOTH").await;
    let of_match = |answer: &Value| list(&answer["preventedMatches"]).iter().map(prevented).collect::<Vec<_>>();
    assert_eq!(
        (of_match(&dec), of_match(&both)),
        (vec!["50000 taker 0.5 maker 0.5".into()], vec!["50000 taker 0.25 maker 1.5".into()])
    );
    let query = format!("symbol=BTCUSDT&orderId={}", maker["orderId"]);
    let order = world.ok("alice", "GET", "/api/v3/order", &query).await;
    assert_eq!((short(&order["preventedQuantity"]), &order["status"]), (Some("2".into()), &"EXPIRED_IN_MATCH".into()));
    let kept = list(&world.ok("alice", "GET", "/api/v3/myPreventedMatches", &query).await);
    let kept: Vec<_> = kept.iter().map(prevented).collect();
    assert_eq!(kept, ["50000 taker 0.5 maker 0.5", "50000 taker 0.25 maker 1.5"]);

    limit(&world, "side=SELL&quantity=1&price=50000").await;
    limit(&world, "side=SELL&quantity=2&price=50010").await;
    let by_quote = "symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=75000&selfTradePreventionMode=DECREMENT";
    let by_quote = world.ok("alice", "POST", "/api/v3/order", by_quote).await;
    assert_eq!(short(&by_quote["preventedQuantity"]), Some("1.4999".into()), "{by_quote}");
}

/// Bob is Alice's sub-account: both are told the group, each of what it lost itself, and of the match alike.
#[tokio::test]
async fn accounts_of_a_group_are_kept_apart() {
    let world = World::new().await;
    let set = Command::SetUserAccess { user: BOB, group: ALICE, frozen: false };
    world.submit(set).await;
    world.directory.adopt(BOB, ALICE);
    let maker = limit(&world, "side=SELL&quantity=2&price=50000").await;
    let order =
        "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&side=BUY&quantity=3&price=50000&selfTradePreventionMode=EXPIRE_BOTH";
    let taker = world.ok("bob", "POST", "/api/v3/order", order).await;
    assert_eq!(
        (&taker["tradeGroupId"], short(&taker["preventedQuantity"])),
        (&ALICE.0.into(), Some("3".into())),
        "{taker}"
    );
    for (key, order) in [("alice", &maker["orderId"]), ("bob", &taker["orderId"])] {
        let query = format!("symbol=BTCUSDT&orderId={order}");
        let kept = list(&world.ok(key, "GET", "/api/v3/myPreventedMatches", &query).await);
        let told: Vec<_> = kept.iter().map(|one| (&one["tradeGroupId"], prevented(one))).collect();
        assert_eq!(told, [(&ALICE.0.into(), "50000 taker 3 maker 2".to_owned())], "{key}");
    }
    let result = order.replace("EXPIRE_BOTH", "EXPIRE_TAKER") + "&newOrderRespType=RESULT";
    limit(&world, "side=SELL&quantity=2&price=50000").await;
    let taker = world.ok("bob", "POST", "/api/v3/order", &result).await;
    assert_eq!((taker.get("preventedMatches"), &taker["tradeGroupId"]), (None, &ALICE.0.into()), "without the fills");
    let transfer = world.call("bob", "POST", "/api/v3/order", &order.replace("EXPIRE_BOTH", "TRANSFER")).await;
    let msg = "This symbol does not allow the specified self-trade prevention mode.";
    assert_eq!(transfer.text(), format!(r#"400 {{"code":-1013,"msg":"{msg}"}}"#));
}

async fn limit(world: &World, query: &str) -> Value {
    world.ok("alice", "POST", "/api/v3/order", &format!("symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&{query}")).await
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// Without the zeros that say nothing.
fn short(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    Some(if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() })
}

/// Price and sides of a match that was prevented.
fn prevented(one: &Value) -> String {
    assert_eq!(one["makerSymbol"], "BTCUSDT", "{one}");
    let side = |name: &str| short(&one[format!("{name}PreventedQuantity")]).map(|qty| format!(" {name} {qty}"));
    let sides = [side("taker"), side("maker")].map(Option::unwrap_or_default).concat();
    format!("{}{sides}", short(&one["price"]).expect("a price"))
}
