//! The one task that follows the log for all accounts that are listened to.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use allin_core::ids::{Seq, Timestamp, UserId};
use allin_core::spot::event::Event;
use allin_core::spot::view::{ListView, OrderView};
use allin_exchange::catalog::Catalog;
use allin_exchange::clock::Clock;
use allin_exchange::service::{ServiceError, Stopping};
use allin_runtime::engine::{AnswerBody, Batch, Engine, Query, Record};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::account::{Lost, Opening, Orders, Pages, concerned};
use super::order::Told;
use super::render::{Times, render};
use super::{Ask, Subscriber, UserData, UserDataError};
use crate::spotapi::call::TimeUnit;

/// Open orders of one page; the engine gives no more.
const PAGE: u32 = 10_000;
/// Orders of two pages that are the same, in case some closed in between.
const OVERLAP: u32 = 500;
/// Pages of one account's open orders.
const PAGES_MAX: usize = 100;
/// Commands that are kept of an account while its open orders are asked for.
const BUFFER_MAX: usize = 4096;
/// How often accounts that nobody listens to any more are forgotten.
const SWEEP: Duration = Duration::from_secs(5);
const RETRY_WAIT: Duration = Duration::from_millis(200);

type Begun = oneshot::Sender<Result<(), UserDataError>>;
/// What an account begins with, or why it could not be had.
type Loaded = (UserId, Result<Opening, UserDataError>);
type Loads = FuturesUnordered<BoxFuture<'static, Loaded>>;

enum Stage {
    /// Its orders are asked for; commands since then, by batch and place, with the engine's time.
    Loading {
        buffer: Vec<(Arc<Batch>, usize, Timestamp)>,
        begun: Vec<Begun>,
    },
    Live(Box<Orders>),
}

struct Account {
    stage: Stage,
    subscribers: Vec<Subscriber>,
}

struct Follow {
    engine: Arc<dyn Engine>,
    clock: Clock,
    catalog: Catalog,
    accounts: HashMap<UserId, Account>,
    folded: Seq,
    /// The engine's: it never goes back, whatever a command says.
    time: Timestamp,
    loads: Loads,
}

pub(super) async fn run(
    name: &'static str,
    data: &UserData,
    mut asks: mpsc::Receiver<Ask>,
    mut stopping: Stopping,
) -> Result<(), ServiceError> {
    loop {
        let failure = tokio::select! {
            () = stopping.wait() => return Ok(()),
            failure = follow(name, data, &mut asks) => failure,
        };
        tracing::warn!(service = name, error = %failure, "user data begins again; its subscribers have to");
        tokio::select! {
            () = stopping.wait() => return Ok(()),
            () = tokio::time::sleep(RETRY_WAIT) => {}
        }
    }
}

/// One life, to the first failure. Its end drops all accounts, and so ends all subscriptions.
async fn follow(
    name: &'static str,
    data: &UserData,
    asks: &mut mpsc::Receiver<Ask>,
) -> Box<dyn std::error::Error + Send + Sync> {
    let (durable, time) = match data.engine.query(Query::Status).await {
        Ok(answer) => match answer.body {
            AnswerBody::Status { durable, .. } => (durable, answer.at),
            other => return format!("the engine answered its status with {other:?}").into(),
        },
        Err(error) => return error.into(),
    };
    let catalog = match Catalog::of(&*data.engine).await {
        Ok(catalog) => catalog,
        Err(error) => return error.into(),
    };
    let mut subscription = match data.bus.subscribe(name, Seq(durable.0 + 1)).await {
        Ok(subscription) => subscription,
        Err(error) => return error.into(),
    };
    let mut follow = Follow {
        engine: data.engine.clone(),
        clock: data.clock.clone(),
        catalog,
        accounts: HashMap::new(),
        folded: durable,
        time,
        loads: FuturesUnordered::new(),
    };
    let mut sweeps = tokio::time::interval(SWEEP);
    sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // Not dropped before it is done: a subscription need not take being asked and left.
        let mut next = subscription.next();
        let batch = loop {
            tokio::select! {
                batch = &mut next => break batch,
                Some(ask) = asks.recv() => follow.register(ask),
                Some((user, loaded)) = follow.loads.next() => follow.loaded(user, loaded),
                _ = sweeps.tick() => follow.sweep(),
            }
        };
        drop(next);
        match batch {
            Ok(batch) => follow.batch(&batch),
            Err(error) => return error.into(),
        }
    }
}

