//! Faults of what the exchange stands on, under a load of 2,000 orders a second and more. Each asserts the rate that it reached, so
//! these run one after the other (`make test`).

mod database;
pub mod flood;
mod redis;
