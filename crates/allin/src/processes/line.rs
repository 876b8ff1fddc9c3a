//! The line between a process and its supervisor: the one does not outlive the other.

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::node::Failure;

/// From now on the system ends this process together with its supervisor.
pub fn end_with_supervisor(supervisor: u32) -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have gone before that.
    let parent = getppid().map(Pid::as_raw_nonzero).map(|id| id.get().cast_unsigned());
    if parent != Some(supervisor) {
        return Err(format!("the supervisor, process {supervisor}, is gone").into());
    }
    Ok(())
}
