//! The commands, one file each.

pub mod bench;
pub mod demo_user;
pub mod doctor;
pub mod feed;
pub mod log;
pub mod migrate;
pub mod run;
pub mod topology;
pub mod up;
