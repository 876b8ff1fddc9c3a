//! Owns the namespace landry: one folder a service of its own, one line in the registry for each shared role.
//! Never reaches into another service's tables.
//! Known limits: the registry grows with the services.

use allin_runtime::service::ServiceEntry;

/// The services of this namespace that are built, one line each:
/// `service("landry-ces-matchengine")`.
static SERVICES: [ServiceEntry; 0] = [];

/// The services of this namespace that are built.
pub fn services() -> &'static [ServiceEntry] {
    &SERVICES
}
