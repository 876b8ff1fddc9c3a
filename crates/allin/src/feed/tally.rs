//! Owns what a run counts: what became of every command, how long answers took, and every answer to be found again later.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use allin_core::{
    ids::OrderId,
    spot::{
        command::Command,
        event::{CloseCause, Event},
        reject::Reject,
    },
};
use hdrhistogram::Histogram;
use serde::Serialize;

/// Longest latency told apart: ten minutes, in microseconds.
const LATENCY_US_MAX: u64 = 600_000_000;

/// A command of the flow, as remembered until its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// Row of the flow that created the order.
    Create(usize),
    Cancel(usize),
    Reduce(usize),
    Setup,
}

/// Answers by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub sent: u64,
    pub orders: u64,
    pub market_orders: u64,
    /// Trades told in answers. A trade of an answer that was lost with a connection is in the log alone.
    pub trades: u64,
    pub traded_lots: u128,
    pub cancelled: u64,
    pub reduced: u64,
    /// A changed row whose order had, by its trades here, no more left than the row says.
    pub change_not_needed: u64,
    pub cancel_already_traded: u64,
    pub cancel_of_refused: u64,
    /// Sent a second time after a broken connection: the first may have done it.
    pub cancel_repeated: u64,
    pub cancel_not_found: u64,
    /// Answers that repeat an earlier one, after a broken connection.
    pub repeated: u64,
    /// Rows that carry no order: a quantity of zero, or an id that was never created.
    pub rows_without_order: u64,
    pub not_taken: BTreeMap<&'static str, u64>,
    pub rejects: BTreeMap<&'static str, u64>,
}

/// An acknowledged command: its place in the log and the order it named or made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Acknowledged {
    pub seq: u64,
    pub row: usize,
    pub order: OrderId,
}

pub struct Tally {
    pub counts: Counts,
    pub latencies: Histogram<u64>,
    pub acknowledged: Vec<Acknowledged>,
    /// Recorded id → the engine's.
    pub orders: HashMap<u64, OrderId>,
    refused: HashSet<u64>,
    done: HashSet<OrderId>,
    /// Recorded ids whose cancel found nothing, and nobody here knows why: the log does.
    pub unexplained: Vec<u64>,
}

impl Tally {
    pub fn new() -> Self {
        Tally {
            counts: Counts::default(),
            latencies: Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).expect("bounds in order"),
            acknowledged: Vec::new(),
            orders: HashMap::new(),
            refused: HashSet::new(),
            done: HashSet::new(),
            unexplained: Vec::new(),
        }
    }

    pub fn latency(&mut self, since: Duration) {
        self.latencies.saturating_record(since.as_micros() as u64);
    }

    /// The answer to a created row, `id` being the recorded order.
    pub fn created(&mut self, seq: u64, row: usize, id: u64, market: bool, events: &[Event]) {
        for event in events {
            let order = match event {
                Event::Placed(placed) => placed.order,
                Event::Repeated(repeated) => {
                    self.counts.repeated += 1;
                    repeated.order
                }
                Event::Refused(reason) => {
                    self.refuse(id, *reason);
                    return;
                }
                _ => continue,
            };
            self.counts.orders += 1;
            self.counts.market_orders += u64::from(market);
            self.orders.insert(id, order);
            self.acknowledged.push(Acknowledged { seq, row, order });
        }
        self.happened(events);
    }

    /// The answer to a deleted row.
    pub fn cancelled(&mut self, seq: u64, row: usize, id: u64, doubtful: bool, events: &[Event]) {
        self.happened(events);
        let order = self.orders.get(&id).copied();
        match events.iter().find_map(refusal) {
            None => {
                self.counts.cancelled += 1;
                self.acknowledged.push(Acknowledged { seq, row, order: order.unwrap_or_default() });
            }
            Some(Reject::UnknownOrder) if self.refused.contains(&id) => self.counts.cancel_of_refused += 1,
            Some(Reject::UnknownOrder) if order.is_some_and(|order| self.done.contains(&order)) => {
                self.counts.cancel_already_traded += 1;
            }
            Some(Reject::UnknownOrder) if doubtful => self.counts.cancel_repeated += 1,
            Some(Reject::UnknownOrder) => {
                self.counts.cancel_not_found += 1;
                self.unexplained.push(id);
            }
            Some(other) => *self.counts.rejects.entry(other.name()).or_default() += 1,
        }
    }

    pub fn reduced(&mut self, seq: u64, row: usize, id: u64, events: &[Event]) {
        self.happened(events);
        match events.iter().find_map(refusal) {
            None => {
                self.counts.reduced += 1;
                let order = self.orders.get(&id).copied().unwrap_or_default();
                self.acknowledged.push(Acknowledged { seq, row, order });
            }
            Some(reason) => *self.counts.rejects.entry(reason.name()).or_default() += 1,
        }
    }

    /// A command that the engine did not take.
    pub fn not_taken(&mut self, why: &'static str, id: u64, what: What) {
        *self.counts.not_taken.entry(why).or_default() += 1;
        if matches!(what, What::Create(_)) {
            self.refused.insert(id);
        }
    }

    fn refuse(&mut self, id: u64, reason: Reject) {
        *self.counts.rejects.entry(reason.name()).or_default() += 1;
        self.refused.insert(id);
    }

    fn happened(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Trade(trade) => {
                    self.counts.trades += 1;
                    self.counts.traded_lots += u128::from(trade.qty.0);
                }
                Event::Closed(closed) if is_done(closed.cause) => {
                    self.done.insert(closed.order);
                }
                _ => {}
            }
        }
    }
}

/// Closed by trading, or as a market order that found no more: there is nothing left to cancel.
pub fn is_done(cause: CloseCause) -> bool {
    matches!(cause, CloseCause::Filled | CloseCause::Unfilled)
}

/// The reason when the whole command was refused.
pub fn refusal(event: &Event) -> Option<Reject> {
    match event {
        Event::Refused(reason) => Some(*reason),
        _ => None,
    }
}

/// Whether two sendings of a command have the same effect as one. Orders carry client ids, funds business ids.
pub fn is_idempotent(command: &Command) -> bool {
    !matches!(command, Command::Reduce { .. })
}
