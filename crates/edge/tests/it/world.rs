//! A gateway on free ports in front of services that answer with their own name and keep what they were sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use allin_edge::{GatewaySection, Handles, Listeners, Resolver};
use allin_exchange::service::Running;
use allin_topology::{Settings, Topology};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub const SPOTAPI: &str = "landry-spotapi-web";
pub const SPOTWS: &str = "landry-spotws-web";
pub const USERSERVER: &str = "landry-userserver-web";
pub const ACCESSHTTP: &str = "landry-ces-accesshttp";
/// Known to the resolver, but nothing listens there.
pub const GONE: &str = "landry-brokerserver-web";

pub struct World {
    pub running: Running,
    /// Tells the gateway of another table.
    pub routes: watch::Sender<String>,
    pub public: SocketAddr,
    pub internal: SocketAddr,
    pub services: BTreeMap<&'static str, Service>,
}

/// A service that answers, and the bytes of all requests that it got, in turn.
pub struct Service {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Service {
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("nobody panicked").clone()
    }
}

struct Addresses(BTreeMap<String, SocketAddr>);

impl Resolver for Addresses {
    fn resolve(&self, service: &str, port: u16) -> Option<SocketAddr> {
        assert_eq!(port, 8080);
        self.0.get(service).copied()
    }
}

pub fn domains() -> Settings {
    Settings {
        public_domain: "allin.localhost".to_owned(),
        public_aliases: vec!["alias.localhost".to_owned()],
        internal_domain: "aie.localhost".to_owned(),
    }
}

pub fn config() -> GatewaySection {
    GatewaySection::default()
}

impl World {
    pub async fn new() -> World {
        World::with(config(), None).await
    }

    pub async fn with(config: GatewaySection, routes: Option<String>) -> World {
        let mut services = BTreeMap::new();
        for name in [SPOTAPI, SPOTWS, USERSERVER, ACCESSHTTP] {
            services.insert(name, serve(name).await);
        }
        let mut addresses: BTreeMap<String, SocketAddr> =
            services.iter().map(|(name, service)| ((*name).to_owned(), service.address)).collect();
        let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
        addresses.insert(GONE.to_owned(), gone);
        let bind = || async { TcpListener::bind("127.0.0.1:0").await.expect("a port") };
        let (public, internal) = (bind().await, bind().await);
        let topology = Topology::embedded().with_settings(domains());
        let (routes, told) = watch::channel(routes.unwrap_or_else(|| allin_topology::render::apisix(&topology)));
        let handles = Handles {
            domains: domains(),
            routes: told,
            resolver: Arc::new(Addresses(addresses)),
            listeners: Listeners { public, tls: None, internal: Some(internal), nlb: None },
            metrics: || "a_series 1\n".to_owned(),
        };
        let mut running = allin_edge::start("gateway", config, handles).expect("it starts");
        running.ready().await.expect("it serves");
        let (public, internal) = (running.addresses()[0], running.addresses()[1]);
        World { running, public, internal, services, routes }
    }

    /// Sends bytes to the public side and reads until the gateway closes or a whole answer is there.
    pub async fn public(&self, request: &str) -> Answer {
        ask(self.public, request.as_bytes()).await
    }

    pub async fn internal(&self, request: &str) -> Answer {
        ask(self.internal, request.as_bytes()).await
    }

    pub async fn get(&self, host: &str, target: &str) -> Answer {
        self.public(&format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await
    }

    /// All that services were sent.
    pub fn seen(&self) -> usize {
        self.services.values().map(|service| service.seen().len()).sum()
    }

    pub fn last(&self, service: &str) -> String {
        self.services[service].seen().pop().expect("it was asked")
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// A header's value; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        header(&self.head, name)
    }
}

pub fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next().unwrap_or("")
}

/// One request as bytes, one answer.
pub async fn ask(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(request).await.expect("it takes the request");
    let text = read_message(&mut stream).await.0;
    answer(&text)
}

pub fn answer(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// A head, and a body by its length or in chunks as they are; the flag says whether the peer closed before its end.
pub async fn read_message(stream: &mut TcpStream) -> (String, bool) {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let chunked = header(head, "transfer-encoding") == "chunked";
            let len: usize = header(head, "content-length").parse().unwrap_or(0);
            if (chunked && body.ends_with("0\r\n\r\n")) || (!chunked && body.len() >= len) {
                return (text, false);
            }
        }
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return (text, true),
            Ok(count) => bytes.extend_from_slice(&part[..count]),
        }
    }
}

/// Answers each request with its name; paths that begin with certain words get something else.
pub async fn serve(name: &'static str) -> Service {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(name, stream, log.clone()));
        }
    });
    Service { address, seen }
}

async fn converse(name: &'static str, mut stream: TcpStream, log: Arc<Mutex<Vec<String>>>) {
    loop {
        let (request, ended) = read_message(&mut stream).await;
        if request.is_empty() {
            return;
        }
        log.lock().expect("nobody panicked").push(request.clone());
        if ended {
            return;
        }
        let path = request.split(' ').nth(1).unwrap_or_default();
        let answer = match path.split(['?', '-']).next().unwrap_or_default() {
            "/silent" => std::future::pending().await,
            "/close" => return,
            "/echo" | "/ws" if !header(&request, "upgrade").is_empty() => return echo(stream, &request).await,
            "/hop" => {
                "HTTP/1.1 200 OK\r\nConnection: x-mine\r\nX-Mine: 1\r\nX-Kept: 1\r\nKeep-Alive: timeout=9\r\nContent-Length: 0\r\n\r\n".to_owned()
            }
            "/chunks" => "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n".to_owned(),
            _ => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len()),
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Agrees to an upgrade, says hello at once, and sends back what it gets, until it gets nothing.
async fn echo(mut stream: TcpStream, request: &str) {
    let accept = header(request, "sec-websocket-key");
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\nhello"
    );
    if stream.write_all(head.as_bytes()).await.is_err() {
        return;
    }
    let (mut read, mut write) = stream.split();
    // Whoever asked may be gone.
    let _ = tokio::io::copy(&mut read, &mut write).await;
}
