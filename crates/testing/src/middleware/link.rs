//! A way to a server that tests can cut, hold and slow: a partition between one client and the server, while everybody
//! else reaches it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

const BUFFER_BYTES: usize = 64 << 10;

/// What happens to bytes on their way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Traffic {
    Flows,
    /// Connections are closed, and new ones too: both ends know at once.
    Cut,
    /// Half open: connections are taken and stay, but no byte arrives until the traffic flows again. Nobody is told.
    Held,
    /// Each piece arrives so much later.
    Slow(Duration),
}

/// Listens at an address of its own and passes on what it gets. Ends when dropped.
pub struct Link {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    to: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    traffic: Traffic,
    ended: bool,
    /// Both ends of what is connected.
    open: BTreeMap<u64, [TcpStream; 2]>,
    taken: u64,
    disturbed: u64,
}

impl Link {
    pub fn new(listen: SocketAddr, to: SocketAddr) -> Link {
        let listener = TcpListener::bind(listen).unwrap_or_else(|error| panic!("{listen}: {error}"));
        let address = listener.local_addr().expect("it is bound");
        let state = State { traffic: Traffic::Flows, ended: false, open: BTreeMap::new(), taken: 0, disturbed: 0 };
        let shared = Arc::new(Shared { to, state: Mutex::new(state), changed: Condvar::new() });
        let accepting = shared.clone();
        spawn(move || {
            for stream in listener.incoming() {
                if accepting.lock().ended {
                    return;
                }
                if let Ok(stream) = stream {
                    accepting.take(stream);
                }
            }
        });
        Link { address, shared }
    }

    /// `host:port`, as clients want it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn set(&self, traffic: Traffic) {
        let mut state = self.shared.lock();
        state.traffic = traffic;
        if traffic == Traffic::Cut {
            state.close_all();
        }
        drop(state);
        self.shared.changed.notify_all();
    }

    /// How many connections and pieces of traffic were cut, held or slowed: whether a fault fired.
    pub fn disturbed(&self) -> u64 {
        self.shared.lock().disturbed
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.ended = true;
        state.close_all();
        drop(state);
        self.shared.changed.notify_all();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn close_all(&mut self) {
        self.disturbed += self.open.len() as u64;
        for stream in self.open.values().flatten() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.open.clear();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic inside")
    }

    /// A connection that cannot be passed on is closed, as the server would.
    fn take(self: &Arc<Shared>, near: TcpStream) {
        if self.lock().traffic == Traffic::Cut {
            self.lock().disturbed += 1;
            return;
        }
        let Ok(far) = TcpStream::connect(self.to) else { return };
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        let copy = |stream: &TcpStream| stream.try_clone().expect("a descriptor");
        let mut state = self.lock();
        state.taken += 1;
        let number = state.taken;
        state.open.insert(number, [copy(&near), copy(&far)]);
        drop(state);
        for (from, to) in [(copy(&near), copy(&far)), (far, near)] {
            let shared = self.clone();
            spawn(move || shared.pump(number, from, to));
        }
    }

    /// Passes bytes on in one direction, until one end is closed.
    fn pump(&self, number: u64, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; BUFFER_BYTES];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if !self.pass() || to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        self.lock().open.remove(&number);
    }

    /// Waits as long as a piece of traffic has to; false when it goes nowhere.
    fn pass(&self) -> bool {
        let mut state = self.lock();
        if state.traffic != Traffic::Flows {
            state.disturbed += 1;
        }
        if let Traffic::Slow(delay) = state.traffic {
            drop(state);
            thread::sleep(delay);
            state = self.lock();
        }
        while state.traffic == Traffic::Held && !state.ended {
            state = self.changed.wait(state).expect("no panic inside");
        }
        state.traffic != Traffic::Cut && !state.ended
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().name("link".into()).spawn(work).expect("a thread");
}
