//! The table of endpoints: what REST and WebSocket API serve, who may call it, and what it costs.

use std::collections::HashMap;
use std::sync::LazyLock;

use futures::future::BoxFuture;

use super::app::App;
use super::call::{Call, Outcome};
use super::params::Params;
use super::{account, market, sapi, trade};

/// Who may call (Binance Spot REST, "Endpoint security type").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Security {
    /// Anybody.
    None,
    /// A key, unsigned (`historicalTrades`, listen keys).
    ApiKey,
    /// Signed, with the permission to read.
    UserData,
    /// Signed, with the permission to trade spot.
    Trade,
    /// Signed, with the permission to withdraw; the key must have an address list.
    Withdraw,
}

/// Request weight, known once the parameters are.
#[derive(Clone, Copy)]
pub enum Weight {
    Fixed(u32),
    Of(fn(&Params) -> u32),
}

/// One endpoint, by both of its doors.
pub struct Endpoint {
    /// `GET /api/v3/time`; several when a path has aliases. Empty: not in REST.
    pub rest: &'static [(&'static str, &'static str)],
    /// Methods of the WebSocket API. Empty: not there.
    pub ws: &'static [&'static str],
    pub security: Security,
    pub weight: Weight,
    /// Costs its weight only when it fails (Binance Spot, changes of 2026-04-02).
    pub free_when_done: bool,
    /// Orders that count against the order limits, for an order placed.
    pub orders: u32,
    /// Cancels besides, and may be asked for that alone by an account with too many unfilled orders.
    pub cancels_over_limit: bool,
    pub handler: Handler,
}

/// Borrows the call; its answer is whole when the future ends.
pub type Handler = for<'a> fn(&'a App, &'a Call) -> BoxFuture<'a, Outcome>;

/// All of them, one list a folder.
pub fn all() -> impl Iterator<Item = &'static Endpoint> {
    [market::ENDPOINTS, trade::ENDPOINTS, account::ENDPOINTS, sapi::ENDPOINTS].into_iter().flatten()
}

impl Endpoint {
    /// Frees what an overloaded exchange holds: it has room of its own.
    pub fn cancels(&self) -> bool {
        self.rest.iter().any(|(method, _)| *method == "DELETE")
    }
}

/// Where a REST request leads.
pub enum Route {
    Endpoint(&'static Endpoint),
    /// The path is there, with these methods only (`GET, POST`).
    OtherMethods(String),
    Unknown,
}

/// By method and exact path.
pub fn route(method: &str, path: &str) -> Route {
    type Methods = Vec<(&'static str, &'static Endpoint)>;
    static PATHS: LazyLock<HashMap<&'static str, Methods>> = LazyLock::new(|| {
        let mut paths: HashMap<&'static str, Methods> = HashMap::new();
        for endpoint in all() {
            for (method, path) in endpoint.rest {
                paths.entry(path).or_default().push((method, endpoint));
            }
        }
        paths
    });
    let Some(methods) = PATHS.get(path) else { return Route::Unknown };
    match methods.iter().find(|(other, _)| *other == method) {
        Some((_, endpoint)) => Route::Endpoint(endpoint),
        None => Route::OtherMethods(methods.iter().map(|(method, _)| *method).collect::<Vec<_>>().join(", ")),
    }
}

/// By the name of a method of the WebSocket API.
pub fn by_ws(method: &str) -> Option<&'static Endpoint> {
    static METHODS: LazyLock<HashMap<&'static str, &'static Endpoint>> = LazyLock::new(|| {
        all().flat_map(|endpoint| endpoint.ws.iter().map(move |method| (*method, endpoint))).collect()
    });
    METHODS.get(method).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_door_leads_to_one_endpoint() {
        let mut seen = HashSet::new();
        for endpoint in all() {
            assert!(!endpoint.rest.is_empty() || !endpoint.ws.is_empty());
            for (method, path) in endpoint.rest {
                assert!(path.starts_with('/') && seen.insert(format!("{method} {path}")), "{method} {path}");
            }
            for method in endpoint.ws {
                assert!(seen.insert((*method).to_owned()), "{method}");
            }
            assert!(endpoint.orders == 0 || endpoint.security == Security::Trade, "{:?}", endpoint.rest);
        }
    }
}
