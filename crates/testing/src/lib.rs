//! Owns what tests share: naive twin, sandbox, fixtures, house rules. A dev-dependency only.
//! Never linked into the `allin` binary.
//! Known limits: none yet.

pub mod cache;
pub mod middleware;
pub mod twin;
