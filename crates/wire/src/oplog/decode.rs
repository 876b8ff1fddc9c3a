//! Bytes to commands. Any bytes get an answer: a command, or why not.

use allin_core::ids::{AssetId, Epoch, ListId, MarketId, OrderId, UserId};
use allin_core::num::{FeeRate, FeeRates, PriceTicks, QtyLots};
use allin_core::spot::Limits;
use allin_core::spot::command::{
    Account, BATCH_MAX, CancelOnly, Command, Counter, DETAIL_MAX, Funding, ListOrders, MarketState, NewList, OrderRef,
    ReplaceMode, Side,
};
use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};
use allin_core::text::ClientId;

use super::number::Bytes;
use super::{VERSION, order, tag};

/// Why bytes are no command.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("version {0} of the commands is unknown; a newer program wrote this")]
    Version(u16),
    #[error("command number {0} is unknown")]
    Tag(u8),
    #[error("the bytes end inside the command")]
    Short,
    #[error("{0} bytes follow the command")]
    Trailing(usize),
    #[error("a number is out of range or not in its shortest form")]
    Number,
    #[error("flags that have no meaning")]
    Flags,
    #[error("a choice that does not exist")]
    Choice,
    #[error("a text that is too long or not UTF-8")]
    Text,
    #[error("a batch of more than {BATCH_MAX} orders")]
    Batch,
    #[error("a detail of more than {DETAIL_MAX} bytes")]
    Detail,
}

type Result<T> = std::result::Result<T, DecodeError>;

/// Reads one command that fills `bytes` exactly. Allocates only for the commands that own memory, and never more than the
/// bounds of their form allow.
#[inline]
pub fn decode(version: u16, bytes: &[u8]) -> Result<Command> {
    if version != VERSION {
        return Err(DecodeError::Version(version));
    }
    let mut bytes = Bytes { rest: bytes };
    let command = match bytes.u8()? {
        tag::PLACE => Command::Place(order::take(&mut bytes)?),
        tag::CANCEL => {
            let flags = bytes.u8()?;
            Command::Cancel {
                user: UserId(bytes.u64()?),
                market: MarketId(bytes.u32()?),
                only: cancel_only(flags & 0x7B)?,
                order: order_ref(&mut bytes, flags)?,
                cancel_id: if flags & 4 == 0 { ClientId::EMPTY } else { present_id(&mut bytes)? },
            }
        }
        tag::AMEND => amend(&mut bytes)?,
        tag @ (tag::MOVE | tag::REDUCE) => change(&mut bytes, tag)?,
        tag => rare(&mut bytes, tag)?,
    };
    if bytes.rest.is_empty() { Ok(command) } else { Err(DecodeError::Trailing(bytes.rest.len())) }
}

#[inline]
fn change(bytes: &mut Bytes<'_>, tag: u8) -> Result<Command> {
    let flags = bytes.u8()?;
    if flags & 0x7F != 0 {
        return Err(DecodeError::Flags);
    }
    let (user, market) = (UserId(bytes.u64()?), MarketId(bytes.u32()?));
    let order = order_ref(bytes, flags)?;
    let value = bytes.u64()?;
    Ok(match tag {
        tag::MOVE => Command::Move { user, market, order, price: PriceTicks(value) },
        _ => Command::Reduce { user, market, order, by: QtyLots(value) },
    })
}

/// The lowest flag says that a client id follows.
fn amend(bytes: &mut Bytes<'_>) -> Result<Command> {
    let flags = bytes.u8()?;
    if flags & 0x7E != 0 {
        return Err(DecodeError::Flags);
    }
    let (user, market) = (UserId(bytes.u64()?), MarketId(bytes.u32()?));
    let (order, qty) = (order_ref(bytes, flags)?, QtyLots(bytes.u64()?));
    let client_id = if flags & 1 == 0 { ClientId::EMPTY } else { present_id(bytes)? };
    Ok(Command::Amend { user, market, order, qty, client_id })
}

/// A client id that is said to follow. An empty one would be a second form of the same command.
fn present_id(bytes: &mut Bytes<'_>) -> Result<ClientId> {
    let client_id: ClientId = bytes.text()?;
    if client_id.is_empty() { Err(DecodeError::Flags) } else { Ok(client_id) }
}

