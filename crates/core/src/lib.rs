//! Owns the trading state machines: numbers, ledger, books. Never reads a clock, does I/O, draws a random number,
//! computes with floats, or lets a hash map's order reach its output.
