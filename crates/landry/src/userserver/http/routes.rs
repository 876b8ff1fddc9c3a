//! The table of routes: method, path, who may call, and what answers.

use std::sync::Arc;

use allin_exchange::health;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::AUTHORIZATION;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};

use super::body::collect;
use super::caller::{Who, guard};
use super::openapi;
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::{account, apikeys, internal, kyc, passkeys, sessions, subaccounts, totp};

/// What a document's form needs beside the document.
const FORM_BYTES: usize = 16 << 10;

pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub who: Who,
    handler: MethodRouter<Arc<App>>,
}

fn route(method: &'static str, path: &'static str, who: Who, handler: MethodRouter<Arc<App>>) -> Route {
    Route { method, path, who, handler }
}

/// Every endpoint of the interface.
pub fn routes() -> Vec<Route> {
    use Who::{Anyone, Session};
    let mut routes = vec![
        route("POST", "/api/v1/register", Anyone, post(account::register::register)),
        route("POST", "/api/v1/register/confirm", Anyone, post(account::confirm::confirm)),
        route("POST", "/api/v1/login", Anyone, post(account::login::login)),
        route("POST", "/api/v1/password/reset", Anyone, post(account::reset::reset)),
        route("POST", "/api/v1/password/reset/confirm", Anyone, post(account::reset_confirm::reset_confirm)),
        route("POST", "/api/v1/passkeys/login/begin", Anyone, post(passkeys::login::begin)),
        route("POST", "/api/v1/passkeys/login/finish", Anyone, post(passkeys::login::finish)),
        route("POST", "/api/v1/logout", Session, post(sessions::revoke::logout)),
        route("GET", "/api/v1/sessions", Session, get(sessions::list::list)),
        route("DELETE", "/api/v1/sessions/{session_id}", Session, delete(sessions::revoke::revoke)),
        route("POST", "/api/v1/sessions/revoke-others", Session, post(sessions::revoke::revoke_others)),
        route("GET", "/api/v1/logins", Session, get(sessions::logins::logins)),
        route("GET", "/api/v1/account", Session, get(account::profile::account)),
        route("PUT", "/api/v1/profile", Session, put(account::profile::set_profile)),
        route("GET", "/api/v1/preferences", Session, get(account::preferences::preferences)),
        route("PUT", "/api/v1/preferences", Session, put(account::preferences::set_preferences)),
        route("GET", "/api/v1/notifications", Session, get(account::notifications::notifications)),
        route("PUT", "/api/v1/notifications", Session, put(account::notifications::set_notifications)),
        route("PUT", "/api/v1/anti-phishing", Session, put(account::anti_phishing::set_anti_phishing)),
        route("POST", "/api/v1/password", Session, post(account::password::change_password)),
        route("GET", "/api/v1/referral", Session, get(account::referral::referral)),
        route("POST", "/api/v1/totp/begin", Session, post(totp::begin::begin)),
        route("POST", "/api/v1/totp/confirm", Session, post(totp::confirm::confirm)),
        route("POST", "/api/v1/totp/disable", Session, post(totp::disable::disable)),
        route("POST", "/api/v1/totp/recovery-codes", Session, post(totp::recovery::recovery_codes)),
        route("GET", "/api/v1/passkeys", Session, get(passkeys::list::list)),
        route("POST", "/api/v1/passkeys/begin", Session, post(passkeys::register::begin)),
        route("POST", "/api/v1/passkeys/finish", Session, post(passkeys::register::finish)),
        route("POST", "/api/v1/passkeys/{passkey_id}/remove", Session, post(passkeys::remove::remove)),
        route("GET", "/api/v1/api-keys", Session, get(apikeys::list::list)),
        route("POST", "/api/v1/api-keys", Session, post(apikeys::create::create)),
        route("PUT", "/api/v1/api-keys/{api_key}", Session, put(apikeys::change::change)),
        route("DELETE", "/api/v1/api-keys/{api_key}", Session, delete(apikeys::revoke::revoke)),
        route("GET", "/api/v1/sub-accounts", Session, get(subaccounts::list::list)),
        route("POST", "/api/v1/sub-accounts", Session, post(subaccounts::create::create)),
        route("PUT", "/api/v1/sub-accounts/{user_id}/freeze", Session, put(subaccounts::freeze::freeze)),
        route("GET", "/api/v1/kyc", Session, get(kyc::status::status)),
        route("POST", "/api/v1/kyc/documents", Session, post(kyc::upload::upload)),
        route("POST", "/api/v1/kyc/submit", Session, post(kyc::submit::submit)),
        route("GET", "/openapi.json", Anyone, get(openapi::serve)),
        route("GET", "/healthz", Anyone, get(openapi::health)),
    ];
    routes.extend(internal_routes());
    routes
}

/// What only services of this deployment may ask.
fn internal_routes() -> Vec<Route> {
    use Who::Internal;
    vec![
        route("GET", "/internal/v1/users/{user_id}", Internal, get(internal::user::user)),
        route("POST", "/internal/v1/users/{user_id}/demo", Internal, post(internal::demo::demo)),
        route("PUT", "/internal/v1/users/{user_id}/freeze", Internal, put(internal::freeze::freeze)),
        route("POST", "/internal/v1/users/{user_id}/close", Internal, post(internal::close::close)),
        route("GET", "/internal/v1/users/{user_id}/kyc", Internal, get(internal::kyc::documents)),
        route("POST", "/internal/v1/users/{user_id}/kyc", Internal, post(internal::kyc::review)),
        route("GET", "/internal/v1/users/{user_id}/kyc/{document_id}", Internal, get(internal::kyc::document)),
    ]
}

pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for Route { path, who, handler, .. } in routes() {
        let bytes_max = match path {
            kyc::upload::PATH => app.config.document_bytes_max + FORM_BYTES,
            _ => app.config.body_bytes_max,
        };
        let collect = middleware::from_fn_with_state((app.clone(), bytes_max), collect);
        let guard = middleware::from_fn_with_state((app.clone(), who), guard);
        // The guard is outside: whoever is not let in is not listened to.
        router = router.route(path, handler.route_layer(collect).route_layer(guard));
    }
    router
        .fallback(|request: Request| async move {
            let presented = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes());
            let health = health::answer(request.uri().path(), presented);
            health.map_or_else(|| Problem::not_found().into_response(), IntoResponse::into_response)
        })
        .method_not_allowed_fallback(|| async {
            let status = axum::http::StatusCode::METHOD_NOT_ALLOWED;
            Problem::new(status, "method_not_allowed", "the path has other methods")
        })
        // Bodies are bounded by `collect`, each path's in its own way.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(detach))
        .with_state(app)
}

/// A request that was begun is carried through, even if its caller goes away: between a commit and the index that follows
/// it there is no stopping.
async fn detach(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => Problem::broken("answer a request", error).into_response(),
    }
}
