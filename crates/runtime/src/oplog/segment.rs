//! One file of the log: its name, its header, and reading its records in order.
//!
//! ```text
//! 0  8 bytes "ALLINLOG"      16 u64 first sequence              32 u32 length of the shard's name
//! 8  u32 format version      24 u32 salt of the records         36 the name, 31 bytes at most
//! 12 u32 CRC-32C             28 u32 checksum of the record before the segment
//! ```

use std::ops::Range;

use allin_core::ids::Seq;
use allin_wire::oplog::frame::{self, FrameError, Header};

use super::{LOG_DIR, LogError, SHARD_MAX};
use crate::storage::{Storage, StorageFile};

/// Length of a segment's header, a multiple of a record's alignment.
pub const HEADER_LEN: usize = 72;
/// Name of the segment that is allocated ahead.
pub const RESERVE: &str = "oplog/next.reserve";

const MAGIC: &[u8; 8] = b"ALLINLOG";
const FORMAT: u32 = 1;
const READ_LEN: usize = 512 << 10;
static ZEROS: [u8; READ_LEN] = [0; READ_LEN];

const _: () =
    assert!(HEADER_LEN.is_multiple_of(frame::ALIGN) && 36 + SHARD_MAX <= HEADER_LEN && READ_LEN > frame::RECORD_MAX);

pub fn name(first: Seq) -> String {
    format!("{LOG_DIR}/{:020}.log", first.0)
}

/// First sequences of the segments, in order.
pub fn list(storage: &dyn Storage) -> Result<Vec<Seq>, LogError> {
    let names = storage.list(LOG_DIR).map_err(|e| LogError::io("list", storage.describe(LOG_DIR), e))?;
    let firsts: Vec<Seq> = names.iter().filter_map(|name| numbered(name, ".log")).collect();
    if firsts.first() == Some(&Seq(0)) {
        return Err(LogError::Unfit { file: storage.describe(&name(Seq(0))), why: "sequences begin at 1".into() });
    }
    Ok(firsts)
}

/// The number in a name of 20 digits and `suffix`.
pub fn numbered(name: &str, suffix: &str) -> Option<Seq> {
    let digits = name.strip_suffix(suffix)?;
    let all_digits = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
    if all_digits { digits.parse().ok().map(Seq) } else { None }
}

/// Made from what the file is, not drawn, so that records can be told from garbage when the header is lost.
pub fn salt(shard: &str, first: Seq) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(shard.as_bytes()), &first.0.to_le_bytes())
}

pub fn header(shard: &str, first: Seq, chain: u32) -> [u8; HEADER_LEN] {
    let mut bytes = [0; HEADER_LEN];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    bytes[16..24].copy_from_slice(&first.0.to_le_bytes());
    bytes[24..28].copy_from_slice(&salt(shard, first).to_le_bytes());
    bytes[28..32].copy_from_slice(&chain.to_le_bytes());
    bytes[32..36].copy_from_slice(&(shard.len() as u32).to_le_bytes());
    bytes[36..36 + shard.len()].copy_from_slice(shard.as_bytes());
    let crc = header_crc(&bytes);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn header_crc(bytes: &[u8; HEADER_LEN]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..])
}

/// The shard that a segment's header names; none when the header is not whole.
pub fn shard_named(storage: &dyn Storage, first: Seq) -> Result<Option<String>, LogError> {
    let name = name(first);
    let mut bytes = [0; HEADER_LEN];
    let read = storage.open_read(&name).and_then(|file| file.pread(0, &mut bytes));
    let read = read.map_err(|e| LogError::io("read", storage.describe(&name), e))?;
    let whole = read == HEADER_LEN && &bytes[..8] == MAGIC && bytes[12..16] == header_crc(&bytes).to_le_bytes();
    let shard = &bytes[36..36 + (bytes[32] as usize).min(SHARD_MAX)];
    Ok(if whole { String::from_utf8(shard.to_vec()).ok() } else { None })
}

/// What stands next in a segment.
pub enum Next {
    /// The header is whole; gives the checksum of the record before the segment.
    Header {
        chain: u32,
    },
    Record(Raw),
    /// Nothing was written here.
    Zero,
    Broken(FrameError),
}

/// A record whose payload lies in the reader's buffer until the next call.
#[derive(Clone)]
pub struct Raw {
    pub header: Header,
    pub crc: u32,
    pub len: usize,
    pub payload: Range<usize>,
}

/// Reads a segment in large pieces, from its header on.
pub struct SegmentReader {
    file: Box<dyn StorageFile>,
    pub first: Seq,
    /// As an operator would look for it.
    pub label: String,
    shard: String,
    salt: u32,
    /// Read ahead: the bytes from `used` to `end`; `base` is the file offset of the buffer's first byte.
    buffer: Vec<u8>,
    base: u64,
    used: usize,
    end: usize,
}

impl SegmentReader {
    pub fn open(storage: &dyn Storage, shard: &str, first: Seq) -> Result<SegmentReader, LogError> {
        let name = name(first);
        let label = storage.describe(&name);
        let file = storage.open_read(&name).map_err(|e| LogError::io("open", &label, e))?;
        let (shard, salt) = (shard.to_string(), salt(shard, first));
        Ok(SegmentReader { file, first, label, shard, salt, buffer: vec![0; READ_LEN], base: 0, used: 0, end: 0 })
    }

    pub fn len(&self) -> Result<u64, LogError> {
        self.file.len().map_err(|e| LogError::io("measure", &self.label, e))
    }

    /// Where the next record begins.
    pub fn offset(&self) -> u64 {
        self.base + self.used as u64
    }

    pub fn payload(&self, raw: &Raw) -> &[u8] {
        &self.buffer[raw.payload.clone()]
    }

