//! User data over listen keys: whose a key is, and its end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use allin_core::ids::UserId;
use allin_runtime::cache::CacheError;
use tokio::time::{MissedTickBehavior, timeout};

use super::app::App;
use super::frame::Closing;
use super::hub::{Subject, Topic};
use super::outbox::Client;
use crate::jsontext::Object;
use crate::spotapi::{self, call::TimeUnit};
use crate::userdata::{UserDataError, UserEvents};

/// Longest wait for the cache.
const CACHE_WAIT: Duration = Duration::from_secs(2);
/// Lengths of a listen key.
const KEY_LENGTHS: std::ops::RangeInclusive<usize> = 16..=128;

/// What a name turned out to be.
pub(super) enum Found {
    Key(UserId),
    NoKey,
}

/// Whether a stream's name can be a listen key at all.
pub(super) fn may_be_key(name: &str) -> bool {
    KEY_LENGTHS.contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whose a listen key is.
pub(super) async fn find(app: &App, key: &str) -> Result<Found, CacheError> {
    let user = timeout(CACHE_WAIT, spotapi::look_up(&*app.cache, key)).await;
    let user = user.map_err(|_| CacheError::Unavailable("listen keys cannot be looked up".to_owned()))??;
    Ok(user.map_or(Found::NoKey, Found::Key))
}

/// Lets a client listen to a key's user.
pub(super) async fn listen(
    app: &Arc<App>,
    key: &Arc<str>,
    user: UserId,
    client: &Arc<Client>,
) -> Result<(), UserDataError> {
    let subject = Subject::User(key.clone());
    // First, so that nothing after the answer is missed; one that comes beside another is dropped.
    let events = app.user_data.subscribe(user, client.unit).await?;
    if let Some(topic) = app.hub.subscribe(&subject, key, client).made {
        app.hub.spawn(pump(app.clone(), key.clone(), client.unit, topic, events));
    }
    Ok(())
}

/// Hands a user's events to those who listen by a key, until the key ends or nobody is left.
async fn pump(app: Arc<App>, key: Arc<str>, unit: TimeUnit, topic: Arc<Topic>, mut events: UserEvents) {
    let subject = Subject::User(key.clone());
    let mut checks = tokio::time::interval(app.config.publish_slow());
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Events do not wait for the cache.
    let mut looking = pin!(None);
    loop {
        tokio::select! {
            event = events.next() => match event {
                Ok(event) => match std::str::from_utf8(&event) {
                    Ok(event) => topic.send(event),
                    Err(error) => tracing::error!(%error, "a user's event is no text"),
                },
                Err(error) => {
                    tracing::warn!(%error, "a user's stream broke off");
                    // Something is missing from here on: they have to come again.
                    topic.end_all(Closing::GOING_AWAY);
                    return app.hub.close(&subject, unit);
                }
            },
            _ = checks.tick() => {
                let current = app.hub.topic(&subject, unit);
                if !current.is_some_and(|current| Arc::ptr_eq(&current, &topic)) {
                    return;
                }
                if looking.is_none() {
                    looking.set(Some(find(&app, &key)));
                }
            }
            found = async { looking.as_mut().as_pin_mut().expect("asked").await }, if looking.is_some() => {
                looking.set(None);
                match found {
                    Ok(Found::Key(user)) if user == events.user() => {}
                    Ok(_) => {
                        let mut object = Object::new();
                        object.text("e", "listenKeyExpired").raw("E", unit.of((app.clock)())).text("listenKey", &key);
                        topic.send(&object.finish());
                        return app.hub.close(&subject, unit);
                    }
                    // The key may well be alive; it is asked for again.
                    Err(error) => tracing::debug!(%error, "cannot look whether a listen key is alive"),
                }
            }
        }
    }
}