fn rare(bytes: &mut Bytes<'_>, tag: u8) -> Result<Command> {
    Ok(match tag {
        tag::TICK => Command::Tick,
        tag::PLACE_BATCH => {
            let count = bytes.u8()? as usize;
            if count > BATCH_MAX {
                return Err(DecodeError::Batch);
            }
            Command::PlaceBatch((0..count).map(|_| order::take(bytes)).collect::<Result<_>>()?)
        }
        tag::PLACE_LIST => Command::PlaceList(Box::new(list(bytes)?)),
        tag::CANCEL_REPLACE => {
            let flags = bytes.u8()?;
            Command::CancelReplace {
                only: cancel_only(flags & 3)?,
                mode: replace_mode(flags >> 2 & 0x1D)?,
                cancel: order_ref(bytes, flags)?,
                cancel_id: if flags & 8 == 0 { ClientId::EMPTY } else { present_id(bytes)? },
                order: Box::new(order::take(bytes)?),
            }
        }
        tag @ (tag::CANCEL_LIST | tag::CANCEL_LIST_NAMED) => Command::CancelList {
            user: UserId(bytes.u64()?),
            market: MarketId(bytes.u32()?),
            list: ListId(bytes.u64()?),
            cancel_id: if tag == tag::CANCEL_LIST { ClientId::EMPTY } else { present_id(bytes)? },
        },
        tag::CANCEL_ALL => {
            let side = match bytes.u8()? {
                0 => None,
                1 => Some(Side::Sell),
                2 => Some(Side::Buy),
                _ => return Err(DecodeError::Choice),
            };
            Command::CancelAll { user: UserId(bytes.u64()?), market: MarketId(bytes.u32()?), side }
        }
        tag::COUNTDOWN => {
            Command::Countdown { user: UserId(bytes.u64()?), market: MarketId(bytes.u32()?), timeout_us: bytes.u64()? }
        }
        tag::CREDIT => Command::Credit(funding(bytes)?),
        tag::DEBIT => Command::Debit(funding(bytes)?),
        tag::TRANSFER => Command::Transfer { funding: funding(bytes)?, from: UserId(bytes.u64()?) },
        tag::SWEEP => Command::Sweep {
            from: account(bytes)?,
            to: account(bytes)?,
            asset: AssetId(bytes.u32()?),
            amount: bytes.amount()?,
        },
        tag => operator(bytes, tag)?,
    })
}

fn operator(bytes: &mut Bytes<'_>, tag: u8) -> Result<Command> {
    Ok(match tag {
        tag::START_EPOCH => Command::StartEpoch(Epoch(bytes.u32()?)),
        tag::SET_ASSET => {
            let (scale, display_scale) = (bytes.u8()?, bytes.u8()?);
            Command::SetAsset(AssetSpec { id: AssetId(bytes.u32()?), symbol: bytes.text()?, scale, display_scale })
        }
        tag::SET_MARKET => Command::SetMarket(market(bytes)?),
        tag::SET_MARKET_STATE => {
            let state = market_state(bytes.u8()?)?;
            Command::SetMarketState { market: MarketId(bytes.u32()?), state }
        }
        tag::UNCROSS => Command::Uncross { market: MarketId(bytes.u32()?) },
        tag::SET_FEE_TIER => Command::SetFeeTier { tier: bytes.u16()?, rates: rates(bytes)? },
        tag::SET_USER => {
            let [pay_discount, frozen] = two_flags(bytes)?;
            Command::SetUser {
                user: UserId(bytes.u64()?),
                group: UserId(bytes.u64()?),
                tier: bytes.u16()?,
                pay_discount,
                frozen,
            }
        }
        tag::SET_USER_TIER => Command::SetUserTier { user: UserId(bytes.u64()?), tier: bytes.u16()? },
        tag::SET_USER_ACCESS => {
            let frozen = match bytes.u8()? {
                0 => false,
                1 => true,
                _ => return Err(DecodeError::Flags),
            };
            Command::SetUserAccess { user: UserId(bytes.u64()?), group: UserId(bytes.u64()?), frozen }
        }
        tag::SET_LIMITS => Command::SetLimits(Limits { client_ids_max: bytes.u32()? }),
        tag::SET_DISCOUNT => Command::SetDiscount { asset: AssetId(bytes.u32()?), bips: bytes.u32()? },
        tag::SET_DISCOUNT_RATE => Command::SetDiscountRate {
            asset: AssetId(bytes.u32()?),
            numerator: bytes.u64()?,
            denominator: bytes.u64()?,
        },
        unknown => return Err(DecodeError::Tag(unknown)),
    })
}

#[inline]
fn order_ref(bytes: &mut Bytes<'_>, flags: u8) -> Result<OrderRef> {
    Ok(if flags & 0x80 == 0 { OrderRef::Id(OrderId(bytes.u64()?)) } else { OrderRef::Client(bytes.text()?) })
}

