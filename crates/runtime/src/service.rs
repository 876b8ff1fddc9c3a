//! What a line of the code's registry says. The topology says everything else about a service.

/// A service that this program contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceEntry {
    /// The topology's name, whole and literal, so that a text search finds it.
    pub name: &'static str,
}

/// A line of the registry.
pub const fn service(name: &'static str) -> ServiceEntry {
    ServiceEntry { name }
}
