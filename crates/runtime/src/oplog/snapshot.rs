//! Snapshots of the state: written aside, synced, renamed; read back only when every byte is as written.
//!
//! ```text
//! 0  8 bytes "ALLINSNP"   16 u64 sequence   32 u64 time          56 u64 length of the payload
//! 8  u32 format version   24 u32 epoch      40 u64 digest        64 u32 length of the shard's name
//! 12 u32 CRC-32C          28 u32 zero       48 u64 state hash    68 the name, 31 bytes at most
//! ```
//!
//! After the header come pieces, each with its length and a CRC-32C begun from its number and the sequence.

use std::io;
use std::sync::{Arc, MutexGuard};

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::Both;

use super::machine::TwoThreads;
use super::segment::{self, numbered};
use super::stays::{Also, Stays};
use super::{LogError, Machine, Options, SHARD_MAX, SNAPSHOT_DIR};
use crate::storage::{Storage, StorageFile};

const MAGIC: &[u8; 8] = b"ALLINSNP";
const FORMAT: u32 = 1;
const HEADER_LEN: usize = 104;
const PIECE_LEN: usize = 1 << 20;
const PIECE_HEAD: usize = 8;

const _: () = assert!(68 + SHARD_MAX <= HEADER_LEN);

/// What a snapshot is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SnapshotMeta {
    pub seq: Seq,
    pub epoch: Epoch,
    pub at: Timestamp,
    pub digest: u64,
    pub state_hash: u64,
}

impl SnapshotMeta {
    pub fn of(machine: &impl Machine) -> SnapshotMeta {
        SnapshotMeta {
            seq: machine.seq(),
            epoch: machine.epoch(),
            at: machine.time(),
            digest: machine.digest(),
            state_hash: machine.state_hash(),
        }
    }
}

/// The snapshots of a shard.
#[derive(Clone)]
pub struct SnapshotStore {
    storage: Arc<dyn Storage>,
    shard: String,
    keep: usize,
    /// Held while snapshots or the log behind them go; clones share it.
    stays: Stays,
}

fn name(seq: Seq) -> String {
    format!("{SNAPSHOT_DIR}/{:020}.snap", seq.0)
}

impl SnapshotStore {
    pub fn new(storage: Arc<dyn Storage>, options: &Options) -> SnapshotStore {
        let (shard, keep) = (options.shard.clone(), options.snapshots_keep.max(1));
        SnapshotStore { storage, shard, keep, stays: Stays::default() }
    }

    /// Another view of the same snapshots, in the same process.
    #[must_use]
    pub fn sharing(self, stays: &Stays) -> SnapshotStore {
        SnapshotStore { stays: stays.clone(), ..self }
    }

    /// The log is kept elsewhere, and begins with this sequence.
    pub fn begins(&self, begin: Seq) {
        self.hold().begin = Some(begin);
    }

    /// The snapshot that a log kept elsewhere may begin behind, for all that this machine needs of it: the newest that is no
    /// newer than `bound`, nor than the oldest of those that are kept anyway. It stays until the next call. None, when there is
    /// none yet; then the oldest stays that the log reaches back to.
    pub fn pin(&self, bound: Seq) -> Result<Option<Seq>, LogError> {
        let mut also = self.hold();
        let (all, begin) = (self.list()?, also.begin.unwrap_or(Seq(1)));
        let anchor = self.anchor(&all, begin, bound);
        also.pinned = anchor.or(all.into_iter().find(|seq| seq.0 + 1 >= begin.0));
        Ok(anchor)
    }

    /// The newest of all these snapshots behind which a log that begins at `begin` may be trimmed.
    pub(super) fn anchor(&self, all: &[Seq], begin: Seq, bound: Seq) -> Option<Seq> {
        // With one snapshot there would be nothing to compare it with, and no other when it is damaged.
        let [oldest, _, ..] = all[all.len().saturating_sub(self.keep)..] else { return None };
        let bound = bound.min(oldest);
        all.iter().copied().rfind(|seq| seq.0 + 1 >= begin.0 && *seq <= bound)
    }

