//! What is kept begins with a month: what goes, what stays, and what is answered.

use std::time::Duration;

use allin_core::ids::Seq;
use allin_databases::{Database, Place, on_every_database};
use allin_exchange::history_schema::months::PARTED;
use allin_exchange::history_schema::{self as schema, LEDGER_MOVEMENT, SCHEMA};
use allin_exchange::historyreader::{self, Handles, HistoryReaderSection};
use allin_runtime::engine::Batch;
use allin_runtime::store::{Month, Rows, Store, Value};
use allin_wire::exchange::v1::{
    AmendmentsRequest, LedgerRequest, ListsRequest, MarketDealsRequest, OrderDealsRequest, OrderRequest, OrdersRequest,
    PreventedMatchesRequest, UserDealsRequest,
};
use tonic::Request;

use super::bus::ReadyBus;
use super::feed::{Feed, Random};
use super::months::{SLOWLY, at, tick};
use super::naive;
use super::writer::{PATIENCE, assert_equals, small_batches, start_keeping, until_written};

const KEEP: u32 = 2;

async fn swept(store: &Store) -> (u64, u64) {
    let rows = store.query("SELECT from_us, swept_us FROM history_kept", &[]).await.expect("reads");
    (rows[0].unsigned(0).expect("a number"), rows[0].unsigned(1).expect("a number"))
}

async fn until_swept(store: &Store, from: u64) {
    let looks = async {
        while swept(store).await != (from, from) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looks).await.expect("in time");
}

/// Where what is kept begins after a feed.
fn begin_after(batches: &[Batch]) -> u64 {
    let last = batches.last().and_then(|batch| batch.records.last()).expect("some").at.0;
    Month::of(last as i64).back(KEEP).start_us() as u64
}

fn kept(batches: &[Batch]) -> naive::Tables {
    let mut tables = naive::fold(batches);
    let all = tables.clone();
    naive::keep(&mut tables, begin_after(batches));
    for table in ["orders", "order_clients", "market_deals", "user_deals", "ledger", "amendments"] {
        assert!(tables[table].len() < all[table].len(), "the feed has old {table}");
        assert!(tables[table].len() > 10, "the feed has {table} to keep");
    }
    tables
}

/// Orders, and when they were created and finished; an order's list; whether it stays, and whether it is told.
const CREATED: [(u64, i64, i64, u64, bool, bool); 9] = [
    (1, -31 * DAY, -30 * DAY, 0, false, false),
    (2, -31 * DAY, OPEN, 0, true, true),
    (3, -40 * DAY, -1, 0, false, false),
    (4, -40 * DAY, 0, 0, true, true),
    (5, -1, -1, 0, false, false),
    (6, 0, 0, 0, true, true),
    // Its list is open.
    (7, -20 * DAY, -19 * DAY, 1, true, false),
    // Its list ended at the same time as it.
    (8, -20 * DAY, -19 * DAY, 2, false, false),
    (9, -65 * DAY, OPEN, 0, true, true),
];
const DAY: i64 = 86_400_000_000;
const OPEN: i64 = i64::MIN;
/// What is kept begins in February, two months before April.
const BEGIN: i64 = 3;

fn finished(plus: i64) -> Value {
    if plus == OPEN { 0_u64.into() } else { at(BEGIN, plus).into() }
}

fn texts<const N: usize>() -> [Value; N] {
    std::array::from_fn(|_| "1".into())
}

fn order_row((order, created, finish, list): (u64, i64, i64, u64)) -> [Value; 31] {
    let cause: i64 = if finish == OPEN { -1 } else { 0 };
    let number = |name: &str| -> Value {
        match name {
            "order_id" => order.into(),
            "user_id" => 1_u64.into(),
            "created_us" => at(BEGIN, created).into(),
            "finished_us" => finished(finish),
            "list_id" => list.into(),
            "close_cause" => cause.into(),
            "fees" => "".into(),
            "client_id" => format!("c{order}").into(),
            "price" | "stop_price" | "qty" | "quote_qty" | "display_qty" | "filled" | "filled_quote" | "prevented"
            | "source" => "1".into(),
            _ => 0_u64.into(),
        }
    };
    std::array::from_fn(|column| number(schema::ORDERS[column]))
}