fn list(bytes: &mut Bytes<'_>) -> Result<NewList> {
    let kind = bytes.u8()?;
    let client_id = bytes.text()?;
    let mut next = || order::take(bytes);
    let orders = match kind {
        0 => ListOrders::Oco { above: next()?, below: next()? },
        1 => ListOrders::Oto { working: next()?, pending: next()? },
        2 => ListOrders::Otoco { working: next()?, above: next()?, below: next()? },
        _ => return Err(DecodeError::Choice),
    };
    Ok(NewList { client_id, orders })
}

fn funding(bytes: &mut Bytes<'_>) -> Result<Funding> {
    let counter = match bytes.u8()? {
        0 => Counter::External,
        1 => Counter::House,
        _ => return Err(DecodeError::Choice),
    };
    Ok(Funding {
        counter,
        user: UserId(bytes.u64()?),
        asset: AssetId(bytes.u32()?),
        amount: bytes.amount()?,
        business: bytes.text()?,
        business_id: bytes.i64()?,
        detail: {
            let len = bytes.u32()? as usize;
            if len > DETAIL_MAX {
                return Err(DecodeError::Detail);
            }
            bytes.str(len)?.into()
        },
    })
}

fn account(bytes: &mut Bytes<'_>) -> Result<Account> {
    Ok(match bytes.u8()? {
        0 => Account::User(UserId(bytes.u64()?)),
        1 => Account::Fees,
        2 => Account::Rounding,
        3 => Account::House,
        4 => Account::Insurance,
        5 => Account::Deposits,
        6 => Account::Withdrawals,
        _ => return Err(DecodeError::Choice),
    })
}

fn rates(bytes: &mut Bytes<'_>) -> Result<FeeRates> {
    Ok(FeeRates { maker: FeeRate(bytes.i32()?), taker: FeeRate(bytes.i32()?) })
}

fn two_flags(bytes: &mut Bytes<'_>) -> Result<[bool; 2]> {
    let flags = bytes.u8()?;
    if flags > 3 { Err(DecodeError::Flags) } else { Ok([flags & 1 != 0, flags & 2 != 0]) }
}

fn cancel_only(value: u8) -> Result<CancelOnly> {
    Ok(match value {
        0 => CancelOnly::Any,
        1 => CancelOnly::New,
        2 => CancelOnly::PartiallyFilled,
        _ => return Err(DecodeError::Choice),
    })
}

fn replace_mode(value: u8) -> Result<ReplaceMode> {
    Ok(match value {
        0 => ReplaceMode::StopOnFailure,
        1 => ReplaceMode::AllowFailure,
        _ => return Err(DecodeError::Choice),
    })
}

fn market_state(value: u8) -> Result<MarketState> {
    Ok(match value {
        0 => MarketState::PreOpen,
        1 => MarketState::Trading,
        2 => MarketState::CancelOnly,
        3 => MarketState::Halt,
        _ => return Err(DecodeError::Choice),
    })
}

fn market(bytes: &mut Bytes<'_>) -> Result<MarketSpec> {
    let (price_scale, qty_scale) = (bytes.u8()?, bytes.u8()?);
    Ok(MarketSpec {
        price_scale,
        qty_scale,
        id: MarketId(bytes.u32()?),
        symbol: bytes.text()?,
        base: AssetId(bytes.u32()?),
        quote: AssetId(bytes.u32()?),
        tick_units: bytes.u64()?,
        lot_units: bytes.u64()?,
        filters: filters(bytes)?,
    })
}

/// Fields are evaluated as written here, which is the order of the bytes.
fn filters(bytes: &mut Bytes<'_>) -> Result<Filters> {
    let [notional_min_market, notional_max_market] = two_flags(bytes)?;
    Ok(Filters {
        notional_min_market,
        notional_max_market,
        average_minutes: bytes.u8()?,
        price_min: PriceTicks(bytes.u64()?),
        price_max: PriceTicks(bytes.u64()?),
        qty_min: QtyLots(bytes.u64()?),
        qty_max: QtyLots(bytes.u64()?),
        market_qty_min: QtyLots(bytes.u64()?),
        market_qty_max: QtyLots(bytes.u64()?),
        notional_min: bytes.amount()?,
        notional_max: bytes.amount()?,
        bid_multiplier_up: bytes.u32()?,
        bid_multiplier_down: bytes.u32()?,
        ask_multiplier_up: bytes.u32()?,
        ask_multiplier_down: bytes.u32()?,
        orders_max: bytes.u32()?,
        stop_orders_max: bytes.u32()?,
        iceberg_orders_max: bytes.u32()?,
        order_lists_max: bytes.u32()?,
        iceberg_parts_max: bytes.u32()?,
        amends_max: bytes.u32()?,
        trailing_delta_min: bytes.u32()?,
        trailing_delta_max: bytes.u32()?,
        band_bips: bytes.u32()?,
        position_max: QtyLots(bytes.u64()?),
        band_window_us: bytes.u64()?,
    })
}
