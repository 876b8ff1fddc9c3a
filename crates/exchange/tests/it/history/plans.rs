//! No question reads a table from end to end, and none sorts more than it gives.

use allin_core::ids::{AssetId, ListId, MarketId, OrderId, Seq, TradeId, UserId};
use allin_databases::{Database, on_every_database};
use allin_exchange::history_schema::{LEDGER, LEDGER_MOVEMENT, LEDGER_TRADE};
use allin_exchange::historyreader::query::{
    self, DealsOf, LedgerFilter, ListsFilter, OrdersFilter, Page, Place, Span, Statement,
};
use allin_runtime::store::{Rows, Store, Value};

use super::bus::ReadyBus;
use super::feed::Feed;
use super::writer::{start, until_written};

/// Every question, with every set of filters.
fn questions() -> Vec<(String, Statement)> {
    let (user, market, page) = (UserId(1), MarketId(1), Page { offset: 5, limit: 10 });
    // All there is, as a rule.
    let as_of = Seq(15_000);
    let spans = [Span::default(), Span { start: 5, end: 0 }, Span { start: 0, end: 9 }, Span { start: 5, end: 9 }];
    let trades = TradeId(1)..TradeId(100);
    let mut all = vec![
        ("created from".to_owned(), query::created_from(OrderId(5))),
        ("order".to_owned(), query::order(OrderId(5), None)),
        ("order of a user".to_owned(), query::order(OrderId(5), Some(user))),
        ("order of a client id".to_owned(), query::order_of_client(user, "c-1")),
        ("deals of an order".to_owned(), query::order_deals(OrderId(5), None, as_of, page)),
        ("deals of an order, oldest".to_owned(), query::order_deals(OrderId(5), Some(TradeId(3)), as_of, page)),
        ("prevented matches of an order".to_owned(), query::prevented_of_order(user, OrderId(5), 7, 10)),
        ("a prevented match".to_owned(), query::prevented(user, 7)),
        ("amendments".to_owned(), query::amendments(OrderId(5), 7, 10)),
        ("trade at a time".to_owned(), query::trade_at(market, 5)),
        ("deals of a market, newest".to_owned(), query::market_deals(market, &trades, false, 10)),
        ("deals of a market, oldest".to_owned(), query::market_deals(market, &trades, true, 10)),
    ];
    let created = spans.map(ListsFilter::Created);
    let others =
        [ListsFilter::One(ListId(3)), ListsFilter::Client("c".into()), ListsFilter::Open, ListsFilter::From(ListId(3))];
    for filter in created.into_iter().chain(others) {
        all.push((format!("lists {filter:?}"), query::lists(user, &filter, 10)));
    }
    for side in [None, Some(1)] {
        for oldest in [false, true] {
            let statement = query::user_deals_in(user, market, side, &trades, oldest, as_of, page);
            all.push((format!("deals of a user in a market, {side:?} {oldest}"), statement));
        }
        for span in spans {
            all.push((format!("deals of a user, {side:?} {span:?}"), query::user_deals(user, side, span, as_of, page)));
            for market in [None, Some(market)] {
                for (finished, from) in [(false, None), (true, None), (true, Some((OrderId(5), 5)))] {
                    let filter = OrdersFilter { user, market, side, created: span, finished, from, page };
                    all.push((format!("{filter:?}"), query::orders(&filter)));
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
            step.contains("Seq Scan") || step.contains("Sort") || whole && !bounded
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
}
