//! Reads commands back, also while the writer goes on.

use std::sync::Arc;

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::command::Command;

use super::{LogError, Options};
use crate::storage::Storage;

/// One command of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub seq: Seq,
    pub epoch: Epoch,
    pub at: Timestamp,
    pub command: Command,
}

/// A place in the log. Takes no lock.
pub struct Reader {
    next: Seq,
}

impl Reader {
    /// Stands before `from`. [`LogError::Gone`] when the log begins later; a sequence not written yet is fine.
    pub fn open(_storage: Arc<dyn Storage>, _options: &Options, from: Seq) -> Result<Reader, LogError> {
        Ok(Reader { next: from })
    }

    /// The next command, none when it comes after `until`, which the caller knows to be durable.
    pub fn next(&mut self, until: Seq) -> Result<Option<Entry>, LogError> {
        if self.next > until {
            Ok(None)
        } else {
            Err(LogError::Gone {
                wanted: self.next.0,
                first: 0,
            })
        }
    }
}
