//! Owns the operation log of a shard in one partition of Kafka.
//!
//! ```text
//! leader ─▶ message: records of one epoch ─▶ partition 0 ─▶ read back by the leader ─▶ acknowledged
//!                                                     └───▶ stand-by, followers, recovery: the same judge
//! ```
//!
//! A new leader begins with a claim: a record that begins a higher epoch. From its place on every record of a lower epoch is
//! void, for everybody, since all read the same partition in the same order with the same [`judge::Judge`]. So a leader that
//! was paused or cut off may write as late as it likes. It acknowledges a command only after it has read its own record back
//! and found it valid, and the claim that deposed it comes before the records that it deposed.
//!
//! Never acknowledges what was not read back; never skips a record that somebody was told is durable: every record says
//! up to where the log was durable when it was written, so what is missing before it is noticed.
//! Known limits: a leader keeps no file of its own but snapshots; without one the partition is read from its first record, and
//! a machine without one on a partition that was trimmed does not start.

pub mod bare;
mod begin;
mod claim;
mod client;
mod compact;
mod config;
mod events;
pub mod judge;
mod log;
mod message;
mod sight;
mod tail;
pub mod topic;
mod verify;
mod writer;

pub use begin::begin;
pub use claim::Fold;
pub use compact::compact;
pub use config::KafkaSection;
pub use events::{KafkaTopics, look_at_events};
pub use log::KafkaLog;
pub use message::MESSAGE_BYTES_MAX;
pub use sight::Sight;
pub use verify::verify;
