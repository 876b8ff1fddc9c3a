//! historywriter and historyreader.

mod bus;
mod feed;
mod lanes;
mod naive;
mod outage;
mod plans;
mod reader;
mod writer;
