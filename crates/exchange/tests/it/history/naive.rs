//! The history by the book: one pass over all events, text by its own means, no batches and no cache. And the tables as
//! they are, as text, to compare.

use std::collections::{BTreeMap, BTreeSet};

use allin_core::ids::{AssetId, MarketId, UserId};
use allin_core::num::Amount;
use allin_core::spot::command::{Account, Command, Side};
use allin_core::spot::event::{ChangeCause, CloseCause, Event, OrderStatus, Trade};
use allin_runtime::engine::Batch;
use allin_runtime::store::Store;

use super::feed::{amounts, asset_spec, market_spec};

/// Every table as sorted lines; and [`ENTRIES`].
pub type Tables = BTreeMap<&'static str, Vec<String>>;

/// All ledger entries in their order, whether they are rows or told by deals: as lines of the ledger's table.
pub const ENTRIES: &str = "entries";

const DUMPS: [(&str, &str); 11] = [
    (
        "prevented_matches",
        "order_id, match_id, user_id, market_id, taker, at_us, counter_order, counter_user, price, qty, stp",
    ),
    ("amendments", "order_id, seq, at_us, old_qty, new_qty, old_client, new_client"),
    ("assets", "asset_id, symbol, scale, display_scale"),
    ("markets", "market_id, symbol, base_asset, quote_asset, price_scale, tick_units, qty_scale, lot_units"),
    (
        "orders",
        "order_id, user_id, market_id, side, kind, status, price, stop_price, qty, filled, filled_quote, prevented, \
         fees, maker_rate, taker_rate, client_id, source, close_cause, created_us, updated_us, finished_us",
    ),
    ("order_clients", "user_id, client_id, order_id"),
    ("order_lists", "list_id, user_id, market_id, client_id, first_order, second_order, created_us, finished_us"),
    ("market_deals", "market_id, trade_id, at_us, price, qty, quote, taker_side, taker_order"),
    (
        "user_deals",
        "user_id, market_id, trade_id, maker, at_us, order_id, side, counter_order, counter_user, price, qty, quote, \
         fee, fee_asset, seq, nth, legs, rate, base_asset, quote_asset, base_total, quote_total",
    ),
    ("ledger", "user_id, asset_id, kind, at_us, seq, nth, business, business_id, delta, balance, detail"),
    ("balances", "user_id, asset_id, total"),
];

pub async fn dump(store: &Store) -> Tables {
    let mut tables = Tables::new();
    for (table, columns) in DUMPS {
        let line = columns.replace(", ", " || '|' || ");
        let rows = store.query(&format!("SELECT {line} FROM history_{table}"), &[]).await.expect("reads");
        let mut lines: Vec<String> = rows.iter().map(|row| row.text(0).expect("text")).collect();
        lines.sort();
        tables.insert(table, lines);
    }
    tables
}

/// What stays of all tables when what is kept begins at a time: by the book, one order and one row after the other.
pub fn keep(tables: &mut Tables, from: u64) {
    let number =
        |line: &str, column: usize| line.split('|').nth(column).expect("a column").parse::<u64>().expect("a number");
    let is_told = |line: &str, finished: usize| number(line, finished) == 0 || number(line, finished) >= from;
    let told: BTreeSet<u64> =
        tables["orders"].iter().filter(|line| is_told(line, 20)).map(|line| number(line, 0)).collect();
    for (table, lines) in tables {
        lines.retain(|line| match *table {
            "orders" => is_told(line, 20),
            "order_lists" => is_told(line, 7),
            "order_clients" => told.contains(&number(line, 2)),
            "market_deals" => number(line, 2) >= from,
            "ledger" => number(line, 3) >= from,
            "user_deals" => number(line, 4) >= from || told.contains(&number(line, 5)),
            "amendments" => number(line, 2) >= from || told.contains(&number(line, 0)),
            "prevented_matches" => number(line, 5) >= from || told.contains(&number(line, 0)),
            _ => true,
        });
    }
}

/// Digits with a point before the last `scale` of them.
fn text(amount: Amount, scale: u8) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", amount.unsigned_abs(), width = usize::from(scale) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

fn amount_text(asset: AssetId, amount: Amount) -> String {
    text(amount, asset_spec(asset).scale)
}

fn price_text(market: MarketId, ticks: u64) -> String {
    let spec = market_spec(market);
    text(Amount::from(ticks) * Amount::from(spec.tick_units), spec.price_scale)
}

