//! What a query sees.

use allin_core::ids::{AssetId, MarketId, OrderId, TradeId, UserId};
use allin_core::num::{Amount, PriceTicks};
use allin_core::spot::command::{Account, Side};
use allin_core::spot::view::{Conservation, LevelView, MarketView, OrderView, UserView};

use super::Twin;
use super::state::{Order, Phase};

impl Twin {
    pub fn order(&self, id: OrderId) -> Option<OrderView> {
        self.orders.get(&id).map(view_of)
    }

    /// All open orders, oldest first.
    pub fn open_orders(&self) -> Vec<OrderView> {
        self.orders.values().map(view_of).collect()
    }

    pub fn book_view(&self, market: MarketId, side: Side) -> Vec<OrderView> {
        self.book(market, side).into_iter().map(view_of).collect()
    }

    pub fn depth(&self, market: MarketId, side: Side) -> Vec<LevelView> {
        let mut levels: Vec<LevelView> = Vec::new();
        for order in self.book(market, side) {
            match levels.last_mut().filter(|level| level.price == order.new.price) {
                Some(level) => {
                    level.qty = level.qty + order.visible;
                    level.orders += 1;
                }
                None => levels.push(LevelView { price: order.new.price, qty: order.visible, orders: 1 }),
            }
        }
        levels
    }

    pub fn market_view(&self, id: MarketId) -> Option<MarketView> {
        let market = self.markets.get(id.0 as usize)?;
        let best = |side| self.book(id, side).first().map_or(PriceTicks::NONE, |o| o.new.price);
        let lots = |side| self.book(id, side).iter().map(|o| o.left.0 as u128).sum();
        Some(MarketView {
            spec: market.spec,
            state: market.state,
            last_price: market.last,
            best_bid: best(Side::Buy),
            best_ask: best(Side::Sell),
            next_trade: TradeId(market.trades_made + 1),
            open_orders: self.orders.values().filter(|o| o.new.market == id).count() as u64,
            base_unit: market.base_unit,
            quote_unit: market.quote_unit,
            bid_lots: lots(Side::Buy),
            ask_lots: lots(Side::Sell),
        })
    }

    pub fn user(&self, user: UserId) -> Option<UserView> {
        let found = self.users.get(&user)?;
        let (group, tier, pay_discount, frozen) = (found.group, found.tier, found.pay_discount, found.frozen);
        Some(UserView { user, group, tier, pay_discount, frozen })
    }

    pub fn conservation(&self) -> Vec<Conservation> {
        self.assets.iter().map(|asset| self.conservation_of(asset.id)).collect()
    }

    fn conservation_of(&self, asset: AssetId) -> Conservation {
        let users = self.totals.keys().filter(|(_, a)| *a == asset).filter_map(|(account, _)| match account {
            Account::User(user) => Some(*user),
            _ => None,
        });
        let balances: Vec<_> = users.map(|user| self.balance(Account::User(user), asset)).collect();
        let held: Amount = balances.iter().map(|b| b.held).sum();
        Conservation {
            asset,
            users_available: balances.iter().map(|b| b.available).sum(),
            users_held: held,
            fees: self.total(Account::Fees, asset),
            rounding: self.total(Account::Rounding, asset),
            house: self.total(Account::House, asset),
            insurance: self.total(Account::Insurance, asset),
            deposits: self.total(Account::Deposits, asset),
            withdrawals: self.total(Account::Withdrawals, asset),
            // Held funds are computed from the reserves: there is nothing to differ.
            reserved: Some(held),
        }
    }
}

fn view_of(order: &Order) -> OrderView {
    OrderView {
        order: order.id,
        new: allin_core::spot::command::NewOrder { qty: order.total() + order.prevented, ..order.new },
        list: order.list,
        status: order.status(),
        left: order.left,
        filled: order.filled,
        filled_quote: order.filled_quote,
        prevented: order.prevented,
        rates: order.rates,
        created_at: order.created_at,
        updated_at: order.updated_at,
        working: order.phase == Phase::Resting,
    }
}
