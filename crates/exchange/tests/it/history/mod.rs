//! historywriter and historyreader.

mod bus;
mod feed;
mod naive;
mod writer;
