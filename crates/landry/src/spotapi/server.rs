//! Connections: accepts, bounds, and ends them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use allin_exchange::service::{ServiceError, Stopping};
use allin_exchange::worded::{Worded, api_error};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::config::SpotApiSection;
use super::http::Doors;

/// Most header lines of a request, and most bytes of its head: a query may name hundreds of symbols.
const HEADERS_MAX: usize = 100;
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Pause after a failed accept (out of file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts until the service stops, then lets open requests end.
pub(super) async fn serve(
    config: SpotApiSection,
    doors: Doors,
    listener: TcpListener,
    mut stopping: Stopping,
) -> Result<(), ServiceError> {
    let doors = Arc::new(doors);
    let connections = Arc::new(Semaphore::new(config.connections_max as usize));
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stopping.wait() => break,
            Some(_) = open.join_next() => continue,
            accepted = accept(&connections, &listener) => accepted,
        };
        let Ok((permit, stream, peer)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (doors, stopping, timeout) = (doors.clone(), stopping.clone(), config.header_timeout());
        open.spawn(async move {
            connection(doors, stream, peer, timeout, stopping).await;
            drop(permit);
        });
    }
    while open.join_next().await.is_some() {}
    Ok(())
}

async fn accept(
    connections: &Arc<Semaphore>,
    listener: &TcpListener,
) -> std::io::Result<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
    let permit = connections.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((permit, stream, peer))
}

async fn connection(
    doors: Arc<Doors>,
    stream: TcpStream,
    peer: SocketAddr,
    header_timeout: Duration,
    mut stopping: Stopping,
) {
    // Small answers must not wait for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let doors = doors.clone();
        async move { Ok::<_, Infallible>(doors.answer(request, peer).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        // An answer is small: to copy it behind its head costs less than to send two pieces.
        .writev(false)
        .serve_connection(TokioIo::new(Worded::new(stream, api_error).strict()), service)
        .with_upgrades();
    let mut served = std::pin::pin!(served);
    tokio::select! {
        // Errors here are the peer's: it went away, was too slow, or did not speak HTTP.
        _ = served.as_mut() => {}
        () = stopping.wait() => {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
}
