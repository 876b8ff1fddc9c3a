//! Random commands that collide: few users, few prices, small ids, every kind of order.

use allin_core::ids::{AssetId, Epoch, ListId, MarketId, OrderId, Timestamp, UserId};
use allin_core::num::{AMOUNT_MAX, FeeRate, FeeRates, PRICE_MAX, PriceTicks, QTY_MAX, QtyLots};
use allin_core::spot::command::{
    Account, CancelOnly, Command, Counter, Funding, ListOrders, MarketState, NewList, NewOrder, OrderKind, OrderRef,
    ReplaceMode, Side, StpMode, TimeInForce,
};
use allin_core::spot::event::Event;
use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};
use allin_core::text::{ClientId, Label, Symbol};

/// A stream of random numbers that a seed makes again (SplitMix64).
#[derive(Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In `low..=high`.
    pub fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.range(0, from.len() as u64 - 1) as usize].clone()
    }
}

/// Users of a random world are 1 to this; now and then a command names one more, that has nothing.
pub const USERS: u64 = 6;
const ASSETS: u32 = 4;
const MARKETS: u32 = 3;
/// Around this price everything happens.
const MIDDLE: u64 = 100;

/// Makes commands, and looks at their events to know which orders and states to aim at.
#[derive(Clone)]
pub struct Commands {
    random: Random,
    now: Timestamp,
    /// Open orders as (id, owner, market), to be aimed at.
    open: Vec<(OrderId, UserId, MarketId)>,
    last_list: u64,
    epoch: u32,
    states: [MarketState; MARKETS as usize],
    specs: Vec<MarketSpec>,
    /// Placed lately, to be sent again.
    recent: Vec<Command>,
    setup: Vec<Command>,
    /// Whether this world has filters, price bands and the like at all.
    filtered: bool,
}

impl Commands {
    pub fn new(seed: u64) -> Commands {
        let mut random = Random::new(seed);
        let filtered = random.one_in(2);
        let mut commands = Commands {
            random,
            now: Timestamp(Timestamp::DAY),
            open: Vec::new(),
            last_list: 0,
            epoch: 0,
            states: [MarketState::PreOpen; MARKETS as usize],
            specs: Vec::new(),
            recent: Vec::new(),
            setup: Vec::new(),
            filtered,
        };
        commands.set_up();
        commands
    }

    /// The next command and its time.
    pub fn next(&mut self) -> (Timestamp, Command) {
        let at = self.next_time();
        if let Some(command) = self.setup.pop() {
            return (at, command);
        }
        let command = self.choose();
        let again = matches!(
            command,
            Command::Place(_) | Command::Credit(_) | Command::Debit(_) | Command::Transfer { .. } | Command::PlaceBatch(_)
        );
        if again {
            self.recent.push(command.clone());
            if self.recent.len() > 8 {
                self.recent.remove(0);
            }
        }
        (at, command)
    }

