//! Appends commands: buffered by [`Writer::append`], made durable together by [`Writer::sync`].

use std::sync::Arc;

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::command::Command;
use allin_wire::oplog::frame::{self, Header, kind};

use super::segment::{self, HEADER_LEN, RESERVE};
use super::{LOG_DIR, LogError, Options};
use crate::storage::{Storage, StorageFile, StorageLock};

/// Kept free at the end of a segment, so that a mark always fits.
const MARK_LEN: u64 = frame::HEADER_LEN as u64;

/// The one writer of a log. Made by [`super::recover`].
pub struct Writer {
    storage: Arc<dyn Storage>,
    options: Options,
    segment: Segment,
    /// Not written yet. Its first bytes are the segment's header while that is to be written.
    buffer: Vec<u8>,
    last: Last,
    durable: Seq,
    /// Something on the disk proves that everything before the end is durable.
    marked: bool,
    next_ready: bool,
    failed: Option<LogError>,
    _lock: Box<dyn StorageLock>,
}

/// The segment that is written to.
pub(super) struct Segment {
    pub name: String,
    pub file: Box<dyn StorageFile>,
    pub salt: u32,
    /// End of what is written, and of what may be.
    pub offset: u64,
    pub size: u64,
}

/// Of the last record.
#[derive(Clone, Copy)]
pub(super) struct Last {
    pub seq: Seq,
    pub epoch: Epoch,
    pub at: Timestamp,
    pub crc: u32,
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
    /// Goes on after `last` in a segment that is clean from its offset on.
    pub(super) fn resume(
        storage: Arc<dyn Storage>,
        options: Options,
        lock: Box<dyn StorageLock>,
        segment: Segment,
        last: Last,
        marked: bool,
    ) -> Writer {
        let mut writer = Writer {
            storage,
            options,
            segment,
            buffer: Vec::with_capacity(1 << 20),
            last,
            durable: last.seq,
            marked,
            next_ready: false,
            failed: None,
            _lock: lock,
        };
        if writer.segment.offset == 0 {
            writer.buffer_header();
        }
        writer
    }

    /// Buffers one command; `seq` must follow the last. Crossing into the next segment syncs what is buffered.
    ///
    /// [`LogError::Full`], and [`LogError::Malformed`] for a command beyond the bounds of its form, leave everything as it
    /// was.
    #[inline]
    pub fn append(&mut self, epoch: Epoch, seq: Seq, at: Timestamp, command: &Command) -> Result<(), LogError> {
        self.usable()?;
        assert!(seq.0 == self.last.seq.0 + 1, "sequence {} after {}", seq.0, self.last.seq.0);
        assert!(epoch >= self.last.epoch, "epoch {} after {}", epoch.0, self.last.epoch.0);
        if self.put(epoch, seq, at, command)? {
            return Ok(());
        }
        self.roll()?;
        if self.put(epoch, seq, at, command)? { Ok(()) } else { Err(LogError::Full) }
    }

    /// False when it does not fit the segment.
    #[inline]
    fn put(&mut self, epoch: Epoch, seq: Seq, at: Timestamp, command: &Command) -> Result<bool, LogError> {
        let before = self.buffer.len();
        let header =
            Header { kind: kind::COMMAND, version: allin_wire::oplog::VERSION, epoch, seq, at, durable: self.durable };
        let write = |out: &mut Vec<u8>| allin_wire::oplog::encode(command, out);
        let crc = frame::put(&mut self.buffer, self.segment.salt, &header, write).map_err(LogError::Malformed)?;
        if self.segment.offset + self.buffer.len() as u64 + MARK_LEN > self.segment.size {
            self.buffer.truncate(before);
            return Ok(false);
        }
        self.last = Last { seq, epoch, at, crc };
        Ok(true)
    }

    /// Writes the buffer and syncs it; everything appended is durable after. With nothing appended it does nothing.
    pub fn sync(&mut self) -> Result<Seq, LogError> {
        self.usable()?;
        if self.durable < self.last.seq {
            self.flush()?;
            self.durable = self.last.seq;
            self.marked = false;
        }
        Ok(self.durable)
    }

    /// Proves the last batch durable on the disk itself, so that damage to it is told from a torn tail. Costs a sync, so
    /// it is to be called when there has been nothing else to do for a moment; does nothing when proved already.
    pub fn mark(&mut self) -> Result<(), LogError> {
        self.sync()?;
        if self.marked {
            return Ok(());
        }
        let Last { seq, epoch, at, .. } = self.last;
        let header = Header { kind: kind::MARK, version: allin_wire::oplog::VERSION, epoch, seq, at, durable: seq };
        let nothing = |_: &mut Vec<u8>| Ok::<(), LogError>(());
        self.last.crc = frame::put(&mut self.buffer, self.segment.salt, &header, nothing)?;
        self.flush()?;
        self.marked = true;
        Ok(())
    }

