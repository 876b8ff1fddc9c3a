//! The error object of a reply.

use serde::{Serialize, Serializer};

/// What a code means (ViaBTC HTTP protocol). Codes from 10 on belong to a method; from 20 on they are additions of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    InvalidArgument,
    InternalError,
    ServiceUnavailable,
    MethodNotFound,
    ServiceTimeout,
    RequireAuthentication,
    /// balance.update
    RepeatUpdate,
    /// balance.update
    UpdateBalanceNotEnough,
    /// order.put_limit, order.put_market
    BalanceNotEnough,
    /// order.put_limit, order.put_market
    AmountTooSmall,
    /// order.put_market
    NoEnoughTrader,
    /// order.cancel
    OrderNotFound,
    /// order.cancel
    UserNotMatch,
    /// Ours: the market is halted, takes cancels only, or gathers orders for an auction.
    MarketNotTrading,
    /// Ours: the user may not trade or move funds.
    AccountFrozen,
    /// Ours: the client id was used for another order.
    ClientIdConflict,
}

impl Code {
    pub fn number(self) -> u16 {
        match self {
            Code::InvalidArgument => 1,
            Code::InternalError => 2,
            Code::ServiceUnavailable => 3,
            Code::MethodNotFound => 4,
            Code::ServiceTimeout => 5,
            Code::RequireAuthentication => 6,
            Code::RepeatUpdate | Code::BalanceNotEnough | Code::OrderNotFound => 10,
            Code::UpdateBalanceNotEnough | Code::AmountTooSmall | Code::UserNotMatch => 11,
            Code::NoEnoughTrader => 12,
            Code::MarketNotTrading => 20,
            Code::AccountFrozen => 21,
            Code::ClientIdConflict => 22,
        }
    }

    pub fn message(self) -> &'static str {
        match self {
            Code::InvalidArgument => "invalid argument",
            Code::InternalError => "internal error",
            Code::ServiceUnavailable => "service unavailable",
            Code::MethodNotFound => "method not found",
            Code::ServiceTimeout => "service timeout",
            Code::RequireAuthentication => "require authentication",
            Code::RepeatUpdate => "repeat update",
            Code::UpdateBalanceNotEnough | Code::BalanceNotEnough => "balance not enough",
            Code::AmountTooSmall => "amount too small",
            Code::NoEnoughTrader => "no enough trader",
            Code::OrderNotFound => "order not found",
            Code::UserNotMatch => "user not match",
            Code::MarketNotTrading => "market not trading",
            Code::AccountFrozen => "account frozen",
            Code::ClientIdConflict => "client id conflict",
        }
    }
}

/// The object itself. `reason` is ours: the engine's name for a refusal that the code alone does not tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Error {
    #[serde(flatten)]
    pub code: Code,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut error = serializer.serialize_struct("Code", 2)?;
        error.serialize_field("code", &self.number())?;
        error.serialize_field("message", self.message())?;
        error.end()
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Error {
        Error { code, reason: None }
    }
}
