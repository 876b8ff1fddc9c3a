//! Goes through the log record by record, over segments, and decides what an end means: there is no more, the last write
//! was torn, or acknowledged data is damaged.

use std::sync::Arc;

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_wire::oplog::frame::kind;

use super::segment::{self, HEADER_LEN, Next, Raw, SegmentReader};
use super::{Entry, LogError};
use crate::storage::Storage;

/// A place in the log and what is known of all before it.
pub struct Cursor {
    storage: Arc<dyn Storage>,
    shard: String,
    pub segment: SegmentReader,
    /// The sequence expected next.
    pub next: Seq,
    /// Of the last record: epoch, time, checksum, and whether it was a mark.
    pub epoch: Epoch,
    pub at: Timestamp,
    pub crc: u32,
    pub marked: bool,
    /// The checksum is that of a record read, not merely unknown at the start.
    chained: bool,
}

pub enum Step {
    /// A command; its payload is in [`Cursor::entry`] and [`Cursor::segment`].
    Command(Raw),
    End(Tail),
}

/// What follows the last whole record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tail {
    pub offset: u64,
    /// Bytes up to the last that is not zero: what is left of a torn write.
    pub torn: u64,
}

impl Cursor {
    /// Before the first record of the segment `first`.
    pub fn open(storage: Arc<dyn Storage>, shard: &str, first: Seq) -> Result<Cursor, LogError> {
        let segment = SegmentReader::open(&*storage, shard, first)?;
        Ok(Cursor {
            storage,
            shard: shard.to_string(),
            segment,
            next: first,
            epoch: Epoch(0),
            at: Timestamp(0),
            crc: 0,
            marked: true,
            chained: first == Seq(1),
        })
    }

    /// Goes to the next command. After an end it may be asked again: the log may have grown.
    pub fn advance(&mut self) -> Result<Step, LogError> {
        loop {
            match self.segment.peek()? {
                Next::Record(raw) => {
                    self.admit(&raw)?;
                    self.segment.skip(raw.len);
                    if raw.header.kind == kind::COMMAND {
                        return Ok(Step::Command(raw));
                    }
                }
                Next::Header { chain } => self.enter(chain)?,
                Next::Zero | Next::Broken(_) => {
                    if let Some(tail) = self.end()? {
                        return Ok(Step::End(tail));
                    }
                }
            }
        }
    }

    pub fn entry(&self, raw: &Raw) -> Result<Entry, LogError> {
        let command = allin_wire::oplog::decode(raw.header.version, self.segment.payload(raw)).map_err(|error| {
            let file = self.segment.label.clone();
            LogError::Unfit { file, why: format!("sequence {} cannot be read: {error}", raw.header.seq.0) }
        })?;
        Ok(Entry { seq: raw.header.seq, epoch: raw.header.epoch, at: raw.header.at, command })
    }

    /// The record verifies; does it belong here?
    fn admit(&mut self, raw: &Raw) -> Result<(), LogError> {
        let header = &raw.header;
        let last = Seq(self.next.0 - 1);
        let (seq, durable) = match header.kind {
            kind::COMMAND => (self.next, header.durable.min(last)),
            kind::MARK => (last, last),
            other => {
                let why = format!(
                    "record of unknown kind {other} at offset {}; a newer program wrote this",
                    self.segment.offset()
                );
                return Err(LogError::Unfit { file: self.segment.label.clone(), why });
            }
        };
        if header.seq != seq {
            return Err(self.damaged(format!("a record of sequence {} stands there", header.seq.0)));
        }
        if header.durable != durable {
            return Err(self.damaged(format!("the record says that {} was synced", header.durable.0)));
        }
        if header.epoch < self.epoch {
            return Err(self.damaged(format!("epoch {} follows epoch {}", header.epoch.0, self.epoch.0)));
        }
        self.marked = header.kind == kind::MARK;
        if !self.marked {
            self.next = Seq(self.next.0 + 1);
        }
        (self.epoch, self.at, self.crc, self.chained) = (header.epoch, header.at, raw.crc, true);
        Ok(())
    }

    fn enter(&mut self, chain: u32) -> Result<(), LogError> {
        if self.chained && chain != self.crc {
            return Err(
                self.damaged("the segment does not follow the one before it; one of them is from another log".into())
            );
        }
        self.segment.skip(HEADER_LEN);
        // That the segment exists proves all before it.
        self.marked = true;
        Ok(())
    }

    /// No record stands here. `None`: look again. The file is read anew after every look at something else, since a
    /// writer may be at work.
    fn end(&mut self) -> Result<Option<Tail>, LogError> {
        if self.looks_whole()? {
            return Ok(None);
        }
        let later = segment::list(&*self.storage)?.into_iter().find(|first| *first > self.segment.first);
        if self.looks_whole()? {
            return Ok(None);
        }
        let offset = self.segment.offset();
        let (torn, rest) = self.segment.rest()?;
        if let Some(first) = later {
            if torn > 0 {
                return Err(self.damaged(format!("no whole record stands there, though segment {} follows", first.0)));
            }
            if first != self.next {
                return Err(self.damaged(format!("the segment ends there, and the next begins at {}", first.0)));
            }
            if offset == 0 {
                return Err(self.damaged(format!("the segment is empty, though segment {} follows", first.0)));
            }
            self.segment = SegmentReader::open(&*self.storage, &self.shard, first)?;
            return Ok(None);
        }
        let salt = segment::salt(&self.shard, self.segment.first);
        let proof = segment::proof(&rest, salt, self.next, offset > 0);
        if torn > 0 && self.looks_whole()? {
            return Ok(None);
        }
        match proof {
            Some((at, why)) => {
                Err(self.damaged(format!("no whole record stands there, but at offset {} {why}", offset + at as u64)))
            }
            None => Ok(Some(Tail { offset, torn })),
        }
    }

    fn looks_whole(&mut self) -> Result<bool, LogError> {
        self.segment.reload();
        Ok(matches!(self.segment.peek()?, Next::Record(_) | Next::Header { .. }))
    }

    fn damaged(&self, why: String) -> LogError {
        LogError::Damaged { file: self.segment.label.clone(), offset: self.segment.offset(), seq: self.next.0, why }
    }
}
