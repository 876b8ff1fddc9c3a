//! No question reads a table from end to end, and none sorts more than it gives.

use std::collections::BTreeSet;

use allin_core::ids::{AssetId, ListId, MarketId, OrderId, Seq, TradeId, UserId};
use allin_databases::{Database, on_every_database};
use allin_exchange::history_schema::{LEDGER, LEDGER_MOVEMENT, LEDGER_TRADE};
use allin_exchange::historyreader::query::{
    self, DealsOf, LedgerFilter, ListsFilter, OrdersFilter, Page, Place, Span, Statement,
};
use allin_runtime::store::{Rows, Store, Value};

use super::bus::ReadyBus;
use super::feed::Feed;
use super::months::{SLOWLY, at};
use super::writer::{start, until_written};

/// Every question, with every set of filters.
fn questions() -> Vec<(String, Statement)> {
    let (user, market, page) = (UserId(1), MarketId(1), Page { offset: 5, limit: 10 });
    // All there is, as a rule.
    let as_of = Seq(15_000);
    let spans = [Span::default(), Span { start: 5, end: 0 }, Span { start: 0, end: 9 }, Span { start: 5, end: 9 }];
    let trades = TradeId(1)..TradeId(100);
    // Those of trades are times that the feed has.
    let later = |micros: u64| if micros == 0 { 0 } else { at(0, 0) + 20 * 86_400_000_000 + micros * 1_000_000 };
    let of_trades = spans.map(|span| Span { start: later(span.start), end: later(span.end) });
    let mut all = vec![
        ("created from".to_owned(), query::created_from(OrderId(5))),
        ("order".to_owned(), query::order(OrderId(5), None, 0)),
        ("order of a user".to_owned(), query::order(OrderId(5), Some(user), 3)),
        ("order of a client id".to_owned(), query::order_of_client(user, "c-1")),
        ("deals of an order".to_owned(), query::order_deals(OrderId(5), 5, None, as_of, page)),
        ("deals of an order, oldest".to_owned(), query::order_deals(OrderId(5), 5, Some(TradeId(3)), as_of, page)),
        ("prevented matches of an order".to_owned(), query::prevented_of_order(user, OrderId(5), 5, 7, 10)),
        ("a prevented match".to_owned(), query::prevented(user, 7, 3)),
        ("amendments".to_owned(), query::amendments(OrderId(5), 7, 10)),
        ("trade at a time".to_owned(), query::trade_at(market, 5)),
        ("when an order was created".to_owned(), query::created(OrderId(5), 3)),
    ];
    let created = spans.map(ListsFilter::Created);
    let others =
        [ListsFilter::One(ListId(3)), ListsFilter::Client("c".into()), ListsFilter::Open, ListsFilter::From(ListId(3))];
    for filter in created.into_iter().chain(others) {
        for kept in [0, 3] {
            all.push((format!("lists {filter:?} {kept}"), query::lists(user, &filter, kept, 10)));
        }
    }
    for (oldest, span) in [false, true].into_iter().flat_map(|oldest| of_trades.map(|span| (oldest, span))) {
        let statement = query::market_deals(market, (&trades, span), oldest, 10);
        all.push((format!("deals of a market, {oldest} {span:?}"), statement));
    }
    for side in [None, Some(1)] {
        for (oldest, span) in [false, true].into_iter().flat_map(|oldest| of_trades.map(|span| (oldest, span))) {
            let statement = query::user_deals_in(user, market, side, (&trades, span), oldest, as_of, page);
            all.push((format!("deals of a user in a market, {side:?} {oldest} {span:?}"), statement));
        }
        for span in spans {
            all.push((format!("deals of a user, {side:?} {span:?}"), query::user_deals(user, side, span, as_of, page)));
            for market in [None, Some(market)] {
                for (finished, from) in [(false, None), (true, None), (true, Some((OrderId(5), 5)))] {
                    for kept in [0, 3] {
                        let filter = OrdersFilter { user, market, side, created: span, finished, from, kept, page };
                        all.push((format!("{filter:?}"), query::orders(&filter)));
                    }
                }
            }
        }
    }
    let untils = [None, Some(Place { at_us: 7, seq: 7, nth: 7 })];
    for (span, until) in spans.into_iter().flat_map(|span| untils.map(|until| (span, until))) {
        for asset in [None, Some(AssetId(1))] {
            for business in [vec![], vec!["deposit".to_owned()], vec!["trade".to_owned(), "deposit".to_owned()]] {
                let filter = LedgerFilter { user, asset, business, span, until, as_of, page };
                for kind in [LEDGER_TRADE, LEDGER_MOVEMENT] {
                    all.push((format!("{filter:?} {kind}"), query::ledger(&filter, kind)));
                }
                if filter.business.is_empty() {
                    for of in DealsOf::asset(asset) {
                        all.push((format!("{filter:?} {of:?}"), query::deal_entries(&filter, of)));
                    }
                }
            }
        }
    }
    all
}

