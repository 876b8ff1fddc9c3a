//! A table in a file.

use std::fs;
use std::time::Duration;

use allin_edge::GatewaySection;
use tokio::sync::watch;

use crate::world::{World, config};

fn table(host: &str) -> String {
    format!(
        "routes:\n  - id: one\n    uris: [\"/*\"]\n    hosts: [\"{host}\"]\n    upstream: {{ type: roundrobin, nodes: {{ \"landry-spotapi-web.landry.svc.cluster.local:8080\": 1 }} }}\n#END\n"
    )
}

async fn until(world: &World, host: &str, status: u16) {
    while world.get(host, "/").await.status != status {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_changed_file_is_taken_and_a_bad_one_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("apisix.yaml");
    fs::write(&file, table("a.test")).expect("a file");
    let world = World::with(GatewaySection { routes_file: file.clone(), ..config() }, None).await;
    assert_eq!(world.get("a.test", "/").await.status, 200);
    assert_eq!(world.get("b.test", "/").await.status, 404);
    // Each bad file is followed by a good one, which is how the test knows that the bad one was seen or skipped.
    let half = table("b.test").replace("#END", "");
    let bad = [half.as_str(), "nonsense", "", "routes:\n  - id: x\n#END\n"];
    let mut last = "a.test".to_owned();
    for (round, text) in bad.into_iter().enumerate() {
        fs::write(&file, text).expect("a file");
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(world.get("b.test", "/").await.status, 404, "{text}");
        assert_eq!(world.get(&last, "/").await.status, 200, "{text}");
        last = format!("good{round}.test");
        fs::write(&file, table(&last)).expect("a file");
        until(&world, &last, 200).await;
    }
    fs::write(&file, table("b.test")).expect("a file");
    until(&world, "b.test", 200).await;
    assert_eq!(world.get("a.test", "/").await.status, 404);
}

#[tokio::test]
async fn a_table_that_is_told_is_taken_and_a_bad_one_is_not() {
    let world = World::with(config(), Some(table("a.test"))).await;
    assert_eq!(world.get("a.test", "/").await.status, 200);
    world.routes.send_replace("nonsense".to_owned());
    world.routes.send_replace(table("b.test"));
    until(&world, "b.test", 200).await;
    assert_eq!(world.get("a.test", "/").await.status, 404);
    world.routes.send_replace(table("c.test").replace("#END", ""));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(world.get("b.test", "/").await.status, 200);
}

#[tokio::test]
async fn a_gateway_does_not_start_without_its_table() {
    use std::sync::Arc;
    struct Nobody;
    impl allin_edge::Resolver for Nobody {
        fn resolve(&self, _: &str, _: u16) -> Option<std::net::SocketAddr> {
            None
        }
    }
    let start = |routes: &str, file: &str| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let public = tokio::net::TcpListener::from_std(listener).expect("a socket");
        let handles = allin_edge::Handles {
            domains: crate::world::domains(),
            routes: watch::channel(routes.to_owned()).1,
            resolver: Arc::new(Nobody),
            listeners: allin_edge::Listeners { public, tls: None, internal: None, nlb: None },
            metrics: String::new,
        };
        let config = GatewaySection { routes_file: file.into(), ..config() };
        allin_edge::start("gateway", config, handles).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(start(&table("a.test"), ""), Ok(()));
    let plugin = table("a.test").replace("    upstream", "    plugins: { openid-connect: {} }\n    upstream");
    for (routes, file, named) in
        [(plugin.as_str(), "", "openid-connect"), ("", "", "#END"), ("", "/nowhere/x.yaml", "/nowhere/x.yaml")]
    {
        let error = start(routes, file).expect_err(named);
        assert!(error.contains(named), "{error}");
    }
}
