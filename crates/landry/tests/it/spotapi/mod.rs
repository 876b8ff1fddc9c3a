//! landry-spotapi-web.

mod callers;
mod counts;
mod http;
mod orders;
mod overload;
mod shared;
mod signatures;
mod zero;
