//! Gives the directory to other processes: all of it, then what changes.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use allin_exchange::service::Stopping;
use allin_wire::landry::v1 as pb;
use allin_wire::landry::v1::user_directory_server::UserDirectory;
use futures::Stream;
use futures::stream::unfold;
use pb::directory_news::News;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, MissedTickBehavior};
use tonic::{Request, Response, Status};

use super::{AccountFacts, ApiKey, Change, Directory, Index, convert};

/// Keys and accounts of one part.
const PART_ROWS: usize = 1_000;

/// The service. Callers are checked before they come here.
pub struct DirectoryService {
    pub index: Arc<Index>,
    pub beat: Duration,
    pub stopping: Stopping,
}

type Told = Pin<Box<dyn Stream<Item = Result<pb::DirectoryNews, Status>> + Send>>;

#[tonic::async_trait]
impl UserDirectory for DirectoryService {
    type FollowStream = Told;

    async fn follow(&self, request: Request<pb::FollowRequest>) -> Result<Response<Told>, Status> {
        // Before the copy, so that no change falls between both.
        let changes = self.index.changes();
        let (keys, accounts) = self.index.all();
        let follower = request.into_inner().name;
        tracing::info!(follower, keys = keys.len(), accounts = accounts.len(), "a service follows the user directory");
        let mut beats = tokio::time::interval(self.beat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stage = Stage::All { keys: keys.into_iter(), accounts: accounts.into_iter() };
        let feed = Feed { index: self.index.clone(), stopping: self.stopping.clone(), changes, beats, stage };
        Ok(Response::new(Box::pin(unfold(Some(feed), |feed| async move { feed?.next().await }))))
    }
}

enum Stage {
    All { keys: std::vec::IntoIter<Arc<ApiKey>>, accounts: std::vec::IntoIter<Arc<AccountFacts>> },
    Changes,
}

struct Feed {
    index: Arc<Index>,
    stopping: Stopping,
    changes: broadcast::Receiver<Change>,
    beats: Interval,
    stage: Stage,
}

impl Feed {
    /// The next word, and where to go on unless it is the last.
    async fn next(mut self) -> Option<(Result<pb::DirectoryNews, Status>, Option<Feed>)> {
        let news = match &mut self.stage {
            Stage::All { keys, accounts } => {
                let part = pb::DirectoryPart {
                    keys: keys.by_ref().take(PART_ROWS).map(|key| convert::key_message(&key)).collect(),
                    accounts: accounts.by_ref().take(PART_ROWS).map(|facts| convert::account_message(&facts)).collect(),
                };
                if part.keys.is_empty() && part.accounts.is_empty() {
                    self.stage = Stage::Changes;
                    Ok(News::Complete(pb::DirectoryComplete {}))
                } else {
                    Ok(News::Part(part))
                }
            }
            Stage::Changes => self.change().await?,
        };
        match news {
            Ok(news) => Some((Ok(pb::DirectoryNews { news: Some(news) }), Some(self))),
            Err(status) => Some((Err(status), None)),
        }
    }

    /// None when the service stops.
    async fn change(&mut self) -> Option<Result<News, Status>> {
        let change = tokio::select! {
            biased;
            () = self.stopping.wait() => return None,
            change = self.changes.recv() => change,
            _ = self.beats.tick() => return Some(Ok(News::Beat(pb::DirectoryBeat {}))),
        };
        // What it is now: of several changes of one thing the last is told more than once, and that is enough.
        Some(match change {
            Ok(Change::Key(key)) => Ok(match self.index.live_key(&key) {
                Some(key) => News::Key(convert::key_message(&key)),
                None => News::KeyGone(key.to_string()),
            }),
            Ok(Change::User(user)) => match self.index.facts(user) {
                Some(facts) => Ok(News::Account(convert::account_message(&facts))),
                // Accounts are never taken away.
                None => Err(Status::internal("a change of an account that there is not")),
            },
            Ok(Change::Everything) | Err(RecvError::Closed) => Err(Status::unavailable("begin again")),
            Err(RecvError::Lagged(_)) => Err(Status::resource_exhausted("read too slowly; begin again")),
        })
    }
}
