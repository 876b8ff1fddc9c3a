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
        // Of all filters this one has the code of an amendment (Binance Spot, "Filters").
        Reject::MaxAmends => refused("Filter failure: MAX_NUM_ORDER_AMENDS"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_code_and_message() {
        let mut table = String::new();
        for reject in Reject::ALL {
            let told = error(Asked::Place, *reject);
            table += &format!("{}: {} {}\n", reject.name(), told.code as i32, told.msg);
            for asked in [Asked::Place, Asked::Cancel, Asked::Amend] {
                let failure = refused(asked, *reject);
                assert!(failure.error.code != Code::Unknown && !failure.error.msg.is_empty(), "{reject:?}");
                assert_eq!(failure.status >= 500, *reject == Reject::ClientIdsFull, "{reject:?}");
            }
        }
        expect_test::expect![[r#"
            unknown_market: -1121 Invalid symbol.
            unknown_asset: -1020 This operation is not supported.
            unknown_user: -2010 This action is disabled on this account.
            reserved_user: -2010 This action is disabled on this account.
            account_frozen: -2010 This action is disabled on this account.
            market_halted: -1013 Market is closed.
            market_cancel_only: -1013 Market is closed.
            market_pre_open: -1013 Market is closed.
            market_state_conflict: -1020 This operation is not supported.
            client_id_conflict: -2010 Duplicate order sent.
            client_ids_full: -1008 Server is currently overloaded with other requests. Please try again in a few minutes.
            invalid_combination: -2010 Unsupported order combination
            invalid_fee: -2010 Unsupported order combination
            invalid_amount: -1013 Filter failure: NOTIONAL
            price_filter: -1013 Filter failure: PRICE_FILTER
            lot_size: -1013 Filter failure: LOT_SIZE
            market_lot_size: -1013 Filter failure: MARKET_LOT_SIZE
            notional: -1013 Filter failure: NOTIONAL
            percent_price: -1013 Filter failure: PERCENT_PRICE_BY_SIDE
            trailing_delta: -1013 Filter failure: TRAILING_DELTA
            iceberg_parts: -1013 Filter failure: ICEBERG_PARTS
            expire_time: -1020 This operation is not supported.
            max_orders: -1013 Filter failure: MAX_NUM_ORDERS
            max_stop_orders: -1013 Filter failure: MAX_NUM_ALGO_ORDERS
            max_iceberg_orders: -1013 Filter failure: MAX_NUM_ICEBERG_ORDERS
            max_order_lists: -1013 Filter failure: MAX_NUM_ORDER_LISTS
            max_position: -1013 Filter failure: MAX_POSITION
            max_amends: -2010 Filter failure: MAX_NUM_ORDER_AMENDS
            unknown_order: -2010 Unknown order sent.
            unknown_list: -2010 Unknown order sent.
            not_amendable: -2010 Order amend is not supported for this order.
            amend_qty: -2010 Order amend (quantity increase) is not supported.
            cancel_restricted: -2010 Order was not canceled due to cancel restrictions.
            would_take: -2010 Order would immediately match and take.
            would_trigger: -2010 Order would trigger immediately.
            insufficient_balance: -2010 Account has insufficient balance for requested action.
            invalid_spec: -1020 This operation is not supported.
            id_not_next: -1020 This operation is not supported.
            spec_fixed: -1020 This operation is not supported.
            business_conflict: -1020 This operation is not supported.
            supply_limit: -1020 This operation is not supported.
            transfer_to_self: -1020 This operation is not supported.
            uncross_not_possible: -1020 This operation is not supported.
        "#]].assert_eq(&table);
        assert_eq!(error(Asked::Cancel, Reject::UnknownOrder).code, Code::CancelRejected);
        assert_eq!(error(Asked::Amend, Reject::UnknownOrder).code, Code::OrderAmendRejected);
        assert_eq!(error(Asked::Amend, Reject::MaxAmends).code, Code::OrderAmendRejected);
    }

    #[test]
    fn what_the_engine_does_not_take_is_no_fault_of_the_client() {
        for error in [SubmitError::Overloaded, SubmitError::ReadOnly, SubmitError::Stopping, SubmitError::Unknown] {
            assert_eq!(not_taken(error).status, 503, "{error:?}");
        }
        assert_eq!(not_taken(SubmitError::Malformed("x")).status, 400);
    }
}
