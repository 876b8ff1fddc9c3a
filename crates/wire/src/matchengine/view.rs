//! What queries answer.

use allin_core::ids::{AssetId, ListId, MarketId, OrderId, Timestamp, TradeId, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::view::{
    AccountBalance, Balance, Conservation, FeesView, LevelView, ListView, MarketView, OrderView, StandingOrder,
    UserView,
};

use super::basics::{Coded, Invalid, account, amount, int128, narrow, present, text, uint128, unsigned};
use super::event::list_orders;
use super::pb;

impl From<&AccountBalance> for pb::AccountBalance {
    fn from(view: &AccountBalance) -> pb::AccountBalance {
        pb::AccountBalance {
            account: Some(view.account.into()),
            asset: view.asset.0,
            available: int128(view.balance.available),
            held: int128(view.balance.held),
        }
    }
}

impl TryFrom<pb::AccountBalance> for AccountBalance {
    type Error = Invalid;

    fn try_from(view: pb::AccountBalance) -> Result<AccountBalance, Invalid> {
        Ok(AccountBalance {
            account: account(view.account, "balance.account")?,
            asset: AssetId(view.asset),
            balance: Balance { available: amount(view.available), held: amount(view.held) },
        })
    }
}

impl From<&ListView> for pb::ListPlaced {
    fn from(view: &ListView) -> pb::ListPlaced {
        pb::ListPlaced {
            list: view.list.0,
            user: view.user.0,
            market: view.market.0,
            client_id: view.client_id.to_string(),
            contingency: view.contingency.code(),
            orders: view.orders.iter().map(|order| order.0).filter(|order| *order != 0).collect(),
        }
    }
}

impl TryFrom<pb::ListPlaced> for ListView {
    type Error = Invalid;

    fn try_from(view: pb::ListPlaced) -> Result<ListView, Invalid> {
        Ok(ListView {
            list: ListId(view.list),
            user: UserId(view.user),
            market: MarketId(view.market),
            client_id: text(&view.client_id, "list.client_id")?,
            contingency: Coded::decode(view.contingency, "list.contingency")?,
            orders: list_orders(&view.orders)?,
        })
    }
}

impl From<&UserView> for pb::UserSettings {
    fn from(view: &UserView) -> pb::UserSettings {
        pb::UserSettings {
            user: view.user.0,
            group: view.group.0,
            tier: view.tier.into(),
            pay_discount: view.pay_discount,
            frozen: view.frozen,
        }
    }
}

impl TryFrom<pb::UserSettings> for UserView {
    type Error = Invalid;

    fn try_from(view: pb::UserSettings) -> Result<UserView, Invalid> {
        Ok(UserView {
            user: UserId(view.user),
            group: UserId(view.group),
            tier: narrow(view.tier, "user.tier")?,
            pay_discount: view.pay_discount,
            frozen: view.frozen,
        })
    }
}

impl From<&FeesView> for pb::FeesAnswer {
    fn from(view: &FeesView) -> pb::FeesAnswer {
        pb::FeesAnswer {
            rates: Some(view.rates.into()),
            pay_discount: view.pay_discount,
            discount: view.discount.map(|(asset, bips)| pb::Discount { asset: asset.0, bips }),
        }
    }
}

impl TryFrom<pb::FeesAnswer> for FeesView {
    type Error = Invalid;

    fn try_from(view: pb::FeesAnswer) -> Result<FeesView, Invalid> {
        Ok(FeesView {
            rates: view.rates.ok_or(Invalid("fees.rates"))?.into(),
            pay_discount: view.pay_discount,
            discount: view.discount.map(|discount| (AssetId(discount.asset), discount.bips)),
        })
    }
}

impl From<&OrderView> for pb::OrderView {
    fn from(view: &OrderView) -> pb::OrderView {
        pb::OrderView {
            order: view.order.0,
            new: Some((&view.new).into()),
            list: view.list.0,
            status: view.status.code(),
            left: view.left.0,
            filled: view.filled.0,
            filled_quote: int128(view.filled_quote),
            prevented: view.prevented.0,
            rates: Some(view.rates.into()),
            created_at_us: view.created_at.0,
            updated_at_us: view.updated_at.0,
            working: view.working,
        }
    }
}

impl TryFrom<pb::OrderView> for OrderView {
    type Error = Invalid;

    fn try_from(view: pb::OrderView) -> Result<OrderView, Invalid> {
        Ok(OrderView {
            order: OrderId(view.order),
            new: present(view.new, "order.new")?.try_into()?,
            list: ListId(view.list),
            status: Coded::decode(view.status, "order.status")?,
            left: QtyLots(view.left),
            filled: QtyLots(view.filled),
            filled_quote: amount(view.filled_quote),
            prevented: QtyLots(view.prevented),
            rates: present(view.rates, "order.rates")?.into(),
            created_at: Timestamp(view.created_at_us),
            updated_at: Timestamp(view.updated_at_us),
            working: view.working,
        })
    }
}

impl From<&StandingOrder> for pb::StandingOrder {
    fn from(order: &StandingOrder) -> pb::StandingOrder {
        pb::StandingOrder {
            order: order.order.0,
            market: order.market.0,
            side: order.side.code(),
            price: order.price.0,
            left: order.left.0,
            shown: order.shown.0,
            display: order.display.0,
            is_stop: order.is_stop,
            stage: order.stage.code(),
        }
    }
}

impl TryFrom<pb::StandingOrder> for StandingOrder {
    type Error = Invalid;

    fn try_from(order: pb::StandingOrder) -> Result<StandingOrder, Invalid> {
        Ok(StandingOrder {
            order: OrderId(order.order),
            market: MarketId(order.market),
            side: Coded::decode(order.side, "standing.side")?,
            price: PriceTicks(order.price),
            left: QtyLots(order.left),
            shown: QtyLots(order.shown),
            display: QtyLots(order.display),
            is_stop: order.is_stop,
            stage: Coded::decode(order.stage, "standing.stage")?,
        })
    }
}

impl From<&MarketView> for pb::MarketView {
    fn from(view: &MarketView) -> pb::MarketView {
        pb::MarketView {
            spec: Some((&view.spec).into()),
            state: view.state.code(),
            last_price: view.last_price.0,
            best_bid: view.best_bid.0,
            best_ask: view.best_ask.0,
            next_trade: view.next_trade.0,
            open_orders: view.open_orders,
            base_unit: view.base_unit,
            quote_unit: view.quote_unit,
            bid_lots: uint128(view.bid_lots),
            ask_lots: uint128(view.ask_lots),
        }
    }
}

impl TryFrom<pb::MarketView> for MarketView {
    type Error = Invalid;

    fn try_from(view: pb::MarketView) -> Result<MarketView, Invalid> {
        Ok(MarketView {
            spec: present(view.spec, "market.spec")?.try_into()?,
            state: Coded::decode(view.state, "market.state")?,
            last_price: PriceTicks(view.last_price),
            best_bid: PriceTicks(view.best_bid),
            best_ask: PriceTicks(view.best_ask),
            next_trade: TradeId(view.next_trade),
            open_orders: view.open_orders,
            base_unit: view.base_unit,
            quote_unit: view.quote_unit,
            bid_lots: unsigned(view.bid_lots),
            ask_lots: unsigned(view.ask_lots),
        })
    }
}

impl From<&LevelView> for pb::BookLevel {
    fn from(level: &LevelView) -> pb::BookLevel {
        pb::BookLevel { price: level.price.0, qty: level.qty.0, orders: level.orders }
    }
}

impl From<pb::BookLevel> for LevelView {
    fn from(level: pb::BookLevel) -> LevelView {
        LevelView { price: PriceTicks(level.price), qty: QtyLots(level.qty), orders: level.orders }
    }
}

impl From<&Conservation> for pb::Conservation {
    fn from(sums: &Conservation) -> pb::Conservation {
        pb::Conservation {
            asset: sums.asset.0,
            users_available: int128(sums.users_available),
            users_held: int128(sums.users_held),
            fees: int128(sums.fees),
            rounding: int128(sums.rounding),
            house: int128(sums.house),
            insurance: int128(sums.insurance),
            deposits: int128(sums.deposits),
            withdrawals: int128(sums.withdrawals),
            reserved: sums.reserved.map(Into::into),
        }
    }
}

impl From<pb::Conservation> for Conservation {
    fn from(sums: pb::Conservation) -> Conservation {
        Conservation {
            asset: AssetId(sums.asset),
            users_available: amount(sums.users_available),
            users_held: amount(sums.users_held),
            fees: amount(sums.fees),
            rounding: amount(sums.rounding),
            house: amount(sums.house),
            insurance: amount(sums.insurance),
            deposits: amount(sums.deposits),
            withdrawals: amount(sums.withdrawals),
            reserved: sums.reserved.map(Into::into),
        }
    }
}
