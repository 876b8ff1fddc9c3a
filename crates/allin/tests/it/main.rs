//! The binary from outside: what it prints, and with what code it ends.

mod bench;
mod clients;
mod crash;
mod demo;
mod deploy;
mod doctor;
mod failover;
mod feed;
mod health;
mod inside;
mod live;
mod loaded;
mod log;
mod migrate;
mod processes;
mod topology;

use std::{
    path::Path,
    process::{Command, Output},
};

/// Runs the binary without the developer's own settings.
fn allin(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_allin"))
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .output()
        .expect("the binary starts")
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).expect("output is text")
}

fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).expect("output is text")
}