fn qty_text(market: MarketId, lots: u64) -> String {
    let spec = market_spec(market);
    text(Amount::from(lots) * Amount::from(spec.lot_units), spec.qty_scale)
}

struct Order {
    head: String,
    client: String,
    source: String,
    market: MarketId,
    rates: (i32, i32),
    status: OrderStatus,
    price: u64,
    stop_price: u64,
    qty: u64,
    filled: u64,
    filled_quote: Amount,
    prevented: u64,
    fees: Vec<(AssetId, Amount)>,
    cause: i64,
    created: u64,
    updated: u64,
    finished: u64,
}

#[derive(Default)]
struct Naive {
    assets: BTreeMap<u32, String>,
    markets: BTreeMap<u32, String>,
    orders: BTreeMap<u64, Order>,
    lists: BTreeMap<u64, (String, u64, u64)>,
    totals: BTreeMap<(UserId, AssetId), Amount>,
    tables: Tables,
    seq: u64,
    at: u64,
    nth: u64,
    prevented: (u64, u64, u64),
    /// In which command an order got another client id, and which it had.
    renamed: (u64, String),
}

pub fn fold(batches: &[Batch]) -> Tables {
    let mut naive = Naive::default();
    for (table, _) in DUMPS {
        naive.tables.insert(table, Vec::new());
    }
    naive.tables.insert(ENTRIES, Vec::new());
    for batch in batches {
        for (record, events) in batch.iter() {
            (naive.seq, naive.at, naive.nth) = (record.seq.0, record.at.0, 0);
            for event in events {
                naive.event(&record.command, event);
            }
        }
    }
    naive.finish()
}

fn side(side: Side) -> u8 {
    1 + (side == Side::Buy) as u8
}

/// As the database sees it.
fn id(user: UserId) -> i64 {
    user.0 as i64
}

impl Naive {
    fn line(&mut self, table: &'static str, line: String) {
        self.tables.get_mut(table).expect("all are there").push(line);
    }

    fn event(&mut self, command: &Command, event: &Event) {
        let at = self.at;
        match event {
            Event::AssetSet(spec) => {
                let line = format!("{}|{}|{}|{}", spec.id.0, spec.symbol, spec.scale, spec.display_scale);
                self.assets.insert(spec.id.0, line);
            }
            Event::MarketSet(s) => {
                let line = format!(
                    "{}|{}|{}|{}|{}|{}|{}|{}",
                    s.id.0, s.symbol, s.base.0, s.quote.0, s.price_scale, s.tick_units, s.qty_scale, s.lot_units
                );
                self.markets.insert(s.id.0, line);
            }
            Event::Posting(posting) if !posting.repeated => {
                let detail = match command {
                    Command::Credit(f) | Command::Debit(f) | Command::Transfer { funding: f, .. } => {
                        f.detail.to_string()
                    }
                    _ => String::new(),
                };
                for (account, change) in [(posting.from, -posting.amount), (posting.to, posting.amount)] {
                    if let Account::User(user) = account {
                        let business = format!("{}|{}", posting.business, posting.business_id);
                        let line = self.entry(user, posting.asset, change, 1, &business, &detail);
                        self.line("ledger", line);
                    }
                }
            }
            Event::Placed(placed) => self.placed(placed),
            Event::Trade(trade) => self.trade(trade),
            Event::Prevented { .. } => self.prevented(event),
            Event::Triggered { order, .. } => self.order(order.0).updated = at,
            Event::Renamed { order, user, client_id, .. } => {
                let line = format!("{}|{client_id}|{}", id(*user), order.0);
                if !self.tables["order_clients"].contains(&line) {
                    self.line("order_clients", line);
                }
                let old = std::mem::replace(&mut self.order(order.0).client, client_id.to_string());
                self.renamed = (self.seq, old);
            }
            Event::Changed(changed) => self.changed(changed),
            Event::Closed(closed) => {
                let (maker, taker, qty) = self.prevented;
                let order = self.order(closed.order.0);
                order.status = closed.status;
                order.cause = match closed.cause {
                    CloseCause::Filled => 0,
                    CloseCause::User => 1,
                    CloseCause::SelfTrade => 3,
                    CloseCause::Gtd => 4,
                    CloseCause::Refused(reason) => 1000 + reason as i64,
                    other => panic!("the feed makes no {other:?}"),
                };
                if closed.cause == CloseCause::SelfTrade {
                    assert!([maker, taker].contains(&closed.order.0));
                    order.prevented += qty;
                }
                (order.updated, order.finished) = (at, at);
            }
            Event::ListPlaced { list, user, market, client_id, orders, .. } => {
                let (first, second) = (orders[0].0, orders[1].0);
                let line = format!("{}|{}|{}|{client_id}|{first}|{second}", list.0, id(*user), market.0);
                self.lists.insert(list.0, (line, at, 0));
            }
            Event::ListDone { list, .. } => self.lists.get_mut(&list.0).expect("placed").2 = at,
            _ => {}
        }
    }

