"""The official binance-connector: REST, streams, user data and WebSocket API."""

import json
import threading

from binance.error import ClientError
from binance.spot import Spot
from binance.websocket.spot.websocket_api import SpotWebsocketAPIClient
from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient

from support import KEY, REST, SECRET, SYMBOL, WAIT_S, WS, WS_API, Background, Checks, Market, has, need

checks = Checks()
market = Market().await_book()
client = Spot(KEY, SECRET, base_url=REST)


def reads():
    rows = {
        "ping": lambda: client.ping() == {},
        "time": lambda: client.time()["serverTime"] > 0,
        "exchange_info": lambda: client.exchange_info(SYMBOL)["symbols"][0]["symbol"] == SYMBOL,
        "exchange_info of several": lambda: len(client.exchange_info(symbols=[SYMBOL])["symbols"]) == 1,
        "exchange_info by permission": lambda: len(client.exchange_info(permissions=["SPOT"])["symbols"]) > 1,
        "depth": lambda: has(client.depth(SYMBOL, limit=5), "lastUpdateId", "bids", "asks"),
        "trades": lambda: client.trades(SYMBOL)[0]["id"] > 0,
        "historical_trades": lambda: client.historical_trades(SYMBOL, fromId=1)[0]["id"] == 1,
        "agg_trades": lambda: client.agg_trades(SYMBOL)[0]["l"] > 0,
        "klines": lambda: len(client.klines(SYMBOL, "1m", limit=3)[0]) == 12,
        "ui_klines": lambda: len(client.ui_klines(SYMBOL, "1m", limit=3)[0]) == 12,
        "avg_price": lambda: has(client.avg_price(SYMBOL), "mins", "price", "closeTime"),
        "ticker_24hr": lambda: has(client.ticker_24hr(SYMBOL), "lastId"),
        "ticker_24hr of several": lambda: len(client.ticker_24hr(symbols=[SYMBOL], type="MINI")) == 1,
        "trading_day_ticker": lambda: has(client.trading_day_ticker(SYMBOL), "openTime"),
        "rolling_window_ticker": lambda: has(client.rolling_window_ticker(SYMBOL, windowSize="4h"), "openTime"),
        "ticker_price": lambda: has(client.ticker_price(SYMBOL), "price"),
        "book_ticker": lambda: has(client.book_ticker(SYMBOL), "askQty"),
        "account": lambda: client.account(omitZeroBalances="true")["balances"],
        "order rate limit": lambda: len(client.get_order_rate_limit()) >= 2,
        "commission": lambda: has(client.query_commission_rates(SYMBOL), "standardCommission"),
        "prevented matches": lambda: client.query_prevented_matches(SYMBOL, preventedMatchId=1) == [],
        "allocations": lambda: client.query_allocations(SYMBOL) == [],
        "system_status": lambda: client.system_status()["msg"] == "normal",
        "coin_info": lambda: market.base in [coin["coin"] for coin in client.coin_info()],
        "trade_fee": lambda: client.trade_fee(symbol=SYMBOL)[0]["symbol"] == SYMBOL,
        "user_asset": lambda: market.quote in [one["asset"] for one in client.user_asset()],
        "api_key_permissions": lambda: client.api_key_permissions()["enableSpotAndMarginTrading"] is True,
        "account_status": lambda: client.account_status()["data"] == "Normal",
    }
    for name, run in rows.items():
        checks.check(name, run)


