//! Numbers that stand for enumerations in the tables, and the names that they have on the interface.

use allin_core::spot::command::{OrderKind, Side, TimeInForce};
use allin_core::spot::event::{CloseCause, OrderStatus};

/// `close_cause` of an order that is open.
pub const OPEN: i64 = -1;
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
        assert_eq!((status(-1), status(7), status_name(2)), (None, None, Some("FILLED")));
    }
}
