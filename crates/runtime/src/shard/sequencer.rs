//! The core thread: gives each command its sequence and time, hands it to the log, and applies it meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::Ahead;
use allin_core::spot::command::Command;
use allin_core::spot::event::Events;
use crossbeam_channel::Sender;

use super::admission;
use super::batch::{Pool, Small, Unlogged, Unpublished};
use super::clock::Clock;
use super::completion::Completion;
use super::config::ShardConfig;
use super::inbox::{Inbox, Item, QuerySender, Taken};
use super::machine::StateMachine;
use super::marks::Marks;
use super::progress::{Logged, Progress};
use crate::engine::{Answer, Batch, Query, Record, SubmitError};

/// While a timer is armed, the longest sleep: a clock that jumps forward is noticed this fast.
const TIMER_SLEEP_MAX: Duration = Duration::from_millis(50);

/// Events of a command, mostly.
const EVENTS_USUAL: usize = 4;

pub(super) struct Sequencer<M> {
    pub machine: M,
    pub epoch: Epoch,
    pub clock: Arc<dyn Clock>,
    pub config: ShardConfig,
    pub segment_bytes: u64,
    pub inbox: Arc<Inbox>,
    pub progress: Arc<Progress>,
    pub marks: Arc<Marks>,
    pub pool: Arc<Pool>,
    pub to_log: Sender<Unlogged>,
    pub to_publisher: Sender<Unpublished>,
    pub applied: Arc<AtomicU64>,
    pub sent: Sent,
    pub ahead: Ahead,
}

/// What was handed to the log so far; the difference to [`Logged`] is in flight.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Sent {
    batches: u64,
    commands: u64,
    bytes: u64,
}

/// A batch in the making.
struct Open {
    batch: Batch,
    small: Small,
    bytes: u64,
    /// With the number of commands before it.
    questions: Vec<(usize, Question)>,
    at: Timestamp,
}

enum Question {
    Query(Query, QuerySender),
    Mark(tokio::sync::oneshot::Sender<Seq>),
}

/// The log failed: nothing can be sequenced any more.
struct Failed;

impl<M: StateMachine> Sequencer<M> {
    /// Runs until the inbox is closed and drained, or the log failed. Gives the state back.
    pub fn run(mut self) -> M {
        let mut taken = VecDeque::new();
        let _failed = self.turn(&mut taken);
        // After a failure there may be some left, which were never sequenced.
        self.inbox.close();
        loop {
            for item in taken.drain(..) {
                match item {
                    Item::Command(_, completion) => completion.refuse(SubmitError::Stopping),
                    Item::Query(_, sender) => drop(sender.send(Err(SubmitError::Stopping))),
                    Item::Mark(_) => {}
                }
            }
            if self.inbox.take(&mut taken, Some(Duration::ZERO)) != Taken::Items {
                return self.machine;
            }
        }
    }

    fn turn(&mut self, taken: &mut VecDeque<Item>) -> Result<(), Failed> {
        if !self.sequence_own(Command::StartEpoch(self.epoch))? {
            // Not even room for that: the start fails, and nothing was taken.
            self.progress.update(|logged| logged.failed = true);
            return Err(Failed);
        }
        if let Some(command) = self.machine.limit(self.config.limits)
            && !self.sequence_own(command)?
        {
            tracing::error!(
                "no room in the log to set the limits of the configuration; the old ones stay until the next start"
            );
        }
        loop {
            match self.inbox.take(taken, self.patience()) {
                Taken::Items => {}
                Taken::Nothing => {
                    self.tick()?;
                    continue;
                }
                Taken::Closed => return Ok(()),
            }
            while !taken.is_empty() {
                self.next_batch(taken)?;
            }
            self.tick()?;
        }
    }

    /// How long to wait for commands: until the next timer, or for ever.
    fn patience(&self) -> Option<Duration> {
        let deadline = self.machine.next_deadline()?;
        let left = Duration::from_micros(deadline.0.saturating_sub(self.clock.now().0));
        Some(left.min(TIMER_SLEEP_MAX))
    }

