//! Retention: what is kept begins with a month; what was over before it goes.
//!
//! First the beginning is noted, and every answer follows it. Then the old months go, table by table, and at the end it is noted
//! that they have gone. Wherever that is cut off, it is done again from its start: what stays depends on the beginning alone, for
//! an order that ends later ends in what is kept. The writer goes on meanwhile.
//!
//! On servers a part goes whole, whatever its size; rows of it that stay are copied first and take its place. In a SQLite file
//! rows are deleted, a few at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use allin_core::ids::Timestamp;
use allin_runtime::args;
use allin_runtime::store::{Month, Row, Store, StoreError, Updates, Value};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::history_schema::ORDER_CLIENTS;
use crate::history_schema::months::{Kept, PARTED, Parted, Stays, kept_from};

/// Between two tries when the database is away or somebody is in the way.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// Who began to read before the beginning was noted has ended before anything goes.
const READERS_END: Duration = Duration::from_millis(200);
/// Orders looked at in one statement.
const LOOKED_AT_MAX: u32 = 20_000;
/// Orders whose client ids are brought into the present in one transaction.
const CARRIED_MAX: usize = 500;
/// Rows that one transaction may delete.
const DELETED_MAX: u32 = 500;

/// An order that can be asked for; and one that is told beside its list. `?` is the beginning.
const TOLD: &str = "(finished_us = 0 OR finished_us >= ?)";
const OF_TOLD_LIST: &str = "(list_id <> 0 AND list_id IN (SELECT history_order_lists.list_id FROM history_order_lists \
     WHERE history_order_lists.finished_us = 0 OR history_order_lists.finished_us >= ?))";

pub(super) struct Sweeper {
    name: &'static str,
    keep_months: u32,
    store: Store,
    /// Time of the log up to which the tables are filled.
    reached: watch::Receiver<Timestamp>,
}

/// Old orders that stay, by the month in which they were created.
#[derive(Default)]
struct Staying {
    orders: BTreeMap<Month, Vec<i64>>,
    /// Those among them that can be asked for, so that what belongs to them stays too.
    told: BTreeMap<Month, Vec<i64>>,
}

impl Sweeper {
    pub(super) fn new(
        name: &'static str,
        keep_months: u32,
        store: Store,
        reached: watch::Receiver<Timestamp>,
    ) -> Sweeper {
        Sweeper { name, keep_months, store, reached }
    }

    /// Until the writer ends.
    pub(super) async fn run(mut self) {
        let mut kept = None;
        loop {
            let at = *self.reached.borrow_and_update();
            if let Err(error) = self.follow(at, &mut kept).await {
                kept = None;
                match error.is_unavailable() {
                    true => tracing::warn!(service = self.name, %error, "old history has not gone yet"),
                    false => tracing::error!(service = self.name, %error, "old history does not go"),
                }
                metrics::counter!("allin_history_sweep_failures_total", "service" => self.name).increment(1);
                tokio::time::sleep(TRY_AGAIN).await;
            } else if self.reached.changed().await.is_err() {
                return;
            }
        }
    }

    /// Moves the beginning to where it belongs, and finishes what was begun. Asks the database only when there is something to
    /// do, or when it does not know (`kept`).
    async fn follow(&self, at: Timestamp, kept: &mut Option<Kept>) -> Result<(), StoreError> {
        let mut known = match *kept {
            Some(known) => known,
            None => {
                let mut tx = self.store.snapshot().await?;
                let known = Kept::load(&mut tx).await?;
                tx.commit().await?;
                known
            }
        };
        let from_us = kept_from(at.max(Timestamp(known.reached_us)), self.keep_months);
        if from_us > known.from_us {
            self.note("from_us", from_us).await?;
            known.from_us = from_us;
            tracing::info!(service = self.name, from_us, "the history begins here from now on");
        }
        if known.swept_us < known.from_us {
            tokio::time::sleep(READERS_END).await;
            let begun = Instant::now();
            let from = i64::try_from(known.from_us).unwrap_or(i64::MAX);
            match self.store.has_parts() {
                true => self.sweep_parts(from).await?,
                false => self.sweep_rows(from).await?,
            }
            self.delete("history_order_lists", &["list_id"], "finished_us > 0 AND finished_us < ?", &[from]).await?;
            self.note("swept_us", known.from_us).await?;
            known.swept_us = known.from_us;
            let took_ms = begun.elapsed().as_millis() as u64;
            tracing::info!(service = self.name, from_us = known.from_us, took_ms, "older history has gone");
        }
        *kept = Some(known);
        Ok(())
    }

