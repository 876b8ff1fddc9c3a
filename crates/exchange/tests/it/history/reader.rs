//! The reader's answers against filters over everything there is.

use crate::guarded::channel;
use std::collections::BTreeSet;
use std::sync::Arc;

use allin_core::ids::{AssetId, Seq, UserId};
use allin_databases::{Database, Place, on_every_database};
use allin_exchange::history_schema::{CONSUMER, LEDGER};
use allin_exchange::historyreader::query::{self, LedgerFilter, Page, Span};
use allin_exchange::historyreader::{self, Handles, HistoryReaderSection, Service};
use allin_runtime::args;
use allin_runtime::engine::Batch;
use allin_runtime::store::{Row, Rows, Store, Value};
use allin_wire::exchange::v1::history_reader_client::HistoryReaderClient;
use allin_wire::exchange::v1::{
    HistoryOrder, LedgerEntry, LedgerRequest, MarketDeal, MarketDealsRequest, OrderDealsRequest, OrderRequest,
    OrdersRequest, UserDeal, UserDealsRequest,
};
use tonic::{Code, Request};

use super::bus::ReadyBus;
use super::feed::{Feed, Random};
use super::naive::{self, ENTRIES, Tables};
use super::writer::{start, until_written};

const NAME: &str = "test-historyreader";
const USERS: [u64; 5] = [1, 2, 3, 4, u64::MAX - 100];
const MARKETS: [&str; 2] = ["BTCUSD", "TOKBTC"];
const ASSETS: [&str; 3] = ["BTC", "USD", "TOK"];
const ASSET_IDS: [(&str, u32); 3] = [("BTC", 0), ("USD", 1), ("TOK", 2)];

struct Fixture {
    place: Place,
    reader: Service,
    tables: Tables,
    last: u64,
    span: (u64, u64),
}

async fn read(place: &Place) -> Service {
    let handles = Handles { store_url: place.url.clone(), listener: crate::guarded::port().await };
    let mut service = historyreader::start(NAME, HistoryReaderSection::default(), handles).expect("starts");
    service.running.ready().await.expect("is ready");
    service
}

async fn fixture(database: Database, seed: u64, commands: u64) -> Fixture {
    let batches: Vec<Batch> = Feed::new(seed, 5, 30).batches(commands, 40);
    let tables = naive::fold(&batches);
    let times = batches.iter().flat_map(|batch| &batch.records).map(|record| record.at.0);
    let span = (times.clone().min().expect("some"), times.max().expect("some"));
    let place = database.place();
    let bus: Arc<ReadyBus> = ReadyBus::new(batches, 0);
    let mut writer = start(&place, &bus, Default::default());
    until_written(&mut writer, bus.last()).await;
    writer.running.stop().await.expect("stops");
    let reader = read(&place).await;
    Fixture { reader, tables, last: bus.last().0, span, place }
}

impl Fixture {
    async fn orders(&self, request: OrdersRequest) -> Vec<HistoryOrder> {
        let reply = self.reader.api.orders(Request::new(request)).await.expect("answers").into_inner();
        assert_eq!(reply.as_of_seq, self.last);
        reply.orders
    }

    async fn deals(&self, request: UserDealsRequest) -> Vec<UserDeal> {
        self.reader.api.user_deals(Request::new(request)).await.expect("answers").into_inner().deals
    }

    async fn market_deals(&self, request: MarketDealsRequest) -> Vec<MarketDeal> {
        self.reader.api.market_deals(Request::new(request)).await.expect("answers").into_inner().deals
    }

    async fn ledger(&self, request: LedgerRequest) -> Vec<LedgerEntry> {
        self.reader.api.ledger(Request::new(request)).await.expect("answers").into_inner().entries
    }

    async fn whole_ledger(&self, user: u64) -> Vec<LedgerEntry> {
        let mut all = Vec::new();
        loop {
            let request = LedgerRequest { user, offset: all.len() as u32, limit: 100, ..Default::default() };
            let some = self.ledger(request).await;
            if some.is_empty() {
                return all;
            }
            all.extend(some);
        }
    }

    /// Of the naive fold, oldest first.
    fn entries(&self, user: u64) -> impl DoubleEndedIterator<Item = &String> {
        let own = format!("{}|", user as i64);
        self.tables[ENTRIES].iter().filter(move |line| line.starts_with(&own))
    }

