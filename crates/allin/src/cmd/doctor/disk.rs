//! The disk under the data directory: free room, and what one durable write costs.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
    time::{Duration, Instant},
};

use allin_runtime::config::LogSection;
use rustix::fs::{FallocateFlags, fallocate, fdatasync, statvfs};

use super::Finding;

const SYNCS: usize = 50;
const PAGE: [u8; 4096] = [0xA1; 4096];

/// Beyond this a command waits noticeably for its acknowledgement.
const SYNC_SLOW: Duration = Duration::from_millis(20);
/// Below this no disk answers: nothing was written to one.
const SYNC_TOO_FAST: Duration = Duration::from_micros(5);

/// Segments that must find room: the one written, the next one preallocated, and a snapshot beside them.
const SEGMENTS_MIN: u64 = 4;
const FREE_COMFORTABLE_BYTES: u64 = 10 << 30;

pub(super) fn check(place: &Path, log: &LogSection) -> Vec<Finding> {
    vec![room(place, log), sync(place)]
}

fn room(place: &Path, log: &LogSection) -> Finding {
    let check = "free disk";
    let stat = match statvfs(place) {
        Ok(stat) => stat,
        Err(error) => return Finding::fail(check, format!("{}: {error}", place.display()), "is it mounted?"),
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let says = format!("{:.1} GiB in {}", free as f64 / f64::from(1 << 30), place.display());
    let advice = "make room, or choose another disk with --data; full disks refuse new orders";
    if free < SEGMENTS_MIN * log.segment_bytes {
        return Finding::fail(check, says, advice);
    }
    if free < FREE_COMFORTABLE_BYTES {
        return Finding::warn(check, says, advice);
    }
    Finding::ok(check, says)
}

fn sync(place: &Path) -> Finding {
    let check = "durable write";
    let path = place.join(format!(".doctor-{}", std::process::id()));
    let result = measure(&path);
    let removed = fs::remove_file(&path);
    let mut took = match result.and_then(|took| removed.map(|()| took)) {
        Ok(took) => took,
        Err(error) => {
            let says = format!("{}: {error}", path.display());
            return Finding::fail(check, says, "the log cannot be kept there; choose another disk with --data");
        }
    };
    took.sort_unstable();
    let (median, worst) = (took[SYNCS / 2], took[SYNCS - 1]);
    let says = format!("fdatasync of 4 KiB takes {median:.1?} at the median, {worst:.1?} at worst");
    if median < SYNC_TOO_FAST {
        return Finding::warn(
            check,
            format!("{says}: nothing reaches a disk"),
            "a memory file system loses everything with the power; choose a disk with --data",
        );
    }
    if median > SYNC_SLOW {
        return Finding::warn(check, says, "every acknowledgement waits this long; prefer a local SSD");
    }
    Finding::ok(check, says)
}

/// What the log does: append to a preallocated file and sync.
fn measure(path: &Path) -> io::Result<Vec<Duration>> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).open(path)?;
    fallocate(&file, FallocateFlags::empty(), 0, (SYNCS * PAGE.len()) as u64)?;
    file.sync_all()?;
    let mut took = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let start = Instant::now();
        file.write_all(&PAGE)?;
        fdatasync(&file)?;
        took.push(start.elapsed());
    }
    Ok(took)
}
