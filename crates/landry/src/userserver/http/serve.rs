//! Connections: a bounded number, each with a bounded head that has to arrive in time.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use allin_exchange::guard::GuardService;
use allin_exchange::service::{ServiceError, Stopping};
use allin_exchange::worded::Worded;
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::service::Routes;
use tower::ServiceBuilder;

const HEADERS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 16 << 10;
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a failed accept (out of file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How HTTP/2 begins.
const PREFACE_HEAD: &[u8; 3] = b"PRI";
/// Streams of one service's connection at once.
const STREAMS_MAX: u32 = 64;
/// A service that is silent for so long is asked for a sign of life, and given up without one.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// What a connection may speak: users and operators HTTP/1.1, services of this deployment gRPC over HTTP/2.
#[derive(Clone)]
pub struct Front {
    pub rest: Router,
    pub internal: GuardService<Routes>,
    pub connections_max: usize,
}

/// Accepts until the service stops, then lets open requests end.
pub async fn serve(listener: TcpListener, front: Front, mut stopping: Stopping) -> Result<(), ServiceError> {
    let room = Arc::new(Semaphore::new(front.connections_max));
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
        let (front, stopping) = (front.clone(), stopping.clone());
        open.spawn(async move {
            match begins_http2(&stream).await {
                true => services(stream, front.internal, stopping).await,
                false => connection(stream, front.rest.layer(axum::Extension(peer)), stopping).await,
            }
            drop(permit);
        });
    }
    while open.join_next().await.is_some() {}
    Ok(())
}

/// Whether the first bytes are HTTP/2's. A service sends its preface at once and whole; no method of HTTP/1.1 begins like it.
async fn begins_http2(stream: &TcpStream) -> bool {
    let mut head = [0_u8; PREFACE_HEAD.len()];
    let seen = tokio::time::timeout(HEAD_TIMEOUT, stream.peek(&mut head)).await;
    // Who sends nothing is left to the time limit of a request's head.
    matches!(seen, Ok(Ok(count)) if head[..count] == *PREFACE_HEAD)
}

/// A connection of another service: closed when it does not answer, or presents no token.
async fn services(stream: TcpStream, internal: GuardService<Routes>, mut stopping: Stopping) {
    let _ = stream.set_nodelay(true);
    let internal =
        ServiceBuilder::new().map_request(|request: Request<Incoming>| request.map(Body::new)).service(internal);
    let served = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(SILENCE_MAX))
        .keep_alive_timeout(SILENCE_MAX)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(internal));
    let mut served = std::pin::pin!(served);
    tokio::select! {
        _ = served.as_mut() => {}
        () = stopping.wait() => {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
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
