//! Settings in etcd, taken while the exchange runs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use allin_testing::middleware::Etcd;
use allin_topology::{Settings, Topology};

use crate::crash::node::Place;
use crate::crash::poll;

/// Answers of the public side.
struct Public(SocketAddr);

impl Public {
    /// Status and body of what a host answers.
    fn get(&self, host: &str, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.0).expect("the gateway");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, body.to_owned())
    }

    /// Whether the maker quotes.
    fn is_quoted(&self, host: &str) -> bool {
        let (status, body) = self.get(host, "/api/v3/depth?symbol=BTCUSDT&limit=5");
        status == 200 && !body.contains("\"bids\":[]")
    }
}

#[test]
fn what_etcd_says_is_taken_and_what_is_wrong_is_named() {
    let etcd = Etcd::shared();
    let mut place = Place::new();
    let settings = [
        "demo.enabled=true",
        "demo.history_hours=0",
        "etcd.prefix=/live",
        &format!("etcd.endpoints={}", etcd.endpoint()),
    ];
    place.arguments = settings.iter().flat_map(|setting| ["--set", setting]).map(str::to_owned).collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let client = runtime.block_on(async { allin_cluster::etcd::Etcd::new(&[&etcd.endpoint()]).expect("an endpoint") });
    let put = |key: &str, value: &str| {
        runtime.block_on(client.put(&format!("/live/config/{key}"), value, 0)).expect("put");
    };
    let doctor = || {
        let words = ["doctor", "--data", "data", "--listen", "off"];
        let arguments: Vec<&str> = words.into_iter().chain(place.arguments.iter().map(String::as_str)).collect();
        crate::stdout(&crate::allin(place.path(), &arguments)).to_owned()
    };
    let node = place.start();
    let run = place.run_file();
    let public = Public(run["public"].as_str().and_then(|text| text.parse().ok()).expect("an address"));
    let domain = run["public_domain"].as_str().expect("a domain").to_owned();
    let (host, other) = (format!("api.{domain}"), format!("other.{domain}"));
    poll("the maker quotes", || public.is_quoted(&host).then_some(()));

    put("demo.maker", "perhaps");
    put("spotapi.orders_1d_max", "many");
    put("spotapi.weight_1m_max", "4321");
    let limit = |text: &str| public.get(&host, "/api/v3/exchangeInfo?symbol=BTCUSDT").1.contains(text);
    poll("the API's limit changes", || limit("\"limit\":4321").then_some(()));
    assert!(limit("\"limit\":200000"), "a bad value changes nothing");
    put("telemetry.level", "a=b=c");
    poll("all three are refused", || {
        let said = place.stderr();
        let refused =
            |key: &str| said.lines().any(|line| line.contains("refused a watched setting") && line.contains(key));
        (refused("demo.maker") && refused("telemetry.level") && refused("spotapi.orders_1d_max")).then_some(())
    });
    let said = doctor();
    assert!(said.contains("telemetry.level is set") && said.contains("neither on nor off"), "{said}");

    put("telemetry.level", "debug");
    poll("more is logged", || place.stderr().contains("DEBUG").then_some(()));
    put("demo.maker", "off");
    poll("the maker has no orders", || (!public.is_quoted(&host)).then_some(()));
    put("demo.maker", "on");
    poll("the maker quotes again", || public.is_quoted(&host).then_some(()));

    assert_eq!(public.get(&other, "/api/v3/ping").0, 404);
    let topology = Topology::embedded().with_settings(Settings {
        public_domain: domain,
        public_aliases: vec![],
        internal_domain: run["internal_domain"].as_str().expect("a domain").to_owned(),
    });
    let table = allin_topology::render::apisix(&topology).replace(&host, &other);
    put("gateway.routes", &table.replace("#END", ""));
    poll("half a table is refused", || place.stderr().contains("gateway.routes").then_some(()));
    assert_eq!(public.get(&host, "/api/v3/ping").0, 200);
    put("gateway.routes", &table);
    poll("the other host serves", || (public.get(&other, "/api/v3/ping").0 == 200).then_some(()));
    assert_eq!(public.get(&host, "/api/v3/ping").0, 404);
    assert!(doctor().contains("gateway.routes is set"));
    node.stop();
}
