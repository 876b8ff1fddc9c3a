//! One trade, taken apart: a row for the market, and one for each side, which tells its ledger entries.

use allin_core::ids::{AssetId, OrderId, Seq, Timestamp, TradeId, UserId};
use allin_core::num::{Amount, FeeRate};
use allin_core::spot::command::Side;
use allin_core::spot::event::Trade;
use allin_runtime::store::Value;

use crate::history_schema::catalog::{Asset, Market};
use crate::history_schema::{codes, trade_detail};

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

    /// Detail of the ledger entry that is the party's fee.
    pub(super) fn fee_detail(&self, market: &Market, party: &Party, trade: TradeId, rate: FeeRate) -> Value {
        let (qty, price, symbol) = (&self.qty_text, &self.price_text, market.symbol.as_str());
        trade_detail(qty, Some(rate), party.order, symbol, price, trade).into()
    }
}

/// What a party's deal says of its ledger entries.
pub(super) struct Told<'a> {
    pub(super) seq: Seq,
    /// The first of them.
    pub(super) nth: u32,
    pub(super) legs: u8,
    pub(super) rate: FeeRate,
    pub(super) base: (&'a Asset, Amount),
    pub(super) quote: (&'a Asset, Amount),
}

impl Party {
    /// What changes for the party: gives, gets, pays.
    pub(super) fn legs(
        &self,
        trade: &Trade,
        market: &Market,
        base: &Asset,
    ) -> impl Iterator<Item = (AssetId, Amount)> + use<> {
        let amount = market.base_amount(base, trade.qty);
        let (gives, gets) = match self.side {
            Side::Sell => ((market.base, -amount), (market.quote, trade.quote)),
            Side::Buy => ((market.quote, -trade.quote), (market.base, amount)),
        };
        let fee = (self.fee != 0).then_some((self.fee_asset, -self.fee));
        [Some(gives), Some(gets), fee].into_iter().flatten()
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

pub(super) fn user_row(
    trade: &Trade,
    party: &Party,
    at: Timestamp,
    texts: &Texts,
    fee_asset: &Asset,
    told: &Told<'_>,
) -> [Value; 22] {
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
        told.seq.into(),
        told.nth.into(),
        told.legs.into(),
        i64::from(told.rate.0).into(),
        told.base.0.id.into(),
        told.quote.0.id.into(),
        told.base.0.amount(told.base.1).into(),
        told.quote.0.amount(told.quote.1).into(),
    ]
}
