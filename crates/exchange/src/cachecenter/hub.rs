//! Handing messages to subscribers. Each has a queue with a bound; who lets it fill up is cut off, and nobody waits.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tonic::Status;

/// A message for any number of subscribers: built once, encoded once (when the first of them sends it on).
#[derive(Debug)]
pub struct Frame<M> {
    pub message: M,
    bytes: OnceLock<Bytes>,
}

impl<M: prost::Message> Frame<M> {
    pub fn new(message: M) -> Arc<Frame<M>> {
        Arc::new(Frame { message, bytes: OnceLock::new() })
    }

    /// The message in protobuf.
    pub fn bytes(&self) -> &Bytes {
        self.bytes.get_or_init(|| self.message.encode_to_vec().into())
    }
}

/// The subscribers of one subject.
pub(super) struct Topic<M> {
    senders: Vec<Sender<M>>,
}

struct Sender<M> {
    queue: mpsc::Sender<Arc<Frame<M>>>,
    overrun: Arc<AtomicBool>,
}

/// One subscriber's stream. Ends with RESOURCE_EXHAUSTED after what was queued, if it was too slow.
pub struct Subscription<M> {
    queue: mpsc::Receiver<Arc<Frame<M>>>,
    overrun: Arc<AtomicBool>,
    ended: bool,
    _room: OwnedSemaphorePermit,
}

impl<M> Default for Topic<M> {
    fn default() -> Self {
        Topic { senders: Vec::new() }
    }
}

impl<M> Topic<M> {
    pub fn has_subscribers(&self) -> bool {
        !self.senders.is_empty()
    }

    /// A new subscriber, with what it gets first.
    pub fn subscribe(
        &mut self,
        first: Option<Arc<Frame<M>>>,
        queue_max: usize,
        room: OwnedSemaphorePermit,
    ) -> Subscription<M> {
        let (sender, queue) = mpsc::channel(queue_max + 1);
        let overrun = Arc::new(AtomicBool::new(false));
        if let Some(first) = first {
            let sent = sender.try_send(first);
            assert!(sent.is_ok(), "a new queue has room");
        }
        // Those who left are forgotten here too: a quiet subject may never publish.
        self.senders.retain(|sender| !sender.queue.is_closed());
        self.senders.push(Sender { queue: sender, overrun: overrun.clone() });
        Subscription { queue, overrun, ended: false, _room: room }
    }

    pub fn publish(&mut self, frame: &Arc<Frame<M>>) {
        self.senders.retain(|sender| match sender.queue.try_send(frame.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(_)) => {
                sender.overrun.store(true, Ordering::Release);
                metrics::counter!("allin_cachecenter_slow_subscribers_total").increment(1);
                false
            }
        });
    }
}

impl<M> Stream for Subscription<M> {
    type Item = Result<Arc<Frame<M>>, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match self.queue.poll_recv(context) {
            Poll::Ready(Some(frame)) => Poll::Ready(Some(Ok(frame))),
            Poll::Ready(None) => {
                self.ended = true;
                let status = match self.overrun.load(Ordering::Acquire) {
                    true => Status::resource_exhausted("read too slowly; subscribe again"),
                    false => Status::unavailable("the service is restarting; subscribe again"),
                };
                Poll::Ready(Some(Err(status)))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}
