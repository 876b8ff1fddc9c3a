//! A kill at any step: a task that is dropped at one of its polls.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};

use allin_databases::Database;

/// Polls a future `polls` times and then drops it: where a kill would cut it.
pub async fn cut<F: Future>(future: F, mut polls: u32) -> Option<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(move |context: &mut Context<'_>| {
        if polls == 0 {
            return Poll::Ready(None);
        }
        polls -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// How many polls each life has: every number on a file; on a server, to which connecting alone takes many, every few.
pub fn lives(database: Database, count: u32) -> impl Iterator<Item = u32> {
    let step = if database == Database::Sqlite { 1 } else { 6 };
    (1..count).map(move |nth| nth * step)
}

/// In how many places of the log a life has to have ended at least.
pub fn places_min(database: Database) -> usize {
    if database == Database::Sqlite { 20 } else { 8 }
}
