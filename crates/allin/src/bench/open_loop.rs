//! Owns the open loops: commands that are due at fixed times whether or not the ones before are answered, and latencies from
//! those times. A loop that falls behind shows it in every latency after.

use std::{
    fs::OpenOptions,
    os::unix::fs::FileExt,
    path::Path,
    time::{Duration, Instant},
};

use allin_core::spot::command::Command;
use allin_runtime::shard::Pipeline;
use hdrhistogram::Histogram;
use rustix::fs::{FallocateFlags, fallocate};

use super::shard::{ANSWER_WAIT, check};

/// Bytes of a record of the bare loop: about what a command takes in the log.
const RECORD_LEN: usize = 96;
/// Longest latency told apart, microseconds.
const LATENCY_US_MAX: u64 = 600_000_000;

pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).expect("bounds in order")
}

/// The moments at which commands are due.
struct Schedule {
    start: Instant,
    per_second: u64,
    count: u64,
}

impl Schedule {
    fn new(per_second: u64, time: Duration) -> Schedule {
        Schedule { start: Instant::now(), per_second, count: per_second * time.as_secs() }
    }

    fn due(&self, index: u64) -> Instant {
        self.start + Duration::from_nanos(index * 1_000_000_000 / self.per_second)
    }

    /// How many are due by now.
    fn passed(&self) -> u64 {
        let nanos = self.start.elapsed().as_nanos() as u64;
        self.count.min(nanos * self.per_second / 1_000_000_000 + 1)
    }

    /// How long until the one after `sent` is due.
    fn pause(&self, sent: u64) -> Duration {
        self.due(sent).saturating_duration_since(Instant::now())
    }

    fn record(&self, index: u64, into: &mut Histogram<u64>) {
        into.saturating_record(self.due(index).elapsed().as_micros() as u64);
    }
}

/// Appends what is due to a preallocated file, and syncs it, again and again.
pub fn bare(dir: &Path, per_second: u64, time: Duration, into: &mut Histogram<u64>) -> Result<(), String> {
    let path = dir.join("bare");
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path).map_err(told)?;
    let schedule = Schedule::new(per_second, time);
    let bytes = schedule.count * RECORD_LEN as u64;
    fallocate(&file, FallocateFlags::empty(), 0, bytes).map_err(|error| told(error.into()))?;
    file.sync_all().map_err(told)?;

    let schedule = Schedule { start: Instant::now(), ..schedule };
    let record = [0xa5; RECORD_LEN];
    let mut written = 0;
    while written < schedule.count {
        let passed = schedule.passed();
        if passed == written {
            std::thread::sleep(schedule.pause(written));
            continue;
        }
        let buffer = record.repeat((passed - written) as usize);
        file.write_all_at(&buffer, written * RECORD_LEN as u64).map_err(told)?;
        file.sync_data().map_err(told)?;
        for index in written..passed {
            schedule.record(index, into);
        }
        written = passed;
    }
    Ok(())
}

/// Sends each command when it is due, and takes the answers as they come.
pub fn shard(
    pipeline: &Pipeline,
    mut commands: impl Iterator<Item = Command>,
    per_second: u64,
    time: Duration,
    into: &mut Histogram<u64>,
) -> Result<(), String> {
    let schedule = Schedule::new(per_second, time);
    let (mut sent, mut answered) = (0, 0);
    let mut completed = Vec::new();
    while answered < schedule.count {
        let passed = schedule.passed();
        while sent < passed {
            let command = commands.next().ok_or("the stream is too short for the loop")?;
            pipeline.submit(sent, command).map_err(|error| format!("command {sent} was not taken: {error}"))?;
            sent += 1;
        }
        let wait = if sent == schedule.count { ANSWER_WAIT } else { schedule.pause(sent) };
        pipeline.completed_within(wait, &mut completed);
        for done in completed.drain(..) {
            check(&done)?;
            schedule.record(done.tag, into);
            answered += 1;
        }
    }
    Ok(())
}
