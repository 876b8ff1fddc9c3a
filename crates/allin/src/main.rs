//! Owns the command line and the list of services that the program contains.
//! Never holds business rules: every command is a file in `cmd/`, every service a line of its namespace's registry.
//! Known limits: `allin --help` lists what there is.

mod bench;
mod cmd;
mod demo;
mod feed;
mod files;
mod node;
mod processes;
mod registry;
mod schemas;
mod settings;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

/// Requests are parsed by one thread and their memory freed by another, which the C library's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a command ends with: an exit code, or an error that is told to the user.
type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

#[derive(Parser)]
#[command(
    name = "allin",
    version,
    about = "ALLIN: the exchange, one binary that is any or all of its services",
    after_help = "Settings come from defaults, a TOML file (--config or ALLIN_CONFIG), the environment \
                  (ALLIN_SECTION__KEY) and flags; later ones win. docs/configuration.md lists them."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Up(cmd::up::Args),
    Run(cmd::run::Args),
    Ps(cmd::ps::Args),
    Restart(cmd::restart::Args),
    Stop(cmd::stop::Args),
    Topology(cmd::topology::Args),
    Doctor(cmd::doctor::Args),
    Health(cmd::health::Args),
    Migrate(cmd::migrate::Args),
    Bench(cmd::bench::Args),
    Log(cmd::log::Args),
    Feed(cmd::feed::Args),
    DemoUser(cmd::demo_user::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Up(args) => cmd::up::run(&args),
        Command::Run(args) => cmd::run::run(&args),
        Command::Ps(args) => cmd::ps::run(&args),
        Command::Restart(args) => cmd::restart::run(&args),
        Command::Stop(args) => cmd::stop::run(&args),
        Command::Topology(args) => cmd::topology::run(&args),
        Command::Doctor(args) => cmd::doctor::run(&args),
        Command::Health(args) => cmd::health::run(&args),
        Command::Migrate(args) => cmd::migrate::run(&args),
        Command::Bench(args) => cmd::bench::run(&args),
        Command::Log(args) => cmd::log::run(&args),
        Command::Feed(args) => cmd::feed::run(&args),
        Command::DemoUser(args) => cmd::demo_user::run(&args),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("allin: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes to standard output; a reader that has seen enough, such as `head`, is no error.
fn print(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
