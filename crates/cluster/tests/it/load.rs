//! Orders that come at their own pace, whatever becomes of those before them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use allin_runtime::engine::SubmitError;
use allin_runtime::shard::{Completed, Pipeline};

use super::support::{PATIENCE, traffic, wait_for};

/// Orders a second.
pub const RATE: u64 = 2_500;
/// What has to be acknowledged of them while there is no fault.
const RATE_MIN: f64 = 2_000.0;

/// A load that goes on until it is ended.
pub struct OpenLoop {
    over: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    thread: JoinHandle<Offered>,
}

/// What a load came to.
pub struct Offered {
    pub done: Vec<Completed>,
    /// What was due when too much was on its way already.
    pub dropped: u64,
    lasted: Duration,
}

impl OpenLoop {
    pub fn start(pipeline: Pipeline) -> OpenLoop {
        let (over, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (ending, count) = (over.clone(), acknowledged.clone());
        let thread = std::thread::spawn(move || offer(&pipeline, &ending, &count));
        OpenLoop { over, acknowledged, thread }
    }

    /// Waits until so many more are acknowledged.
    pub fn wait_for_more(&self, count: usize) {
        let goal = self.acknowledged() + count;
        wait_for("more is acknowledged", || self.acknowledged() >= goal || self.thread.is_finished());
    }

    pub fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Acquire)
    }

    pub fn end(self) -> Offered {
        self.over.store(true, Ordering::Release);
        self.thread.join().expect("every order has an outcome")
    }
}

impl Offered {
    /// That the load was what it should be, and most of it was done; `faulty` is the time with a fault.
    pub fn assert_enough(&self, faulty: Duration) {
        let offered = self.done.len() as u64 + self.dropped;
        let (taken, refused) = (self.done.iter().filter(|done| done.outcome.is_ok()).count(), self.refused());
        let rate = taken as f64 / self.lasted.saturating_sub(faulty).as_secs_f64();
        println!(
            "{offered} orders in {:?}: {taken} acknowledged, {refused} refused, {} dropped; {rate:.0} a second without the fault",
            self.lasted, self.dropped,
        );
        assert!(rate >= RATE_MIN, "{rate:.0} acknowledged a second without the fault");
        assert!(offered >= self.lasted.as_millis() as u64 * RATE / 1_000 - RATE, "the load fell behind");
        let done = self.done.len();
        assert!(taken + refused == done, "{} of {done} have no outcome", done - taken - refused);
    }

    fn refused(&self) -> usize {
        let refused = |done: &&Completed| matches!(done.outcome, Err(SubmitError::ReadOnly | SubmitError::Overloaded));
        self.done.iter().filter(refused).count()
    }
}

fn offer(pipeline: &Pipeline, over: &AtomicBool, acknowledged: &AtomicUsize) -> Offered {
    let begun = Instant::now();
    let mut offered = Offered { done: vec![], dropped: 0, lasted: Duration::ZERO };
    let (mut number, mut open) = (0, 0);
    while !over.load(Ordering::Acquire) {
        let due = begun.elapsed().as_micros() as u64 * RATE / 1_000_000;
        while number < due {
            if pipeline.free() == 0 {
                offered.dropped += 1;
            } else {
                open += 1;
                if let Err(error) = pipeline.submit(number, traffic(number)) {
                    pipeline.refuse(number, error);
                }
            }
            number += 1;
        }
        open -= receive(pipeline, Duration::from_millis(1), &mut offered.done, acknowledged);
    }
    offered.lasted = begun.elapsed();
    while open > 0 {
        let came = receive(pipeline, PATIENCE, &mut offered.done, acknowledged);
        assert!(came > 0, "{open} answers are missing");
        open -= came;
    }
    offered
}

fn receive(pipeline: &Pipeline, within: Duration, done: &mut Vec<Completed>, acknowledged: &AtomicUsize) -> usize {
    let from = done.len();
    pipeline.completed_within(within, done);
    let taken = done[from..].iter().filter(|done| done.outcome.is_ok()).count();
    acknowledged.fetch_add(taken, Ordering::AcqRel);
    done.len() - from
}
