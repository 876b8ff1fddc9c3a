//! The one connection that all operations share, and its end.

use std::future::Future;
use std::time::Duration;

use allin_runtime::cache::CacheError;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, IntoConnectionInfo, ProtocolVersion, RedisError,
    RedisResult, ServerErrorKind,
};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::config::{CacheSection, shown};

/// After a failed attempt to connect nobody tries again for so long; whoever asks gets the failure at once.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Link {
    client: Client,
    deadline: Duration,
    /// Where it is, and the setting that says so.
    place: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<MultiplexedConnection>,
    /// Of the connection: whoever meets its end ends none that came after it.
    number: u64,
    failed: Option<(Instant, CacheError)>,
    /// Told in the log, once.
    is_away: bool,
}

impl Link {
    pub fn new(url: &str, setting: &'static str, section: &CacheSection) -> RedisResult<Link> {
        let info = url.into_connection_info()?;
        // With this version messages come in on the same connection as answers.
        let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
        Ok(Link {
            client: Client::open(info.set_redis_settings(redis))?,
            deadline: Duration::from_millis(section.timeout_ms),
            place: format!("{} ({setting})", shown(url)),
            state: Mutex::default(),
        })
    }

    /// Without user and password.
    pub fn place(&self) -> &str {
        &self.place
    }

    pub fn deadline(&self) -> Instant {
        Instant::now() + self.deadline
    }

    pub fn away(&self, why: impl std::fmt::Display) -> CacheError {
        CacheError::Unavailable(format!("{}: {why}", self.place))
    }

    /// Waits, but not beyond the deadline.
    pub async fn within<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, (CacheError, Connection)> {
        match timeout_at(deadline, work).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err((self.away(&error), Connection::after(&error))),
            // Whether it is only slow nobody knows: the other end may be gone without a word.
            Err(_) => Err((self.away(format!("no answer within {} ms", self.deadline.as_millis())), Connection::Ends)),
        }
    }

    /// A new connection of its own.
    pub async fn open(
        &self,
        deadline: Instant,
        config: &AsyncConnectionConfig,
    ) -> Result<MultiplexedConnection, CacheError> {
        let config = config.clone().set_connection_timeout(None).set_response_timeout(None);
        let opened = self.client.get_multiplexed_async_connection_with_config(&config);
        self.within(deadline, opened).await.map_err(|(error, _)| error)
    }

    /// Runs a command on the shared connection.
    pub async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, CacheError> {
        let deadline = self.deadline();
        let mut outcome = self.try_ask(command, deadline).await;
        // Servers and firewalls end idle connections: the command was not read then.
        if let Err((_, Connection::Dropped)) = outcome {
            outcome = self.try_ask(command, deadline).await;
        }
        outcome.map_err(|(error, _)| {
            metrics::counter!("allin_cache_errors_total").increment(1);
            error
        })
    }

    async fn try_ask<T: FromRedisValue>(
        &self,
        command: &Cmd,
        deadline: Instant,
    ) -> Result<T, (CacheError, Connection)> {
        let (number, mut connection) = self.connection(deadline).await.map_err(|error| (error, Connection::Ends))?;
        let outcome = self.within(deadline, command.query_async(&mut connection)).await;
        match &outcome {
            Err((error, Connection::Ends)) => self.lost(number, Some(error)).await,
            Err((_, Connection::Dropped)) => self.lost(number, None).await,
            Err((_, Connection::Stands)) | Ok(_) => {}
        }
        outcome
    }

    async fn connection(&self, deadline: Instant) -> Result<(u64, MultiplexedConnection), CacheError> {
        // Others may be connecting, for as long as their own deadline.
        let Ok(mut state) = timeout_at(deadline, self.state.lock()).await else {
            return Err(self.away("no connection yet"));
        };
        if let Some(connection) = &state.connection {
            return Ok((state.number, connection.clone()));
        }
        if let Some((at, error)) = &state.failed
            && at.elapsed() < PAUSE
        {
            return Err(error.clone());
        }
        match self.open(deadline, &AsyncConnectionConfig::new()).await {
            Ok(connection) => {
                if std::mem::take(&mut state.is_away) {
                    tracing::info!(cache = self.place, "the cache is back");
                }
                state.number += 1;
                (state.connection, state.failed) = (Some(connection.clone()), None);
                Ok((state.number, connection))
            }
            Err(error) => {
                self.tell_away(&mut state, &error);
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// The next one who asks connects anew.
    async fn lost(&self, number: u64, error: Option<&CacheError>) {
        let mut state = self.state.lock().await;
        if state.number == number
            && state.connection.take().is_some()
            && let Some(error) = error
        {
            self.tell_away(&mut state, error);
        }
    }

    fn tell_away(&self, state: &mut State, error: &CacheError) {
        if !std::mem::replace(&mut state.is_away, true) {
            tracing::warn!(%error, "the cache is away; everything goes on without it");
        }
    }
}

/// What an error makes of the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Connection {
    Stands,
    Ends,
    /// The other end had ended it.
    Dropped,
}

impl Connection {
    fn after(error: &RedisError) -> Connection {
        // Of a server that became another's copy too: the name may lead to a new one by now.
        let is_copy =
            matches!(error.kind(), ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown));
        match () {
            () if error.is_connection_dropped() => Connection::Dropped,
            () if is_copy || error.is_io_error() || error.is_unrecoverable_error() => Connection::Ends,
            () => Connection::Stands,
        }
    }
}