    /// As long as it is held no snapshot goes.
    pub(super) fn hold(&self) -> MutexGuard<'_, Also> {
        self.stays.hold()
    }

    /// Where a snapshot is, as an operator would look for it.
    pub(super) fn describe(&self, seq: Seq) -> String {
        self.storage.describe(&name(seq))
    }

    /// Writes a snapshot of a state that is durable in the log, and says of what. Older ones beyond the number to keep are removed
    /// after. An error leaves those that were there.
    pub fn save(&self, machine: &impl Machine) -> Result<SnapshotMeta, LogError> {
        self.put(machine.seq(), |sink| {
            let state_hash = machine.snapshot_hashed(sink);
            SnapshotMeta { state_hash, ..SnapshotMeta::light(machine) }
        })
    }

    /// The same of a state that is not at hand: `produce` is given the sink, as [`Machine::snapshot`] wants it.
    pub fn write(&self, meta: SnapshotMeta, produce: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Result<(), LogError> {
        self.put(meta.seq, |sink| {
            produce(sink);
            meta
        })?;
        Ok(())
    }

    fn put(
        &self,
        seq: Seq,
        produce: impl FnOnce(&mut dyn FnMut(&[u8])) -> SnapshotMeta,
    ) -> Result<SnapshotMeta, LogError> {
        let (name, temporary) = (name(seq), format!("{SNAPSHOT_DIR}/writing.tmp"));
        let written = self.write_aside(&temporary, seq, produce).and_then(|meta| {
            self.storage.rename(&temporary, &name)?;
            self.storage.sync_dir(SNAPSHOT_DIR)?;
            Ok(meta)
        });
        let meta = written.map_err(|error| {
            let _ = self.storage.remove(&temporary);
            LogError::io("write", self.storage.describe(&name), error)
        })?;
        self.prune()?;
        Ok(meta)
    }

    fn write_aside(
        &self,
        temporary: &str,
        seq: Seq,
        produce: impl FnOnce(&mut dyn FnMut(&[u8])) -> SnapshotMeta,
    ) -> io::Result<SnapshotMeta> {
        match self.storage.remove(temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = self.storage.create(temporary)?;
        let mut pieces = Pieces::new(&*file, seq);
        let meta = produce(&mut |bytes| pieces.put(bytes));
        let length = pieces.finish()?;
        file.pwrite(0, &header(&self.shard, &meta, length))?;
        file.sync_data()?;
        Ok(meta)
    }

    /// The newest stay, and the one that is pinned; of a log that was trimmed, and of which nobody has said yet what is
    /// needed, the oldest that it reaches back to, without which its beginning would be of no use to those who are behind.
    fn prune(&self) -> Result<(), LogError> {
        let also = self.hold();
        let all = self.list()?;
        let begin = segment::list(&*self.storage)?.first().copied().or(also.begin).unwrap_or(Seq(1));
        let anchor = all.iter().copied().find(|seq| begin > Seq(1) && seq.0 + 1 >= begin.0);
        let stays = also.pinned.or(anchor);
        for seq in all[..all.len().saturating_sub(self.keep)].iter().filter(|seq| Some(**seq) != stays) {
            let name = name(*seq);
            self.storage.remove(&name).map_err(|e| LogError::io("remove", self.storage.describe(&name), e))?;
        }
        Ok(())
    }

    /// Sequences of the snapshots, oldest first.
    pub fn list(&self) -> Result<Vec<Seq>, LogError> {
        let names = self.storage.list(SNAPSHOT_DIR);
        let names = names.map_err(|e| LogError::io("list", self.storage.describe(SNAPSHOT_DIR), e))?;
        Ok(names.iter().filter_map(|name| numbered(name, ".snap")).collect())
    }

    /// Reads one back whole; refused when any byte differs from what was written.
    pub fn load(&self, seq: Seq) -> Result<(SnapshotMeta, Vec<u8>), LogError> {
        let name = name(seq);
        let label = self.storage.describe(&name);
        let failed = |error: io::Error| LogError::io("read", &label, error);
        let unfit = |why: String| LogError::Unfit { file: label.clone(), why };
        let file = self.storage.open_read(&name).map_err(failed)?;
        let mut head = [0; HEADER_LEN];
        let read = file.pread(0, &mut head).map_err(failed)?;
        let (meta, length) = parse_header(&head[..read], &self.shard).map_err(unfit)?;
        if meta.seq != seq {
            return Err(unfit(format!("is the snapshot of sequence {}; it was renamed", meta.seq.0)));
        }
        let (size, wanted) = (file.len().map_err(failed)?, file_len(length));
        if Some(size) != wanted {
            return Err(unfit(format!(
                "the snapshot is damaged: the file has {size} bytes, and {length} and more were written"
            )));
        }
        let mut bytes = vec![0; length as usize];
        read_pieces(&*file, seq, &mut bytes).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => unfit(format!("the snapshot is damaged: {error}")),
            _ => failed(error),
        })?;
        Ok((meta, bytes))
    }

    /// Loads a snapshot and makes the state, which must be the one that was written. One of an older format says another hash of
    /// the same state; today's is given then.
    pub fn restore<M: Machine>(&self, seq: Seq) -> Result<(SnapshotMeta, M), LogError> {
        let (meta, bytes) = self.load(seq)?;
        let unfit = |why: String| LogError::Unfit { file: self.storage.describe(&name(seq)), why };
        let machine = M::restore(&bytes).map_err(|why| unfit(format!("the state cannot be restored: {why}")))?;
        let restored = SnapshotMeta { state_hash: meta.state_hash, ..SnapshotMeta::light(&machine) };
        if restored != meta {
            return Err(unfit(format!("the restored state is {restored:?}, but {meta:?} was written")));
        }
        let state_hash = if M::is_current(&bytes) { meta.state_hash } else { machine.state_hash() };
        Ok((SnapshotMeta { state_hash, ..meta }, machine))
    }
}

