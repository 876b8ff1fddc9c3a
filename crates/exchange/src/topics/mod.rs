//! Event topics: deals, orders, balances and books as JSON messages, for readers that are not part of ALLIN (docs/topics.md).
//!
//! Owns how events are worded. A fold over the log like any other: it goes on where the topics end, and what it may have told
//! twice says so by its place. Never holds up the engine, and nothing inside of ALLIN reads what it tells.
//! Known limits: a reader that is new to a book waits for the publisher's next start, which tells whole books.

mod book;
mod fold;
mod words;

use std::sync::Arc;

use allin_runtime::engine::{Engine, EventBus};
use allin_runtime::topics::EventTopics;

use crate::follow::{Follower, Pace, Progress, measure_lag};
use crate::service::{Readiness, ServiceError, Stopping};

/// Under this it subscribes and measures itself.
pub const NAME: &str = "event topics";

/// What it needs of the world.
pub struct Handles {
    pub engine: Arc<dyn Engine>,
    pub bus: Arc<dyn EventBus>,
    pub topics: Box<dyn EventTopics>,
    pub pace: Pace,
    /// Open orders of one answer of the engine.
    pub standing_page: u32,
}

/// Tells what comes until it is stopped. Nobody waits for it to have caught up, so readiness is not its business.
pub async fn run(handles: Handles, stopping: Stopping) -> Result<(), ServiceError> {
    let Handles { engine, bus, topics, pace, standing_page } = handles;
    let progress = Arc::new(Progress::default());
    let fold = fold::TopicsFold::new(engine.clone(), topics, standing_page);
    let follower = Follower { name: NAME, engine: engine.clone(), bus, fold, pace, progress: progress.clone() };
    let told = follower.run(Readiness::unheeded(), stopping.clone());
    let (told, measured) = tokio::join!(told, measure_lag(NAME, engine, progress, stopping));
    told.and(measured)
}
