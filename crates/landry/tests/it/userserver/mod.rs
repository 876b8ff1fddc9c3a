//! Users: through the service's own port, with the mails of its outbox.

mod api_keys;
mod bad_input;
mod description;
mod directory;
mod internal;
mod kyc;
mod matrix;
mod passkeys;
mod registration;
mod second_factor;
mod sessions;
mod sub_accounts;
mod world;
