//! landry-spotapi-web.

mod callers;
mod counts;
mod http;
mod orders;
mod overload;
mod signatures;
mod zero;
