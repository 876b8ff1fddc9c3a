//! `GET /api/v3/orderList`, `allOrderList` and `openOrderList`.

use allin_wire::binance::{ApiError, Code};
use allin_wire::exchange::v1::{HistoryList, ListsRequest};

use super::super::app::App;
use super::super::call::{Call, Outcome, json};
use super::super::history;
use super::super::list_text::ListAlone;
use super::super::market::limit::limit;
use super::super::trade::list::find;
use super::super::trade::parse::read_client_id;
use super::orders::day;

/// Open lists of an account, told at most.
const OPEN_MAX: u32 = 1000;

pub(super) async fn one(app: &App, call: &Call) -> Outcome {
    let list = call.params.u64("orderListId")?;
    let client_id = read_client_id(&call.params, "origClientOrderId")?;
    call.params.all_read()?;
    if list.is_none() && client_id.is_none() {
        let msg = "Param 'origClientOrderId' or 'orderListId' must be sent, but both were empty/null!";
        return Err(ApiError::new(Code::MandatoryParamEmptyOrMalformed, msg).into());
    }
    // No list has the id 0, and history takes it for none given.
    let found = if list == Some(0) { None } else { find(app, call, list, client_id).await? };
    match found {
        Some(found) => json(&ListAlone::history(call.time_unit, found)),
        None => Err(ApiError::new(Code::NoSuchOrder, "Order list does not exist.").into()),
    }
}

/// From an id or a start, oldest first from there; otherwise the newest. Always told oldest first.
pub(super) async fn all(app: &App, call: &Call) -> Outcome {
    let params = &call.params;
    let from = params.u64("fromId")?;
    let (start_us, end_us) = day(params)?;
    let limit = limit(params, 500, 1000)?;
    params.all_read()?;
    if from.is_some() && (start_us != 0 || end_us != 0) {
        let msg = "Combination of optional parameters invalid.";
        return Err(ApiError::new(Code::OptionalParamsBadCombo, msg).into());
    }
    let from_list = from.map_or(0, |from| from.max(1));
    let request = ListsRequest { user: call.user().0, from_list, start_us, end_us, limit, ..ListsRequest::default() };
    let seq = history::now(app).await?;
    let mut lists = history::lists(app, seq, request).await?.lists;
    if from.is_none() && start_us == 0 {
        lists.reverse();
    }
    tell(call, lists)
}

pub(super) async fn open(app: &App, call: &Call) -> Outcome {
    call.params.all_read()?;
    let request = ListsRequest { user: call.user().0, open: true, limit: OPEN_MAX, ..ListsRequest::default() };
    let seq = history::now(app).await?;
    tell(call, history::lists(app, seq, request).await?.lists)
}

fn tell(call: &Call, lists: Vec<HistoryList>) -> Outcome {
    json(&lists.into_iter().map(|list| ListAlone::history(call.time_unit, list)).collect::<Vec<_>>())
}
