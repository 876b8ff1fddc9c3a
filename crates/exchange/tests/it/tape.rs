//! A log that a test writes itself: engine and bus at once, without a state machine behind.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use allin_core::ids::{AssetId, Epoch, MarketId, OrderId, Seq, Timestamp, TradeId, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::Spot;
use allin_core::spot::command::{Command, MarketState, Side};
use allin_core::spot::event::{Event, Trade};
use allin_core::spot::reject::Reject;
use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};
use allin_core::spot::view::{MarketView, UserView};
use allin_core::text::Symbol;
use allin_runtime::engine::{
    Answer, AnswerBody, Batch, BusError, Engine, EventBus, Query, Record, Reply, SubmitError, Subscription,
};
use allin_runtime::shard::StateMachine;
use async_trait::async_trait;
use tokio::sync::watch;

/// Assets and markets of every tape: BTC and ETH, each against USDT, and ETH against BTC.
pub const ASSETS: [(&str, u8); 3] = [("BTC", 8), ("ETH", 8), ("USDT", 8)];
pub const MARKETS: [(&str, u32, u32); 3] = [("BTCUSDT", 0, 2), ("ETHUSDT", 1, 2), ("ETHBTC", 1, 0)];

#[derive(Default)]
struct Inner {
    records: Vec<(Record, Vec<Event>)>,
    users: BTreeMap<UserId, UserView>,
    submitted: Vec<Command>,
    next_trade: BTreeMap<MarketId, u64>,
    clock: Timestamp,
}

pub struct Tape {
    inner: Mutex<Inner>,
    length: watch::Sender<u64>,
    /// Records of one batch at most.
    batch_max: usize,
    /// How many records each subscriber was given.
    given: Mutex<BTreeMap<&'static str, u64>>,
}

/// A trade in short; the rest follows.
#[derive(Clone, Copy, Debug)]
pub struct Deal {
    pub market: u32,
    pub price: u64,
    pub qty: u64,
    pub taker_side: Side,
    pub maker: u64,
    pub taker: u64,
}

pub fn asset(id: u32) -> AssetSpec {
    let (symbol, scale) = ASSETS[id as usize];
    AssetSpec { id: AssetId(id), symbol: Symbol::new(symbol).expect("short"), scale, display_scale: 2 }
}

/// Prices with 2 decimals, quantities with 4: quote unit of one lot at one tick is 100.
pub fn market(id: u32) -> MarketSpec {
    let (symbol, base, quote) = MARKETS[id as usize];
    MarketSpec {
        id: MarketId(id),
        symbol: Symbol::new(symbol).expect("short"),
        base: AssetId(base),
        quote: AssetId(quote),
        price_scale: 2,
        tick_units: 1,
        qty_scale: 4,
        lot_units: 1,
        filters: Filters::OPEN,
    }
}

pub const QUOTE_UNIT: i128 = 100;

impl Tape {
    /// Begins with the listings.
    pub fn new(batch_max: usize) -> Arc<Tape> {
        let tape = Tape { inner: Mutex::default(), length: watch::channel(0).0, batch_max, given: Mutex::default() };
        for id in 0..ASSETS.len() as u32 {
            tape.push(Timestamp(1), Command::SetAsset(asset(id)), vec![Event::AssetSet(asset(id))]);
        }
        for id in 0..MARKETS.len() as u32 {
            let opened = Event::MarketStateSet { market: MarketId(id), state: MarketState::PreOpen, banded: false };
            tape.push(Timestamp(1), Command::SetMarket(market(id)), vec![Event::MarketSet(market(id)), opened]);
        }
        Arc::new(tape)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder panics")
    }

    /// Appends a command with its events.
    pub fn push(&self, at: Timestamp, command: Command, events: Vec<Event>) -> Seq {
        let mut inner = self.lock();
        let seq = Seq(inner.records.len() as u64 + 1);
        for event in &events {
            match *event {
                Event::UserSet { user, group, tier, pay_discount, frozen } => {
                    inner.users.insert(user, UserView { user, group, tier, pay_discount, frozen });
                }
                Event::Trade(trade) => {
                    inner.next_trade.insert(trade.market, trade.trade.0);
                }
                _ => {}
            }
        }
        let record = Record { seq, epoch: Epoch(1), at, command, events: 0..events.len() as u32 };
        inner.records.push((record, events));
        drop(inner);
        self.length.send_replace(seq.0);
        seq
    }

    /// Appends one command that traded.
    pub fn trade(&self, at: Timestamp, deals: &[Deal]) -> Seq {
        let events = deals.iter().map(|deal| Event::Trade(self.event(deal))).collect();
        self.push(at, Command::Tick, events)
    }

