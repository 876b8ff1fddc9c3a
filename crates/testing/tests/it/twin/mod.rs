//! The fast machine against its naive twin.

mod compare;
mod invariants;
mod restore;
