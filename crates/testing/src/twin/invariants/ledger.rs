//! Funds: never negative, always in balance, and held for nothing but open orders.

use allin_core::ids::{AssetId, OrderId, UserId};
use allin_core::num::Amount;
use allin_core::spot::command::{Account, Side};
use allin_core::spot::event::{Contingency, Event};
use allin_core::spot::view::Balance;

use super::{Broken, Invariants, Order, Phase, require};
use crate::twin::machine::SpotMachine;

impl Invariants {
    pub(super) fn check_balances(&mut self, events: &[Event], machine: &impl SpotMachine) -> Result<(), Broken> {
        for event in events {
            let Event::Balance { account, asset, available, held } = event else { continue };
            let balance = Balance { available: *available, held: *held };
            require(machine.balance(*account, *asset) == balance, &format!("{event:?} is what a query tells"))?;
            let clearing = matches!(account, Account::Deposits | Account::Withdrawals);
            require(*held >= 0 && (clearing || *available >= 0), &format!("{event:?} is not negative"))?;
            match account {
                Account::User(user) => {
                    let reserved = self.reserved(*user, *asset);
                    require(*held == reserved, &format!("{event:?} holds what orders reserve, {reserved}"))?;
                }
                Account::Deposits => require(*available <= 0, "deposits is minus what came in")?,
                Account::Withdrawals => require(*available >= 0, "withdrawals is what went out")?,
                _ => require(*held == 0, "only users' funds are held")?,
            }
            let before = self.balances.insert((*account, *asset), balance).unwrap_or_default();
            let change = available + held - before.available - before.held;
            *self.sums.entry(*asset).or_insert(0) += change;
        }
        require(self.sums.values().all(|sum| *sum == 0), "postings sum to zero per asset")
    }

    /// What the open orders of a user reserve of an asset; of an OCO pair the larger one.
    fn reserved(&self, user: UserId, asset: AssetId) -> Amount {
        let of_user = self.orders.iter().filter(|(_, order)| order.new.user == user);
        of_user
            .filter(|(_, order)| self.reserve_asset(order) == asset)
            .map(|(id, order)| {
                let partner = self.partners(order).into_iter().find(|partner| self.orders.contains_key(partner));
                match partner.filter(|_| order.phase != Phase::Pending) {
                    Some(partner) if partner < *id => 0,
                    Some(partner) => self.reserve(order).max(self.reserve(&self.orders[&partner])),
                    None => self.reserve(order),
                }
            })
            .sum()
    }

    /// The other leg of an OCO pair.
    pub(super) fn partners(&self, order: &Order) -> Vec<OrderId> {
        let Some(list) = self.lists.get(&order.list) else { return Vec::new() };
        let pair = match list.contingency {
            Contingency::Oco => &list.orders[..],
            Contingency::Oto => &[],
            Contingency::Otoco => &list.orders[1..],
        };
        if pair.contains(&order.id) { pair.iter().filter(|id| **id != order.id).copied().collect() } else { Vec::new() }
    }

    fn reserve_asset(&self, order: &Order) -> AssetId {
        let spec = &self.markets[order.new.market.0 as usize].spec;
        if order.new.side == Side::Buy { spec.quote } else { spec.base }
    }

    fn reserve(&self, order: &Order) -> Amount {
        let market = &self.markets[order.new.market.0 as usize];
        let left = order.left.0 as i128;
        let price = if order.new.kind.has_price() { order.new.price } else { order.hold_price };
        match order.new.side {
            _ if order.phase == Phase::Pending => 0,
            Side::Sell => left * market.base_unit as i128,
            Side::Buy => left * price.0 as i128 * market.quote_unit as i128,
        }
    }
}
