//! What the files of a log hold, one by one, whatever state they are in.

use std::sync::Arc;

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_wire::oplog::frame::kind;

use super::segment::{self, HEADER_LEN, Next, SegmentReader};
use super::{LOG_DIR, LogError};
use crate::storage::Storage;

/// One segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentInfo {
    pub file: String,
    pub first: Seq,
    /// Of the last whole record; one less than `first` when there is none.
    pub last: Seq,
    /// Lowest and highest.
    pub epochs: Option<(Epoch, Epoch)>,
    /// Times of the first and the last record.
    pub times: Option<(Timestamp, Timestamp)>,
    pub commands: u64,
    pub marks: u64,
    /// Up to the end of the last whole record, and what is allocated.
    pub bytes: u64,
    pub allocated: u64,
    /// What follows the last whole record, when it is not the end that it should be.
    pub note: Option<String>,
}

/// The shard that a log says it belongs to.
pub fn shard_of(storage: &dyn Storage) -> Result<String, LogError> {
    let unfit = |why: &str| LogError::Unfit { file: storage.describe(LOG_DIR), why: why.into() };
    let segments = segment::list(storage)?;
    if segments.is_empty() {
        return Err(unfit("there is no log here"));
    }
    let named = segments.into_iter().find_map(|first| segment::shard_named(storage, first).transpose());
    named.unwrap_or_else(|| Err(unfit("no segment has a readable header, so its shard is not known")))
}

/// Every segment of a log, in order.
pub fn segments(storage: &Arc<dyn Storage>, shard: &str) -> Result<Vec<SegmentInfo>, LogError> {
    segment::list(&**storage)?.into_iter().map(|first| read(&**storage, shard, first)).collect()
}

fn read(storage: &dyn Storage, shard: &str, first: Seq) -> Result<SegmentInfo, LogError> {
    let mut reader = SegmentReader::open(storage, shard, first)?;
    let mut info = SegmentInfo {
        file: reader.label.clone(),
        first,
        last: Seq(first.0.saturating_sub(1)),
        epochs: None,
        times: None,
        commands: 0,
        marks: 0,
        bytes: 0,
        allocated: reader.len()?,
        note: None,
    };
    loop {
        match reader.peek() {
            Ok(Next::Header { .. }) => reader.skip(HEADER_LEN),
            Ok(Next::Record(raw)) => {
                let header = raw.header;
                if header.kind == kind::MARK {
                    info.marks += 1;
                } else {
                    info.commands += 1;
                    info.last = header.seq;
                }
                let (low, high) = info.epochs.unwrap_or((header.epoch, header.epoch));
                info.epochs = Some((low.min(header.epoch), high.max(header.epoch)));
                info.times = Some((info.times.map_or(header.at, |(from, _)| from), header.at));
                reader.skip(raw.len);
            }
            Ok(Next::Zero) => {
                let (more, _) = reader.rest()?;
                if more > 0 {
                    info.note = Some(format!("{more} bytes follow at offset {}, after zeros", reader.offset()));
                }
                break;
            }
            Ok(Next::Broken(why)) => {
                info.note = Some(format!("at offset {}: {why}", reader.offset()));
                break;
            }
            Err(error) => {
                info.note = Some(error.to_string());
                break;
            }
        }
    }
    info.bytes = reader.offset();
    Ok(info)
}