/// Steps that read a whole table or index, or sort.
fn faults(database: Database, plan: &[String]) -> Vec<&String> {
    let is_fault = |(at, step): (usize, &String)| match database {
        Database::Sqlite => step.starts_with("SCAN") || step.contains("TEMP B-TREE") || step.contains("AUTOMATIC"),
        Database::MariaDb => {
            let words = ["type=ALL", "type=index ", "filesort", "temporary", "key=- "];
            // A key that is not there was looked for before the plan was made.
            !step.contains("const table") && words.iter().any(|word| step.contains(word))
        }
        Database::Postgres => {
            let whole = step.contains("Index") && step.contains(" using ");
            let bounded = plan.get(at + 1).is_some_and(|next| next.contains("Index Cond"));
            // What the parts give is merged in their common order, which is told as a key.
            let sorts = step.contains("Sort") && !step.contains("Sort Key");
            step.contains("Seq Scan") || sorts || whole && !bounded
        }
    };
    plan.iter().enumerate().filter(|step| is_fault((step.0, step.1))).map(|(_, step)| step).collect()
}

fn uses_index(database: Database, plan: &[String]) -> bool {
    let word = match database {
        Database::Sqlite => "SEARCH",
        Database::MariaDb => "key=",
        Database::Postgres => "Index Cond",
    };
    plan.iter().any(|step| step.contains(word))
}

const NAMES: [&str; 8] = ["m202311", "m202312", "m202401", "m202402", "m202403", "m202404", "m202405", "m202406"];

/// Every question that may name a time, and the table of which it reads months.
fn timed(span: Span) -> Vec<(&'static str, Statement)> {
    let (user, market, page) = (UserId(1), MarketId(1), Page { offset: 0, limit: 10 });
    let (trades, as_of) = (TradeId(1)..TradeId(1_000_000), Seq(1_000_000));
    let mut all = vec![
        ("history_user_deals", query::user_deals(user, None, span, as_of, page)),
        ("history_user_deals", query::user_deals_in(user, market, None, (&trades, span), false, as_of, page)),
        ("history_user_deals", query::user_deals_in(user, market, None, (&trades, span), true, as_of, page)),
        ("history_market_deals", query::market_deals(market, (&trades, span), false, 10)),
        ("history_market_deals", query::market_deals(market, (&trades, span), true, 10)),
    ];
    for market in [None, Some(market)] {
        let filter =
            OrdersFilter { user, market, side: None, created: span, finished: false, from: None, kept: 0, page };
        all.push(("history_orders", query::orders(&filter)));
    }
    for asset in [None, Some(AssetId(1))] {
        let filter = LedgerFilter { user, asset, business: Vec::new(), span, until: None, as_of, page };
        for kind in [LEDGER_TRADE, LEDGER_MOVEMENT] {
            all.push(("history_ledger", query::ledger(&filter, kind)));
        }
        for of in DealsOf::asset(asset) {
            all.push(("history_user_deals", query::deal_entries(&filter, of)));
        }
        all.push(("history_ledger", query::ledger_far(&filter)));
        all.push(("history_user_deals", query::ledger_far(&filter)));
    }
    all
}

/// The months of a table that a plan names.
fn months_read(database: Database, table: &str, plan: &[String]) -> BTreeSet<String> {
    let mut months = BTreeSet::new();
    for step in plan {
        if database == Database::MariaDb {
            let parts = step.strip_prefix(table).and_then(|rest| rest.strip_prefix(" partitions="));
            months.extend(parts.into_iter().flat_map(|parts| parts.split([',', ' '])).map(str::to_owned));
        } else if let Some((_, part)) = step.split_once(&format!(" on {table}_")) {
            months.extend(part.split(' ').next().map(str::to_owned));
        }
    }
    // Times before 1970 have a part of their own on MariaDB.
    months.retain(|month| month.len() == 7 && month.starts_with('m') && month != "m000000");
    months
}

/// Deals tell most entries; these are rows of the ledger, as many for each user.
async fn movements(store: &Store) {
    let mut rows = Rows::new("history_ledger", LEDGER);
    for n in 0..30_000_u64 {
        let (user, asset, at, seq) = (1 + n % 10, n / 10 % 3, n, 1_000_000_000 + n);
        let (business, kind) = (Value::from("deposit"), LEDGER_MOVEMENT);
        let [one, none] = ["1.00000000", ""].map(Value::from);
        rows.push([
            user.into(),
            asset.into(),
            kind.into(),
            at.into(),
            seq.into(),
            0_u64.into(),
            business,
            n.into(),
            one.clone(),
            one,
            none,
        ]);
    }
    let mut tx = store.begin().await.expect("begins");
    tx.insert(&rows).await.expect("inserts");
    tx.commit().await.expect("ends");
}

