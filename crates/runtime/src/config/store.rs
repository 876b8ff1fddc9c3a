//! `[store]`: which databases the services use.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::{Invalid, Section};
use crate::store::Store;

/// `[store]`: a server for each domain; without one every service keeps a file of its own.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSection {
    /// Of the spot domain (`landry-…`): `mysql://…` or `postgres://…`; empty: SQLite files.
    pub spot_url: String,
    /// Of futures and NEXS (`morph-…`, `moth-…`).
    pub futures_url: String,
}

/// The services that share a database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Domain {
    Spot,
    Futures,
}

impl Domain {
    pub const ALL: [Domain; 2] = [Domain::Spot, Domain::Futures];

    /// Whose a service is, by its namespace.
    pub fn of(service: &str) -> Domain {
        if service.starts_with("landry-") { Domain::Spot } else { Domain::Futures }
    }

    /// The key of its URL in the section.
    pub fn key(self) -> &'static str {
        match self {
            Domain::Spot => "spot_url",
            Domain::Futures => "futures_url",
        }
    }
}

impl StoreSection {
    /// The URL of a domain's server; none where its services keep files.
    pub fn server(&self, domain: Domain) -> Option<&str> {
        let url = match domain {
            Domain::Spot => &self.spot_url,
            Domain::Futures => &self.futures_url,
        };
        (!url.is_empty()).then_some(url.as_str())
    }

    /// The URL of a service's tables. On a server a service's writers wait for each other, and for nobody else.
    pub fn url_of(&self, service: &str, data: &Path) -> String {
        match self.server(Domain::of(service)) {
            None => format!("sqlite:{}", data.join("store").join(format!("{service}.db")).display()),
            Some(url) => format!("{url}{}writer={service}", if url.contains('?') { '&' } else { '?' }),
        }
    }
}

/// Without passwords.
impl fmt::Debug for StoreSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSection")
            .field("spot_url", &Store::shown_url(&self.spot_url))
            .field("futures_url", &Store::shown_url(&self.futures_url))
            .finish()
    }
}

impl Section for StoreSection {
    const NAME: &'static str = "store";

    fn check(&self) -> Result<(), Invalid> {
        for domain in Domain::ALL {
            if let Some(url) = self.server(domain)
                && !Store::is_server_url(url)
            {
                let reason = format!(
                    "{}: expected mysql:// or postgres://USER:PASSWORD@HOST:PORT/DATABASE, or nothing \
                    for SQLite files",
                    Store::shown_url(url)
                );
                return Err(Invalid::new(domain.key(), reason));
            }
        }
        // The same role has tables of the same names in both.
        if !self.spot_url.is_empty() && Store::shown_url(&self.spot_url) == Store::shown_url(&self.futures_url) {
            return Err(Invalid::new("futures_url", "must be another database than spot_url"));
        }
        Ok(())
    }
}
