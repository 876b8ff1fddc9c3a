//! What a shard needs of the place where its log is kept, so that it runs the same on files beside it and on a log that
//! several machines share.

use std::sync::Arc;

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::command::Command;

use super::{Entry, LogError, Machine, Options, Reader, Room, Writer, recover};
use crate::storage::Storage;

/// A state's place in the log: after which command it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    pub seq: Seq,
    pub epoch: Epoch,
    pub at: Timestamp,
}

impl Place {
    pub fn of(machine: &impl Machine) -> Place {
        Place { seq: machine.seq(), epoch: machine.epoch(), at: machine.time() }
    }
}

/// A log to read, wherever it is kept.
pub trait Log: Send + Sync + 'static {
    /// Stands before the command after the place. [`LogError::Gone`] when the log begins later.
    fn read(&self, after: Place) -> Result<Box<dyn LogReader>, LogError>;
}

pub trait LogReader: Send {
    /// The next command, none when it comes after `until`, which the caller knows to be durable. May block.
    fn next(&mut self, until: Seq) -> Result<Option<Entry>, LogError>;
}

/// The one writer of a log: appends, and sends what was appended on its way with [`LogWriter::sync`].
pub trait LogWriter: Send {
    /// Called once, before anything is appended. A log that is durable when `sync` returns has nobody to tell.
    fn start(&mut self, _landed: Arc<dyn Landed>) {}
    /// `seq` must follow the last. [`LogError::Full`] and [`LogError::Malformed`] leave everything as it was.
    fn append(&mut self, epoch: Epoch, seq: Seq, at: Timestamp, command: &Command) -> Result<(), LogError>;
    /// Sends what was appended. Gives the last sequence known to be durable: the last appended, unless the log is one
    /// that tells later through [`Landed`].
    fn sync(&mut self) -> Result<Seq, LogError>;
    fn room(&self) -> Room;
    /// Makes room if there is none; see [`Writer::try_reserve`].
    fn try_reserve(&mut self) -> Result<Room, LogError>;
    /// There has been nothing to do for a moment; see [`Writer::mark`].
    fn mark(&mut self) -> Result<(), LogError>;
    /// Returns when everything appended is durable.
    fn close(self: Box<Self>) -> Result<(), LogError>;
}

/// Whom a writer tells what became of what it was given, from a thread of its own.
pub trait Landed: Send + Sync {
    /// Everything up to `seq` is durable.
    fn landed(&self, seq: Seq, room: Room);
    /// The writer takes nothing any more; what was not told durable may be so or not.
    fn failed(&self, error: LogError);
}

/// A log that has been taken over: the state after its last command, and the right to go on.
pub struct Led<M> {
    pub machine: M,
    /// Above every epoch in the log.
    pub epoch: Epoch,
    pub writer: Box<dyn LogWriter>,
}

/// A log of files, as this module keeps it.
pub struct FileLog {
    storage: Arc<dyn Storage>,
    options: Options,
}

impl FileLog {
    pub fn new(storage: Arc<dyn Storage>, options: Options) -> FileLog {
        FileLog { storage, options }
    }

    /// Reads the log back, and locks it.
    pub fn lead<M: Machine>(&self, fresh: impl FnOnce() -> M) -> Result<Led<M>, LogError> {
        let recovered = recover(self.storage.clone(), &self.options, fresh)?;
        let epoch = Epoch(recovered.epoch.0 + 1);
        Ok(Led { machine: recovered.machine, epoch, writer: Box::new(recovered.writer) })
    }
}

impl Log for FileLog {
    fn read(&self, after: Place) -> Result<Box<dyn LogReader>, LogError> {
        Ok(Box::new(Reader::open(self.storage.clone(), &self.options, Seq(after.seq.0 + 1))?))
    }
}

impl LogReader for Reader {
    fn next(&mut self, until: Seq) -> Result<Option<Entry>, LogError> {
        Reader::next(self, until)
    }
}

impl LogWriter for Writer {
    fn append(&mut self, epoch: Epoch, seq: Seq, at: Timestamp, command: &Command) -> Result<(), LogError> {
        Writer::append(self, epoch, seq, at, command)
    }

    fn sync(&mut self) -> Result<Seq, LogError> {
        Writer::sync(self)
    }

    fn room(&self) -> Room {
        Writer::room(self)
    }

    fn try_reserve(&mut self) -> Result<Room, LogError> {
        Writer::try_reserve(self)
    }

    fn mark(&mut self) -> Result<(), LogError> {
        Writer::mark(self)
    }

    fn close(self: Box<Self>) -> Result<(), LogError> {
        Writer::close(*self)
    }
}
