//! What a connection knows of its client: the key that logged on, and the accounts that it listens to.

use std::pin::Pin;
use std::sync::Arc;

use allin_core::ids::{Timestamp, UserId};
use allin_wire::binance::{ApiError, Code};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use serde_json::json;
use tokio_stream::StreamMap;

use super::super::app::App;
use super::super::call::{Failure, Outcome, json as to_json};
use super::super::dispatch::{self, Answered, Arrival, dispatch};
use super::super::endpoint::{self, Security};
use super::super::limits::Usage;
use super::super::params::Params;
use super::super::security::{self, Credentials};
use super::request::{Malformed, Request};
use super::{Opening, respond};
use crate::directory::Verifier;
use crate::userdata::{UserData, UserDataError, UserEvents, stream_terminated};

/// Weight of what the session answers by itself, and of what cannot be read.
const WEIGHT: u32 = 2;
/// Subscriptions at once, and over the life of a connection (Binance Spot WebSocket API, "User Data Stream subscription").
const SUBSCRIPTIONS_MAX: usize = 1000;
const SUBSCRIPTIONS_EVER_MAX: u32 = 65_535;

type Events = Pin<Box<dyn Stream<Item = Result<Bytes, UserDataError>> + Send>>;

/// The key that a connection works with.
struct LoggedOn {
    key: Arc<str>,
    user: UserId,
    since: Timestamp,
}

struct Subscription {
    id: u32,
    user: UserId,
    key: Arc<str>,
    /// By `userDataStream.subscribe`: ends with the session.
    of_session: bool,
}

pub struct Session<'a> {
    app: &'a App,
    user_data: &'a UserData,
    opening: Opening,
    connected_since: Timestamp,
    logged_on: Option<LoggedOn>,
    subscriptions: Vec<Subscription>,
    events: StreamMap<u32, Events>,
    next_subscription: u32,
}

/// What becomes of a request.
pub enum Doing<'a> {
    /// It is being answered.
    Answer(BoxFuture<'a, String>),
    /// It is answered, and has further consequences.
    Done(Vec<String>),
}

/// What the session itself answers.
#[derive(Clone, Copy)]
enum Own {
    LogOn,
    Status,
    LogOut,
    Subscriptions,
    Subscribe,
    SubscribeSignature,
    Unsubscribe,
}

impl Own {
    fn of(method: &str) -> Option<Own> {
        match method {
            "session.logon" => Some(Own::LogOn),
            "session.status" => Some(Own::Status),
            "session.logout" => Some(Own::LogOut),
            "session.subscriptions" => Some(Own::Subscriptions),
            "userDataStream.subscribe" => Some(Own::Subscribe),
            "userDataStream.subscribe.signature" => Some(Own::SubscribeSignature),
            "userDataStream.unsubscribe" => Some(Own::Unsubscribe),
            _ => None,
        }
    }
}

