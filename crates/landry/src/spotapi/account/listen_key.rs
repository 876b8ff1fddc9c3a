//! `POST`, `PUT` and `DELETE /api/v3/userDataStream`.

use allin_wire::binance::{ApiError, Code};

use super::super::app::App;
use super::super::call::{Call, Failure, Outcome, json};
use super::super::listen_keys::ListenKeyError;
use super::super::random_text::random_text;

const KEY_LENGTH: usize = 64;

fn away(error: ListenKeyError) -> Failure {
    tracing::warn!(%error, "listen keys cannot be kept");
    Failure::away("Internal error; unable to process your request. Please try again.")
}

/// A new key; or the present one, which lives on for an hour.
pub(super) async fn start(app: &App, call: &Call) -> Outcome {
    call.params.all_read()?;
    let user = call.user();
    let key = match app.listen_keys.living(user, call.now).await.map_err(away)? {
        Some(key) => key,
        None => random_text(KEY_LENGTH),
    };
    app.listen_keys.keep(&*app.handles.cache, user, &key, call.now).await.map_err(away)?;
    json(&serde_json::json!({ "listenKey": key }))
}

pub(super) async fn keep(app: &App, call: &Call) -> Outcome {
    let key = named(app, call).await?;
    app.listen_keys.keep(&*app.handles.cache, call.user(), &key, call.now).await.map_err(away)?;
    json(&serde_json::json!({}))
}

pub(super) async fn close(app: &App, call: &Call) -> Outcome {
    let key = named(app, call).await?;
    app.listen_keys.close(&*app.handles.cache, call.user(), &key).await.map_err(away)?;
    json(&serde_json::json!({}))
}

/// The key of the request, if it is the caller's and lives (-1125 otherwise).
async fn named(app: &App, call: &Call) -> Result<String, Failure> {
    let sent = call.params.required("listenKey")?;
    call.params.all_read()?;
    match app.listen_keys.living(call.user(), call.now).await.map_err(away)? {
        Some(key) if key == sent => Ok(key),
        _ => Err(ApiError::new(Code::InvalidListenKey, "This listenKey does not exist.").into()),
    }
}
