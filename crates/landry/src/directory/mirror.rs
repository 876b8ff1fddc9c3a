//! The directory of userserver's process, kept in this one.
//!
//! Filled at the start and whenever the connection was lost, and changed as userserver tells. Until it is full, and once it
//! has heard nothing for too long, it refuses to answer, and tells those who keep answers to forget them: what nobody is
//! sure of must not let anybody in.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use allin_core::ids::UserId;
use allin_exchange::health::Need;
use allin_exchange::remote::Peer;
use allin_exchange::service::{Readiness, ServiceError, Stopping};
use allin_wire::landry::v1 as pb;
use async_trait::async_trait;
use pb::directory_news::News;
use pb::user_directory_client::UserDirectoryClient;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep, sleep_until};
use tonic::{Request, Status, Streaming};

use super::{AccountFacts, ApiKey, Change, Directory, DirectoryError, Effect, Index, convert};

/// Between two tries to follow: doubled each time, up to the last.
const RETRY_WAIT: Duration = Duration::from_millis(20);
const RETRY_WAIT_MAX: Duration = Duration::from_millis(500);

pub struct Mirror {
    index: Index,
    stale_max: Duration,
    known: Mutex<Known>,
}

/// What the index is worth.
#[derive(Clone, Copy)]
enum Known {
    /// It is not whole yet.
    NotYet,
    /// It may be told until then.
    Until(Instant),
    /// It was told to nobody since, and all were told to forget what they have of it.
    Stale,
}

impl Mirror {
    pub fn new(stale_max: Duration) -> Arc<Mirror> {
        Arc::new(Mirror { index: Index::new([], []), stale_max, known: Mutex::new(Known::NotYet) })
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        // Whoever holds it only copies.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self) -> Result<(), DirectoryError> {
        match *self.known() {
            Known::Until(until) if Instant::now() <= until => Ok(()),
            Known::NotYet => Err(DirectoryError::Unavailable("it was not read yet".to_owned())),
            Known::Until(_) | Known::Stale => {
                Err(DirectoryError::Unavailable("nothing was heard from it for too long".to_owned()))
            }
        }
    }

    fn heard(&self, need: &Need) {
        *self.known() = Known::Until(Instant::now() + self.stale_max);
        need.met();
    }

    /// Follows userserver until the service stops.
    pub async fn run(
        self: Arc<Self>,
        name: &'static str,
        peer: Peer,
        need: Arc<Need>,
        readiness: Readiness,
        mut stopping: Stopping,
    ) -> Result<(), ServiceError> {
        let mut wait = RETRY_WAIT;
        loop {
            let begun = Instant::now();
            let status = tokio::select! {
                () = stopping.wait() => return Ok(()),
                status = self.follow(name, &peer, &need, &readiness) => status,
            };
            tracing::warn!(service = name, %status, "the user directory broke off; follows it anew");
            if begun.elapsed() > RETRY_WAIT_MAX {
                wait = RETRY_WAIT;
            }
            tokio::select! {
                () = stopping.wait() => return Ok(()),
                () = sleep(wait) => {}
                // Whoever keeps answers of ours has to forget them at the very moment.
                () = self.went_stale() => {}
            }
            wait = (wait * 2).min(RETRY_WAIT_MAX);
        }
    }

    /// Waits for the end of what is known, and tells it; for ever when it was told already. However often it is asked anew,
    /// and however late, no end is missed.
    async fn went_stale(&self) {
        let known = *self.known();
        let Known::Until(until) = known else { return std::future::pending().await };
        sleep_until(until).await;
        *self.known() = Known::Stale;
        self.index.doubt();
    }

    /// One life of the connection; gives back why it ended.
    async fn follow(&self, name: &str, peer: &Peer, need: &Need, readiness: &Readiness) -> Status {
        let asked = Request::new(pb::FollowRequest { name: name.to_owned() });
        let mut client = UserDirectoryClient::new(peer.channel());
        let opened = tokio::select! {
            opened = client.follow(asked) => opened,
            () = self.went_stale() => return Status::unavailable("no connection"),
        };
        let mut news = match opened {
            Ok(answer) => answer.into_inner(),
            Err(status) => return status,
        };
        if let Err(status) = self.fill(&mut news).await {
            return status;
        }
        self.heard(need);
        readiness.set(true);
        loop {
            let next = tokio::select! {
                next = news.message() => next,
                () = self.went_stale() => return Status::unavailable("silent for too long"),
            };
            match next {
                Ok(Some(message)) => {
                    if let Err(status) = self.apply(message) {
                        return status;
                    }
                    self.heard(need);
                }
                Ok(None) => return Status::unavailable("it ended"),
                Err(status) => return status,
            }
        }
    }

    async fn fill(&self, news: &mut Streaming<pb::DirectoryNews>) -> Result<(), Status> {
        let (mut accounts, mut keys): (Vec<AccountFacts>, Vec<ApiKey>) = (vec![], vec![]);
        loop {
            let message = tokio::select! {
                message = news.message() => message?,
                // What was known before may still be in others' hands.
                () = self.went_stale() => return Err(Status::unavailable("silent for too long")),
                () = sleep(self.stale_max) => return Err(Status::unavailable("silent for too long")),
            };
            match message.ok_or_else(|| Status::unavailable("it ended"))?.news {
                Some(News::Part(part)) => {
                    for key in part.keys {
                        keys.push(convert::key(key).map_err(invalid)?);
                    }
                    for facts in &part.accounts {
                        accounts.push(convert::account(facts).map_err(invalid)?);
                    }
                }
                Some(News::Complete(_)) => {
                    self.index.reset(accounts, keys);
                    return Ok(());
                }
                _ => return Err(Status::internal("a change before all was told")),
            }
        }
    }

    fn apply(&self, message: pb::DirectoryNews) -> Result<(), Status> {
        let effect = match message.news {
            Some(News::Key(key)) => Effect::KeyLives(convert::key(key).map_err(invalid)?),
            Some(News::KeyGone(key)) => Effect::KeyGone(key.into()),
            Some(News::Account(facts)) => Effect::Account(convert::account(&facts).map_err(invalid)?),
            Some(News::Beat(_)) => return Ok(()),
            Some(News::Part(_) | News::Complete(_)) | None => return Err(Status::internal("no change")),
        };
        self.index.apply(vec![effect]);
        Ok(())
    }
}

fn invalid(convert::Invalid(what): convert::Invalid) -> Status {
    Status::internal(format!("{what} cannot be read"))
}

#[async_trait]
impl Directory for Mirror {
    async fn key(&self, key: &str) -> Result<Option<Arc<ApiKey>>, DirectoryError> {
        self.check()?;
        self.index.key(key).await
    }

    async fn account(&self, user: UserId) -> Result<Option<Arc<AccountFacts>>, DirectoryError> {
        self.check()?;
        self.index.account(user).await
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.index.changes()
    }
}
