"""ccxt, REST: markets, public data, every order type, account and history."""

import time
from decimal import Decimal

import ccxt

from support import KEY, REST, SECRET, SYMBOL, Checks, Market, need

checks = Checks()
market = Market().await_book()
PAIR = f"{market.base}/{market.quote}"


def urls():
    """Every door of ccxt's binance points here, so that nothing leaves the machine."""
    api = {name: f"{REST}/api/v3" for name in ("public", "private")}
    api["v1"] = f"{REST}/api/v1"
    api.update({f"sapi{version}": f"{REST}/sapi/{(version or 'v1').lower()}" for version in ("", "V2", "V3", "V4")})
    for name in ("dapiPublic", "dapiPrivate", "dapiPrivateV2"):
        api[name] = f"{REST}/dapi/v1"
    for name in ("fapiPublic", "fapiPublicV2", "fapiPublicV3", "fapiPrivate", "fapiPrivateV2", "fapiPrivateV3"):
        api[name] = f"{REST}/futuresopen/fapi/v1"
    return {"api": api, "test": api}


def client(**over):
    options = {"fetchMarkets": {"types": ["spot"]}}
    return ccxt.binance({"apiKey": KEY, "secret": SECRET, "urls": urls(), "options": options, "timeout": 30_000, **over})


exchange = client()
keyless = client(apiKey=None, secret=None)


def public_data():
    checks.check("load_markets without keys", lambda: need(PAIR in keyless.load_markets()))
    checks.check("load_markets with currencies", lambda: need(PAIR in exchange.load_markets()))
    told = exchange.market(PAIR)
    checks.check(
        "precision and limits",
        lambda: need(
            Decimal(str(told["precision"]["price"])) == market.tick
            and Decimal(str(told["precision"]["amount"])) == market.step
            and told["active"]
            and told["limits"]["cost"]["min"] > 0
        ),
    )
    checks.check("fetch_time", lambda: need(abs(exchange.fetch_time() - time.time() * 1000) < 60_000))
    checks.check("fetch_status", lambda: need(exchange.fetch_status()["status"] == "ok"))
    checks.check("fetch_currencies", lambda: need(market.base in exchange.fetch_currencies()))
    ticker = checks.check("fetch_ticker", lambda: exchange.fetch_ticker(PAIR))
    checks.check("ticker's numbers", lambda: need(0 < ticker["bid"] < ticker["ask"] and ticker["baseVolume"] > 0))
    checks.check("fetch_tickers", lambda: need(PAIR in exchange.fetch_tickers()))
    checks.check("fetch_bids_asks", lambda: need(exchange.fetch_bids_asks([PAIR])[PAIR]["ask"] > 0))
    checks.check("fetch_last_prices", lambda: need(exchange.fetch_last_prices([PAIR])[PAIR]["price"] > 0))
    for limit in (5, 100, 1000):
        book = checks.check(f"fetch_order_book {limit}", lambda: exchange.fetch_order_book(PAIR, limit))
        checks.check("book is sorted", lambda: need(sorted_book(book) and len(book["bids"]) <= limit and book["nonce"]))
    trades = checks.check("fetch_trades", lambda: exchange.fetch_trades(PAIR, limit=50))
    checks.check("trades in order", lambda: need(trades == sorted(trades, key=lambda trade: trade["timestamp"]) and trades))
    aggregated = {"fetchTradesMethod": "publicGetAggTrades"}
    checks.check("fetch_trades aggregated", lambda: need(exchange.fetch_trades(PAIR, limit=5, params=aggregated)))
    for interval, seconds in (("1s", 1), ("1m", 60), ("1h", 3600), ("1d", 86_400), ("1w", None), ("1M", None)):
        bars = checks.check(f"fetch_ohlcv {interval}", lambda: exchange.fetch_ohlcv(PAIR, interval, limit=10))
        checks.check(f"bars of {interval}", lambda: need(bars and all(bar_fits(bar, seconds) for bar in bars)))


def sorted_book(book):
    bids, asks = [level[0] for level in book["bids"]], [level[0] for level in book["asks"]]
    return bids == sorted(bids, reverse=True) and asks == sorted(asks) and bids[0] < asks[0]


