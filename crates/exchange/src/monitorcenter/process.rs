//! Figures of this process and its host, from `/proc`. What the system does not give is left out.

use std::fs;

use super::report::{Family, Kind, Sample};

/// The unit of CPU times in `/proc/self/stat`: what Linux has had on every architecture for decades.
const TICKS_PER_SECOND: f64 = 100.0;

/// A handful of small reads: some 50 microseconds.
pub(super) fn families() -> Vec<Family> {
    let memory = |field| status_field("/proc/self/status", field).map(|kib| kib * 1024.0);
    let figures = [
        ("process_resident_memory_bytes", Kind::Gauge, memory("VmRSS:")),
        ("process_peak_resident_memory_bytes", Kind::Gauge, memory("VmHWM:")),
        ("process_threads", Kind::Gauge, status_field("/proc/self/status", "Threads:")),
        ("process_cpu_seconds_total", Kind::Counter, cpu_seconds()),
        ("process_open_fds", Kind::Gauge, open_fds()),
        ("process_max_fds", Kind::Gauge, max_fds()),
        (
            "host_memory_available_bytes",
            Kind::Gauge,
            status_field("/proc/meminfo", "MemAvailable:").map(|kib| kib * 1024.0),
        ),
        ("host_load1", Kind::Gauge, load()),
    ];
    let family = |(name, kind, value): (&str, Kind, Option<f64>)| {
        let sample = Sample { name: name.to_owned(), labels: Default::default(), value: value? };
        Some(Family { name: name.to_owned(), kind, samples: vec![sample] })
    };
    figures.into_iter().filter_map(family).collect()
}

/// The number after a field's name at the beginning of a line.
fn status_field(path: &str, field: &str) -> Option<f64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

fn cpu_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in brackets, and may hold anything.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let user: f64 = fields.nth(11)?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn open_fds() -> Option<f64> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count() as f64)
}

fn max_fds() -> Option<f64> {
    status_field("/proc/self/limits", "Max open files")
}

fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}
