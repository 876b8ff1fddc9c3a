//! Owns the way of replies from the publisher to the tasks that wait for them: one wake a batch, and not one a reply.
//! A thread that wakes tasks of a runtime one by one is interrupted by the very workers it wakes, and each of them finds one
//! task, and sleeps again. A task of the runtime itself wakes the others without leaving its worker.
//! Known limits: the porter lives in the first multi-threaded runtime that submits; where there is none, replies are handed
//! over by the publisher itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{Notify, oneshot};

use crate::engine::{Reply, SubmitError};

/// A reply, and who waits for it.
pub(super) type Letter = (oneshot::Sender<Result<Reply, SubmitError>>, Reply);

#[derive(Default)]
pub(super) struct Porter {
    bag: Mutex<Bag>,
    /// There is a task that empties the bag. Set and cleared with the bag locked.
    engaged: AtomicBool,
    arrived: Notify,
}

#[derive(Default)]
struct Bag {
    letters: Vec<Letter>,
    closed: bool,
}

impl Porter {
    /// Sees to it that there is a porter, where there can be one.
    pub fn engage(self: &Arc<Porter>) {
        if self.engaged.load(Ordering::Acquire) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        // A runtime of one thread may not be polled while nobody waits in it, and others would wait for its porter.
        if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
            return;
        }
        let bag = self.lock();
        if !bag.closed && !self.engaged.swap(true, Ordering::AcqRel) {
            drop(bag);
            runtime.spawn(Round(self.clone()).walk());
        }
    }

    /// Hands the letters over, by the porter if there is one and it is worth its walk; leaves `letters` empty.
    pub fn deliver(&self, letters: &mut Vec<Letter>) {
        if letters.len() > 1 {
            let mut bag = self.lock();
            if self.engaged.load(Ordering::Acquire) {
                bag.letters.append(letters);
                drop(bag);
                self.arrived.notify_one();
                return;
            }
        }
        hand_over(letters);
    }

    /// Nothing comes any more: the porter leaves once the bag is empty.
    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Bag> {
        self.bag.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hand_over(letters: &mut Vec<Letter>) {
    for (sender, reply) in letters.drain(..) {
        // Whoever went away does not want to know.
        let _ = sender.send(Ok(reply));
    }
}

/// A porter at work; when its runtime ends it, it hands over what it has, and the publisher does without from then on.
struct Round(Arc<Porter>);

impl Round {
    async fn walk(self) {
        let mut letters = Vec::new();
        loop {
            self.0.arrived.notified().await;
            let closed = {
                let mut bag = self.0.lock();
                std::mem::swap(&mut bag.letters, &mut letters);
                bag.closed
            };
            hand_over(&mut letters);
            if closed {
                return;
            }
        }
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        let mut left = {
            let mut bag = self.0.lock();
            self.0.engaged.store(false, Ordering::Release);
            std::mem::take(&mut bag.letters)
        };
        hand_over(&mut left);
    }
}

#[cfg(test)]
mod tests {
    use allin_core::ids::{Seq, Timestamp};

    use super::*;

    type Receiver = oneshot::Receiver<Result<Reply, SubmitError>>;

    fn letters(seqs: std::ops::Range<u64>) -> (Vec<Letter>, Vec<Receiver>) {
        let letter = |seq| {
            let (sender, receiver) = oneshot::channel();
            ((sender, Reply { seq: Seq(seq), at: Timestamp(0), events: Vec::new() }), receiver)
        };
        seqs.map(letter).unzip()
    }

    fn threaded() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime")
    }

    async fn received(receivers: Vec<Receiver>) -> Vec<u64> {
        let mut seqs = Vec::new();
        for receiver in receivers {
            seqs.push(receiver.await.expect("sent").expect("a reply").seq.0);
        }
        seqs
    }

    #[test]
    fn a_porter_brings_each_reply_to_whoever_waits_for_it() {
        let (runtime, porter) = (threaded(), Arc::new(Porter::default()));
        runtime.block_on(async { porter.engage() });
        assert!(porter.engaged.load(Ordering::Acquire));
        for round in 0..100 {
            let (mut sent, receivers) = letters(round * 10..round * 10 + 10);
            porter.deliver(&mut sent);
            assert!(sent.is_empty());
            assert_eq!(runtime.block_on(received(receivers)), (round * 10..round * 10 + 10).collect::<Vec<_>>());
        }
    }

    #[test]
    fn without_a_porter_the_publisher_hands_over() {
        let porter = Arc::new(Porter::default());
        let single = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        single.block_on(async { porter.engage() });
        assert!(!porter.engaged.load(Ordering::Acquire), "its runtime may never be polled again");
        let (mut sent, receivers) = letters(0..3);
        porter.deliver(&mut sent);
        assert_eq!(single.block_on(received(receivers)), [0, 1, 2]);
    }

    #[test]
    fn the_end_of_its_runtime_loses_no_reply_and_another_can_follow() {
        let (first, porter) = (threaded(), Arc::new(Porter::default()));
        first.block_on(async { porter.engage() });
        // The only worker is busy, so that the letters are still in the bag when the runtime ends.
        let (busy, is_busy) = std::sync::mpsc::channel();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        first.spawn(async move {
            busy.send(()).expect("the test waits");
            let _ = wait.recv();
        });
        is_busy.recv().expect("it runs");
        let (mut sent, receivers) = letters(0..3);
        porter.deliver(&mut sent);
        first.shutdown_background();
        drop(go);
        let second = threaded();
        assert_eq!(second.block_on(received(receivers)), [0, 1, 2]);
        while porter.engaged.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        second.block_on(async { porter.engage() });
        let (mut sent, receivers) = letters(3..6);
        porter.deliver(&mut sent);
        assert_eq!(second.block_on(received(receivers)), [3, 4, 5]);
    }

    #[test]
    fn a_closed_porter_leaves() {
        let (runtime, porter) = (threaded(), Arc::new(Porter::default()));
        runtime.block_on(async { porter.engage() });
        porter.close();
        while porter.engaged.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        runtime.block_on(async { porter.engage() });
        assert!(!porter.engaged.load(Ordering::Acquire));
    }
}