impl SnapshotMeta {
    /// All but the hash of the state, which takes long; `allin log verify` compares it.
    fn light(machine: &impl Machine) -> SnapshotMeta {
        SnapshotMeta {
            seq: machine.seq(),
            epoch: machine.epoch(),
            at: machine.time(),
            digest: machine.digest(),
            state_hash: 0,
        }
    }
}

/// Gathers bytes into pieces and writes each. The first error stops the writing and is told at the end.
struct Pieces<'a> {
    file: &'a dyn StorageFile,
    seq: Seq,
    piece: Vec<u8>,
    number: u32,
    offset: u64,
    length: u64,
    failed: Option<io::Error>,
}

impl<'a> Pieces<'a> {
    fn new(file: &'a dyn StorageFile, seq: Seq) -> Pieces<'a> {
        let mut piece = Vec::with_capacity(PIECE_HEAD + PIECE_LEN);
        piece.resize(PIECE_HEAD, 0);
        Pieces { file, seq, piece, number: 0, offset: HEADER_LEN as u64, length: 0, failed: None }
    }

    fn put(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.failed.is_none() {
            let room = PIECE_HEAD + PIECE_LEN - self.piece.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.piece.extend_from_slice(now);
            bytes = later;
            if self.piece.len() == PIECE_HEAD + PIECE_LEN {
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        let data = (self.piece.len() - PIECE_HEAD) as u32;
        let crc = piece_crc(self.seq, self.number, &self.piece[PIECE_HEAD..]);
        self.piece[..4].copy_from_slice(&data.to_le_bytes());
        self.piece[4..8].copy_from_slice(&crc.to_le_bytes());
        self.failed = self.file.pwrite(self.offset, &self.piece).err();
        self.offset += self.piece.len() as u64;
        self.length += u64::from(data);
        self.number += 1;
        self.piece.truncate(PIECE_HEAD);
    }

    fn finish(mut self) -> io::Result<u64> {
        if self.piece.len() > PIECE_HEAD && self.failed.is_none() {
            self.flush();
        }
        match self.failed {
            None => Ok(self.length),
            Some(error) => Err(error),
        }
    }
}

fn piece_crc(seq: Seq, number: u32, data: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(number, &seq.0.to_le_bytes()), data)
}

fn header(shard: &str, meta: &SnapshotMeta, length: u64) -> [u8; HEADER_LEN] {
    let mut bytes = [0; HEADER_LEN];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    bytes[16..24].copy_from_slice(&meta.seq.0.to_le_bytes());
    bytes[24..28].copy_from_slice(&meta.epoch.0.to_le_bytes());
    bytes[32..40].copy_from_slice(&meta.at.0.to_le_bytes());
    bytes[40..48].copy_from_slice(&meta.digest.to_le_bytes());
    bytes[48..56].copy_from_slice(&meta.state_hash.to_le_bytes());
    bytes[56..64].copy_from_slice(&length.to_le_bytes());
    bytes[64..68].copy_from_slice(&(shard.len() as u32).to_le_bytes());
    bytes[68..68 + shard.len()].copy_from_slice(shard.as_bytes());
    let crc = header_crc(&bytes);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn header_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..HEADER_LEN])
}

