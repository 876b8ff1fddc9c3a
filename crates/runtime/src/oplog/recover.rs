//! Start: the newest good snapshot, and the log after it.

use std::sync::Arc;

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::Ahead;
use allin_core::spot::command::Command;
use allin_core::spot::event::Events;

use super::cursor::{Cursor, Step, Tail};
use super::segment::{self, HEADER_LEN};
use super::writer::{Last, Segment};
use super::{LOCK, LOG_DIR, LogError, Machine, Options, SHARD_MAX, SNAPSHOT_DIR, SnapshotStore, Writer};
use crate::storage::{Storage, StorageLock};

/// Commands decoded before they are applied, so that the machine can look ahead to what they need.
const GROUP: usize = 64;

/// A shard ready to go on.
pub struct Recovered<M> {
    pub machine: M,
    pub writer: Writer,
    pub snapshots: SnapshotStore,
    /// The highest epoch in the log; a new leader's is above it.
    pub epoch: Epoch,
    /// Commands replayed after the snapshot.
    pub replayed: u64,
}

/// Locks the log, loads the newest good snapshot, replays what follows and cuts a torn tail. `fresh` makes the state before
/// the first command.
pub fn recover<M: Machine>(
    storage: Arc<dyn Storage>,
    options: &Options,
    fresh: impl FnOnce() -> M,
) -> Result<Recovered<M>, LogError> {
    check(&*storage, options)?;
    let lock = prepare(&*storage)?;
    let snapshots = SnapshotStore::new(storage.clone(), options);
    let segments = segment::list(&*storage)?;
    let Some(&begin) = segments.first() else {
        no_log_but_snapshots(&*storage, &snapshots)?;
        let segment = first_segment(&*storage, options)?;
        let last = Last { seq: Seq(0), epoch: Epoch(0), at: Timestamp(0), crc: 0 };
        let writer = resume(storage, options, lock, segment, last, true)?;
        return Ok(Recovered { machine: fresh(), writer, snapshots, epoch: Epoch(0), replayed: 0 });
    };

    let mut machine = newest(&snapshots, begin, fresh)?;
    let snapshot = machine.seq();
    let first =
        *segments.iter().rev().find(|first| first.0 <= snapshot.0 + 1).expect("the first segment is early enough");
    let mut cursor = Cursor::open(storage.clone(), &options.shard, first)?;
    let tail = replay(&mut cursor, &mut machine, Seq(u64::MAX))?.expect("the log ends somewhere");
    if cursor.next <= snapshot {
        let why = format!(
            "the log ends at sequence {}, but there is a snapshot of {}: the newest part of the log is missing",
            cursor.next.0 - 1,
            snapshot.0
        );
        return Err(LogError::Unfit { file: cursor.segment.label.clone(), why });
    }
    let epoch = cursor.epoch.max(machine.epoch());
    let replayed = machine.seq().0 - snapshot.0;
    let segment = reopen(&*storage, options, &cursor, tail)?;
    let last = Last { seq: machine.seq(), epoch, at: cursor.at, crc: cursor.crc };
    let marked = cursor.marked;
    let writer = resume(storage, options, lock, segment, last, marked)?;
    tracing::info!(seq = last.seq.0, snapshot = snapshot.0, replayed, epoch = epoch.0, "the log is read");
    Ok(Recovered { machine, writer, snapshots, epoch, replayed })
}

fn check(storage: &dyn Storage, options: &Options) -> Result<(), LogError> {
    let unfit = |why: String| Err(LogError::Unfit { file: storage.describe(LOG_DIR), why });
    if options.shard.is_empty() || options.shard.len() > SHARD_MAX {
        return unfit(format!("the shard's name {:?} has not 1 to {SHARD_MAX} bytes", options.shard));
    }
    if options.segment_bytes < Options::SEGMENT_BYTES_MIN {
        return unfit(format!("segments of {} bytes are too small", options.segment_bytes));
    }
    Ok(())
}

fn prepare(storage: &dyn Storage) -> Result<Box<dyn StorageLock>, LogError> {
    for dir in [LOG_DIR, SNAPSHOT_DIR] {
        storage.create_dir(dir).map_err(|e| LogError::io("make", storage.describe(dir), e))?;
    }
    storage.sync_dir("").map_err(|e| LogError::io("sync", storage.describe(""), e))?;
    storage.lock(LOCK).map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => LogError::Locked { file: storage.describe(LOCK) },
        _ => LogError::io("lock", storage.describe(LOCK), error),
    })
}

fn no_log_but_snapshots(storage: &dyn Storage, snapshots: &SnapshotStore) -> Result<(), LogError> {
    match snapshots.list()?.last() {
        None => Ok(()),
        Some(seq) => Err(LogError::Unfit {
            file: storage.describe(LOG_DIR),
            why: format!("there is a snapshot of sequence {}, but no log: restore the log's folder", seq.0),
        }),
    }
}

