//! Owns the doors between the gateway and the services of its own process: a request that would go over a socket from a
//! process to itself is handed over instead. The service is the same, with the same checks; what is saved is the connection.
//! Never more than a short cut: whoever finds no door here goes to the address.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::{Request, Response};
use tokio::sync::Semaphore;

/// Requests that are being answered through one door; more than a process has connections.
const ASKED_MAX: u32 = 1 << 20;

/// Why a body broke off.
#[derive(Debug, thiserror::Error)]
#[error("the body broke off: {0}")]
pub struct BodyError(pub String);

/// A body on its way in.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;
pub type Answer<'a> = Pin<Box<dyn Future<Output = Response<Bytes>> + Send + 'a>>;

/// What answers requests without a connection. The peer is whoever hands the request over.
pub trait Inside: Send + Sync + 'static {
    fn answer(&self, request: Request<Body>, peer: SocketAddr) -> Answer<'_>;
}

type Doors = HashMap<SocketAddr, Arc<Door>>;

/// One for the process, as the addresses are.
static DOORS: LazyLock<RwLock<Doors>> = LazyLock::new(RwLock::default);

/// A way into a service.
pub struct Door {
    service: Box<dyn Inside>,
    room: Semaphore,
}

/// The door of the service at this address, if it is one of this process.
pub fn find(address: SocketAddr) -> Option<Arc<Door>> {
    DOORS.read().unwrap_or_else(PoisonError::into_inner).get(&address).cloned()
}

impl Door {
    /// None once the service stops.
    pub async fn ask(&self, request: Request<Body>, peer: SocketAddr) -> Option<Response<Bytes>> {
        let _permit = self.room.acquire().await.ok()?;
        Some(self.service.answer(request, peer).await)
    }
}

/// Keeps a door open.
pub struct Opened {
    address: SocketAddr,
    door: Arc<Door>,
}

/// Opens a door beside the service's listener.
pub fn open(address: SocketAddr, service: impl Inside) -> Opened {
    let door = Arc::new(Door { service: Box::new(service), room: Semaphore::new(ASKED_MAX as usize) });
    DOORS.write().unwrap_or_else(PoisonError::into_inner).insert(address, door.clone());
    Opened { address, door }
}

impl Opened {
    /// Lets nobody in any more, and returns once those inside have their answers.
    pub async fn close(self) {
        self.remove();
        // Closed by nobody before, so this only waits.
        let _ = self.door.room.acquire_many(ASKED_MAX).await;
        self.door.room.close();
    }

    fn remove(&self) {
        let mut doors = DOORS.write().unwrap_or_else(PoisonError::into_inner);
        if doors.get(&self.address).is_some_and(|door| Arc::ptr_eq(door, &self.door)) {
            doors.remove(&self.address);
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.remove();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::{BodyExt, Empty};

    use super::*;

    /// Answers once it is let to.
    struct Patient(Arc<Semaphore>);

    impl Inside for Patient {
        fn answer(&self, _: Request<Body>, peer: SocketAddr) -> Answer<'_> {
            Box::pin(async move {
                let _ = self.0.acquire().await.map(|permit| permit.forget());
                Response::new(peer.to_string().into())
            })
        }
    }

    fn request() -> Request<Body> {
        Request::new(Empty::new().map_err(|never| match never {}).boxed_unsync())
    }

    fn address(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    #[tokio::test]
    async fn a_closed_door_waits_for_those_inside_and_lets_nobody_in() {
        let answers = Arc::new(Semaphore::new(1));
        let opened = open(address(1), Patient(answers.clone()));
        let door = find(address(1)).expect("open");
        let first = door.ask(request(), address(9)).await.expect("an answer");
        assert_eq!(*first.body(), "192.0.2.1:9");
        let asked = door.clone();
        let second = tokio::spawn(async move { asked.ask(request(), address(9)).await });
        while door.room.available_permits() == ASKED_MAX as usize {
            tokio::task::yield_now().await;
        }
        let closed = tokio::spawn(opened.close());
        while find(address(1)).is_some() {
            tokio::task::yield_now().await;
        }
        assert!(!closed.is_finished(), "one is inside");
        answers.add_permits(1);
        assert!(second.await.expect("no panic").is_some());
        tokio::time::timeout(Duration::from_secs(10), closed).await.expect("nobody is inside").expect("no panic");
        assert!(door.ask(request(), address(9)).await.is_none());
    }

    #[tokio::test]
    async fn a_door_that_is_dropped_is_gone_but_not_its_successor() {
        let answers = Arc::new(Semaphore::new(0));
        let first = open(address(2), Patient(answers.clone()));
        let second = open(address(2), Patient(answers));
        drop(first);
        assert!(find(address(2)).is_some());
        drop(second);
        assert!(find(address(2)).is_none());
    }
}
