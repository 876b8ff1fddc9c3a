//! What operators and the ledger are told: funds, markets, filters, fees; and the world that a seed starts from.

use allin_core::ids::{AssetId, Epoch, MarketId, Timestamp, UserId};
use allin_core::num::{AMOUNT_MAX, PriceTicks, QtyLots};
use allin_core::spot::Limits;
use allin_core::spot::command::{Account, Command, Counter, Funding, MarketState};
use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};
use allin_core::text::{Label, Symbol};

use super::{ASSETS, Commands, MARKETS, MIDDLE, Random, USERS};

impl Commands {
    pub(super) fn funding(&mut self) -> Command {
        let amount = match self.random.range(0, 199) {
            0 => self.random.pick(&[0, -1, AMOUNT_MAX, AMOUNT_MAX + 1, i128::MIN, i128::MAX]),
            1..=20 => self.random.range(1, 30) as i128,
            _ => self.random.range(1, 1_000) as i128 * 1_000,
        };
        let funding = Funding {
            user: self.user(),
            asset: self.asset(),
            amount,
            business: self.random.pick(&[Label::EMPTY, Label::new("deposit").expect("short")]),
            business_id: if self.random.one_in(4) { self.random.range(0, 5) as i64 } else { self.random.draw() as i64 },
            counter: self.random.pick(&[Counter::External, Counter::External, Counter::House]),
            detail: Box::from(""),
        };
        match self.random.range(0, 9) {
            0..=4 => Command::Credit(funding),
            5..=6 => Command::Debit(funding),
            _ => Command::Transfer { from: self.user(), funding },
        }
    }

    pub(super) fn sweep(&mut self) -> Command {
        let accounts = [
            Account::Fees,
            Account::Fees,
            Account::Rounding,
            Account::House,
            Account::House,
            Account::Insurance,
            Account::User(UserId(1)),
            Account::Deposits,
        ];
        Command::Sweep {
            from: self.random.pick(&accounts),
            to: self.random.pick(&[
                Account::House,
                Account::House,
                Account::Insurance,
                Account::Fees,
                Account::Withdrawals,
            ]),
            asset: self.asset(),
            amount: self.random.range(0, 300) as i128,
        }
    }

    pub(super) fn operate(&mut self, user: UserId, market: MarketId) -> Command {
        match self.random.range(0, 99) {
            0..=9 => Command::SetMarketState {
                market,
                state: self.random.pick(&[
                    MarketState::PreOpen,
                    MarketState::PreOpen,
                    MarketState::Trading,
                    MarketState::CancelOnly,
                    MarketState::Halt,
                ]),
            },
            10..=14 => Command::Uncross { market },
            15..=34 => match self.specs.get(market.0 as usize).copied() {
                Some(spec) => Command::SetMarket(MarketSpec { filters: self.filters(), ..spec }),
                None => Command::Tick,
            },
            35..=39 => Command::SetUserTier {
                user: self.random.pick(&[user, user, user, UserId(u64::MAX), UserId(77)]),
                tier: self.random.range(0, 3) as u16,
            },
            40..=44 => Command::SetUserAccess {
                user: self.random.pick(&[user, user, user, UserId(u64::MAX), UserId(USERS + 1)]),
                group: self.random.pick(&[user, user, UserId(1), UserId(2)]),
                frozen: self.random.one_in(25),
            },
            45..=54 => Command::SetUser {
                user,
                group: self.random.pick(&[user, user, UserId(1), UserId(2)]),
                tier: self.random.range(0, 3) as u16,
                pay_discount: self.random.one_in(2),
                frozen: self.random.one_in(25),
            },
            55..=64 => Command::SetFeeTier { tier: self.random.range(0, 3) as u16, rates: self.rates() },
            65..=74 => {
                let asset = self.random.pick(&[AssetId(2), AssetId(2), AssetId(1), AssetId(u32::MAX), AssetId(9)]);
                Command::SetDiscount { asset, bips: self.random.pick(&[0, 2_500, 10_000, 10_001]) }
            }
            75..=84 => Command::SetDiscountRate {
                asset: self.asset(),
                numerator: self.random.pick(&[0, 1, 3, 7, u64::MAX]),
                denominator: self.random.pick(&[0, 1, 2, 10, u64::MAX]),
            },
            85..=86 => Command::SetLimits(Limits {
                client_ids_max: self.random.pick(&[0, 10, 25, 1_000, 1_000, 1 << 30, (1 << 30) + 1, u32::MAX]),
            }),
            87..=89 => {
                self.epoch += 1;
                Command::StartEpoch(Epoch(self.epoch - self.random.range(0, 1) as u32))
            }
            90..=94 => Command::SetAsset(self.odd_asset()),
            _ => Command::SetMarket(self.odd_market()),
        }
    }

    fn odd_asset(&mut self) -> AssetSpec {
        let mut spec = asset_spec(self.random.range(0, ASSETS as u64) as u32);
        match self.random.range(0, 4) {
            0 => spec.display_scale = self.random.range(0, 9) as u8,
            1 => spec.scale = 19,
            2 => spec.scale = 5,
            3 => spec.id = AssetId(ASSETS + 1),
            _ => spec.symbol = Symbol::new("bad symbol").expect("short"),
        }
        spec
    }

    fn odd_market(&mut self) -> MarketSpec {
        let mut spec = self.random.pick(&self.specs.clone());
        match self.random.range(0, 5) {
            0 => spec.base = spec.quote,
            1 => spec.lot_units += 1,
            2 => spec.id = MarketId(MARKETS + 1),
            3 => spec.filters.price_min = PriceTicks(0),
            4 => spec.base = AssetId(77),
            _ => spec.id = MarketId(0),
        }
        spec
    }

