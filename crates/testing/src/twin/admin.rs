//! Operators' commands: assets, markets, users, fees.

use allin_core::ids::{AssetId, Epoch, MarketId, Timestamp, UserId};
use allin_core::num::{FeeRate, FeeRates, PriceTicks};
use allin_core::spot::Limits;
use allin_core::spot::command::{MarketState, Side};
use allin_core::spot::event::Event;
use allin_core::spot::reject::Reject;
use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};

use super::state::{Market, User};
use super::{Outcome, Twin};

impl Twin {
    pub(super) fn start_epoch(&mut self, epoch: Epoch) -> Outcome {
        if epoch <= self.epoch {
            return Err(Reject::IdNotNext);
        }
        self.epoch = epoch;
        self.events.push(Event::EpochStarted(epoch));
        Ok(())
    }

    pub(super) fn set_asset(&mut self, spec: &AssetSpec) -> Outcome {
        let index = spec.id.0 as usize;
        let symbol_taken = self.assets.iter().any(|a| a.symbol == spec.symbol);
        if spec.check().is_err() {
            return Err(Reject::InvalidSpec);
        }
        match self.assets.get(index) {
            None if index != self.assets.len() => return Err(Reject::IdNotNext),
            None if symbol_taken => return Err(Reject::InvalidSpec),
            None => self.assets.push(*spec),
            Some(old) if AssetSpec { display_scale: spec.display_scale, ..*old } != *spec => {
                return Err(Reject::SpecFixed);
            }
            Some(_) => self.assets[index] = *spec,
        }
        self.events.push(Event::AssetSet(*spec));
        Ok(())
    }

    pub(super) fn set_market(&mut self, spec: &MarketSpec) -> Outcome {
        self.asset_known(spec.base)?;
        self.asset_known(spec.quote)?;
        let (base, quote) = (&self.assets[spec.base.0 as usize], &self.assets[spec.quote.0 as usize]);
        let (base_unit, quote_unit) = spec.units(base, quote).map_err(|_| Reject::InvalidSpec)?;
        let symbol_taken = self.markets.iter().any(|m| m.spec.symbol == spec.symbol);
        let (index, count) = (spec.id.0 as usize, self.markets.len());
        match self.markets.get_mut(index) {
            None if index != count => return Err(Reject::IdNotNext),
            None if symbol_taken => return Err(Reject::InvalidSpec),
            None => self.markets.push(Market {
                spec: *spec,
                base_unit,
                quote_unit,
                state: MarketState::PreOpen,
                last: PriceTicks::NONE,
                unseen: Vec::new(),
                trades_made: 0,
                recent: Vec::new(),
                band_reference: PriceTicks::NONE,
                band_since: Timestamp(0),
            }),
            Some(old) if with_filters(&old.spec, spec.filters) != *spec => return Err(Reject::SpecFixed),
            Some(old) => old.spec = *spec,
        }
        self.events.push(Event::MarketSet(*spec));
        if index == count {
            self.enter_state(spec.id, MarketState::PreOpen, false);
        }
        Ok(())
    }

    pub(super) fn set_market_state(&mut self, market: MarketId, state: MarketState) -> Outcome {
        self.market_known(market)?;
        let crossed = state == MarketState::Trading && self.is_crossed(market);
        if crossed || self.market(market).state == state {
            return Err(Reject::MarketStateConflict);
        }
        if state == MarketState::Trading {
            // The band starts anew from the first trade.
            self.market_mut(market).band_reference = PriceTicks::NONE;
        }
        self.enter_state(market, state, false);
        self.settle(market);
        Ok(())
    }

    pub(super) fn enter_state(&mut self, market: MarketId, state: MarketState, banded: bool) {
        self.markets[market.0 as usize].state = state;
        self.events.push(Event::MarketStateSet { market, state, banded });
    }

    fn is_crossed(&self, market: MarketId) -> bool {
        let best = |side| self.book(market, side).first().map(|o| o.new.price);
        matches!((best(Side::Buy), best(Side::Sell)), (Some(bid), Some(ask)) if bid >= ask)
    }

    pub(super) fn market_known(&self, market: MarketId) -> Outcome {
        if (market.0 as usize) < self.markets.len() { Ok(()) } else { Err(Reject::UnknownMarket) }
    }

    pub(super) fn set_fee_tier(&mut self, tier: u16, rates: FeeRates) -> Outcome {
        check_rates(rates)?;
        self.tiers.insert(tier, rates);
        self.events.push(Event::FeeTierSet { tier, rates });
        Ok(())
    }

    pub(super) fn set_user(&mut self, user: UserId, wanted: User) -> Outcome {
        if user.is_reserved() || wanted.group.is_reserved() {
            return Err(Reject::ReservedUser);
        }
        self.users.insert(user, wanted);
        let User { group, tier, pay_discount, frozen } = wanted;
        self.events.push(Event::UserSet { user, group, tier, pay_discount, frozen });
        Ok(())
    }

    pub(super) fn set_user_tier(&mut self, user: UserId, tier: u16) -> Outcome {
        let Some(now) = self.users.get(&user).copied() else { return Err(Reject::UnknownUser) };
        self.set_user(user, User { tier, ..now })
    }

    pub(super) fn set_limits(&mut self, limits: Limits) -> Outcome {
        if limits.client_ids_max == 0 || limits.client_ids_max > 1 << 30 {
            return Err(Reject::InvalidSpec);
        }
        self.client_ids_max = limits.client_ids_max as usize;
        self.events.push(Event::LimitsSet(limits));
        Ok(())
    }

    pub(super) fn set_discount(&mut self, asset: AssetId, bips: u32) -> Outcome {
        if asset.0 == u32::MAX {
            self.discount = None;
        } else {
            self.asset_known(asset)?;
            if bips > 10_000 {
                return Err(Reject::InvalidFee);
            }
            // Rates are in units of the discount asset: another asset needs other rates.
            if self.discount.is_none_or(|(old, _)| old != asset) {
                self.discount_rates.clear();
            }
            self.discount = Some((asset, bips));
        }
        self.events.push(Event::DiscountSet { asset, bips });
        Ok(())
    }

    pub(super) fn set_discount_rate(&mut self, asset: AssetId, numerator: u64, denominator: u64) -> Outcome {
        self.asset_known(asset)?;
        if numerator == 0 {
            self.discount_rates.remove(&asset);
        } else if denominator == 0 {
            return Err(Reject::InvalidAmount);
        } else if numerator != denominator && self.discount.is_some_and(|(own, _)| own == asset) {
            return Err(Reject::InvalidSpec);
        } else {
            self.discount_rates.insert(asset, (numerator, denominator));
        }
        self.events.push(Event::DiscountRateSet { asset, numerator, denominator });
        Ok(())
    }
}

/// A maker may be paid, a taker may not; and together they never cost the exchange.
pub fn check_rates(rates: FeeRates) -> Outcome {
    let within = rates.maker.is_valid() && rates.taker.is_valid() && rates.taker >= FeeRate(0);
    if within && rates.maker.0 + rates.taker.0 >= 0 { Ok(()) } else { Err(Reject::InvalidFee) }
}

fn with_filters(spec: &MarketSpec, filters: Filters) -> MarketSpec {
    MarketSpec { filters, ..*spec }
}
