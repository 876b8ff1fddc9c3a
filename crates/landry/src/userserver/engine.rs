//! Telling the engine of users: their group, and whether they are frozen. What it could not be told is told later.

use std::time::Duration;

use allin_core::ids::UserId;
use allin_core::spot::command::Command;
use allin_core::spot::event::Event;
use allin_exchange::service::{ServiceError, Stopping};

use super::app::App;
use super::tables::accounts;

/// How often it is looked for accounts that the engine is still to be told of.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
const BATCH: u32 = 256;
/// What has expired is forgotten once in so many looks.
const SWEEP_LOOKS: u64 = 600;

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl App {
    /// Tells the engine of a change that is committed; when that fails, the change stands and is told again later.
    pub async fn tell_engine(&self, users: &[UserId]) {
        for user in users {
            if let Err(error) = self.settle(*user).await {
                tracing::warn!(user = user.0, %error, "cannot tell the engine of a user; tries again");
            }
        }
    }

    /// The account's newest version to the engine. What others set of it, tier and discount, is none of the command's.
    async fn settle(&self, user: UserId) -> Result<(), Failure> {
        // One at a time: an older version must not arrive after a newer one.
        let _turn = self.engine_turn.lock().await;
        let mut tx = self.read().await?;
        let account = accounts::by_id(&mut tx, user).await?;
        tx.commit().await?;
        let Some(account) = account.filter(|account| account.engine_wanted != account.engine_done) else {
            return Ok(());
        };
        let command = Command::SetUserAccess { user, group: account.master, frozen: account.is_stopped() };
        let reply = self.engine.submit(command).await?;
        if let Some(Event::Refused(reason)) = reply.events.first() {
            return Err(format!("the engine refuses user {}: {}", user.0, reason.name()).into());
        }
        let mut write = self.write().await?;
        accounts::engine_told(&mut write.tx, user, account.engine_wanted).await?;
        write.commit().await?;
        Ok(())
    }

    /// Until the service stops: whatever the engine was not told of, and what has expired.
    pub async fn keep(self: std::sync::Arc<Self>, mut stopping: Stopping) -> Result<(), ServiceError> {
        let mut looked = 0_u64;
        loop {
            tokio::select! {
                () = stopping.wait() => return Ok(()),
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
            if let Err(error) = self.look_again().await {
                tracing::warn!(%error, "cannot look whether a change was stored");
            }
            if looked.is_multiple_of(SWEEP_LOOKS)
                && let Err(error) = self.sweep().await
            {
                tracing::warn!(%error, "cannot forget sessions and codes that have expired");
            }
            looked += 1;
            let due = async {
                let mut tx = self.read().await?;
                let due = accounts::engine_due(&mut tx, BATCH).await?;
                tx.commit().await?;
                Ok::<_, allin_runtime::store::StoreError>(due)
            };
            match due.await {
                Ok(due) => self.tell_engine(&due).await,
                Err(error) => tracing::warn!(%error, "cannot look for users that the engine does not know"),
            }
        }
    }
}