fn deal_row(order: u64, trade: u64, plus: i64) -> [Value; 22] {
    let number = |name: &str| -> Value {
        match name {
            "user_id" => 1_u64.into(),
            "trade_id" => trade.into(),
            "at_us" => at(BEGIN, plus).into(),
            "order_id" => order.into(),
            "side" => 1_u64.into(),
            "price" | "qty" | "quote" | "fee" | "base_total" | "quote_total" => "1".into(),
            _ => 0_u64.into(),
        }
    };
    std::array::from_fn(|column| number(schema::USER_DEALS[column]))
}

/// Deals: order, trade, when; whether it stays.
const DEALS: [(u64, u64, i64, bool); 8] = [
    (9, 1, -64 * DAY, true),
    (1, 2, -31 * DAY, false),
    (2, 3, -31 * DAY, true),
    (7, 4, -19 * DAY, false),
    (4, 5, -1, true),
    (5, 6, -1, false),
    (6, 7, 0, true),
    (9, 8, 1, true),
];

async fn fill(store: &Store) {
    for parted in PARTED {
        let (first, last) = (Month::of(at(BEGIN - 3, 0) as i64), Month::of(at(BEGIN, 0) as i64));
        store.make_parts(parted.table, first, last).await.expect("makes");
    }
    let mut orders = Rows::new("history_orders", schema::ORDERS);
    let mut clients = Rows::new("history_order_clients", schema::ORDER_CLIENTS);
    let mut amendments = Rows::new("history_amendments", schema::AMENDMENTS);
    let mut prevented = Rows::new("history_prevented_matches", schema::PREVENTED_MATCHES);
    for (order, created, finish, list, ..) in CREATED {
        let time: Value = at(BEGIN, created).into();
        orders.push(order_row((order, created, finish, list)));
        for name in [format!("c{order}"), format!("before{order}")] {
            clients.push([1_u64.into(), name.into(), order.into(), time.clone()]);
        }
        let [one, two] = texts();
        let names = [format!("before{order}").into(), format!("c{order}").into()];
        let [before, after] = names;
        amendments.push([order.into(), order.into(), time.clone(), one, two, before, after]);
        let [price, qty] = texts();
        let none: Value = 0_u64.into();
        prevented.push([
            order.into(),
            (order * 64).into(),
            1_u64.into(),
            none.clone(),
            none.clone(),
            time,
            none.clone(),
            none.clone(),
            price,
            qty,
            none,
        ]);
    }
    let mut tx = store.begin().await.expect("begins");
    for rows in [orders, clients, amendments, prevented].into_iter().chain(lists_and_deals()) {
        tx.insert(&rows).await.expect("inserts");
    }
    tx.commit().await.expect("ends");
}

fn lists_and_deals() -> [Rows; 4] {
    let mut lists = Rows::new("history_order_lists", schema::ORDER_LISTS);
    for (list, first, finish) in [(1_u64, 7_u64, OPEN), (2, 8, -19 * DAY)] {
        let none: Value = 0_u64.into();
        let created = at(BEGIN, -20 * DAY).into();
        let client = format!("l{list}").into();
        let contingency = none.clone();
        lists.push([
            list.into(),
            1_u64.into(),
            none.clone(),
            client,
            contingency,
            first.into(),
            none.clone(),
            none,
            created,
            finished(finish),
        ]);
    }
    let mut user_deals = Rows::new("history_user_deals", schema::USER_DEALS);
    let mut market_deals = Rows::new("history_market_deals", schema::MARKET_DEALS);
    let mut ledger = Rows::new("history_ledger", schema::LEDGER);
    for (order, trade, plus, _) in DEALS {
        user_deals.push(deal_row(order, trade, plus));
        let ([price, qty, quote], none): ([Value; 3], Value) = (texts(), 0_u64.into());
        let time: Value = at(BEGIN, plus).into();
        market_deals.push([
            none.clone(),
            trade.into(),
            time.clone(),
            price,
            qty,
            quote,
            2_u64.into(),
            none.clone(),
            order.into(),
        ]);
        let [delta, balance] = texts();
        let kind = LEDGER_MOVEMENT.into();
        let (user, business, detail) = (1_u64.into(), "deposit".into(), "".into());
        // Of a command that is there in every test.
        let (seq, id) = (1_u64.into(), trade.into());
        ledger.push([user, none, kind, time, seq, trade.into(), business, id, delta, balance, detail]);
    }
    [lists, user_deals, market_deals, ledger]
}

