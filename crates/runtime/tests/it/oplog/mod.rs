//! The operation log against disks that forget, fill up, fail and lie.

mod belonging;
mod beside;
mod failing;
mod flips;
mod full;
mod power;
mod snapshots;
mod support;
mod torn;
mod trimming;
mod writing;
