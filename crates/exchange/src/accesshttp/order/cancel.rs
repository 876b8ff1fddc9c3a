//! order.cancel.

use allin_core::ids::{OrderId, UserId};
use allin_core::num::QtyLots;
use allin_core::spot::command::{CancelOnly, Command, OrderRef};
use allin_core::spot::event::Event;
use allin_core::spot::reject::Reject;
use allin_wire::viabtc::{Code, Decimal, result_body};

use super::super::error::{Failure, refusal};
use super::super::run::Access;
use super::{State, fees, open};

/// Gives the order as it was when it ended.
pub(in super::super) async fn cancel(
    access: &Access,
    id: i64,
    user: UserId,
    market: &str,
    order: OrderId,
) -> Result<Vec<u8>, Failure> {
    let market = access.tables.market(market).await?.ok_or(Code::InvalidArgument)?;
    // The engine tells what is cancelled, not what it was; and whose it is, is an answer of its own in the protocol.
    let view = open::find(access, order).await?;
    let Some(view) = view.filter(|view| view.new.market == market.spec.id) else {
        return Err(Code::OrderNotFound.into());
    };
    if view.new.user != user {
        return Err(Code::UserNotMatch.into());
    }
    let command = Command::Cancel { user, market: market.spec.id, order: OrderRef::Id(order), only: CancelOnly::Any };
    let reply = access.handles.engine.submit(command).await?;
    for event in &reply.events {
        match event {
            Event::Closed(closed) if closed.order == order => {
                // History may be down without keeping anybody from cancelling.
                let fee = match closed.filled {
                    QtyLots::ZERO => Some(Decimal::ZERO),
                    filled => fees::known(access, &market, view.new.side, order, filled).await,
                };
                let state = State {
                    left: closed.left,
                    filled: closed.filled,
                    filled_quote: closed.filled_quote,
                    // As the reference server: the time of the last fill, not of the end.
                    ..State::of_view(&view, fee)
                };
                return Ok(result_body(id, &state.print(&market)));
            }
            // It was filled or cancelled between the two questions.
            Event::Refused(Reject::UnknownOrder) => return Err(Code::OrderNotFound.into()),
            Event::Refused(reject) => return Err(refusal(*reject)),
            _ => {}
        }
    }
    Err(Failure::unexpected("a closed order or a refusal"))
}
