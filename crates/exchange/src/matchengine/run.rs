//! Serving a shard.

use std::sync::Arc;

use allin_runtime::auth::InternalToken;
use allin_runtime::engine::EventBus;
use allin_runtime::shard::LocalEngine;
use allin_wire::exchange::v1::match_engine_server::MatchEngineServer;
use tokio::net::TcpListener;
use tonic::service::Routes;

use super::client::MESSAGE_BYTES_MAX;
use super::config::MatchEngineSection;
use super::server::Server;
use crate::guard::Guarded;
use crate::service::{Running, ServiceError, Starting};

/// A window of HTTP/2 large enough that a pipelined stream never waits for its acknowledgement.
const WINDOW_BYTES: u32 = 4 << 20;

/// What the role needs of the world. The shard is stopped by whoever started it, after this service.
pub struct Handles {
    pub engine: Arc<LocalEngine>,
    pub bus: Arc<dyn EventBus>,
    pub token: InternalToken,
    /// 7316.
    pub listener: TcpListener,
}

/// Serves the shard until it is stopped.
pub fn start(name: &'static str, handles: Handles, config: MatchEngineSection) -> Result<Running, ServiceError> {
    let Handles { engine, bus, token, listener } = handles;
    let mut starting = Starting::new(name);
    let server = Server { engine, bus, config, stopping: starting.stopping() };
    let service = MatchEngineServer::new(server).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let server = tonic::transport::Server::builder()
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(4 * WINDOW_BYTES);
    let verifier = token.verifier(name);
    starting.serve_grpc(Some(Guarded { listener, verifier }), server, Routes::new(service))?;
    Ok(starting.running())
}
