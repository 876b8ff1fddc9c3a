//! Names that only the user data stream has (Binance Spot, "User Data Streams").

use allin_core::spot::command::{NewOrder, OrderKind, TimeInForce};
use allin_core::spot::event::{CloseCause, OrderStatus};
use allin_core::spot::reject::Reject;

/// Why an order ended that its owner did not cancel (`eR`).
/// `before` is its status until then.
pub(crate) fn expiry_reason(
    new: &NewOrder,
    before: OrderStatus,
    status: OrderStatus,
    cause: CloseCause,
) -> Option<&'static str> {
    if status != OrderStatus::Expired {
        return None;
    }
    match cause {
        CloseCause::Refused(_) => Some("REJECTED"),
        CloseCause::List if before == OrderStatus::PendingNew => Some("OTO_PHASE_ONE_EXPIRED"),
        CloseCause::List => Some("OCO_TRIGGER"),
        CloseCause::Halted => Some("EXECUTION_RULE_PRICE_RANGE_EXCEEDED"),
        CloseCause::Unfilled => Some(match (new.kind, new.tif) {
            (_, TimeInForce::Fok) => "UNFILLED_FOK_ORDER_EXPIRED",
            (OrderKind::Market | OrderKind::StopLoss | OrderKind::TakeProfit, _) => "INSUFFICIENT_LIQUIDITY",
            _ => "UNFILLED_IOC_QUANTITY_EXPIRED",
        }),
        _ => None,
    }
}

/// Why an order was refused when its turn came (`r`).
pub(super) fn reject_reason(cause: CloseCause) -> &'static str {
    match cause {
        CloseCause::Refused(Reject::InsufficientBalance) => "INSUFFICIENT_BALANCES",
        CloseCause::Refused(Reject::WouldTrigger) => "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
        CloseCause::Refused(Reject::WouldTake) => "WOULD_MATCH_IMMEDIATELY",
        _ => "NONE",
    }
}

/// How an order ended, as an execution type (`x`).
pub(super) fn end_name(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Canceled => "CANCELED",
        OrderStatus::ExpiredInMatch => "TRADE_PREVENTION",
        _ => "EXPIRED",
    }
}
