//! `allin up --processes` from outside: the same exchange, and the loss of any one process loses nothing.

pub mod client;
pub mod cluster;
mod doors;
mod instances;
mod kills;
mod life;
mod middleware;
pub mod redis;
