//! landry-userserver-web (8080): users, their credentials, and what other services know of them.
//!
//! Owns accounts and sub-accounts, sessions, API keys, documents, and the mails about them; gives other services of this
//! process a [`Directory`] that is changed after the commit of each change, so that a revoked key stops at once, and those
//! of other processes the same over gRPC: on its port users and operators speak HTTP/1.1, services HTTP/2 with the token.
//! Never shows a secret twice, logs one, or keeps one in the clear; never tells by text, status or work whether a mail
//! address has an account; never moves money.
//! Known limits: attempts are counted in memory, so a restart forgets them; passkey ceremonies are in memory too, so one
//! instance of the service runs; the gateway must not route `/internal/` (it would meet 401 there), and cannot reach the
//! directory, because it speaks HTTP/1.1 to services.

mod account;
mod apikeys;
mod app;
mod config;
mod engine;
mod error;
mod http;
mod internal;
mod kyc;
mod limits;
mod mail;
mod passkeys;
mod secrets;
mod sessions;
mod subaccounts;
mod tables;
mod totp;
mod write;

use std::path::PathBuf;
use std::sync::Arc;

use allin_exchange::clock::Clock;
use allin_exchange::guard::Guard;
use allin_exchange::service::{Port, Running, ServiceError, Starting};
use allin_runtime::auth::InternalToken;
use allin_runtime::engine::Engine;
use allin_wire::landry::v1::user_directory_server::UserDirectoryServer;
use tonic::service::Routes;
use tower::Layer;

use crate::directory::{Directory, DirectorySection, DirectoryService};

pub use config::UsersSection;
pub use http::caller::Who;
pub use http::openapi::document as openapi;
pub use mail::latest_code;
pub use tables::schema::schema;

/// The file of the key under which secrets are encrypted, in the data directory.
pub const KEY_FILE: &str = "users.key";
/// The folder of mails in the data directory, where no mail server is configured.
pub const OUTBOX: &str = "outbox";

/// What the service needs of the world.
pub struct Handles {
    /// Its own database; made when missing.
    pub store_url: String,
    /// Where users are made known.
    pub engine: Arc<dyn Engine>,
    pub clock: Clock,
    /// The data directory: `users.key`, `outbox/` and `kyc/` are below it.
    pub data: PathBuf,
    /// What callers of `/internal/`, and services that follow the directory, have to present.
    pub token: InternalToken,
    pub directory: DirectorySection,
}

/// The service at work.
pub struct Service {
    pub running: Running,
    /// What other services ask.
    pub directory: Arc<dyn Directory>,
}

/// Starts the service; it is ready when this returns.
pub async fn start(
    name: &'static str,
    config: UsersSection,
    handles: Handles,
    listener: Port,
) -> Result<Service, ServiceError> {
    let failed = |error: app::Failure| ServiceError::failed(name, error);
    let (mail, sender) = mail::open(&config, handles.data.join(OUTBOX)).map_err(|error| failed(error.into()))?;
    let (connections_max, beat) = (config.connections_max, handles.directory.beat());
    let app = Arc::new(app::App::open(name, config, handles, mail).await.map_err(failed)?);
    let mut starting = Starting::new(name);
    starting.spawn(sender.run(starting.stopping()));
    starting.spawn(app.clone().keep(starting.stopping()));
    let directory = app.index.clone();
    if let Some(listener) = listener {
        starting.listens(&listener)?;
        let followed = DirectoryService { index: app.index.clone(), beat, stopping: starting.stopping() };
        let internal = Routes::new(UserDirectoryServer::new(followed));
        let internal = Guard(app.token.verifier(name)).layer(starting.with_health(internal).prepare());
        let front = http::serve::Front { rest: http::routes::router(app), internal, connections_max };
        starting.spawn(http::serve::serve(listener, front, starting.stopping()));
    }
    Ok(Service { running: starting.running(), directory })
}

/// Method, path and caller of every endpoint, for tests that go through all of them.
pub fn route_table() -> Vec<(&'static str, &'static str, Who)> {
    http::routes::routes().into_iter().map(|route| (route.method, route.path, route.who)).collect()
}
