//! historywriter and historyreader.

mod bus;
mod feed;
mod lanes;
mod months;
mod naive;
mod outage;
mod plans;
mod reader;
mod retention;
mod writer;
