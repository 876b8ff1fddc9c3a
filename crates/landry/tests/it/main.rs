//! Tests of the namespace landry.

mod market;
mod sapi;
mod spotapi;
mod userserver;
mod world;
mod wsapi;
