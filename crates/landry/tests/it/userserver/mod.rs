//! Users: through the service's own port, with the mails of its outbox.

mod api_keys;
mod registration;
mod world;
