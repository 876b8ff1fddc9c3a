//! What is served, and what is said when it cannot be.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;

use super::node::{Node, Place};

/// Public and internal side of the gateway, and its TLS.
const GATEWAY: usize = 3;
/// What the gateway serves, and so needs even where internal ports are not served.
const SERVED: [&str; 4] = ["landry-ces-accesshttp", "landry-spotapi-web", "landry-spotws-web", "landry-userserver-web"];

/// Sockets that the process listens on.
fn listening(node: &Node) -> usize {
    let folder = format!("/proc/{}", node.id());
    let inode = |link: &str| link.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok();
    let mut ours = BTreeSet::new();
    for entry in fs::read_dir(format!("{folder}/fd")).expect("its files") {
        let target = fs::read_link(entry.expect("an entry").path());
        ours.extend(target.ok().and_then(|target| inode(target.to_str()?)));
    }
    let tables = ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("{folder}/net/{table}")).unwrap_or_default());
    let fields = tables.iter().flat_map(|table| table.lines().skip(1)).map(|line| line.split_whitespace());
    fields
        .filter(|fields| {
            let (state, inode) = (fields.clone().nth(3), fields.clone().nth(9));
            state == Some("0A") && inode.and_then(|inode| inode.parse().ok()).is_some_and(|inode| ours.contains(&inode))
        })
        .count()
}

#[test]
fn listen_off_serves_the_gateway_only() {
    let mut place = Place::new();
    let node = place.start();
    assert!(!cfg!(target_os = "linux") || listening(&node) > 5);
    node.stop();
    place.arguments = vec!["--listen".into(), "off".into()];
    let node = place.start();
    let said = fs::read_to_string(place.path().join("stdout")).expect("what it printed");
    let words = said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let open: Vec<_> = words.filter(|words| words[0].starts_with("landry-") && words[1] != "-").collect();
    for words in &open {
        assert!(SERVED.contains(&words[0]) && words[1].starts_with("127.0.0.1:"), "{words:?}");
    }
    if cfg!(target_os = "linux") {
        assert_eq!(listening(&node), GATEWAY + open.len());
    }
    node.stop();
}

#[test]
fn a_taken_port_is_told_with_its_setting() {
    let mut place = Place::new();
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = holder.local_addr().expect("an address");
    place.arguments = vec!["--set".into(), format!("ports.landry-ces-accesshttp.8080=\"{address}\"")];
    let said = place.start_refused();
    for part in ["ports.\"landry-ces-accesshttp.8080\"", &address.to_string()] {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
}
