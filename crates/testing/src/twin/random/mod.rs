//! Random commands that collide: few users, few prices, small ids, every kind of order.

mod huge;
mod operate;
mod orders;

use std::collections::VecDeque;

use allin_core::ids::{AssetId, ListId, MarketId, OrderId, Timestamp, UserId};
use allin_core::num::{FeeRate, FeeRates, PRICE_MAX, PriceTicks, QTY_MAX, QtyLots};
use allin_core::spot::command::{CancelOnly, Command, MarketState, OrderRef, ReplaceMode, Side};
use allin_core::spot::event::Event;
use allin_core::spot::spec::MarketSpec;
use allin_core::text::ClientId;

/// A stream of random numbers that a seed makes again (SplitMix64), or that bytes decide, each two of them one number.
#[derive(Clone)]
pub struct Random {
    state: u64,
    bytes: Option<VecDeque<u8>>,
}

impl Random {
    pub fn new(seed: u64) -> Random {
        Random { state: seed, bytes: None }
    }

    /// Where the bytes end, zeros follow.
    pub fn of(bytes: &[u8]) -> Random {
        Random { state: 0, bytes: Some(bytes.iter().copied().collect()) }
    }

    /// Whether there were bytes to decide, and they are used up.
    pub fn is_over(&self) -> bool {
        self.bytes.as_ref().is_some_and(VecDeque::is_empty)
    }

    pub fn draw(&mut self) -> u64 {
        if let Some(bytes) = &mut self.bytes {
            let mut next = || u64::from(bytes.pop_front().unwrap_or_default());
            self.state = next() | next() << 8;
        }
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In `low..=high`.
    pub fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.draw() % (high - low + 1)
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.draw().is_multiple_of(n)
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.range(0, from.len() as u64 - 1) as usize].clone()
    }
}

/// Users of a random world are 1 to this; now and then a command names one more, that has nothing.
pub const USERS: u64 = 6;
const ASSETS: u32 = 4;
const MARKETS: u32 = 3;
/// Around this price everything happens.
const MIDDLE: u64 = 100;

/// Makes commands, and looks at their events to know which orders and states to aim at.
#[derive(Clone)]
pub struct Commands {
    random: Random,
    now: Timestamp,
    /// Open orders as (id, owner, market), to be aimed at.
    open: Vec<(OrderId, UserId, MarketId)>,
    last_list: u64,
    epoch: u32,
    states: [MarketState; MARKETS as usize],
    specs: Vec<MarketSpec>,
    /// Placed lately, to be sent again.
    recent: Vec<Command>,
    setup: Vec<Command>,
    /// Whether this world has filters, price bands and the like at all.
    filtered: bool,
    /// Whether its numbers are as large as they can be.
    huge: bool,
}

impl Commands {
    pub fn new(seed: u64) -> Commands {
        Commands::drawn(Random::new(seed))
    }

    /// Commands that the numbers decide.
    pub fn drawn(mut random: Random) -> Commands {
        let (filtered, huge) = (random.one_in(2), random.one_in(6));
        let mut commands = Commands {
            random,
            now: Timestamp(Timestamp::DAY),
            open: Vec::new(),
            last_list: 0,
            epoch: 0,
            states: [MarketState::PreOpen; MARKETS as usize],
            specs: Vec::new(),
            recent: Vec::new(),
            setup: Vec::new(),
            filtered,
            huge,
        };
        commands.set_up();
        commands
    }

    /// Whether the bytes that decide are used up.
    pub fn is_over(&self) -> bool {
        self.random.is_over()
    }

    /// The next command and its time.
    pub fn next_command(&mut self) -> (Timestamp, Command) {
        let (at, command) = self.next_small();
        (at, if self.huge { huge::enlarge(command) } else { command })
    }

    fn next_small(&mut self) -> (Timestamp, Command) {
        let at = self.next_time();
        if let Some(command) = self.setup.pop() {
            return (at, command);
        }
        let command = self.choose();
        let again = matches!(
            command,
            Command::Place(_)
                | Command::Credit(_)
                | Command::Debit(_)
                | Command::Transfer { .. }
                | Command::PlaceBatch(_)
        );
        if again {
            self.recent.push(command.clone());
            if self.recent.len() > 8 {
                self.recent.remove(0);
            }
        }
        (at, command)
    }

