//! Tests of the namespace landry.

mod spotapi;
mod userserver;
mod world;
