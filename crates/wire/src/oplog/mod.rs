//! The operation log's formats: how a command becomes bytes ([`encode`], [`decode`]) and how bytes become a record that
//! proves itself ([`frame`]).
//! Never accepts two spellings of one command: whatever decodes encodes to the same bytes.
//! Known limits: one version of the commands so far; a payload of at most [`frame::PAYLOAD_MAX`] bytes.

#[cfg(any(test, feature = "test-support"))]
pub mod arbitrary;
mod decode;
mod encode;
pub mod frame;
mod number;
mod order;
mod tag;
#[cfg(test)]
mod tests;

pub use decode::{DecodeError, decode};
pub use encode::{EncodeError, check, encode};

/// Version of the commands' encoding that [`encode`] writes. It is in every record; older ones stay readable.
pub const VERSION: u16 = 1;