    /// Last sequence known to be durable.
    pub fn durable(&self) -> Seq {
        self.durable
    }

    /// Last sequence appended.
    pub fn last(&self) -> Seq {
        self.last.seq
    }

    pub fn room(&self) -> Room {
        let used = self.segment.offset + self.buffer.len() as u64 + MARK_LEN;
        Room { bytes_left: self.segment.size.saturating_sub(used), next_ready: self.next_ready }
    }

    /// Allocates the next segment if there is none. A full disk is no error: see the answer.
    pub fn try_reserve(&mut self) -> Result<Room, LogError> {
        self.usable()?;
        if !self.next_ready {
            self.next_ready = reserve(&*self.storage, self.options.segment_bytes)?;
        }
        Ok(self.room())
    }

    /// Syncs, marks, and gives up the lock.
    pub fn close(mut self) -> Result<(), LogError> {
        self.mark()
    }

    #[inline]
    fn usable(&self) -> Result<(), LogError> {
        match &self.failed {
            None => Ok(()),
            Some(error) => Err(error.clone()),
        }
    }

    fn flush(&mut self) -> Result<(), LogError> {
        let segment = &mut self.segment;
        let written = segment.file.pwrite(segment.offset, &self.buffer).map_err(|e| ("write", e));
        if let Err((doing, error)) = written.and_then(|()| segment.file.sync_data().map_err(|e| ("sync", e))) {
            return Err(self.fail(doing, error));
        }
        segment.offset += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// After this nothing is taken any more: what the disk holds is unknown, and a second sync that succeeds would not
    /// say that the first one's data is there.
    fn fail(&mut self, doing: &'static str, error: std::io::Error) -> LogError {
        let error = LogError::fatal(doing, self.storage.describe(&self.segment.name), error);
        self.failed = Some(error.clone());
        error
    }

    /// Goes over into the next segment. The old one is synced first, so that a segment's existence proves all before it;
    /// the new one's header goes to the disk with its first batch.
    fn roll(&mut self) -> Result<(), LogError> {
        if !self.try_reserve()?.next_ready {
            return Err(LogError::Full);
        }
        self.sync()?;
        let first = Seq(self.last.seq.0 + 1);
        let name = segment::name(first);
        let opened = self.storage.rename(RESERVE, &name).and_then(|()| self.storage.sync_dir(LOG_DIR));
        let file = match opened.and_then(|()| self.storage.open(&name)) {
            Ok(file) => file,
            Err(error) => return Err(self.fail("make the next segment after", error)),
        };
        let salt = segment::salt(&self.options.shard, first);
        self.segment = Segment { name, file, salt, offset: 0, size: self.options.segment_bytes };
        self.marked = true;
        self.next_ready = false;
        self.buffer_header();
        // Failing to reserve is for the caller to see in the room; the present segment is there.
        if let Err(error) = self.try_reserve() {
            tracing::warn!(%error, "cannot allocate the next segment of the log");
        }
        Ok(())
    }

    fn buffer_header(&mut self) {
        let first = Seq(self.last.seq.0 + 1);
        self.buffer.extend_from_slice(&segment::header(&self.options.shard, first, self.last.crc));
        debug_assert_eq!(self.buffer.len(), HEADER_LEN);
    }
}

/// Allocates the file that will be the next segment; false when the disk is full.
fn reserve(storage: &dyn Storage, size: u64) -> Result<bool, LogError> {
    use std::io::ErrorKind::{AlreadyExists, QuotaExceeded, StorageFull};
    let failed = |error| LogError::io("allocate", storage.describe(RESERVE), error);
    let file = match storage.create(RESERVE) {
        // Left by an earlier run; never written to.
        Err(error) if error.kind() == AlreadyExists => storage.open(RESERVE),
        other => other,
    };
    let allocated = file.and_then(|file| {
        if file.len()? > size {
            file.set_len(size)?;
        }
        file.allocate(size)
    });
    match allocated {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), StorageFull | QuotaExceeded) => {
            tracing::warn!(file = storage.describe(RESERVE), "the disk has no room for the next segment of the log");
            // What was allocated of it is given back to those who may free some more.
            let _ = storage.remove(RESERVE);
            Ok(false)
        }
        Err(error) => Err(failed(error)),
    }
}
