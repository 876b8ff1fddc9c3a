//! Owns how many files the process may have open: every connection is one, and a tunnel two.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes what the system allows; tells how many that is.
pub fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::warn!(%error, "the number of open files stays at its default");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