async fn numbers(store: &Store, sql: &str) -> Vec<u64> {
    let rows = store.query(sql, &[]).await.expect("reads");
    rows.iter().map(|row| row.unsigned(0).expect("a number")).collect()
}

async fn assert_stays(store: &Store) {
    let stay: Vec<u64> = CREATED.iter().filter(|order| order.4).map(|order| order.0).collect();
    let told: Vec<u64> = CREATED.iter().filter(|order| order.5).map(|order| order.0).collect();
    let young: Vec<u64> = DEALS.iter().filter(|deal| deal.2 >= 0).map(|deal| deal.1).collect();
    let deals: Vec<u64> = DEALS.iter().filter(|deal| deal.3).map(|deal| deal.1).collect();
    let twice: Vec<u64> = told.iter().flat_map(|order| [*order, *order]).collect();
    for (sql, wanted) in [
        ("SELECT order_id FROM history_orders ORDER BY order_id", &stay),
        ("SELECT order_id FROM history_order_clients ORDER BY order_id", &twice),
        ("SELECT order_id FROM history_amendments ORDER BY order_id", &told),
        ("SELECT order_id FROM history_prevented_matches ORDER BY order_id", &told),
        ("SELECT trade_id FROM history_user_deals ORDER BY trade_id", &deals),
        ("SELECT trade_id FROM history_market_deals ORDER BY trade_id", &young),
        ("SELECT business_id FROM history_ledger ORDER BY business_id", &young),
        ("SELECT list_id FROM history_order_lists ORDER BY list_id", &vec![1]),
    ] {
        assert_eq!(&numbers(store, sql).await, wanted, "{sql}");
    }
}