    pub fn look(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Placed(placed) => self.open.push((placed.order, placed.new.user, placed.new.market)),
                Event::Closed(closed) => self.open.retain(|(id, _, _)| *id != closed.order),
                Event::ListPlaced { list, .. } => self.last_list = self.last_list.max(list.0),
                Event::MarketStateSet { market, state, .. } => self.states[market.0 as usize] = *state,
                _ => (),
            }
        }
    }

    fn next_time(&mut self) -> Timestamp {
        let step = match self.random.range(0, 999) {
            0..=599 => self.random.range(0, 3),
            600..=949 => self.random.range(0, 2_000),
            950..=984 => self.random.range(0, 5 * Timestamp::SECOND),
            985..=995 => self.random.range(0, 3 * Timestamp::MINUTE),
            996..=998 => self.random.range(0, Timestamp::DAY),
            _ => return Timestamp(self.now.0 - self.random.range(0, 1_000)),
        };
        self.now = self.now.plus(step);
        self.now
    }

    fn choose(&mut self) -> Command {
        let market = self.market();
        let state = self.states.get(market.0 as usize).copied().unwrap_or(MarketState::Trading);
        if state != MarketState::Trading && self.random.one_in(12) {
            let uncross = state == MarketState::PreOpen && !self.random.one_in(4);
            return if uncross {
                Command::Uncross { market }
            } else {
                Command::SetMarketState { market, state: MarketState::Trading }
            };
        }
        let user = self.user();
        let (owner, place, order) = self.target();
        match self.random.range(0, 999) {
            0..=479 => Command::Place(self.order(user, market)),
            480..=559 => self.list(user, market),
            560..=599 => {
                let count = if self.random.one_in(40) { self.random.range(0, 51) } else { self.random.range(1, 4) };
                Command::PlaceBatch((0..count).map(|_| self.order(user, market)).collect())
            }
            600..=659 => Command::Cancel { user: owner, market: place, order, only: self.only() },
            660..=669 => Command::CancelList { user, market, list: self.list_id() },
            670..=691 => {
                Command::CancelAll { user, market, side: self.random.pick(&[None, None, Some(Side::Buy), Some(Side::Sell)]) }
            }
            692..=739 => Command::Amend { user: owner, market: place, order, qty: self.qty() },
            740..=789 => Command::Move { user: owner, market: place, order, price: self.price() },
            790..=819 => Command::Reduce { user: owner, market: place, order, by: self.qty() },
            820..=859 => Command::CancelReplace {
                cancel: order,
                only: self.only(),
                mode: self.random.pick(&[ReplaceMode::StopOnFailure, ReplaceMode::AllowFailure]),
                order: Box::new(self.order(owner, place)),
            },
            860..=869 => {
                let timeout_us = self.random.pick(&[0, 1, 500, 5_000, Timestamp::MINUTE]);
                Command::Countdown { user, market, timeout_us }
            }
            870..=884 => Command::Tick,
            885..=894 => self.again(),
            895..=949 => self.funding(),
            950..=959 => self.sweep(),
            _ => self.operate(user, market),
        }
    }

    fn again(&mut self) -> Command {
        if self.recent.is_empty() { Command::Tick } else { self.random.pick(&self.recent.clone()) }
    }

    fn user(&mut self) -> UserId {
        match self.random.range(0, 199) {
            0 => UserId(u64::MAX - self.random.range(0, 16)),
            1 => UserId(USERS + 1),
            n => UserId(1 + n % USERS),
        }
    }

    fn market(&mut self) -> MarketId {
        match self.random.range(0, 199) {
            0 => MarketId(MARKETS),
            1..=150 => MarketId(0),
            _ => MarketId(self.random.range(0, MARKETS as u64 - 1) as u32),
        }
    }

    fn asset(&mut self) -> AssetId {
        if self.random.one_in(100) { AssetId(ASSETS) } else { AssetId(self.random.range(0, ASSETS as u64 - 1) as u32) }
    }

    fn side(&mut self) -> Side {
        self.random.pick(&[Side::Buy, Side::Sell])
    }

    fn price(&mut self) -> PriceTicks {
        PriceTicks(match self.random.range(0, 299) {
            0 => self.random.pick(&[0, 1, PRICE_MAX.0, PRICE_MAX.0 + 1, u64::MAX]),
            1..=9 => self.random.range(1, 3 * MIDDLE),
            10..=39 => self.random.range(MIDDLE - 20, MIDDLE + 20),
            _ => self.random.range(MIDDLE - 5, MIDDLE + 5),
        })
    }

    fn qty(&mut self) -> QtyLots {
        QtyLots(match self.random.range(0, 299) {
            0 => self.random.pick(&[0, QTY_MAX.0, QTY_MAX.0 + 1, u64::MAX]),
            1..=29 => self.random.range(1, 100),
            _ => self.random.range(1, 12),
        })
    }

    fn client_id(&mut self) -> ClientId {
        if !self.random.one_in(5) {
            return ClientId::EMPTY;
        }
        let n = self.random.range(1, 40);
        ClientId::new(&format!("c{n}")).expect("short")
    }

    /// Whose order, where, and how it is named: mostly one that is open.
    fn target(&mut self) -> (UserId, MarketId, OrderRef) {
        if self.open.is_empty() || self.random.one_in(15) {
            let order = OrderRef::Id(OrderId(self.random.range(0, 500)));
            return (self.user(), self.market(), order);
        }
        let (id, user, market) = self.random.pick(&self.open.clone());
        let user = if self.random.one_in(30) { self.user() } else { user };
        let market = if self.random.one_in(50) { self.market() } else { market };
        let order = if self.random.one_in(8) { OrderRef::Client(self.client_id()) } else { OrderRef::Id(id) };
        (user, market, order)
    }

    fn list_id(&mut self) -> ListId {
        ListId(self.last_list.saturating_sub(self.random.range(0, 4)))
    }

    fn only(&mut self) -> CancelOnly {
        self.random.pick(&[CancelOnly::Any, CancelOnly::Any, CancelOnly::Any, CancelOnly::New, CancelOnly::PartiallyFilled])
    }

    fn rates(&mut self) -> FeeRates {
        let maker = self.random.pick(&[0, 100_000, 75_000, -20_000, 50_000_000, 99_999_999, -99_999_999, 100_000_000]);
        let taker = self.random.pick(&[0, 100_000, 40_000, 20_000, 50_000_000, 99_999_999, -1, 100_000_000]);
        FeeRates { maker: FeeRate(maker), taker: FeeRate(taker) }
    }

    fn order(&mut self, user: UserId, market: MarketId) -> NewOrder {
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
            2 => NewOrder { quote_amount: self.random.pick(&[-1, 1, 5_000, AMOUNT_MAX, AMOUNT_MAX + 1, i128::MAX]), ..new },
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

    fn list(&mut self, user: UserId, market: MarketId) -> Command {
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

    fn funding(&mut self) -> Command {
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
            business_id: if self.random.one_in(4) { self.random.range(0, 5) as i64 } else { self.random.next() as i64 },
            counter: self.random.pick(&[Counter::External, Counter::External, Counter::House]),
            detail: Box::from(""),
        };
        match self.random.range(0, 9) {
            0..=4 => Command::Credit(funding),
            5..=6 => Command::Debit(funding),
            _ => Command::Transfer { from: self.user(), funding },
        }
    }

    fn sweep(&mut self) -> Command {
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
            to: self.random.pick(&[Account::House, Account::House, Account::Insurance, Account::Fees, Account::Withdrawals]),
            asset: self.asset(),
            amount: self.random.range(0, 300) as i128,
        }
    }

    fn operate(&mut self, user: UserId, market: MarketId) -> Command {
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
            35..=54 => Command::SetUser {
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
            85..=89 => {
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
        let sometimes = |random: &mut Random, low: u64, high: u64| if random.one_in(3) { random.range(low, high) } else { 0 };
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

    fn set_up(&mut self) {
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

fn quote_unit(spec: &MarketSpec) -> i128 {
    10i128.pow(8 - spec.price_scale as u32 - spec.qty_scale as u32)
}
