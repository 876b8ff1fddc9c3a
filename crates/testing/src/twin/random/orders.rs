//! Orders and order lists, mostly well formed, and now and then spoilt.

use allin_core::ids::{MarketId, Timestamp, UserId};
use allin_core::num::{AMOUNT_MAX, PRICE_MAX, PriceTicks, QTY_MAX, QtyLots};
use allin_core::spot::command::{Command, ListOrders, NewList, NewOrder, OrderKind, Side, StpMode, TimeInForce};

use super::operate::quote_unit;
use super::{Commands, MARKETS, MIDDLE, USERS};

impl Commands {
    pub(super) fn order(&mut self, user: UserId, market: MarketId) -> NewOrder {
        let side = self.side();
        let (price, qty) = (self.price(), self.qty());
        let behind = self.random.range(0, 6);
        let price = match side {
            _ if self.random.one_in(2) => price,
            Side::Buy => PriceTicks(MIDDLE - behind),
            Side::Sell => PriceTicks(MIDDLE + behind),
        };
        let plain = NewOrder::limit(user, market, side, price, qty);
        let mut new = match self.random.range(0, 99) {
            0..=49 => plain,
            50..=59 => NewOrder { kind: OrderKind::LimitMaker, ..plain },
            60..=79 => self.market_order(plain),
            _ => self.stop_order(plain),
        };
        new.tif = match self.random.range(0, 19) {
            0..=1 => TimeInForce::Ioc,
            2..=3 => TimeInForce::Fok,
            4..=5 if new.kind.has_price() => TimeInForce::Gtd,
            _ => new.tif,
        };
        if new.tif == TimeInForce::Gtd {
            new.expire_at = self.now.plus(self.random.range(0, 5_000));
        }
        if new.kind.has_price() && self.random.one_in(6) {
            new.display_qty = QtyLots(self.random.range(1, 4));
        }
        new.stp = self.stp();
        new.client_id = self.client_id();
        if self.random.one_in(20) {
            new.fees = Some(self.rates());
        }
        if self.random.one_in(50) {
            new = self.spoil(new);
        }
        new
    }

    fn stp(&mut self) -> StpMode {
        self.random.pick(&[
            StpMode::None,
            StpMode::ExpireTaker,
            StpMode::ExpireMaker,
            StpMode::ExpireMaker,
            StpMode::ExpireBoth,
            StpMode::Decrement,
            StpMode::Decrement,
        ])
    }

    fn market_order(&mut self, plain: NewOrder) -> NewOrder {
        let mut new = NewOrder { kind: OrderKind::Market, price: PriceTicks::NONE, ..plain };
        let unit = self.specs.get(plain.market.0 as usize).map_or(1, quote_unit);
        match self.random.range(0, 9) {
            0..=5 => (),
            6..=8 => {
                new.quote_amount = (self.random.range(1, 15 * MIDDLE) as i128) * unit + self.random.range(0, 1) as i128;
                new.qty = QtyLots::ZERO;
            }
            _ => {
                let each = self.random.range(MIDDLE - 3, MIDDLE + 3);
                new.quote_amount = each as i128 * new.qty.0 as i128 % AMOUNT_MAX * unit % AMOUNT_MAX;
                new.tif = TimeInForce::Fok;
            }
        }
        new
    }

    fn stop_order(&mut self, plain: NewOrder) -> NewOrder {
        let mut new = plain;
        new.kind = self.random.pick(&[
            OrderKind::StopLoss,
            OrderKind::StopLossLimit,
            OrderKind::TakeProfit,
            OrderKind::TakeProfitLimit,
        ]);
        new.stop_price = self.price();
        if !new.kind.has_price() {
            new.price = PriceTicks::NONE;
        }
        if self.random.one_in(3) {
            new.trailing_delta = self.random.range(50, 400) as u32;
            if self.random.one_in(2) {
                new.stop_price = PriceTicks::NONE;
            }
        }
        new
    }

