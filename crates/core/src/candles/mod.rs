//! Candles: bars of prices and volumes over time, folded from trades, and rolling windows over them.
//!
//! Everything is a fold over [`Fill`]s. A [`Bar`] adds up fills and is associative under [`Bar::merge`], so bars of a
//! coarse [`Interval`] are made from bars of a finer one ([`regroup`]), and a moving window is a queue of one-second
//! bars ([`Rolling`]). Intervals without a trade have no bar; a reader fills them with the last close ([`fill_gaps`]).
//!
//! Numbers are ticks, lots and smallest quote units. Sums saturate instead of overflowing: lots in `u128` cannot reach
//! the bound, quote amounts only after 170 fills of the largest amount that exists.

mod bar;
mod interval;
mod rolling;
#[cfg(test)]
mod tests;

pub use bar::{Bar, Fill, Series, fill_gaps, regroup};
pub use interval::{Interval, OFFSET_MAX, OFFSET_MIN, Offset, Span};
pub use rolling::Rolling;
