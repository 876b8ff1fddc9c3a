//! Owns a shard: the one writer of a product's log, its state machine, and the threads around them.
//!
//! ```text
//! submit ─▶ inbox ─▶ core thread ─┬─▶ log thread: append, one sync a batch ─▶ durable
//! query  ─▶          seq, time,   │                                             │
//!                    apply        └─▶ publisher: waits for durable ◀────────────┘─▶ replies, answers, bus
//!                                     replica: folds the log, compares digests, writes snapshots
//! ```
//!
//! Never answers, and never tells an event, before its command is durable; never retries a failed sync; never lets engine
//! time go back; never waits for a slow client or consumer.
//! Known limits: one shard a log; the threads are ordinary ones, pinned to nothing.

mod admission;
mod batch;
mod clock;
mod committer;
mod completion;
mod config;
mod engine;
mod fatal;
mod inbox;
mod landing;
mod machine;
mod marks;
mod porter;
mod progress;
mod publisher;
mod replica;
mod sequencer;
mod start;
mod trim;

pub use clock::{Clock, ManualClock, SystemClock};
pub use completion::{Completed, Completion, Place};
pub use config::ShardConfig;
pub use engine::{LocalEngine, Pipeline};
pub use fatal::{OnFatal, abort_on_fatal};
pub use machine::{ANSWER_ROWS_MAX, StateMachine};
pub use replica::SnapshotError;
pub use start::{Setup, Shard, ShardError};
pub use trim::{Trimmer, measured};

pub(crate) use batch::Pool;
