//! Owns the large state that several benches start from, and a random flow over it: many markets, users and resting orders.
//! Everything follows from one seed, so that the same commands give the same order ids in every run.

use allin_core::{
    ids::{AssetId, MarketId, OrderId, Seq, Timestamp, UserId},
    num::{FeeRate, FeeRates, PriceTicks, QtyLots},
    spot::{
        Spot,
        command::{Command, Counter, Funding, MarketState, NewOrder, OrderRef, Side, TimeInForce},
        event::{Event, Events},
        spec::{AssetSpec, Filters, MarketSpec},
    },
    text::{Label, Symbol},
};

/// How much of everything there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    pub bases: u32,
    pub quotes: u32,
    pub users: u32,
    pub orders: u32,
}

/// 10,000 markets, 1 million users with 3.3 million balances, 1 million resting orders: the size of exchange-core's test.
pub const LARGE: Size = Size { bases: 2_500, quotes: 4, users: 1_000_000, orders: 1_000_000 };

/// Middle of every market's prices, ticks; orders rest within [`SPREAD`] on either side.
const MIDDLE: u64 = 10_000;
const SPREAD: u64 = 60;
const QTY_MAX: u64 = 100;
const FUNDS: i128 = 1_000_000_000_000;
const RATES: FeeRates = FeeRates { maker: FeeRate(20_000), taker: FeeRate(50_000) };
/// Distance of two commands, microseconds.
const STEP_US: u64 = 1;

/// Parts of the flow out of a hundred; the rest are moves.
const PLACE: u64 = 30;
const CANCEL: u64 = 25;
const IOC: u64 = 5;

/// One command of the flow, small enough that millions are read from memory in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compact {
    /// Of a cancel or move; 0 for a new order.
    order: u64,
    user: u32,
    market: u32,
    price: u32,
    qty: u16,
    kind: Kind,
    buy: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Place,
    Ioc,
    Cancel,
    Move,
}

impl Compact {
    #[inline]
    pub fn command(&self) -> Command {
        let (user, market) = (UserId(u64::from(self.user)), MarketId(self.market));
        let side = if self.buy { Side::Buy } else { Side::Sell };
        let (price, qty) = (PriceTicks(u64::from(self.price)), QtyLots(u64::from(self.qty)));
        let order = OrderRef::Id(OrderId(self.order));
        match self.kind {
            Kind::Place => Command::Place(NewOrder::limit(user, market, side, price, qty)),
            Kind::Ioc => {
                Command::Place(NewOrder { tif: TimeInForce::Ioc, ..NewOrder::limit(user, market, side, price, qty) })
            }
            Kind::Cancel => Command::cancel(user, market, order),
            Kind::Move => Command::Move { user, market, order, price },
        }
    }
}

/// A state, and how to go on from it.
pub struct Population {
    pub spot: Spot,
    size: Size,
    time: Timestamp,
    random: Random,
    events: Events,
    /// The orders that filled the books.
    fill: Vec<Compact>,
    /// Orders that may be open: those that have gone meanwhile are found out when asked for.
    open: Vec<(OrderId, u32, u32, bool)>,
}

impl Population {
    /// Lists, funds and fills the books.
    pub fn build(size: Size) -> Population {
        let mut population = Population {
            spot: Spot::new(Default::default()),
            size,
            time: Timestamp(1_700_000_000 * Timestamp::SECOND),
            random: Random(42),
            events: Vec::new(),
            fill: Vec::with_capacity(size.orders as usize),
            open: Vec::with_capacity(size.orders as usize * 2),
        };
        for command in opening(size) {
            population.apply(&command);
        }
        while population.spot.open_order_count() < size.orders as usize {
            let compact = population.new_order(Kind::Place, true);
            population.place(compact);
            population.fill.push(compact);
        }
        population
    }

