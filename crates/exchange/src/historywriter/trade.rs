//! One trade, taken apart: a row for the market, a row and ledger entries for each side.

use allin_core::ids::{AssetId, OrderId, Timestamp, TradeId, UserId};
use allin_core::num::decimal;
use allin_core::num::{Amount, FeeRate};
use allin_core::spot::command::Side;
use allin_core::spot::event::Trade;
use allin_runtime::store::Value;

use crate::history_schema::catalog::{Asset, Market};
use crate::history_schema::codes;

/// One party of a trade.
pub(super) struct Party {
    pub(super) user: UserId,
    pub(super) order: OrderId,
    pub(super) side: Side,
    pub(super) maker: bool,
    pub(super) fee: Amount,
    pub(super) fee_asset: AssetId,
    counter_order: OrderId,
    counter_user: UserId,
}

/// The numbers of a trade as text, made once for its rows.
pub(super) struct Texts {
    price: Value,
    qty: Value,
    quote: Value,
    price_text: String,
    qty_text: String,
}

/// Taker, then maker. In an uncrossing there is no maker; the earlier order stands in its place.
pub(super) fn sides(trade: &Trade) -> [Party; 2] {
    let taker = Party {
        user: trade.taker_user,
        order: trade.taker_order,
        side: trade.taker_side,
        maker: false,
        fee: trade.taker_fee,
        fee_asset: trade.taker_fee_asset,
        counter_order: trade.maker_order,
        counter_user: trade.maker_user,
    };
    let maker = Party {
        user: trade.maker_user,
        order: trade.maker_order,
        side: trade.taker_side.opposite(),
        maker: true,
        fee: trade.maker_fee,
        fee_asset: trade.maker_fee_asset,
        counter_order: trade.taker_order,
        counter_user: trade.taker_user,
    };
    [taker, maker]
}

/// Every total that a trade may change.
pub(super) fn touched(trade: &Trade, market: Option<&Market>) -> impl Iterator<Item = (UserId, AssetId)> + use<> {
    let market = market.copied();
    sides(trade).into_iter().flat_map(move |party| {
        let base = market.map(|market| (party.user, market.base));
        let quote = market.map(|market| (party.user, market.quote));
        [base, quote, Some((party.user, party.fee_asset))].into_iter().flatten()
    })
}

impl Texts {
    pub(super) fn new(trade: &Trade, market: &Market, quote: &Asset) -> Texts {
        let (price_text, qty_text) = (market.price(trade.price), market.qty(trade.qty));
        Texts {
            price: price_text.as_str().into(),
            qty: qty_text.as_str().into(),
            quote: quote.amount(trade.quote).into(),
            price_text,
            qty_text,
        }
    }

    /// Detail of a ledger entry, in the terms of ViaBTC Exchange Server: amount, fee rate, order, market, price; and `t`,
    /// the trade, which that has not.
    pub(super) fn detail(&self, market: &Market, party: &Party, trade: TradeId, rate: Option<FeeRate>) -> Value {
        let (amount, price, order) = (&self.qty_text, &self.price_text, party.order.0);
        let (symbol, trade) = (market.symbol.as_str(), trade.0);
        let fee = match rate {
            None => String::new(),
            Some(rate) => format!("\"f\":\"{}\",", rate_text(rate)),
        };
        // Symbols are capital letters, digits, `_` and `-`: nothing to escape.
        let text =
            format!("{{\"a\":\"{amount}\",{fee}\"i\":{order},\"m\":\"{symbol}\",\"p\":\"{price}\",\"t\":{trade}}}");
        text.into()
    }
}

/// Without trailing zeros: `0.001`.
fn rate_text(rate: FeeRate) -> String {
    let text = decimal::format(Amount::from(rate.0), 8);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Party {
    /// What changes for the party: gives, gets, pays; with the rate where it is a fee.
    pub(super) fn legs(
        &self,
        trade: &Trade,
        market: &Market,
        base: &Asset,
        quote: &Asset,
        fee_asset: &Asset,
        rate: FeeRate,
    ) -> impl Iterator<Item = (Asset, Amount, Option<FeeRate>)> + use<> {
        let amount = market.base_amount(base, trade.qty);
        let (gives, gets) = match self.side {
            Side::Sell => ((*base, -amount), (*quote, trade.quote)),
            Side::Buy => ((*quote, -trade.quote), (*base, amount)),
        };
        let fee = (self.fee != 0).then_some((*fee_asset, -self.fee, Some(rate)));
        [Some((gives.0, gives.1, None)), Some((gets.0, gets.1, None)), fee].into_iter().flatten()
    }
}

pub(super) fn market_row(trade: &Trade, at: Timestamp, texts: &Texts) -> [Value; 9] {
    [
        trade.market.into(),
        trade.trade.into(),
        at.into(),
        texts.price.clone(),
        texts.qty.clone(),
        texts.quote.clone(),
        codes::side(trade.taker_side).into(),
        trade.auction.into(),
        trade.taker_order.into(),
    ]
}

pub(super) fn user_row(trade: &Trade, party: &Party, at: Timestamp, texts: &Texts, fee_asset: &Asset) -> [Value; 14] {
    [
        party.user.into(),
        trade.market.into(),
        trade.trade.into(),
        party.maker.into(),
        at.into(),
        party.order.into(),
        codes::side(party.side).into(),
        party.counter_order.into(),
        party.counter_user.into(),
        texts.price.clone(),
        texts.qty.clone(),
        texts.quote.clone(),
        fee_asset.amount(party.fee).into(),
        party.fee_asset.into(),
    ]
}
