//! `allin health`: asks a process whether it is ready, for those who can run a command and not ask a port.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::{Outcome, print};

/// Longest wait for the connection, and for each part of the answer.
const WAIT_MAX: Duration = Duration::from_secs(3);
/// More of an answer is not read.
const ANSWER_BYTES_MAX: u64 = 16 << 10;

/// Asks a process of `allin run` whether it is ready; fails when it is not, or does not answer
#[derive(Debug, Parser)]
pub struct Args {
    /// The process's health port
    #[arg(value_name = "ADDR", default_value = "127.0.0.1:8090")]
    address: SocketAddr,
}

pub fn run(args: &Args) -> Outcome {
    let answer = ask(args.address).map_err(|error| format!("{}: {error}", args.address))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    print(&format!("{}\n", body.trim_end()))?;
    // `HTTP/1.1 200 OK`
    let ready = head.split(' ').nth(1) == Some("200");
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, WAIT_MAX)?;
    stream.set_read_timeout(Some(WAIT_MAX))?;
    stream.set_write_timeout(Some(WAIT_MAX))?;
    stream.write_all(format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
