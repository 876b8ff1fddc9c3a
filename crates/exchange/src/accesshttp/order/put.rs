//! order.put_limit, order.put_market.

use allin_core::ids::OrderId;
use allin_core::num::{Amount, FeeRate, FeeRates, PriceTicks, QtyLots, notional};
use allin_core::spot::command::{Command, NewOrder, OrderKind, Side};
use allin_core::spot::event::{Closed, Event, Placed, Repeated};
use allin_core::spot::reject::Reject;
use allin_runtime::engine::{AnswerBody, Query, Reply};
use allin_wire::viabtc::{Code, Decimal, MarketOrder, PutLimit, result_body};

use super::super::error::{Failure, refusal};
use super::super::number;
use super::super::run::Access;
use super::super::state::MarketInfo;
use super::{State, fee_asset, fee_scale, fees};

pub(in super::super) async fn put_limit(access: &Access, id: i64, put: PutLimit<'_>) -> Result<Vec<u8>, Failure> {
    let market = access.tables.market(put.market).await?.ok_or(Code::InvalidArgument)?;
    let price = number::price(put.price, &market)?;
    let qty = number::lots(put.amount, &market)?;
    let rates = FeeRates { taker: number::fee_rate(put.taker_fee)?, maker: number::fee_rate(put.maker_fee)? };
    let order = NewOrder {
        fees: Some(rates),
        source: put.source,
        client_id: put.client_id,
        ..NewOrder::limit(put.user, market.spec.id, put.side, price, qty)
    };
    place(access, id, &market, order).await
}

pub(in super::super) async fn put_market(access: &Access, id: i64, put: MarketOrder<'_>) -> Result<Vec<u8>, Failure> {
    let market = access.tables.market(put.market).await?.ok_or(Code::InvalidArgument)?;
    let rates = FeeRates { taker: number::fee_rate(put.taker_fee)?, maker: FeeRate(0) };
    // To sell, the amount is stock; to buy, it is the money to spend.
    let (qty, quote_amount) = match put.side {
        Side::Sell => (number::lots(put.amount, &market)?, 0),
        Side::Buy => (QtyLots::ZERO, number::amount(put.amount, market.quote.scale)?),
    };
    let order = NewOrder {
        quote_amount,
        fees: Some(rates),
        source: put.source,
        client_id: put.client_id,
        ..NewOrder::market(put.user, market.spec.id, put.side, qty)
    };
    place(access, id, &market, order).await
}

async fn place(access: &Access, id: i64, market: &MarketInfo, order: NewOrder) -> Result<Vec<u8>, Failure> {
    let reply = access.handles.engine.submit(Command::Place(order)).await?;
    let mut events = reply.events.iter();
    let placed = loop {
        match events.next() {
            Some(Event::Refused(reject) | Event::PlaceRefused { reason: reject, .. }) => {
                return Err(place_refusal(*reject, market, &order));
            }
            Some(Event::Repeated(repeated)) => return again(access, id, market, &order, repeated).await,
            Some(Event::Placed(placed)) => break placed,
            Some(_) => {}
            None => return Err(Failure::unexpected("an order or a refusal")),
        }
    };
    let filled = Filled::of(&reply, placed.order, fee_asset(order.side, market));
    if order.kind == OrderKind::Market && filled.qty.is_zero() {
        return Err(nothing_traded(access, market, &order).await);
    }
    let state = State {
        order: placed.order,
        new: &placed.new,
        rates: placed.rates,
        created_at: reply.at,
        updated_at: reply.at,
        left: filled.left(placed),
        filled: filled.qty,
        filled_quote: filled.quote,
        fee: Some(Decimal::new(filled.fee, fee_scale(order.side, market))),
    };
    Ok(result_body(id, &state.print(market)))
}

/// What of an order was filled by the command that placed it.
struct Filled {
    qty: QtyLots,
    quote: Amount,
    /// In the asset that the order receives.
    fee: Amount,
    /// Quantity without what self-trade prevention took off.
    total: Option<QtyLots>,
    closed: Option<Closed>,
}

