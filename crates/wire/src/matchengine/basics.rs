//! Numbers, texts and enumerations.

use allin_core::ids::UserId;
use allin_core::num::{Amount, FeeRate, FeeRates};
use allin_core::spot::command::{
    Account, CancelOnly, Counter, MarketState, OrderKind, OrderRef, ReplaceMode, Side, StpMode, TimeInForce,
};
use allin_core::spot::event::{ChangeCause, Contingency, OrderStatus};
use allin_core::spot::reject::Reject;
use allin_core::spot::view::Stage;
use allin_core::text::Text;

use super::pb;

/// A message that the core's types cannot hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub &'static str);

/// An enumeration whose codes are those of the protobuf one.
pub(super) trait Coded: Sized {
    fn code(self) -> i32;
    fn decode(code: i32, field: &'static str) -> Result<Self, Invalid>;

    /// 0 is absent.
    fn decode_optional(code: i32, field: &'static str) -> Result<Option<Self>, Invalid> {
        if code == 0 { Ok(None) } else { Self::decode(code, field).map(Some) }
    }
}

macro_rules! coded {
    ($($name:ident from $proto:ident { $($variant:ident),* })*) => {$(
        impl Coded for $name {
            fn code(self) -> i32 {
                match self {
                    $($name::$variant => pb::$proto::$variant as i32,)*
                }
            }

            fn decode(code: i32, field: &'static str) -> Result<Self, Invalid> {
                match pb::$proto::try_from(code) {
                    $(Ok(pb::$proto::$variant) => Ok($name::$variant),)*
                    Ok(pb::$proto::Unspecified) | Err(_) => Err(Invalid(field)),
                }
            }
        }
    )*};
}

coded! {
    Side from Side { Sell, Buy }
    OrderKind from OrderKind { Limit, Market, LimitMaker, StopLoss, StopLossLimit, TakeProfit, TakeProfitLimit }
    TimeInForce from TimeInForce { Gtc, Ioc, Fok, Gtd }
    StpMode from StpMode { None, ExpireTaker, ExpireMaker, ExpireBoth, Decrement }
    ReplaceMode from ReplaceMode { StopOnFailure, AllowFailure }
    CancelOnly from CancelRestriction { Any, New, PartiallyFilled }
    MarketState from MarketState { PreOpen, Trading, CancelOnly, Halt }
    Counter from Counter { External, House }
    OrderStatus from OrderStatus { New, PartiallyFilled, Filled, Canceled, Expired, ExpiredInMatch, PendingNew }
    Contingency from Contingency { Oco, Oto, Otoco }
    Stage from OrderStage { Resting, Waiting, Pending }
    ChangeCause from ChangeCause { Amended, Moved, Reduced, Decremented, Activated }
}

impl Coded for Reject {
    fn code(self) -> i32 {
        i32::from(self as u8)
    }

    fn decode(code: i32, field: &'static str) -> Result<Self, Invalid> {
        u8::try_from(code).ok().and_then(Reject::from_u8).ok_or(Invalid(field))
    }
}

impl From<Side> for pb::Side {
    fn from(side: Side) -> pb::Side {
        match side {
            Side::Sell => pb::Side::Sell,
            Side::Buy => pb::Side::Buy,
        }
    }
}

impl TryFrom<pb::Side> for Side {
    type Error = Invalid;

