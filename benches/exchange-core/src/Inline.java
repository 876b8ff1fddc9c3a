import exchange.core2.core.common.CoreSymbolSpecification;
import exchange.core2.core.common.MatcherEventType;
import exchange.core2.core.common.MatcherTradeEvent;
import exchange.core2.core.common.OrderAction;
import exchange.core2.core.common.OrderType;
import exchange.core2.core.common.SymbolType;
import exchange.core2.core.common.cmd.CommandResultCode;
import exchange.core2.core.common.cmd.OrderCommand;
import exchange.core2.core.common.cmd.OrderCommandType;
import exchange.core2.core.common.config.ExchangeConfiguration;
import exchange.core2.core.common.config.OrdersProcessingConfiguration;
import exchange.core2.core.orderbook.IOrderBook;
import exchange.core2.core.orderbook.OrderBookDirectImpl;
import exchange.core2.core.processors.MatchingEngineRouter;
import exchange.core2.core.processors.RiskEngine;
import exchange.core2.core.processors.SharedPool;
import exchange.core2.core.processors.UserProfileService;
import exchange.core2.core.processors.journaling.DummySerializationProcessor;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Runs the recorded stream through exchange-core's risk engine (holds before, transfers and fees after) and matching
 * router, called one after the other in one thread: its fastest form, without its queues between threads.
 * Protocol: argument 1 is the stream, decompressed; prints "ready", then for each line read "nanoseconds nanoseconds-of-CPU trades volume notional hash".
 */
public final class Inline {
    private static final int RECORD_LEN = 24;
    private static final int SYMBOL = 1;
    private static final int BASE = 11;
    private static final int QUOTE = 12;
    /** A lot in base units, and a lot at a tick in quote units, as in ALLIN's run. */
    private static final long LOT = 10_000;
    private static final long TICK = 100;
    /** Per lot in quote units: 0.05 % and 0.02 % at the stream's middle price. */
    private static final long TAKER_FEE = 1_720;
    private static final long MAKER_FEE = 688;
    private static final long FUNDS = 1_000_000_000_000_000L;
    /** Bids are reserved at this price, so that every later move of the stream is within it. */
    private static final long RESERVE_PRICE = 60_000;

    private final RiskEngine risk;
    private final MatchingEngineRouter matching;
    private long trades;
    private long volume;
    private long notional;
    private long hash = 0xcbf29ce484222325L;

    private Inline(int users) {
        final ExchangeConfiguration configuration = ExchangeConfiguration.defaultBuilder()
                .ordersProcessingCfg(OrdersProcessingConfiguration.builder()
                        .riskProcessingMode(OrdersProcessingConfiguration.RiskProcessingMode.FULL_PER_CURRENCY)
                        .marginTradingMode(OrdersProcessingConfiguration.MarginTradingMode.MARGIN_TRADING_DISABLED)
                        .build())
                .build();
        final SharedPool pool = new SharedPool(64, 16, 1);
        final IOrderBook.OrderBookFactory factory = OrderBookDirectImpl::new;
        risk = new RiskEngine(0, 1, DummySerializationProcessor.INSTANCE, pool, configuration);
        matching = new MatchingEngineRouter(0, 1, DummySerializationProcessor.INSTANCE, factory, pool, configuration);
        final CoreSymbolSpecification symbol = CoreSymbolSpecification.builder()
                .symbolId(SYMBOL).type(SymbolType.CURRENCY_EXCHANGE_PAIR)
                .baseCurrency(BASE).quoteCurrency(QUOTE).baseScaleK(LOT).quoteScaleK(TICK)
                .takerFee(TAKER_FEE).makerFee(MAKER_FEE).build();
        risk.getSymbolSpecificationProvider().addSymbol(symbol);
        matching.getOrderBooks().put(SYMBOL,
                factory.create(symbol, matching.getObjectsPool(), matching.getEventsHelper(), configuration.getLoggingCfg()));
        final UserProfileService profiles = risk.getUserProfileService();
        for (int user = 0; user <= users; user++) {
            profiles.addEmptyUserProfile(user);
            profiles.balanceAdjustment(user, BASE, FUNDS, 1);
            profiles.balanceAdjustment(user, QUOTE, FUNDS, 2);
        }
    }

