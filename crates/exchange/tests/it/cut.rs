//! A kill at any step: a task that is dropped at one of its polls.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};

/// Polls a future `polls` times and then drops it: where a kill would cut it.
pub async fn cut<F: Future>(future: F, mut polls: u32) -> Option<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(move |context: &mut Context<'_>| {
        if polls == 0 {
            return Poll::Ready(None);
        }
        polls -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}
