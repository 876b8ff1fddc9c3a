//! The engines that run the stream: each made anew for every run, fed command by command, timed from the first to the last.

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Arc;

use orderbook_rs::orderbook::clock::StubClock;
use orderbook_rs::{OrderBook, TradeResult};
use pricelevel::{Hash32, Id, OrderUpdate};

use crate::core_run::CoreRun;
use crate::stream::{Action, Kind, Outcome, Record, Stream, Trades};
use crate::table::{Seconds, Stopwatch};

/// A limit that every price of the stream is within, for orders that take at any price.
const PRICE_HIGH: u64 = 1 << 40;

pub trait Engine {
    fn name(&self) -> &'static str;
    /// What of the stream its interface cannot say, or does less of.
    fn note(&self) -> &'static str;
    fn run(&mut self, stream: &Stream) -> Result<(Seconds, Outcome), String>;
}

/// ALLIN's spot state machine, whole: accounts, holds, fees, events, digest.
pub struct Allin;

impl Engine for Allin {
    fn name(&self) -> &'static str {
        "ALLIN"
    }

    fn note(&self) -> &'static str {
        "ledger, holds, fees, events and digest included"
    }

    fn run(&mut self, stream: &Stream) -> Result<(Seconds, Outcome), String> {
        let mut run = CoreRun::new(stream);
        let watch = Stopwatch::start();
        let outcome = run.run(stream)?;
        let elapsed = watch.seconds();
        if stream.final_book.as_ref().is_some_and(|book| *book != run.final_book()) {
            return Err("ALLIN ends with another book than expected".into());
        }
        Ok((elapsed, outcome))
    }
}

/// The matching alone: no accounts, balances, holds or fees.
pub struct Matchcore;

impl Engine for Matchcore {
    fn name(&self) -> &'static str {
        "matchcore 0.4.0"
    }

    fn note(&self) -> &'static str {
        "book only, no accounts; a FOK with a budget is a FOK limit order at any price; what crosses is sent in two parts \
         (0.4.0 trades past the limit), a crossing move as cancel and add, any other move as an amend; reduce is an amend to the quantity left, which the driver keeps"
    }

    fn run(&mut self, stream: &Stream) -> Result<(Seconds, Outcome), String> {
        let mut run = MatchcoreRun::new(stream);
        let watch = Stopwatch::start();
        for (index, record) in stream.records().enumerate() {
            run.apply(index as u64, &record).map_err(|e| format!("command {index}, {record:?}: {e}"))?;
        }
        Ok((watch.seconds(), run.trades.outcome(stream.len() as u64)))
    }
}

struct MatchcoreRun {
    book: matchcore::OrderBook,
    trades: Trades,
    /// Its own numbering: its order ids are the numbers of the commands that placed them.
    sequence: u64,
    ids: Vec<u64>,
    back: Vec<u32>,
    left: Vec<u32>,
    /// Only placing records tell the side.
    bids: Vec<bool>,
}

impl MatchcoreRun {
    fn new(stream: &Stream) -> MatchcoreRun {
        let orders = stream.order_max() as usize + 1;
        MatchcoreRun {
            book: matchcore::OrderBook::new("BTCUSDT"),
            trades: Trades::new(),
            sequence: 0,
            ids: vec![0; orders],
            back: vec![0; stream.len() * 2],
            left: vec![0; orders],
            bids: vec![false; orders],
        }
    }

    fn apply(&mut self, index: u64, record: &Record) -> Result<(), String> {
        use matchcore::{AmendCmd, AmendPatch, CommandKind, LimitOrderPatch, OrderId, Price, Quantity, QuantityPolicy};
        let slot = record.order as usize;
        let order_id = OrderId(self.ids[slot]);
        let amend = |patch| CommandKind::Amend(AmendCmd { order_id, patch: AmendPatch::Limit(patch) });
        match record.action {
            Action::Place => {
                self.left[slot] = record.size;
                self.bids[slot] = record.bid;
                self.submit(index, record)
            }
            Action::Cancel => self.cancel(index, record),
            Action::Move if self.crossed(record).next().is_some() => {
                self.cancel(index, record)?;
                self.submit(index, record)
            }
            Action::Move => self.execute(index, record, amend(LimitOrderPatch::new().with_price(Price(record.price)))),
            Action::Reduce => {
                self.left[slot] = self.left[slot].saturating_sub(record.size);
                let quantity = Quantity(self.left[slot] as u64);
                if quantity.is_zero() {
                    return self.cancel(index, record);
                }
                let policy = QuantityPolicy::Standard { quantity };
                self.execute(index, record, amend(LimitOrderPatch::new().with_quantity_policy(policy)))
            }
        }
    }

