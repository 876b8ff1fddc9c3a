//! Who may call the gRPC ports: services of the same deployment that have an arrow here in the topology, which show a pass for this
//! service. The answer proves that it comes
//! from who could read the pass. Asking for a port's health takes none: whoever probes has no token, and learns nothing but
//! whether it serves.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::SystemTime;

use allin_runtime::auth::{PassFault, Verifier};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderName, HeaderValue, Request, Response};
use futures::future::Either;
use tokio::net::TcpListener;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

/// What everybody may call.
pub(crate) const HEALTH: &str = "/grpc.health.v1.Health/";
/// Carries the proof of an answer.
pub(crate) const PROOF: HeaderName = HeaderName::from_static("allin-proof");

/// A bound port, and what checks the passes of its callers.
#[derive(Debug)]
pub struct Guarded {
    pub listener: TcpListener,
    pub verifier: Verifier,
}

/// A gRPC port of a service: bound already, or not served by this process.
pub type GrpcPort = Option<Guarded>;

/// Puts the guard in front of a server.
#[derive(Clone, Debug)]
pub struct Guard(pub Verifier);

impl<S> Layer<S> for Guard {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> GuardService<S> {
        GuardService { verifier: self.0.clone(), inner }
    }
}

#[derive(Clone, Debug)]
pub struct GuardService<S> {
    verifier: Verifier,
    inner: S,
}

type Proven = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<S, B> Service<Request<B>> for GuardService<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<Ready<Result<Response<Body>, Infallible>>, Proven>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let shown = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let proof = match self.verifier.check(shown, SystemTime::now()) {
            Ok(pass) => HeaderValue::from_str(pass.proof()).ok(),
            Err(_) if request.uri().path().starts_with(HEALTH) => None,
            Err(fault) => {
                metrics::counter!("allin_refused_calls_total", "reason" => fault.name()).increment(1);
                let refused = match fault {
                    PassFault::Uninvited => Status::permission_denied("the caller has no arrow here in the topology"),
                    _ => Status::unauthenticated(format!("the service's pass is {fault}")),
                };
                return Either::Left(ready(Ok(refused.into_http())));
            }
        };
        let answered = self.inner.call(request);
        Either::Right(Box::pin(async move {
            let mut response = answered.await?;
            if let Some(proof) = proof {
                response.headers_mut().insert(PROOF, proof);
            }
            Ok(response)
        }))
    }
}