    fn wanted_ledger(&self, user: u64) -> Vec<String> {
        self.entries(user).rev().map(|line| without_place(line)).collect()
    }

    /// A time within the feed, or none.
    fn time(&self, random: &mut Random) -> u64 {
        let (first, last) = self.span;
        if random.one_in(3) { 0 } else { first + random.below(last - first + 2) }
    }
}

fn one_or_none(random: &mut Random, names: &[&str]) -> String {
    let index = random.below(names.len() as u64 * 2) as usize;
    names.get(index).copied().unwrap_or_default().to_owned()
}

fn within(at: u64, start: u64, end: u64) -> bool {
    start <= at && (end == 0 || at < end)
}

fn page<T: Clone>(all: Vec<T>, offset: u32, limit: u32) -> Vec<T> {
    all.into_iter().skip(offset as usize).take(if limit == 0 { 1000 } else { limit as usize }).collect()
}

/// Time, sequence and number within the command, of a line of the ledger's table.
fn place(line: &str) -> (u64, u64, u64) {
    let fields: Vec<u64> = line.split('|').skip(3).take(3).map(|field| field.parse().expect("a number")).collect();
    (fields[0], fields[1], fields[2])
}

/// A line of the ledger's table as an answer tells it: without kind and number within the command.
fn without_place(line: &str) -> String {
    let fields: Vec<&str> = line.split('|').collect();
    [&fields[..2], &fields[3..5], &fields[6..]].concat().join("|")
}

fn line(entry: &LedgerEntry) -> String {
    let LedgerEntry { at_us, seq, user, asset, business, business_id, change, balance, detail } = entry;
    let asset = ASSET_IDS.iter().find(|(symbol, _)| symbol == asset).expect("is listed").1;
    format!("{}|{asset}|{at_us}|{seq}|{business}|{business_id}|{change}|{balance}|{detail}", *user as i64)
}