    /// Lets a timer fire that no command woke.
    fn tick(&mut self) -> Result<(), Failed> {
        match self.machine.next_deadline() {
            // Without room for even that, time stands still for the timers until there is some.
            Some(deadline) if deadline <= self.clock.now() => self.sequence_own(Command::Tick).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Sequences from the front; what a failure leaves behind stays.
    fn next_batch(&mut self, items: &mut VecDeque<Item>) -> Result<(), Failed> {
        let logged = self.wait_for_flight()?;
        let mut open = self.open(items.len().min(self.config.batch_max));
        let (mut commands, mut queries) = (0, 0);
        while open.batch.records.len() < self.config.batch_max {
            let Some(item) = items.front() else { break };
            if let Item::Command(command, _) = item {
                match self.room_for(command, &open, &logged) {
                    RoomFor::Yes => {}
                    RoomFor::Later if open.batch.records.is_empty() && open.questions.is_empty() => {
                        // Alone too large for what is in flight: it has to wait until that is on the disk.
                        self.wait_for_idle_log()?;
                        self.inbox.finished(commands, queries);
                        return Ok(());
                    }
                    RoomFor::Later => break,
                    RoomFor::Never => {
                        if let Some(Item::Command(_, completion)) = items.pop_front() {
                            completion.refuse(SubmitError::ReadOnly);
                        }
                        commands += 1;
                        continue;
                    }
                }
            }
            match items.pop_front() {
                Some(Item::Command(command, completion)) => {
                    commands += 1;
                    self.push(&mut open, command, completion);
                }
                Some(Item::Query(query, sender)) => {
                    queries += 1;
                    open.questions.push((open.batch.records.len(), Question::Query(query, sender)));
                }
                Some(Item::Mark(sender)) => open.questions.push((open.batch.records.len(), Question::Mark(sender))),
                None => break,
            }
        }
        self.inbox.finished(commands, queries);
        self.close(open)
    }

    /// A command of the engine itself; false when the log has no room.
    fn sequence_own(&mut self, command: Command) -> Result<bool, Failed> {
        loop {
            let logged = self.wait_for_flight()?;
            let mut open = self.open(1);
            match self.room_for(&command, &open, &logged) {
                RoomFor::Yes => {
                    self.push(&mut open, command, Completion::None);
                    return self.close(open).map(|()| true);
                }
                RoomFor::Later => self.wait_for_idle_log()?,
                RoomFor::Never => return Ok(false),
            }
        }
    }

    /// A batch with room for so many commands, and for their events as far as can be told: buffers that grow step by step
    /// are copied, and cleared by the kernel, again and again.
    fn open(&self, commands: usize) -> Open {
        let mut batch = self.pool.batch();
        batch.records.reserve(commands);
        batch.events.reserve(commands * EVENTS_USUAL);
        Open {
            batch,
            small: self.pool.small(),
            bytes: 0,
            questions: Vec::new(),
            at: self.clock.now().max(self.machine.time()),
        }
    }

    fn push(&self, open: &mut Open, command: Command, completion: Completion) {
        let seq = Seq(self.machine.seq().0 + 1 + open.batch.records.len() as u64);
        open.bytes += admission::log_bytes_max(&command);
        open.batch.records.push(Record { seq, epoch: self.epoch, at: open.at, command, events: 0..0 });
        open.small.completions.push(completion);
    }

    /// Logs and applies the batch at the same time, and leaves the rest to the publisher.
    fn close(&mut self, open: Open) -> Result<(), Failed> {
        let Open { batch: Batch { records, mut events }, small, bytes, questions, .. } = open;
        let Small { mut ends, completions } = small;
        let mut answers = Vec::new();
        let records = Arc::new(records);
        if !records.is_empty() {
            self.sent.batches += 1;
            self.sent.commands += records.len() as u64;
            self.sent.bytes += bytes;
            if self.to_log.send(Unlogged { records: records.clone(), bytes }).is_err() {
                completions.into_iter().for_each(|completion| completion.refuse(SubmitError::Unknown));
                return Err(Failed);
            }
        }
        let mut questions = questions.into_iter().peekable();
        for (index, record) in records.iter().enumerate() {
            while let Some((_, question)) = questions.next_if(|(before, _)| *before <= index) {
                self.answer(question, &mut answers);
            }
            self.machine.look_ahead(&mut self.ahead, index, |at| records.get(at).map(|record| &record.command));
            self.apply(record, &mut events);
            ends.push(events.len() as u32);
        }
        for (_, question) in questions {
            self.answer(question, &mut answers);
        }
        let last = self.machine.seq();
        self.applied.store(last.0, Ordering::Release);
        let unpublished = Unpublished { last, records, ends, events, completions, answers };
        self.to_publisher.send(unpublished).map_err(|unsent| {
            unsent.into_inner().abandon();
            Failed
        })
    }

    fn apply(&mut self, record: &Record, events: &mut Events) {
        self.machine.apply(record.seq, record.at, &record.command, events);
        if record.seq.0.is_multiple_of(self.config.digest_every) {
            self.marks.note(record.seq, self.machine.digest());
        }
    }

    fn answer(&self, question: Question, answers: &mut Vec<(QuerySender, Answer)>) {
        match question {
            Question::Query(query, sender) => {
                let (seq, at) = (self.machine.seq(), self.machine.time());
                // Told only once `seq` is durable: a status says rightly that it is.
                let body = self.machine.answer(&query);
                answers.push((sender, Answer { seq, at, body }));
            }
            Question::Mark(sender) => {
                self.marks.note(self.machine.seq(), self.machine.digest());
                let _ = sender.send(self.machine.seq());
            }
        }
    }

    fn wait_for_flight(&self) -> Result<Logged, Failed> {
        let (sent, config) = (self.sent, &self.config);
        let logged = self.progress.wait_until(|logged| {
            sent.batches - logged.batches < config.batches_in_flight_max as u64
                && sent.commands - logged.commands < config.commands_in_flight_max as u64
        });
        if logged.failed { Err(Failed) } else { Ok(logged) }
    }

    fn wait_for_idle_log(&self) -> Result<(), Failed> {
        let sent = self.sent;
        if self.progress.wait_until(|logged| logged.batches == sent.batches).failed { Err(Failed) } else { Ok(()) }
    }

    /// Whether the log surely has room for the command after all that was promised before it.
    fn room_for(&self, command: &Command, open: &Open, logged: &Logged) -> RoomFor {
        if !logged.room.next_ready && !admission::is_reserved(command) {
            return RoomFor::Never;
        }
        let in_flight = self.sent.bytes - logged.bytes + open.bytes;
        let needed = in_flight + admission::log_bytes_max(command);
        let next = if logged.room.next_ready { self.segment_bytes / 2 } else { 0 };
        if needed <= (logged.room.bytes_left + next).min(self.config.bytes_in_flight_max) {
            RoomFor::Yes
        } else if in_flight > 0 {
            RoomFor::Later
        } else {
            RoomFor::Never
        }
    }
}

enum RoomFor {
    Yes,
    Later,
    Never,
}
