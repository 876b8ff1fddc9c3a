//! A made-up market: events that hang together, by a seed, without an engine.

use std::collections::BTreeMap;

use allin_core::ids::{AssetId, Epoch, ListId, MarketId, OrderId, Seq, Timestamp, TradeId, UserId};
use allin_core::num::{Amount, FeeRate, FeeRates, PriceTicks, QtyLots};
use allin_core::spot::command::{Account, Command, Counter, Funding, NewOrder, OrderKind, Side};
use allin_core::spot::event::{
    ChangeCause, Changed, CloseCause, Closed, Contingency, Event, OrderStatus, Placed, Posting, Trade,
};
use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};
use allin_core::text::{ClientId, Label, Symbol};
use allin_runtime::engine::{Batch, Record};

/// Small and fast, the same everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

pub const ASSETS: [(&str, u8); 3] = [("BTC", 8), ("USD", 8), ("TOK", 18)];

/// (symbol, base, quote, price scale, tick, quantity scale, lot)
const MARKETS: [(&str, u32, u32, u8, u64, u8, u64); 2] = [("BTCUSD", 0, 1, 2, 5, 3, 1), ("TOKBTC", 2, 0, 4, 1, 2, 10)];

#[derive(Clone, Copy)]
struct Open {
    placed: Placed,
    qty: u64,
    left: u64,
    filled: u64,
    filled_quote: Amount,
    prevented: u64,
}

pub struct Feed {
    random: Random,
    users: Vec<UserId>,
    seq: u64,
    at: u64,
    /// So many times more time passes than usual.
    pace: u64,
    next_order: u64,
    next_list: u64,
    next_trade: [u64; 2],
    open: Vec<Open>,
    lists: Vec<(ListId, UserId, MarketId)>,
    totals: BTreeMap<(UserId, AssetId), Amount>,
    touched: Vec<(UserId, AssetId)>,
    events: Vec<Event>,
    /// Shares of a hundred: trades among the commands; the rest is placed, changed, closed, moved.
    trades: u64,
}

impl Feed {
    pub fn new(seed: u64, users: u64, trades: u64) -> Self {
        Self {
            random: Random::new(seed),
            // The last one has no place among signed numbers.
            users: (1..users).chain([u64::MAX - 100]).map(UserId).collect(),
            seq: 0,
            at: 1_700_000_000_000_000,
            pace: 1,
            next_order: 1,
            next_list: 1,
            next_trade: [1; 2],
            open: Vec::new(),
            lists: Vec::new(),
            totals: BTreeMap::new(),
            touched: Vec::new(),
            events: Vec::new(),
            trades,
        }
    }

    /// With so many times more time between commands.
    pub fn slowly(self, pace: u64) -> Self {
        Self { pace, ..self }
    }

    /// `count` commands in batches of up to `batch_max`; listings come first.
    pub fn batches(mut self, count: u64, batch_max: u64) -> Vec<Batch> {
        let mut batches = Vec::new();
        while self.seq < count {
            let mut batch = Batch::default();
            for _ in 0..=self.random.below(batch_max) {
                let command = self.command();
                let start = batch.events.len() as u32;
                batch.events.append(&mut self.events);
                self.seq += 1;
                self.at += self.random.below(3) * self.random.below(2000) * self.pace;
                batch.records.push(Record {
                    seq: Seq(self.seq),
                    epoch: Epoch(1),
                    at: Timestamp(self.at),
                    command,
                    events: start..batch.events.len() as u32,
                });
            }
            batches.push(batch);
        }
        batches
    }

    fn command(&mut self) -> Command {
        if let Some(command) = self.listing() {
            return command;
        }
        let command = match self.random.below(100) {
            share if share < self.trades => self.trade(),
            share if share < self.trades + 5 => return self.funding(),
            share if share < self.trades + 8 => self.change(),
            share if share < self.trades + 18 => self.close(),
            share if share < self.trades + 19 => self.list(),
            share if share < self.trades + 20 => self.rename(),
            _ => self.place(),
        };
        self.tell_balances();
        command
    }

    fn listing(&mut self) -> Option<Command> {
        let assets = ASSETS.len() as u64;
        if self.seq < assets {
            let (symbol, scale) = ASSETS[self.seq as usize];
            let spec = asset(self.seq as u32, symbol, scale, scale);
            self.events.push(Event::AssetSet(spec));
            return Some(Command::SetAsset(spec));
        }
        let spec = market(self.seq.checked_sub(assets)? as usize)?;
        self.events.push(Event::MarketSet(spec));
        Some(Command::SetMarket(spec))
    }

