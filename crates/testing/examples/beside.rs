//! Runs a command beside a server that is started for it and ended with it: `beside kafka|mariadb|postgres COMMAND…`, where `{}`
//! stands for the server's address, as clients want it. For benches.

use std::process::{Command, ExitCode};

use allin_databases::{Product, Server, Tuning};
use allin_testing::middleware::Kafka;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, program, rest @ ..] = &arguments[..] else {
        eprintln!("beside kafka|mariadb|postgres COMMAND…");
        return ExitCode::FAILURE;
    };
    match server.as_str() {
        "kafka" => {
            let kafka = Kafka::start();
            run(program, rest, &kafka.brokers())
        }
        "mariadb" | "postgres" => {
            let product = if server == "mariadb" { Product::MariaDb } else { Product::Postgres };
            let server = Server::start_tuned(product, Tuning::Benches);
            run(program, rest, &server.database())
        }
        other => {
            eprintln!("there is no {other} here");
            ExitCode::FAILURE
        }
    }
}

fn run(program: &str, arguments: &[String], address: &str) -> ExitCode {
    let arguments = arguments.iter().map(|argument| argument.replace("{}", address));
    match Command::new(program).args(arguments).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("{program}: {status}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{program}: {error}");
            ExitCode::FAILURE
        }
    }
}
