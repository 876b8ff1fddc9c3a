//! Who may call the gRPC ports: services of the same deployment, which present its token. Asking for a port's health takes
//! none: whoever probes has no token, and learns nothing but whether it serves.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use allin_runtime::auth::InternalToken;
use axum::http::header::AUTHORIZATION;
use axum::http::{Request, Response};
use futures::future::Either;
use tokio::net::TcpListener;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

/// What everybody may call.
const HEALTH: &str = "/grpc.health.v1.Health/";

/// A bound port, and the token that its callers present.
#[derive(Debug)]
pub struct Guarded {
    pub listener: TcpListener,
    pub token: InternalToken,
}

/// A gRPC port of a service: bound already, or not served by this process.
pub type GrpcPort = Option<Guarded>;

/// Puts the guard in front of a server.
#[derive(Clone, Debug)]
pub struct Guard(pub InternalToken);

impl<S> Layer<S> for Guard {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> GuardService<S> {
        GuardService { token: self.0.clone(), inner }
    }
}

#[derive(Clone, Debug)]
pub struct GuardService<S> {
    token: InternalToken,
    inner: S,
}

impl<S, B> Service<Request<B>> for GuardService<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<Ready<Result<Response<Body>, Infallible>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let presented = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes());
        if request.uri().path().starts_with(HEALTH) || self.token.admits(presented) {
            return Either::Right(self.inner.call(request));
        }
        let refused = Status::unauthenticated("the internal token is missing or wrong");
        Either::Left(ready(Ok(refused.into_http())))
    }
}
