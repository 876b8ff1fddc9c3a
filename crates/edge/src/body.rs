//! Bodies on their way, in both directions: not buffered, but counted and watched.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::gateway::InFlight;
use crate::refusal::Refusal;

/// Why a body was cut off.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the body is too large")]
    TooLarge,
    #[error("the body came to a stop")]
    Slow,
    #[error(transparent)]
    Transport(#[from] hyper::Error),
}

/// What is wrong with the body that the client sent, told beside the error that the forwarding client makes of it.
#[derive(Debug, Clone, Default)]
pub struct Fault(Arc<OnceLock<Refusal>>);

impl Fault {
    fn note(&self, error: &BodyError) {
        // A body ends with its first error.
        let _ = self.0.set(match error {
            BodyError::TooLarge => Refusal::TooLarge,
            BodyError::Slow => Refusal::SlowBody,
            // The client's own connection broke, or its body was malformed.
            BodyError::Transport(_) => Refusal::BadBody,
        });
    }

    pub fn refusal(&self) -> Option<Refusal> {
        self.0.get().copied()
    }
}

/// A body with a bound on its bytes and on the wait for its next part.
pub struct Watched {
    inner: Incoming,
    left: u64,
    wait_max: Duration,
    /// Only there while the body keeps us waiting.
    sleep: Option<Pin<Box<Sleep>>>,
    fault: Fault,
}

impl Watched {
    pub fn new(inner: Incoming, bytes_max: u64, wait_max: Duration) -> (Self, Fault) {
        let fault = Fault::default();
        (Self { inner, left: bytes_max, wait_max, sleep: None, fault: fault.clone() }, fault)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.sleep = None;
                let len = frame.data_ref().map_or(0, |data| data.len() as u64);
                match self.left.checked_sub(len) {
                    Some(left) => self.left = left,
                    None => return Poll::Ready(Some(Err(BodyError::TooLarge))),
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                let wait_max = self.wait_max;
                let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + wait_max)));
                ready!(sleep.as_mut().poll(cx));
                Poll::Ready(Some(Err(BodyError::Slow)))
            }
        }
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = ready!(self.poll(cx));
        if let Some(Err(error)) = &polled {
            self.fault.note(error);
        }
        // Trailers of either side are hop-by-hop for us.
        match polled {
            Some(Ok(frame)) if frame.is_trailers() => Poll::Ready(None),
            polled => Poll::Ready(polled),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A request's body that comes back as long as nobody has read of it.
pub struct Lent {
    body: Option<Watched>,
    begun: bool,
    back: Arc<Mutex<Option<Watched>>>,
}

/// Where a [`Lent`] body comes back to.
pub struct Lender(Arc<Mutex<Option<Watched>>>);

impl Lender {
    pub fn new(body: Watched) -> Self {
        Self(Arc::new(Mutex::new(Some(body))))
    }

    /// None while it is lent, and once it was read of.
    pub fn lend(&self) -> Option<Lent> {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(Lent { body: Some(body), begun: false, back: self.0.clone() })
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.begun {
            *self.back.lock().unwrap_or_else(PoisonError::into_inner) = self.body.take();
        }
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.begun = true;
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

/// An answer's body: the gateway's own text, or a service's as it comes.
pub struct Body {
    kind: Kind,
    /// The request is in flight until its answer has left.
    in_flight: Option<InFlight>,
}

enum Kind {
    Text(Option<Bytes>),
    Upstream(Watched),
}

impl Body {
    pub fn empty() -> Self {
        Self { kind: Kind::Text(None), in_flight: None }
    }

    pub fn text(text: impl Into<Bytes>) -> Self {
        let text: Bytes = text.into();
        Self { kind: Kind::Text(Some(text).filter(|text| !text.is_empty())), in_flight: None }
    }

    /// What a service answers, however long, as long as it goes on.
    pub fn upstream(incoming: Incoming, wait_max: Duration) -> Self {
        Self { kind: Kind::Upstream(Watched::new(incoming, u64::MAX, wait_max).0), in_flight: None }
    }

    pub fn holding(mut self, in_flight: InFlight) -> Self {
        self.in_flight = Some(in_flight);
        self
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.kind {
            Kind::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Kind::Upstream(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Text(text) => text.is_none(),
            Kind::Upstream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Kind::Upstream(body) => body.size_hint(),
        }
    }
}
