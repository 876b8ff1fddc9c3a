//! Which commands may enter, and by which room.

use allin_core::spot::command::{BATCH_MAX, Command, DETAIL_MAX, NewOrder};

use crate::engine::SubmitError;

/// The reserved room is for commands that take risk off: they pass when the queue is full for new orders, and when the
/// log has no room for them. What the engine itself sends passes too.
pub(super) fn is_reserved(command: &Command) -> bool {
    matches!(
        command,
        Command::Cancel { .. }
            | Command::CancelList { .. }
            | Command::CancelAll { .. }
            | Command::Reduce { .. }
            | Command::Countdown { .. }
            | Command::StartEpoch(_)
            | Command::Tick
    )
}

/// Refuses what must not get a sequence.
pub(super) fn check(command: &Command) -> Result<(), SubmitError> {
    match command {
        Command::StartEpoch(_) | Command::Tick => Err(SubmitError::Malformed("only the engine sends this command")),
        Command::PlaceBatch(orders) if orders.len() > BATCH_MAX => {
            Err(SubmitError::Malformed("a batch has too many orders"))
        }
        Command::Credit(funding) | Command::Debit(funding) | Command::Transfer { funding, .. }
            if funding.detail.len() > DETAIL_MAX =>
        {
            Err(SubmitError::Malformed("the detail is too long"))
        }
        _ => Ok(()),
    }
}

/// At most this many bytes are one command in the log, header included. Far from tight: it only has to be safe.
pub(super) fn log_bytes_max(command: &Command) -> u64 {
    const PLAIN: usize = 2 * size_of::<Command>() + 64;
    const ORDER: usize = 2 * size_of::<NewOrder>();
    let more = match command {
        Command::PlaceBatch(orders) => orders.len() * ORDER,
        Command::PlaceList(_) => 3 * ORDER,
        Command::CancelReplace { .. } => ORDER,
        Command::Credit(funding) | Command::Debit(funding) | Command::Transfer { funding, .. } => funding.detail.len(),
        _ => 0,
    };
    (PLAIN + more) as u64
}
