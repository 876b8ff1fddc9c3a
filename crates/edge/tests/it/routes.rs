//! Plugins on their routes, and tables that are refused.

use allin_edge::Table;

use crate::world::{SPOTAPI, World, config, header};

fn table(plugins: &str) -> String {
    format!(
        "routes:\n  - id: one\n    uris: [\"/*\"]\n    hosts: [\"api.allin.localhost\"]\n    plugins: {plugins}\n    upstream:\n      type: roundrobin\n      nodes: {{ \"landry-spotapi-web.landry.svc.cluster.local:8080\": 1 }}\n#END\n"
    )
}

#[test]
fn the_committed_table_is_a_table() {
    let committed = include_str!("../../../../deploy/apisix/apisix.yaml");
    let table = Table::parse(committed).expect("it parses");
    let rows = [
        ("api.allinpro.com", "/api/v3/ping", "api/*"),
        ("api.allinx.io", "/ws/x", "api/ws/*"),
        ("ws.allinpro.com", "/ws-api/v3", "api/ws-api/*"),
        ("ws.allinpro.com", "/ws", "ws/ws*"),
        ("landry-ces-accesshttp.aie.prod", "/", "landry-ces-accesshttp by name"),
        ("other.aie.prod", "/", "*/*"),
    ];
    for (host, path, name) in rows {
        assert_eq!(table.find(host, path).map(|route| route.name.as_str()), Some(name), "{host}{path}");
    }
}

#[tokio::test]
async fn limits_and_restrictions_refuse() {
    let rows = [
        ("{ limit-count: { count: 2, time_window: 60, rejected_code: 429 } }", [200, 200, 429]),
        ("{ limit-req: { rate: 1, burst: 1, rejected_code: 429, nodelay: true } }", [200, 200, 429]),
        ("{ ip-restriction: { blacklist: [\"127.0.0.0/8\"] } }", [403, 403, 403]),
        ("{ ip-restriction: { whitelist: [\"10.0.0.0/8\"] } }", [403, 403, 403]),
        ("{ ip-restriction: { whitelist: [\"127.0.0.1\"] } }", [200, 200, 200]),
    ];
    for (plugins, want) in rows {
        let world = World::with(config(), Some(table(plugins))).await;
        let mut got = Vec::new();
        for _ in want {
            got.push(world.get("localhost", "/").await.status);
        }
        assert_eq!(got, want, "{plugins}");
    }
}

#[tokio::test]
async fn a_trusted_peer_says_who_asks() {
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n\r\n";
    for (trusted, want) in
        [("127.0.0.1", ["1.2.3.4", "1.2.3.4, 127.0.0.1", "https"]), ("10.0.0.0/8", ["127.0.0.1", "127.0.0.1", "http"])]
    {
        let plugin = format!("{{ real-ip: {{ source: http_x_forwarded_for, trusted_addresses: [\"{trusted}\"] }} }}");
        let world = World::with(config(), Some(table(&plugin))).await;
        assert_eq!(world.public(request).await.status, 200);
        let seen = world.last(SPOTAPI);
        assert_eq!(["x-real-ip", "x-forwarded-for", "x-forwarded-proto"].map(|name| header(&seen, name)), want);
    }
}

#[tokio::test]
async fn a_rewrite_changes_the_path_and_keeps_the_query() {
    let plugin =
        "{ proxy-rewrite: { uri: /other, host: inner.test, headers: { set: { X-Set: \"1\" }, remove: [X-Gone] } } }";
    let world = World::with(config(), Some(table(plugin))).await;
    let got = world.public("GET /a?b=%2F HTTP/1.1\r\nHost: localhost\r\nX-Gone: 1\r\n\r\n").await;
    assert_eq!(got.status, 200);
    let seen = world.last(SPOTAPI);
    assert!(seen.starts_with("GET /other?b=%2F HTTP/1.1\r\n"), "{seen}");
    assert_eq!(["host", "x-set", "x-gone"].map(|name| header(&seen, name)), ["inner.test", "1", ""]);
}

#[tokio::test]
async fn browsers_are_answered_by_the_gateway() {
    let preflight = |origin: &str| {
        format!(
            "OPTIONS /api/v3/order HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: POST\r\n\r\n"
        )
    };
    let world = World::new().await;
    let got = world.public(&preflight("https://a.test")).await;
    assert_eq!((got.status, got.header("access-control-allow-origin"), world.seen()), (200, "*", 0));
    let plugin = "{ cors: { allow_origins: \"https://a.test,https://b.test\", allow_methods: GET, allow_headers: X-A, allow_credential: true } }";
    let world = World::with(config(), Some(table(plugin))).await;
    for (origin, want) in [("https://a.test", "https://a.test"), ("https://c.test", ""), ("null", "")] {
        let got = world.public(&preflight(origin)).await;
        assert_eq!((got.header("access-control-allow-origin"), got.header("vary")), (want, "Origin"), "{origin}");
    }
}
