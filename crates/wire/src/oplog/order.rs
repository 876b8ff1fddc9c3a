//! An order inside a command: 24 bits that say what it is and which fields follow, then those fields.
//!
//! ```text
//! bit 0      side            bit 9   quote_amount     bit 14  client_id
//! bit 1..4   kind            bit 10  stop_price       bit 15  fees
//! bit 4..6   tif             bit 11  trailing_delta   bit 16  source
//! bit 6..9   stp             bit 12  display_qty      bit 17  strategy_id
//!                            bit 13  expire_at        bit 18  strategy_type
//! ```

use allin_core::ids::{MarketId, Timestamp, UserId};
use allin_core::num::{FeeRate, FeeRates, PriceTicks, QtyLots};
use allin_core::spot::command::{NewOrder, OrderKind, Side, StpMode, TimeInForce};
use allin_core::text::{ClientId, Label};

use super::DecodeError;
use super::number::{Bytes, put_amount, put_i32, put_text, put_u32, put_u64};

const QUOTE_AMOUNT: u32 = 1 << 9;
const STOP_PRICE: u32 = 1 << 10;
const TRAILING_DELTA: u32 = 1 << 11;
const DISPLAY_QTY: u32 = 1 << 12;
const EXPIRE_AT: u32 = 1 << 13;
const CLIENT_ID: u32 = 1 << 14;
const FEES: u32 = 1 << 15;
const SOURCE: u32 = 1 << 16;
const STRATEGY_ID: u32 = 1 << 17;
const STRATEGY_TYPE: u32 = 1 << 18;
const EXTRAS: u32 = (1 << 19) - QUOTE_AMOUNT;

/// The order's bits, beside a tag that goes in front.
#[inline]
fn bits(order: &NewOrder) -> u32 {
    let flag = |present: bool, bit: u32| if present { bit } else { 0 };
    order.side as u32
        | (order.kind as u32) << 1
        | (order.tif as u32) << 4
        | (order.stp as u32) << 6
        | flag(order.quote_amount != 0, QUOTE_AMOUNT)
        | flag(!order.stop_price.is_none(), STOP_PRICE)
        | flag(order.trailing_delta != 0, TRAILING_DELTA)
        | flag(!order.display_qty.is_zero(), DISPLAY_QTY)
        | flag(order.expire_at.0 != 0, EXPIRE_AT)
        | flag(!order.client_id.is_empty(), CLIENT_ID)
        | flag(order.fees.is_some(), FEES)
        | flag(!order.source.is_empty(), SOURCE)
        | flag(order.strategy_id != 0, STRATEGY_ID)
        | flag(order.strategy_type != 0, STRATEGY_TYPE)
}

/// `tag` and the order.
#[inline]
pub fn put_tagged(out: &mut Vec<u8>, tag: u8, order: &NewOrder) {
    let bits = bits(order);
    out.extend_from_slice(&(tag as u32 | bits << 8).to_le_bytes());
    put_fields(out, bits, order);
}

pub fn put(out: &mut Vec<u8>, order: &NewOrder) {
    let bits = bits(order);
    out.extend_from_slice(&bits.to_le_bytes()[..3]);
    put_fields(out, bits, order);
}

#[inline]
fn put_fields(out: &mut Vec<u8>, bits: u32, order: &NewOrder) {
    put_u64(out, order.user.0);
    put_u32(out, order.market.0);
    put_u64(out, order.price.0);
    put_u64(out, order.qty.0);
    if bits & EXTRAS != 0 {
        put_extras(out, bits, order);
    }
}

fn put_extras(out: &mut Vec<u8>, bits: u32, order: &NewOrder) {
    if bits & QUOTE_AMOUNT != 0 {
        put_amount(out, order.quote_amount);
    }
    if bits & STOP_PRICE != 0 {
        put_u64(out, order.stop_price.0);
    }
    if bits & TRAILING_DELTA != 0 {
        put_u32(out, order.trailing_delta);
    }
    if bits & DISPLAY_QTY != 0 {
        put_u64(out, order.display_qty.0);
    }
    if bits & EXPIRE_AT != 0 {
        put_u64(out, order.expire_at.0);
    }
    if bits & CLIENT_ID != 0 {
        put_text(out, &order.client_id);
    }
    if let Some(fees) = order.fees {
        put_i32(out, fees.maker.0);
        put_i32(out, fees.taker.0);
    }
    if bits & SOURCE != 0 {
        put_text(out, &order.source);
    }
    if bits & STRATEGY_ID != 0 {
        put_u64(out, order.strategy_id);
    }
    if bits & STRATEGY_TYPE != 0 {
        put_u32(out, order.strategy_type);
    }
}

