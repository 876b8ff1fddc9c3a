//! Who owns what: totals are kept, held funds are summed over the open orders.

use allin_core::ids::{AssetId, MarketId, OrderId, UserId};
use allin_core::num::{Amount, FeeRates};
use allin_core::spot::command::{Account, DEFAULT_RATES, Side};
use allin_core::spot::view::Balance;

use super::Twin;
use super::state::{Order, Phase, User};

impl Twin {
    pub fn balance(&self, account: Account, asset: AssetId) -> Balance {
        let held = match account {
            Account::User(user) => self.held(user, asset),
            _ => 0,
        };
        Balance { available: self.total(account, asset) - held, held }
    }

    pub(super) fn total(&self, account: Account, asset: AssetId) -> Amount {
        self.totals.get(&(account, asset)).copied().unwrap_or(0)
    }

    pub(super) fn available(&self, user: UserId, asset: AssetId) -> Amount {
        self.balance(Account::User(user), asset).available
    }

    /// Moves funds; both accounts are told of at the end of the command.
    pub(super) fn pay(&mut self, from: Account, to: Account, asset: AssetId, amount: Amount) {
        assert!(amount >= 0, "a payment has a direction");
        self.change_total(from, asset, -amount);
        self.change_total(to, asset, amount);
    }

    /// One half of a payment; the caller makes the other.
    pub(super) fn change_total(&mut self, account: Account, asset: AssetId, amount: Amount) {
        if amount != 0 {
            *self.totals.entry((account, asset)).or_insert(0) += amount;
            self.touch(account, asset);
        }
    }

    fn touch(&mut self, account: Account, asset: AssetId) {
        if !self.touched.contains(&(account, asset)) {
            self.touched.push((account, asset));
        }
    }

    /// Changes orders of `user` in a way that may change what is held of `asset`.
    pub(super) fn with_held<R>(&mut self, user: UserId, asset: AssetId, change: impl FnOnce(&mut Twin) -> R) -> R {
        let before = self.held(user, asset);
        let result = change(self);
        if self.held(user, asset) != before {
            self.touch(Account::User(user), asset);
        }
        result
    }

    /// Held funds of a user: the reserves of the open orders, of an OCO pair only the larger one.
    pub(super) fn held(&self, user: UserId, asset: AssetId) -> Amount {
        let own =
            self.orders.values().filter(|o| o.new.user == user && self.hold_asset(o.new.market, o.new.side) == asset);
        own.map(|order| match self.partner(order) {
            Some(partner) if partner.id < order.id => 0,
            Some(partner) => self.reserve(order).max(self.reserve(partner)),
            None => self.reserve(order),
        })
        .sum()
    }

    /// The open other half of an order's OCO pair, once the pair is at work.
    pub(super) fn partner(&self, order: &Order) -> Option<&Order> {
        let pair = self.lists.get(&order.list)?.pair();
        if !pair.contains(&order.id) || order.phase == Phase::Pending {
            return None;
        }
        pair.iter().filter(|id| **id != order.id).find_map(|id| self.orders.get(id))
    }

    /// What an order reserves by itself.
    fn reserve(&self, order: &Order) -> Amount {
        let market = &self.markets[order.new.market.0 as usize];
        let (left, base, quote) = (order.left.0 as i128, market.base_unit as i128, market.quote_unit as i128);
        match (order.phase, order.new.side) {
            (Phase::Pending, _) => 0,
            (Phase::Taking, _) => order.hold,
            (_, Side::Sell) => left * base,
            (_, Side::Buy) if order.is_market_like() => order.hold_price.0 as i128 * left * quote,
            (_, Side::Buy) => order.new.price.0 as i128 * left * quote,
        }
    }

    pub(super) fn hold_asset(&self, market: MarketId, side: Side) -> AssetId {
        let spec = &self.markets[market.0 as usize].spec;
        match side {
            Side::Buy => spec.quote,
            Side::Sell => spec.base,
        }
    }

    pub(super) fn order_held_asset(&self, id: OrderId) -> (UserId, AssetId) {
        let new = &self.orders[&id].new;
        (new.user, self.hold_asset(new.market, new.side))
    }

    pub(super) fn user_or_default(&self, user: UserId) -> User {
        self.users.get(&user).copied().unwrap_or(User { group: user, tier: 0, pay_discount: false, frozen: false })
    }

    pub(super) fn create_user(&mut self, user: UserId) {
        let fresh = self.user_or_default(user);
        self.users.entry(user).or_insert(fresh);
    }

    /// Rates of a tier; a tier that was never set has those of tier 0.
    pub(super) fn tier_rates(&self, tier: u16) -> FeeRates {
        let zero = self.tiers.get(&0).copied().unwrap_or(DEFAULT_RATES);
        self.tiers.get(&tier).copied().unwrap_or(zero)
    }
}
