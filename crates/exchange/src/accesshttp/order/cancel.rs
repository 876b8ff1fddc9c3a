//! order.cancel.

use allin_core::ids::{OrderId, Seq, Timestamp, UserId};
use allin_core::num::FeeRates;
use allin_core::spot::command::{Command, NewOrder, OrderRef, Side};
use allin_core::spot::event::{Closed, Event};
use allin_core::spot::reject::Reject;
use allin_core::spot::view::OrderView;
use allin_wire::exchange::v1::HistoryOrder;
use allin_wire::viabtc::{Code, Invalid, result_body};
use futures::future::join;

use super::super::error::{Failure, refusal};
use super::super::number;
use super::super::run::Access;
use super::super::state::MarketInfo;
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
    let command = Command::cancel(user, market.spec.id, OrderRef::Id(order));
    // The engine tells what it cancelled, not what that was like: so we ask just before. One after the other would make
    // a cancel wait for the disk twice.
    let (view, reply) = join(open::find(access, order), access.handles.engine.submit(command)).await;
    let reply = reply?;
    for event in &reply.events {
        match event {
            Event::Closed(closed) if closed.order == order => {
                let view = view.unwrap_or_else(|failure| {
                    tracing::warn!(?failure, "cancelled an order without having seen it");
                    (None, reply.seq)
                });
                return cancelled(access, id, &market, closed, reply.seq, view.0).await;
            }
            Event::Refused(Reject::UnknownOrder | Reject::UnknownUser) => {
                // Whether it is somebody else's is an answer of its own in the protocol.
                let is_others = |view: OrderView| view.new.market == market.spec.id && view.new.user != user;
                let code = if view?.0.is_some_and(is_others) { Code::UserNotMatch } else { Code::OrderNotFound };
                return Err(code.into());
            }
            Event::Refused(reject) => return Err(refusal(*reject)),
            _ => {}
        }
    }
    Err(Failure::unexpected("a closed order or a refusal"))
}

async fn cancelled(
    access: &Access,
    id: i64,
    market: &MarketInfo,
    closed: &Closed,
    seq: Seq,
    view: Option<OrderView>,
) -> Result<Vec<u8>, Failure> {
    if let Some(view) = view {
        // Nobody is kept from cancelling because the fee is not known.
        let fee = fees::known(access, market, view.new.side, closed.order, closed.filled, seq).await;
        let state = State {
            left: closed.left,
            filled: closed.filled,
            filled_quote: closed.filled_quote,
            // As the reference server, the time stays that of the last fill.
            ..State::of_view(&view, fee)
        };
        return Ok(result_body(id, &state.print(market)));
    }
    // An engine that is not in this process may take the command before the question.
    let Some(past) = fees::closed(access, closed.order).await else {
        return Err(Failure::unexpected("a cancelled order in history"));
    };
    let new = new_order(&past, market).map_err(|_| Failure::unexpected("decimals of an order in history"))?;
    let state = State {
        order: closed.order,
        new: &new,
        rates: new.fees.unwrap_or_default(),
        created_at: Timestamp(past.created_us),
        updated_at: Timestamp(past.updated_us),
        left: closed.left,
        filled: closed.filled,
        filled_quote: closed.filled_quote,
        fee: fees::fee(&past, market, new.side),
    };
    Ok(result_body(id, &state.print(market)))
}

/// What history keeps of an order, as the engine has it. Only orders with a price wait to be cancelled.
fn new_order(past: &HistoryOrder, market: &MarketInfo) -> Result<NewOrder, Invalid> {
    let side = if past.side == 1 { Side::Sell } else { Side::Buy };
    let (price, qty) = (number::price(&past.price, market)?, number::lots(&past.qty, market)?);
    let rates =
        FeeRates { maker: number::fee_rate(&past.maker_fee_rate)?, taker: number::fee_rate(&past.taker_fee_rate)? };
    let order = NewOrder::limit(UserId(past.user), market.spec.id, side, price, qty);
    let source = allin_core::text::Label::new(&past.source).unwrap_or_default();
    Ok(NewOrder { source, fees: Some(rates), ..order })
}
