"""ccxt.pro: every watcher of the spot market and of the account, and orders through the WebSocket API."""

import asyncio

import ccxt.pro

from support import KEY, REST, SECRET, WAIT_S, WS, WS_API, Checks, Market, need

checks = Checks()
market = Market().await_book()
PAIR = f"{market.base}/{market.quote}"


def client():
    api = {name: f"{REST}/api/v3" for name in ("public", "private")}
    api["v1"] = f"{REST}/api/v1"
    api.update({f"sapi{version}": f"{REST}/sapi/{(version or 'v1').lower()}" for version in ("", "V2", "V3", "V4")})
    api["ws"] = {"spot": f"{WS}/ws", "margin": f"{WS}/ws", "ws-api": {"spot": WS_API}}
    options = {"fetchMarkets": {"types": ["spot"]}, "fetchMargins": False}
    return ccxt.pro.binance({"apiKey": KEY, "secret": SECRET, "urls": {"api": api, "test": api}, "options": options, "timeout": 30_000})


async def trade_a_little(exchange, stop):
    """A resting order that is cancelled, and a market order each way."""
    qty = float(market.qty())
    while not stop.is_set():
        order = await exchange.create_order(PAIR, "limit", "buy", qty, float(market.price("0.9")))
        await exchange.cancel_order(order["id"], PAIR)
        await exchange.create_order(PAIR, "market", "buy", qty)
        await exchange.create_order(PAIR, "market", "sell", qty)
        await asyncio.sleep(0.3)


async def public(exchange):
    trades = await checks.check_async("watch_trades", exchange.watch_trades(PAIR))
    checks.check("a trade", lambda: need(trades[-1]["price"] > 0 and trades[-1]["side"] in ("buy", "sell")))
    ticker = await checks.check_async("watch_ticker", exchange.watch_ticker(PAIR))
    checks.check("a ticker", lambda: need(ticker["last"] > 0))
    await checks.check_async("watch_tickers", exchange.watch_tickers([PAIR]))
    await checks.check_async("watch_bids_asks", exchange.watch_bids_asks([PAIR]))
    bars = await checks.check_async("watch_ohlcv", exchange.watch_ohlcv(PAIR, "1m"))
    checks.check("a bar", lambda: need(bars[-1][0] % 60_000 == 0))
    await checks.check_async("watch_trades_for_symbols", exchange.watch_trades_for_symbols([PAIR]))


async def books(exchange):
    for round_ in range(20):
        book = await checks.check_async(f"watch_order_book {round_}", exchange.watch_order_book(PAIR))
        if book is None:
            break
    # What was put together from snapshot and differences must be a book, and near the exchange's own.
    checks.check("not crossed", lambda: need(book["bids"][0][0] < book["asks"][0][0]))
    bid, ask = market.best()
    checks.check("near the exchange's", lambda: need(abs(book["bids"][0][0] / float(bid) - 1) < 0.01 and abs(book["asks"][0][0] / float(ask) - 1) < 0.01))


async def account(exchange):
    stop = asyncio.Event()
    trader = client()
    trader.set_markets(exchange.markets, exchange.currencies)
    trading = asyncio.create_task(trade_a_little(trader, stop))
    try:
        orders = await checks.check_async("watch_orders", exchange.watch_orders(PAIR))
        checks.check("an order", lambda: need(orders[-1]["id"] and orders[-1]["symbol"] == PAIR))
        mine = await checks.check_async("watch_my_trades", exchange.watch_my_trades(PAIR))
        checks.check("a fill with its fee", lambda: need(mine[-1]["amount"] > 0 and mine[-1]["fee"]["currency"]))
        balance = await checks.check_async("watch_balance", exchange.watch_balance())
        checks.check("a balance", lambda: need(balance[market.base]["free"] is not None))
    finally:
        stop.set()
        await checks.check_async("trading went on meanwhile", trading)
        await trader.close()


async def websocket_api(exchange):
    qty, price = float(market.qty()), float(market.price("0.9"))
    order = await checks.check_async("create_order_ws", exchange.create_order_ws(PAIR, "limit", "buy", qty, price))
    fetched = await checks.check_async("fetch_order_ws", exchange.fetch_order_ws(order["id"], PAIR))
    checks.check("the same order", lambda: need(fetched["id"] == order["id"] and fetched["status"] == "open"))
    open_orders = await checks.check_async("fetch_open_orders_ws", exchange.fetch_open_orders_ws(PAIR))
    checks.check("is among them", lambda: need(order["id"] in [one["id"] for one in open_orders]))
    lower = float(market.price("0.89"))
    edited = await checks.check_async("edit_order_ws", exchange.edit_order_ws(order["id"], PAIR, "limit", "buy", qty, lower))
    await checks.check_async("cancel_order_ws", exchange.cancel_order_ws(edited["id"], PAIR))
    await checks.check_async("fetch_balance_ws", exchange.fetch_balance_ws())
    await checks.check_async("fetch_my_trades_ws", exchange.fetch_my_trades_ws(PAIR))
    await checks.check_async("fetch_orders_ws", exchange.fetch_orders_ws(PAIR))
    await checks.check_async("fetch_ohlcv_ws", exchange.fetch_ohlcv_ws(PAIR, "1m"))
    await checks.check_async("cancel_all_orders_ws", cancel_all(exchange))


async def cancel_all(exchange):
    await exchange.create_order_ws(PAIR, "limit", "buy", float(market.qty()), float(market.price("0.9")))
    await exchange.cancel_all_orders_ws(PAIR)
    return need(await exchange.fetch_open_orders(PAIR) == [])


async def main():
    exchange = client()
    await checks.check_async("load_markets", exchange.load_markets())
    for part in (public, books, account, websocket_api):
        await checks.check_async(part.__name__, part(exchange), WAIT_S * 10)
    await exchange.close()


asyncio.run(main())
checks.end()
