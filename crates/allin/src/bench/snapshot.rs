//! `allin bench snapshot`: the large state written to memory and to a file, and loaded again.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
};

use allin_core::spot::Spot;
use allin_runtime::oplog::Machine;

use super::{
    population::{LARGE, Population},
    snapshot_live,
    table::{Row, Runs, Seconds, Stopwatch},
};

const GOAL_S: f64 = 0.5;
/// exchange-core with the same numbers of symbols, orders and accounts on such a machine: seconds to write and to load.
const EXCHANGE_CORE_S: (f64, f64) = (0.93, 0.70);

/// Writes and loads `runs` times, in a file of `folder`.
pub fn run(folder: &Path, runs: usize) -> Result<Vec<Row>, String> {
    let mut population = Population::build(LARGE);
    let (hash, digest) = (population.spot.state_hash(), population.spot.digest());
    let path = folder.join("bench-snapshot");
    let (mut writes, mut loads) = ([Runs::default(), Runs::default()], [Runs::default(), Runs::default()]);
    let mut megabytes = 0.0;
    for _ in 0..runs.max(1) {
        let (wrote, loaded, bytes) = once(&path, &population.spot, hash, digest)?;
        for (runs, (wall, cpu)) in [(&mut writes, wrote), (&mut loads, loaded)] {
            runs[0].push(wall);
            runs[1].push(cpu);
        }
        megabytes = bytes as f64 / 1e6;
    }
    std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let row = |what: &str, [runs, cpu_runs]: &[Runs; 2], peer: f64| Row {
        bench: "snapshot".into(),
        workload: format!("{what}: 1 M orders, 1 M users, 3.3 M balances, 10,000 markets ({megabytes:.0} MB)"),
        unit: "s".into(),
        median: runs.median(),
        // Of times the bad end is the high one.
        p10: runs.quantile(0.9),
        cpu_median: Some(cpu_runs.median()),
        peer: "exchange-core, as measured on such a machine".into(),
        peer_median: Some(peer),
        ratio: Some(runs.median() / peer),
        goal: format!("< {GOAL_S} s"),
        met: Some(runs.median() < GOAL_S),
    };
    let pause = snapshot_live::row(folder, &mut population)?;
    Ok(vec![
        row("written to a file and synced", &writes, EXCHANGE_CORE_S.0),
        row("read from the file and restored", &loads, EXCHANGE_CORE_S.1),
        pause,
    ])
}

/// Seconds to write and to load, each by the wall's clock and by the processor's, and bytes.
fn once(path: &Path, spot: &Spot, hash: u64, digest: u64) -> Result<(Seconds, Seconds, usize), String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let watch = Stopwatch::start();
    let mut file = File::create(path).map_err(told)?;
    let mut failed = None;
    spot.snapshot(&mut |part| {
        if failed.is_none() {
            failed = file.write_all(part).err();
        }
    });
    if let Some(error) = failed {
        return Err(told(error));
    }
    file.sync_all().map_err(told)?;
    let wrote = watch.seconds();

    let watch = Stopwatch::start();
    let mut bytes = Vec::new();
    File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(told)?;
    let restored = <Spot as Machine>::restore(&bytes).map_err(|error| format!("restore: {error}"))?;
    let loaded = watch.seconds();
    if restored.digest() != digest || restored.state_hash() != hash {
        return Err("the state restored is not the state written".into());
    }
    Ok((wrote, loaded, bytes.len()))
}
