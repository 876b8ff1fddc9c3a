//! Which commands may enter, and by which room.

use allin_core::spot::command::{BATCH_MAX, Command, DETAIL_MAX, NewOrder, OrderRef};
use allin_core::spot::spec::MarketSpec;
use allin_wire::oplog::frame;

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
            | Command::SetLimits(_)
            | Command::Tick
    )
}

/// Refuses what must not get a sequence.
pub(super) fn check(command: &Command) -> Result<(), SubmitError> {
    match command {
        Command::StartEpoch(_) | Command::Tick | Command::SetLimits(_) => {
            Err(SubmitError::Malformed("only the engine sends this command"))
        }
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

/// At most this many bytes are one command in the log, header included. Quick rather than tight: it has to be safe.
pub(super) fn log_bytes_max(command: &Command) -> u64 {
    /// A record's header and padding, and the fields of any command besides orders, specifications and texts.
    const PLAIN: usize = frame::HEADER_LEN + frame::ALIGN + 128;
    let reference = |order: &OrderRef| match order {
        OrderRef::Id(_) => 0,
        OrderRef::Client(client_id) => client_id.as_bytes().len(),
    };
    let more = match command {
        Command::Place(new) => order_bytes_max(new),
        Command::PlaceBatch(orders) => orders.iter().map(order_bytes_max).sum(),
        Command::PlaceList(list) => {
            list.client_id.as_bytes().len()
                + list.orders.as_array().iter().flatten().map(|new| order_bytes_max(new)).sum::<usize>()
        }
        Command::CancelReplace { cancel, order, cancel_id, .. } => {
            reference(cancel) + order_bytes_max(order) + cancel_id.as_bytes().len()
        }
        Command::Amend { order, client_id: id, .. } | Command::Cancel { order, cancel_id: id, .. } => {
            reference(order) + id.as_bytes().len()
        }
        Command::CancelList { cancel_id, .. } => cancel_id.as_bytes().len(),
        Command::Move { order, .. } | Command::Reduce { order, .. } => reference(order),
        Command::Credit(funding) | Command::Debit(funding) | Command::Transfer { funding, .. } => funding.detail.len(),
        Command::SetAsset(_) | Command::SetMarket(_) => 2 * size_of::<MarketSpec>(),
        _ => 0,
    };
    (PLAIN + more) as u64
}

fn order_bytes_max(new: &NewOrder) -> usize {
    const NUMBERS: usize = 160;
    NUMBERS + new.client_id.as_bytes().len() + new.source.as_bytes().len()
}

#[cfg(test)]
mod tests {
    use allin_wire::oplog::{arbitrary, encode};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn no_command_is_longer_in_the_log_than_was_promised(command in arbitrary::command()) {
            let mut bytes = Vec::new();
            encode(&command, &mut bytes).unwrap();
            let record = frame::HEADER_LEN + bytes.len().next_multiple_of(frame::ALIGN);
            prop_assert!(record as u64 <= log_bytes_max(&command), "{} bytes, {command:?}", record);
        }
    }
}
