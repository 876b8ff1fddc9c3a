//! Shows a pass with every call, and takes no answer from who could not read it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use allin_runtime::auth::Signer;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderValue, Request, Response};
use tonic::body::Body;
use tonic::transport::{Channel, Error};
use tonic::{Code, Status};
use tower::Service;

use crate::guard::{HEALTH, PROOF};

/// What the clients that tonic makes are given.
#[derive(Clone)]
pub struct Signed {
    pub(super) inner: Channel,
    pub(super) signer: Arc<Signer>,
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send>>;

impl Service<Request<Body>> for Signed {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Answer;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Answer {
        let header = self.signer.header(SystemTime::now());
        // Names and numbers only, so it always is a header's value; without it the call is refused.
        if let Ok(mut value) = HeaderValue::from_str(&header) {
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let open = request.uri().path().starts_with(HEALTH);
        let (signer, answered) = (self.signer.clone(), self.inner.call(request));
        Box::pin(async move {
            let response = answered.await?;
            let proof = response.headers().get(PROOF).map(HeaderValue::as_bytes);
            if open || signer.is_proven(&header, proof) || is_refusal(&response) {
                return Ok(response);
            }
            metrics::counter!("allin_unproven_answers_total").increment(1);
            Ok(Status::unauthenticated("the answer does not prove whose it is").into_http())
        })
    }
}

/// Who does not know us, or wants nothing from us, proves nothing, and says nothing that could be believed.
fn is_refusal(response: &Response<Body>) -> bool {
    let status = response.headers().get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()));
    matches!(status, Some(Code::Unauthenticated | Code::PermissionDenied))
}