/// The same before and after the old months have gone.
async fn assert_told(place: &Place) {
    let handles = Handles { store_url: place.url.clone(), listener: crate::guarded::port().await };
    let mut reader =
        historyreader::start("test-historyreader", HistoryReaderSection::default(), handles).expect("starts");
    reader.running.ready().await.expect("is ready");
    let api = reader.api.clone();
    for (order, .., told) in CREATED {
        for client_id in [String::new(), format!("c{order}"), format!("before{order}")] {
            let order = if client_id.is_empty() { order } else { 0 };
            let request = OrderRequest { user: 1, order, client_id };
            let reply = api.order(Request::new(request.clone())).await.expect("answers").into_inner();
            assert_eq!(reply.order.is_some(), told, "{request:?}");
        }
        let request = OrderDealsRequest { order, ..Default::default() };
        let reply = api.order_deals(Request::new(request)).await.expect("answers").into_inner();
        let found: Vec<u64> = reply.deals.iter().rev().map(|deal| deal.trade).collect();
        let all: Vec<u64> = DEALS.iter().filter(|deal| deal.0 == order && told).map(|deal| deal.1).collect();
        assert_eq!(found, all, "all deals of order {order}, or none");
        let request = AmendmentsRequest { user: 1, order, ..Default::default() };
        let reply = api.amendments(Request::new(request)).await.expect("answers").into_inner();
        assert_eq!(reply.amendments.len(), usize::from(told), "amendments of order {order}");
        let request = PreventedMatchesRequest { user: 1, order, ..Default::default() };
        let reply = api.prevented_matches(Request::new(request)).await.expect("answers").into_inner();
        assert_eq!(reply.matches.len(), usize::from(told), "prevented matches of order {order}");
    }
    let mut young: Vec<u64> = DEALS.iter().filter(|deal| deal.2 >= 0).map(|deal| deal.1).collect();
    young.reverse();
    for (market, start_us) in [("", 0), ("BTCUSD", 0), ("BTCUSD", at(BEGIN, -64 * DAY)), ("", at(BEGIN, -1))] {
        let request = UserDealsRequest { user: 1, market: market.into(), start_us, ..Default::default() };
        let reply = api.user_deals(Request::new(request)).await.expect("answers").into_inner();
        let found: Vec<u64> = reply.deals.iter().map(|deal| deal.trade).collect();
        assert_eq!(found, young, "deals of the user in {market:?} from {start_us}");
        let request = MarketDealsRequest { market: "BTCUSD".into(), start_us, ..Default::default() };
        let reply = api.market_deals(Request::new(request)).await.expect("answers").into_inner();
        assert_eq!(reply.deals.iter().map(|deal| deal.trade).collect::<Vec<_>>(), young, "from {start_us}");
    }
    let request =
        MarketDealsRequest { market: "BTCUSD".into(), from_trade: 1, end_us: at(BEGIN, 0), ..Default::default() };
    let reply = api.market_deals(Request::new(request)).await.expect("answers").into_inner();
    assert_eq!(reply.deals.len(), 0, "nothing from before");
    let reply = api.ledger(Request::new(LedgerRequest { user: 1, ..Default::default() })).await.expect("answers");
    let found: Vec<u64> = reply.into_inner().entries.iter().map(|entry| entry.business_id as u64).collect();
    assert_eq!(found, young, "ledger");
    let reply = api.orders(Request::new(OrdersRequest { user: 1, ..Default::default() })).await.expect("answers");
    let mut found: Vec<u64> = reply.into_inner().orders.iter().map(|order| order.order).collect();
    found.sort();
    assert_eq!(found, CREATED.iter().filter(|order| order.5).map(|order| order.0).collect::<Vec<_>>(), "orders");
    let reply = api.lists(Request::new(ListsRequest { user: 1, ..Default::default() })).await.expect("answers");
    let lists = reply.into_inner().lists;
    let told: Vec<(u64, &str)> = lists.iter().map(|list| (list.list, list.orders[0].client_id.as_str())).collect();
    assert_eq!(told, [(1, "c7")], "lists with their orders' client ids");
    reader.running.stop().await.expect("stops");
}

