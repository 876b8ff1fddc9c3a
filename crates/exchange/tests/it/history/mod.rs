//! historywriter and historyreader.

mod bus;
mod feed;
mod naive;
mod plans;
mod reader;
mod writer;
