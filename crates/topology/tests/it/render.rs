//! The shapes that scripts depend on.

use std::collections::{BTreeMap, BTreeSet};

use allin_topology::{Addresses, Settings, Topology, render::View};
use serde_json::{Value, json};

fn with_view<T>(topology: &Topology, then: impl FnOnce(View<'_>) -> T) -> T {
    let addresses = Addresses::new(topology, &BTreeMap::new()).unwrap();
    let built = BTreeSet::from(["landry-ces-accesshttp"]);
    then(View { topology, built: &built, addresses: &addresses })
}

fn json(topology: &Topology) -> Value {
    serde_json::from_str(&with_view(topology, |view| view.json())).unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn json_says_where_each_port_is_served_and_what_is_built() {
    let document = json(Topology::embedded());
    let services = document["services"].as_array().unwrap();
    let service = services.iter().find(|one| one["name"] == "landry-ces-accesshttp").unwrap();
    assert_eq!(
        service["ports"],
        json!([{
            "port": 8080, "protocol": "http", "address": "127.20.1.14:8080", "name": "http", "exposure": "ClusterIP",
        }])
    );
    assert_eq!(service["built"], true);
    assert_eq!(services.iter().filter(|one| one["built"] == true).count(), 1);
}

#[test]
fn domains_are_settings() {
    let settings = Settings {
        public_domain: "example.org".to_owned(),
        public_aliases: Vec::new(),
        internal_domain: "example.internal".to_owned(),
    };
    let document = json(&Topology::embedded().with_settings(settings));
    assert_eq!(document["routes"][0]["hosts"][0], "www.example.org");
    assert_eq!(document["middleware"][2]["name"], "kafka.example.internal:9092");
    assert!(!document.to_string().contains("aie.prod"));
}

#[test]
fn mermaid_and_markdown_name_every_service() {
    let topology = Topology::embedded();
    for text in [
        with_view(topology, |view| view.mermaid()),
        with_view(topology, |view| view.markdown()),
        with_view(topology, |view| view.table()),
    ] {
        for service in &topology.services {
            assert!(text.contains(&service.name), "{} is missing", service.name);
        }
    }
}
