//! Owns the namespace landry: one folder a service of its own, one line in the registry for each shared role.
//! Never reaches into another service's tables.
//! Known limits: the registry grows with the services.

pub mod aggtrades;
pub mod decimals;
pub mod directory;
mod handshake;
pub mod jsontext;
pub mod spotapi;
pub mod spotws;
pub mod userdata;
pub mod userserver;

use allin_runtime::service::{ServiceEntry, service};

/// The services of this namespace that are built, one line each.
static SERVICES: [ServiceEntry; 11] = [
    service("landry-ces-accesshttp"),
    service("landry-ces-cachecenter"),
    service("landry-ces-historyreader"),
    service("landry-ces-historywriter"),
    service("landry-ces-marketprice"),
    service("landry-ces-matchengine"),
    service("landry-ces-monitorcenter"),
    service("landry-ces-tradesummary"),
    service("landry-spotapi-web"),
    service("landry-spotws-web"),
    service("landry-userserver-web"),
];

/// The services of this namespace that are built.
pub fn services() -> &'static [ServiceEntry] {
    &SERVICES
}
