//! The commands, one file each.

pub mod bench;
pub mod demo_user;
pub mod doctor;
pub mod feed;
pub mod health;
pub mod log;
pub mod migrate;
pub mod ps;
pub mod restart;
pub mod run;
pub mod stop;
pub mod topology;
pub mod up;