#[inline]
pub fn take(bytes: &mut Bytes<'_>) -> Result<NewOrder, DecodeError> {
    let [a, b, c, ..] = *bytes.rest else {
        return Err(DecodeError::Short);
    };
    bytes.rest = &bytes.rest[3..];
    let bits = u32::from_le_bytes([a, b, c, 0]);
    if bits >= 1 << 19 {
        return Err(DecodeError::Flags);
    }
    let mut order = NewOrder {
        user: UserId(bytes.u64()?),
        market: MarketId(bytes.u32()?),
        side: if bits & 1 == 0 { Side::Sell } else { Side::Buy },
        kind: kind(bits >> 1 & 7)?,
        tif: tif(bits >> 4 & 3),
        stp: stp(bits >> 6 & 7)?,
        price: PriceTicks(bytes.u64()?),
        qty: QtyLots(bytes.u64()?),
        quote_amount: 0,
        stop_price: PriceTicks::NONE,
        trailing_delta: 0,
        display_qty: QtyLots::ZERO,
        expire_at: Timestamp(0),
        client_id: ClientId::EMPTY,
        fees: None,
        source: Label::EMPTY,
        strategy_id: 0,
        strategy_type: 0,
    };
    if bits & EXTRAS != 0 {
        take_extras(bytes, bits, &mut order)?;
    }
    Ok(order)
}

fn take_extras(bytes: &mut Bytes<'_>, present: u32, order: &mut NewOrder) -> Result<(), DecodeError> {
    if present & QUOTE_AMOUNT != 0 {
        order.quote_amount = bytes.amount()?;
    }
    if present & STOP_PRICE != 0 {
        order.stop_price = PriceTicks(bytes.u64()?);
    }
    if present & TRAILING_DELTA != 0 {
        order.trailing_delta = bytes.u32()?;
    }
    if present & DISPLAY_QTY != 0 {
        order.display_qty = QtyLots(bytes.u64()?);
    }
    if present & EXPIRE_AT != 0 {
        order.expire_at = Timestamp(bytes.u64()?);
    }
    if present & CLIENT_ID != 0 {
        order.client_id = bytes.text()?;
    }
    if present & FEES != 0 {
        order.fees = Some(FeeRates { maker: FeeRate(bytes.i32()?), taker: FeeRate(bytes.i32()?) });
    }
    if present & SOURCE != 0 {
        order.source = bytes.text()?;
    }
    if present & STRATEGY_ID != 0 {
        order.strategy_id = bytes.u64()?;
    }
    if present & STRATEGY_TYPE != 0 {
        order.strategy_type = bytes.u32()?;
    }
    // A field that is said to follow and is empty would be a second spelling.
    if bits(order) == present { Ok(()) } else { Err(DecodeError::Flags) }
}

fn kind(value: u32) -> Result<OrderKind, DecodeError> {
    Ok(match value {
        0 => OrderKind::Limit,
        1 => OrderKind::Market,
        2 => OrderKind::LimitMaker,
        3 => OrderKind::StopLoss,
        4 => OrderKind::StopLossLimit,
        5 => OrderKind::TakeProfit,
        6 => OrderKind::TakeProfitLimit,
        _ => return Err(DecodeError::Choice),
    })
}

fn tif(value: u32) -> TimeInForce {
    match value {
        0 => TimeInForce::Gtc,
        1 => TimeInForce::Ioc,
        2 => TimeInForce::Fok,
        _ => TimeInForce::Gtd,
    }
}

fn stp(value: u32) -> Result<StpMode, DecodeError> {
    Ok(match value {
        0 => StpMode::None,
        1 => StpMode::ExpireTaker,
        2 => StpMode::ExpireMaker,
        3 => StpMode::ExpireBoth,
        4 => StpMode::Decrement,
        _ => return Err(DecodeError::Choice),
    })
}
