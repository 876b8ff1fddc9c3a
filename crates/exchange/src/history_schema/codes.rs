//! Numbers that stand for enumerations in the tables, and the names that they have on the interface.

use allin_core::spot::command::{OrderKind, Side, StpMode, TimeInForce};
use allin_core::spot::event::{CloseCause, Contingency, OrderStatus};

/// `close_cause` of an order that is open.
pub const OPEN: i64 = -1;
/// Of an order that was pending when its list ended.
pub const LIST_BEFORE_START: i64 = 9;
/// Added to the reason of [`CloseCause::Refused`].
const REFUSED: i64 = 1000;

/// `side`, as the interfaces have it: 1 sell, 2 buy.
pub fn side(side: Side) -> u8 {
    match side {
        Side::Sell => 1,
        Side::Buy => 2,
    }
}

pub fn close_cause(cause: CloseCause) -> i64 {
    match cause {
        CloseCause::Filled => 0,
        CloseCause::User => 1,
        CloseCause::Unfilled => 2,
        CloseCause::SelfTrade => 3,
        CloseCause::Gtd => 4,
        CloseCause::Countdown => 5,
        CloseCause::List => 6,
        CloseCause::Halted => 7,
        CloseCause::Reduced => 8,
        CloseCause::Refused(reason) => REFUSED + reason as i64,
    }
}

/// Why an order expired (Binance Spot, "expiryReasons"), from its stored numbers; none of one that did not, or by its time.
pub fn expiry_reason(status: i64, cause: i64, kind: i64, tif: i64) -> Option<&'static str> {
    if status != OrderStatus::Expired as i64 {
        return None;
    }
    match cause {
        2 if tif == TimeInForce::Fok as i64 => Some("UNFILLED_FOK_ORDER_EXPIRED"),
        2 if nth(&KINDS, kind).is_some_and(|(kind, _)| !kind.has_price()) => Some("INSUFFICIENT_LIQUIDITY"),
        2 => Some("UNFILLED_IOC_QUANTITY_EXPIRED"),
        6 => Some("OCO_TRIGGER"),
        7 => Some("EXECUTION_RULE_PRICE_RANGE_EXCEEDED"),
        LIST_BEFORE_START => Some("OTO_PHASE_ONE_EXPIRED"),
        refused if refused >= REFUSED => Some("REJECTED"),
        _ => None,
    }
}

const STATUSES: [(OrderStatus, &str); 7] = [
    (OrderStatus::New, "NEW"),
    (OrderStatus::PartiallyFilled, "PARTIALLY_FILLED"),
    (OrderStatus::Filled, "FILLED"),
    (OrderStatus::Canceled, "CANCELED"),
    (OrderStatus::Expired, "EXPIRED"),
    (OrderStatus::ExpiredInMatch, "EXPIRED_IN_MATCH"),
    (OrderStatus::PendingNew, "PENDING_NEW"),
];

const KINDS: [(OrderKind, &str); 7] = [
    (OrderKind::Limit, "LIMIT"),
    (OrderKind::Market, "MARKET"),
    (OrderKind::LimitMaker, "LIMIT_MAKER"),
    (OrderKind::StopLoss, "STOP_LOSS"),
    (OrderKind::StopLossLimit, "STOP_LOSS_LIMIT"),
    (OrderKind::TakeProfit, "TAKE_PROFIT"),
    (OrderKind::TakeProfitLimit, "TAKE_PROFIT_LIMIT"),
];

const TIFS: [(TimeInForce, &str); 4] =
    [(TimeInForce::Gtc, "GTC"), (TimeInForce::Ioc, "IOC"), (TimeInForce::Fok, "FOK"), (TimeInForce::Gtd, "GTD")];

const STPS: [(StpMode, &str); 5] = [
    (StpMode::None, "NONE"),
    (StpMode::ExpireTaker, "EXPIRE_TAKER"),
    (StpMode::ExpireMaker, "EXPIRE_MAKER"),
    (StpMode::ExpireBoth, "EXPIRE_BOTH"),
    (StpMode::Decrement, "DECREMENT"),
];

