//! A record: a header that proves itself and its payload, aligned to 8 bytes.
//!
//! ```text
//! 0  u32  0xA11 in the upper 12 bits, payload length in the lower 20
//! 4  u32  CRC-32C of everything but itself, begun from the segment's salt
//! 8  u32  epoch          12 u16 version of the payload      14 u16 kind
//! 16 u64  sequence       24 u64 time, microseconds          32 u64 highest sequence synced when this was written
//! 40      payload, then zeros up to the next multiple of 8
//! ```
//!
//! The salt ties a record to its segment and shard: one that strayed in from another file does not verify, nor does one
//! that a sender hid in a text.

use allin_core::ids::{Epoch, Seq, Timestamp};

pub const ALIGN: usize = 8;
pub const HEADER_LEN: usize = 40;
/// Longest payload. The longest command, a full batch with every field, has about 12 KiB.
pub const PAYLOAD_MAX: usize = 1 << 16;
/// Longest record.
pub const RECORD_MAX: usize = HEADER_LEN + PAYLOAD_MAX;

const MAGIC: u32 = 0xA11 << LEN_BITS;
const LEN_BITS: u32 = 20;
const LEN_MASK: u32 = (1 << LEN_BITS) - 1;

const _: () =
    assert!(PAYLOAD_MAX <= LEN_MASK as usize && HEADER_LEN.is_multiple_of(ALIGN) && PAYLOAD_MAX.is_multiple_of(ALIGN));

/// What a record holds. A number that is none of these was written by a newer program.
pub mod kind {
    /// A command with a sequence of its own.
    pub const COMMAND: u16 = 1;
    /// No command: carries the last sequence again, and proves it durable.
    pub const MARK: u16 = 2;
    /// No command, in a log that several machines share: its epoch begins here, and every lower one is over. Says in
    /// `durable` up to where the claimant had read.
    pub const EPOCH: u16 = 3;
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    pub kind: u16,
    pub version: u16,
    pub epoch: Epoch,
    pub seq: Seq,
    pub at: Timestamp,
    pub durable: Seq,
}

/// A record as it lies in a buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'a> {
    pub header: Header,
    pub payload: &'a [u8],
    /// Its checksum.
    pub crc: u32,
    /// Its length with header and padding.
    pub len: usize,
}

/// Why bytes are no record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    #[error("the bytes end inside the record")]
    Short,
    #[error("no record begins here")]
    Magic,
    #[error("the record's length is out of range")]
    Length,
    #[error("the checksum does not match")]
    Checksum,
}

/// Appends a record whose payload `write` appends; its error leaves `out` as it was. Gives the record's checksum.
#[inline]
pub fn put<E>(
    out: &mut Vec<u8>,
    salt: u32,
    header: &Header,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<u32, E> {
    let start = out.len();
    let mut head = [0; HEADER_LEN];
    head[8..12].copy_from_slice(&header.epoch.0.to_le_bytes());
    head[12..14].copy_from_slice(&header.version.to_le_bytes());
    head[14..16].copy_from_slice(&header.kind.to_le_bytes());
    head[16..24].copy_from_slice(&header.seq.0.to_le_bytes());
    head[24..32].copy_from_slice(&header.at.0.to_le_bytes());
    head[32..40].copy_from_slice(&header.durable.0.to_le_bytes());
    out.extend_from_slice(&head);
    if let Err(error) = write(out) {
        out.truncate(start);
        return Err(error);
    }
    let payload_len = out.len() - start - HEADER_LEN;
    assert!(payload_len <= PAYLOAD_MAX, "a payload of {payload_len} bytes");
    let end = start + padded(HEADER_LEN + payload_len);
    out.extend_from_slice(&[0; ALIGN]);
    out.truncate(end);

    let record = &mut out[start..];
    record[..4].copy_from_slice(&(MAGIC | payload_len as u32).to_le_bytes());
    let crc = checksum(salt, record);
    record[4..8].copy_from_slice(&crc.to_le_bytes());
    Ok(crc)
}

/// Reads the record at the beginning of `bytes`. [`FrameError::Short`]: more bytes may make it whole.
#[inline]
pub fn read(salt: u32, bytes: &[u8]) -> Result<Record<'_>, FrameError> {
    let word = bytes.first_chunk().map_or(0, |word| u32::from_le_bytes(*word));
    if word & !LEN_MASK != MAGIC {
        return Err(if bytes.len() < 4 { FrameError::Short } else { FrameError::Magic });
    }
    let payload_len = (word & LEN_MASK) as usize;
    if payload_len > PAYLOAD_MAX {
        return Err(FrameError::Length);
    }
    let len = padded(HEADER_LEN + payload_len);
    let record = bytes.get(..len).ok_or(FrameError::Short)?;
    let crc = u32_at(record, 4);
    if crc != checksum(salt, record) {
        return Err(FrameError::Checksum);
    }
    let header = Header {
        kind: u16_at(record, 14),
        version: u16_at(record, 12),
        epoch: Epoch(u32_at(record, 8)),
        seq: Seq(u64_at(record, 16)),
        at: Timestamp(u64_at(record, 24)),
        durable: Seq(u64_at(record, 32)),
    };
    Ok(Record { header, payload: &record[HEADER_LEN..HEADER_LEN + payload_len], crc, len })
}

/// Whether a record could begin with these bytes; for searching.
#[inline]
pub fn begins(bytes: &[u8]) -> bool {
    bytes.len() >= 4 && u32_at(bytes, 0) & !LEN_MASK == MAGIC
}

pub fn padded(len: usize) -> usize {
    len.next_multiple_of(ALIGN)
}

/// The first word is taken last, so that one pass covers what lies together.
#[inline]
fn checksum(salt: u32, record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(salt, &record[8..]), &record[..4])
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("inside the header"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("inside the header"))
}