    /// It never moves back.
    async fn note(&self, column: &str, at_us: u64) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        let sql = format!("UPDATE history_kept SET {column} = ? WHERE id = 1 AND {column} < ?");
        tx.execute(&sql, args![at_us, at_us]).await?;
        tx.commit().await
    }

    async fn sweep_parts(&self, from: i64) -> Result<(), StoreError> {
        let staying = self.staying(from).await?;
        self.carry_client_ids(&staying, from).await?;
        for parted in PARTED {
            for month in self.old_parts(parted.table, from).await? {
                self.sweep_part(&parted, month, &staying).await?;
            }
        }
        Ok(())
    }

    async fn sweep_part(&self, parted: &Parted, month: Month, staying: &Staying) -> Result<(), StoreError> {
        match parted.stays {
            Stays::Nothing => self.store.drop_part(parted.table, month).await,
            // What belongs to an order happened in the month of its creation, or later.
            Stays::OfOrders => {
                let keep = staying.told.range(..=month).flat_map(|(_, orders)| orders).copied().collect::<Vec<_>>();
                self.store.thin_part(parted.table, month, ("order_id", &keep), None).await
            }
            Stays::Orders => {
                let keep = staying.orders.get(&month).map_or(&[][..], Vec::as_slice);
                // Open orders change: nobody writes until their part is exchanged.
                let mut turn = self.store.begin().await?;
                self.store.thin_part(parted.table, month, ("order_id", keep), Some(&mut turn)).await?;
                turn.commit().await
            }
        }
    }

    async fn old_parts(&self, table: &str, from: i64) -> Result<Vec<Month>, StoreError> {
        let mut months = self.store.parts(table).await?;
        months.retain(|month| month.end_us() <= from);
        Ok(months)
    }

    /// Looks through the old orders, some at a time.
    async fn staying(&self, from: i64) -> Result<Staying, StoreError> {
        let mut staying = Staying::default();
        for month in self.old_parts("history_orders", from).await? {
            let part = self.store.part("history_orders", month);
            let next = format!(
                "SELECT order_id FROM {part} WHERE order_id > ? ORDER BY order_id LIMIT 1 OFFSET {}",
                LOOKED_AT_MAX - 1
            );
            let stay = format!(
                "SELECT order_id, finished_us FROM {part} WHERE order_id > ? AND order_id <= ? AND ({TOLD} OR {OF_TOLD_LIST})"
            );
            let mut after = -1;
            while after < i64::MAX {
                let upto = self.store.query(&next, args![after]).await?;
                let upto = upto.first().map_or(Ok(i64::MAX), |row| row.int(0))?;
                for row in self.store.query(&stay, args![after, upto, from, from]).await? {
                    let (order, finished) = (row.int(0)?, row.int(1)?);
                    staying.orders.entry(month).or_default().push(order);
                    if finished == 0 || finished >= from {
                        staying.told.entry(month).or_default().push(order);
                    }
                }
                after = upto;
            }
        }
        Ok(staying)
    }

    /// Client ids of orders that stay come into the first month that is kept.
    async fn carry_client_ids(&self, staying: &Staying, from: i64) -> Result<(), StoreError> {
        let orders: Vec<Value> = staying.told.values().flatten().map(|order| (*order).into()).collect();
        for orders in orders.chunks(CARRIED_MAX) {
            let mut tx = self.store.begin().await?;
            let mut users = BTreeMap::new();
            let mut names = Vec::new();
            let sql = "SELECT order_id, user_id, client_id FROM history_orders WHERE order_id IN";
            for row in tx.query_in(sql, orders).await? {
                users.insert(row.int(0)?, row.int(1)?);
                names.push((row.int(0)?, row.text(2)?));
            }
            // Those that they had before.
            for row in
                tx.query_in("SELECT order_id, old_client FROM history_amendments WHERE order_id IN", orders).await?
            {
                names.push((row.int(0)?, row.text(1)?));
            }
            names.sort();
            names.dedup();
            let mut updates = Updates::new("history_order_clients", 3, ORDER_CLIENTS);
            for (order, name) in names.into_iter().filter(|(_, name)| !name.is_empty()) {
                if let Some(user) = users.get(&order) {
                    updates.push([(*user).into(), name.into(), order.into(), from.into()]);
                }
            }
            tx.update(&updates).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// All of it in one file. Nothing here depends on what another statement has deleted: an order that cannot be asked for may go
    /// before or after what belongs to it.
    async fn sweep_rows(&self, from: i64) -> Result<(), StoreError> {
        let of_gone = |table: &str| {
            format!(
                "at_us < ? AND NOT EXISTS (SELECT 1 FROM history_orders WHERE history_orders.order_id = {table}.order_id \
                 AND {TOLD})"
            )
        };
        let by_time = "at_us < ?";
        let orders = format!("finished_us > 0 AND finished_us < ? AND NOT {OF_TOLD_LIST}");
        let rows: [(&str, &[&str], String); 7] = [
            ("history_market_deals", &["market_id", "trade_id"], by_time.to_owned()),
            ("history_ledger", &["user_id", "asset_id", "kind", "at_us", "seq", "nth"], by_time.to_owned()),
            ("history_user_deals", &["user_id", "market_id", "trade_id", "maker"], of_gone("history_user_deals")),
            ("history_amendments", &["order_id", "seq"], of_gone("history_amendments")),
            ("history_prevented_matches", &["order_id", "match_id"], of_gone("history_prevented_matches")),
            ("history_order_clients", &["user_id", "client_id", "order_id"], of_gone("history_order_clients")),
            ("history_orders", &["order_id"], orders),
        ];
        for (table, key, gone) in rows {
            let times = vec![from; gone.matches('?').count()];
            self.delete(table, key, &gone, &times).await?;
        }
        Ok(())
    }

    /// Goes through a table by its primary key and deletes what is gone, little by little, so that the writer comes between.
    async fn delete(&self, table: &str, key: &[&str], gone: &str, times: &[i64]) -> Result<(), StoreError> {
        let (columns, marks) = (key.join(", "), vec!["?"; key.len()].join(", "));
        let mut after: Option<Vec<Value>> = None;
        loop {
            let begun = Instant::now();
            let (beyond, mut args) = match &after {
                Some(after) => (format!("({columns}) > ({marks})"), after.clone()),
                None => ("1 = 1".to_owned(), Vec::new()),
            };
            let next = format!(
                "SELECT {columns} FROM {table} WHERE {beyond} ORDER BY {columns} LIMIT 1 OFFSET {}",
                DELETED_MAX - 1
            );
            let upto = match self.store.query(&next, &args).await?.first() {
                Some(row) => Some((0..key.len()).map(|column| value(row, column)).collect::<Result<Vec<_>, _>>()?),
                None => None,
            };
            let until = match &upto {
                Some(upto) => {
                    args.extend(upto.iter().cloned());
                    format!("({columns}) <= ({marks})")
                }
                None => "1 = 1".to_owned(),
            };
            args.extend(times.iter().map(|time| Value::from(*time)));
            let mut tx = self.store.begin().await?;
            tx.execute(&format!("DELETE FROM {table} WHERE {beyond} AND {until} AND {gone}"), &args).await?;
            tx.commit().await?;
            if upto.is_none() {
                return Ok(());
            }
            after = upto;
            tokio::time::sleep(begun.elapsed()).await;
        }
    }
}

fn value(row: &Row, column: usize) -> Result<Value, StoreError> {
    row.int(column).map(Value::from).or_else(|_| row.text(column).map(Value::from))
}
