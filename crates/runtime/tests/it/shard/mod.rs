//! The sequencer and the bus over the real spot state machine, on disks that forget, wait, fill up and fail.

mod bus;
mod durability;
mod faults;
mod limits;
mod order;
mod snapshots;
mod support;