    fn filters(&mut self) -> Filters {
        let mut filters = Filters::OPEN;
        if !self.filtered {
            return filters;
        }
        let unit = 100;
        let sometimes =
            |random: &mut Random, low: u64, high: u64| if random.one_in(3) { random.range(low, high) } else { 0 };
        let random = &mut self.random;
        filters.price_min = PriceTicks(sometimes(random, 1, MIDDLE - 10).max(1));
        filters.qty_min = QtyLots(sometimes(random, 1, 3).max(1));
        filters.market_qty_min = QtyLots(sometimes(random, 1, 3));
        filters.market_qty_max = QtyLots(sometimes(random, 5, 50));
        filters.notional_min = sometimes(random, 50, 300) as i128 * unit;
        filters.notional_min_market = random.one_in(2);
        filters.notional_max = sometimes(random, 1_500, 6_000) as i128 * unit;
        filters.notional_max_market = random.one_in(2);
        filters.bid_multiplier_up = sometimes(random, 10_100, 12_000) as u32;
        filters.bid_multiplier_down = filters.bid_multiplier_up.min(sometimes(random, 8_000, 9_900) as u32);
        filters.ask_multiplier_up = sometimes(random, 10_100, 12_000) as u32;
        filters.ask_multiplier_down = filters.ask_multiplier_up.min(sometimes(random, 8_000, 9_900) as u32);
        filters.average_minutes = sometimes(random, 1, 30) as u8;
        filters.orders_max = sometimes(random, 5, 20) as u32;
        filters.stop_orders_max = sometimes(random, 1, 6) as u32;
        filters.iceberg_orders_max = sometimes(random, 1, 4) as u32;
        filters.order_lists_max = sometimes(random, 1, 3) as u32;
        filters.iceberg_parts_max = sometimes(random, 2, 6) as u32;
        filters.amends_max = sometimes(random, 1, 3) as u32;
        filters.position_max = QtyLots(sometimes(random, 200, 1_000));
        filters.trailing_delta_max = sometimes(random, 100, 400) as u32;
        filters.trailing_delta_min = filters.trailing_delta_max.min(sometimes(random, 60, 120) as u32);
        filters.band_bips = sometimes(random, 200, 800) as u32;
        filters.band_window_us = sometimes(random, 1, Timestamp::MINUTE);
        filters
    }

    pub(super) fn set_up(&mut self) {
        let mut setup = vec![Command::StartEpoch(Epoch(1))];
        self.epoch = 1;
        setup.extend((0..ASSETS).map(|id| Command::SetAsset(asset_spec(id))));
        for (id, base, quote) in [(0, 0, 1), (1, 2, 1), (2, 3, 0)] {
            let spec = MarketSpec { filters: self.filters(), ..market_spec(id, base, quote) };
            self.specs.push(spec);
            setup.push(Command::SetMarket(spec));
        }
        for user in 1..=USERS {
            let group = UserId(if user <= 2 { 1 } else { user });
            let (tier, pay_discount) = ((user % 3) as u16, user.is_multiple_of(2));
            setup.push(Command::SetUser { user: UserId(user), group, tier, pay_discount, frozen: false });
            for asset in 0..ASSETS {
                let amount = self.random.range(500, 5_000) as i128 * 1_000;
                setup.push(credit(user, asset, amount));
            }
        }
        for tier in 1..=2 {
            setup.push(Command::SetFeeTier { tier, rates: self.rates() });
        }
        setup.push(Command::SetDiscount { asset: AssetId(2), bips: 2_500 });
        setup.push(Command::SetDiscountRate { asset: AssetId(1), numerator: 3, denominator: 70 });
        setup.push(Command::SetDiscountRate { asset: AssetId(0), numerator: 7, denominator: 3 });
        setup.push(Command::SetMarketState { market: MarketId(0), state: MarketState::Trading });
        setup.reverse();
        self.setup = setup;
    }
}

fn credit(user: u64, asset: u32, amount: i128) -> Command {
    Command::Credit(Funding {
        user: UserId(user),
        asset: AssetId(asset),
        amount,
        business: Label::new("start").expect("short"),
        business_id: 0,
        counter: Counter::External,
        detail: Box::from(""),
    })
}

fn asset_spec(id: u32) -> AssetSpec {
    let symbol = Symbol::new(["BTC", "USDT", "TOK", "ETH", "XYZ"][id as usize]).expect("short");
    AssetSpec { id: AssetId(id), symbol, scale: 8, display_scale: 4 }
}

/// One lot is 10^4 units of base, one lot at one tick 100 units of quote or one: fees have remainders, and sometimes do
/// not.
fn market_spec(id: u32, base: u32, quote: u32) -> MarketSpec {
    MarketSpec {
        id: MarketId(id),
        symbol: Symbol::new(["BTCUSDT", "TOKUSDT", "ETHBTC"][id as usize]).expect("short"),
        base: AssetId(base),
        quote: AssetId(quote),
        price_scale: if id == 2 { 4 } else { 2 },
        tick_units: 1,
        qty_scale: 4,
        lot_units: 1,
        filters: Filters::OPEN,
    }
}

pub(super) fn quote_unit(spec: &MarketSpec) -> i128 {
    10i128.pow(8 - spec.price_scale as u32 - spec.qty_scale as u32)
}
