//! The commands, one file each.

pub mod bench;
pub mod doctor;
pub mod feed;
pub mod log;
pub mod run;
pub mod topology;
pub mod up;
