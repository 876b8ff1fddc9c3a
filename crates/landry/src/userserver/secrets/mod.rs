//! Keys, random names, password hashes, and the encryption of what has to be read again.

pub mod keyfile;
pub mod password;
pub mod public_key;
pub mod random;
pub mod vault;
