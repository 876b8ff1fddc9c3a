//! Measures a shard.