impl Follow {
    fn register(&mut self, ask: Ask) {
        let Ask { user, subscriber, begun } = ask;
        match self.accounts.get_mut(&user) {
            Some(account) => {
                account.subscribers.push(subscriber);
                match &mut account.stage {
                    Stage::Loading { begun: waiting, .. } => waiting.push(begun),
                    // Whoever asked may have left; its queue tells.
                    Stage::Live(_) => drop(begun.send(Ok(()))),
                }
            }
            None => {
                let stage = Stage::Loading { buffer: Vec::new(), begun: vec![begun] };
                self.accounts.insert(user, Account { stage, subscribers: vec![subscriber] });
                self.loads.push(Box::pin(load(self.engine.clone(), user, self.folded)));
            }
        }
    }

    fn loaded(&mut self, user: UserId, loaded: Result<Opening, UserDataError>) {
        let Some(account) = self.accounts.get_mut(&user) else { return };
        let Stage::Loading { buffer, begun } = &mut account.stage else { return };
        let (buffer, begun) = (std::mem::take(buffer), std::mem::take(begun));
        let answer = match loaded {
            Ok(opening) => {
                account.stage = Stage::Live(Box::new(Orders::new(user, opening)));
                Ok(())
            }
            Err(error) => {
                self.accounts.remove(&user);
                Err(error)
            }
        };
        for waiting in begun {
            // Whoever asked may have left.
            let _ = waiting.send(answer.clone());
        }
        for (batch, place, at) in buffer {
            let record = &batch.records[place];
            self.command(user, record, at, &batch.events[record.events.start as usize..record.events.end as usize]);
        }
    }

    fn batch(&mut self, batch: &Arc<Batch>) {
        for (place, (record, events)) in batch.iter().enumerate() {
            self.folded = record.seq;
            self.time = self.time.max(record.at);
            for event in events {
                if let Event::AssetSet(_) | Event::MarketSet(_) = event {
                    self.catalog.apply(event);
                }
            }
            if self.accounts.is_empty() {
                continue;
            }
            for user in concerned(events, |user| self.accounts.contains_key(&user)) {
                match self.accounts.get_mut(&user).map(|account| &mut account.stage) {
                    Some(Stage::Loading { buffer, .. }) if buffer.len() < BUFFER_MAX => {
                        buffer.push((batch.clone(), place, self.time));
                    }
                    // The engine is slower to answer than this account is to act.
                    Some(Stage::Loading { .. }) => self.end(user, "too much happened before it began"),
                    _ => self.command(user, record, self.time, events),
                }
            }
        }
    }

    /// Folds one command of a live account, and tells its subscribers.
    fn command(&mut self, user: UserId, record: &Record, at: Timestamp, events: &[Event]) {
        let Some(account) = self.accounts.get_mut(&user) else { return };
        let Stage::Live(orders) = &mut account.stage else { return };
        let told = match orders.apply(record.seq, at, &record.command, events) {
            Ok(told) => told,
            Err(Lost(order)) => {
                tracing::error!(seq = record.seq.0, order = order.0, "user data met an order that it does not know");
                return self.end(user, "it has to begin again");
            }
        };
        if told.is_empty() {
            return;
        }
        account.subscribers.retain(|subscriber| !subscriber.queue.is_closed());
        let event_at = (self.clock)().max(at);
        for unit in [TimeUnit::Milliseconds, TimeUnit::Microseconds] {
            if account.subscribers.iter().any(|subscriber| subscriber.unit == unit) {
                let times = Times { unit, seq: record.seq, at, event_at };
                tell(&mut account.subscribers, &told, &times, &self.catalog);
            }
        }
    }

