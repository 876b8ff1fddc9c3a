//! Fee tiers: on the day they should, once, and nothing else of the user.

use allin_databases::{Database, on_every_database};
use std::sync::atomic::{AtomicU32, Ordering};

use allin_core::spot::command::Command;
use allin_core::spot::view::UserView;
use allin_runtime::engine::{Answer, AnswerBody, Engine, Query, Reply, SubmitError};
use allin_wire::exchange::v1::TierRequest;
use async_trait::async_trait;
use tokio::sync::Notify;

use super::*;

/// Tiers from 0, 10 and 100 USDT on.
fn small() -> TradeSummarySection {
    let tier_volumes = ["0", "10", "100"].map(str::to_owned).to_vec();
    TradeSummarySection { tier_volumes, ..quick() }
}

/// A trade of so many whole USDT between two users.
fn trade(tape: &Tape, when: Timestamp, maker: u64, taker: u64, usdt: u64) {
    let deal = Deal { market: 0, price: 100, qty: usdt * 10_000, taker_side: Side::Buy, maker, taker };
    tape.trade(when, &[deal]);
}

/// The commands that set tiers, as (user, tier).
fn set(tape: &Tape) -> Vec<(u64, u16)> {
    let tiers = tape.submitted().into_iter().filter_map(|command| match command {
        Command::SetUserTier { user, tier } => Some((user.0, tier)),
        _ => None,
    });
    tiers.collect()
}

fn operator_sets(tape: &Tape, user: u64, group: u64, tier: u16, frozen: bool) {
    let (user, group, pay_discount) = (UserId(user), UserId(group), true);
    let event = Event::UserSet { user, group, tier, pay_discount, frozen };
    tape.push(tape.now(), Command::SetUser { user, group, tier, pay_discount, frozen }, vec![event]);
}

async fn user_of(tape: &Tape, user: u64) -> UserView {
    match tape.query(Query::User(UserId(user))).await.expect("an answer").body {
        AnswerBody::User(Some(view)) => view,
        body => panic!("{body:?}"),
    }
}

async fn waits_for(tape: &Tape, want: &[(u64, u16)]) {
    wait(|| set(tape).len() >= want.len()).await;
    // Long enough for a second look, which is to find nothing more to do.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(set(tape), want);
}

#[tokio::test]
async fn a_store_lost_later_sets_no_tier_of_the_past() {
    let (place, other) = (Database::Sqlite.place(), Database::Sqlite.place());
    let tape = Tape::new(50);
    for day in 0..40 {
        trade(&tape, at(FIRST_DAY + day, 100), 1, 2, if day < 5 { 100 } else { 1 });
    }
    // 30 days of 1.
    let service = ready(&tape, &place.url, small()).await;
    waits_for(&tape, &[(1, 1), (2, 1)]).await;
    service.running.stop().await.expect("stops in order");
    let service = ready(&tape, &other.url, small()).await;
    waits_for(&tape, &[(1, 1), (2, 1)]).await;
    service.running.stop().await.expect("stops in order");
}

/// An engine that falls silent at one of its answers about users, before or after it did what it was asked.
struct Silent {
    tape: Arc<Tape>,
    /// Questions and commands about users left until then.
    left: AtomicU32,
    does_it: bool,
    fell: Arc<Notify>,
}

impl Silent {
    async fn falls_silent(&self) -> bool {
        let before = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        match before {
            Ok(before) => before == 1,
            // It stays silent.
            Err(_) => std::future::pending().await,
        }
    }

    async fn silence(&self) -> ! {
        self.fell.notify_one();
        std::future::pending().await
    }
}

#[async_trait]
impl Engine for Silent {
    async fn submit(&self, command: Command) -> Result<Reply, SubmitError> {
        if self.falls_silent().await {
            if self.does_it {
                self.tape.submit(command).await?;
            }
            self.silence().await;
        }
        self.tape.submit(command).await
    }

    async fn query(&self, query: Query) -> Result<Answer, SubmitError> {
        if matches!(query, Query::User(_)) && self.falls_silent().await {
            self.silence().await;
        }
        self.tape.query(query).await
    }
}

/// One life, killed when its engine falls silent or, without an engine that does, after a while.
fn live_and_die(tape: &Arc<Tape>, url: &str, silent: Option<(u32, bool)>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let fell = Arc::new(Notify::new());
        let (left, does_it) = silent.unwrap_or((u32::MAX, false));
        let engine = Silent { tape: tape.clone(), left: AtomicU32::new(left), does_it, fell: fell.clone() };
        // Slow to commit, so that the store knows less than the engine.
        let config = TradeSummarySection { commit_interval_ms: 400, ..small() };
        let _service = start_on(Arc::new(engine), tape, url, config).await;
        let end = if silent.is_some() { Duration::from_secs(20) } else { Duration::from_millis(1500) };
        let fell = tokio::time::timeout(end, fell.notified()).await;
        assert_eq!(fell.is_ok(), silent.is_some(), "{silent:?}");
    });
    // Every task is dropped where it stands.
}

