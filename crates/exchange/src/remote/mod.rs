//! Services of other processes, behind the traits that they have in this one.
//!
//! Owns how a process speaks to another: with a pass for it, with a deadline, and, for questions, again when the
//! connection failed. A peer that fails time after time is left alone for a moment, so that whoever asks hears at once
//! that it is away. Never sends anything twice that is not a question.

mod breaker;
mod cache;
mod peer;
mod readers;
mod signed;

pub use cache::{CacheService, RemoteCache};
pub use peer::{Peer, PeerError, is_transport};
pub use readers::{RemoteCacheQuery, RemoteHistory, RemoteMarketPrice};
pub use signed::Signed as Channel;
