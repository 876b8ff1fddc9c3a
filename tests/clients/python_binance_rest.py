"""python-binance, REST: all of market data, every order type and list, account, history, wallet endpoints."""

import time

from binance.client import Client
from binance.exceptions import BinanceAPIException

from support import KEY, REST, SECRET, SYMBOL, Checks, Market, has, need

checks = Checks()
market = Market().await_book()


class Here(Client):
    API_URL = f"{REST}/api"
    MARGIN_API_URL = f"{REST}/sapi"


client = Here(KEY, SECRET)
ORDER = {"symbol": SYMBOL}


def public_data():
    rows = {
        "ping": lambda: client.ping() == {},
        "time": lambda: client.get_server_time()["serverTime"] > 0,
        "exchange info": lambda: SYMBOL in [one["symbol"] for one in client.get_exchange_info()["symbols"]],
        "symbol info": lambda: client.get_symbol_info(SYMBOL)["status"] == "TRADING",
        "order book": lambda: len(client.get_order_book(symbol=SYMBOL, limit=10)["bids"]) == 10,
        "recent trades": lambda: has(client.get_recent_trades(symbol=SYMBOL, limit=5)[0], "id", "price", "qty", "quoteQty", "time", "isBuyerMaker", "isBestMatch"),
        "historical trades": lambda: client.get_historical_trades(symbol=SYMBOL, fromId=1, limit=5)[0]["id"] == 1,
        "aggregated trades": lambda: has(client.get_aggregate_trades(symbol=SYMBOL)[0], "a", "p", "q", "f", "l", "T", "m", "M"),
        "klines": lambda: len(client.get_klines(symbol=SYMBOL, interval="1m", limit=2)[0]) == 12,
        "ui klines": lambda: client.get_ui_klines(symbol=SYMBOL, interval="1m") != [],
        "historical klines": lambda: client.get_historical_klines(SYMBOL, "1m", "1 hour ago UTC") != [],
        "average price": lambda: float(client.get_avg_price(symbol=SYMBOL)["price"]) > 0,
        "24 h ticker": lambda: has(client.get_ticker(symbol=SYMBOL), "priceChangePercent", "weightedAvgPrice", "lastQty", "bidQty", "firstId", "count"),
        "24 h tickers": lambda: len(client.get_ticker()) > 1,
        "price": lambda: float(client.get_symbol_ticker(symbol=SYMBOL)["price"]) > 0,
        "prices": lambda: SYMBOL in [one["symbol"] for one in client.get_all_tickers()],
        "rolling window": lambda: has(client.get_symbol_ticker_window(symbol=SYMBOL, windowSize="1h"), "openTime", "closeTime"),
        "book ticker": lambda: has(client.get_orderbook_ticker(symbol=SYMBOL), "bidPrice", "bidQty", "askPrice", "askQty"),
        "book tickers": lambda: len(client.get_orderbook_tickers()) > 1,
    }
    for name, run in rows.items():
        checks.check(name, run)
    first = next(client.aggregate_trade_iter(symbol=SYMBOL, last_id=0))
    checks.check("aggregate_trade_iter", lambda: has(first, "a", "p"))


def order_types():
    qty, low, high = market.qty(), market.price("0.9"), market.price("1.1")
    stop_low, stop_high = market.price("0.8"), market.price("1.2")
    gtc = {"timeInForce": "GTC"}
    rows = [
        ("LIMIT", {"side": "BUY", "price": low, **gtc}),
        ("LIMIT_MAKER", {"side": "SELL", "price": high}),
        ("STOP_LOSS", {"side": "SELL", "stopPrice": stop_low}),
        ("STOP_LOSS_LIMIT", {"side": "SELL", "stopPrice": stop_low, "price": stop_low, **gtc}),
        ("TAKE_PROFIT", {"side": "SELL", "stopPrice": stop_high}),
        ("TAKE_PROFIT_LIMIT", {"side": "SELL", "stopPrice": stop_high, "price": stop_high, **gtc}),
        ("STOP_LOSS_LIMIT", {"side": "SELL", "trailingDelta": 1000, "price": stop_low, **gtc}),
        ("LIMIT", {"side": "BUY", "price": low, "icebergQty": market.qty(2), **gtc}),
        ("LIMIT", {"side": "BUY", "price": low, "selfTradePreventionMode": "EXPIRE_MAKER", "strategyId": 7, "strategyType": 1_000_001, **gtc}),
    ]
    for kind, params in rows:
        name = f"{kind} {' '.join(params)}"
        checks.check(f"test of {name}", lambda: client.create_test_order(symbol=SYMBOL, type=kind, quantity=qty, **params) == {})
        order = checks.check(name, lambda: client.create_order(symbol=SYMBOL, type=kind, quantity=qty, **params))
        if not order:
            continue
        told = checks.check(f"get {name}", lambda: client.get_order(symbol=SYMBOL, orderId=order["orderId"]))
        checks.check(f"same {name}", lambda: need(told["type"] == kind and told["status"] == "NEW" and told["origQty"] and told["isWorking"] is not None))
        gone = checks.check(f"cancel {name}", lambda: client.cancel_order(symbol=SYMBOL, orderId=order["orderId"]))
        checks.check(f"{name} is canceled", lambda: need(gone["status"] == "CANCELED" and gone["origClientOrderId"] == order["clientOrderId"]))
    for answer in ("ACK", "RESULT", "FULL"):
        order = checks.check(f"newOrderRespType {answer}", lambda: client.order_limit_buy(symbol=SYMBOL, quantity=qty, price=low, newOrderRespType=answer))
        checks.check(f"{answer} has its fields", lambda: need(("fills" in order) == (answer == "FULL") and ("status" in order) == (answer != "ACK")))
    checks.check("cancel all", lambda: need(len(client._delete("openOrders", True, data={"symbol": SYMBOL})) == 3))