    /// An asset is shown with other decimals than before.
    fn rename(&mut self) -> Command {
        let id = self.random.below(ASSETS.len() as u64);
        let (symbol, scale) = ASSETS[id as usize];
        let spec = asset(id as u32, symbol, scale, self.random.below(u64::from(scale)) as u8);
        self.events.push(Event::AssetSet(spec));
        Command::SetAsset(spec)
    }

    fn user(&mut self) -> UserId {
        let index = self.random.below(self.users.len() as u64) as usize;
        self.users[index]
    }

    fn funding(&mut self) -> Command {
        let (user, from) = (self.user(), self.user());
        let asset = AssetId(self.random.below(ASSETS.len() as u64) as u32);
        let amount = Amount::from(self.random.below(1 << 40)) * Amount::from(1 + self.random.below(1 << 30));
        let (from, to) = match self.random.below(3) {
            0 => (Account::Deposits, Account::User(user)),
            1 => (Account::User(user), Account::House),
            _ => (Account::User(from), Account::User(user)),
        };
        let business = Label::new(["deposit", "withdraw", "transfer"][self.random.below(3) as usize]).expect("fits");
        let business_id = self.seq as i64 - 1000;
        let repeated = self.random.one_in(5);
        self.events.push(Event::Posting(Posting { from, to, asset, amount, business, business_id, repeated }));
        if !repeated {
            for (account, change) in [(from, -amount), (to, amount)] {
                if let Account::User(user) = account {
                    self.add(user, asset, change);
                }
            }
        }
        self.tell_balances();
        let detail = format!("{{\"note\":\"{}\"}}", self.seq).into();
        let counter = Counter::External;
        let funding = Funding { user, asset, amount, business, business_id, counter, detail };
        match (from, to) {
            (Account::User(from), Account::User(_)) => Command::Transfer { from, funding },
            (Account::User(_), _) => Command::Debit(funding),
            _ => Command::Credit(funding),
        }
    }

    fn add(&mut self, user: UserId, asset: AssetId, change: Amount) {
        *self.totals.entry((user, asset)).or_default() += change;
        self.touched.push((user, asset));
    }

