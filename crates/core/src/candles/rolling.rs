//! A moving window over the trades of a market, exact to the second.
//!
//! A queue of one-second bars that answers for its sum, made of two stacks: entries are pushed with the sum of all after
//! the last turn, and leave from a stack that keeps, for each entry, the sum of it and everything behind it. Both ends
//! cost one merge; a turn costs one merge an entry, once in its life.

use super::bar::{Bar, Fill};
use super::interval::{Interval, Offset};
use crate::ids::{Timestamp, TradeId};
use crate::num::PriceTicks;

/// The last `seconds` seconds, the present one included: at 12:00:00.5 a window of 60 begins at 11:59:01. So it never
/// holds a trade older than itself. Memory: one bar (128 bytes) for each second of the window that has a trade.
#[derive(Clone, Debug)]
pub struct Rolling {
    seconds: u64,
    /// Oldest last; each with the sum from itself to the newest of this stack.
    front: Vec<(Timestamp, PriceTicks, Bar)>,
    /// Oldest first, without sums.
    back: Vec<Bar>,
    back_sum: Option<Bar>,
    before: Option<PriceTicks>,
}

impl Rolling {
    /// A window of at least one second.
    pub fn new(seconds: u64) -> Rolling {
        assert!(seconds > 0, "a window has a length");
        Rolling { seconds, front: Vec::new(), back: Vec::new(), back_sum: None, before: None }
    }

    /// Goes on from the one-second bars of the window, oldest first, and the close before them.
    pub fn resume(seconds: u64, bars: Vec<Bar>, before: Option<PriceTicks>) -> Rolling {
        let sum = bars.iter().copied().reduce(|sum, bar| sum.merge(&bar));
        Rolling { back: bars, back_sum: sum, before, ..Rolling::new(seconds) }
    }

    /// The newest trade in the window.
    pub fn newest(&self) -> Option<TradeId> {
        self.bar().map(|bar| bar.last_trade)
    }

    /// The first moment of the window that ends at `now`.
    pub fn start(&self, now: Timestamp) -> Timestamp {
        let second = now.0 / Timestamp::SECOND;
        Timestamp((second + 1).saturating_sub(self.seconds) * Timestamp::SECOND)
    }

    /// Takes the next trade. Times never go back; lets out what is too old by its time.
    pub fn fold(&mut self, fill: &Fill) {
        self.advance(fill.at);
        let start = Interval::S1.span(fill.at, Offset::UTC).start;
        match self.back.last_mut() {
            Some(last) if last.start >= start => last.add(fill),
            _ => self.back.push(Bar::new(start, fill)),
        }
        match &mut self.back_sum {
            Some(sum) => sum.add(fill),
            None => self.back_sum = Some(Bar::new(start, fill)),
        }
    }

    /// Lets out what is too old at `now`; true when something was.
    pub fn advance(&mut self, now: Timestamp) -> bool {
        let start = self.start(now);
        let mut left = false;
        loop {
            if self.front.is_empty() {
                let Some(oldest) = self.back.first() else { break };
                if oldest.start >= start {
                    break;
                }
                self.turn();
            }
            match self.front.pop_if(|(at, _, _)| *at < start) {
                Some((_, close, _)) => self.before = Some(close),
                None => break,
            }
            left = true;
        }
        left
    }

    /// The sum of the window; `start` of the bar is that of its first second with a trade. `None` without a trade.
    pub fn bar(&self) -> Option<Bar> {
        match (self.front.last(), &self.back_sum) {
            (Some((_, _, front)), Some(back)) => Some(front.merge(back)),
            (Some((_, _, front)), None) => Some(*front),
            (None, back) => *back,
        }
    }

    /// The close of the last trade before the window.
    pub fn previous_close(&self) -> Option<PriceTicks> {
        self.before
    }

    fn turn(&mut self) {
        let mut sum: Option<Bar> = None;
        for bar in self.back.drain(..).rev() {
            let with_later = sum.map_or(bar, |later| bar.merge(&later));
            self.front.push((bar.start, bar.close, with_later));
            sum = Some(with_later);
        }
        self.back_sum = None;
    }
}
