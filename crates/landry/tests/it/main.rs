//! Tests of the namespace landry.

mod spotapi;
mod world;