    fn event(&self, deal: &Deal) -> Trade {
        let id = MarketId(deal.market);
        let mut inner = self.lock();
        for user in [deal.maker, deal.taker].map(UserId) {
            let view = UserView { user, group: user, tier: 0, pay_discount: false, frozen: false };
            inner.users.entry(user).or_insert(view);
        }
        let next = inner.next_trade.entry(id).or_insert(0);
        *next += 1;
        let quote = (deal.price * deal.qty) as i128 * QUOTE_UNIT;
        let spec = market(deal.market);
        let taker_buys = deal.taker_side == Side::Buy;
        let base_fee = deal.qty as i128 * 10;
        let (taker_fee, taker_fee_asset) = if taker_buys { (base_fee, spec.base) } else { (quote / 1000, spec.quote) };
        let (maker_fee, maker_fee_asset) = if taker_buys { (quote / 2000, spec.quote) } else { (-base_fee, spec.base) };
        Trade {
            trade: TradeId(*next),
            market: id,
            price: PriceTicks(deal.price),
            qty: QtyLots(deal.qty),
            quote,
            taker_side: deal.taker_side,
            maker_order: OrderId(1),
            taker_order: OrderId(2),
            maker_user: UserId(deal.maker),
            taker_user: UserId(deal.taker),
            maker_fee,
            taker_fee,
            maker_fee_asset,
            taker_fee_asset,
            maker_left: QtyLots(1),
            taker_left: QtyLots(0),
            auction: false,
        }
    }

    /// The later of the newest record's time and of what the clock was set to.
    pub fn now(&self) -> Timestamp {
        let inner = self.lock();
        inner.records.last().map_or(Timestamp(1), |(record, _)| record.at).max(inner.clock)
    }

    pub fn set_clock(&self, at: Timestamp) {
        self.lock().clock = at;
    }

    pub fn durable(&self) -> Seq {
        Seq(*self.length.borrow())
    }

    /// Everything on it, in order.
    pub fn records(&self) -> Vec<(Record, Vec<Event>)> {
        self.lock().records.clone()
    }

    /// How many records a subscriber was given so far.
    pub fn given(&self, name: &str) -> u64 {
        self.given.lock().expect("no holder panics").get(name).copied().unwrap_or(0)
    }

    /// The state machine's state after everything on it.
    pub fn spot(&self) -> Spot {
        let mut spot = Spot::new(Default::default());
        for (record, _) in self.records() {
            spot.apply(record.seq, record.at, &record.command, &mut Vec::new());
        }
        spot
    }

    /// Commands that services sent.
    pub fn submitted(&self) -> Vec<Command> {
        self.lock().submitted.clone()
    }
}

#[async_trait]
impl Engine for Tape {
    async fn submit(&self, command: Command) -> Result<Reply, SubmitError> {
        let events = match command {
            Command::SetUserTier { user, tier } => match self.lock().users.get(&user).copied() {
                Some(UserView { group, pay_discount, frozen, .. }) => {
                    vec![Event::UserSet { user, group, tier, pay_discount, frozen }]
                }
                None => vec![Event::Refused(Reject::UnknownUser)],
            },
            Command::Tick => vec![],
            _ => return Err(SubmitError::Malformed("not on the tape")),
        };
        let at = self.now();
        self.lock().submitted.push(command.clone());
        let seq = self.push(at, command, events.clone());
        Ok(Reply { seq, at, events })
    }

    async fn query(&self, query: Query) -> Result<Answer, SubmitError> {
        let body = match query {
            Query::Status => AnswerBody::Status { epoch: Epoch(1), digest: 0, durable: self.durable() },
            Query::Assets => AnswerBody::Assets((0..ASSETS.len() as u32).map(asset).collect()),
            Query::Markets => {
                let next = |id| self.lock().next_trade.get(&MarketId(id)).map_or(0, |last| *last) + 1;
                let view = |id| MarketView { next_trade: TradeId(next(id)), ..view(id) };
                AnswerBody::Markets((0..MARKETS.len() as u32).map(view).collect())
            }
            Query::User(user) => AnswerBody::User(self.lock().users.get(&user).copied()),
            Query::Standing { .. } => StateMachine::answer(&self.spot(), &query),
            _ => return Err(SubmitError::Malformed("not on the tape")),
        };
        Ok(Answer { seq: self.durable(), at: Timestamp(1), body })
    }
}

fn view(id: u32) -> MarketView {
    MarketView {
        spec: market(id),
        state: MarketState::Trading,
        last_price: PriceTicks(0),
        best_bid: PriceTicks(0),
        best_ask: PriceTicks(0),
        next_trade: TradeId(1),
        open_orders: 0,
        base_unit: 1,
        quote_unit: 1,
        bid_lots: 0,
        ask_lots: 0,
    }
}

#[async_trait]
impl EventBus for TapeBus {
    async fn subscribe(&self, name: &'static str, from: Seq) -> Result<Box<dyn Subscription>, BusError> {
        Ok(Box::new(Reader { name, tape: self.0.clone(), length: self.0.length.subscribe(), next: from.0 }))
    }
}

/// The tape as a bus.
pub struct TapeBus(pub Arc<Tape>);

struct Reader {
    name: &'static str,
    tape: Arc<Tape>,
    length: watch::Receiver<u64>,
    next: u64,
}

#[async_trait]
impl Subscription for Reader {
    async fn next(&mut self) -> Result<Arc<Batch>, BusError> {
        let next = self.next;
        self.length.wait_for(|length| *length >= next).await.map_err(|_| BusError::Closed)?;
        let inner = self.tape.lock();
        let mut batch = Batch::default();
        for (record, events) in inner.records[next as usize - 1..].iter().take(self.tape.batch_max) {
            let from = batch.events.len() as u32;
            batch.events.extend_from_slice(events);
            batch.records.push(Record { events: from..batch.events.len() as u32, ..record.clone() });
        }
        self.next += batch.records.len() as u64;
        let mut given = self.tape.given.lock().expect("no holder panics");
        *given.entry(self.name).or_default() += batch.records.len() as u64;
        Ok(Arc::new(batch))
    }
}