impl Filled {
    fn of(reply: &Reply, order: OrderId, fee_asset: allin_core::ids::AssetId) -> Filled {
        let mut filled = Filled { qty: QtyLots::ZERO, quote: 0, fee: 0, total: None, closed: None };
        for event in &reply.events {
            match event {
                Event::Trade(trade) if trade.taker_order == order => {
                    filled.qty = filled.qty + trade.qty;
                    filled.quote += trade.quote;
                    if trade.taker_fee_asset == fee_asset {
                        filled.fee += trade.taker_fee;
                    }
                }
                Event::Changed(changed) if changed.order == order => filled.total = Some(changed.qty),
                Event::Closed(closed) if closed.order == order => filled.closed = Some(*closed),
                _ => {}
            }
        }
        filled
    }

    fn left(&self, placed: &Placed) -> QtyLots {
        match self.closed {
            Some(closed) => closed.left,
            None => QtyLots(self.total.unwrap_or(placed.new.qty).0.saturating_sub(self.qty.0)),
        }
    }
}

/// The same client id and body were sent before: the answer is the first one again.
async fn again(
    access: &Access,
    id: i64,
    market: &MarketInfo,
    order: &NewOrder,
    repeated: &Repeated,
) -> Result<Vec<u8>, Failure> {
    if order.kind == OrderKind::Market && repeated.filled.is_zero() {
        return Err(nothing_traded(access, market, order).await);
    }
    let fee = match repeated.filled.is_zero() {
        true => Some(Decimal::ZERO),
        // History may know of later fills than the first answer did; the fee then is of them, too.
        false => fees::past(access, market, order.side, repeated.order, repeated.filled).await,
    };
    let state = State {
        order: repeated.order,
        new: order,
        rates: order.fees.unwrap_or_default(),
        created_at: repeated.at,
        updated_at: repeated.at,
        left: QtyLots(order.qty.0.saturating_sub(repeated.filled.0)),
        filled: repeated.filled,
        filled_quote: repeated.filled_quote,
        fee,
    };
    Ok(result_body(id, &state.print(market)))
}

fn place_refusal(reject: Reject, market: &MarketInfo, order: &NewOrder) -> Failure {
    match reject {
        // Who never had anything has not enough.
        Reject::InsufficientBalance | Reject::UnknownUser => Code::BalanceNotEnough.into(),
        Reject::LotSize | Reject::MarketLotSize | Reject::Notional if is_too_small(market, order) => {
            Code::AmountTooSmall.into()
        }
        reject => refusal(reject),
    }
}

/// Below the minimum, as opposed to above the maximum.
fn is_too_small(market: &MarketInfo, order: &NewOrder) -> bool {
    let filters = &market.spec.filters;
    let lots_min = match order.kind {
        OrderKind::Market => filters.qty_min.max(filters.market_qty_min),
        _ => filters.qty_min,
    };
    let small_lots = !order.qty.is_zero() && order.qty < lots_min;
    small_lots || worth(market, order).is_some_and(|worth| worth < filters.notional_min)
}

/// In quote, when the order itself tells.
fn worth(market: &MarketInfo, order: &NewOrder) -> Option<Amount> {
    if order.quote_amount > 0 {
        return Some(order.quote_amount);
    }
    if order.price == PriceTicks::NONE {
        // A market order is valued at the average price, which is nowhere near the maximum when the minimum is broken.
        return (market.spec.filters.notional_max == 0).then_some(0);
    }
    let (_, quote_unit) = market.spec.units(&market.base, &market.quote).ok()?;
    notional(order.price, order.qty, quote_unit)
}

/// A market order met nobody, or had too little money for one lot. The engine took it and closed it unfilled; the
/// protocol calls it refused.
async fn nothing_traded(access: &Access, market: &MarketInfo, order: &NewOrder) -> Failure {
    let depth = access.handles.engine.query(Query::Depth { market: market.spec.id, limit: 1 }).await;
    let met_somebody = match depth.map(|answer| answer.body) {
        Ok(AnswerBody::Depth { bids, asks, .. }) => match order.side {
            Side::Sell => !bids.is_empty(),
            Side::Buy => !asks.is_empty(),
        },
        _ => false,
    };
    if met_somebody { Code::AmountTooSmall.into() } else { Code::NoEnoughTrader.into() }
}
