//! Layers depend downwards only (ARCHITECTURE.md). A new crate takes its place in this table.

use std::collections::{BTreeMap, BTreeSet};

use super::metadata;

const LAYERS: [(&str, &[&str]); 11] = [
    // For tests only.
    ("allin-databases", &[]),
    ("allin-core", &[]),
    ("allin-topology", &[]),
    ("allin-wire", &["allin-core"]),
    ("allin-runtime", &["allin-core", "allin-topology", "allin-wire"]),
    ("allin-cluster", &["allin-core", "allin-runtime", "allin-wire"]),
    ("allin-exchange", &["allin-core", "allin-runtime", "allin-topology", "allin-wire"]),
    ("allin-landry", &["allin-core", "allin-exchange", "allin-runtime", "allin-topology", "allin-wire"]),
    // The gateway sees services' addresses, and nothing of what they say.
    ("allin-edge", &["allin-exchange", "allin-runtime", "allin-topology"]),
    (
        "allin",
        &[
            "allin-cluster",
            "allin-core",
            "allin-edge",
            "allin-exchange",
            "allin-landry",
            "allin-runtime",
            "allin-topology",
            "allin-wire",
        ],
    ),
    (
        "allin-testing",
        &["allin-core", "allin-exchange", "allin-landry", "allin-runtime", "allin-topology", "allin-wire"],
    ),
];

#[test]
fn crates_depend_downwards_only() {
    let layers: BTreeMap<&str, &[&str]> = LAYERS.into_iter().collect();
    let document = metadata(&["--no-deps"]);
    let packages = document["packages"].as_array().expect("packages");
    let mut found = BTreeSet::new();
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        found.insert(name);
        let Some(allowed) = layers.get(name) else {
            panic!("{name} has no place in LAYERS: give it one");
        };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            // Tests may use allin-testing from any layer.
            if dependency["kind"] == "dev" {
                continue;
            }
            let other = dependency["name"].as_str().expect("a name");
            let ours = layers.contains_key(other);
            assert!(!ours || allowed.contains(&other), "{name} must not depend on {other}: move what it needs down");
            assert!(name != "allin-core" || ours, "the core depends on {other}: it has no dependencies");
        }
    }
    assert_eq!(found, layers.into_keys().collect(), "LAYERS and the workspace differ");
}