    private void run(ByteBuffer stream, int count) {
        final OrderCommand cmd = new OrderCommand();
        cmd.symbol = SYMBOL;
        for (int index = 0; index < count; index++) {
            decode(stream, index * RECORD_LEN, cmd);
            cmd.timestamp = index;
            risk.preProcessCommand(index, cmd);
            matching.processOrder(index, cmd);
            risk.handlerRiskRelease(index, cmd);
            if (cmd.resultCode != CommandResultCode.SUCCESS) {
                throw new IllegalStateException("command " + index + ": " + cmd);
            }
            for (MatcherTradeEvent event = cmd.matcherEvent; event != null; event = event.nextEvent) {
                if (event.eventType == MatcherEventType.TRADE) {
                    trades++;
                    volume += event.size;
                    notional += event.size * event.price;
                    fold(index);
                    fold(event.matchedOrderId);
                    fold(event.price);
                    fold(event.size);
                }
            }
        }
    }

    private static void decode(ByteBuffer stream, int at, OrderCommand cmd) {
        cmd.uid = stream.getInt(at + 4);
        cmd.orderId = stream.getInt(at + 8);
        cmd.size = stream.getInt(at + 12);
        cmd.price = stream.getLong(at + 16);
        cmd.matcherEvent = null;
        cmd.marketData = null;
        cmd.resultCode = CommandResultCode.NEW;
        switch (stream.get(at)) {
            case 1:
                cmd.command = OrderCommandType.PLACE_ORDER;
                cmd.action = stream.get(at + 1) == 1 ? OrderAction.BID : OrderAction.ASK;
                switch (stream.get(at + 2)) {
                    case 0:
                        cmd.orderType = OrderType.GTC;
                        cmd.reserveBidPrice = RESERVE_PRICE;
                        break;
                    case 1:
                        cmd.orderType = OrderType.IOC;
                        cmd.reserveBidPrice = cmd.price;
                        break;
                    default:
                        cmd.orderType = OrderType.FOK_BUDGET;
                        cmd.reserveBidPrice = cmd.price;
                        break;
                }
                break;
            case 2:
                cmd.command = OrderCommandType.CANCEL_ORDER;
                break;
            case 3:
                cmd.command = OrderCommandType.MOVE_ORDER;
                break;
            default:
                cmd.command = OrderCommandType.REDUCE_ORDER;
                break;
        }
    }

    private void fold(long value) {
        for (int shift = 0; shift < 64; shift += 8) {
            hash = (hash ^ (value >>> shift & 0xff)) * 0x100000001b3L;
        }
    }

    public static void main(String[] args) throws Exception {
        final ByteBuffer stream = ByteBuffer.wrap(Files.readAllBytes(Path.of(args[0]))).order(ByteOrder.LITTLE_ENDIAN);
        final int count = stream.capacity() / RECORD_LEN;
        int users = 0;
        for (int index = 0; index < count; index++) {
            users = Math.max(users, stream.getInt(index * RECORD_LEN + 4));
        }
        // Of this thread alone: what the compiler and the collector use beside it is not counted.
        final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        System.out.println("ready");
        final BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        while (in.readLine() != null) {
            final Inline engine = new Inline(users);
            final long start = System.nanoTime();
            final long cpu = threads.getCurrentThreadCpuTime();
            engine.run(stream, count);
            final long cpuNanos = threads.getCurrentThreadCpuTime() - cpu;
            final long nanos = System.nanoTime() - start;
            System.out.printf("%d %d %d %d %d %016x%n", nanos, cpuNanos, engine.trades, engine.volume, engine.notional, engine.hash);
        }
    }
}
