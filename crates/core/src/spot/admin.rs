//! Operators' commands: assets, markets, fees, users. They take effect with the next command; nothing restarts.

use super::command::{Command, MarketState};
use super::event::{Event, Events};
use super::filters::check_rates;
use super::reject::Reject;
use super::spec::{AssetSpec, MarketSpec};
use super::state::{Discount, Limits, Market, Spot};
use crate::book::ladder::Ladder;
use crate::ids::{AssetId, MarketId, UserId};
use crate::num::FeeRates;

impl Spot {
    pub(super) fn administer(&mut self, command: &Command, out: &mut Events) -> Result<(), Reject> {
        match command {
            Command::StartEpoch(epoch) => {
                if *epoch <= self.epoch {
                    return Err(Reject::IdNotNext);
                }
                self.epoch = *epoch;
                out.push(Event::EpochStarted(*epoch));
                Ok(())
            }
            Command::SetLimits(limits) => self.set_limits(*limits, out),
            Command::SetAsset(spec) => self.set_asset(spec, out),
            Command::SetMarket(spec) => self.set_market(spec, out),
            Command::SetMarketState { market, state } => self.set_market_state(*market, *state, out),
            Command::Uncross { market } => self.uncross(*market, out),
            Command::SetFeeTier { tier, rates } => self.set_fee_tier(*tier, *rates, out),
            Command::SetUser { user, group, tier, pay_discount, frozen } => {
                self.set_user(*user, *group, *tier, (*pay_discount, *frozen), out)
            }
            Command::SetUserTier { user, tier } => self.set_user_tier(*user, *tier, out),
            Command::SetUserAccess { user, group, frozen } => {
                let known = self.find_user(user.0).map(|at| &self.users[at as usize]);
                let (tier, pay_discount) = known.map_or((0, false), |known| (known.tier, known.pay_discount));
                self.set_user(*user, *group, tier, (pay_discount, *frozen), out)
            }
            Command::SetDiscount { asset, bips } => self.set_discount(*asset, *bips, out),
            Command::SetDiscountRate { asset, numerator, denominator } => {
                self.set_discount_rate(*asset, *numerator, *denominator, out)
            }
            _ => unreachable!("users' commands are dispatched before"),
        }
    }

    fn set_limits(&mut self, limits: Limits, out: &mut Events) -> Result<(), Reject> {
        if !limits.is_valid() {
            return Err(Reject::InvalidSpec);
        }
        self.limits = limits;
        out.push(Event::LimitsSet(limits));
        Ok(())
    }

    fn set_asset(&mut self, spec: &AssetSpec, out: &mut Events) -> Result<(), Reject> {
        spec.check().map_err(|_| Reject::InvalidSpec)?;
        let named = self.asset_names.get(&spec.symbol).copied();
        let at = spec.id.0 as usize;
        if let Some(listed) = self.assets.get_mut(at) {
            if listed.symbol != spec.symbol || listed.scale != spec.scale {
                return Err(Reject::SpecFixed);
            }
            listed.display_scale = spec.display_scale;
        } else {
            if at != self.assets.len() {
                return Err(Reject::IdNotNext);
            }
            if named.is_some() {
                return Err(Reject::InvalidSpec);
            }
            self.assets.push(*spec);
            self.asset_names.insert(spec.symbol, spec.id.0);
            self.discount_rates.push((0, 0));
            self.ledger.open_asset(spec.id);
        }
        out.push(Event::AssetSet(*spec));
        Ok(())
    }

    fn set_market(&mut self, spec: &MarketSpec, out: &mut Events) -> Result<(), Reject> {
        let asset = |id: AssetId| self.assets.get(id.0 as usize).ok_or(Reject::UnknownAsset);
        let (base_unit, quote_unit) =
            spec.units(asset(spec.base)?, asset(spec.quote)?).map_err(|_| Reject::InvalidSpec)?;
        let at = spec.id.0 as usize;
        if let Some(listed) = self.markets.get_mut(at) {
            let same = MarketSpec { filters: listed.spec.filters, ..*spec } == listed.spec;
            if !same {
                return Err(Reject::SpecFixed);
            }
            listed.spec.filters = spec.filters;
            out.push(Event::MarketSet(*spec));
            return Ok(());
        }
        if at != self.markets.len() {
            return Err(Reject::IdNotNext);
        }
        if self.market_names.contains_key(&spec.symbol) {
            return Err(Reject::InvalidSpec);
        }
        self.market_names.insert(spec.symbol, spec.id.0);
        self.markets.push(Market::new(*spec, base_unit, quote_unit));
        out.push(Event::MarketSet(*spec));
        out.push(Event::MarketStateSet { market: spec.id, state: MarketState::PreOpen, banded: false });
        Ok(())
    }

