//! One server of Redis or Valkey, Debian's, that keeps nothing on a disk.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use super::{Daemon, own_address};

const PORT: u16 = 6379;

pub struct Redis {
    daemon: Daemon,
    address: Ipv4Addr,
    arguments: Vec<String>,
}

impl Redis {
    /// The server that all tests of a process share, each with keys of its own.
    pub fn shared() -> &'static Redis {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(|| Redis::start(&[]))
    }

    /// A server for one test alone, with further arguments such as `--maxmemory 2mb`.
    pub fn start(arguments: &[&str]) -> Redis {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let redis = Redis { daemon: Daemon::new("redis"), address: own_address(), arguments };
        redis.restart();
        redis
    }

    /// `redis://host:port`, as clients want it.
    pub fn url(&self) -> String {
        format!("redis://{}:{PORT}", self.address)
    }

    pub fn kill(&self) {
        self.daemon.kill();
    }

    /// `STOP` and `CONT`: a server that hangs.
    pub fn signal(&self, signal: &str) {
        self.daemon.signal(signal);
    }

    /// Starts it again where it was, empty.
    pub fn restart(&self) {
        let (address, port) = (self.address.to_string(), PORT.to_string());
        let folder = self.daemon.folder().display().to_string();
        let own = ["--bind", &address, "--port", &port, "--dir", &folder, "--save", "", "--appendonly", "no"];
        let arguments: Vec<String> = own.into_iter().map(str::to_owned).chain(self.arguments.iter().cloned()).collect();
        // One that asks for a password serves as well.
        let serves =
            || self.try_run("PING").is_ok_and(|answer| answer.starts_with("+PONG") || answer.starts_with("-NOAUTH"));
        self.daemon.start(program(), &arguments, serves);
    }

    /// Runs a command as an operator would, and gives the answer's first bytes.
    pub fn run(&self, command: &str) -> String {
        self.try_run(command).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    fn try_run(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect((self.address, PORT))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut answer = vec![0; 64 << 10];
        let length = stream.read(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    }
}

/// Either does.
fn program() -> &'static str {
    let folders = ["/usr/bin", "/usr/local/bin"];
    let is_there = |name: &&str| folders.iter().any(|folder| Path::new(folder).join(name).exists());
    ["redis-server", "valkey-server"].into_iter().find(is_there).unwrap_or("redis-server")
}
