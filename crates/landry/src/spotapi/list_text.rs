//! An order list as answers tell it (Binance Spot REST, "Order lists").

use allin_core::ids::Seq;
use allin_core::ids::{ListId, Timestamp, UserId};
use allin_wire::exchange::v1::{HistoryList, ListsRequest};
use serde::Serialize;

use super::app::App;
use super::call::{Failure, TimeUnit};
use super::history;
use super::order_text::list_id;

#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListText<R: Serialize> {
    order_list_id: i64,
    contingency_type: &'static str,
    list_status_type: &'static str,
    list_order_status: &'static str,
    list_client_order_id: String,
    transaction_time: u64,
    symbol: String,
    orders: Vec<ListedText>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order_reports: Vec<R>,
}

#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedText {
    pub symbol: String,
    pub order_id: u64,
    pub client_order_id: String,
}

/// A list without reports of its orders.
pub(super) type ListAlone = ListText<()>;

impl<R: Serialize> ListText<R> {
    /// As it stands at a time; `done` when no order of it is open.
    pub fn new(unit: TimeUnit, list: HistoryList, done: bool, at: Timestamp) -> ListText<R> {
        let status = |begun, ended| if done { ended } else { begun };
        let symbol = list.market.clone();
        let listed = |order: allin_wire::exchange::v1::ListedOrder| ListedText {
            symbol: symbol.clone(),
            order_id: order.order,
            client_order_id: order.client_id,
        };
        ListText {
            order_list_id: list_id(list.list),
            // An OTOCO is an OTO whose pending part is an OCO.
            contingency_type: if list.contingency == "OCO" { "OCO" } else { "OTO" },
            list_status_type: status("EXEC_STARTED", "ALL_DONE"),
            list_order_status: status("EXECUTING", "ALL_DONE"),
            list_client_order_id: list.client_id,
            transaction_time: unit.of(at),
            orders: list.orders.into_iter().map(listed).collect(),
            symbol: list.market,
            order_reports: Vec::new(),
        }
    }

    /// As history has it.
    pub fn history(unit: TimeUnit, list: HistoryList) -> ListText<R> {
        let (done, at) = (list.finished_us != 0, list.created_us.max(list.finished_us));
        ListText::new(unit, list, done, Timestamp(at))
    }
}

/// A list as the amendment of one of its orders tells it.
#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListNow {
    order_list_id: i64,
    contingency_type: &'static str,
    list_order_status: &'static str,
    list_client_order_id: String,
    symbol: String,
    orders: Vec<ListedText>,
}

impl ListNow {
    pub fn new(list: HistoryList) -> ListNow {
        let ListText {
            order_list_id, contingency_type, list_order_status, list_client_order_id, symbol, orders, ..
        } = ListAlone::history(TimeUnit::default(), list);
        ListNow { order_list_id, contingency_type, list_order_status, list_client_order_id, symbol, orders }
    }
}

/// A user's list by its id.
pub(super) async fn find(app: &App, seq: Seq, user: UserId, list: ListId) -> Result<Option<HistoryList>, Failure> {
    let request = ListsRequest { user: user.0, list: list.0, limit: 1, ..ListsRequest::default() };
    Ok(history::lists(app, seq, request).await?.lists.pop())
}
