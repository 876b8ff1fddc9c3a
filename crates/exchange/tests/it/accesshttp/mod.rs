//! The role accesshttp over a real state machine, with history and market prices that say what a test tells them to.

mod faults;
mod http;
mod numbers;
mod orders;
mod random;
mod reads;
mod tables;
mod whole;
mod world;
