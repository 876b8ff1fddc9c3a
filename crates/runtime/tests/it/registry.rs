//! The embedded registry.

use std::net::SocketAddr;

use allin_runtime::registry::{EmbeddedRegistry, Registry, RegistryError};

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

#[tokio::test]
async fn instances_come_and_go() {
    let registry = EmbeddedRegistry::new();
    let mut watch = registry.watch("engine").await.expect("watches");
    assert!(registry.resolve("engine").await.expect("resolves").is_empty());

    let b = registry.register("engine", "b", address(2)).await.expect("registers");
    let a = registry.register("engine", "a", address(1)).await.expect("registers");
    let other = registry.register("other", "a", address(3)).await.expect("registers");
    let taken = registry.register("engine", "a", address(9)).await.err();
    assert!(matches!(taken, Some(RegistryError::Taken { address: known, .. }) if known == address(1)));

    let names = |endpoints: &[allin_runtime::registry::Endpoint]| -> Vec<String> {
        endpoints.iter().map(|e| format!("{}@{}", e.instance, e.address.port())).collect()
    };
    assert_eq!(names(&registry.resolve("engine").await.expect("resolves")), ["a@1", "b@2"]);
    watch.changed().await.expect("there are changes");
    assert_eq!(names(&watch.borrow_and_update()), ["a@1", "b@2"]);
    drop(b);
    watch.changed().await.expect("there is a change");
    assert_eq!(names(&watch.borrow()), ["a@1"]);
    drop((a, other));
    assert!(registry.resolve("engine").await.expect("resolves").is_empty());
}
