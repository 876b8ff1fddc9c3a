//! The WebSocket API (`/ws-api/v3`; Binance Spot "WebSocket API"): the endpoint table once more, with sessions and user
//! data streams.
//!
//! One task a connection. Requests are begun in the order in which they came, up to a bound at once, and answered as they
//! are done. Nobody waits for a client: one that does not read is cut off.

mod clock;
mod connection;
mod request;
mod respond;
mod scan;
mod session;

use std::sync::Arc;

use allin_exchange::service::{ServiceError, Stopping};
use allin_wire::binance::{ApiError, Code};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Request, State};
use axum::response::Response;
use tokio::sync::Semaphore;

use super::app::App;
use super::call::{Failure, TimeUnit};
use super::dispatch::{self, charge};
use super::form::Form;
use super::http::{self, Peer, client_address};
use crate::handshake;
use crate::userdata::UserData;

pub const PATH: &str = "/ws-api/v3";

/// Weight of a connection.
const CONNECT_WEIGHT: u32 = 2;
/// First size of a connection's buffer for reading: most of them are idle.
const READ_BUFFER: usize = 8 << 10;
/// Answers up to this size are written together; room for them is made when there are any.
const WRITE_BUFFER: usize = 64 << 10;

/// What all connections share.
#[derive(Clone)]
pub struct Door {
    app: Arc<App>,
    user_data: Arc<UserData>,
    stopping: Stopping,
    room: Arc<Semaphore>,
}

/// What a connection was opened with.
struct Opening {
    address: std::net::IpAddr,
    time_unit: TimeUnit,
    return_rate_limits: bool,
}

impl Door {
    pub fn new(app: Arc<App>, user_data: Arc<UserData>, stopping: Stopping) -> Door {
        let room = Arc::new(Semaphore::new(app.config.ws_connections_max as usize));
        Door { app, user_data, stopping, room }
    }

    /// Ends once the service stops and the last connection has been told so.
    pub async fn drain(self) -> Result<(), ServiceError> {
        let mut stopping = self.stopping.clone();
        stopping.wait().await;
        // Closed by nobody, so this only waits.
        let _ = self.room.acquire_many(self.app.config.ws_connections_max).await;
        Ok(())
    }
}

/// A refusal, as REST words it.
fn refused(failure: &Failure) -> Response {
    http::failed(failure).map(axum::body::Body::from)
}

fn bad_key() -> Response {
    refused(&ApiError::new(Code::InvalidMessage, "Sec-WebSocket-Key is missing or malformed.").into())
}

pub async fn upgrade(
    State(door): State<Door>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: Request,
) -> Response {
    match open(&door, &request) {
        Err(failure) => refused(&failure),
        Ok(opening) => match upgrade {
            Err(WebSocketUpgradeRejection::WebSocketKeyHeaderMissing(_)) => bad_key(),
            Err(_) => {
                let msg = "This path speaks WebSocket only.";
                refused(&Failure { status: 426, ..Failure::new(Code::UnsupportedOperation, msg) })
            }
            Ok(_) if handshake::key(request.headers()).is_none() => bad_key(),
            Ok(upgrade) => accept(door, upgrade, opening),
        },
    }
}

/// Counts the attempt and reads the query.
fn open(door: &Door, request: &Request) -> Result<Opening, Failure> {
    let app = &door.app;
    let peer = request.extensions().get::<Peer>().map_or_else(|| ([0, 0, 0, 0], 0).into(), |peer| peer.0);
    let address = client_address(&app.trusted, peer, request.headers());
    app.limits.connect(address, dispatch::now(app))?;
    charge(app, address, CONNECT_WEIGHT)?;
    let Form { params, .. } = Form::parse(request.uri().query().unwrap_or_default(), b"")?;
    let time_unit = params.get("timeUnit")?.map_or(Ok(TimeUnit::default()), TimeUnit::parse)?;
    let return_rate_limits = params.get("returnRateLimits")?.map_or(Ok(true), request::flag)?;
    match params.get("responseFormat")? {
        None | Some("json" | "JSON") => {}
        Some(_) => return Err(ApiError::new(Code::InvalidParameter, "Only JSON is spoken here.").into()),
    }
    Ok(Opening { address, time_unit, return_rate_limits })
}

fn accept(door: Door, upgrade: WebSocketUpgrade, opening: Opening) -> Response {
    let Ok(permit) = door.room.clone().try_acquire_owned() else {
        return refused(&Failure::away("Too many concurrent connections. Please try again later."));
    };
    let max = door.app.config.ws_message_bytes_max as usize;
    let upgrade = upgrade.max_message_size(max).max_frame_size(max);
    upgrade.read_buffer_size(READ_BUFFER).write_buffer_size(WRITE_BUFFER).on_upgrade(async move |socket| {
        connection::serve(door, socket, opening).await;
        drop(permit);
    })
}
