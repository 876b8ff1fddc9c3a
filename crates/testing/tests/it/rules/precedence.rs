//! An order that is wrong in every way is told the first thing on the list of refusals; repaired, the next; and so on.

use allin_core::ids::{AssetId, MarketId, OrderId, Seq, Timestamp, UserId};
use allin_core::num::{FeeRate, FeeRates, PRICE_MAX, PriceTicks, QTY_MAX, QtyLots};
use allin_core::spot::Spot;
use allin_core::spot::command::{
    Command, Counter, Funding, MarketState, NewOrder, OrderKind, OrderRef, Side, TimeInForce,
};
use allin_core::spot::event::Event;
use allin_core::spot::reject::Reject;
use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};
use allin_core::text::{ClientId, Label, Symbol};
use allin_testing::twin::Twin;
use allin_testing::twin::machine::SpotMachine;

const A: UserId = UserId(1);
const B: UserId = UserId(2);
const MARKET: MarketId = MarketId(0);

struct World<M> {
    machine: M,
    seq: u64,
    filters: Filters,
}

/// What is told, and what then is repaired.
type Step<M> = (Reject, fn(&mut World<M>, &mut NewOrder));

impl<M: SpotMachine> World<M> {
    /// One market of BTC for USDT, one lot at one tick worth a million units, that traded at 100.
    fn new() -> World<M> {
        let mut world = World { machine: M::start(1), seq: 0, filters: Filters::OPEN };
        for (id, symbol, scale) in [(0, "BTC", 0), (1, "USDT", 6)] {
            let symbol = Symbol::new(symbol).expect("short");
            world.send(Command::SetAsset(AssetSpec { id: AssetId(id), symbol, scale, display_scale: 0 }));
        }
        world.filter(|_| ());
        world.state(MarketState::Trading);
        for (user, asset, amount) in [(A, 0, 10), (A, 1, 100_000_000_000), (B, 0, 1_000), (B, 1, 100_000_000_000)] {
            world.credit(user, asset, amount);
        }
        for (user, side) in [(A, Side::Sell), (B, Side::Buy)] {
            world.send(Command::Place(NewOrder::limit(user, MARKET, side, PriceTicks(100), QtyLots(1))));
        }
        world
    }

    fn send(&mut self, command: Command) -> Vec<Event> {
        self.seq += 1;
        let events = self.machine.apply(Seq(self.seq), Timestamp(1_000), &command);
        let refused = events.iter().any(|event| matches!(event, Event::Refused(_)));
        assert!(!refused || matches!(command, Command::Place(_)), "{command:?}: {events:?}");
        events
    }

    fn filter(&mut self, change: impl Fn(&mut Filters)) {
        change(&mut self.filters);
        self.send(Command::SetMarket(MarketSpec {
            id: MARKET,
            symbol: Symbol::new("BTCUSDT").expect("short"),
            base: AssetId(0),
            quote: AssetId(1),
            price_scale: 0,
            tick_units: 1,
            qty_scale: 0,
            lot_units: 1,
            filters: self.filters,
        }));
    }

    fn state(&mut self, state: MarketState) {
        self.send(Command::SetMarketState { market: MARKET, state });
    }

    fn credit(&mut self, user: UserId, asset: u32, amount: i128) {
        let business_id = self.seq as i64;
        let business = Label::new("test").expect("short");
        let (asset, detail) = (AssetId(asset), Box::from(""));
        let counter = Counter::External;
        self.send(Command::Credit(Funding { user, asset, amount, business, business_id, counter, detail }));
    }

    fn freeze(&mut self, frozen: bool) {
        self.send(Command::SetUser { user: A, group: A, tier: 0, pay_discount: false, frozen });
    }

    /// Sends the order, sees it refused for each reason in turn, and at last taken.
    fn repair(mut self, mut new: NewOrder, steps: &[Step<M>]) {
        assert!(steps.is_sorted_by(|a, b| a.0 < b.0), "the steps are in the order of the list");
        for (reason, repair) in steps {
            let events = self.send(Command::Place(new));
            assert_eq!(events, [Event::Refused(*reason)], "{}: {new:?}", M::NAME);
            repair(&mut self, &mut new);
        }
        let events = self.send(Command::Place(new));
        assert!(matches!(events[0], Event::Placed(_)), "{}: repaired, yet {events:?}", M::NAME);
    }
}

fn client(name: &str) -> ClientId {
    ClientId::new(name).expect("short")
}