fn parse_header(bytes: &[u8], shard: &str) -> Result<(SnapshotMeta, u64), String> {
    if bytes.len() < HEADER_LEN || &bytes[..8] != MAGIC {
        return Err("is no snapshot, or its beginning is damaged".into());
    }
    let u32_at = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().expect("inside the header"));
    let u64_at = |at: usize| u64::from_le_bytes(*bytes[at..].first_chunk().expect("inside the header"));
    if u32_at(12) != header_crc(bytes) {
        return Err("the snapshot's header is damaged".into());
    }
    if u32_at(8) != FORMAT {
        return Err(format!("format {} of snapshots is unknown; a newer program wrote this", u32_at(8)));
    }
    let found = &bytes[68..68 + (u32_at(64) as usize).min(SHARD_MAX)];
    if found != shard.as_bytes() {
        return Err(format!("belongs to shard {:?}, not to {shard:?}", String::from_utf8_lossy(found)));
    }
    let meta = SnapshotMeta {
        seq: Seq(u64_at(16)),
        epoch: Epoch(u32_at(24)),
        at: Timestamp(u64_at(32)),
        digest: u64_at(40),
        state_hash: u64_at(48),
    };
    Ok((meta, u64_at(56)))
}

/// Of a whole file with so long a payload, if there can be one.
fn file_len(length: u64) -> Option<u64> {
    let heads = length.div_ceil(PIECE_LEN as u64).checked_mul(PIECE_HEAD as u64)?;
    length.checked_add(heads)?.checked_add(HEADER_LEN as u64)
}

/// Fills in the payload, half of it by each of two threads: reading a large one takes as long as a fifth of restoring it.
fn read_pieces(file: &dyn StorageFile, seq: Seq, payload: &mut [u8]) -> io::Result<()> {
    let half = payload.len() / PIECE_LEN / 2;
    let (first, second) = payload.split_at_mut(half * PIECE_LEN);
    if first.is_empty() {
        return read_pieces_from(0, file, seq, second);
    }
    let (first, second) =
        TwoThreads.both(|| read_pieces_from(0, file, seq, first), || read_pieces_from(half, file, seq, second));
    first.and(second)
}

fn read_pieces_from(first: usize, file: &dyn StorageFile, seq: Seq, payload: &mut [u8]) -> io::Result<()> {
    for (at, piece) in payload.chunks_mut(PIECE_LEN).enumerate() {
        let (number, mut head) = (first + at, [0; PIECE_HEAD]);
        let offset = (HEADER_LEN + number * (PIECE_HEAD + PIECE_LEN)) as u64;
        let read = file.pread(offset, &mut head)? + file.pread(offset + PIECE_HEAD as u64, piece)?;
        let [a, b, c, d, crc @ ..] = head;
        let is_whole = read == PIECE_HEAD + piece.len() && u32::from_le_bytes([a, b, c, d]) as usize == piece.len();
        if !is_whole || u32::from_le_bytes(crc) != piece_crc(seq, number as u32, piece) {
            let why = format!("piece {number}, at offset {offset}, does not match its length and checksum");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
    }
    Ok(())
}
