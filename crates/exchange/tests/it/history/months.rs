//! Tables in parts of a month each: how they come to be, and that there is always one for what is written.

use std::time::Duration;

use allin_core::ids::{AssetId, Epoch, Seq, Timestamp};
use allin_core::spot::command::Command;
use allin_core::spot::event::Event;
use allin_databases::{Database, Place, on_every_database};
use allin_exchange::history_schema::months::PARTED;
use allin_exchange::history_schema::{self as schema, MIGRATIONS, SCHEMA};
use allin_runtime::args;
use allin_runtime::engine::{Batch, Record};
use allin_runtime::store::{Month, Position, Row, Store, Tx, Value};

use super::bus::ReadyBus;
use super::feed::{Feed, Random, asset_spec};
use super::writer::{assert_equals_fold, small_batches, start, start_at, until_written};

/// Commands of this pace take some 80 minutes each.
pub const SLOWLY: u64 = 5_000_000;

pub fn at(months_from_november: i64, plus_us: i64) -> u64 {
    let mut month = Month::of(1_700_000_000_000_000);
    for _ in 0..months_from_november {
        month = month.next();
    }
    (month.start_us() + plus_us) as u64
}

/// A command that only makes time pass.
pub fn tick(seq: u64, at: u64) -> Batch {
    let spec = asset_spec(AssetId(0));
    let record =
        Record { seq: Seq(seq), epoch: Epoch(1), at: Timestamp(at), command: Command::SetAsset(spec), events: 0..1 };
    Batch { records: vec![record], events: vec![Event::AssetSet(spec)] }
}

fn value(row: &Row, column: usize) -> Value {
    row.int(column).map(Value::from).or_else(|_| row.text(column).map(Value::from)).expect("a value")
}

/// A database as a program before there were parts has left it: with the rows of another.
async fn of_before(place: &Place, other: &Store) {
    let store = Store::open(&place.url).await.expect("opens");
    Position::new("historywriter").create(&store).await.expect("creates");
    store.migrate("history", &MIGRATIONS[..7]).await.expect("migrates");
    let tables = [
        ("assets", schema::ASSETS),
        ("markets", schema::MARKETS),
        ("orders", schema::ORDERS),
        ("order_clients", &schema::ORDER_CLIENTS[..3]),
        ("order_lists", schema::ORDER_LISTS),
        ("prevented_matches", schema::PREVENTED_MATCHES),
        ("amendments", schema::AMENDMENTS),
        ("market_deals", schema::MARKET_DEALS),
        ("user_deals", schema::USER_DEALS),
        ("ledger", schema::LEDGER),
        ("balances", schema::BALANCES),
    ];
    let mut tx = store.begin().await.expect("begins");
    for (table, columns) in tables {
        let names = columns.join(", ");
        let rows = other.query(&format!("SELECT {names} FROM history_{table}"), &[]).await.expect("reads");
        for rows in rows.chunks(50) {
            let marks = format!("({})", vec!["?"; columns.len()].join(","));
            let marks = vec![marks; rows.len()].join(",");
            let values: Vec<Value> =
                rows.iter().flat_map(|row| (0..columns.len()).map(|column| value(row, column))).collect();
            let sql = format!("INSERT INTO history_{table} ({names}) VALUES {marks}");
            tx.execute(&sql, &values).await.expect("inserts");
        }
    }
    let rows = other.query("SELECT seq FROM positions", &[]).await.expect("reads");
    tx.execute("UPDATE positions SET seq = ?", args![rows[0].int(0).expect("a number")]).await.expect("updates");
    tx.commit().await.expect("ends");
    store.close().await;
}

/// A history of some months in a file.
async fn written(batches: &[Batch]) -> (Place, Store) {
    let place = Database::Sqlite.place();
    let bus = ReadyBus::new(batches.to_vec(), 0);
    let mut writer = start(&place, &bus, Default::default());
    until_written(&mut writer, bus.last()).await;
    writer.running.stop().await.expect("stops");
    let store = Store::open(&place.url).await.expect("opens");
    (place, store)
}

/// How many rows a table's parts have that do not belong there, and how many parts there are.
async fn misplaced(store: &Store, table: &str, time: &str) -> (i64, usize) {
    let months = store.parts(table).await.expect("lists");
    let mut from = i64::MIN;
    let mut wrong = 0;
    for month in &months {
        let sql = format!("SELECT COUNT(*) FROM {} WHERE {time} < ? OR {time} >= ?", store.part(table, *month));
        let rows = store.query(&sql, args![from, month.end_us()]).await.expect("counts");
        wrong += rows[0].int(0).expect("a number");
        from = month.end_us();
    }
    (wrong, months.len())
}

async fn assert_in_months(store: &Store, least: usize) {
    for parted in PARTED.iter().filter(|_| store.has_parts()) {
        let (wrong, parts) = misplaced(store, parted.table, parted.time).await;
        assert_eq!(wrong, 0, "{}: rows in a part that is not theirs", parted.table);
        assert!(parts >= least, "{}: {parts} parts", parted.table);
    }
}

