//! Bars and trades as a fold hands them on (`marketprice.proto`, `Standing`).

use allin_core::candles::{Bar, Fill};
use allin_core::ids::{Timestamp, TradeId};
use allin_core::num::{PriceTicks, QtyLots};

use super::basics::{amount, int128, uint128, unsigned};
use super::pb;

impl From<&Bar> for pb::StandingBar {
    fn from(bar: &Bar) -> pb::StandingBar {
        pb::StandingBar {
            start_us: bar.start.0,
            open: bar.open.0,
            high: bar.high.0,
            low: bar.low.0,
            close: bar.close.0,
            volume: uint128(bar.volume),
            quote: int128(bar.quote),
            trades: bar.trades,
            taker_buy_volume: uint128(bar.taker_buy_volume),
            taker_buy_quote: int128(bar.taker_buy_quote),
            first_trade: bar.first_trade.0,
            last_trade: bar.last_trade.0,
        }
    }
}

impl From<pb::StandingBar> for Bar {
    fn from(bar: pb::StandingBar) -> Bar {
        Bar {
            start: Timestamp(bar.start_us),
            open: PriceTicks(bar.open),
            high: PriceTicks(bar.high),
            low: PriceTicks(bar.low),
            close: PriceTicks(bar.close),
            volume: unsigned(bar.volume),
            quote: amount(bar.quote),
            trades: bar.trades,
            taker_buy_volume: unsigned(bar.taker_buy_volume),
            taker_buy_quote: amount(bar.taker_buy_quote),
            first_trade: TradeId(bar.first_trade),
            last_trade: TradeId(bar.last_trade),
        }
    }
}

impl From<&Fill> for pb::StandingDeal {
    fn from(fill: &Fill) -> pb::StandingDeal {
        pb::StandingDeal {
            trade: fill.trade.0,
            at_us: fill.at.0,
            price: fill.price.0,
            qty: fill.qty.0,
            quote: int128(fill.quote),
            taker_is_buyer: fill.taker_is_buyer,
        }
    }
}

impl From<pb::StandingDeal> for Fill {
    fn from(deal: pb::StandingDeal) -> Fill {
        Fill {
            trade: TradeId(deal.trade),
            at: Timestamp(deal.at_us),
            price: PriceTicks(deal.price),
            qty: QtyLots(deal.qty),
            quote: amount(deal.quote),
            taker_is_buyer: deal.taker_is_buyer,
        }
    }
}