def bar_fits(bar, seconds):
    start, first, high, low, last, _ = bar
    return (seconds is None or start % (seconds * 1000) == 0) and low <= min(first, last) <= max(first, last) <= high


def resting_orders():
    qty, price = float(market.qty()), float(market.price("0.9"))
    order = checks.check("limit order", lambda: exchange.create_order(PAIR, "limit", "buy", qty, price))
    checks.check("is open", lambda: need(order["status"] == "open" and order["remaining"] == order["amount"] == qty))
    fetched = checks.check("fetch_order", lambda: exchange.fetch_order(order["id"], PAIR))
    checks.check("the same order", lambda: need(fetched["clientOrderId"] == order["clientOrderId"] and fetched["price"] == price))
    checks.check("fetch_open_orders", lambda: need(order["id"] in ids(exchange.fetch_open_orders(PAIR))))
    held = checks.check("held balance", lambda: exchange.fetch_balance()[market.quote]["used"])
    checks.check("at least the order's", lambda: need(held >= price * qty * 0.999))
    lower = float(market.price("0.89"))
    edited = checks.check("edit_order (cancelReplace)", lambda: exchange.edit_order(order["id"], PAIR, "limit", "buy", qty, lower))
    checks.check("another order at the new price", lambda: need(edited["id"] != order["id"] and edited["price"] == lower))
    checks.check("the old one is canceled", lambda: need(exchange.fetch_order(order["id"], PAIR)["status"] == "canceled"))
    checks.check("cancel_order", lambda: need(exchange.cancel_order(edited["id"], PAIR)["status"] == "canceled"))
    checks.refused("cancel twice", lambda: exchange.cancel_order(edited["id"], PAIR), ccxt.OrderNotFound)
    named = checks.check("own client id", lambda: exchange.create_order(PAIR, "limit", "buy", qty, price, {"clientOrderId": f"t-{time.time_ns()}"}))
    by_name = {"origClientOrderId": named["clientOrderId"]}
    checks.check("fetch by client id", lambda: need(exchange.fetch_order(None, PAIR, by_name)["id"] == named["id"]))
    maker = checks.check("post only", lambda: exchange.create_order(PAIR, "limit", "buy", qty, price, {"postOnly": True}))
    checks.check("is a maker's", lambda: need(maker["postOnly"]))
    iceberg = {"icebergQty": market.qty(2), "timeInForce": "GTC"}
    checks.check("iceberg", lambda: need(exchange.create_order(PAIR, "limit", "buy", qty, price, iceberg)["status"] == "open"))
    checks.check("cancel_all_orders", lambda: need(named["id"] in ids(exchange.cancel_all_orders(PAIR))))
    checks.check("none open", lambda: need(exchange.fetch_open_orders(PAIR) == []))


def ids(orders):
    return [order["id"] for order in orders]


def conditional_orders():
    qty = float(market.qty())
    rows = [
        ("stop-loss limit", "limit", "sell", "0.79", {"stopLossPrice": float(market.price("0.8"))}),
        ("take-profit limit", "limit", "sell", "1.3", {"takeProfitPrice": float(market.price("1.3"))}),
        ("stop loss", "market", "sell", None, {"stopLossPrice": float(market.price("0.8"))}),
        ("take profit", "market", "sell", None, {"takeProfitPrice": float(market.price("1.3"))}),
        ("trailing", "STOP_LOSS_LIMIT", "sell", "0.79", {"trailingDelta": 1000}),
    ]
    for name, kind, side, factor, params in rows:
        price = float(market.price(factor)) if factor else None
        order = checks.check(name, lambda: exchange.create_order(PAIR, kind, side, qty, price, params))
        if order:
            checks.check(f"{name} waits", lambda: need(exchange.fetch_order(order["id"], PAIR)["status"] == "open"))
            checks.check(f"{name} canceled", lambda: need(exchange.cancel_order(order["id"], PAIR)["status"] == "canceled"))


