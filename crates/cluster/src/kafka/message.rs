//! A message of the partition: records of one epoch, one behind the other, in the form of the log's files.

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::command::Command;
use allin_wire::oplog::EncodeError;
use allin_wire::oplog::frame::{self, FrameError, Header, RECORD_MAX, kind};

/// A message is sent when it has this many bytes.
pub const MESSAGE_BYTES: usize = 256 << 10;
/// Longest message, what Kafka adds included: the topic has to take it.
pub const MESSAGE_BYTES_MAX: usize = MESSAGE_BYTES + RECORD_MAX + 1024;

/// Who claims an epoch: drawn for every claim, so that two claims of one number are told apart.
pub type ClaimId = [u8; 16];

/// Ties records to their shard, so that a message of another one does not verify.
pub fn salt(shard: &str) -> u32 {
    crc32c::crc32c(shard.as_bytes())
}

/// A message in the making.
pub struct Draft {
    salt: u32,
    bytes: Vec<u8>,
    last: Option<(Seq, Timestamp, u32)>,
}

impl Draft {
    pub fn new(shard: &str) -> Draft {
        Draft { salt: salt(shard), bytes: Vec::with_capacity(MESSAGE_BYTES + RECORD_MAX), last: None }
    }

    #[inline]
    pub fn push(
        &mut self,
        (epoch, seq, at): (Epoch, Seq, Timestamp),
        durable: Seq,
        command: &Command,
    ) -> Result<(), EncodeError> {
        let header = Header { kind: kind::COMMAND, version: allin_wire::oplog::VERSION, epoch, seq, at, durable };
        let write = |out: &mut Vec<u8>| allin_wire::oplog::encode(command, out);
        let crc = frame::put(&mut self.bytes, self.salt, &header, write)?;
        self.last = Some((seq, at, crc));
        Ok(())
    }

    pub fn is_full(&self) -> bool {
        self.bytes.len() >= MESSAGE_BYTES
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Sequence, time and checksum of the last record.
    pub fn last(&self) -> Option<(Seq, Timestamp, u32)> {
        self.last
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.last = None;
    }
}

/// The message that begins an epoch.
pub fn claim(shard: &str, epoch: Epoch, at: Timestamp, read: Seq, id: ClaimId) -> Vec<u8> {
    let mut bytes = Vec::new();
    let version = allin_wire::oplog::VERSION;
    let header = Header { kind: kind::EPOCH, version, epoch, seq: Seq(0), at, durable: read };
    let write = |out: &mut Vec<u8>| {
        out.extend_from_slice(&id);
        Ok::<(), std::convert::Infallible>(())
    };
    let Ok(_) = frame::put(&mut bytes, salt(shard), &header, write);
    bytes
}

/// The records of a message, each with what stands behind it.
pub fn records(salt: u32, mut bytes: &[u8]) -> impl Iterator<Item = Result<frame::Record<'_>, FrameError>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let record = frame::read(salt, bytes);
        bytes = match &record {
            Ok(record) => &bytes[record.len..],
            Err(_) => &[],
        };
        Some(record)
    })
}

/// Kafka's time of a message: milliseconds, and never 0, which would mean the present.
pub fn kafka_time(at: Timestamp) -> i64 {
    (at.0 / 1000).max(1) as i64
}
