"""python-binance, streams: every socket of the async manager, the threaded manager, the depth cache, user data and the
WebSocket API."""

import asyncio
import threading

from binance import AsyncClient, BinanceSocketManager, DepthCacheManager, ThreadedWebsocketManager
from binance.client import Client

from support import KEY, REST, SECRET, SYMBOL, WAIT_S, WS, WS_API, Background, Checks, Market, has, need

checks = Checks()
market = Market().await_book()

# The only change: where the exchange is.
for client in (AsyncClient, Client):
    client.API_URL, client.MARGIN_API_URL, client.WS_API_URL = f"{REST}/api", f"{REST}/sapi", WS_API
BinanceSocketManager.STREAM_URL = f"{WS}/"

trader = Client(KEY, SECRET)


def trade_a_little():
    """Orders that rest and go, and fills: something for each stream."""
    order = trader.order_limit_buy(symbol=SYMBOL, quantity=market.qty(), price=market.price("0.9"))
    trader.cancel_order(symbol=SYMBOL, orderId=order["orderId"])
    trader.order_market_buy(symbol=SYMBOL, quantity=market.qty())
    trader.order_market_sell(symbol=SYMBOL, quantity=market.qty())


async def received(socket, fits, messages=1):
    async with socket as stream:
        for _ in range(messages):
            message = await stream.recv()
            if isinstance(message, dict) and "stream" in message:
                message = message["data"]
            need(not (isinstance(message, dict) and message.get("e") == "error"), message)
            need(fits(message), str(message)[:300])
    return True


async def sockets(client):
    manager, fields = BinanceSocketManager(client), lambda *names: lambda message: has(message, *names)
    lists = lambda message: isinstance(message, list) and len(message) > 0
    rows = {
        "trade": (manager.trade_socket(SYMBOL), fields("e", "E", "s", "t", "p", "q", "T", "m", "M")),
        "aggTrade": (manager.aggtrade_socket(SYMBOL), fields("a", "p", "q", "f", "l", "T", "m", "M")),
        "kline": (manager.kline_socket(SYMBOL), lambda message: has(message["k"], *"tTsifLohlcvnxqVQB")),
        "ticker": (manager.symbol_ticker_socket(SYMBOL), fields(*"eEspPwxcQbBaAohlvqOCFLn")),
        "miniTicker": (manager.symbol_miniticker_socket(SYMBOL), fields(*"eEscohlvq")),
        "!miniTicker@arr": (manager.miniticker_socket(), lists),
        "!ticker@arr": (manager.ticker_socket(), lists),
        "bookTicker": (manager.symbol_book_ticker_socket(SYMBOL), fields(*"usbBaA")),
        "depth": (manager.depth_socket(SYMBOL), fields(*"eEsUuba")),
        "depth@100ms": (manager.depth_socket(SYMBOL, interval=100), fields(*"eEsUuba")),
        "depth5": (manager.depth_socket(SYMBOL, depth="5"), fields("lastUpdateId", "bids", "asks")),
        "depth20@100ms": (manager.depth_socket(SYMBOL, depth="20", interval=100), fields("lastUpdateId", "bids", "asks")),
        "multiplex": (manager.multiplex_socket([f"{SYMBOL.lower()}@trade", f"{SYMBOL.lower()}@bookTicker"]), lambda message: bool(message)),
    }
    for name, (socket, fits) in rows.items():
        await checks.check_async(f"socket {name}", received(socket, fits, 2))
    await checks.check_async("user socket", user_events(manager.user_socket()))
    await checks.check_async("depth cache", depth_cache(client, manager))


async def user_events(socket):
    wanted, seen = {"executionReport", "outboundAccountPosition"}, set()
    async with socket as stream:
        while not wanted <= seen:
            seen.add((await stream.recv()).get("e"))
    return True


async def depth_cache(client, manager):
    """The documented procedure, as the client follows it: a gap would restart the cache."""
    async with DepthCacheManager(client, SYMBOL, bm=manager, ws_interval=100) as cache:
        for _ in range(20):
            book = await cache.recv()
        bids, asks = book.get_bids(), book.get_asks()
        return need(bids and asks and bids[0][0] < asks[0][0], f"{bids[:1]} {asks[:1]}")


async def websocket_api(client):
    qty, price = market.qty(), market.price("0.9")
    book = await checks.check_async("ws order book", client.ws_get_order_book(symbol=SYMBOL, limit=5))
    checks.check("five levels", lambda: need(len(book["bids"]) == 5))
    order = await checks.check_async("ws order", client.ws_create_order(symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity=qty, price=price))
    told = await checks.check_async("ws get order", client.ws_get_order(symbol=SYMBOL, orderId=order["orderId"]))
    checks.check("is new", lambda: need(told["status"] == "NEW"))
    replaced = client.ws_cancel_and_replace_order(symbol=SYMBOL, side="BUY", type="LIMIT", cancelReplaceMode="STOP_ON_FAILURE", timeInForce="GTC", quantity=qty, price=market.price("0.91"), cancelOrderId=order["orderId"])
    replaced = await checks.check_async("ws cancelReplace", replaced)
    await checks.check_async("ws open orders", client.ws_get_open_orders(symbol=SYMBOL))
    await checks.check_async("ws cancel", client.ws_cancel_order(symbol=SYMBOL, orderId=replaced["newOrderResponse"]["orderId"]))
    account = await checks.check_async("ws account", client.ws_get_account())
    checks.check("balances", lambda: has(account, "balances", "canTrade"))
    await checks.check_async("ws my trades", client.ws_get_my_trades(symbol=SYMBOL))
    await checks.check_async("ws all orders", client.ws_get_all_orders(symbol=SYMBOL))


def threaded():
    """Each callback must be called with its kind of event."""
    manager = ThreadedWebsocketManager(KEY, SECRET)
    manager.start()
    heard = {name: threading.Event() for name in ("trade", "kline", "depthUpdate", "user", "multiplex")}

    def on(name, fits):
        return lambda message: heard[name].set() if fits(message) else None

    manager.start_trade_socket(on("trade", lambda message: message.get("e") == "trade"), SYMBOL)
    manager.start_kline_socket(on("kline", lambda message: message.get("e") == "kline"), SYMBOL)
    manager.start_depth_socket(on("depthUpdate", lambda message: message.get("e") == "depthUpdate"), SYMBOL)
    manager.start_user_socket(on("user", lambda message: message.get("e") == "executionReport"))
    manager.start_multiplex_socket(on("multiplex", lambda message: "stream" in message), [f"{SYMBOL.lower()}@miniTicker"])
    for name, event in heard.items():
        checks.check(f"threaded {name}", lambda: need(event.wait(WAIT_S), "no call"))
    manager.stop()


async def main():
    client = await checks.check_async("client", AsyncClient.create(KEY, SECRET))
    await checks.check_async("sockets", sockets(client), WAIT_S * 10)
    await checks.check_async("websocket api", websocket_api(client), WAIT_S * 10)
    await client.close_connection()


with Background(trade_a_little) as background:
    asyncio.run(main())
    checks.check("threaded", lambda: (threaded(), True)[1])
checks.check("trading went on meanwhile", lambda: need(not background.errors, background.errors[:3]))
checks.end()
