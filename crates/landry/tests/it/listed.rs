//! One market with round numbers, and commands in short.

use std::sync::Arc;

use allin_core::ids::{AssetId, MarketId, OrderId, Timestamp, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::command::{Command, Counter, Funding, MarketState, NewOrder, OrderRef, Side};
use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};
use allin_core::text::{ClientId, Label, Symbol};

use crate::log::Log;

/// 2026-01-02 03:04:05 UTC.
pub const T0: Timestamp = Timestamp(1_767_323_045_000_000);
pub const MARKET: MarketId = MarketId(0);
pub const ALICE: UserId = UserId(1);
pub const BOB: UserId = UserId(2);

/// BTCUSDT, trading: prices of 2 decimals, quantities of 5; Alice and Bob have 10 BTC and 1,000,000 USDT. Time passes by a
/// millisecond with each command.
pub fn listed() -> Arc<Log> {
    let log = Log::new(T0);
    for (id, symbol) in [(0, "BTC"), (1, "USDT")] {
        let symbol = Symbol::new(symbol).expect("short");
        log.apply(Command::SetAsset(AssetSpec { id: AssetId(id), symbol, scale: 8, display_scale: 8 }));
    }
    log.apply(Command::SetMarket(market(0, "BTCUSDT")));
    log.apply(Command::SetMarketState { market: MARKET, state: MarketState::Trading });
    for user in [ALICE, BOB] {
        fund(&log, user, 0, 10, "start");
        fund(&log, user, 1, 1_000_000, "start");
    }
    log
}

pub fn market(id: u32, symbol: &str) -> MarketSpec {
    MarketSpec {
        id: MarketId(id),
        symbol: Symbol::new(symbol).expect("short"),
        base: AssetId(0),
        quote: AssetId(1),
        price_scale: 2,
        tick_units: 1,
        qty_scale: 5,
        lot_units: 1,
        filters: Filters { average_minutes: 5, ..Filters::OPEN },
    }
}

/// Whole units.
pub fn fund(log: &Log, user: UserId, asset: u32, amount: i128, business: &str) {
    let funding = Funding {
        user,
        asset: AssetId(asset),
        amount: amount * 100_000_000,
        business: Label::new(business).expect("short"),
        business_id: 1,
        counter: Counter::External,
        detail: "".into(),
    };
    done(log, Command::Credit(funding));
}

/// A limit order; the price in cents, the quantity in lots of 0.00001.
pub fn limit(user: UserId, side: Side, price: u64, qty: u64, client_id: &str) -> NewOrder {
    let order = NewOrder::limit(user, MARKET, side, PriceTicks(price), QtyLots(qty));
    NewOrder { client_id: ClientId::new(client_id).expect("short"), ..order }
}

pub fn cancel(user: UserId, order: u64) -> Command {
    Command::cancel(user, MARKET, OrderRef::Id(OrderId(order)))
}

/// Applies what is not to be refused.
pub fn done(log: &Log, command: Command) {
    log.pass(1000);
    let reply = log.apply(command);
    assert!(!format!("{:?}", reply.events).contains("Refused"), "{reply:?}");
}
