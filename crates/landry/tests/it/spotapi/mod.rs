//! landry-spotapi-web.

mod http;
mod orders;
