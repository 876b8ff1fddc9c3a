//! Sessions and the history of logins.

pub mod list;
pub mod logins;
pub mod open;
pub mod revoke;