    /// Quantities of the other side's levels within the record's price, best first.
    fn crossed(&self, record: &Record) -> impl Iterator<Item = u64> {
        let (limit, price, bid) = (self.book.limit(), matchcore::Price(record.price), self.bids[record.order as usize]);
        let asks = limit.asks().iter().take_while(move |(ask, _)| bid && **ask <= price);
        let bids = limit.bids().iter().rev().take_while(move |(at, _)| !bid && **at >= price);
        asks.chain(bids).map(|(_, id)| limit.levels()[*id].total_quantity().0)
    }

    /// 0.4.0 trades a limit order past its limit once it crosses. So that the work is the same, the part that can trade within
    /// the limit is sent as an order of its own, and the rest after it.
    fn submit(&mut self, index: u64, record: &Record) -> Result<(), String> {
        use matchcore::TimeInForce;
        let wanted = self.left[record.order as usize] as u64;
        if record.kind == Kind::FokBudget {
            let any = if self.bids[record.order as usize] { PRICE_HIGH } else { 1 };
            return self.submit_as(index, record, TimeInForce::Fok, any, wanted);
        }
        let mut within = 0;
        for quantity in self.crossed(record) {
            within = wanted.min(within + quantity);
        }
        if within > 0 {
            self.submit_as(index, record, TimeInForce::Ioc, record.price, within)?;
        }
        if wanted > within && record.kind == Kind::Gtc {
            self.submit_as(index, record, TimeInForce::Gtc, record.price, wanted - within)?;
        }
        Ok(())
    }

    fn submit_as(
        &mut self,
        index: u64,
        record: &Record,
        tif: matchcore::TimeInForce,
        price: u64,
        quantity: u64,
    ) -> Result<(), String> {
        use matchcore::{
            CommandKind, LimitOrder, NewOrder, OrderFlags, Price, Quantity, QuantityPolicy, Side, SubmitCmd,
        };
        self.ids[record.order as usize] = self.sequence;
        self.back[self.sequence as usize] = record.order;
        let side = if self.bids[record.order as usize] { Side::Buy } else { Side::Sell };
        let policy = QuantityPolicy::Standard { quantity: Quantity(quantity) };
        let order = NewOrder::Limit(LimitOrder::new(Price(price), policy, OrderFlags::new(side, false, tif)));
        self.execute(index, record, CommandKind::Submit(SubmitCmd { order }))
    }

    fn cancel(&mut self, index: u64, record: &Record) -> Result<(), String> {
        use matchcore::{CancelCmd, CommandKind, OrderId, OrderKind};
        let order_id = OrderId(self.ids[record.order as usize]);
        self.execute(index, record, CommandKind::Cancel(CancelCmd { order_id, order_kind: OrderKind::Limit }))
    }

    fn execute(&mut self, index: u64, record: &Record, kind: matchcore::CommandKind) -> Result<(), String> {
        use matchcore::{Command, CommandMeta, CommandOutcome, CommandReport, SequenceNumber, Timestamp};
        let meta = CommandMeta { sequence_number: SequenceNumber(self.sequence), timestamp: Timestamp(index) };
        self.sequence += 1;
        match self.book.execute(&Command { meta, kind }) {
            CommandOutcome::Applied(CommandReport::Submit(effects) | CommandReport::Amend(effects)) => {
                for trade in effects.target_order().match_result().map_or(&[][..], |m| m.trades()) {
                    let (maker, size) = (self.back[trade.maker_order_id().0 as usize], trade.quantity().0);
                    self.left[maker as usize] -= size as u32;
                    self.left[record.order as usize] -= size as u32;
                    self.trades.add(index, maker as u64, trade.price().0, size);
                }
                Ok(())
            }
            CommandOutcome::Applied(CommandReport::Cancel) => Ok(()),
            CommandOutcome::Rejected(failure) => Err(failure.to_string()),
        }
    }
}

