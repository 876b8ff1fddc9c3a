//! The members of an upstream: whose turn it is, and who could not be reached a moment ago.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A node that could not be reached comes last for so long.
const DOWN: Duration = Duration::from_secs(2);

/// Nodes that could not be reached.
#[derive(Debug, Default)]
pub struct Nodes {
    down: Mutex<HashMap<SocketAddr, Instant>>,
}

impl Nodes {
    /// Puts those that could be reached before those that could not, each in the order that they came in.
    pub fn order(&self, nodes: &mut [SocketAddr], now: Instant) {
        if nodes.len() < 2 {
            return;
        }
        let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        if down.is_empty() {
            return;
        }
        down.retain(|_, until| now < *until);
        nodes.sort_by_key(|node| down.contains_key(node));
    }

    /// There was no connection to be had.
    pub fn failed(&self, node: SocketAddr, now: Instant) {
        tracing::debug!(%node, "a service's node cannot be reached");
        metrics::counter!("gateway_node_failures_total", "node" => node.to_string()).increment(1);
        self.down.lock().unwrap_or_else(PoisonError::into_inner).insert(node, now + DOWN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_could_not_be_reached_comes_last_for_a_while() {
        let nodes = Nodes::default();
        let now = Instant::now();
        let all = [1, 2, 3].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let order = |now| {
            let mut ordered = all;
            nodes.order(&mut ordered, now);
            ordered.map(|node| node.port())
        };
        assert_eq!(order(now), [1, 2, 3]);
        nodes.failed(all[0], now);
        assert_eq!(order(now), [2, 3, 1]);
        nodes.failed(all[1], now);
        assert_eq!(order(now), [3, 1, 2]);
        assert_eq!(order(now + DOWN), [1, 2, 3]);
    }
}
