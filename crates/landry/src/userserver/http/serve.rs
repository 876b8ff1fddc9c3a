//! Connections: a bounded number, each with a bounded head that has to arrive in time.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use allin_exchange::service::{ServiceError, Stopping};
use allin_exchange::worded::Worded;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const HEADERS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 16 << 10;
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a failed accept (out of file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Accepts until the service stops, then lets open requests end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    connections_max: usize,
    mut stopping: Stopping,
) -> Result<(), ServiceError> {
    let room = Arc::new(Semaphore::new(connections_max));
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stopping.wait() => break,
            Some(_) = open.join_next() => continue,
            accepted = accept(&room, &listener) => accepted,
        };
        let Ok((permit, stream, peer)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (router, stopping) = (router.clone(), stopping.clone());
        open.spawn(async move {
            connection(stream, router.layer(axum::Extension(peer)), stopping).await;
            drop(permit);
        });
    }
    while open.join_next().await.is_some() {}
    Ok(())
}

async fn accept(
    room: &Arc<Semaphore>,
    listener: &TcpListener,
) -> std::io::Result<(tokio::sync::OwnedSemaphorePermit, TcpStream, Peer)> {
    let permit = room.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    Ok((permit, stream, Peer(address.ip())))
}

async fn connection(stream: TcpStream, router: Router, mut stopping: Stopping) {
    // Small answers must not wait for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Worded::new(stream, words)), TowerToHyperService::new(router));
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

/// Of a request that cannot be read.
fn words(status: u16) -> String {
    let message = if status == 400 { "the request is malformed" } else { "the request's head is too large" };
    format!("{{\"code\":\"invalid_request\",\"message\":\"{message}\"}}")
}
