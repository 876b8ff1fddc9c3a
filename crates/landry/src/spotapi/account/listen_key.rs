//! `POST`, `PUT` and `DELETE /api/v3/userDataStream`: listen keys, kept in the cache for an hour at a time.

use std::time::Duration;

use allin_core::ids::UserId;
use allin_runtime::cache::CacheError;
use allin_wire::binance::{ApiError, Code};
use bytes::Bytes;

use super::super::app::App;
use super::super::call::{Call, Failure, Outcome, json};
use super::super::random_text::random_text;

const LIFE: Duration = Duration::from_secs(60 * 60);
/// The cache has no removal: a key that is closed lives on for this long.
const CLOSED: Duration = Duration::ZERO;
const KEY_LENGTH: usize = 64;

fn by_key(key: &str) -> String {
    format!("spot:listenkey:{key}")
}

fn by_user(user: UserId) -> String {
    format!("spot:listenkey-of:{}", user.0)
}

fn away(error: CacheError) -> Failure {
    tracing::warn!(%error, "listen keys cannot be kept");
    Failure::away("Internal error; unable to process your request. Please try again.")
}

/// A user's key that lives, if there is one.
async fn living(app: &App, user: UserId) -> Result<Option<String>, Failure> {
    let cache = &app.handles.cache;
    let Some(key) = cache.get(&by_user(user)).await.map_err(away)? else { return Ok(None) };
    let Ok(key) = String::from_utf8(key.to_vec()) else { return Ok(None) };
    let owner = cache.get(&by_key(&key)).await.map_err(away)?;
    Ok(owner.is_some_and(|owner| *owner == *user.0.to_string().as_bytes()).then_some(key))
}

async fn keep_for(app: &App, user: UserId, key: &str, life: Duration) -> Result<(), Failure> {
    let cache = &app.handles.cache;
    cache.set(&by_key(key), Bytes::from(user.0.to_string()), life).await.map_err(away)?;
    cache.set(&by_user(user), Bytes::copy_from_slice(key.as_bytes()), life).await.map_err(away)
}

/// A new key; or the present one, which lives on for an hour.
pub(super) async fn start(app: &App, call: &Call) -> Outcome {
    call.params.all_read()?;
    let user = call.user();
    let key = match living(app, user).await? {
        Some(key) => key,
        None => random_text(KEY_LENGTH),
    };
    keep_for(app, user, &key, LIFE).await?;
    json(&serde_json::json!({ "listenKey": key }))
}

pub(super) async fn keep(app: &App, call: &Call) -> Outcome {
    let key = named(app, call).await?;
    keep_for(app, call.user(), &key, LIFE).await?;
    json(&serde_json::json!({}))
}

pub(super) async fn close(app: &App, call: &Call) -> Outcome {
    let key = named(app, call).await?;
    keep_for(app, call.user(), &key, CLOSED).await?;
    // Whoever streams by this key may listen for its end.
    app.handles.cache.publish(&by_key(&key), Bytes::from_static(b"closed")).await.map_err(away)?;
    json(&serde_json::json!({}))
}

/// The key of the request, if it is the caller's and lives (-1125 otherwise).
async fn named(app: &App, call: &Call) -> Result<String, Failure> {
    let sent = call.params.required("listenKey")?;
    call.params.all_read()?;
    match living(app, call.user()).await? {
        Some(key) if key == sent => Ok(key),
        _ => Err(ApiError::new(Code::InvalidListenKey, "This listenKey does not exist.").into()),
    }
}
