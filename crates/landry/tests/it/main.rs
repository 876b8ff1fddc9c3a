//! Tests of the namespace landry.

mod listed;
mod log;
mod market;
mod sapi;
mod shapes;
mod spotapi;
mod spotws;
mod userdata;
mod userserver;
mod world;
mod wsapi;