    fn prevented(&mut self, event: &Event) {
        let Event::Prevented { market, maker_order, taker_order, maker_user, taker_user, price, qty } = *event else {
            panic!("{event:?}")
        };
        let (maker, taker) = ((maker_order.0, id(maker_user)), (taker_order.0, id(taker_user)));
        // The feed has one a command.
        let (number, at) = (self.seq * 64, self.at);
        let numbers = format!("{}|{}|0", price_text(market, price.0), qty_text(market, qty.0));
        for (own, other, takes) in [(maker, taker, 0), (taker, maker, 1)] {
            let line = format!("{}|{number}|{}|{}|{takes}|{at}|{}|{}", own.0, own.1, market.0, other.0, other.1);
            self.line("prevented_matches", format!("{line}|{numbers}"));
        }
        self.prevented = (maker_order.0, taker_order.0, qty.0);
    }

    fn changed(&mut self, changed: &allin_core::spot::event::Changed) {
        let at = self.at;
        let (maker, taker, qty) = self.prevented;
        let seq = self.seq;
        let order = self.order(changed.order.0);
        let old = qty_text(order.market, order.qty);
        if changed.cause == ChangeCause::Decremented {
            assert!([maker, taker].contains(&changed.order.0));
            order.prevented += qty;
            assert_eq!(changed.qty.0, order.qty - order.prevented);
        }
        (order.price, order.qty) = (changed.price.0, changed.qty.0 + order.prevented);
        order.updated = at;
        if changed.cause == ChangeCause::Amended {
            let (new, client) = (qty_text(order.market, order.qty), order.client.clone());
            let before = if self.renamed.0 == seq { self.renamed.1.clone() } else { client.clone() };
            let line = format!("{}|{seq}|{at}|{old}|{new}|{before}|{client}", changed.order.0);
            self.line("amendments", line);
        }
    }

    fn order(&mut self, order: u64) -> &mut Order {
        self.orders.get_mut(&order).expect("placed")
    }

    fn placed(&mut self, placed: &allin_core::spot::event::Placed) {
        let new = &placed.new;
        if !new.client_id.is_empty() {
            let line = format!("{}|{}|{}", id(new.user), new.client_id, placed.order.0);
            self.line("order_clients", line);
        }
        let order = Order {
            head: format!("{}|{}|{}|{}", id(new.user), new.market.0, side(new.side), new.kind as u8),
            client: new.client_id.to_string(),
            source: new.source.to_string(),
            market: new.market,
            rates: (placed.rates.maker.0, placed.rates.taker.0),
            status: placed.status,
            price: new.price.0,
            stop_price: new.stop_price.0,
            qty: new.qty.0,
            filled: 0,
            filled_quote: 0,
            prevented: 0,
            fees: Vec::new(),
            cause: -1,
            created: self.at,
            updated: self.at,
            finished: 0,
        };
        self.orders.insert(placed.order.0, order);
    }

