//! What the engine's refusals are called (Binance Spot REST, "Error codes", "Messages for -2010, -2011, -2038").

use allin_core::spot::reject::Reject;
use allin_runtime::engine::SubmitError;
use allin_wire::binance::{ApiError, Code};

use super::super::call::Failure;

/// What was asked for; the codes differ by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Asked {
    Place,
    Cancel,
    Amend,
}

pub(crate) fn error(asked: Asked, reject: Reject) -> ApiError {
    let order = match asked {
        Asked::Place => Code::NewOrderRejected,
        Asked::Cancel => Code::CancelRejected,
        Asked::Amend => Code::OrderAmendRejected,
    };
    let filter = |msg: &'static str| ApiError::new(Code::InvalidMessage, msg);
    let refused = |msg: &'static str| ApiError::new(order, msg);
    match reject {
        Reject::UnknownMarket => ApiError::BAD_SYMBOL,
        Reject::UnknownUser | Reject::ReservedUser | Reject::AccountFrozen => {
            refused("This action is disabled on this account.")
        }
        Reject::MarketHalted | Reject::MarketCancelOnly | Reject::MarketPreOpen => filter("Market is closed."),
        Reject::ClientIdConflict => refused("Duplicate order sent."),
        Reject::InvalidCombination | Reject::InvalidFee => refused("Unsupported order combination"),
        Reject::InvalidAmount | Reject::Notional => filter("Filter failure: NOTIONAL"),
        Reject::PriceFilter => filter("Filter failure: PRICE_FILTER"),
        Reject::LotSize => filter("Filter failure: LOT_SIZE"),
        Reject::MarketLotSize => filter("Filter failure: MARKET_LOT_SIZE"),
        Reject::PercentPrice => filter("Filter failure: PERCENT_PRICE_BY_SIDE"),
        Reject::TrailingDelta => filter("Filter failure: TRAILING_DELTA"),
        Reject::IcebergParts => filter("Filter failure: ICEBERG_PARTS"),
        Reject::MaxOrders => filter("Filter failure: MAX_NUM_ORDERS"),
        Reject::MaxStopOrders => filter("Filter failure: MAX_NUM_ALGO_ORDERS"),
        Reject::MaxIcebergOrders => filter("Filter failure: MAX_NUM_ICEBERG_ORDERS"),
        Reject::MaxOrderLists => filter("Filter failure: MAX_NUM_ORDER_LISTS"),
        Reject::MaxPosition => filter("Filter failure: MAX_POSITION"),
        Reject::MaxAmends => filter("Filter failure: MAX_NUM_ORDER_AMENDS"),
        Reject::UnknownOrder | Reject::UnknownList => refused("Unknown order sent."),
        Reject::NotAmendable => refused("Order amend is not supported for this order."),
        Reject::AmendQty => refused("Order amend (quantity increase) is not supported."),
        Reject::CancelRestricted => refused("Order was not canceled due to cancel restrictions."),
        Reject::WouldTake => refused("Order would immediately match and take."),
        Reject::WouldTrigger => refused("Order would trigger immediately."),
        Reject::InsufficientBalance => refused("Account has insufficient balance for requested action."),
        Reject::ClientIdsFull => ApiError::new(
            Code::ServerBusy,
            "Server is currently overloaded with other requests. Please try again in a few minutes.",
        ),
        // Of operators' commands; this API sends none.
        Reject::ExpireTime
        | Reject::UnknownAsset
        | Reject::MarketStateConflict
        | Reject::InvalidSpec
        | Reject::IdNotNext
        | Reject::SpecFixed
        | Reject::BusinessConflict
        | Reject::SupplyLimit
        | Reject::TransferToSelf
        | Reject::UncrossNotPossible => ApiError::new(Code::UnsupportedOperation, "This operation is not supported."),
    }
}

pub(crate) fn refused(asked: Asked, reject: Reject) -> Failure {
    let status = if reject == Reject::ClientIdsFull { 503 } else { 400 };
    Failure { status, ..Failure::from(error(asked, reject)) }
}

/// A command or question that the engine did not take.
pub(crate) fn not_taken(error: SubmitError) -> Failure {
    let busy = "Server is currently overloaded with other requests. Please try again in a few minutes.";
    match error {
        SubmitError::Overloaded | SubmitError::ReadOnly => Failure { retry_after: Some(1), ..Failure::away(busy) },
        SubmitError::Stopping => Failure {
            status: 503,
            ..Failure::new(Code::Disconnected, "Internal error; unable to process your request. Please try again.")
        },
        SubmitError::Unknown => Failure {
            status: 503,
            ..Failure::new(
                Code::UnexpectedResponse,
                "An unexpected response was received from the message bus. Execution status unknown.",
            )
        },
        SubmitError::Malformed(_) => Failure::new(Code::InvalidMessage, "The request is rejected by the API."),
    }
}