    /// The commands that lead to this state from nothing.
    pub fn history(&self) -> impl Iterator<Item = Command> + '_ {
        opening(self.size).chain(self.fill.iter().map(Compact::command))
    }

    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// So many random commands, each applied, so that the next one can refer to what it did.
    pub fn flow(&mut self, count: usize) -> Vec<Compact> {
        let mut flow = Vec::with_capacity(count);
        while flow.len() < count {
            let part = self.random.below(100);
            let compact = match part {
                0..PLACE => self.new_order(Kind::Place, false),
                _ if part < PLACE + IOC => self.new_order(Kind::Ioc, false),
                _ => match self.of_open(if part < PLACE + IOC + CANCEL { Kind::Cancel } else { Kind::Move }) {
                    Some(compact) => compact,
                    None => continue,
                },
            };
            self.place(compact);
            flow.push(compact);
        }
        flow
    }

    /// An order of a random user in a market of his; `passive` ones stay on their side of the middle.
    fn new_order(&mut self, kind: Kind, passive: bool) -> Compact {
        let user = 1 + self.random.below(u64::from(self.size.users)) as u32;
        let [first, second, quote, other] = home(self.size, user);
        let base = if self.random.below(2) == 0 { first } else { second };
        let quote = if other != quote && self.random.below(2) == 0 { other } else { quote };
        let market = base * self.size.quotes + quote;
        let buy = self.random.below(2) == 0;
        let qty = 1 + self.random.below(QTY_MAX) as u16;
        let price = self.price(buy, if passive { 0 } else { 3 });
        Compact { order: 0, user, market, price, qty, kind, buy }
    }

    fn of_open(&mut self, kind: Kind) -> Option<Compact> {
        loop {
            let at = self.random.below(self.open.len() as u64) as usize;
            let (order, user, market, buy) = *self.open.get(at)?;
            if self.spot.order(order).is_none() {
                self.open.swap_remove(at);
                continue;
            }
            if kind == Kind::Cancel {
                self.open.swap_remove(at);
            }
            let price = self.price(buy, 1);
            return Some(Compact { order: order.0, user, market, price, qty: 0, kind, buy });
        }
    }

    /// Below the middle for a buyer, above for a seller, by up to [`SPREAD`]; or up to `through` beyond it.
    fn price(&mut self, buy: bool, through: u64) -> u32 {
        let away = 1 + self.random.below(SPREAD);
        let price = if buy { MIDDLE - away + through } else { MIDDLE + away - through };
        price as u32
    }

    fn place(&mut self, compact: Compact) {
        self.apply(&compact.command());
        let resting = self.events.iter().find_map(|event| match event {
            Event::Placed(placed) => Some(placed.order),
            _ => None,
        });
        if let (Some(order), Kind::Place) = (resting, compact.kind) {
            self.open.push((order, compact.user, compact.market, compact.buy));
        }
    }

    fn apply(&mut self, command: &Command) {
        self.events.clear();
        self.time = self.time.plus(STEP_US);
        self.spot.apply(Seq(self.spot.seq().0 + 1), self.time, command, &mut self.events);
        let refused = self.events.iter().find(|event| matches!(event, Event::Refused(_)));
        assert!(refused.is_none(), "{command:?}: {refused:?}");
    }
}

/// Time of the command after `time`, as in [`Population::flow`].
pub fn next_time(time: Timestamp) -> Timestamp {
    time.plus(STEP_US)
}

/// A user's two bases, and one quote or, for three users in ten, two.
fn home(size: Size, user: u32) -> [u32; 4] {
    let mut random = Random(u64::from(user));
    let first = random.below(u64::from(size.bases)) as u32;
    let second = random.below(u64::from(size.bases)) as u32;
    let quote = random.below(u64::from(size.quotes)) as u32;
    let other = if random.below(10) < 3 { (quote + 1) % size.quotes } else { quote };
    [first, second, quote, other]
}

fn holdings(size: Size, user: u32) -> Vec<AssetId> {
    let [first, second, quote, other] = home(size, user);
    let mut assets = vec![AssetId(size.quotes + first), AssetId(size.quotes + second), AssetId(quote), AssetId(other)];
    assets.sort();
    assets.dedup();
    assets
}

/// Lists everything and funds everybody.
fn opening(size: Size) -> impl Iterator<Item = Command> {
    let users = 1..=size.users;
    let funds = users.flat_map(move |user| holdings(size, user).into_iter().map(move |asset| credit(user, asset)));
    listing(size).into_iter().chain(funds)
}

/// Quotes are listed first, then bases, then all their pairs.
fn listing(size: Size) -> Vec<Command> {
    let mut commands = vec![Command::SetFeeTier { tier: 0, rates: RATES }];
    let name = |text: String| Symbol::new(&text).expect("short");
    for id in 0..size.quotes + size.bases {
        let symbol = name(format!("A{id}"));
        commands.push(Command::SetAsset(AssetSpec { id: AssetId(id), symbol, scale: 8, display_scale: 8 }));
    }
    for id in 0..size.bases * size.quotes {
        let (base, quote) = (AssetId(size.quotes + id / size.quotes), AssetId(id % size.quotes));
        let spec = MarketSpec {
            id: MarketId(id),
            symbol: name(format!("M{id}")),
            base,
            quote,
            price_scale: 2,
            tick_units: 1,
            qty_scale: 4,
            lot_units: 1,
            filters: Filters::OPEN,
        };
        commands.push(Command::SetMarket(spec));
        commands.push(Command::SetMarketState { market: MarketId(id), state: MarketState::Trading });
    }
    commands
}

fn credit(user: u32, asset: AssetId) -> Command {
    Command::Credit(Funding {
        user: UserId(u64::from(user)),
        asset,
        amount: FUNDS,
        business: Label::new("deposit").expect("short"),
        business_id: 1,
        counter: Counter::External,
        detail: "".into(),
    })
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flow_applies_again_from_the_same_state() {
        let size = Size { bases: 10, quotes: 2, users: 50, orders: 200 };
        let mut population = Population::build(size);
        let mut bytes = Vec::new();
        population.spot.snapshot(&mut |part| bytes.extend_from_slice(part));
        let mut time = population.time();
        let flow = population.flow(1_000);
        let mut again = Spot::restore(&bytes).expect("a snapshot just made");
        let mut events = Events::new();
        for compact in &flow {
            time = next_time(time);
            again.apply(Seq(again.seq().0 + 1), time, &compact.command(), &mut events);
        }
        assert_eq!(again.digest(), population.spot.digest());
        assert!(events.iter().any(|event| matches!(event, Event::Trade(_))));
        assert!(!events.iter().any(|event| matches!(event, Event::Refused(_))));
    }
}