on_every_database! {
fn killed_at_any_answer_of_the_engine_each_tier_is_set_once(database: Database) {
    let place = database.place();
    let tape = Tape::new(50);
    trade(&tape, at(FIRST_DAY, 100), 1, 2, 50);
    trade(&tape, at(FIRST_DAY, 101), 3, 4, 150);
    trade(&tape, at(FIRST_DAY, 102), 5, 6, 5);
    tape.trade(at(FIRST_DAY + 1, 0), &[]);
    // Each life asks and sets anew from the first user that is not done, and dies one step on.
    for silent in [(1, true), (2, false), (2, true), (2, false), (2, true), (2, true), (1, true), (2, true)] {
        if set(&tape).len() < 4 {
            live_and_die(&tape, &place.url, Some(silent));
        }
    }
    live_and_die(&tape, &place.url, None);
    assert_eq!(set(&tape), [(1, 1), (2, 1), (3, 2), (4, 2)]);
}
}
on_every_database! {
async fn a_tier_moves_on_the_day_after_and_back_after_thirty(database: Database) {
    let place = database.place();
    let tape = Tape::new(50);
    let service = ready(&tape, &place.url, small()).await;
    trade(&tape, at(FIRST_DAY, 100), 1, 2, 9);
    trade(&tape, at(FIRST_DAY, 86_399), 1, 3, 1);
    // Today does not count today: 1 has 10, 2 has 9, 3 has 1.
    waits_for(&tape, &[]).await;
    tape.trade(at(FIRST_DAY + 1, 0), &[]);
    waits_for(&tape, &[(1, 1)]).await;
    // Volume of one day, for 30 days.
    trade(&tape, at(FIRST_DAY + 1, 5), 2, 4, 100);
    for day in FIRST_DAY + 2..=FIRST_DAY + 30 {
        tape.trade(at(day, 3), &[]);
    }
    waits_for(&tape, &[(1, 1), (2, 2), (4, 2)]).await;
    tape.trade(at(FIRST_DAY + 31, 0), &[]);
    waits_for(&tape, &[(1, 1), (2, 2), (4, 2), (1, 0)]).await;
    tape.trade(at(FIRST_DAY + 32, 0), &[]);
    waits_for(&tape, &[(1, 1), (2, 2), (4, 2), (1, 0), (2, 0), (4, 0)]).await;
    let ask = async |user, day| {
        let reply = service.api.tier(Request::new(TierRequest { user, day })).await.expect("an answer").into_inner();
        (reply.volume, reply.tier)
    };
    stored(&tape, &service).await;
    assert_eq!(ask(1, FIRST_DAY).await, ("0.00000000".into(), 0));
    assert_eq!(ask(1, FIRST_DAY + 1).await, ("10.00000000".into(), 1));
    assert_eq!(ask(1, FIRST_DAY + 30).await, ("10.00000000".into(), 1));
    assert_eq!(ask(2, FIRST_DAY + 31).await, ("100.00000000".into(), 2));
    assert_eq!(ask(2, 0).await, ("0.00000000".into(), 0));
    service.running.stop().await.expect("stops in order");
}

async fn nothing_but_the_tier_changes_and_an_operators_tier_stays(database: Database) {
    let place = database.place();
    let tape = Tape::new(50);
    let service = ready(&tape, &place.url, small()).await;
    trade(&tape, at(FIRST_DAY, 100), 7, 8, 50);
    operator_sets(&tape, 7, 70, 0, true);
    operator_sets(&tape, 8, 8, 3, false);
    tape.trade(at(FIRST_DAY + 1, 0), &[]);
    waits_for(&tape, &[(7, 1)]).await;
    assert_eq!(tape.submitted(), [Command::SetUserTier { user: UserId(7), tier: 1 }]);
    let now = UserView { user: UserId(7), group: UserId(70), tier: 1, pay_discount: true, frozen: true };
    assert_eq!(user_of(&tape, 7).await, now);
    service.running.stop().await.expect("stops in order");
}

async fn an_operators_freeze_in_between_stays(database: Database) {
    let place = database.place();
    let tape = Tape::new(50);
    let engine = Arc::new(Overtaken(tape.clone()));
    let mut service = start_on(engine, &tape, &place.url, small()).await;
    service.running.ready().await.expect("catches up");
    trade(&tape, at(FIRST_DAY, 100), 7, 8, 50);
    tape.trade(at(FIRST_DAY + 1, 0), &[]);
    waits_for(&tape, &[(7, 1), (8, 1)]).await;
    for user in [7, 8] {
        let now = UserView { user: UserId(user), group: UserId(90), tier: 1, pay_discount: true, frozen: true };
        assert_eq!(user_of(&tape, user).await, now);
    }
    service.running.stop().await.expect("stops in order");
}

async fn a_day_that_begins_in_silence_begins(database: Database) {
    let place = database.place();
    let tape = Tape::new(50);
    let service = ready(&tape, &place.url, small()).await;
    trade(&tape, at(FIRST_DAY, 100), 1, 2, 500);
    stored(&tape, &service).await;
    tape.set_clock(at(FIRST_DAY + 1, 1));
    waits_for(&tape, &[(1, 2), (2, 2)]).await;
    let ticks = tape.submitted().iter().filter(|command| **command == Command::Tick).count();
    assert_eq!(ticks, 1);
    service.running.stop().await.expect("stops in order");
}
}

/// An engine where an operator is always quicker: between the answer about a user and the next command, he freezes him.
struct Overtaken(Arc<Tape>);

#[async_trait]
impl Engine for Overtaken {
    async fn submit(&self, command: Command) -> Result<Reply, SubmitError> {
        self.0.submit(command).await
    }

    async fn query(&self, query: Query) -> Result<Answer, SubmitError> {
        let answer = self.0.query(query.clone()).await?;
        if let Query::User(user) = query {
            operator_sets(&self.0, user.0, 90, 0, true);
        }
        Ok(answer)
    }
}
