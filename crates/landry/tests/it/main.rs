//! Tests of the namespace landry.

mod market;
mod spotapi;
mod userserver;
mod world;
mod wsapi;
