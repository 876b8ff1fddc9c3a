//! Accepting connections, and serving each until it ends, idles too long, or the gateway stops.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use allin_exchange::service::{ServiceError, Stopping};
use allin_exchange::worded::{Worded, api_error};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::config::GatewaySection;
use crate::gateway::{Connection, Gateway, Side};

/// Pause after a failure to accept, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long an idle connection has for saying goodbye.
const GOODBYE_MAX: Duration = Duration::from_secs(1);
/// Headers of a request.
const HEADERS_MAX: usize = 100;
/// Streams that a client may open and reset before it is cut off.
const RESETS_MAX: usize = 64;

/// Serves plain HTTP/1 and HTTP/2.
pub async fn plain(
    gateway: Arc<Gateway>,
    side: Side,
    listener: TcpListener,
    stopping: Stopping,
) -> Result<(), ServiceError> {
    accept(gateway, side, false, listener, stopping, |gateway, connection, stream, stopping| async move {
        converse(gateway, connection, stream, stopping).await;
    })
    .await
}

/// Serves the public side over TLS.
pub async fn encrypted(
    gateway: Arc<Gateway>,
    listener: TcpListener,
    config: Arc<rustls::ServerConfig>,
    stopping: Stopping,
) -> Result<(), ServiceError> {
    let acceptor = TlsAcceptor::from(config);
    accept(gateway, Side::Public, true, listener, stopping, move |gateway, connection, stream, stopping| {
        let acceptor = acceptor.clone();
        async move {
            let wait_max = Duration::from_millis(gateway.config.header_timeout_ms);
            match timeout(wait_max, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => converse(gateway, connection, stream, stopping).await,
                Ok(Err(error)) => tracing::debug!(%error, "no TLS"),
                Err(_) => {}
            }
        }
    })
    .await
}

/// Takes connections until the gateway stops, and then waits for the open ones.
pub async fn accept<F, T>(
    gateway: Arc<Gateway>,
    side: Side,
    https: bool,
    listener: TcpListener,
    mut stopping: Stopping,
    serve: F,
) -> Result<(), ServiceError>
where
    F: Fn(Arc<Gateway>, Arc<Connection>, TcpStream, Stopping) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let refused = metrics::counter!("gateway_connections_refused_total");
    loop {
        let accepted = tokio::select! {
            () = stopping.wait() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Small answers must not wait for the peer's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        match gateway.admit(side, peer.ip(), https) {
            Some(connection) => {
                tokio::spawn(serve(gateway.clone(), connection, stream, stopping.clone()));
            }
            None => refused.increment(1),
        }
    }
    drop(listener);
    gateway.drained().await;
    Ok(())
}

/// One connection, HTTP/1 or HTTP/2.
async fn converse<S>(gateway: Arc<Gateway>, connection: Arc<Connection>, stream: S, mut stopping: Stopping)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let idle_max = Duration::from_millis(gateway.config.header_timeout_ms);
    let builder = builder(&gateway.config);
    let service = service_fn(|request| {
        let (gateway, connection) = (gateway.clone(), connection.clone());
        async move { Ok::<_, Infallible>(gateway.answer(connection, request).await) }
    });
    let mut conversation =
        pin!(builder.serve_connection_with_upgrades(TokioIo::new(Worded::new(stream, api_error).strict()), service));
    loop {
        let left = idle_max.saturating_sub(connection.idle());
        tokio::select! {
            // The client's faults and goodbyes are its own affair.
            _ = conversation.as_mut() => return,
            () = stopping.wait() => break,
            () = sleep(left.max(Duration::from_millis(1))) => {}
        }
        // Slow heads count as idle: nothing is in flight before a head is whole.
        if connection.idle() >= idle_max {
            conversation.as_mut().graceful_shutdown();
            let _ = timeout(GOODBYE_MAX, conversation).await;
            return;
        }
    }
    // What is in flight is answered; a request that comes later is not taken.
    conversation.as_mut().graceful_shutdown();
    let _ = conversation.await;
}

fn builder(config: &GatewaySection) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // The connection's own idle time takes care of slow heads, for both protocols.
        .header_read_timeout(None)
        .max_headers(HEADERS_MAX)
        .max_buf_size(config.header_bytes_max as usize)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.streams_max)
        .max_header_list_size(config.header_bytes_max)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_local_error_reset_streams(RESETS_MAX);
    builder
}
