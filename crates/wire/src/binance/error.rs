//! Errors as `{"code": -1121, "msg": "Invalid symbol."}`.

use std::borrow::Cow;

/// Binance's error codes that this exchange uses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(i32)]
pub enum Code {
    Unknown = -1000,
    Disconnected = -1001,
    Unauthorized = -1002,
    TooManyRequests = -1003,
    UnexpectedResponse = -1006,
    Timeout = -1007,
    ServerBusy = -1008,
    InvalidMessage = -1013,
    UnknownOrderComposition = -1014,
    TooManyOrders = -1015,
    ServiceShuttingDown = -1016,
    UnsupportedOperation = -1020,
    InvalidTimestamp = -1021,
    InvalidSignature = -1022,
    CompIdInUse = -1033,
    TooManyConnections = -1034,
    IllegalChars = -1100,
    TooManyParameters = -1101,
    MandatoryParamEmptyOrMalformed = -1102,
    UnknownParam = -1103,
    UnreadParameters = -1104,
    ParamEmpty = -1105,
    ParamNotRequired = -1106,
    ParamOverflow = -1108,
    BadPrecision = -1111,
    NoDepth = -1112,
    TifNotRequired = -1114,
    InvalidTif = -1115,
    InvalidOrderType = -1116,
    InvalidSide = -1117,
    EmptyNewClientOrderId = -1118,
    EmptyOrigClientOrderId = -1119,
    BadInterval = -1120,
    BadSymbol = -1121,
    InvalidSymbolStatus = -1122,
    InvalidListenKey = -1125,
    MoreThanXxHours = -1127,
    OptionalParamsBadCombo = -1128,
    InvalidParameter = -1130,
    BadRecvWindow = -1131,
    BadStrategyType = -1134,
    InvalidJson = -1135,
    InvalidTickerType = -1139,
    InvalidCancelRestrictions = -1145,
    DuplicateSymbols = -1151,
    InvalidSbeHeader = -1152,
    OcoTypeRejected = -1158,
    OcoIcebergTimeInForce = -1160,
    BuyOcoLimitMustBeBelow = -1165,
    SellOcoLimitMustBeAbove = -1166,
    BothOcoOrdersCannotBeLimit = -1168,
    InvalidTimeUnit = -1194,
    BuyOcoStopLossMustBeAbove = -1196,
    SellOcoStopLossMustBeBelow = -1197,
    BuyOcoTakeProfitMustBeBelow = -1198,
    SellOcoTakeProfitMustBeAbove = -1199,
    InvalidPegPriceType = -1210,
    InvalidPegOffsetType = -1211,
    SymbolDoesNotMatchStatus = -1220,
    OpoWorkingMustBeBuy = -1222,
    OpoPendingMustBeSell = -1223,
    PendingParamNotRequired = -1225,
    NewOrderRejected = -2010,
    CancelRejected = -2011,
    NoSuchOrder = -2013,
    BadApiKeyFormat = -2014,
    RejectedMbxKey = -2015,
    NoTradingWindow = -2016,
    OrderCancelReplacePartiallyFailed = -2021,
    OrderCancelReplaceFailed = -2022,
    OrderArchived = -2026,
    SubscriptionActive = -2035,
    SubscriptionInactive = -2036,
    OrderAmendRejected = -2038,
    ClientOrderIdInvalid = -2039,
    NoReferencePrice = -2043,
    AssetUnknown = -4018,
    WithdrawalClosed = -4019,
    IntervalTooLong = -4047,
}

/// What a client is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiError {
    pub code: Code,
    pub msg: Cow<'static, str>,
}

impl ApiError {
    pub const fn new(code: Code, msg: &'static str) -> ApiError {
        ApiError { code, msg: Cow::Borrowed(msg) }
    }

    pub fn with(code: Code, msg: String) -> ApiError {
        ApiError { code, msg: Cow::Owned(msg) }
    }

    /// -1102 for a parameter that is missing, empty or malformed.
    pub fn malformed(name: &str) -> ApiError {
        let msg = format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.");
        ApiError::with(Code::MandatoryParamEmptyOrMalformed, msg)
    }

    pub const BAD_SYMBOL: ApiError = ApiError::new(Code::BadSymbol, "Invalid symbol.");
}