const CONTINGENCIES: [(Contingency, &str); 3] =
    [(Contingency::Oco, "OCO"), (Contingency::Oto, "OTO"), (Contingency::Otoco, "OTOCO")];

/// Whether a stored kind of order waits for a trigger price.
pub fn is_stop(code: i64) -> bool {
    nth(&KINDS, code).is_some_and(|(kind, _)| kind.is_stop())
}

pub fn stp_name(code: i64) -> Option<&'static str> {
    nth(&STPS, code).map(|(_, name)| *name)
}

pub fn contingency_name(code: i64) -> Option<&'static str> {
    nth(&CONTINGENCIES, code).map(|(_, name)| *name)
}

/// The status of a stored number.
pub fn status(code: i64) -> Option<OrderStatus> {
    nth(&STATUSES, code).map(|(status, _)| *status)
}

pub fn status_name(code: i64) -> Option<&'static str> {
    nth(&STATUSES, code).map(|(_, name)| *name)
}

pub fn kind_name(code: i64) -> Option<&'static str> {
    nth(&KINDS, code).map(|(_, name)| *name)
}

pub fn tif_name(code: i64) -> Option<&'static str> {
    nth(&TIFS, code).map(|(_, name)| *name)
}

fn nth<T>(table: &[T], code: i64) -> Option<&T> {
    table.get(usize::try_from(code).ok()?)
}

#[cfg(test)]
mod tests {
    use allin_core::spot::reject::Reject;

    use super::*;

    #[test]
    fn tables_stand_in_the_order_of_the_numbers() {
        for (index, (status, _)) in STATUSES.iter().enumerate() {
            assert_eq!(*status as usize, index);
        }
        for (index, (kind, _)) in KINDS.iter().enumerate() {
            assert_eq!(*kind as usize, index);
        }
        for (index, (tif, _)) in TIFS.iter().enumerate() {
            assert_eq!(*tif as usize, index);
        }
        for (index, (stp, _)) in STPS.iter().enumerate() {
            assert_eq!(*stp as usize, index);
        }
        for (index, (contingency, _)) in CONTINGENCIES.iter().enumerate() {
            assert_eq!(*contingency as usize, index);
        }
        let expired = OrderStatus::Expired as i64;
        let reason = |cause, tif| expiry_reason(expired, close_cause(cause), OrderKind::Limit as i64, tif as i64);
        assert_eq!(reason(CloseCause::Unfilled, TimeInForce::Ioc), Some("UNFILLED_IOC_QUANTITY_EXPIRED"));
        assert_eq!(reason(CloseCause::Unfilled, TimeInForce::Fok), Some("UNFILLED_FOK_ORDER_EXPIRED"));
        assert_eq!(reason(CloseCause::List, TimeInForce::Gtc), Some("OCO_TRIGGER"));
        assert_eq!(reason(CloseCause::Halted, TimeInForce::Gtc), Some("EXECUTION_RULE_PRICE_RANGE_EXCEEDED"));
        assert_eq!(reason(CloseCause::Refused(Reject::WouldTake), TimeInForce::Gtc), Some("REJECTED"));
        assert_eq!(reason(CloseCause::Gtd, TimeInForce::Gtd), None);
        assert_eq!(expiry_reason(expired, 2, OrderKind::Market as i64, 0), Some("INSUFFICIENT_LIQUIDITY"));
        assert_eq!(expiry_reason(expired, LIST_BEFORE_START, 0, 0), Some("OTO_PHASE_ONE_EXPIRED"));
        assert_eq!(expiry_reason(OrderStatus::Canceled as i64, 6, 0, 0), None);
        assert_eq!((status(-1), status(7), status_name(2)), (None, None, Some("FILLED")));
    }
}
