//! The streams service against the state machine, through its socket.

mod books;
mod frames;
mod limits;
mod requests;
mod settings;
mod streams;
mod user;
pub mod world;
