//! What waits to be written to one client, within a bound. Whoever adds to it never waits.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use tokio::sync::Notify;

use super::frame::Closing;
use crate::spotapi::call::TimeUnit;

/// A connection, as the streams that it listens to see it.
pub(super) struct Client {
    /// Unique in the process.
    pub id: u64,
    pub unit: TimeUnit,
    /// Whether its messages name their stream.
    combined: AtomicBool,
    queue: Mutex<Queue>,
    news: Notify,
    messages_max: usize,
    bytes_max: usize,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Bytes>,
    bytes: usize,
    /// Why the connection is to end.
    end: Option<Closing>,
}

impl Client {
    pub fn new(id: u64, unit: TimeUnit, combined: bool, messages_max: u32, bytes_max: u32) -> Client {
        Client {
            id,
            unit,
            combined: AtomicBool::new(combined),
            queue: Mutex::default(),
            news: Notify::new(),
            messages_max: messages_max as usize,
            bytes_max: bytes_max as usize,
        }
    }

    pub fn is_combined(&self) -> bool {
        self.combined.load(Ordering::Relaxed)
    }

    pub fn set_combined(&self, combined: bool) {
        self.combined.store(combined, Ordering::Relaxed);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("no holder panics")
    }

    /// Adds a frame; beyond the bound the connection is ended instead.
    pub fn push(&self, frame: &Bytes) {
        let mut queue = self.queue();
        if queue.end.is_some() {
            return;
        }
        if queue.frames.len() >= self.messages_max || queue.bytes + frame.len() > self.bytes_max {
            metrics::counter!("allin_spotws_slow_clients_total").increment(1);
            end(&mut queue, Closing::SLOW);
        } else {
            queue.bytes += frame.len();
            queue.frames.push_back(frame.clone());
        }
        drop(queue);
        self.news.notify_one();
    }

    /// Ends the connection; what waits is not written any more.
    pub fn end(&self, closing: Closing) {
        end(&mut self.queue(), closing);
        self.news.notify_one();
    }

    /// Moves up to `max` frames to the writer.
    pub fn take(&self, to: &mut VecDeque<Bytes>, max: usize) {
        let mut queue = self.queue();
        let count = queue.frames.len().min(max);
        for _ in 0..count {
            let Some(frame) = queue.frames.pop_front() else { break };
            queue.bytes -= frame.len();
            to.push_back(frame);
        }
        if queue.frames.is_empty() {
            // An idle client has no need of a long queue.
            queue.frames.shrink_to(8);
        }
    }

    pub fn ended(&self) -> Option<Closing> {
        self.queue().end
    }

    /// Returns once something was added, or the connection is to end; sometimes for nothing.
    pub async fn news(&self) {
        self.news.notified().await;
    }
}

fn end(queue: &mut Queue, closing: Closing) {
    queue.end.get_or_insert(closing);
    queue.frames = VecDeque::new();
    queue.bytes = 0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_has_a_bound_and_its_overrun_ends_the_client() {
        let frame = Bytes::from_static(b"12345");
        for (messages_max, bytes_max, fits) in [(3, 1000, 3), (100, 17, 3), (100, 15, 3), (1, 1000, 1)] {
            let client = Client::new(1, TimeUnit::Milliseconds, false, messages_max, bytes_max);
            (0..fits).for_each(|_| client.push(&frame));
            assert_eq!(client.ended(), None);
            client.push(&frame);
            assert_eq!(client.ended(), Some(Closing::SLOW));
            let mut taken = VecDeque::new();
            client.take(&mut taken, 100);
            assert!(taken.is_empty(), "an ended client gets nothing more");
        }
        let client = Client::new(1, TimeUnit::Milliseconds, false, 3, 1000);
        for _ in 0..10 {
            client.push(&frame);
            let mut taken = VecDeque::new();
            client.take(&mut taken, 1);
            assert_eq!(taken.len(), 1, "what is taken makes room");
        }
        assert_eq!(client.ended(), None);
    }
}