/// The matching alone, built for use by several threads at once; used by one here, as the others.
pub struct OrderbookRs;

/// What the trade listener collects while one command runs.
#[derive(Default)]
struct Fills(Vec<(u64, u64, u64)>);

thread_local! {
    static FILLS: RefCell<Fills> = RefCell::default();
}

impl Engine for OrderbookRs {
    fn name(&self) -> &'static str {
        "orderbook-rs 0.15.3"
    }

    fn note(&self) -> &'static str {
        "book only, no accounts; a FOK with a budget is a FOK limit order at any price; move is its own cancel-and-add; reduce is an \
         update to the quantity left, which the driver keeps; its stub clock, so that it reads none; trades by its listener"
    }

    fn run(&mut self, stream: &Stream) -> Result<(Seconds, Outcome), String> {
        let mut book: OrderBook<()> = OrderBook::with_clock("BTCUSDT", Arc::new(StubClock::new()));
        book.set_trade_listener(Arc::new(|result: &TradeResult| {
            FILLS.with_borrow_mut(|fills| {
                for trade in result.match_result.trades().as_vec() {
                    let maker = if let Id::Sequential(id) = trade.maker_order_id() { id } else { 0 };
                    fills.0.push((maker, trade.price().as_u128() as u64, trade.quantity().as_u64()));
                }
            });
        }));
        let mut trades = Trades::new();
        let mut left = vec![0u32; stream.order_max() as usize + 1];
        let watch = Stopwatch::start();
        for (index, record) in stream.records().enumerate() {
            orderbook_rs_apply(&book, &record, &mut left).map_err(|e| format!("command {index}, {record:?}: {e}"))?;
            FILLS.with_borrow_mut(|fills| {
                for (maker, price, size) in fills.0.drain(..) {
                    left[maker as usize] -= size as u32;
                    left[record.order as usize] -= size as u32;
                    trades.add(index as u64, maker, price, size);
                }
            });
        }
        let elapsed = watch.seconds();
        black_box(&book);
        Ok((elapsed, trades.outcome(stream.len() as u64)))
    }
}

fn orderbook_rs_apply(book: &OrderBook<()>, record: &Record, left: &mut [u32]) -> Result<(), String> {
    use pricelevel::{Price, Quantity, Side, TimeInForce};
    let id = Id::Sequential(record.order as u64);
    match record.action {
        Action::Place => {
            left[record.order as usize] = record.size;
            let side = if record.bid { Side::Buy } else { Side::Sell };
            let (tif, price) = match record.kind {
                Kind::Gtc => (TimeInForce::Gtc, record.price),
                Kind::Ioc => (TimeInForce::Ioc, record.price),
                Kind::FokBudget => (TimeInForce::Fok, if record.bid { PRICE_HIGH } else { 1 }),
            };
            let user = Hash32::zero();
            match book.add_limit_order_with_user(id, price as u128, record.size as u64, side, tif, user, None) {
                Ok(order) => drop(black_box(order)),
                // An IOC remainder is told as an error.
                Err(error) if tif == TimeInForce::Gtc => return Err(error.to_string()),
                Err(_) => {}
            }
        }
        Action::Cancel => {
            book.cancel_order(id).map_err(|e| e.to_string())?.ok_or("cancel: not found")?;
        }
        Action::Move => {
            let update = OrderUpdate::UpdatePrice { order_id: id, new_price: Price::new(record.price as u128) };
            book.update_order(update).map_err(|e| e.to_string())?.ok_or("move: not found")?;
        }
        Action::Reduce => {
            let left = &mut left[record.order as usize];
            *left = left.saturating_sub(record.size);
            if *left == 0 {
                book.cancel_order(id).map_err(|e| e.to_string())?.ok_or("reduce: not found")?;
            } else {
                let update = OrderUpdate::UpdateQuantity { order_id: id, new_quantity: Quantity::new(*left as u64) };
                book.update_order(update).map_err(|e| e.to_string())?.ok_or("reduce: not found")?;
            }
        }
    }
    Ok(())
}
