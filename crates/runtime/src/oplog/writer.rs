//! Appends commands: buffered by [`Writer::append`], made durable together by [`Writer::sync`].

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::command::Command;

use super::LogError;

/// The one writer of a log. Made by [`super::recover`].
pub struct Writer {
    durable: Seq,
}

/// What can still be appended without asking the disk for more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// Left in the present segment, buffered records taken off.
    pub bytes_left: u64,
    /// The next segment lies allocated beside it. While false, the disk is full: refuse new orders, take cancels, and
    /// call [`Writer::try_reserve`] now and then.
    pub next_ready: bool,
}

impl Writer {
    /// Buffers one command; `seq` must follow the last. Crossing into the next segment may sync what is buffered.
    pub fn append(
        &mut self,
        _epoch: Epoch,
        _seq: Seq,
        _at: Timestamp,
        _command: &Command,
    ) -> Result<(), LogError> {
        Err(LogError::Full)
    }

    /// Writes the buffer and syncs it; everything appended is durable after. With nothing buffered it does nothing.
    pub fn sync(&mut self) -> Result<Seq, LogError> {
        Err(LogError::Full)
    }

    /// Proves the last batch durable on the disk itself, so that damage to it is told from a torn tail. To be called
    /// when there is nothing else to do; does nothing when proved already.
    pub fn mark(&mut self) -> Result<(), LogError> {
        Err(LogError::Full)
    }

    /// Last sequence known to be durable.
    pub fn durable(&self) -> Seq {
        self.durable
    }

    pub fn room(&self) -> Room {
        Room {
            bytes_left: 0,
            next_ready: false,
        }
    }

    /// Allocates the next segment if there is none. A full disk is no error: see the answer.
    pub fn try_reserve(&mut self) -> Result<Room, LogError> {
        Ok(self.room())
    }

    /// Syncs, marks, and gives up the lock.
    pub fn close(mut self) -> Result<(), LogError> {
        self.sync()?;
        self.mark()
    }
}
