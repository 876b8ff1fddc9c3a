//! Random commands on a real state machine, with everything that a book can meet.

use std::sync::Arc;

use allin_core::ids::{MarketId, OrderId, Seq, Timestamp, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::Spot;
use allin_core::spot::command::{
    CancelOnly, Command, Counter, Funding, ListOrders, MarketState, NewList, NewOrder, OrderKind, OrderRef,
    ReplaceMode, Side, StpMode, TimeInForce,
};
use allin_core::spot::event::Event;
use allin_core::text::{ClientId, Label};

use crate::tape::{ASSETS, MARKETS, Tape};

/// xorshift; a seed tells a whole test.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

const USERS: u64 = 6;

/// A state machine whose commands and events are written to a tape.
pub struct Flow {
    pub spot: Spot,
    pub tape: Arc<Tape>,
    random: Random,
    at: u64,
    orders: u64,
}

impl Flow {
    /// With funded users, and the first two markets open.
    pub fn new(tape: Arc<Tape>, seed: u64) -> Flow {
        let mut spot = Spot::new(Default::default());
        for (record, events) in tape.records() {
            let mut out = Vec::new();
            spot.apply(record.seq, record.at, &record.command, &mut out);
            assert_eq!(out, events, "the tape begins as the state machine would");
        }
        let mut flow = Flow { spot, tape, random: Random(seed), at: 1_777_680_000_000_000, orders: 0 };
        for user in 1..=USERS {
            for asset in 0..ASSETS.len() as u32 {
                let funding = Funding {
                    user: UserId(user),
                    asset: allin_core::ids::AssetId(asset),
                    amount: 1_000_000_000_000_000,
                    business: Label::new("deposit").expect("short"),
                    business_id: user as i64,
                    counter: Counter::External,
                    detail: "".into(),
                };
                flow.send(Command::Credit(funding));
            }
        }
        flow
    }

    /// Applies a command, and writes it down.
    pub fn send(&mut self, command: Command) -> Vec<Event> {
        let mut events = Vec::new();
        let at = Timestamp(self.at);
        self.spot.apply(Seq(self.spot.seq().0 + 1), at, &command, &mut events);
        for event in &events {
            if let Event::Placed(placed) = event {
                self.orders = placed.order.0;
            }
        }
        self.tape.push(at, command, events.clone());
        events
    }

    /// One random command; time moves a little.
    pub fn step(&mut self) -> Vec<Event> {
        self.at += self.random.one_of(&[0, 1, 1000, 300_000, 2_000_000]);
        let command = self.command();
        self.send(command)
    }

    /// Lets time pass in which nothing happens.
    pub fn pass(&mut self, micros: u64) {
        self.at += micros;
    }

    /// A number of random commands.
    pub fn steps(&mut self, count: usize) {
        (0..count).for_each(|_| drop(self.step()));
    }

    fn command(&mut self) -> Command {
        let market = MarketId(self.random.below(2) as u32);
        let user = UserId(1 + self.random.below(USERS));
        let order = OrderRef::Id(OrderId(1 + self.orders.saturating_sub(self.random.below(60))));
        match self.random.below(100) {
            0..55 => Command::Place(self.order(user, market)),
            55..60 => self.list(user, market),
            60..63 => Command::PlaceBatch((0..4).map(|_| self.order(user, market)).collect()),
            63..72 => Command::cancel(user, market, order),
            72..79 => Command::Move { user, market, order, price: PriceTicks(self.price()) },
            79..84 => Command::Reduce { user, market, order, by: QtyLots(1 + self.random.below(200)) },
            84..88 => {
                let (qty, client_id) = (QtyLots(1 + self.random.below(300)), ClientId::EMPTY);
                Command::Amend { user, market, order, qty, client_id }
            }
            88..92 => {
                let mode = self.random.one_of(&[ReplaceMode::StopOnFailure, ReplaceMode::AllowFailure]);
                let new = Box::new(self.order(user, market));
                let (only, cancel_id) = (CancelOnly::Any, ClientId::EMPTY);
                Command::CancelReplace { cancel: order, only, mode, order: new, cancel_id }
            }
            92 => Command::CancelAll { user, market, side: self.random.one_of(&[None, Some(Side::Buy)]) },
            93 => Command::Countdown { user, market, timeout_us: self.random.one_of(&[0, 3_000_000]) },
            94 => {
                let states = [MarketState::Halt, MarketState::CancelOnly, MarketState::PreOpen];
                Command::SetMarketState { market, state: self.random.one_of(&states) }
            }
            95 | 96 => Command::SetMarketState { market, state: MarketState::Trading },
            97 => Command::Uncross { market },
            _ => Command::Tick,
        }
    }

    fn price(&mut self) -> u64 {
        90 + self.random.below(21)
    }

    fn order(&mut self, user: UserId, market: MarketId) -> NewOrder {
        let side = self.random.one_of(&[Side::Buy, Side::Sell]);
        let (price, qty) = (self.price(), 1 + self.random.below(300));
        let limit = NewOrder::limit(user, market, side, PriceTicks(price), QtyLots(qty));
        let mut order = match self.random.below(20) {
            0 | 1 => NewOrder::market(user, market, side, QtyLots(qty)),
            2 => NewOrder {
                quote_amount: i128::from(price * qty) * 100,
                ..NewOrder::market(user, market, side, QtyLots(0))
            },
            3 | 4 => NewOrder { kind: OrderKind::LimitMaker, ..limit },
            5..9 => self.stop(limit),
            9..12 => NewOrder { display_qty: QtyLots(1 + qty / 5), ..limit },
            12 => NewOrder { tif: TimeInForce::Ioc, ..limit },
            13 => NewOrder { tif: TimeInForce::Fok, ..limit },
            14 => NewOrder {
                tif: TimeInForce::Gtd,
                expire_at: Timestamp(self.at + self.random.below(9_000_000)),
                ..limit
            },
            _ => limit,
        };
        let modes =
            [StpMode::None, StpMode::ExpireTaker, StpMode::ExpireMaker, StpMode::ExpireBoth, StpMode::Decrement];
        order.stp = self.random.one_of(&modes);
        if self.random.below(3) == 0 {
            order.client_id = ClientId::new(&format!("c{}", self.random.below(500))).expect("short");
        }
        order
    }

    fn stop(&mut self, limit: NewOrder) -> NewOrder {
        let kinds = [OrderKind::StopLoss, OrderKind::StopLossLimit, OrderKind::TakeProfit, OrderKind::TakeProfitLimit];
        let kind = self.random.one_of(&kinds);
        let price = if kind.has_price() { limit.price } else { PriceTicks::NONE };
        let trailing_delta = self.random.one_of(&[0, 0, 100]);
        let display_qty =
            if kind.has_price() { self.random.one_of(&[QtyLots(0), QtyLots(1 + limit.qty.0 / 3)]) } else { QtyLots(0) };
        NewOrder { kind, price, stop_price: PriceTicks(self.price()), trailing_delta, display_qty, ..limit }
    }

    fn list(&mut self, user: UserId, market: MarketId) -> Command {
        let side = self.random.one_of(&[Side::Buy, Side::Sell]);
        let qty = QtyLots(1 + self.random.below(200));
        let limit = |price: u64, side| NewOrder::limit(user, market, side, PriceTicks(price), qty);
        let display_qty = self.random.one_of(&[QtyLots(0), QtyLots(1 + qty.0 / 4)]);
        let maker = |price, side| NewOrder { kind: OrderKind::LimitMaker, display_qty, ..limit(price, side) };
        let stop = |stop, price, side| NewOrder {
            kind: OrderKind::StopLossLimit,
            stop_price: PriceTicks(stop),
            ..limit(price, side)
        };
        let pair = |side| match side {
            Side::Sell => (maker(112, side), stop(91, 90, side)),
            Side::Buy => (stop(109, 110, side), maker(88, side)),
        };
        let working = NewOrder { kind: OrderKind::Limit, ..limit(self.price(), side) };
        let orders = match self.random.below(4) {
            0 => {
                let (above, below) = pair(side);
                ListOrders::Oco { above, below }
            }
            1 => ListOrders::Oto { working, pending: limit(self.price(), side.opposite()) },
            2 => {
                let pending = limit(self.price(), side.opposite());
                ListOrders::Oto { working, pending: self.stop(pending) }
            }
            _ => {
                let (above, below) = pair(side.opposite());
                ListOrders::Otoco { working, above, below }
            }
        };
        Command::PlaceList(Box::new(NewList { client_id: ClientId::EMPTY, orders }))
    }
}

/// Markets of a tape that the flow uses.
pub fn markets() -> impl Iterator<Item = (MarketId, &'static str)> {
    MARKETS.iter().take(2).enumerate().map(|(id, (symbol, _, _))| (MarketId(id as u32), *symbol))
}
