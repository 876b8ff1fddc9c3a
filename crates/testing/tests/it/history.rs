//! History of random commands through the real state machine: the writer folds them without a fault, and what it has in
//! the end is what the machine has.

use std::sync::Arc;

use allin_core::ids::{Epoch, Seq};
use allin_core::num::decimal;
use allin_core::spot::command::Account;
use allin_core::spot::event::Event;
use allin_core::spot::{Limits, Spot};
use allin_exchange::historywriter::{self, Handles, HistoryWriterSection};
use allin_runtime::args;
use allin_runtime::engine::{
    Answer, AnswerBody, Batch, BusError, Engine, EventBus, Query, Record, Reply, SubmitError, Subscription,
};
use allin_runtime::store::Store;
use allin_testing::twin::random::{Commands, USERS};
use async_trait::async_trait;

use super::env_number;

const BATCH_COMMANDS: u64 = 100;

/// Everything is there from the start.
struct Past {
    batches: Vec<Arc<Batch>>,
    last: Seq,
}

struct Reading {
    batches: std::vec::IntoIter<Arc<Batch>>,
}

#[async_trait]
impl EventBus for Past {
    async fn subscribe(&self, _name: &'static str, from: Seq) -> Result<Box<dyn Subscription>, BusError> {
        assert_eq!(from, Seq(1), "the history begins empty and is never dropped");
        Ok(Box::new(Reading { batches: self.batches.clone().into_iter() }))
    }
}

#[async_trait]
impl Subscription for Reading {
    async fn next(&mut self) -> Result<Arc<Batch>, BusError> {
        match self.batches.next() {
            Some(batch) => Ok(batch),
            None => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Engine for Past {
    async fn submit(&self, _command: allin_core::spot::command::Command) -> Result<Reply, SubmitError> {
        Err(SubmitError::ReadOnly)
    }

    async fn query(&self, _query: Query) -> Result<Answer, SubmitError> {
        let body = AnswerBody::Status { epoch: Epoch(1), digest: 0, durable: self.last };
        Ok(Answer { seq: self.last, at: Default::default(), body })
    }
}

fn play(seed: u64, count: u64) -> (Spot, Past) {
    let mut spot = Spot::new(Limits::default());
    let mut commands = Commands::new(seed);
    let mut batches = Vec::new();
    let mut batch = Batch::default();
    for seq in 1..=count {
        let (at, command) = commands.next_command();
        let start = batch.events.len();
        spot.apply(Seq(seq), at, &command, &mut batch.events);
        commands.look(&batch.events[start..]);
        let events = start as u32..batch.events.len() as u32;
        batch.records.push(Record { seq: Seq(seq), epoch: spot.epoch(), at: spot.time(), command, events });
        if seq % BATCH_COMMANDS == 0 || seq == count {
            batches.push(Arc::new(std::mem::take(&mut batch)));
        }
    }
    (spot, Past { batches, last: Seq(count) })
}

async fn number(store: &Store, sql: &str) -> i64 {
    store.query(sql, &[]).await.expect("counts")[0].int(0).expect("a number")
}

async fn compare_balances(spot: &Spot, store: &Store) {
    for user in 1..=USERS + 1 {
        for asset in spot.assets() {
            let sql = "SELECT total FROM history_balances WHERE user_id = ? AND asset_id = ?";
            let rows = store.query(sql, args![user, asset.id]).await.expect("reads");
            let stored = rows.first().map_or("0".to_owned(), |row| row.text(0).expect("text"));
            let balance = spot.balance(Account::User(allin_core::ids::UserId(user)), asset.id);
            let has = decimal::format(balance.available + balance.held, asset.scale);
            let zero = decimal::format(0, asset.scale);
            assert!(stored == has || (rows.is_empty() && has == zero), "user {user}, {}: {stored} {has}", asset.symbol);
        }
    }
}

/// Every open order has a row that says the same, and no other row is open.
async fn compare_orders(spot: &Spot, store: &Store) -> u64 {
    let sql = "SELECT order_id, qty, filled, filled_quote, prevented, status, price FROM history_orders WHERE close_cause = -1";
    let rows = store.query(sql, &[]).await.expect("reads");
    let markets: Vec<_> = spot.markets().collect();
    let open: u64 = markets.iter().map(|market| market.open_orders).sum();
    assert_eq!(rows.len() as u64, open);
    for row in rows {
        let id = allin_core::ids::OrderId(row.unsigned(0).expect("an id"));
        let view = spot.order(id).expect("is open");
        let spec = markets.iter().find(|market| market.spec.id == view.new.market).expect("is listed").spec;
        let text = |column: usize| row.text(column).expect("text");
        let lots = |column: usize| decimal::parse_steps(&text(column), spec.qty_scale, spec.lot_units).expect("lots");
        let price = decimal::parse_steps(&text(6), spec.price_scale, spec.tick_units).expect("ticks");
        let quote = spot.assets().iter().find(|asset| asset.id == spec.quote).expect("is listed");
        let stored = (lots(1), lots(2), text(3), lots(4), row.int(5).expect("a number"), price);
        let has = (
            view.new.qty.0,
            view.filled.0,
            decimal::format(view.filled_quote, quote.scale),
            view.prevented.0,
            view.status as i64,
            view.new.price.0,
        );
        assert_eq!(stored, has, "order {}: {view:?}", id.0);
    }
    open
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_of_random_commands_is_what_the_machine_has() {
    let seeds = env_number("ALLIN_HISTORY_SEEDS", 12);
    let (mut trades_seen, mut open_seen) = (0, 0);
    for seed in 0..seeds {
        let (spot, past) = play(seed, env_number("ALLIN_HISTORY_COMMANDS", 3000));
        let trades =
            past.batches.iter().flat_map(|batch| &batch.events).filter(|e| matches!(e, Event::Trade(_))).count();
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite:{}", directory.path().join("history.db").display());
        let past = Arc::new(past);
        let handles = Handles { engine: past.clone(), bus: past.clone(), store_url: url.clone(), keep_months: 0 };
        let config = HistoryWriterSection { batch_rows_max: 500, cache_max: 100, ..Default::default() };
        let mut writer = historywriter::start("test-historywriter", config, handles);
        tokio::select! {
            written = writer.written.wait_for(|written| *written == past.last) => drop(written.expect("still writes")),
            ended = writer.running.ended() => panic!("seed {seed}: {ended:?}"),
        }
        writer.running.stop().await.expect("stops");
        let store = Store::open(&url).await.expect("opens");
        assert_eq!(number(&store, "SELECT COUNT(*) FROM history_market_deals").await, trades as i64, "seed {seed}");
        assert_eq!(number(&store, "SELECT COUNT(*) FROM history_user_deals").await, 2 * trades as i64, "seed {seed}");
        compare_balances(&spot, &store).await;
        trades_seen += trades;
        open_seen += compare_orders(&spot, &store).await;
        store.close().await;
    }
    assert!(trades_seen > 1000 && open_seen > 30, "{trades_seen} trades and {open_seen} open orders were compared");
}
