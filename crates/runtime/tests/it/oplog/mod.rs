//! The operation log against disks that forget, fill up, fail and lie.

mod support;
mod writing;