    fn try_from(side: pb::Side) -> Result<Side, Invalid> {
        Side::decode(side as i32, "side")
    }
}

impl From<Amount> for pb::Int128 {
    fn from(value: Amount) -> pb::Int128 {
        pb::Int128 { low: value as u64, high: (value >> 64) as i64 }
    }
}

impl From<pb::Int128> for Amount {
    fn from(value: pb::Int128) -> Amount {
        (Amount::from(value.high) << 64) | Amount::from(value.low)
    }
}

/// Absent for zero, as protobuf does with native numbers.
pub(super) fn int128(value: Amount) -> Option<pb::Int128> {
    (value != 0).then(|| value.into())
}

pub(super) fn amount(value: Option<pb::Int128>) -> Amount {
    value.map_or(0, Amount::from)
}

/// The same for 128 bits without a sign.
pub(super) fn uint128(value: u128) -> Option<pb::Int128> {
    int128(value as i128)
}

pub(super) fn unsigned(value: Option<pb::Int128>) -> u128 {
    amount(value) as u128
}

pub(super) fn text<const N: usize>(value: &str, field: &'static str) -> Result<Text<N>, Invalid> {
    Text::new(value).ok_or(Invalid(field))
}

pub(super) fn narrow<T: TryFrom<u32>>(value: u32, field: &'static str) -> Result<T, Invalid> {
    T::try_from(value).map_err(|_| Invalid(field))
}

pub(super) fn present<T>(value: Option<T>, field: &'static str) -> Result<T, Invalid> {
    value.ok_or(Invalid(field))
}

impl From<FeeRates> for pb::FeeRates {
    fn from(rates: FeeRates) -> pb::FeeRates {
        pb::FeeRates { maker: rates.maker.0, taker: rates.taker.0 }
    }
}

impl From<pb::FeeRates> for FeeRates {
    fn from(rates: pb::FeeRates) -> FeeRates {
        FeeRates { maker: FeeRate(rates.maker), taker: FeeRate(rates.taker) }
    }
}

impl From<Account> for pb::Account {
    fn from(account: Account) -> pb::Account {
        use pb::AccountKind as Kind;
        let (kind, user) = match account {
            Account::User(user) => (Kind::User, user.0),
            Account::Fees => (Kind::Fees, 0),
            Account::Rounding => (Kind::Rounding, 0),
            Account::House => (Kind::House, 0),
            Account::Insurance => (Kind::Insurance, 0),
            Account::Deposits => (Kind::Deposits, 0),
            Account::Withdrawals => (Kind::Withdrawals, 0),
        };
        pb::Account { kind: kind as i32, user }
    }
}

impl TryFrom<pb::Account> for Account {
    type Error = Invalid;

    fn try_from(account: pb::Account) -> Result<Account, Invalid> {
        use pb::AccountKind as Kind;
        Ok(match account.kind() {
            Kind::Unspecified => return Err(Invalid("account.kind")),
            Kind::User => Account::User(UserId(account.user)),
            Kind::Fees => Account::Fees,
            Kind::Rounding => Account::Rounding,
            Kind::House => Account::House,
            Kind::Insurance => Account::Insurance,
            Kind::Deposits => Account::Deposits,
            Kind::Withdrawals => Account::Withdrawals,
        })
    }
}

pub(super) fn account(value: Option<pb::Account>, field: &'static str) -> Result<Account, Invalid> {
    present(value, field)?.try_into()
}

impl From<&OrderRef> for pb::OrderRef {
    fn from(reference: &OrderRef) -> pb::OrderRef {
        use pb::order_ref::By;
        let by = match reference {
            OrderRef::Id(order) => By::Order(order.0),
            OrderRef::Client(client_id) => By::ClientId(client_id.to_string()),
        };
        pb::OrderRef { by: Some(by) }
    }
}

impl TryFrom<pb::OrderRef> for OrderRef {
    type Error = Invalid;

    fn try_from(reference: pb::OrderRef) -> Result<OrderRef, Invalid> {
        use pb::order_ref::By;
        Ok(match present(reference.by, "order")? {
            By::Order(order) => OrderRef::Id(allin_core::ids::OrderId(order)),
            By::ClientId(client_id) => OrderRef::Client(text(&client_id, "order.client_id")?),
        })
    }
}

pub(super) fn order_ref(value: Option<pb::OrderRef>) -> Result<OrderRef, Invalid> {
    present(value, "order")?.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_every_bit() {
        for value in [0, 1, -1, i128::MAX, i128::MIN, 1 << 64, -(1 << 64), u64::MAX as i128] {
            assert_eq!(Amount::from(pb::Int128::from(value)), value);
            assert_eq!(amount(int128(value)), value);
        }
        assert_eq!(unsigned(uint128(u128::MAX)), u128::MAX);
    }

    #[test]
    fn refusals_have_the_same_names_on_both_sides() {
        for reject in Reject::ALL {
            let proto = pb::Reject::try_from(reject.code()).unwrap();
            assert_eq!(proto.as_str_name(), format!("REJECT_{}", reject.name().to_uppercase()));
            assert_eq!(Reject::decode(proto as i32, ""), Ok(*reject));
        }
        for free in [37, 45] {
            assert!(pb::Reject::try_from(free).is_err());
            assert_eq!(Reject::decode(free, "reason"), Err(Invalid("reason")));
        }
    }

    #[test]
    fn absent_and_unknown_codes_are_refused() {
        for code in [0, 99, -1] {
            assert_eq!(Side::decode(code, "side"), Err(Invalid("side")));
            assert_eq!(Reject::decode(code, "reason"), Err(Invalid("reason")));
        }
    }
}