impl<'a> Session<'a> {
    pub fn new(app: &'a App, user_data: &'a UserData, opening: Opening) -> Session<'a> {
        Session {
            app,
            user_data,
            opening,
            connected_since: dispatch::now(app),
            logged_on: None,
            subscriptions: Vec::new(),
            events: StreamMap::new(),
            next_subscription: 0,
        }
    }

    fn now(&self) -> Timestamp {
        dispatch::now(self.app)
    }

    /// The present, in the client's unit.
    pub fn time(&self) -> u64 {
        self.opening.time_unit.of(self.now())
    }

    /// Reads a request and begins it.
    pub async fn begin(&mut self, text: &str) -> Doing<'a> {
        let request = match Request::parse(text) {
            Ok(request) => request,
            Err(Malformed { id, error }) => return Doing::Done(vec![self.refuse(id, error.into())]),
        };
        if let Some(own) = Own::of(request.method()) {
            return Doing::Done(self.answer(own, request).await);
        }
        let Some(endpoint) = endpoint::by_ws(request.method()) else {
            let error = ApiError::new(Code::UnsupportedOperation, "This operation is not supported.");
            return Doing::Done(vec![self.refuse(request.id, error.into())]);
        };
        let limits_wanted = self.limits_wanted(&request);
        let (id, mut arrival) = (request.id.to_owned(), self.arrive(request));
        if endpoint.security != Security::None {
            // Once it is known, no request waits for its key: they reach the engine as they came.
            security::warm(self.app, &mut arrival.credentials).await;
        }
        let app = self.app;
        Doing::Answer(
            async move {
                let Answered { outcome, usage } = dispatch(app, endpoint, arrival).await;
                let limits = limits_wanted.then(|| respond::usage(&app.handles.rules, usage));
                respond::answer(&id, &outcome, limits, dispatch::now(app))
            }
            .boxed(),
        )
    }

    fn limits_wanted(&self, request: &Request<'_>) -> bool {
        request.return_rate_limits.unwrap_or(self.opening.return_rate_limits)
    }

    fn arrive(&self, request: Request<'_>) -> Arrival {
        let credentials = match (&request.api_key, &self.logged_on) {
            (None, Some(logged_on)) => Credentials::Session { key: logged_on.key.clone(), known: None },
            _ => Credentials::Signed { payloads: vec![request.payload()], key: request.api_key },
        };
        let Opening { address, time_unit, .. } = self.opening;
        Arrival { params: request.params, credentials, address, time_unit }
    }

    /// Answers what is wrong in itself; it costs as much as anything else.
    fn refuse(&self, id: &str, failure: Failure) -> String {
        let (usage, failure) = match dispatch::charge(self.app, self.opening.address, WEIGHT) {
            Ok(usage) => (usage, failure),
            Err(limited) => (Usage::default(), limited),
        };
        let limits = self.opening.return_rate_limits.then(|| respond::usage(&self.app.handles.rules, usage));
        respond::answer(id, &Err(failure), limits, self.now())
    }

    async fn answer(&mut self, own: Own, request: Request<'_>) -> Vec<String> {
        let (id, limits_wanted) = (request.id, self.limits_wanted(&request));
        let mut further = Vec::new();
        let (outcome, usage) = match dispatch::charge(self.app, self.opening.address, WEIGHT) {
            Err(limited) => (Err(limited), Usage::default()),
            Ok(usage) => {
                let arrival = self.arrive(request);
                (self.perform(own, &arrival, &mut further).await, usage)
            }
        };
        let limits = limits_wanted.then(|| respond::usage(&self.app.handles.rules, usage));
        further.insert(0, respond::answer(id, &outcome, limits, self.now()));
        further
    }

    async fn perform(&mut self, own: Own, arrival: &Arrival, further: &mut Vec<String>) -> Outcome {
        match own {
            Own::LogOn => self.log_on(arrival, further).await,
            Own::Status => self.status(&arrival.params),
            Own::LogOut => {
                read_all(&arrival.params)?;
                further.extend(self.log_out());
                self.status(&arrival.params)
            }
            Own::Subscriptions => {
                read_all(&arrival.params)?;
                let rows: Vec<_> = self.subscriptions.iter().map(|one| json!({ "subscriptionId": one.id })).collect();
                to_json(&rows)
            }
            Own::Subscribe => {
                read_all(&arrival.params)?;
                let Some(LoggedOn { key, user, .. }) = &self.logged_on else {
                    let msg = "You are not authorized to execute this request.";
                    return Err(Failure { status: 401, ..Failure::new(Code::Unauthorized, msg) });
                };
                let (key, user) = (key.clone(), *user);
                self.subscribe(key, user, true).await
            }
            Own::SubscribeSignature => self.subscribe_signature(arrival).await,
            Own::Unsubscribe => self.unsubscribe(&arrival.params, further),
        }
    }

    async fn log_on(&mut self, arrival: &Arrival, further: &mut Vec<String>) -> Outcome {
        let caller = dispatch::log_on(self.app, signed(arrival)?).await?;
        arrival.params.all_read()?;
        if !matches!(caller.key.verifier, Verifier::Ed25519(_)) {
            let msg = "This operation is supported for Ed25519 keys only.";
            return Err(Failure::new(Code::UnsupportedOperation, msg));
        }
        let same = self.logged_on.as_ref().is_some_and(|known| known.user == caller.user());
        if !same {
            further.extend(self.log_out());
        }
        let key: Arc<str> = caller.key.key.as_ref().into();
        self.logged_on = Some(LoggedOn { key, user: caller.user(), since: self.now() });
        self.status(&Params::default())
    }

    fn status(&self, params: &Params) -> Outcome {
        read_all(params)?;
        let unit = self.opening.time_unit;
        to_json(&json!({
            "apiKey": self.logged_on.as_ref().map(|known| &*known.key),
            "authorizedSince": self.logged_on.as_ref().map(|known| unit.of(known.since)),
            "connectedSince": unit.of(self.connected_since),
            "returnRateLimits": self.opening.return_rate_limits,
            "serverTime": unit.of(self.now()),
            "userDataStream": !self.subscriptions.is_empty(),
        }))
    }

    /// Forgets the key, and ends what was subscribed with it; gives the streams' last events.
    fn log_out(&mut self) -> Vec<String> {
        self.logged_on = None;
        self.end_subscriptions(|one| one.of_session)
    }

    async fn subscribe_signature(&mut self, arrival: &Arrival) -> Outcome {
        let (params, now) = (&arrival.params, self.now());
        let credentials = &signed(arrival)?.credentials;
        let known =
            security::authenticate(self.app, Security::UserData, credentials, params, arrival.address, now).await?;
        params.all_read()?;
        let Some((caller, _)) = known else {
            return Err(Failure::new(Code::Unauthorized, "You are not authorized to execute this request."));
        };
        self.subscribe(caller.key.key.as_ref().into(), caller.user(), false).await
    }

    async fn subscribe(&mut self, key: Arc<str>, user: UserId, of_session: bool) -> Outcome {
        if self.subscriptions.iter().any(|one| one.user == user) {
            let msg = "User Data Stream subscription already active.";
            return Err(Failure::new(Code::SubscriptionActive, msg));
        }
        if self.subscriptions.len() >= SUBSCRIPTIONS_MAX || self.next_subscription >= SUBSCRIPTIONS_EVER_MAX {
            return Err(Failure::new(Code::TooManyRequests, "Too many subscriptions on this connection."));
        }
        let events = match self.user_data.subscribe(user, self.opening.time_unit).await {
            Ok(events) => events,
            Err(error) => {
                tracing::warn!(%error, "a user data stream does not begin");
                return Err(Failure::away("User data streams are not available at the moment. Please try again."));
            }
        };
        let id = self.next_subscription;
        self.next_subscription += 1;
        self.subscriptions.push(Subscription { id, user, key, of_session });
        self.events.insert(id, stream_of(events));
        to_json(&json!({ "subscriptionId": id }))
    }

    fn unsubscribe(&mut self, params: &Params, further: &mut Vec<String>) -> Outcome {
        let id = params.u64("subscriptionId")?;
        read_all(params)?;
        if let Some(id) = id
            && !self.subscriptions.iter().any(|one| u64::from(one.id) == id)
        {
            return Err(Failure::new(Code::SubscriptionInactive, "User Data Stream subscription not active."));
        }
        further.extend(self.end_subscriptions(|one| id.is_none_or(|id| id == u64::from(one.id))));
        Ok(Bytes::from_static(b"{}"))
    }

    fn end_subscriptions(&mut self, which: impl Fn(&Subscription) -> bool) -> Vec<String> {
        let last = stream_terminated(self.now(), self.opening.time_unit);
        let mut frames = Vec::new();
        let events = &mut self.events;
        self.subscriptions.retain(|one| {
            let ends = which(one);
            if ends {
                events.remove(&one.id);
                frames.push(respond::event(one.id, &last));
            }
            !ends
        });
        frames
    }

    /// The next event of any subscription; waits for ever when there is none. May be dropped and called again.
    pub async fn next_event(&mut self) -> Vec<String> {
        match self.events.next().await {
            Some((id, Ok(event))) => vec![respond::event(id, &event)],
            Some((id, Err(error))) => {
                tracing::debug!(%error, "a user data stream ended");
                self.end_subscriptions(|one| one.id == id)
            }
            None => std::future::pending().await,
        }
    }

    /// Whether a key of this user's is in use.
    pub fn concerns(&self, user: UserId) -> bool {
        self.logged_on.as_ref().is_some_and(|known| known.user == user)
            || self.subscriptions.iter().any(|one| one.user == user)
    }

    /// A key is gone: a session with it ends, and what it subscribed.
    pub fn forget_key(&mut self, key: &str) -> Vec<String> {
        let mut frames = Vec::new();
        if self.logged_on.as_ref().is_some_and(|known| *known.key == *key) {
            self.logged_on = None;
            let failure = Failure::new(Code::RejectedMbxKey, "Invalid API-key, IP, or permissions for action.");
            frames.push(respond::answer("null", &Err(Failure { status: 401, ..failure }), None, self.now()));
        }
        frames.extend(self.end_subscriptions(|one| *one.key == *key));
        frames
    }

    /// Asks again for every key in use, and forgets those that are no more.
    pub async fn check_keys(&mut self) -> Vec<String> {
        let mut keys: Vec<Arc<str>> = self.subscriptions.iter().map(|one| one.key.clone()).collect();
        keys.extend(self.logged_on.as_ref().map(|known| known.key.clone()));
        keys.sort();
        keys.dedup();
        let mut frames = Vec::new();
        for key in keys {
            let alive = match self.app.handles.directory.key(&key).await {
                Ok(Some(known)) => !known.is_expired(self.now()) && known.allows_address(self.opening.address),
                Ok(None) => false,
                // It may have been revoked, and nobody would tell.
                Err(_) => false,
            };
            if !alive {
                frames.extend(self.forget_key(&key));
            }
        }
        frames
    }
}

/// A signature is asked for, whether or not the session has logged on.
fn signed(arrival: &Arrival) -> Result<&Arrival, Failure> {
    match arrival.credentials {
        Credentials::Signed { key: Some(_), .. } => Ok(arrival),
        _ => Err(ApiError::malformed("apiKey").into()),
    }
}

/// For methods without parameters: those of a signature may stand there all the same.
fn read_all(params: &Params) -> Result<(), Failure> {
    ["signature", "timestamp", "recvWindow"].into_iter().for_each(|name| params.skip(name));
    Ok(params.all_read()?)
}

fn stream_of(events: UserEvents) -> Events {
    let next = |events: Option<UserEvents>| async move {
        let mut events = events?;
        match events.next().await {
            Ok(event) => Some((Ok(event), Some(events))),
            Err(error) => Some((Err(error), None)),
        }
    };
    stream::unfold(Some(events), next).boxed()
}