def trading():
    qty = float(market.qty())
    bought = checks.check("market buy", lambda: exchange.create_order(PAIR, "market", "buy", qty))
    checks.check("filled with fees", lambda: need(bought["status"] == "closed" and bought["filled"] == qty and bought["fees"] and bought["trades"]))
    cost = float(market.notional_min * 4)
    checks.check("market buy by cost", lambda: need(exchange.create_market_buy_order_with_cost(PAIR, cost)["filled"] > 0))
    checks.check("market sell", lambda: need(exchange.create_order(PAIR, "market", "sell", qty)["cost"] > 0))
    taken = checks.check("IOC at the market", lambda: exchange.create_order(PAIR, "limit", "buy", qty, float(market.price("1.02")), {"timeInForce": "IOC"}))
    checks.check("is filled", lambda: need(taken["status"] == "closed" and taken["average"] <= float(market.price("1.02"))))
    far = checks.check("FOK far away", lambda: exchange.create_order(PAIR, "limit", "buy", qty, float(market.price("0.9")), {"timeInForce": "FOK"}))
    checks.check("expired", lambda: need(far["status"] in ("expired", "canceled") and far["filled"] == 0))
    checks.check("order/test", lambda: exchange.create_order(PAIR, "limit", "buy", qty, float(market.price("0.9")), {"test": True}) is not None)
    mine = checks.check("fetch_my_trades", lambda: exchange.fetch_my_trades(PAIR))
    checks.check("with fees and side", lambda: need(any(trade["order"] == bought["id"] and trade["fee"]["currency"] and trade["takerOrMaker"] == "taker" for trade in mine)))
    checks.check("fetch_order_trades", lambda: need(sum(trade["amount"] for trade in exchange.fetch_order_trades(bought["id"], PAIR)) > 0))
    checks.check("fetch_orders", lambda: need(bought["id"] in ids(exchange.fetch_orders(PAIR))))
    checks.check("fetch_closed_orders", lambda: need(bought["id"] in ids(exchange.fetch_closed_orders(PAIR))))
    checks.check("fetch_canceled_orders", lambda: need(exchange.fetch_canceled_orders(PAIR)))
    checks.check("fetch_trading_fee", lambda: need(exchange.fetch_trading_fee(PAIR)["taker"] is not None))
    checks.check("fetch_trading_fees", lambda: need(PAIR in exchange.fetch_trading_fees()))
    checks.check("fetch_deposits", lambda: need(isinstance(exchange.fetch_deposits(), list)))
    checks.check("fetch_withdrawals", lambda: need(isinstance(exchange.fetch_withdrawals(), list)))


def refusals():
    qty, price = float(market.qty()), float(market.price("0.9"))
    limit = lambda amount, at, **params: exchange.create_order(PAIR, "limit", "buy", amount, at, params)
    free = exchange.fetch_balance()[market.quote]["free"]
    too_much = float(exchange.amount_to_precision(PAIR, free * 3 / price))
    checks.refused("too little money", lambda: limit(too_much, price), ccxt.InsufficientFunds)
    checks.refused("post only that would take", lambda: limit(qty, float(market.price("1.02")), postOnly=True), ccxt.OrderImmediatelyFillable)
    checks.refused("below the notional", lambda: limit(float(market.step), price), (ccxt.InvalidOrder, ccxt.BadRequest))
    checks.refused("unknown order", lambda: exchange.fetch_order("99999999999", PAIR), ccxt.OrderNotFound)
    checks.refused("unknown symbol", lambda: exchange.publicGetDepth({"symbol": "NOSUCH"}), ccxt.BadSymbol)
    checks.refused("wrong secret", lambda: with_markets(secret="x").fetch_balance(), ccxt.AuthenticationError)
    checks.refused("unknown key", lambda: with_markets(apiKey="x" * 64).fetch_balance(), ccxt.AuthenticationError)
    stale = {"timestamp": int(time.time() * 1000) - 120_000}
    checks.refused("stale timestamp", lambda: exchange.privateGetAccount(stale), ccxt.InvalidNonce)


def with_markets(**over):
    other = client(**over)
    other.set_markets(exchange.markets, exchange.currencies)
    return other


for part in (public_data, resting_orders, conditional_orders, trading, refusals):
    checks.check(part.__name__, lambda: (part(), True)[1])
checks.end()
