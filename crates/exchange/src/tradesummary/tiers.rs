//! Setting fee tiers: once a day, from the volume of the 30 days before it.
//!
//! When the log's first command of a day is stored, the days before it are complete in the same transaction. Then each
//! user whose volume may have changed since the last time is compared with the engine, and told a new tier if need be.
//! A tier that is right already is not set again, so that it makes no difference how often this is cut off and begun.

use std::sync::Arc;
use std::time::Duration;

use allin_core::ids::UserId;
use allin_core::num::Amount;
use allin_core::spot::command::Command;
use allin_core::spot::event::Event;
use allin_runtime::engine::{AnswerBody, Engine, Query};

use super::run::Shared;
use super::state::day_of;
use super::store::{self, Tables};
use super::volume::DAYS;
use crate::follow::FollowError;
use crate::service::{ServiceError, Stopping};

/// How often the day is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// How long a failed round waits before it begins again.
const RETRY_WAIT: Duration = Duration::from_secs(2);
/// Rows of volume read at once: users × days.
const PAGE_ROWS: u32 = 8192;

pub(super) struct Tiers {
    pub name: &'static str,
    pub engine: Arc<dyn Engine>,
    pub shared: Arc<Shared>,
}

impl Tiers {
    pub async fn run(self, mut stopping: Stopping) -> Result<(), ServiceError> {
        let mut wait = LOOK_INTERVAL;
        loop {
            tokio::select! {
                () = stopping.wait() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
            }
            let round = tokio::select! {
                () = stopping.wait() => return Ok(()),
                round = self.round() => round,
            };
            wait = LOOK_INTERVAL;
            if let Err(error) = round {
                tracing::warn!(service = self.name, %error, "cannot set the fee tiers; tries again");
                wait = RETRY_WAIT;
            }
        }
    }

    /// Sets the tiers of the day that has begun, if that was not done.
    pub async fn round(&self) -> Result<(), FollowError> {
        // Before that, the days of the past would be taken for the present one.
        if !self.shared.progress.caught_up() {
            return Ok(());
        }
        let Some(tables) = self.shared.tables() else { return Ok(()) };
        let (mut tx, _) = tables.snapshot().await?;
        let (marks, has_begun) = store::marks(&mut tx).await?;
        tx.commit().await?;
        let today = day_of((self.shared.clock)());
        if has_begun && today > marks.begun && self.shared.progress.committed() >= self.shared.progress.folded() {
            // Nobody trades, so nothing says in the log that a day has begun; and the first who does trade is to find his tier.
            self.engine.submit(Command::Tick).await?;
            return Ok(());
        }
        if marks.begun > marks.assigned {
            self.assign(&tables, marks).await?;
        }
        Ok(())
    }

    async fn assign(&self, tables: &Tables, marks: store::Marks) -> Result<(), FollowError> {
        let day = marks.begun;
        let counted = day.saturating_sub(DAYS);
        // Since the last time, days came in and days went out; who had neither has the same volume.
        let from = marks.assigned.saturating_sub(DAYS);
        let (mut after, mut set) = (None, 0);
        loop {
            let (mut tx, _) = tables.snapshot().await?;
            let mut rows = store::volumes(&mut tx, after, (from, day), PAGE_ROWS).await?;
            let is_last = rows.len() < PAGE_ROWS as usize;
            if !is_last {
                // The last user's days may go on on the next page. A user has fewer days than a page has rows.
                let cut = rows.last().map(|(user, _, _)| *user);
                rows.retain(|(user, _, _)| Some(*user) != cut);
            }
            let mut users: Vec<(UserId, Amount)> = Vec::new();
            for (user, of, volume) in &rows {
                let counts = if *of >= counted { *volume } else { 0 };
                match users.last_mut() {
                    Some((last, sum)) if last == user => *sum = sum.saturating_add(counts),
                    _ => users.push((*user, counts)),
                }
            }
            let ids: Vec<UserId> = users.iter().map(|(user, _)| *user).collect();
            let known = store::tiers(&mut tx, &ids).await?;
            tx.commit().await?;
            for (user, volume) in users {
                let Some(tier) = self.shared.tier(volume) else {
                    return Err("the asset of the tiers is not listed".into());
                };
                if known.get(&user).copied().unwrap_or(0) != tier {
                    set += u64::from(self.set(user, tier).await?);
                }
            }
            after = rows.last().map(|(user, _, _)| *user).or(after);
            if is_last {
                break;
            }
        }
        tables.mark_assigned(day).await?;
        metrics::counter!("allin_tradesummary_tiers_set_total").increment(set);
        tracing::info!(service = self.name, day, set, "fee tiers are set");
        Ok(())
    }

    /// Asks for the tier if the engine has another; tells whether it did. What an operator changes of the user meanwhile,
    /// a freeze above all, is not in the command and so stays.
    async fn set(&self, user: UserId, tier: u16) -> Result<bool, FollowError> {
        let AnswerBody::User(Some(now)) = self.engine.query(Query::User(user)).await?.body else { return Ok(false) };
        if now.tier == tier || now.tier >= self.shared.measure.tiers() {
            return Ok(false);
        }
        let reply = self.engine.submit(Command::SetUserTier { user, tier }).await?;
        if let Some(Event::Refused(reason)) = reply.events.iter().find(|event| matches!(event, Event::Refused(_))) {
            tracing::error!(
                service = self.name,
                user = user.0,
                tier,
                reason = reason.name(),
                "the engine refused a tier"
            );
            return Ok(false);
        }
        Ok(true)
    }
}
