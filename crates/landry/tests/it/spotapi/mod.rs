//! landry-spotapi-web.

mod callers;
mod http;
mod orders;
mod signatures;
mod zero;
