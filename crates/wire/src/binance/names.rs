//! Enumerations and their names.

use allin_core::spot::command::{OrderKind, Side, StpMode, TimeInForce};
use allin_core::spot::event::{Contingency, OrderStatus};

/// `parse` and `name` over one table.
macro_rules! names {
    ($type:ty, $parse:ident, $name:ident, $($variant:ident $text:literal),* $(,)?) => {
        pub fn $name(value: $type) -> &'static str {
            match value { $(<$type>::$variant => $text),* }
        }

        pub fn $parse(text: &str) -> Option<$type> {
            match text { $($text => Some(<$type>::$variant),)* _ => None }
        }
    };
}

names!(Side, parse_side, side_name, Sell "SELL", Buy "BUY");
names!(
    OrderKind, parse_kind, kind_name, Limit "LIMIT", Market "MARKET", LimitMaker "LIMIT_MAKER", StopLoss "STOP_LOSS",
    StopLossLimit "STOP_LOSS_LIMIT", TakeProfit "TAKE_PROFIT", TakeProfitLimit "TAKE_PROFIT_LIMIT"
);
names!(TimeInForce, parse_tif, tif_name, Gtc "GTC", Ioc "IOC", Fok "FOK", Gtd "GTD");
names!(
    StpMode, parse_stp, stp_name, None "NONE", ExpireTaker "EXPIRE_TAKER", ExpireMaker "EXPIRE_MAKER",
    ExpireBoth "EXPIRE_BOTH", Decrement "DECREMENT"
);

pub fn status_name(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::New => "NEW",
        OrderStatus::PartiallyFilled => "PARTIALLY_FILLED",
        OrderStatus::Filled => "FILLED",
        OrderStatus::Canceled => "CANCELED",
        OrderStatus::Expired => "EXPIRED",
        OrderStatus::ExpiredInMatch => "EXPIRED_IN_MATCH",
        OrderStatus::PendingNew => "PENDING_NEW",
    }
}

/// `contingencyType` of an order list: OTOCO is an OTO whose pending part is an OCO.
pub fn contingency_name(contingency: Contingency) -> &'static str {
    match contingency {
        Contingency::Oco => "OCO",
        Contingency::Oto | Contingency::Otoco => "OTO",
    }
}