    /// Ends all subscriptions to an account; those who want it come again, and it is loaded anew.
    fn end(&mut self, user: UserId, reason: &str) {
        let Some(account) = self.accounts.remove(&user) else { return };
        if let Stage::Loading { begun, .. } = account.stage {
            for waiting in begun {
                let _ = waiting.send(Err(UserDataError::Unavailable(reason.to_owned())));
            }
        }
    }

    fn sweep(&mut self) {
        self.accounts.retain(|_, account| {
            account.subscribers.retain(|subscriber| !subscriber.queue.is_closed());
            matches!(account.stage, Stage::Loading { .. }) || !account.subscribers.is_empty()
        });
        metrics::gauge!("allin_userdata_accounts").set(self.accounts.len() as f64);
    }
}

fn tell(subscribers: &mut Vec<Subscriber>, told: &[Told], times: &Times, catalog: &Catalog) {
    for told in told {
        let Some(event) = render(told, times, catalog) else {
            tracing::error!(seq = times.seq.0, "an event names what is not listed");
            continue;
        };
        subscribers.retain(|subscriber| subscriber.unit != times.unit || subscriber.send(&event));
    }
}

/// Asks for everything that is open, from a state that is not older than `from`.
async fn load(engine: Arc<dyn Engine>, user: UserId, from: Seq) -> Loaded {
    (user, pages(&*engine, user, from).await)
}

async fn pages(engine: &dyn Engine, user: UserId, from: Seq) -> Result<Opening, UserDataError> {
    let away = |error: &dyn std::fmt::Display| UserDataError::Unavailable(error.to_string());
    let group = match engine.query(Query::User(user)).await.map_err(|error| away(&error))?.body {
        AnswerBody::User(found) => found.map_or(user, |found| found.group),
        _ => return Err(away(&"the engine answered something else")),
    };
    let mut pages: Pages = Vec::new();
    let mut lists: Option<Vec<ListView>> = None;
    let mut offset = 0;
    for _ in 0..PAGES_MAX {
        let Some(lists) = &mut lists else {
            // Before the orders: what was placed since then is told by events.
            let answer = engine.query(Query::OpenLists { user }).await.map_err(|error| away(&error))?;
            let AnswerBody::Lists(open) = answer.body else {
                return Err(away(&"the engine answered something else"));
            };
            match answer.seq < from {
                true => tokio::time::sleep(RETRY_WAIT).await,
                false => lists = Some(open),
            }
            continue;
        };
        let query = Query::OpenOrders { user, market: None, side: None, offset, limit: PAGE };
        let answer = engine.query(query).await.map_err(|error| away(&error))?;
        let AnswerBody::Orders { orders, total } = answer.body else {
            return Err(away(&"the engine answered something else"));
        };
        if answer.seq < from {
            // An engine that is behind the bus cannot be asked yet.
            tokio::time::sleep(RETRY_WAIT).await;
            continue;
        }
        if is_apart(&pages, &orders) {
            // So many closed meanwhile that some moved past the overlap.
            offset = offset.saturating_sub(PAGE / 2);
            continue;
        }
        let end = offset + orders.len() as u32;
        pages.push((answer.seq, orders));
        if u64::from(end) >= total {
            return Ok(Opening { group, pages, lists: std::mem::take(lists) });
        }
        offset = end.saturating_sub(OVERLAP);
    }
    Err(away(&"too many open orders"))
}

/// Whether orders may be missing between the pages so far and the next, which go from the newest order to the oldest.
fn is_apart(pages: &Pages, next: &[OrderView]) -> bool {
    let oldest = pages.last().and_then(|(_, orders)| orders.last()).map(|order| order.order);
    match (oldest, next.first()) {
        (Some(oldest), Some(first)) => first.order < oldest,
        _ => false,
    }
}
