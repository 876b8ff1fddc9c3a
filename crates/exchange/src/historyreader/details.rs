//! Lists, prevented matches and amendments.

use std::collections::HashMap;

use allin_core::ids::{ListId, OrderId, UserId};
use allin_runtime::store::Value;
use allin_wire::exchange::v1::{
    AmendmentsReply, AmendmentsRequest, ListsReply, ListsRequest, PreventedMatchesReply, PreventedMatchesRequest,
};

use super::api::{Api, ID_MAX, created};
use super::error::ReadError;
use super::query::{self, ListsFilter, Span};
use super::rows;

impl Api {
    pub(super) async fn lists_of_user(&self, request: ListsRequest) -> Result<ListsReply, ReadError> {
        let user = UserId(request.user);
        let filter = if request.list != 0 {
            ListsFilter::One(ListId(request.list.min(ID_MAX)))
        } else if !request.client_id.is_empty() {
            ListsFilter::Client(request.client_id)
        } else if request.open {
            ListsFilter::Open
        } else if request.from_list != 0 {
            ListsFilter::From(ListId(request.from_list.min(ID_MAX)))
        } else {
            ListsFilter::Created(Span { start: request.start_us, end: request.end_us })
        };
        let limit = self.page(0, request.limit).limit;
        let mut moment = self.begin().await?;
        let rows = moment.rows(&query::lists(user, &filter, moment.kept, limit)).await?;
        let mut lists = self.read(&mut moment, &rows, rows::list).await?;
        let listed = || lists.iter().flat_map(|list| &list.orders);
        let ids: Vec<Value> = listed().map(|order| OrderId(order.order).into()).collect();
        let mut clients = HashMap::new();
        for row in moment.tx.query_in(query::CLIENTS_OF, &ids).await? {
            clients.insert(row.unsigned(0)?, row.text(1)?);
        }
        for order in lists.iter_mut().flat_map(|list| &mut list.orders) {
            order.client_id = clients.remove(&order.order).unwrap_or_default();
        }
        Ok(ListsReply { lists, as_of_seq: moment.end().await? })
    }

    pub(super) async fn prevented(&self, request: PreventedMatchesRequest) -> Result<PreventedMatchesReply, ReadError> {
        let user = UserId(request.user);
        let limit = self.page(0, request.limit).limit;
        if (request.r#match, request.order) == (0, 0) {
            return Err(ReadError::Invalid("prevented matches: of an order, or by their number"));
        }
        let mut moment = self.begin().await?;
        let order = OrderId(request.order.min(ID_MAX));
        let statement = match request.r#match {
            0 => created(&mut moment, order)
                .await?
                .map(|created| query::prevented_of_order(user, order, created, request.from_match, limit)),
            id => Some(query::prevented(user, id, moment.kept)),
        };
        let rows = match statement {
            Some(statement) => moment.rows(&statement).await?,
            None => Vec::new(),
        };
        let matches = self.read(&mut moment, &rows, rows::prevented).await?;
        Ok(PreventedMatchesReply { matches, as_of_seq: moment.end().await? })
    }

    pub(super) async fn amendments_of(&self, request: AmendmentsRequest) -> Result<AmendmentsReply, ReadError> {
        let order = OrderId(request.order.min(ID_MAX));
        let limit = self.page(0, request.limit).limit;
        let mut moment = self.begin().await?;
        let mut amendments = Vec::new();
        if !moment.rows(&query::order(order, Some(UserId(request.user)), moment.kept)).await?.is_empty() {
            let rows = moment.rows(&query::amendments(order, request.from_seq, limit)).await?;
            amendments = rows.iter().map(rows::amendment).collect::<Result<_, _>>()?;
        }
        Ok(AmendmentsReply { amendments, as_of_seq: moment.end().await? })
    }
}