on_every_database! {
async fn orders_by_every_filter(database: Database) {
    let fixture = fixture(database, 91, 3000).await;
    let mut random = Random::new(1);
    let mut seen = 0;
    for user in USERS {
        let mut all = Vec::new();
        loop {
            let request = OrdersRequest { user, offset: all.len() as u32, limit: 17, ..Default::default() };
            let some = fixture.orders(request).await;
            if some.is_empty() {
                break;
            }
            all.extend(some);
        }
        seen += all.len();
        assert!(all.is_sorted_by_key(|order| std::cmp::Reverse((order.created_us, order.order))));
        for _ in 0..200 {
            let market = one_or_none(&mut random, &MARKETS);
            let request = OrdersRequest {
                user,
                market,
                side: random.below(3) as u32,
                start_us: fixture.time(&mut random),
                end_us: fixture.time(&mut random),
                offset: random.below(5) as u32,
                limit: random.below(30) as u32,
                finished: random.one_in(2),
                from_order: random.below(2) * random.below(2000),
            };
            let keep = |order: &&HistoryOrder| {
                (request.market.is_empty() || order.market == request.market)
                    && (request.side == 0 || order.side == request.side)
                    && within(order.created_us, request.start_us, request.end_us)
                    && (!request.finished || order.finished_us != 0)
                    && order.order >= request.from_order
            };
            let mut kept: Vec<HistoryOrder> = all.iter().filter(keep).cloned().collect();
            if request.from_order != 0 {
                kept.reverse();
            }
            let wanted = page(kept, request.offset, request.limit);
            assert_eq!(fixture.orders(request.clone()).await, wanted, "{request:?}");
        }
        for order in &all {
            let by_id = OrderRequest { user: 0, order: order.order, client_id: String::new() };
            let reply = fixture.reader.api.order(Request::new(by_id)).await.expect("answers").into_inner();
            assert_eq!(reply.order.as_ref(), Some(order));
            let foreign = OrderRequest { user: user ^ 64, order: order.order, client_id: String::new() };
            let reply = fixture.reader.api.order(Request::new(foreign)).await.expect("answers").into_inner();
            assert_eq!(reply.order, None, "is another user's");
            if !order.client_id.is_empty() {
                let by_client = OrderRequest { user, order: 0, client_id: order.client_id.clone() };
                let reply = fixture.reader.api.order(Request::new(by_client)).await.expect("answers").into_inner();
                let newest = all.iter().find(|other| other.client_id == order.client_id);
                match reply.order {
                    // A younger one was called so before it was amended.
                    Some(told) if told.client_id != order.client_id => {
                        assert!(newest.is_some_and(|newest| newest.order < told.order), "{told:?}");
                    }
                    told => assert_eq!(told.as_ref(), newest),
                }
            }
        }
    }
    assert_eq!(seen, fixture.tables["orders"].len());
}

async fn deals_by_every_filter(database: Database) {
    let fixture = fixture(database, 92, 3000).await;
    let mut random = Random::new(2);
    let mut orders = BTreeSet::new();
    let mut seen = 0;
    for user in USERS {
        let mut all = Vec::new();
        loop {
            let request = UserDealsRequest { user, offset: all.len() as u32, limit: 100, ..Default::default() };
            let some = fixture.deals(request).await;
            if some.is_empty() {
                break;
            }
            all.extend(some);
        }
        seen += all.len();
        assert!(all.is_sorted_by_key(|deal| std::cmp::Reverse(deal.at_us)));
        orders.extend(all.iter().map(|deal| deal.order));
        for _ in 0..200 {
            let market = one_or_none(&mut random, &MARKETS);
            let request = UserDealsRequest {
                user,
                side: random.below(3) as u32,
                start_us: fixture.time(&mut random),
                end_us: fixture.time(&mut random),
                offset: random.below(5) as u32,
                limit: random.below(30) as u32,
                from_trade: if market.is_empty() { 0 } else { random.below(2) * random.below(500) },
                market,
            };
            let keep = |deal: &&UserDeal| {
                (request.market.is_empty() || deal.market == request.market)
                    && (request.side == 0 || deal.side == request.side)
                    && within(deal.at_us, request.start_us, request.end_us)
                    && deal.trade >= request.from_trade
            };
            let mut kept: Vec<UserDeal> = all.iter().filter(keep).cloned().collect();
            if request.from_trade != 0 {
                kept.reverse();
            }
            let wanted = page(kept, request.offset, request.limit);
            assert_eq!(fixture.deals(request.clone()).await, wanted, "{request:?}");
        }
    }
    assert_eq!(seen, fixture.tables["user_deals"].len());
    let mut of_orders = 0;
    for order in orders {
        let request = OrderDealsRequest { order, offset: 0, limit: 0, from_trade: 0 };
        let reply = fixture.reader.api.order_deals(Request::new(request)).await.expect("answers").into_inner();
        assert!(reply.deals.iter().all(|deal| deal.order == order));
        assert!(reply.deals.is_sorted_by_key(|deal| std::cmp::Reverse(deal.trade)));
        of_orders += reply.deals.len();
        if let Some(middle) = reply.deals.get(reply.deals.len() / 2) {
            let request = OrderDealsRequest { from_trade: middle.trade, ..request };
            let later = fixture.reader.api.order_deals(Request::new(request)).await.expect("answers").into_inner();
            let expected = reply.deals.iter().rev().filter(|deal| deal.trade >= middle.trade).cloned();
            assert_eq!(later.deals, expected.collect::<Vec<_>>());
        }
    }
    assert_eq!(of_orders, seen);
}

async fn deals_of_markets_by_every_filter(database: Database) {
    let fixture = fixture(database, 93, 3000).await;
    let mut random = Random::new(3);
    let mut seen = 0;
    for market in MARKETS {
        let mut all: Vec<MarketDeal> = Vec::new();
        loop {
            let from_trade = all.last().map_or(1, |deal| deal.trade + 1);
            let request = MarketDealsRequest { market: market.to_owned(), from_trade, limit: 50, ..Default::default() };
            let some = fixture.market_deals(request).await;
            if some.is_empty() {
                break;
            }
            all.extend(some);
        }
        seen += all.len();
        assert!(all.iter().zip(1..).all(|(deal, id)| deal.trade == id), "dense from 1");
        for _ in 0..300 {
            let request = MarketDealsRequest {
                market: market.to_owned(),
                from_trade: random.below(2) * random.below(500),
                start_us: fixture.time(&mut random),
                end_us: fixture.time(&mut random),
                limit: random.below(30) as u32,
            };
            let keep = |deal: &&MarketDeal| {
                deal.trade >= request.from_trade && within(deal.at_us, request.start_us, request.end_us)
            };
            let mut kept: Vec<MarketDeal> = all.iter().filter(keep).cloned().collect();
            if request.from_trade == 0 {
                kept.reverse();
            }
            let wanted = page(kept, 0, request.limit);
            assert_eq!(fixture.market_deals(request.clone()).await, wanted, "{request:?}");
        }
    }
    assert_eq!(seen, fixture.tables["market_deals"].len());
}

async fn ledger_by_every_filter(database: Database) {
    let fixture = fixture(database, 94, 6000).await;
    let mut random = Random::new(4);
    let businesses = [vec![], vec!["trade"], vec!["deposit"], vec!["trade", "transfer"], vec!["nothing"]];
    let mut most = 0;
    for user in USERS {
        let all = fixture.whole_ledger(user).await;
        assert_eq!(all.iter().map(line).collect::<Vec<_>>(), fixture.wanted_ledger(user), "{user}");
        most = most.max(all.len());
        // Pages that are far begin at any of a deal's entries.
        for offset in (2001..all.len() as u32).take(12) {
            let request = LedgerRequest { user, offset, limit: 4, ..Default::default() };
            assert_eq!(fixture.ledger(request).await, page(all.clone(), offset, 4), "{user} {offset}");
        }
        for _ in 0..150 {
            let asset = one_or_none(&mut random, &ASSETS);
            let business = &businesses[random.below(5) as usize];
            let far = if random.below(8) == 0 { 2001 } else { 0 };
            let request = LedgerRequest {
                user,
                asset,
                business: business.iter().map(|one| (*one).to_owned()).collect(),
                start_us: fixture.time(&mut random),
                end_us: fixture.time(&mut random),
                offset: random.below(5) as u32 + far,
                limit: random.below(30) as u32,
            };
            let keep = |entry: &&LedgerEntry| {
                (request.asset.is_empty() || entry.asset == request.asset)
                    && (business.is_empty() || business.contains(&entry.business.as_str()))
                    && within(entry.at_us, request.start_us, request.end_us)
            };
            let kept: Vec<LedgerEntry> = all.iter().filter(keep).cloned().collect();
            let wanted = page(kept, request.offset, request.limit);
            assert_eq!(fixture.ledger(request.clone()).await, wanted, "{request:?}");
        }
    }
    assert!(most > 2100, "{most} entries are not enough for a page that is far");
}

async fn a_far_page_of_the_ledger_is_merged_in_the_same_way(database: Database) {
    let fixture = fixture(database, 98, 2000).await;
    let store = Store::open(&fixture.place.url).await.expect("opens");
    let mut seen = 0;
    for (user, asset) in USERS.into_iter().flat_map(|user| [None, Some(0), Some(1), Some(2)].map(|asset| (user, asset))) {
        let is_of = |line: &&String| asset.is_none_or(|asset| line.split('|').nth(1) == Some(&asset.to_string()));
        let all: Vec<(u64, u64, u64)> = fixture.entries(user).filter(is_of).map(|line| place(line)).collect();
        for (offset, limit) in [(0, 5), (7, 30), (90, 900)] {
            let (user, page) = (UserId(user), Page { offset, limit });
            let asset = asset.map(AssetId);
            let (span, as_of) = (Span::default(), Seq(fixture.last));
            let filter = LedgerFilter { user, asset, business: Vec::new(), span, until: None, as_of, page };
            let statement = query::ledger_far(&filter);
            let rows = store.query(&statement.sql, &statement.args).await.expect("answers");
            let number = |row: &Row, column| row.unsigned(column).expect("a number");
            let found: Vec<_> = rows.iter().map(|row| (number(row, 0), number(row, 1), number(row, 2))).collect();
            let near = all.iter().rev().skip(offset as usize).take(limit as usize);
            assert_eq!(found, near.copied().collect::<Vec<_>>(), "{user:?} {asset:?} {offset}");
            seen += found.len();
        }
    }
    assert!(seen > 500, "{seen} entries");
}

/// The writer ended, or is, between its two lanes.
async fn what_is_told_ahead_of_the_state_is_not_there_yet(database: Database) {
    let fixture = fixture(database, 90, 8000).await;
    let as_of = fixture.last / 2;
    let store = Store::open(&fixture.place.url).await.expect("opens");
    let mut tx = store.begin().await.expect("begins");
    tx.execute("UPDATE positions SET seq = ? WHERE name = ?", args![as_of, CONSUMER]).await.expect("moves");
    let newest = "SELECT MAX(order_id) FROM history_user_deals WHERE seq <= ?";
    let newest = tx.query(newest, args![as_of]).await.expect("answers")[0].unsigned(0).expect("there are some");
    let gone = tx.execute("DELETE FROM history_orders WHERE order_id > ?", args![newest]).await.expect("deletes");
    assert!(gone > 100, "{gone} orders");
    tx.commit().await.expect("ends");
    let seq_of = |line: &str| line.split('|').nth(14).map(|seq| seq.parse::<u64>().expect("a number"));
    let is_there = |line: &&String| seq_of(line) <= Some(as_of);
    let wanted = fixture.tables["user_deals"].iter().filter(is_there).count();
    let (mut seen, mut seen_in, mut seen_of) = (0, 0, 0);
    for user in USERS {
        let ledger: Vec<String> = fixture.entries(user).filter(|line| place(line).1 <= as_of).rev().cloned().collect();
        let told = fixture.whole_ledger(user).await;
        assert!(told.iter().map(line).eq(ledger.iter().map(|line| without_place(line))), "{user}");
        for (asset, id) in ASSET_IDS {
            // Near, and far.
            for offset in [0, 2001] {
                let request = LedgerRequest { user, asset: asset.into(), offset, limit: 1000, ..Default::default() };
                let of_asset = ledger.iter().filter(|line| line.split('|').nth(1) == Some(&id.to_string()));
                let wanted: Vec<String> = of_asset.map(|line| without_place(line)).collect();
                let told: Vec<String> = fixture.ledger(request).await.iter().map(line).collect();
                assert_eq!(told, page(wanted, offset, 1000), "{user} {asset} {offset}");
            }
        }
        let deals = fixture.deals(UserDealsRequest { user, limit: 1000, ..Default::default() }).await;
        assert!(deals.len() < 1000, "one page has them all");
        let orders: BTreeSet<u64> = deals.iter().map(|deal| deal.order).collect();
        for order in orders {
            let request = OrderDealsRequest { order, ..Default::default() };
            seen_of += fixture.reader.api.order_deals(Request::new(request)).await.expect("answers").into_inner().deals.len();
        }
        for market in MARKETS {
            let request = UserDealsRequest { user, market: market.into(), limit: 1000, ..Default::default() };
            seen_in += fixture.deals(request).await.len();
        }
        seen += deals.len();
    }
    assert_eq!((seen, seen_in, seen_of), (wanted, wanted, wanted));
}

async fn entries_that_have_rows_from_before_are_told_as_well(database: Database) {
    let fixture = fixture(database, 99, 1500).await;
    let store = Store::open(&fixture.place.url).await.expect("opens");
    let middle = fixture.last / 2;
    let mut tx = store.begin().await.expect("begins");
    let mut rows = Rows::new("history_ledger", LEDGER);
    let written: BTreeSet<&String> = fixture.tables["ledger"].iter().collect();
    for line in fixture.tables[ENTRIES].iter().filter(|line| place(line).1 <= middle && !written.contains(line)) {
        let fields: Vec<&str> = line.splitn(LEDGER.len(), '|').collect();
        let value = |column: usize| match column {
            6 | 8.. => Value::from(fields[column]),
            _ => Value::from(fields[column].parse::<i64>().expect("a number")),
        };
        rows.push(std::array::from_fn::<Value, 11, _>(value));
    }
    assert!(rows.len() > 300, "{} rows", rows.len());
    tx.insert(&rows).await.expect("inserts");
    let forget = "UPDATE history_user_deals SET seq = 0, nth = 0, legs = 0, rate = 0, base_asset = -1, quote_asset = -1, \
                  base_total = '', quote_total = '' WHERE seq <= ?";
    tx.execute(forget, args![middle]).await.expect("updates");
    tx.commit().await.expect("ends");
    for user in USERS {
        let all = fixture.whole_ledger(user).await;
        assert_eq!(all.iter().map(line).collect::<Vec<_>>(), fixture.wanted_ledger(user), "{user}");
        for asset in ASSETS {
            let request = LedgerRequest { user, asset: asset.into(), limit: 1000, ..Default::default() };
            let wanted: Vec<LedgerEntry> = all.iter().filter(|entry| entry.asset == asset).cloned().collect();
            assert_eq!(fixture.ledger(request).await, page(wanted, 0, 1000), "{user} {asset}");
        }
    }
}

async fn what_is_unknown_is_empty_and_what_makes_no_sense_is_refused(database: Database) {
    let fixture = fixture(database, 95, 300).await;
    let nowhere = "NOWHERE".to_owned();
    assert!(fixture.orders(OrdersRequest { user: 1, market: nowhere.clone(), ..Default::default() }).await.is_empty());
    assert!(fixture.orders(OrdersRequest { user: 77, ..Default::default() }).await.is_empty());
    let far = OrdersRequest { user: 1, from_order: u64::MAX, ..Default::default() };
    assert!(fixture.orders(far).await.is_empty());
    let late = OrdersRequest { user: 1, start_us: u64::MAX, ..Default::default() };
    assert!(fixture.orders(late).await.is_empty());
    let everything = OrdersRequest { user: 1, end_us: u64::MAX, limit: u32::MAX, ..Default::default() };
    assert!(!fixture.orders(everything).await.is_empty());
    assert!(fixture.ledger(LedgerRequest { user: 1, asset: nowhere.clone(), ..Default::default() }).await.is_empty());
    let odd = "' OR 1=1 --".repeat(20);
    assert!(fixture.ledger(LedgerRequest { user: 1, asset: odd.clone(), ..Default::default() }).await.is_empty());
    let injected = LedgerRequest { user: 1, business: vec![odd], ..Default::default() };
    assert!(fixture.ledger(injected).await.is_empty());
    let deals = MarketDealsRequest { market: MARKETS[0].to_owned(), from_trade: u64::MAX, ..Default::default() };
    assert!(fixture.market_deals(deals).await.is_empty());

    let api = &fixture.reader.api;
    let side = OrdersRequest { user: 1, side: 3, ..Default::default() };
    let refused = [
        api.orders(Request::new(side)).await.err(),
        api.order(Request::new(OrderRequest::default())).await.err(),
        api.order(Request::new(OrderRequest { client_id: "c-1".to_owned(), ..Default::default() })).await.err(),
        api.user_deals(Request::new(UserDealsRequest { user: 1, from_trade: 5, ..Default::default() })).await.err(),
        api.market_deals(Request::new(MarketDealsRequest::default())).await.err(),
        api.ledger(Request::new(LedgerRequest { business: vec![nowhere; 101], ..Default::default() })).await.err(),
    ];
    for (index, refused) in refused.into_iter().enumerate() {
        assert_eq!(refused.map(|status| status.code()), Some(Code::InvalidArgument), "{index}");
    }
}

async fn the_port_gives_the_same_answers(database: Database) {
    let fixture = fixture(database, 96, 500).await;
    let address = fixture.reader.running.addresses()[0];
    let mut client = HistoryReaderClient::new(channel(address));
    let request = OrdersRequest { user: 1, ..Default::default() };
    let reply = client.orders(request.clone()).await.expect("answers").into_inner();
    assert!(!reply.orders.is_empty());
    assert_eq!(reply.orders, fixture.orders(request).await);
    drop(client);
    fixture.reader.running.stop().await.expect("stops");
}

async fn waits_for_the_writer_and_sees_what_it_writes_then(database: Database) {
    let place = database.place();
    let handles = Handles { store_url: place.url.clone(), listener: crate::guarded::port().await };
    let mut reader = historyreader::start(NAME, HistoryReaderSection::default(), handles).expect("starts");
    let request = OrdersRequest { user: 1, ..Default::default() };
    let early = reader.api.orders(Request::new(request.clone())).await.expect_err("not yet");
    assert_eq!(early.code(), Code::Unavailable);
    assert!(!reader.running.is_ready());

    let batches = Feed::new(97, 5, 30).batches(300, 10);
    let listings = ReadyBus::new(batches[..1].to_vec(), 0);
    let mut writer = start(&place, &listings, Default::default());
    until_written(&mut writer, listings.last()).await;
    writer.running.stop().await.expect("stops");
    reader.running.ready().await.expect("is ready");
    let all = ReadyBus::new(batches, 0);
    let mut writer = start(&place, &all, Default::default());
    until_written(&mut writer, all.last()).await;
    let reply = reader.api.orders(Request::new(request)).await.expect("answers").into_inner();
    assert_eq!(reply.as_of_seq, all.last().0);
    assert!(!reply.orders.is_empty());
}
}
