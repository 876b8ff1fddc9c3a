//! Answers from history that hold everything the caller can know of: read your own writes.

use std::future::Future;
use std::time::Duration;

use allin_core::ids::{OrderId, Seq, UserId};
use allin_runtime::engine::{AnswerBody, Query};
use allin_wire::exchange::v1::{
    AmendmentsReply, HistoryOrder, ListsReply, ListsRequest, OrderReply, OrderRequest, OrdersReply,
    PreventedMatchesReply, UserDealsReply,
};
use tonic::{Response, Status};

use super::app::App;
use super::call::Failure;
use super::trade::reject::not_taken;

/// Between two looks whether history has caught up.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Up to where an answer goes.
pub(super) trait AsOf {
    fn as_of(&self) -> u64;
}

macro_rules! as_of {
    ($($reply:ty),*) => { $(impl AsOf for $reply {
        fn as_of(&self) -> u64 {
            self.as_of_seq
        }
    })* };
}

as_of!(AmendmentsReply, ListsReply, OrderReply, OrdersReply, PreventedMatchesReply, UserDealsReply);

/// Asks until the answer holds everything up to a sequence; 503 when that takes too long.
pub(super) async fn ask<T: AsOf, F: Future<Output = Result<Response<T>, Status>>>(
    app: &App,
    seq: Seq,
    question: impl Fn() -> F,
) -> Result<T, Failure> {
    let deadline = tokio::time::Instant::now() + app.config.history_wait();
    loop {
        match question().await {
            Ok(reply) => {
                let reply = reply.into_inner();
                if reply.as_of() >= seq.0 {
                    return Ok(reply);
                }
            }
            Err(status) if status.code() == tonic::Code::NotFound => return Err(unavailable()),
            Err(status) => {
                tracing::warn!(%status, "history is away");
                return Err(unavailable());
            }
        }
        if tokio::time::Instant::now() >= deadline {
            metrics::counter!("spotapi_history_behind_total").increment(1);
            return Err(unavailable());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn unavailable() -> Failure {
    Failure {
        retry_after: Some(1),
        ..Failure::away("Internal error; unable to process your request. Please try again.")
    }
}

/// The sequence of everything that has been acknowledged by now.
pub(super) async fn now(app: &App) -> Result<Seq, Failure> {
    let answer = app.handles.engine.query(Query::Status).await.map_err(not_taken)?;
    match answer.body {
        AnswerBody::Status { durable, .. } => Ok(durable),
        _ => Err(unavailable()),
    }
}

/// A user's order by its id. No order has the id 0, and history takes it for none given.
pub(super) async fn order(app: &App, seq: Seq, user: UserId, id: OrderId) -> Result<Option<HistoryOrder>, Failure> {
    if id.0 == 0 {
        return Ok(None);
    }
    let request = OrderRequest { user: user.0, order: id.0, client_id: String::new() };
    Ok(ask(app, seq, || app.handles.history.order(tonic::Request::new(request.clone()))).await?.order)
}

/// A user's newest order with a client id.
pub(super) async fn order_of_client(
    app: &App,
    seq: Seq,
    user: UserId,
    client_id: &str,
) -> Result<Option<HistoryOrder>, Failure> {
    let request = OrderRequest { user: user.0, order: 0, client_id: client_id.to_owned() };
    Ok(ask(app, seq, || app.handles.history.order(tonic::Request::new(request.clone()))).await?.order)
}

pub(super) async fn lists(app: &App, seq: Seq, request: ListsRequest) -> Result<ListsReply, Failure> {
    ask(app, seq, || app.handles.history.lists(tonic::Request::new(request.clone()))).await
}