def orders():
    qty, low = market.qty(), market.price("0.9")
    limit = {"timeInForce": "GTC", "quantity": qty, "price": low}
    checks.check("new_order_test", lambda: client.new_order_test(SYMBOL, "BUY", "LIMIT", **limit) == {})
    order = checks.check("new_order", lambda: client.new_order(SYMBOL, "BUY", "LIMIT", **limit))
    checks.check("get_order", lambda: client.get_order(SYMBOL, orderId=order["orderId"])["status"] == "NEW")
    checks.check("get_open_orders", lambda: order["orderId"] in [one["orderId"] for one in client.get_open_orders(SYMBOL)])
    both = checks.check("cancel_and_replace", lambda: client.cancel_and_replace(SYMBOL, "BUY", "LIMIT", "STOP_ON_FAILURE", cancelOrderId=order["orderId"], **limit))
    checks.check("both halves", lambda: need(both["cancelResult"] == both["newOrderResult"] == "SUCCESS"))
    high, stop = market.price("1.2"), market.price("0.8")
    oco = checks.check("OCO", lambda: client.new_oco_order(SYMBOL, "SELL", qty, "LIMIT_MAKER", "STOP_LOSS", abovePrice=high, belowStopPrice=stop))
    checks.check("get_oco_order", lambda: client.get_oco_order(orderListId=oco["orderListId"])["contingencyType"] == "OCO")
    checks.check("get_oco_open_orders", lambda: len(client.get_oco_open_orders()) == 1)
    checks.check("cancel_oco_order", lambda: client.cancel_oco_order(SYMBOL, orderListId=oco["orderListId"])["listOrderStatus"] == "ALL_DONE")
    oto = checks.check("OTO", lambda: client.new_oto_order(SYMBOL, "LIMIT", "BUY", low, qty, "LIMIT_MAKER", "SELL", qty, workingTimeInForce="GTC", pendingPrice=high))
    checks.check("two orders", lambda: need(len(oto["orders"]) == 2))
    checks.check("cancel_open_orders", lambda: client.cancel_open_orders(SYMBOL) != [])
    checks.check("none open", lambda: client.get_open_orders(SYMBOL) == [])
    bought = checks.check("market order", lambda: client.new_order(SYMBOL, "BUY", "MARKET", quantity=qty))
    checks.check("filled", lambda: need(bought["status"] == "FILLED"))
    checks.check("my_trades", lambda: client.my_trades(SYMBOL, orderId=bought["orderId"]) != [])
    checks.check("get_orders", lambda: client.get_orders(SYMBOL) != [])
    checks.check("get_oco_orders", lambda: len(client.get_oco_orders()) >= 2)
    checks.refused("unknown symbol", lambda: client.depth("NOSUCH"), ClientError, lambda error: (error.status_code, error.error_code) == (400, -1121))
    checks.refused("wrong secret", lambda: Spot(KEY, "x", base_url=REST).account(), ClientError, lambda error: error.error_code == -1022)


def heard(open_, subscribe, fits):
    """Opens a connection, subscribes, and waits for a message that fits."""
    event, last = threading.Event(), []

    def on(_, text):
        message = json.loads(text)
        last[:] = [message]
        if fits(message):
            event.set()

    connection = open_(on)
    try:
        subscribe(connection)
        return need(event.wait(WAIT_S), f"last message: {str(last)[:300]}")
    finally:
        connection.stop()


def streams():
    raw = lambda on: SpotWebsocketStreamClient(on_message=on, stream_url=WS)
    combined = lambda on: SpotWebsocketStreamClient(on_message=on, stream_url=WS, is_combined=True)
    is_a = lambda kind: lambda message: isinstance(message, dict) and message.get("e") == kind
    rows = {
        "aggTrade": (lambda stream: stream.agg_trade(SYMBOL), is_a("aggTrade")),
        "trade": (lambda stream: stream.trade(SYMBOL), is_a("trade")),
        "kline": (lambda stream: stream.kline(SYMBOL, "1m"), is_a("kline")),
        "kline with offset": (lambda stream: stream.kline_timezone_offset(SYMBOL, "1d"), is_a("kline")),
        "ticker": (lambda stream: stream.ticker(SYMBOL), is_a("24hrTicker")),
        "all tickers": (lambda stream: stream.ticker(), lambda message: isinstance(message, list)),
        "mini ticker": (lambda stream: stream.mini_ticker(SYMBOL), is_a("24hrMiniTicker")),
        "all mini tickers": (lambda stream: stream.mini_ticker(), lambda message: isinstance(message, list)),
        "rolling window": (lambda stream: stream.rolling_window_ticker(SYMBOL, "1h"), is_a("1hTicker")),
        "all rolling windows": (lambda stream: stream.rolling_window_ticker_all_symbols("1h"), lambda message: isinstance(message, list)),
        "book ticker": (lambda stream: stream.book_ticker(SYMBOL), lambda message: "u" in message and "A" in message),
        "partial depth": (lambda stream: stream.partial_book_depth(SYMBOL, level=10, speed=100), lambda message: "lastUpdateId" in message),
        "diff depth": (lambda stream: stream.diff_book_depth(SYMBOL, speed=100), is_a("depthUpdate")),
    }
    for name, (subscribe, fits) in rows.items():
        checks.check(f"stream {name}", lambda: heard(raw, subscribe, fits))
    wrapped = lambda message: message.get("stream") == f"{SYMBOL.lower()}@bookTicker" and "data" in message
    checks.check("combined stream", lambda: heard(combined, lambda stream: stream.book_ticker(SYMBOL), wrapped))
    listed = lambda message: isinstance(message, dict) and message.get("result") == []
    checks.check("list of none", lambda: heard(raw, lambda stream: stream.list_subscribe(), listed))
    key = checks.check("listen key", lambda: client.new_listen_key()["listenKey"])
    checks.check("user data", lambda: heard(raw, lambda stream: stream.user_data(key), is_a("executionReport")))
    checks.check("renew_listen_key", lambda: client.renew_listen_key(key) == {})
    checks.check("close_listen_key", lambda: client.close_listen_key(key) == {})