/// The state of the newest snapshot that is whole and that the log reaches back to; it begins at `begin`. The first one's
/// absence is no error when that is 1.
pub fn newest<M: Machine>(snapshots: &SnapshotStore, begin: Seq, fresh: impl FnOnce() -> M) -> Result<M, LogError> {
    let mut refused = None;
    for seq in snapshots.list()?.into_iter().rev() {
        if seq.0 + 1 < begin.0 {
            break;
        }
        match snapshots.restore::<M>(seq) {
            Ok((_, machine)) => return Ok(machine),
            Err(error) => {
                tracing::error!(%error, "a snapshot cannot be used; trying the one before it");
                refused = Some(error);
            }
        }
    }
    match (begin, refused) {
        (Seq(1), _) => Ok(fresh()),
        (begin, Some(error)) => Err(needed(begin, error)),
        (begin, None) => Err(LogError::Gone { wanted: 1, first: begin.0 }),
    }
}

/// Says why a snapshot that cannot be used is one that cannot be done without.
fn needed(begin: Seq, error: LogError) -> LogError {
    match error {
        LogError::Unfit { file, why } => {
            let why = format!(
                "{why}; the log was trimmed and begins at sequence {}, so the state before has to come from a snapshot, and \
                 no other is left that can be used: restore the data folder from a backup or a replica",
                begin.0
            );
            LogError::Unfit { file, why }
        }
        other => other,
    }
}

/// Applies what lies between the machine and `until`. Gives the end of the log when it comes before.
pub(super) fn replay<M: Machine>(cursor: &mut Cursor, machine: &mut M, until: Seq) -> Result<Option<Tail>, LogError> {
    let mut events = Events::new();
    let mut commands: Vec<Command> = Vec::with_capacity(GROUP);
    let mut times = Vec::with_capacity(GROUP);
    let mut ahead = Ahead::default();
    loop {
        let mut tail = None;
        while commands.len() < GROUP && tail.is_none() && cursor.next <= until {
            match cursor.advance()? {
                Step::Command(raw) if raw.header.seq <= machine.seq() => {}
                Step::Command(raw) => {
                    let entry = cursor.entry(&raw)?;
                    commands.push(entry.command);
                    times.push(entry.at);
                }
                Step::End(end) => tail = Some(end),
            }
        }
        for (at, (command, time)) in commands.iter().zip(&times).enumerate() {
            machine.look_ahead(&mut ahead, at, |at| commands.get(at));
            events.clear();
            machine.apply(Seq(machine.seq().0 + 1), *time, command, &mut events);
        }
        commands.clear();
        times.clear();
        if tail.is_some() || cursor.next > until {
            return Ok(tail);
        }
    }
}

fn first_segment(storage: &dyn Storage, options: &Options) -> Result<Segment, LogError> {
    let name = segment::name(Seq(1));
    let made = storage.create(&name).and_then(|file| {
        file.allocate(options.segment_bytes)?;
        storage.sync_dir(LOG_DIR)?;
        Ok(file)
    });
    let file = made.map_err(|error| {
        // Half of a first segment would be no harm, but an operator should find the folder as it was.
        let _ = storage.remove(&name);
        LogError::io("allocate", storage.describe(&name), error)
    })?;
    Ok(Segment { name, file, salt: segment::salt(&options.shard, Seq(1)), offset: 0, size: options.segment_bytes })
}

/// The last segment, clean behind its last whole record, and everything before that synced: what was read may have come
/// from the cache of a system that survived the process.
fn reopen(storage: &dyn Storage, options: &Options, cursor: &Cursor, tail: Tail) -> Result<Segment, LogError> {
    let first = cursor.segment.first;
    let name = segment::name(first);
    let failed = |doing, error| LogError::io(doing, storage.describe(&name), error);
    let file = storage.open(&name).map_err(|e| failed("open", e))?;
    if tail.torn > 0 {
        tracing::warn!(
            file = storage.describe(&name),
            offset = tail.offset,
            bytes = tail.torn,
            last_seq = cursor.next.0 - 1,
            "the last write to the log was torn, and is cut off; it was never acknowledged"
        );
        let zeros = vec![0; tail.torn as usize];
        file.pwrite(tail.offset, &zeros).map_err(|e| failed("cut", e))?;
    }
    file.sync_data().map_err(|e| failed("sync", e))?;
    storage.sync_dir(LOG_DIR).map_err(|e| failed("sync the folder of", e))?;
    // Without room on the disk the segment goes on with what it has.
    if let Err(error) = file.allocate(options.segment_bytes) {
        tracing::warn!(file = storage.describe(&name), %error, "cannot allocate the whole segment");
    }
    let size = file.len().map_err(|e| failed("measure", e))?;
    debug_assert!(tail.offset == 0 || tail.offset >= HEADER_LEN as u64);
    Ok(Segment { name, file, salt: segment::salt(&options.shard, first), offset: tail.offset, size })
}

fn resume(
    storage: Arc<dyn Storage>,
    options: &Options,
    lock: Box<dyn StorageLock>,
    segment: Segment,
    last: Last,
    marked: bool,
) -> Result<Writer, LogError> {
    let mut writer = Writer::resume(storage, options.clone(), lock, segment, last, marked);
    writer.try_reserve()?;
    Ok(writer)
}