    fn trade(&mut self, trade: &Trade) {
        let (market, at, id_) = (trade.market, self.at, trade.trade.0);
        let spec = market_spec(market);
        let (base, quote) = amounts(market, trade.price.0, trade.qty.0);
        assert_eq!(quote, trade.quote);
        let (price, qty) = (price_text(market, trade.price.0), qty_text(market, trade.qty.0));
        let numbers = format!("{price}|{qty}|{}", amount_text(spec.quote, quote));
        let line = format!("{}|{id_}|{at}|{numbers}|{}|{}", market.0, side(trade.taker_side), trade.taker_order.0);
        self.line("market_deals", line);
        for maker in [false, true] {
            let (user, order, fee, fee_asset, other_order, other_user) = if maker {
                let other = (trade.taker_order, trade.taker_user);
                (trade.maker_user, trade.maker_order, trade.maker_fee, trade.maker_fee_asset, other.0, other.1)
            } else {
                let other = (trade.maker_order, trade.maker_user);
                (trade.taker_user, trade.taker_order, trade.taker_fee, trade.taker_fee_asset, other.0, other.1)
            };
            let buys = (trade.taker_side == Side::Buy) != maker;
            let own_side = 1 + buys as u8;
            let state = self.order(order.0);
            state.status = OrderStatus::PartiallyFilled;
            state.filled += trade.qty.0;
            state.filled_quote += quote;
            state.updated = at;
            if fee != 0 {
                match state.fees.iter().position(|(asset, _)| *asset == fee_asset) {
                    Some(index) => state.fees[index].1 += fee,
                    None => state.fees.push((fee_asset, fee)),
                }
            }
            let rate = if maker { state.rates.0 } else { state.rates.1 };
            let rest = format!("\"i\":{},\"m\":\"{}\",\"p\":\"{price}\",\"t\":{id_}}}", order.0, spec.symbol);
            let plain = format!("{{\"a\":\"{qty}\",{rest}");
            let business = format!("trade|{id_}");
            let given = if buys { (spec.quote, quote) } else { (spec.base, base) };
            let got = if buys { (spec.base, base) } else { (spec.quote, quote) };
            let (nth, mut legs) = (self.nth, 2);
            self.entry(user, given.0, -given.1, 0, &business, &plain);
            self.entry(user, got.0, got.1, 0, &business, &plain);
            if fee != 0 {
                let rate = text(Amount::from(rate), 8);
                let rate = rate.trim_end_matches('0').trim_end_matches('.');
                let detail = format!("{{\"a\":\"{qty}\",\"f\":\"{rate}\",{rest}");
                let line = self.entry(user, fee_asset, -fee, 0, &business, &detail);
                match fee_asset == spec.base || fee_asset == spec.quote {
                    true => legs += 1,
                    false => self.line("ledger", line),
                }
            }
            let total = |asset| amount_text(asset, self.totals[&(user, asset)]);
            let line = format!(
                "{}|{}|{id_}|{}|{at}|{}|{own_side}|{}|{}|{numbers}|{}|{}|{}|{nth}|{legs}|{rate}|{}|{}|{}|{}",
                id(user),
                market.0,
                maker as u8,
                order.0,
                other_order.0,
                id(other_user),
                amount_text(fee_asset, fee),
                fee_asset.0,
                self.seq,
                spec.base.0,
                spec.quote.0,
                total(spec.base),
                total(spec.quote)
            );
            self.line("user_deals", line);
        }
    }

    fn entry(
        &mut self,
        user: UserId,
        asset: AssetId,
        change: Amount,
        kind: u8,
        business: &str,
        detail: &str,
    ) -> String {
        let total = self.totals.entry((user, asset)).or_default();
        *total += change;
        let (change, total) = (amount_text(asset, change), amount_text(asset, *total));
        let place = format!("{}|{}|{}", self.at, self.seq, self.nth);
        self.nth += 1;
        let line = format!("{}|{}|{kind}|{place}|{business}|{change}|{total}|{detail}", id(user), asset.0);
        self.line(ENTRIES, line.clone());
        line
    }

    fn finish(mut self) -> Tables {
        for (id, o) in std::mem::take(&mut self.orders) {
            let fees: Vec<String> = o
                .fees
                .iter()
                .map(|(asset, fee)| format!("{}={}", asset_spec(*asset).symbol, amount_text(*asset, *fee)))
                .collect();
            let (m, quote) = (o.market, market_spec(o.market).quote);
            let line = format!(
                "{id}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}",
                o.head,
                o.status as u8,
                price_text(m, o.price),
                price_text(m, o.stop_price),
                qty_text(m, o.qty),
                qty_text(m, o.filled),
                amount_text(quote, o.filled_quote),
                qty_text(m, o.prevented),
                fees.join(","),
                o.rates.0,
                o.rates.1,
                o.client,
                o.source,
                o.cause,
                o.created,
                o.updated,
                o.finished
            );
            self.line("orders", line);
        }
        for ((user, asset), total) in std::mem::take(&mut self.totals) {
            self.line("balances", format!("{}|{}|{}", id(user), asset.0, amount_text(asset, total)));
        }
        for (_, (line, created, finished)) in std::mem::take(&mut self.lists) {
            self.line("order_lists", format!("{line}|{created}|{finished}"));
        }
        for line in std::mem::take(&mut self.assets).into_values() {
            self.line("assets", line);
        }
        for line in std::mem::take(&mut self.markets).into_values() {
            self.line("markets", line);
        }
        for (_, lines) in self.tables.iter_mut().filter(|(table, _)| **table != ENTRIES) {
            lines.sort();
        }
        self.tables
    }
}
