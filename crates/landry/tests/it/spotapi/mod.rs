//! landry-spotapi-web.

mod http;