on_every_database! {
async fn every_question_has_its_index(database: Database) {
    let place = database.place();
    // A server looks at what is in its tables: rows enough for each user that sorting them is not the cheapest.
    let bus = ReadyBus::new(Feed::new(81, 10, 30).batches(15_000, 500), 0);
    let mut writer = start(&place, &bus, Default::default());
    until_written(&mut writer, bus.last()).await;
    let store = Store::open(&place.url).await.expect("opens");
    movements(&store).await;
    if database == Database::MariaDb {
        let mut tx = store.begin().await.expect("begins");
        for table in ["orders", "order_lists", "market_deals", "user_deals", "ledger", "prevented_matches", "amendments"] {
            tx.execute(&format!("ANALYZE TABLE history_{table}"), &[]).await.expect("analyses");
        }
        tx.commit().await.expect("ends");
    }
    for (what, statement) in questions() {
        let plan = store.explain(&statement.sql, &statement.args).await.expect("explains");
        assert!(uses_index(database, &plan), "{what}: {plan:?}");
        assert!(faults(database, &plan).is_empty(), "{what}: {plan:#?}\n{}", statement.sql);
    }
    // The net catches what it is for.
    for sql in [
        "SELECT * FROM history_orders WHERE client_id = 'x'",
        "SELECT * FROM history_ledger WHERE user_id = 1 ORDER BY balance",
    ] {
        let plan = store.explain(sql, &[]).await.expect("explains");
        assert!(!faults(database, &plan).is_empty(), "{sql}: {plan:?}");
    }
}

async fn a_question_for_a_time_reads_the_months_of_that_time(database: Database) {
    let place = database.place();
    let bus = ReadyBus::new(Feed::new(82, 5, 30).slowly(SLOWLY).batches(2500, 500), 0);
    let mut writer = start(&place, &bus, Default::default());
    until_written(&mut writer, bus.last()).await;
    let store = Store::open(&place.url).await.expect("opens");
    if !store.has_parts() {
        return;
    }
    let count = store.parts("history_orders").await.expect("lists").len();
    assert!((5..=NAMES.len()).contains(&count), "{count} months");
    for (span, months) in [
        (Span { start: at(1, 0), end: at(2, 0) }, 1..2),
        (Span { start: at(2, -1), end: at(2, 1) }, 1..3),
        (Span { start: 0, end: at(1, 0) }, 0..1),
        (Span::default().kept(at(2, 0)), 2..count),
        (Span { start: at(1, 0), end: 0 }.kept(at(2, 0)), 2..count),
    ] {
        for (table, statement) in timed(span) {
            let plan = store.explain(&statement.sql, &statement.args).await.expect("explains");
            let read = months_read(database, table, &plan);
            let others: Vec<_> = read.iter().filter(|month| !NAMES[months.clone()].contains(&month.as_str())).collect();
            assert!(others.is_empty() && !read.is_empty(), "{span:?} reads {read:?}: {plan:#?}\n{}", statement.sql);
        }
    }
    for (table, statement) in timed(Span::default()) {
        let plan = store.explain(&statement.sql, &statement.args).await.expect("explains");
        assert_eq!(months_read(database, table, &plan).len(), count, "the net catches all: {plan:#?}");
    }
    writer.running.stop().await.expect("stops");
}
}

/// Whatever the planner thinks of tables with many parts.
#[tokio::test]
async fn a_batch_of_changes_finds_its_orders_by_their_key() {
    let place = Database::Postgres.place();
    let bus = ReadyBus::new(Feed::new(83, 5, 30).slowly(SLOWLY).batches(2500, 500), 0);
    let mut writer = start(&place, &bus, Default::default());
    until_written(&mut writer, bus.last()).await;
    writer.running.stop().await.expect("stops");
    let store = Store::open(&place.url).await.expect("opens");
    let mut tx = store.begin().await.expect("begins");
    tx.execute("ANALYZE history_orders", &[]).await.expect("analyses");
    let numbers: Vec<String> = (0..2000).map(|n| n.to_string()).collect();
    let array = format!("'{{{}}}'::int8[]", numbers.join(","));
    let sql = format!(
        "EXPLAIN UPDATE history_orders SET status = news.status FROM UNNEST({array},{array},{array}) \
         AS news(order_id,created_us,status) \
         WHERE history_orders.order_id = news.order_id AND history_orders.created_us = news.created_us"
    );
    let rows = tx.query(&sql, &[]).await.expect("explains");
    let plan: Vec<String> = rows.iter().map(|row| row.text(0).expect("text")).collect();
    let looks_up = |step: &String| step.contains("Index Scan using history_orders_m202311_pkey");
    assert!(plan.iter().any(looks_up) && !plan.iter().any(|step| step.contains("Hash")), "{plan:#?}");
}