    /// Looks at what stands at the present offset, without going on.
    #[inline]
    pub fn peek(&mut self) -> Result<Next, LogError> {
        loop {
            let bytes = &self.buffer[self.used..self.end];
            let next = if self.base == 0 && self.used == 0 { self.peek_header()? } else { self.peek_record(bytes) };
            if !matches!(next, Next::Broken(FrameError::Short)) {
                return Ok(next);
            }
            if self.fill()? == 0 {
                let blank = self.buffer[self.used..self.end].iter().all(|byte| *byte == 0);
                return Ok(if blank { Next::Zero } else { next });
            }
        }
    }

    fn peek_record(&self, bytes: &[u8]) -> Next {
        match frame::read(self.salt, bytes) {
            Ok(record) => {
                let start = self.used + frame::HEADER_LEN;
                let payload = start..start + record.payload.len();
                Next::Record(Raw { header: record.header, crc: record.crc, len: record.len, payload })
            }
            Err(FrameError::Magic) if bytes[..4] == [0; 4] => Next::Zero,
            Err(error) => Next::Broken(error),
        }
    }

    fn peek_header(&self) -> Result<Next, LogError> {
        let Some(bytes) = self.buffer[..self.end].first_chunk::<HEADER_LEN>() else {
            return Ok(Next::Broken(FrameError::Short));
        };
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if bytes == &[0; HEADER_LEN] {
            return Ok(Next::Zero);
        }
        if &bytes[..8] != MAGIC {
            return Ok(Next::Broken(FrameError::Magic));
        }
        if word(12) != header_crc(bytes) {
            return Ok(Next::Broken(FrameError::Checksum));
        }
        let unfit = |why: String| Err(LogError::Unfit { file: self.label.clone(), why });
        if word(8) != FORMAT {
            return unfit(format!("format {} of the log is unknown; a newer program wrote this", word(8)));
        }
        let shard = &bytes[36..36 + (word(32) as usize).min(SHARD_MAX)];
        if shard != self.shard.as_bytes() {
            let found = String::from_utf8_lossy(shard);
            return unfit(format!("belongs to shard {found:?}, not to {:?}", self.shard));
        }
        let first = u64::from(word(16)) | u64::from(word(20)) << 32;
        if first != self.first.0 || word(24) != self.salt {
            return unfit(format!("holds the segment that begins at {first}; it was renamed"));
        }
        Ok(Next::Header { chain: word(28) })
    }

    /// Goes past what was looked at.
    #[inline]
    pub fn skip(&mut self, len: usize) {
        self.used += len;
    }

    /// Forgets what was read ahead, since the file may have grown.
    pub fn reload(&mut self) {
        self.base = self.offset();
        (self.used, self.end) = (0, 0);
    }

    /// What lies behind the present offset: how far it is not zero, and those bytes with as many more as the last record
    /// among them may need, since a record may end in zeros.
    pub fn rest(&mut self) -> Result<(u64, Vec<u8>), LogError> {
        let (from, mut at) = (self.offset(), self.offset());
        let mut piece = vec![0; READ_LEN];
        let mut used = 0;
        loop {
            let read = self.pread(at, &mut piece)?;
            let bytes = &piece[..read];
            // Compared whole first: mostly there is nothing but megabytes of allocated zeros.
            if bytes != &ZEROS[..read] {
                let last = bytes.iter().rposition(|byte| *byte != 0).expect("not all zero");
                used = (at - from) as usize + last + 1;
            }
            if read == 0 {
                break;
            }
            at += read as u64;
        }
        if used == 0 {
            return Ok((0, Vec::new()));
        }
        let mut rest = vec![0; used + frame::RECORD_MAX];
        let read = self.pread(from, &mut rest)?;
        rest.truncate(read);
        Ok((used as u64, rest))
    }

    fn pread(&self, offset: u64, into: &mut [u8]) -> Result<usize, LogError> {
        self.file.pread(offset, into).map_err(|e| LogError::io("read", &self.label, e))
    }

    fn fill(&mut self) -> Result<usize, LogError> {
        self.buffer.copy_within(self.used..self.end, 0);
        self.base += self.used as u64;
        (self.used, self.end) = (0, self.end - self.used);
        let read = self.file.pread(self.base + self.end as u64, &mut self.buffer[self.end..]);
        let read = read.map_err(|e| LogError::io("read", &self.label, e))?;
        self.end += read;
        Ok(read)
    }
}

/// Looks through what follows a broken place for a record that proves `seq`, expected there, to have been on the disk:
/// the place is damaged then, and not merely torn. Gives the record's distance and why it proves that.
///
/// - A record that knows `seq` to be synced.
/// - A mark: it is written only when all before it is synced.
/// - With `alone` (a record is broken, not a segment's header), the very record `seq`: what is broken is then a mark in
///   front of it, and a mark is synced before anything follows.
pub fn proof(rest: &[u8], salt: u32, seq: Seq, alone: bool) -> Option<(usize, String)> {
    for at in (frame::ALIGN..rest.len()).step_by(frame::ALIGN) {
        let bytes = &rest[at..];
        if !frame::begins(bytes) {
            continue;
        }
        let Ok(record) = frame::read(salt, bytes) else { continue };
        let Header { kind, seq: found, durable, .. } = record.header;
        if durable >= seq {
            return Some((at, format!("the record of sequence {} knows that {} was synced", found.0, durable.0)));
        }
        if kind == frame::kind::MARK {
            return Some((at, format!("a mark after sequence {} follows", found.0)));
        }
        if alone && found == seq {
            return Some((at, format!("sequence {} itself follows", seq.0)));
        }
    }
    None
}