on_every_database! {
async fn what_was_there_before_comes_into_months_and_the_writer_goes_on(database: Database) {
    let batches = Feed::new(101, 5, 30).slowly(SLOWLY).batches(3000, 40);
    let (before, _) = batches.split_at(batches.len() / 2);
    let (_folder, source) = written(before).await;
    let place = database.place();
    of_before(&place, &source).await;
    let store = Store::open(&place.url).await.expect("opens");
    assert_eq!(SCHEMA.missing(&store).await.expect("looks"), [8]);
    assert_eq!(SCHEMA.apply(&store).await.expect("applies"), [8]);
    assert_eq!(SCHEMA.missing(&store).await.expect("looks"), [] as [u32; 0]);
    assert_equals_fold(&place.url, before).await;
    assert_in_months(&store, 2).await;
    let sql = "SELECT COUNT(*) FROM history_order_clients JOIN history_orders \
               ON history_orders.order_id = history_order_clients.order_id WHERE at_us <> created_us";
    assert_eq!(store.query(sql, &[]).await.expect("counts")[0].int(0).ok(), Some(0));

    let bus = ReadyBus::new(batches.clone(), 0);
    let mut writer = start(&place, &bus, small_batches());
    until_written(&mut writer, bus.last()).await;
    writer.running.stop().await.expect("stops");
    assert_equals_fold(&place.url, &batches).await;
    assert_in_months(&store, 5).await;
}

async fn a_month_ends_with_its_last_microsecond_and_the_next_is_there_ahead(database: Database) {
    const EACH: usize = 60;
    let place = database.place();
    let times = [at(0, 5), at(1, -1), at(1, 0), at(1, 1), at(3, -1), at(3, 0), at(120, 7)];
    let mut all = Feed::new(102, 3, 30).batches(times.len() as u64 * EACH as u64, 1);
    for (index, batch) in all.iter_mut().enumerate() {
        batch.records[0].at = Timestamp(times[index / EACH]);
    }
    for (index, time) in times.into_iter().enumerate() {
        let written = &all[..(index + 1) * EACH];
        let bus = ReadyBus::new(written.to_vec(), 0);
        let mut writer = start(&place, &bus, Default::default());
        until_written(&mut writer, bus.last()).await;
        writer.running.stop().await.expect("stops");
        assert_equals_fold(&place.url, written).await;
        let store = Store::open(&place.url).await.expect("opens");
        for parted in PARTED {
            let months = store.parts(parted.table).await.expect("lists");
            let next = Month::of(time as i64).next();
            assert_eq!(months.last(), store.has_parts().then_some(&next), "{} at {time}", parted.table);
        }
        assert_in_months(&store, 2).await;
        store.close().await;
    }
}
}

/// Somebody holds a table for long, as a backup does.
async fn hold(place: &Place) -> (Store, Tx) {
    let store = Store::open(&format!("{}&writer=other", place.url)).await.expect("opens");
    let mut tx = store.begin().await.expect("begins");
    let sql = match place.database {
        Database::Postgres => "LOCK TABLE history_orders IN SHARE UPDATE EXCLUSIVE MODE",
        _ => "SELECT order_id FROM history_orders LIMIT 1",
    };
    tx.execute(sql, &[]).await.expect("holds it");
    (store, tx)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_in_the_way_of_the_next_month_holds_nobody_up_before_it_comes() {
    for database in [Database::MariaDb, Database::Postgres] {
        let place = database.place();
        let url = place.url.replace("busy_timeout_ms=5000", "busy_timeout_ms=1000");
        let ticks = [at(0, 0), at(1, 0), at(1, 5), at(2, 0)];
        let batches: Vec<Batch> = (1..).zip(ticks).map(|(seq, time)| tick(seq, time)).collect();
        let buses: Vec<_> = (1..=batches.len()).map(|count| ReadyBus::new(batches[..count].to_vec(), 0)).collect();
        let mut writer = start_at(url.clone(), &buses[0], small_batches());
        until_written(&mut writer, Seq(1)).await;
        writer.running.stop().await.expect("stops");
        let (other, held) = hold(&place).await;
        // December has its parts; those of January are to be made ahead.
        let mut writer = start_at(url.clone(), &buses[2], small_batches());
        until_written(&mut writer, Seq(3)).await;
        writer.running.stop().await.expect("stops");
        let store = Store::open(&place.url).await.expect("opens");
        let december = Month::of(at(1, 0) as i64);
        assert_eq!(store.parts("history_orders").await.expect("lists").last(), Some(&december), "{database:?}");
        let mut writer = start_at(url.clone(), &buses[3], small_batches());
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(*writer.written.borrow(), Seq(3), "{database:?}: January has no part");
        held.commit().await.expect("ends");
        until_written(&mut writer, Seq(4)).await;
        writer.running.stop().await.expect("stops");
        assert!(store.parts("history_orders").await.expect("lists").contains(&december.next()), "{database:?}");
        other.close().await;
    }
}

on_every_database! {
fn cut_off_anywhere_the_move_into_months_goes_on(database: Database) {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("builds");
    let batches = Feed::new(103, 5, 30).slowly(SLOWLY).batches(2000, 40);
    let place = database.place();
    runtime().block_on(async {
        let (_folder, source) = written(&batches).await;
        of_before(&place, &source).await;
    });
    let mut random = Random::new(3);
    // From less than any move takes to more than all do.
    let (mut cuts, mut longest_us) = (0, 400);
    loop {
        let cut = runtime();
        let url = place.url.clone();
        let wait = Duration::from_micros(random.below(longest_us));
        longest_us = longest_us * 4 / 3;
        let done = cut.block_on(async move {
            let moved = async {
                let store = Store::open(&url).await.expect("opens");
                // Who was cut off may still be at it on the server, which says so.
                SCHEMA.apply(&store).await.is_ok()
            };
            tokio::time::timeout(wait, moved).await.unwrap_or(false)
        });
        cut.shutdown_background();
        if done {
            break;
        }
        cuts += 1;
    }
    assert!(cuts >= 2, "was cut off {cuts} times only");
    runtime().block_on(async {
        let store = Store::open(&place.url).await.expect("opens");
        assert_equals_fold(&place.url, &batches).await;
        assert_in_months(&store, 3).await;
    });
}
}
