//! What becomes of a body that is refused before it is read.

use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Body;

/// So much is taken from the wire before the refusal is sent, so that it is not lost in a reset.
const TAKEN_BYTES_MAX: usize = 1 << 20;

/// Takes what is left of a refused body, within bounds.
pub async fn drain<B>(body: B, wait_max: Duration)
where
    B: Body + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut limited = Limited::new(body, TAKEN_BYTES_MAX);
    let _ = tokio::time::timeout(wait_max, async { while let Some(Ok(_)) = limited.frame().await {} }).await;
}
