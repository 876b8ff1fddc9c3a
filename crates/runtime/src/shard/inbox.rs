//! The bounded queue in front of the core thread. First come, first served, also between commands and queries: a client's
//! cancel never overtakes its order. What differs is how much room there is for whom.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use allin_core::ids::Seq;
use allin_core::spot::command::Command;
use tokio::sync::oneshot;

use super::admission;
use super::completion::Completion;
use super::config::ShardConfig;
use crate::engine::{Answer, Query, SubmitError};

pub(super) type QuerySender = oneshot::Sender<Result<Answer, SubmitError>>;

// Commands are large and most items are commands: a box for each would be an allocation a command.
#[allow(clippy::large_enum_variant)]
pub(super) enum Item {
    Command(Command, Completion),
    Query(Query, QuerySender),
    /// Asks for the live digest to be noted at the present sequence.
    Mark(oneshot::Sender<Seq>),
}

pub(super) struct Inbox {
    state: Mutex<State>,
    arrived: Condvar,
    /// Set by the log while the disk has no room for new orders.
    read_only: AtomicBool,
    orders_max: usize,
    all_max: usize,
    queries_max: usize,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    /// Accepted and not yet sequenced: in `items`, or in the hands of the core thread.
    commands: usize,
    queries: usize,
    closed: bool,
    core_waits: bool,
    /// Somebody holds a [`Wake`] for what is there.
    wake_promised: bool,
}

/// The promise to wake the core thread, kept at the latest when it is dropped.
#[must_use]
pub(super) struct Wake<'a>(&'a Inbox);

impl Drop for Wake<'_> {
    fn drop(&mut self) {
        self.0.wake(self.0.lock());
    }
}

/// What [`Inbox::take`] came back with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    Items,
    Nothing,
    /// Closed, and everything accepted before was taken.
    Closed,
}

impl Inbox {
    pub fn new(config: &ShardConfig) -> Inbox {
        Inbox {
            state: Mutex::default(),
            arrived: Condvar::new(),
            read_only: AtomicBool::new(false),
            orders_max: config.inbox_max,
            all_max: config.inbox_max + config.inbox_reserved_max,
            queries_max: config.queries_max,
        }
    }

    pub fn submit(&self, command: Command, completion: Completion) -> Result<(), SubmitError> {
        self.wake(self.enqueue(command, completion)?);
        Ok(())
    }

    /// The same, but leaves it to the caller to wake the core thread, if it has to be woken and nobody else will. So
    /// commands that come at the same time make one batch, and cost one wake.
    pub fn submit_quietly(&self, command: Command, completion: Completion) -> Result<Option<Wake<'_>>, SubmitError> {
        let mut state = self.enqueue(command, completion)?;
        let wakes = state.core_waits && !state.wake_promised;
        state.wake_promised |= wakes;
        Ok(wakes.then(|| Wake(self)))
    }

    #[inline]
    fn enqueue(&self, command: Command, completion: Completion) -> Result<MutexGuard<'_, State>, SubmitError> {
        let reserved = self.check(&command)?;
        let mut state = self.lock();
        self.admit(&mut state, reserved)?;
        state.items.push_back(Item::Command(command, completion));
        Ok(state)
    }

    /// Takes from the front what there is room for; after an error the rest is still there, the refused one first.
    pub fn submit_all(
        &self,
        commands: &mut std::vec::Drain<'_, (u64, Command)>,
        completion: impl Fn(u64) -> Completion,
        refused: &mut Vec<(u64, SubmitError)>,
    ) {
        let mut state = self.lock();
        for (tag, command) in commands {
            let admitted = self.check(&command).and_then(|reserved| self.admit(&mut state, reserved));
            match admitted {
                Ok(()) => state.items.push_back(Item::Command(command, completion(tag))),
                Err(error) => refused.push((tag, error)),
            }
        }
        self.wake(state);
    }

    pub fn query(&self, query: Query, sender: QuerySender) -> Result<(), SubmitError> {
        let mut state = self.lock();
        if state.closed {
            return Err(SubmitError::Stopping);
        }
        if state.queries >= self.queries_max {
            return Err(SubmitError::Overloaded);
        }
        state.queries += 1;
        state.items.push_back(Item::Query(query, sender));
        self.wake(state);
        Ok(())
    }

    /// For the replica alone, one at a time; needs no bound of its own.
    pub fn mark(&self) -> Result<oneshot::Receiver<Seq>, SubmitError> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        if state.closed {
            return Err(SubmitError::Stopping);
        }
        state.items.push_back(Item::Mark(sender));
        self.wake(state);
        Ok(receiver)
    }

    /// Swaps everything that waits into `into`, which must be empty. Without a time-out it waits for an item or the end.
    pub fn take(&self, into: &mut VecDeque<Item>, timeout: Option<Duration>) -> Taken {
        debug_assert!(into.is_empty());
        let mut state = self.lock();
        if state.items.is_empty() && !state.closed && timeout != Some(Duration::ZERO) {
            state.core_waits = true;
            let idle = |state: &mut State| state.items.is_empty() && !state.closed;
            state = match timeout {
                None => self.arrived.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner),
                Some(timeout) => {
                    self.arrived.wait_timeout_while(state, timeout, idle).unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.core_waits = false;
            state.wake_promised = false;
        }
        if !state.items.is_empty() {
            std::mem::swap(&mut state.items, into);
            Taken::Items
        } else if state.closed {
            Taken::Closed
        } else {
            Taken::Nothing
        }
    }

    /// Gives back the room of what the core thread is done with.
    pub fn finished(&self, commands: usize, queries: usize) {
        let mut state = self.lock();
        state.commands -= commands;
        state.queries -= queries;
    }

    /// Refuses whatever comes from now on.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        drop(state);
        self.arrived.notify_all();
    }

    pub fn set_read_only(&self, read_only: bool) {
        self.read_only.store(read_only, Ordering::Release);
    }

    pub fn is_read_only(&self) -> bool {
        self.read_only.load(Ordering::Acquire)
    }

    /// Commands that wait.
    pub fn depth(&self) -> usize {
        self.lock().commands
    }

    fn check(&self, command: &Command) -> Result<bool, SubmitError> {
        admission::check(command)?;
        let reserved = admission::is_reserved(command);
        if !reserved && self.is_read_only() {
            return Err(SubmitError::ReadOnly);
        }
        Ok(reserved)
    }

    fn admit(&self, state: &mut State, reserved: bool) -> Result<(), SubmitError> {
        if state.closed {
            return Err(SubmitError::Stopping);
        }
        let max = if reserved { self.all_max } else { self.orders_max };
        if state.commands >= max {
            return Err(SubmitError::Overloaded);
        }
        state.commands += 1;
        Ok(())
    }

    fn wake(&self, state: MutexGuard<'_, State>) {
        let wake = state.core_waits;
        drop(state);
        if wake {
            self.arrived.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