on_every_database! {
async fn only_what_was_over_before_goes_to_the_microsecond(database: Database) {
    let place = database.place();
    let store = Store::open(&place.url).await.expect("opens");
    SCHEMA.apply(&store).await.expect("applies");
    // The listings, in March: nothing goes yet.
    let mut batches = Feed::new(111, 3, 30).batches(5, 1);
    for batch in &mut batches {
        batch.records[0].at.0 = at(BEGIN + 2, -1);
    }
    fill(&store).await;
    for (last, begin) in [(at(BEGIN + 2, -1), at(BEGIN - 1, 0)), (at(BEGIN + 2, 0), at(BEGIN, 0))] {
        batches.push(tick(batches.len() as u64 + 1, last));
        let bus = ReadyBus::new(batches.clone(), 0);
        let mut writer = start_keeping(KEEP, place.url.clone(), &bus, small_batches());
        until_written(&mut writer, bus.last()).await;
        until_swept(&store, begin).await;
        writer.running.stop().await.expect("stops");
        let orders = numbers(&store, "SELECT order_id FROM history_orders ORDER BY order_id").await;
        assert_eq!(orders.contains(&1), begin != at(BEGIN, 0), "goes with its month, and no sooner: {orders:?}");
    }
    assert_stays(&store).await;
    assert_told(&place).await;
    for parted in PARTED.iter().filter(|_| store.has_parts()) {
        let parts = store.parts(parted.table).await.expect("lists");
        let old = parts.iter().filter(|month| month.end_us() <= at(BEGIN, 0) as i64).count();
        let thinned = usize::from(!matches!(parted.table, "history_market_deals" | "history_ledger" | "history_order_clients"));
        assert!(old >= thinned && old <= thinned * 3, "{}: {old} old parts", parted.table);
    }
    // Once more there is nothing to do, and without the setting nothing comes back or goes.
    batches.push(tick(batches.len() as u64 + 1, at(BEGIN + 3, 0)));
    let bus = ReadyBus::new(batches, 0);
    let mut writer = start_keeping(0, place.url.clone(), &bus, small_batches());
    until_written(&mut writer, bus.last()).await;
    writer.running.stop().await.expect("stops");
    assert_eq!(swept(&store).await, (at(BEGIN, 0), at(BEGIN, 0)));
    assert_stays(&store).await;
    assert_told(&place).await;
}

async fn answers_follow_the_beginning_before_anything_has_gone(database: Database) {
    let place = database.place();
    let store = Store::open(&place.url).await.expect("opens");
    SCHEMA.apply(&store).await.expect("applies");
    let bus = ReadyBus::new(Feed::new(111, 3, 30).batches(5, 1), 0);
    let mut writer = start_keeping(0, place.url.clone(), &bus, small_batches());
    until_written(&mut writer, bus.last()).await;
    writer.running.stop().await.expect("stops");
    fill(&store).await;
    let mut tx = store.begin().await.expect("begins");
    let sql = "UPDATE history_kept SET from_us = ?";
    tx.execute(sql, &[at(BEGIN, 0).into()]).await.expect("updates");
    tx.commit().await.expect("ends");
    assert_told(&place).await;
    // What was begun is ended, whatever is set.
    let mut writer = start_keeping(0, place.url.clone(), &bus, small_batches());
    until_swept(&store, at(BEGIN, 0)).await;
    writer.running.ready().await.expect("is ready");
    writer.running.stop().await.expect("stops");
    assert_stays(&store).await;
    assert_told(&place).await;
}

async fn made_anew_from_the_log_it_keeps_the_same(database: Database) {
    let batches = Feed::new(112, 5, 30).slowly(SLOWLY * 2 / 3).batches(2600, 40);
    let wanted = kept(&batches);
    let bus = ReadyBus::new(batches.clone(), 0);
    // Month by month; and when it is set later, at a start, before anything else happens.
    for (first, config) in [(KEEP, small_batches()), (0, Default::default())] {
        let place = database.place();
        let mut writer = start_keeping(first, place.url.clone(), &bus, config);
        until_written(&mut writer, bus.last()).await;
        if first != KEEP {
            writer.running.stop().await.expect("stops");
            writer = start_keeping(KEEP, place.url.clone(), &bus, Default::default());
        }
        let store = Store::open(&place.url).await.expect("opens");
        until_swept(&store, begin_after(&batches)).await;
        writer.running.stop().await.expect("stops");
        assert_equals(&place.url, wanted.clone()).await;
    }
}
}

on_every_database! {
fn cut_off_anywhere_the_same_stays(database: Database) {
    let batches = Feed::new(113, 5, 30).slowly(SLOWLY * 2 / 3).batches(3000, 40);
    let wanted = kept(&batches);
    let begin = begin_after(&batches);
    let bus = ReadyBus::new(batches, 0);
    let place = database.place();
    let mut random = Random::new(7);
    // The sweep alone waits 200 ms, so that the first times are too short for it on any machine.
    let (mut cuts, mut longest_ms) = (0, 100);
    loop {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("builds");
        let (url, bus) = (place.url.clone(), bus.clone());
        let wait = Duration::from_millis(30 + random.below(longest_ms));
        longest_ms = longest_ms * 5 / 4;
        let done = runtime.block_on(async move {
            let writer = start_keeping(KEEP, url.clone(), &bus, small_batches());
            tokio::time::sleep(wait).await;
            let all: Seq = *writer.written.borrow();
            let store = Store::open(&url).await.expect("opens");
            all == bus.last() && swept(&store).await == (begin, begin)
        });
        runtime.shutdown_background();
        if done {
            break;
        }
        cuts += 1;
    }
    assert!(cuts >= 3, "was cut off {cuts} times only");
    let runtime = tokio::runtime::Runtime::new().expect("builds");
    runtime.block_on(assert_equals(&place.url, wanted));
}
}
