//! Members of etcd, Debian's: one alone, or a cluster.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

use super::{Daemon, Link, at, own_address};

const CLIENT_PORT: u16 = 2379;

pub struct Etcd {
    daemon: Daemon,
    address: Ipv4Addr,
    name: String,
    /// `name=peer`, of every member.
    cluster: String,
}

impl Etcd {
    /// The etcd that all tests of a process share, each with keys of its own.
    pub fn shared() -> &'static Etcd {
        static SHARED: OnceLock<Etcd> = OnceLock::new();
        SHARED.get_or_init(Etcd::start)
    }

    /// An etcd for one test alone.
    pub fn start() -> Etcd {
        let etcd = Etcd::member("default", own_address(), None);
        etcd.restart();
        etcd
    }

    fn member(name: &str, address: Ipv4Addr, cluster: Option<&str>) -> Etcd {
        let cluster = cluster.map_or_else(|| format!("{name}={}", peer(address)), str::to_owned);
        Etcd { daemon: Daemon::new("etcd"), address, name: name.to_owned(), cluster }
    }

    /// `http://host:port`, as clients want it.
    pub fn endpoint(&self) -> String {
        format!("http://{}", at(self.address, CLIENT_PORT))
    }

    /// A way to it that can be cut; its endpoint is `http://` before its address.
    pub fn link(&self) -> Link {
        Link::new(at(own_address(), CLIENT_PORT), at(self.address, CLIENT_PORT))
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
        self.start_until(|| self.is_healthy());
    }

    fn start_until(&self, serves: impl Fn() -> bool) {
        let (client, peer) = (self.endpoint(), peer(self.address));
        let data = self.daemon.folder().join("data").display().to_string();
        let flags = [
            ("name", &self.name),
            ("data-dir", &data),
            ("listen-client-urls", &client),
            ("advertise-client-urls", &client),
            ("listen-peer-urls", &peer),
            ("initial-advertise-peer-urls", &peer),
            ("initial-cluster", &self.cluster),
        ];
        let flags: Vec<String> =
            flags.into_iter().flat_map(|(flag, value)| [format!("--{flag}"), value.clone()]).collect();
        self.daemon.start("etcd", &flags, serves);
    }

    /// Whether it answers and its cluster has a leader.
    pub fn is_healthy(&self) -> bool {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(at(self.address, CLIENT_PORT))?;
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            stream.write_all(b"GET /health HTTP/1.0\r\nhost: etcd\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|answer| answer.contains("\"health\":\"true\""))
    }
}

/// Three members, of which one may go.
pub struct EtcdCluster {
    pub members: Vec<Etcd>,
}

impl EtcdCluster {
    pub fn start() -> EtcdCluster {
        let addresses = [own_address(), own_address(), own_address()];
        let name = |index| format!("member-{index}");
        let named = addresses.iter().enumerate().map(|(index, address)| format!("{}={}", name(index), peer(*address)));
        let cluster = named.collect::<Vec<_>>().join(",");
        let members = addresses.iter().enumerate();
        let members = members.map(|(index, address)| Etcd::member(&name(index), *address, Some(&cluster))).collect();
        let cluster = EtcdCluster { members };
        // None is healthy before most of them run.
        cluster.members.iter().for_each(|member| member.start_until(|| true));
        cluster.members.iter().for_each(|member| member.daemon.wait_until(|| member.is_healthy()));
        cluster
    }

    /// Of all members, with commas between.
    pub fn endpoints(&self) -> String {
        self.members.iter().map(Etcd::endpoint).collect::<Vec<_>>().join(",")
    }
}

fn peer(address: Ipv4Addr) -> String {
    format!("http://{}", at(address, 2380))
}
