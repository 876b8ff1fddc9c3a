//! One member of etcd, Debian's.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::OnceLock;
use std::time::Duration;

use super::{Daemon, own_address};

pub struct Etcd {
    daemon: Daemon,
    address: String,
}

impl Etcd {
    /// The etcd that all tests of a process share, each with keys of its own.
    pub fn shared() -> &'static Etcd {
        static SHARED: OnceLock<Etcd> = OnceLock::new();
        SHARED.get_or_init(Etcd::start)
    }

    /// An etcd for one test alone.
    pub fn start() -> Etcd {
        let etcd = Etcd { daemon: Daemon::new("etcd"), address: own_address() };
        etcd.restart();
        etcd
    }

    /// `http://host:port`, as clients want it.
    pub fn endpoint(&self) -> String {
        format!("http://{}:2379", self.address)
    }

    pub fn kill(&self) {
        self.daemon.kill();
    }

    /// `STOP` and `CONT`: an etcd that hangs.
    pub fn signal(&self, signal: &str) {
        self.daemon.signal(signal);
    }

    /// Starts it again where it was, with what it had.
    pub fn restart(&self) {
        let (client, peer) = (self.endpoint(), format!("http://{}:2380", self.address));
        let data = self.daemon.folder().join("data").display().to_string();
        let cluster = format!("default={peer}");
        let flags = [
            ("data-dir", &data),
            ("listen-client-urls", &client),
            ("advertise-client-urls", &client),
            ("listen-peer-urls", &peer),
            ("initial-advertise-peer-urls", &peer),
            ("initial-cluster", &cluster),
        ];
        let flags: Vec<String> =
            flags.into_iter().flat_map(|(flag, value)| [format!("--{flag}"), value.clone()]).collect();
        self.daemon.start("etcd", &flags, || self.is_healthy());
    }

    fn is_healthy(&self) -> bool {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(format!("{}:2379", self.address))?;
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            stream.write_all(b"GET /health HTTP/1.0\r\nhost: etcd\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|answer| answer.contains("\"health\":\"true\""))
    }
}
