//! Several instances of a service: they take turns, and nobody notices that one is gone.

use std::net::SocketAddr;
use std::sync::Arc;

use allin_edge::{Handles, Listeners, Resolver};
use allin_topology::Topology;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::world::{Service, ask, config, domains, header, serve};

struct Nodes(Vec<SocketAddr>);

impl Resolver for Nodes {
    fn resolve(&self, service: &str, port: u16) -> Option<SocketAddr> {
        self.resolve_all(service, port).first().copied()
    }

    fn resolve_all(&self, _: &str, _: u16) -> Vec<SocketAddr> {
        self.0.clone()
    }
}

/// A gateway before these nodes; where its public side is.
async fn gateway(nodes: Vec<SocketAddr>) -> (allin_exchange::service::Running, SocketAddr) {
    let bind = || async { TcpListener::bind("127.0.0.1:0").await.expect("a port") };
    let listeners = Listeners { public: bind().await, tls: None, internal: None, nlb: None };
    let topology = Topology::embedded().with_settings(domains());
    let routes = watch::channel(allin_topology::render::apisix(&topology)).1;
    let resolver = Arc::new(Nodes(nodes));
    let handles = Handles { domains: domains(), routes, resolver, listeners, metrics: String::new };
    let mut running = allin_edge::start("gateway", config(), handles).expect("it starts");
    running.ready().await.expect("it serves");
    let public = running.addresses()[0];
    (running, public)
}

/// An address where nobody listens.
async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address")
}

fn order(number: usize) -> String {
    let body = format!("n={number}");
    format!(
        "POST /api/v3/order HTTP/1.1\r\nHost: localhost\r\nX-Number: {number}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Every order that was sent came to one of the nodes, whole and once.
fn assert_each_once(nodes: &[&Service], sent: usize) {
    let mut seen: Vec<String> = nodes.iter().flat_map(|node| node.seen()).collect();
    seen.sort_by_key(|request| header(request, "x-number").parse::<usize>().expect("a number"));
    let bodies: Vec<&str> = seen.iter().map(|request| request.split("\r\n\r\n").nth(1).expect("a body")).collect();
    let want: Vec<String> = (0..sent).map(|number| format!("n={number}")).collect();
    assert_eq!(bodies, want);
}

#[tokio::test]
async fn two_take_turns() {
    let (one, two) = (serve("one").await, serve("two").await);
    let (running, public) = gateway(vec![one.address, two.address]).await;
    for number in 0..20 {
        assert_eq!(ask(public, order(number).as_bytes()).await.status, 200, "{number}");
    }
    assert_each_once(&[&one, &two], 20);
    assert_eq!((one.seen().len(), two.seen().len()), (10, 10));
    running.stop().await.expect("stops");
}

#[tokio::test]
async fn one_that_is_gone_is_skipped() {
    let alive = serve("alive").await;
    let gone = [nobody().await, nobody().await];
    let (running, public) = gateway(vec![gone[0], alive.address, gone[1]]).await;
    for number in 0..20 {
        let answer = ask(public, order(number).as_bytes()).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "alive"), "{number}");
    }
    assert_each_once(&[&alive], 20);
    let upgrade = "GET /ws HTTP/1.1\r\nHost: ws.allin.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n";
    for _ in 0..4 {
        assert_eq!(ask(public, upgrade.as_bytes()).await.status, 101);
    }
    running.stop().await.expect("stops");

    let (running, public) = gateway(gone.to_vec()).await;
    assert_eq!(ask(public, order(0).as_bytes()).await.status, 503, "nobody is there");
    running.stop().await.expect("stops");
}

/// A node that breaks off may have taken the order: it is nobody else's.
#[tokio::test]
async fn what_was_sent_is_not_sent_again() {
    let (one, two) = (serve("one").await, serve("two").await);
    let (running, public) = gateway(vec![one.address, two.address]).await;
    for _ in 0..6 {
        let answer = ask(public, b"POST /close HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx").await;
        assert_eq!(answer.status, 502);
    }
    assert_eq!(one.seen().len() + two.seen().len(), 6);
    running.stop().await.expect("stops");
}
