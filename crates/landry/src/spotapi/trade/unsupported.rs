//! Kinds of orders that no market has (`opoAllowed`, and no `sors` in exchangeInfo): one-pays-the-other lists and smart order
//! routing. What is wrong with a request in itself is told first, so that a client is told the same as where they are.

use allin_core::spot::command::{OrderKind, Side};
use allin_wire::binance::{ApiError, Code};

use super::super::app::App;
use super::super::call::{Call, Failure, Outcome};
use super::list;
use super::parse::{Known, Leg, read_client_id, read_respond, read_stp};
use super::place;

/// `POST /api/v3/orderList/opo`.
pub(super) async fn opo(app: &App, call: &Call) -> Outcome {
    let market = app.market(call.params.required("symbol")?)?;
    let working = list::working(call, &market)?;
    let pending = Leg { params: &call.params, market: &market, prefix: "pending" };
    let (side, kind, stp) = (pending.side()?, pending.kind()?, read_stp(&call.params)?);
    check_sides(call, working.side, side)?;
    let qty = Some(working.qty);
    pending.order(Known { user: call.user(), side, kind, stp, qty, client_id: "clientOrderId" })?;
    refuse(call)
}

/// `POST /api/v3/orderList/opoco`.
pub(super) async fn opoco(app: &App, call: &Call) -> Outcome {
    let market = app.market(call.params.required("symbol")?)?;
    let working = list::working(call, &market)?;
    let side = Leg { params: &call.params, market: &market, prefix: "pending" }.side()?;
    check_sides(call, working.side, side)?;
    list::pair(call, &market, side, working.qty, ["pendingAbove", "pendingBelow"])?;
    refuse(call)
}

fn check_sides(call: &Call, working: Side, pending: Side) -> Result<(), ApiError> {
    if working != Side::Buy {
        return Err(ApiError::new(Code::OpoWorkingMustBeBuy, "Working order in an OPO list must be a bid."));
    }
    if pending != Side::Sell {
        return Err(ApiError::new(Code::OpoPendingMustBeSell, "Pending orders in an OPO list must be asks."));
    }
    if call.params.has("pendingQuantity") {
        let msg = "Pending orders should not include the 'pendingQuantity' tag.";
        return Err(ApiError::new(Code::PendingParamNotRequired, msg));
    }
    Ok(())
}

fn refuse(call: &Call) -> Outcome {
    read_client_id(&call.params, "listClientOrderId")?;
    read_respond(&call.params)?;
    call.params.all_read()?;
    Err(Failure::new(Code::NewOrderRejected, "OPO orders are not supported for this symbol."))
}

/// `POST /api/v3/sor/order` and its test.
pub(super) async fn sor(app: &App, call: &Call) -> Outcome {
    let market = app.market(call.params.required("symbol")?)?;
    let (order, _) = place::read(call, &market)?;
    if !matches!(order.kind, OrderKind::Limit | OrderKind::Market) {
        return Err(Failure::new(Code::InvalidOrderType, "Invalid orderType."));
    }
    if order.qty.is_zero() {
        return Err(ApiError::malformed("quantity").into());
    }
    call.params.all_read()?;
    Err(Failure::new(Code::NewOrderRejected, "SOR is not supported for this symbol."))
}

/// `POST /api/v3/sor/order/test`.
pub(super) async fn sor_test(app: &App, call: &Call) -> Outcome {
    call.params.bool("computeCommissionRates")?;
    sor(app, call).await
}