def trading():
    qty = market.qty()
    bought = checks.check("market buy", lambda: client.order_market_buy(symbol=SYMBOL, quantity=qty))
    checks.check("its fills", lambda: need(bought["status"] == "FILLED" and all(has(fill, "price", "qty", "commission", "commissionAsset", "tradeId") for fill in bought["fills"])))
    checks.check("by quote", lambda: need(client.order_market_sell(symbol=SYMBOL, quoteOrderQty=str(market.notional_min * 3))["status"] == "FILLED"))
    taken = checks.check("limit IOC", lambda: client.create_order(symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="IOC", quantity=qty, price=market.price("1.02")))
    checks.check("took", lambda: need(taken["status"] == "FILLED" and float(taken["executedQty"]) == float(qty)))
    far = checks.check("limit FOK far away", lambda: client.create_order(symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="FOK", quantity=qty, price=market.price("0.9")))
    checks.check("expired", lambda: need(far["status"] == "EXPIRED"))
    resting = client.order_limit_buy(symbol=SYMBOL, quantity=qty, price=market.price("0.9"))
    replaced = checks.check("cancelReplace", lambda: client.cancel_replace_order(symbol=SYMBOL, side="BUY", type="LIMIT", cancelReplaceMode="STOP_ON_FAILURE", timeInForce="GTC", quantity=qty, price=market.price("0.91"), cancelOrderId=resting["orderId"]))
    checks.check("both halves", lambda: need(replaced["cancelResult"] == replaced["newOrderResult"] == "SUCCESS"))
    working = replaced["newOrderResponse"]["orderId"]
    amended = checks.check("amend keeping priority", lambda: client._put("order/amend/keepPriority", True, data={"symbol": SYMBOL, "orderId": working, "newQty": market.qty(2)}))
    checks.check("is smaller", lambda: need(float(amended["amendedOrder"]["qty"]) == float(market.qty(2))))
    client.cancel_order(symbol=SYMBOL, orderId=working)
    mine = checks.check("my trades", lambda: client.get_my_trades(symbol=SYMBOL))
    checks.check("of the order", lambda: need(bought["orderId"] in [trade["orderId"] for trade in mine]))
    checks.check("all orders", lambda: need(bought["orderId"] in [order["orderId"] for order in client.get_all_orders(symbol=SYMBOL)]))


def order_lists():
    qty = market.qty()
    oco = {"symbol": SYMBOL, "side": "SELL", "quantity": qty, "aboveType": "LIMIT_MAKER", "abovePrice": market.price("1.2"), "belowType": "STOP_LOSS_LIMIT", "belowStopPrice": market.price("0.8"), "belowPrice": market.price("0.79"), "belowTimeInForce": "GTC"}
    placed = checks.check("OCO", lambda: client.create_oco_order(**oco))
    checks.check("two orders", lambda: need(placed["contingencyType"] == "OCO" and len(placed["orders"]) == len(placed["orderReports"]) == 2))
    checks.check("is open", lambda: need(placed["orderListId"] in [one["orderListId"] for one in client.get_open_oco_orders()]))
    path = {"symbol": SYMBOL, "orderListId": placed["orderListId"]}
    checks.check("query", lambda: need(client._get("orderList", True, data={"orderListId": placed["orderListId"]})["listOrderStatus"] == "EXECUTING"))
    checks.check("cancel", lambda: need(client._delete("orderList", True, data=path)["listOrderStatus"] == "ALL_DONE"))
    working = {"symbol": SYMBOL, "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": market.price("0.9"), "workingQuantity": qty, "workingTimeInForce": "GTC"}
    oto = {**working, "pendingType": "LIMIT_MAKER", "pendingSide": "SELL", "pendingPrice": market.price("1.2"), "pendingQuantity": qty}
    otoco = {**working, "pendingSide": "SELL", "pendingQuantity": qty, "pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": market.price("1.2"), "pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": market.price("0.8")}
    for name, params, orders in (("oto", oto, 2), ("otoco", otoco, 3)):
        placed = checks.check(name, lambda: client._post(f"orderList/{name}", True, data=params))
        checks.check(f"{name} has {orders}", lambda: need(len(placed["orders"]) == orders and placed["listStatusType"] == "EXEC_STARTED"))
        checks.check(f"cancel {name}", lambda: client._delete("orderList", True, data={"symbol": SYMBOL, "orderListId": placed["orderListId"]}))
    checks.check("all lists", lambda: need(len(client._get("allOrderList", True, data={})) >= 3))


