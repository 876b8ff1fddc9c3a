"""What the client scripts share: where the exchange is, checks with a name each, and the numbers of a market.

ALLIN_REST   http://HOST:PORT of the public listener
ALLIN_WS     ws://HOST:PORT of the same
ALLIN_KEY, ALLIN_SECRET   an API key (HMAC) that may read and trade spot
ALLIN_SYMBOL a market with a book on both sides (BTCUSDT)
"""

import asyncio
import json
import os
import sys
import threading
import time
import traceback
import urllib.request
from decimal import ROUND_UP, Decimal

REST = os.environ["ALLIN_REST"]
WS = os.environ["ALLIN_WS"]
WS_API = WS + "/ws-api/v3"
KEY = os.environ["ALLIN_KEY"]
SECRET = os.environ["ALLIN_SECRET"]
SYMBOL = os.environ.get("ALLIN_SYMBOL", "BTCUSDT")
# Long enough for a busy machine; nothing is measured with it.
WAIT_S = float(os.environ.get("ALLIN_WAIT_S", "60"))


class Checks:
    """Runs checks by name; a check fails when it raises or returns False."""

    def __init__(self):
        self.passed, self.failed = 0, []

    def told(self, name, problem):
        if problem is None:
            self.passed += 1
            print(f"ok   {name}", flush=True)
        else:
            self.failed.append(name)
            print(f"FAIL {name}: {problem}", flush=True)

    def check(self, name, run):
        """Gives what `run` gives, or None when it failed."""
        try:
            result = run()
        except Exception as error:
            self.told(name, f"{type(error).__name__}: {error}\n{traceback.format_exc(limit=-2)}")
            return None
        self.told(name, "returned False" if result is False else None)
        return result

    def refused(self, name, run, kind, fits=lambda error: True):
        """`run` must raise `kind`, and the error must fit."""
        try:
            result = run()
        except kind as error:
            self.told(name, None if fits(error) else f"another error: {error!r}")
        except Exception as error:
            self.told(name, f"{type(error).__name__} instead of {kind}: {error}")
        else:
            self.told(name, f"was not refused: {result!r}")

    async def check_async(self, name, awaitable, wait_s=WAIT_S):
        try:
            result = await asyncio.wait_for(awaitable, wait_s)
        except asyncio.TimeoutError:
            self.told(name, f"nothing within {wait_s:.0f} s")
            return None
        except Exception as error:
            self.told(name, f"{type(error).__name__}: {error}\n{traceback.format_exc(limit=-2)}")
            return None
        self.told(name, "returned False" if result is False else None)
        return result

    def end(self):
        """Prints the sum and ends the process, whatever threads a client left."""
        print(f"{self.passed} passed, {len(self.failed)} failed", flush=True)
        for name in self.failed:
            print(f"  failed: {name}")
        sys.stdout.flush()
        os._exit(1 if self.failed or self.passed == 0 else 0)


def need(condition, told=""):
    """As an assertion, but never switched off."""
    if not condition:
        raise AssertionError(told or "does not hold")
    return True


def has(message, *fields):
    missing = [field for field in fields if field not in message]
    return need(not missing, f"missing {missing} in {json.dumps(message, default=str)[:400]}")


class Market:
    """Steps and prices of the market, read without any client."""

    def __init__(self, symbol=SYMBOL):
        self.symbol = symbol
        info = self.get(f"/api/v3/exchangeInfo?symbol={symbol}")["symbols"][0]
        filters = {entry["filterType"]: entry for entry in info["filters"]}
        self.base, self.quote = info["baseAsset"], info["quoteAsset"]
        self.tick = Decimal(filters["PRICE_FILTER"]["tickSize"]).normalize()
        self.step = Decimal(filters["LOT_SIZE"]["stepSize"]).normalize()
        self.notional_min = Decimal(filters["NOTIONAL"]["minNotional"])

    @staticmethod
    def get(path):
        with urllib.request.urlopen(REST + path, timeout=WAIT_S) as answer:
            return json.loads(answer.read())

    def await_book(self):
        """Waits for a book of ten levels a side and a trade: the demo's maker takes some seconds."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            book = self.get(f"/api/v3/depth?symbol={self.symbol}&limit=10")
            if min(len(book["bids"]), len(book["asks"])) == 10 and self.get(f"/api/v3/trades?symbol={self.symbol}&limit=1"):
                return self
            time.sleep(0.2)
        raise AssertionError(f"{self.symbol} has no book")

    def best(self):
        book = self.get(f"/api/v3/depth?symbol={self.symbol}&limit=5")
        side = lambda levels: Decimal(levels[0][0]) if levels else Decimal(0)
        return side(book["bids"]), side(book["asks"])

    def price(self, factor):
        """A multiple of the middle price, as text on a tick."""
        bid, ask = self.best()
        middle = (bid + ask) / 2
        return format((middle * Decimal(str(factor)) // self.tick) * self.tick, "f")

    def qty(self, times=4):
        """A quantity of so many times the smallest notional, as text on a step."""
        bid, _ = self.best()
        lots = (self.notional_min * times / bid / self.step).to_integral_value(ROUND_UP)
        return format(lots * self.step, "f")


class Background:
    """Calls `step` again and again in a thread, so that streams have something to tell."""

    def __init__(self, step, every_s=0.5):
        self.step, self.every_s, self.stop = step, every_s, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.errors = []

    def run(self):
        while not self.stop.is_set():
            try:
                self.step()
            except Exception as error:
                self.errors.append(error)
            self.stop.wait(self.every_s)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(10)