/// A post-only iceberg, good till date, that buys.
fn limit_order_repaired<M: SpotMachine>() {
    let mut world = World::<M>::new();
    world.send(Command::Place(NewOrder {
        client_id: client("taken"),
        display_qty: QtyLots(1),
        ..NewOrder::limit(A, MARKET, Side::Buy, PriceTicks(90), QtyLots(2))
    }));
    world.send(Command::Place(NewOrder::limit(B, MARKET, Side::Sell, PriceTicks(101), QtyLots(1))));
    world.filter(|filters| {
        (filters.price_max, filters.qty_max) = (PriceTicks(200), QtyLots(20));
        (filters.notional_max, filters.iceberg_parts_max) = (1_500_000_000, 5);
        (filters.bid_multiplier_up, filters.bid_multiplier_down) = (11_000, 9_000);
        (filters.orders_max, filters.iceberg_orders_max, filters.position_max) = (1, 1, QtyLots(15));
    });
    world.freeze(true);
    world.state(MarketState::Halt);
    let new = NewOrder {
        user: UserId(u64::MAX),
        market: MarketId(7),
        kind: OrderKind::LimitMaker,
        tif: TimeInForce::Ioc,
        display_qty: QtyLots(1),
        expire_at: Timestamp(1_000),
        client_id: client("taken"),
        fees: Some(FeeRates { maker: FeeRate(-5), taker: FeeRate(4) }),
        ..NewOrder::limit(A, MARKET, Side::Buy, PRICE_MAX, QTY_MAX)
    };
    world.repair(
        new,
        &[
            (Reject::UnknownMarket, |_, new| new.market = MARKET),
            (Reject::ReservedUser, |_, new| new.user = A),
            (Reject::AccountFrozen, |world, _| world.freeze(false)),
            (Reject::MarketHalted, |world, _| world.state(MarketState::CancelOnly)),
            (Reject::MarketCancelOnly, |world, _| world.state(MarketState::PreOpen)),
            (Reject::MarketPreOpen, |world, _| world.state(MarketState::Trading)),
            (Reject::ClientIdConflict, |_, new| new.client_id = client("free")),
            (Reject::ClientIdsFull, |_, new| new.client_id = ClientId::EMPTY),
            (Reject::InvalidCombination, |_, new| new.tif = TimeInForce::Gtd),
            (Reject::InvalidFee, |_, new| new.fees = None),
            (Reject::InvalidAmount, |_, new| new.qty = QtyLots(1_000)),
            (Reject::PriceFilter, |_, new| new.price = PriceTicks(200)),
            (Reject::LotSize, |_, new| new.qty = QtyLots(20)),
            (Reject::Notional, |_, new| new.qty = QtyLots(7)),
            (Reject::PercentPrice, |_, new| new.price = PriceTicks(101)),
            (Reject::IcebergParts, |_, new| new.display_qty = QtyLots(2)),
            (Reject::ExpireTime, |_, new| new.expire_at = Timestamp(1_001)),
            (Reject::MaxOrders, |world, _| world.filter(|filters| filters.orders_max = 0)),
            (Reject::MaxIcebergOrders, |world, _| world.filter(|filters| filters.iceberg_orders_max = 0)),
            (Reject::MaxPosition, |world, _| world.filter(|filters| filters.position_max = QtyLots(0))),
            (Reject::WouldTake, |world, new| {
                new.price = PriceTicks(100);
                // Nearly all that it has goes elsewhere.
                let elsewhere = NewOrder::limit(A, MARKET, Side::Buy, PriceTicks(90), QtyLots(15));
                for _ in 0..74 {
                    world.send(Command::Place(elsewhere));
                }
            }),
            (Reject::InsufficientBalance, |world, _| world.credit(A, 1, 1_000_000_000)),
        ],
    );
}

/// A trailing stop that sells at the market.
fn stop_order_repaired<M: SpotMachine>() {
    let mut world = World::<M>::new();
    let stop = NewOrder {
        kind: OrderKind::StopLoss,
        price: PriceTicks::NONE,
        ..NewOrder::market(A, MARKET, Side::Sell, QtyLots(1))
    };
    world.send(Command::Place(NewOrder { stop_price: PriceTicks(50), ..stop }));
    world.filter(|filters| {
        (filters.price_max, filters.qty_max, filters.market_qty_max) = (PriceTicks(200), QtyLots(50), QtyLots(30));
        (filters.notional_max, filters.notional_max_market) = (2_500_000_000, true);
        (filters.trailing_delta_min, filters.trailing_delta_max, filters.stop_orders_max) = (100, 500, 1);
    });
    let new = NewOrder { qty: QtyLots(100), trailing_delta: 50, stop_price: PriceTicks(201), ..stop };
    world.repair(
        new,
        &[
            (Reject::PriceFilter, |_, new| new.stop_price = PriceTicks(100)),
            (Reject::LotSize, |_, new| new.qty = QtyLots(40)),
            (Reject::MarketLotSize, |_, new| new.qty = QtyLots(26)),
            (Reject::Notional, |_, new| new.qty = QtyLots(25)),
            (Reject::TrailingDelta, |_, new| new.trailing_delta = 500),
            (Reject::MaxStopOrders, |world, new| {
                world.filter(|filters| filters.stop_orders_max = 0);
                new.trailing_delta = 0;
            }),
            (Reject::WouldTrigger, |_, new| new.stop_price = PriceTicks(99)),
            (Reject::InsufficientBalance, |_, new| new.qty = QtyLots(8)),
        ],
    );
}

#[test]
fn the_first_reason_on_the_list_is_told() {
    limit_order_repaired::<Spot>();
    limit_order_repaired::<Twin>();
    stop_order_repaired::<Spot>();
    stop_order_repaired::<Twin>();
}

/// A price and a quantity that are each in range may come to an amount that is not.
fn a_move_stays_within_the_largest_amount<M: SpotMachine>() {
    let mut world = World::<M>::new();
    world.credit(A, 0, 1 << 50);
    let huge = NewOrder::limit(A, MARKET, Side::Sell, PriceTicks(200), QtyLots(1 << 50));
    world.send(Command::Place(huge));
    let order = OrderRef::Id(OrderId(3));
    world.seq += 1;
    let too_far = Command::Move { user: A, market: MARKET, order, price: PRICE_MAX };
    let events = world.machine.apply(Seq(world.seq), Timestamp(1_000), &too_far);
    assert_eq!(events, [Event::Refused(Reject::InvalidAmount)], "{}", M::NAME);
    let events = world.send(Command::Place(NewOrder::market(B, MARKET, Side::Buy, QTY_MAX)));
    assert_eq!(events, [Event::Refused(Reject::InsufficientBalance)], "{}", M::NAME);
}

#[test]
fn amounts_do_not_overflow() {
    a_move_stays_within_the_largest_amount::<Spot>();
    a_move_stays_within_the_largest_amount::<Twin>();
}