def account():
    rows = {
        "account": lambda: has(client.get_account(), "makerCommission", "commissionRates", "canTrade", "balances", "permissions", "uid", "updateTime"),
        "balance": lambda: float(client.get_asset_balance(asset=market.quote)["free"]) > 0,
        "order count": lambda: has(client.get_current_order_count()[0], "rateLimitType", "interval", "intervalNum", "limit", "count"),
        "prevented matches": lambda: client.get_prevented_matches(symbol=SYMBOL, orderId=1) == [],
        "allocations": lambda: client.get_allocations(symbol=SYMBOL) == [],
        "commission": lambda: has(client._get("account/commission", True, data={"symbol": SYMBOL}), "standardCommission", "taxCommission", "discount"),
        "system status": lambda: client.get_system_status()["status"] == 0,
        "account status": lambda: client.get_account_status()["data"] == "Normal",
        "trading status": lambda: has(client.get_account_api_trading_status()["data"], "isLocked"),
        "permissions": lambda: client.get_account_api_permissions()["enableReading"] is True,
        "trade fees": lambda: has(client.get_trade_fee(symbol=SYMBOL)[0], "makerCommission", "takerCommission"),
        "coins": lambda: market.base in [coin["coin"] for coin in client.get_all_coins_info()],
        "deposits": lambda: isinstance(client.get_deposit_history(), list),
        "withdrawals": lambda: isinstance(client.get_withdraw_history(), list),
        "user assets": lambda: market.quote in [one["asset"] for one in client.get_user_asset()],
    }
    for name, run in rows.items():
        checks.check(name, run)
    key = checks.check("listen key", lambda: client.stream_get_listen_key())
    checks.check("keep it alive", lambda: client.stream_keepalive(key) == {})
    checks.check("close it", lambda: client.stream_close(key) == {})


def refusals():
    qty = market.qty()
    buy = lambda **over: client.create_order(**{"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": qty, "price": market.price("0.9"), **over})
    rows = [
        ("unknown symbol", lambda: buy(symbol="NOSUCH"), -1121),
        ("off the tick", lambda: buy(price=market.price("0.9") + "1"), (-1013, -1111)),
        ("off the step", lambda: buy(quantity=market.qty() + "1"), (-1013, -1111)),
        ("no price", lambda: client.create_order(symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity=qty), -1102),
        ("bad side", lambda: buy(side="HOLD"), -1117),
        ("bad type", lambda: buy(type="WISH"), -1116),
        ("bad time in force", lambda: buy(timeInForce="SOON"), -1115),
        ("below the notional", lambda: buy(quantity=str(market.step)), -1013),
        ("too much", lambda: buy(quantity="9000"), -2010),
        ("unknown order", lambda: client.get_order(symbol=SYMBOL, orderId=99_999_999_999), -2013),
        ("cancel unknown", lambda: client.cancel_order(symbol=SYMBOL, orderId=99_999_999_999), -2011),
        ("bad interval", lambda: client.get_klines(symbol=SYMBOL, interval="7m"), -1120),
        ("wrong secret", lambda: Here(KEY, "x").get_account(), -1022),
        ("unknown key", lambda: Here("x" * 64, SECRET).get_account(), -2015),
        ("a number that is none", lambda: buy(quantity="1e3"), -1100),
    ]
    for name, run, codes in rows:
        codes = codes if isinstance(codes, tuple) else (codes,)
        checks.refused(name, run, BinanceAPIException, lambda error: error.code in codes)
    name = f"dup-{time.time_ns()}"
    first = buy(newClientOrderId=name)
    checks.refused("the same client id again", lambda: buy(newClientOrderId=name, price=market.price("0.91")), BinanceAPIException, lambda error: error.code == -2010)
    client.cancel_order(symbol=SYMBOL, orderId=first["orderId"])


for part in (public_data, order_types, trading, order_lists, account, refusals):
    checks.check(part.__name__, lambda: (part(), True)[1])
checks.end()