    fn set_market_state(&mut self, market: MarketId, state: MarketState, out: &mut Events) -> Result<(), Reject> {
        self.check_market(market)?;
        let at = &mut self.markets[market.0 as usize];
        if at.state == state || (state == MarketState::Trading && at.is_crossed()) {
            return Err(Reject::MarketStateConflict);
        }
        at.state = state;
        // The band starts anew from the first trade after a halt.
        if state == MarketState::Trading {
            at.reference = 0;
            at.look_at_stops = true;
        }
        out.push(Event::MarketStateSet { market, state, banded: false });
        self.after_trading(market.0 as usize, out);
        Ok(())
    }

    fn set_fee_tier(&mut self, tier: u16, rates: FeeRates, out: &mut Events) -> Result<(), Reject> {
        check_rates(rates)?;
        self.tiers.insert(tier, rates);
        for at in 0..self.users.len() {
            self.users[at].rates = self.tier_rates(self.users[at].tier);
        }
        for seat in &mut self.seats {
            seat.rates = self.users[seat.user_at as usize].rates;
        }
        out.push(Event::FeeTierSet { tier, rates });
        Ok(())
    }

    fn set_user(
        &mut self,
        user: UserId,
        group: UserId,
        tier: u16,
        (pay_discount, frozen): (bool, bool),
        out: &mut Events,
    ) -> Result<(), Reject> {
        if user.is_reserved() || group.is_reserved() {
            return Err(Reject::ReservedUser);
        }
        let rates = self.tier_rates(tier);
        let at = self.open_user(user.0) as usize;
        let record = &mut self.users[at];
        (record.group, record.tier, record.rates) = (group.0, tier, rates);
        (record.pay_discount, record.frozen) = (pay_discount, frozen);
        self.refresh_seats(at as u32);
        out.push(Event::UserSet { user, group, tier, pay_discount, frozen });
        Ok(())
    }

    fn set_user_tier(&mut self, user: UserId, tier: u16, out: &mut Events) -> Result<(), Reject> {
        let at = self.find_user(user.0).ok_or(Reject::UnknownUser)? as usize;
        let rates = self.tier_rates(tier);
        let record = &mut self.users[at];
        (record.tier, record.rates) = (tier, rates);
        let (group, pay_discount, frozen) = (UserId(record.group), record.pay_discount, record.frozen);
        self.refresh_seats(at as u32);
        out.push(Event::UserSet { user, group, tier, pay_discount, frozen });
        Ok(())
    }

    fn set_discount(&mut self, asset: AssetId, bips: u32, out: &mut Events) -> Result<(), Reject> {
        if asset.0 == u32::MAX {
            self.discount = None;
        } else {
            if asset.0 as usize >= self.assets.len() {
                return Err(Reject::UnknownAsset);
            }
            if bips > 10_000 {
                return Err(Reject::InvalidFee);
            }
            // Rates were given in units of the old asset.
            if self.discount.is_none_or(|old| old.asset != asset.0) {
                self.discount_rates.fill((0, 0));
            }
            self.discount = Some(Discount { asset: asset.0, bips });
        }
        out.push(Event::DiscountSet { asset, bips });
        Ok(())
    }

    fn set_discount_rate(
        &mut self,
        asset: AssetId,
        numerator: u64,
        denominator: u64,
        out: &mut Events,
    ) -> Result<(), Reject> {
        let rate = self.discount_rates.get_mut(asset.0 as usize).ok_or(Reject::UnknownAsset)?;
        if denominator == 0 && numerator != 0 {
            return Err(Reject::InvalidAmount);
        }
        // A unit of the discount asset is worth one.
        let is_itself = self.discount.is_some_and(|discount| discount.asset == asset.0);
        if is_itself && numerator != 0 && numerator != denominator {
            return Err(Reject::InvalidSpec);
        }
        *rate = (numerator, denominator);
        out.push(Event::DiscountRateSet { asset, numerator, denominator });
        Ok(())
    }
}

impl Market {
    pub fn new(spec: MarketSpec, base_unit: u64, quote_unit: u64) -> Market {
        Market {
            bids: Ladder::default(),
            asks: Ladder::default(),
            base_unit,
            quote_unit,
            state: MarketState::PreOpen,
            last: 0,
            next_trade: 1,
            open: 0,
            look_at_stops: false,
            spec,
            reference: 0,
            reference_at: 0,
            rising: Default::default(),
            falling: Default::default(),
            trailing: vec![],
            path: vec![],
            minutes: vec![],
        }
    }
}