    fn tell_balances(&mut self) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort();
        touched.dedup();
        for (user, asset) in touched {
            let total = self.totals[&(user, asset)];
            let held = total / 3;
            self.events.push(Event::Balance { account: Account::User(user), asset, available: total - held, held });
        }
    }

    fn place(&mut self) -> Command {
        let market = self.random.below(2) as u32;
        let side = if self.random.one_in(2) { Side::Buy } else { Side::Sell };
        let (price, qty) = (1 + self.random.below(1_000_000), 1 + self.random.below(5000));
        let mut new = NewOrder::limit(self.user(), MarketId(market), side, PriceTicks(price), QtyLots(qty));
        if self.random.one_in(3) {
            new.client_id = ClientId::new(&format!("c-{}", self.random.below(20))).expect("fits");
        }
        if self.random.one_in(10) {
            new.kind = OrderKind::StopLossLimit;
            new.stop_price = PriceTicks(price + 1);
        }
        new.source = Label::new("test").expect("fits");
        let rates = FeeRates {
            maker: FeeRate(self.random.below(300_000) as i32 - 100_000),
            taker: FeeRate(self.random.below(300_000) as i32),
        };
        let order = OrderId(self.next_order);
        self.next_order += 1 + self.random.below(2);
        let placed = Placed { order, new, rates, list: ListId(0), status: OrderStatus::New };
        self.events.push(Event::Placed(placed));
        self.open.push(Open { placed, qty, left: qty, filled: 0, filled_quote: 0, prevented: 0 });
        if new.kind.is_stop() && self.random.one_in(2) {
            let (user, market) = (new.user, new.market);
            self.events.push(Event::Triggered { order, user, market, price: new.price });
        }
        Command::Place(new)
    }

    /// Some open order of a market and a side.
    fn pick(&mut self, market: MarketId, side: Side) -> Option<usize> {
        let fits = |open: &Open| open.placed.new.market == market && open.placed.new.side == side;
        let all: Vec<usize> = (0..self.open.len()).filter(|index| fits(&self.open[*index])).collect();
        let chosen = self.random.below(all.len().max(1) as u64) as usize;
        all.get(chosen).copied()
    }

    fn trade(&mut self) -> Command {
        let market = MarketId(self.random.below(2) as u32);
        let (Some(seller), Some(buyer)) = (self.pick(market, Side::Sell), self.pick(market, Side::Buy)) else {
            return self.place();
        };
        if self.random.one_in(20) {
            return self.prevent(seller, buyer);
        }
        let most = self.open[seller].left.min(self.open[buyer].left);
        let lots = if self.random.one_in(2) { most } else { 1 + self.random.below(most) };
        let (maker, taker) = if self.random.one_in(2) { (seller, buyer) } else { (buyer, seller) };
        let price = self.open[maker].placed.new.price;
        let (base, quote) = amounts(market, price.0, lots);
        for index in [maker, taker] {
            self.open[index].left -= lots;
            self.open[index].filled += lots;
            self.open[index].filled_quote += quote;
        }
        let (maker_open, taker_open) = (self.open[maker], self.open[taker]);
        let spec = market_spec(market);
        let fee_assets = [spec.base, spec.quote, AssetId(2)];
        let mut fee = || Amount::from(self.random.below(2000)) * Amount::from(self.random.below(2)) - 300;
        let fees = [fee(), fee()];
        let maker_fee_asset = fee_assets[self.random.below(3) as usize];
        let taker_fee_asset = fee_assets[self.random.below(3) as usize];
        let trade = Trade {
            trade: TradeId(self.next_trade[market.0 as usize]),
            market,
            price,
            qty: QtyLots(lots),
            quote,
            taker_side: taker_open.placed.new.side,
            maker_order: maker_open.placed.order,
            taker_order: taker_open.placed.order,
            maker_user: maker_open.placed.new.user,
            taker_user: taker_open.placed.new.user,
            maker_fee: if self.random.one_in(4) { 0 } else { fees[0] },
            taker_fee: fees[1],
            maker_fee_asset,
            taker_fee_asset,
            maker_left: QtyLots(maker_open.left),
            taker_left: QtyLots(taker_open.left),
            auction: false,
        };
        self.next_trade[market.0 as usize] += 1;
        self.events.push(Event::Trade(trade));
        let (seller, buyer) = (self.open[seller].placed.new.user, self.open[buyer].placed.new.user);
        self.add(seller, spec.base, -base);
        self.add(seller, spec.quote, quote);
        self.add(buyer, spec.quote, -quote);
        self.add(buyer, spec.base, base);
        self.add(trade.maker_user, trade.maker_fee_asset, -trade.maker_fee);
        self.add(trade.taker_user, trade.taker_fee_asset, -trade.taker_fee);
        let mut filled = [maker, taker];
        filled.sort();
        for index in filled.into_iter().rev() {
            if self.open[index].left == 0 {
                self.end(index, OrderStatus::Filled, CloseCause::Filled);
            }
        }
        Command::Tick
    }

    /// Two orders of one owner meet: both lose the smaller quantity.
    fn prevent(&mut self, maker: usize, taker: usize) -> Command {
        let qty = self.open[maker].left.min(self.open[taker].left);
        let (m, t) = (self.open[maker].placed, self.open[taker].placed);
        self.events.push(Event::Prevented {
            market: m.new.market,
            maker_order: m.order,
            taker_order: t.order,
            maker_user: m.new.user,
            taker_user: t.new.user,
            price: m.new.price,
            qty: QtyLots(qty),
        });
        let mut orders = [maker, taker];
        orders.sort();
        for index in orders.into_iter().rev() {
            if self.open[index].left == qty {
                self.end(index, OrderStatus::ExpiredInMatch, CloseCause::SelfTrade);
            } else {
                self.open[index].left -= qty;
                self.open[index].prevented += qty;
                self.tell_changed(index, ChangeCause::Decremented);
            }
        }
        Command::Tick
    }

    fn tell_changed(&mut self, index: usize, cause: ChangeCause) {
        let open = &self.open[index];
        self.events.push(Event::Changed(Changed {
            order: open.placed.order,
            user: open.placed.new.user,
            market: open.placed.new.market,
            cause,
            price: open.placed.new.price,
            qty: QtyLots(open.qty - open.prevented),
            left: QtyLots(open.left),
        }));
    }

    fn change(&mut self) -> Command {
        if self.open.is_empty() {
            return self.place();
        }
        let index = self.random.below(self.open.len() as u64) as usize;
        let less = self.random.below(self.open[index].left);
        let cause = match less {
            0 => ChangeCause::Moved,
            _ if self.random.one_in(2) => ChangeCause::Amended,
            _ => ChangeCause::Reduced,
        };
        if cause == ChangeCause::Amended && self.random.one_in(2) {
            self.give_name(index);
        }
        let open = &mut self.open[index];
        open.left -= less;
        open.qty -= less;
        if less == 0 {
            open.placed.new.price.0 += 1;
        }
        self.tell_changed(index, cause);
        Command::Tick
    }

    /// A new client id, or the one that the order had first.
    fn give_name(&mut self, index: usize) {
        let fresh = ClientId::new(&format!("n{}", self.seq)).expect("fits");
        let first = self.open[index].placed.new.client_id;
        let client_id = if self.random.one_in(4) && !first.is_empty() { first } else { fresh };
        let (order, new) = (self.open[index].placed.order, self.open[index].placed.new);
        self.events.push(Event::Renamed { order, user: new.user, market: new.market, client_id });
    }

    fn close(&mut self) -> Command {
        if self.open.is_empty() {
            return self.place();
        }
        let index = self.random.below(self.open.len() as u64) as usize;
        let (status, cause) = match self.random.below(3) {
            0 => (OrderStatus::Expired, CloseCause::Gtd),
            1 => (OrderStatus::Expired, CloseCause::Refused(allin_core::spot::reject::Reject::InsufficientBalance)),
            _ => (OrderStatus::Canceled, CloseCause::User),
        };
        self.end(index, status, cause);
        Command::Tick
    }

    fn end(&mut self, index: usize, status: OrderStatus, cause: CloseCause) {
        let open = self.open.swap_remove(index);
        self.events.push(Event::Closed(Closed {
            order: open.placed.order,
            user: open.placed.new.user,
            market: open.placed.new.market,
            status,
            cause,
            filled: QtyLots(open.filled),
            filled_quote: open.filled_quote,
            left: QtyLots(open.left),
        }));
    }

    fn list(&mut self) -> Command {
        if self.random.one_in(2) && !self.lists.is_empty() {
            let (list, user, market) = self.lists.swap_remove(0);
            self.events.push(Event::ListDone { list, user, market });
            return Command::Tick;
        }
        let (list, user, market) = (ListId(self.next_list), self.user(), MarketId(0));
        self.next_list += 1;
        let orders = [OrderId(self.next_order), OrderId(self.next_order + 1), OrderId(0)];
        let client_id = ClientId::new("list").expect("fits");
        let contingency = Contingency::Oco;
        self.events.push(Event::ListPlaced { list, user, market, client_id, contingency, orders });
        self.lists.push((list, user, market));
        if self.random.one_in(3) {
            self.lists.pop();
            self.events.push(Event::ListDone { list, user, market });
        }
        Command::Tick
    }
}