    /// Makes one field of an order wrong, or at least odd.
    fn spoil(&mut self, new: NewOrder) -> NewOrder {
        match self.random.range(0, 11) {
            0 => NewOrder { price: self.price(), ..new },
            1 => NewOrder { qty: QtyLots::ZERO, ..new },
            2 => NewOrder {
                quote_amount: self.random.pick(&[-1, 1, 5_000, AMOUNT_MAX, AMOUNT_MAX + 1, i128::MAX]),
                ..new
            },
            3 => NewOrder { stop_price: self.price(), ..new },
            4 => NewOrder { trailing_delta: self.random.pick(&[1, 9_999, 10_000, u32::MAX]), ..new },
            5 => NewOrder { display_qty: self.qty(), ..new },
            6 => NewOrder { expire_at: self.now, ..new },
            7 => NewOrder { tif: TimeInForce::Gtd, expire_at: Timestamp(u64::MAX), ..new },
            8 => NewOrder { price: PRICE_MAX, qty: QTY_MAX, ..new },
            9 => NewOrder { user: UserId(self.random.range(1, USERS)), ..new },
            10 => NewOrder { market: MarketId(self.random.range(0, MARKETS as u64) as u32), ..new },
            _ => NewOrder { strategy_id: 7, ..new },
        }
    }

    pub(super) fn list(&mut self, user: UserId, market: MarketId) -> Command {
        let side = self.side();
        let (above, below) = self.pair(user, market, side);
        let working = NewOrder {
            kind: self.random.pick(&[OrderKind::Limit, OrderKind::Limit, OrderKind::LimitMaker]),
            qty: above.qty,
            side: side.opposite(),
            stp: self.stp(),
            client_id: self.client_id(),
            ..NewOrder::limit(user, market, side, self.price(), above.qty)
        };
        let orders = match self.random.range(0, 4) {
            0..=1 => ListOrders::Oco { above, below },
            2 => ListOrders::Otoco { working, above, below },
            _ => ListOrders::Oto { working, pending: self.order(user, market) },
        };
        Command::PlaceList(Box::new(NewList { client_id: self.client_id(), orders }))
    }

    /// Two legs that mostly make an OCO pair.
    fn pair(&mut self, user: UserId, market: MarketId, side: Side) -> (NewOrder, NewOrder) {
        let qty = self.qty();
        let far = self.random.range(1, 8);
        let (high, low) = (PriceTicks(MIDDLE + far), PriceTicks(MIDDLE.saturating_sub(self.random.range(0, 8))));
        let (profit_at, loss_at) = if side == Side::Sell { (high, low) } else { (low, high) };
        let base = NewOrder::limit(user, market, side, profit_at, qty);
        let profit = match self.random.range(0, 4) {
            0..=2 => NewOrder { kind: OrderKind::LimitMaker, ..base },
            3 => NewOrder { kind: OrderKind::TakeProfit, price: PriceTicks::NONE, stop_price: profit_at, ..base },
            _ => NewOrder { kind: OrderKind::TakeProfitLimit, stop_price: profit_at, ..base },
        };
        let loss = match self.random.range(0, 2) {
            0 => NewOrder { kind: OrderKind::StopLoss, price: PriceTicks::NONE, stop_price: loss_at, ..base },
            _ => NewOrder { kind: OrderKind::StopLossLimit, price: self.price(), stop_price: loss_at, ..base },
        };
        let (mut above, mut below) = if side == Side::Sell { (profit, loss) } else { (loss, profit) };
        for leg in [&mut above, &mut below] {
            leg.client_id = self.client_id();
            leg.stp = self.stp();
            if leg.kind.has_price() && self.random.one_in(6) {
                (leg.tif, leg.expire_at) = (TimeInForce::Gtd, self.now.plus(self.random.range(1, 5_000)));
            }
            if leg.kind.has_price() && self.random.one_in(8) {
                leg.display_qty = QtyLots(2);
            }
            if leg.kind.is_stop() && self.random.one_in(5) {
                leg.trailing_delta = self.random.range(50, 400) as u32;
            }
        }
        if self.random.one_in(30) {
            below = self.spoil(below);
        }
        (above, below)
    }
}