def websocket_api():
    open_ = lambda on: SpotWebsocketAPIClient(stream_url=WS_API, api_key=KEY, api_secret=SECRET, on_message=on)
    good = lambda message: message.get("status") == 200
    limit = {"timeInForce": "GTC", "quantity": market.qty(), "price": market.price("0.9"), "newOrderRespType": "RESULT"}
    rows = {
        "ping": (lambda api: api.ping_connectivity(), good),
        "time": (lambda api: api.server_time(), good),
        "exchange info": (lambda api: api.exchange_info(symbol=SYMBOL), good),
        "order book": (lambda api: api.order_book(SYMBOL), good),
        "trades": (lambda api: api.recent_trades(SYMBOL), good),
        "klines": (lambda api: api.klines(SYMBOL, "1m"), good),
        "24 h ticker": (lambda api: api.ticker_24hr(symbol=SYMBOL), good),
        "book ticker": (lambda api: api.ticker_book(symbol=SYMBOL), good),
        "account": (lambda api: api.account(), lambda message: good(message) and "balances" in message["result"]),
        "rate limit": (lambda api: api.order_rate_limit(), good),
        "order": (lambda api: api.new_order(SYMBOL, "BUY", "LIMIT", **limit), lambda message: good(message) and message["result"]["status"] == "NEW"),
        "open orders": (lambda api: api.get_open_orders(symbol=SYMBOL), lambda message: good(message) and message["result"]),
        "cancel all": (lambda api: api.cancel_open_orders(SYMBOL), good),
        "order history": (lambda api: api.order_history(symbol=SYMBOL), good),
        "my trades": (lambda api: api.my_trades(symbol=SYMBOL), good),
        "listen key": (lambda api: api.user_data_start(), lambda message: good(message) and message["result"]["listenKey"]),
        "unknown symbol": (lambda api: api.order_book("NOSUCH"), lambda message: message.get("status") == 400 and message["error"]["code"] == -1121),
    }
    for name, (send, fits) in rows.items():
        checks.check(f"WebSocket API {name}", lambda: heard(open_, send, fits))


def trade_a_little():
    order = client.new_order(SYMBOL, "BUY", "LIMIT", timeInForce="GTC", quantity=market.qty(), price=market.price("0.85"))
    client.cancel_order(SYMBOL, orderId=order["orderId"])
    client.new_order(SYMBOL, "BUY", "MARKET", quantity=market.qty())
    client.new_order(SYMBOL, "SELL", "MARKET", quantity=market.qty())


for part in (reads, orders):
    checks.check(part.__name__, lambda: (part(), True)[1])
with Background(trade_a_little) as background:
    checks.check("streams", lambda: (streams(), True)[1])
checks.check("trading went on meanwhile", lambda: need(not background.errors, background.errors[:3]))
checks.check("websocket_api", lambda: (websocket_api(), True)[1])
checks.end()
