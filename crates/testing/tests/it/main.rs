//! What holds for the whole workspace, and for the spot state machine beside its twin.

mod history;
mod house;
mod rules;
mod twin;

/// A number from the environment, for longer runs than those of every day.
fn env_number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")),
        Err(_) => default,
    }
}
