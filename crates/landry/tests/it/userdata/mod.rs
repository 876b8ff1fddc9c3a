//! User data against the state machine that it tells of.

mod examples;
mod fold;
mod queues;

use std::sync::Arc;

use allin_exchange::service::{Running, Starting};
use allin_landry::userdata::UserData;

use crate::log::{Log, LogBus};

pub const NAME: &str = "landry-spotws-web";

/// User data at work on a log. The clock is the log's.
pub fn start(log: &Arc<Log>) -> (Arc<UserData>, Running) {
    let clock = log.clone();
    let data = UserData::new(log.clone(), Arc::new(LogBus(log.clone())), Arc::new(move || clock.now()));
    let mut starting = Starting::new(NAME);
    starting.spawn(data.clone().run(NAME, starting.stopping()));
    (data, starting.running())
}
