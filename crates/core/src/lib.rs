//! Owns the trading state machines: exact numbers, ledger, order books, the spot product.
//! Never reads a clock, does I/O, draws a random number, computes with floats, lets a hash map's order reach its output,
//! or panics on input (a panic is our own bug, found by an assertion).
//! The one line of unsafe code is a prefetch instruction (`prefetch.rs`).
//! Known limits: prices up to 2^53 ticks, quantities up to 2^60 lots, 10^36 smallest units of an asset.

#![deny(unsafe_code)]
#![deny(clippy::float_arithmetic)]

pub mod book;
pub mod candles;
mod coding;
pub mod digest;
mod hash;
pub mod ids;
pub mod ledger;
pub mod num;
mod prefetch;
mod slots;
pub mod spot;
pub mod text;
