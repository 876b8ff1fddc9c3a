//! Configuration: defaults < file < environment < flags, one error that names key, origin and reason.
//!
//! A section is a struct of its own that implements [`Section`]; whoever needs it asks [`Settings::section`] for it, so
//! a role brings its settings along (`config.rs` in its folder) and nobody keeps a struct of everything. Unknown keys
//! are refused: in a section by the section, unknown sections by [`Settings::refuse_unknown`].
//!
//! In the environment `log.segment_bytes` is `ALLIN_LOG__SEGMENT_BYTES`: two underscores stand for the dot. A service's
//! port is `ALLIN_PORTS__LANDRY_CES_ACCESSHTTP__8080`. Values there and in flags are TOML where they parse as a TOML
//! number, boolean or array, and text otherwise.

mod deployment;
mod error;
mod layers;
mod sections;
mod store;

pub use deployment::Deployment;
pub use error::{ConfigError, Invalid, Origin};
pub use layers::{Layers, Settings};
pub use sections::{
    Addressing, EngineSection, HealthListen, HealthSection, Hidden, InstancesSection, Listen, LogFormat, LogKeep,
    LogKind, LogSection, NodeSection, PortsSection, SnapshotSection, TelemetrySection, TopologySection,
};

pub use store::{Domain, StoreSection};

use serde::de::DeserializeOwned;

/// A table of the configuration, with its defaults.
///
/// Derive `Deserialize` with `#[serde(default, deny_unknown_fields)]` and `Serialize`: defaults are documented and
/// tested through it.
pub trait Section: Default + DeserializeOwned {
    /// The table's name.
    const NAME: &'static str;

    /// What types cannot say: ranges, and how keys go together.
    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

/// The sections of this layer, for [`Settings::refuse_unknown`].
pub const SECTIONS: [&str; 10] = [
    NodeSection::NAME,
    PortsSection::NAME,
    InstancesSection::NAME,
    HealthSection::NAME,
    TopologySection::NAME,
    LogSection::NAME,
    SnapshotSection::NAME,
    EngineSection::NAME,
    TelemetrySection::NAME,
    StoreSection::NAME,
];
