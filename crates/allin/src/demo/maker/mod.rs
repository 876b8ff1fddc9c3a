//! The maker: a two-sided book and trades in every market that it knows prices of.
//!
//! Two accounts take turns: in one market the first quotes and the second takes, in the next the other way round, so that
//! neither ever trades with itself. What the maker knows of its orders it asks anew now and then, and at its start it
//! cancels all of them; so a restart, a lost answer or a stranger's trade needs no care.

mod book;
mod market;
mod purse;
pub mod walk;

use std::time::Duration;

use allin_exchange::service::Stopping;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::api::Api;
use super::config::DemoSection;
use crate::node::Failure;
use book::Book;
use purse::Purse;
use walk::Walk;

/// Pause after a failure.
const RETRY_PAUSE: Duration = Duration::from_secs(3);
/// Rounds over all markets between two looks at the accounts' funds.
const FUND_ROUNDS: u64 = 400;
/// An account may place a hundred orders in ten seconds; all markets together stay below that for both.
const ROUND_PER_MARKET_MIN: Duration = Duration::from_millis(240);

/// Makes markets until the exchange stops; failures are told and tried again.
/// While it is not `on`, it has no orders.
pub async fn run(config: DemoSection, api: Api, mut on: watch::Receiver<bool>, mut stopping: Stopping) {
    let mut told = String::new();
    loop {
        let is_on = *on.borrow_and_update();
        let made = tokio::select! {
            () = stopping.wait() => return,
            Ok(()) = on.changed() => continue,
            made = async { if is_on { make(&config, &api).await } else { rest(&config, &api).await } } => made,
        };
        let Err(error) = made;
        // The same failure again and again is told once.
        let text = error.to_string();
        if text != told {
            tracing::warn!(error = %text, "the demo maker pauses");
            told = text;
        }
        tokio::select! {
            () = stopping.wait() => return,
            () = tokio::time::sleep(RETRY_PAUSE) => {}
        }
    }
}

/// What it trades with; of its orders none is left.
async fn open(config: &DemoSection, api: &Api) -> Result<(Purse, Walk, Vec<Book>), Failure> {
    let prices = config.prices().map_err(|invalid| invalid.reason)?;
    let purse = Purse::open(api).await?;
    let walk = Walk::new(config.seed, prices);
    let markets = market::all(api, &walk).await?;
    let mut books: Vec<Book> = Vec::new();
    for (index, market) in markets.into_iter().enumerate() {
        let (maker, taker) = purse.pair(index);
        books.push(Book::open(api, market, maker, taker, config.levels as usize).await?);
    }
    Ok((purse, walk, books))
}

/// Takes its orders back, and does nothing more.
async fn rest(config: &DemoSection, api: &Api) -> Result<std::convert::Infallible, Failure> {
    open(config, api).await?;
    tracing::info!("the demo maker rests");
    std::future::pending().await
}

/// Goes on until something fails.
async fn make(config: &DemoSection, api: &Api) -> Result<std::convert::Infallible, Failure> {
    let (purse, mut walk, mut books) = open(config, api).await?;
    walk.go_on_from(&market::last_prices(api).await?);
    purse.fill(api, &walk).await?;
    tracing::info!(markets = books.len(), "the demo maker quotes");
    let round_min = ROUND_PER_MARKET_MIN * u32::try_from(books.len().max(1))?;
    let interval = Duration::from_millis(config.step_ms).max(round_min);
    let mut rounds: u64 = 0;
    loop {
        let next = Instant::now() + interval;
        walk.step();
        for book in &mut books {
            book.step(api, &mut walk).await?;
        }
        rounds += 1;
        if rounds.is_multiple_of(FUND_ROUNDS) {
            purse.fill(api, &walk).await?;
        }
        sleep_until(next).await;
    }
}