    pub fn look(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Placed(placed) => self.open.push((placed.order, placed.new.user, placed.new.market)),
                Event::Closed(closed) => self.open.retain(|(id, _, _)| *id != closed.order),
                Event::ListPlaced { list, .. } => self.last_list = self.last_list.max(list.0),
                Event::MarketStateSet { market, state, .. } => self.states[market.0 as usize] = *state,
                _ => (),
            }
        }
    }

    fn next_time(&mut self) -> Timestamp {
        let step = match self.random.range(0, 999) {
            0..=599 => self.random.range(0, 3),
            600..=949 => self.random.range(0, 2_000),
            950..=984 => self.random.range(0, 5 * Timestamp::SECOND),
            985..=995 => self.random.range(0, 3 * Timestamp::MINUTE),
            996..=998 => self.random.range(0, Timestamp::DAY),
            _ => return Timestamp(self.now.0 - self.random.range(0, 1_000)),
        };
        self.now = self.now.plus(step);
        self.now
    }

    fn choose(&mut self) -> Command {
        let market = self.market();
        let state = self.states.get(market.0 as usize).copied().unwrap_or(MarketState::Trading);
        if state != MarketState::Trading && self.random.one_in(12) {
            let uncross = state == MarketState::PreOpen && !self.random.one_in(4);
            return if uncross {
                Command::Uncross { market }
            } else {
                Command::SetMarketState { market, state: MarketState::Trading }
            };
        }
        let user = self.user();
        let (owner, place, order) = self.target();
        match self.random.range(0, 999) {
            0..=479 => Command::Place(self.order(user, market)),
            480..=559 => self.list(user, market),
            560..=599 => {
                let count = if self.random.one_in(40) { self.random.range(0, 51) } else { self.random.range(1, 4) };
                Command::PlaceBatch((0..count).map(|_| self.order(user, market)).collect())
            }
            600..=659 => {
                Command::Cancel { user: owner, market: place, order, only: self.only(), cancel_id: ClientId::EMPTY }
            }
            660..=669 => Command::CancelList { user, market, list: self.list_id(), cancel_id: ClientId::EMPTY },
            670..=691 => Command::CancelAll {
                user,
                market,
                side: self.random.pick(&[None, None, Some(Side::Buy), Some(Side::Sell)]),
            },
            692..=739 => {
                let client_id = if self.random.one_in(2) { ClientId::EMPTY } else { self.client_id() };
                Command::Amend { user: owner, market: place, order, qty: self.qty(), client_id }
            }
            740..=789 => Command::Move { user: owner, market: place, order, price: self.price() },
            790..=819 => Command::Reduce { user: owner, market: place, order, by: self.qty() },
            820..=859 => Command::CancelReplace {
                cancel: order,
                only: self.only(),
                mode: self.random.pick(&[ReplaceMode::StopOnFailure, ReplaceMode::AllowFailure]),
                order: Box::new(self.order(owner, place)),
                cancel_id: ClientId::EMPTY,
            },
            860..=869 => {
                let timeout_us = self.random.pick(&[0, 1, 500, 5_000, Timestamp::MINUTE]);
                Command::Countdown { user, market, timeout_us }
            }
            870..=884 => Command::Tick,
            885..=894 => self.again(),
            895..=949 => self.funding(),
            950..=959 => self.sweep(),
            _ => self.operate(user, market),
        }
    }

    fn again(&mut self) -> Command {
        if self.recent.is_empty() { Command::Tick } else { self.random.pick(&self.recent.clone()) }
    }

    fn user(&mut self) -> UserId {
        match self.random.range(0, 199) {
            0 => UserId(u64::MAX - self.random.range(0, 16)),
            1 => UserId(USERS + 1),
            n => UserId(1 + n % USERS),
        }
    }

    fn market(&mut self) -> MarketId {
        match self.random.range(0, 199) {
            0 => MarketId(MARKETS),
            1..=150 => MarketId(0),
            _ => MarketId(self.random.range(0, MARKETS as u64 - 1) as u32),
        }
    }

    fn asset(&mut self) -> AssetId {
        if self.random.one_in(100) { AssetId(ASSETS) } else { AssetId(self.random.range(0, ASSETS as u64 - 1) as u32) }
    }

    fn side(&mut self) -> Side {
        self.random.pick(&[Side::Buy, Side::Sell])
    }

    fn price(&mut self) -> PriceTicks {
        PriceTicks(match self.random.range(0, 299) {
            0 => self.random.pick(&[0, 1, PRICE_MAX.0, PRICE_MAX.0 + 1, u64::MAX]),
            1..=9 => self.random.range(1, 3 * MIDDLE),
            10..=39 => self.random.range(MIDDLE - 20, MIDDLE + 20),
            _ => self.random.range(MIDDLE - 5, MIDDLE + 5),
        })
    }

    fn qty(&mut self) -> QtyLots {
        QtyLots(match self.random.range(0, 299) {
            0 => self.random.pick(&[0, QTY_MAX.0, QTY_MAX.0 + 1, u64::MAX]),
            1..=29 => self.random.range(1, 100),
            _ => self.random.range(1, 12),
        })
    }

    fn client_id(&mut self) -> ClientId {
        if !self.random.one_in(5) {
            return ClientId::EMPTY;
        }
        let n = self.random.range(1, 40);
        ClientId::new(&format!("c{n}")).expect("short")
    }

    /// Whose order, where, and how it is named: mostly one that is open.
    fn target(&mut self) -> (UserId, MarketId, OrderRef) {
        if self.open.is_empty() || self.random.one_in(15) {
            let order = OrderRef::Id(OrderId(self.random.range(0, 500)));
            return (self.user(), self.market(), order);
        }
        let (id, user, market) = self.random.pick(&self.open.clone());
        let user = if self.random.one_in(30) { self.user() } else { user };
        let market = if self.random.one_in(50) { self.market() } else { market };
        let order = if self.random.one_in(8) { OrderRef::Client(self.client_id()) } else { OrderRef::Id(id) };
        (user, market, order)
    }

    fn list_id(&mut self) -> ListId {
        ListId(self.last_list.saturating_sub(self.random.range(0, 4)))
    }

    fn only(&mut self) -> CancelOnly {
        self.random.pick(&[
            CancelOnly::Any,
            CancelOnly::Any,
            CancelOnly::Any,
            CancelOnly::New,
            CancelOnly::PartiallyFilled,
        ])
    }

    fn rates(&mut self) -> FeeRates {
        let maker = self.random.pick(&[0, 100_000, 75_000, -20_000, 50_000_000, 99_999_999, -99_999_999, 100_000_000]);
        let taker = self.random.pick(&[0, 100_000, 40_000, 20_000, 50_000_000, 99_999_999, -1, 100_000_000]);
        FeeRates { maker: FeeRate(maker), taker: FeeRate(taker) }
    }
}