fn asset(id: u32, symbol: &str, scale: u8, display_scale: u8) -> AssetSpec {
    AssetSpec { id: AssetId(id), symbol: Symbol::new(symbol).expect("fits"), scale, display_scale }
}

fn market(index: usize) -> Option<MarketSpec> {
    let (symbol, base, quote, price_scale, tick_units, qty_scale, lot_units) = *MARKETS.get(index)?;
    Some(MarketSpec {
        id: MarketId(index as u32),
        symbol: Symbol::new(symbol).expect("fits"),
        base: AssetId(base),
        quote: AssetId(quote),
        price_scale,
        tick_units,
        qty_scale,
        lot_units,
        filters: Filters::OPEN,
    })
}

pub fn market_spec(id: MarketId) -> MarketSpec {
    market(id.0 as usize).expect("there are two")
}

pub fn asset_spec(id: AssetId) -> AssetSpec {
    let (symbol, scale) = ASSETS[id.0 as usize];
    asset(id.0, symbol, scale, scale)
}

/// Base and quote in smallest units.
pub fn amounts(market: MarketId, price: u64, lots: u64) -> (Amount, Amount) {
    let spec = market_spec(market);
    let (base_unit, quote_unit) = spec.units(&asset_spec(spec.base), &asset_spec(spec.quote)).expect("sound");
    let lots = Amount::from(lots);
    (lots * Amount::from(base_unit), lots * Amount::from(price) * Amount::from(quote_unit))
}
