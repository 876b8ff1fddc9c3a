//! `allin bench snapshot`: the large state written to a file, synced, and loaded again, all as an engine does it.

use std::{path::Path, sync::Arc};

use allin_core::spot::Spot;
use allin_runtime::{
    oplog::{SNAPSHOT_DIR, SnapshotStore},
    storage::{DiskStorage, Storage},
};

use super::{
    population::{LARGE, Population},
    shard::Folder,
    snapshot_live,
    table::{Row, Runs, Seconds, Stopwatch},
};

const GOAL_S: f64 = 0.5;
/// exchange-core with the same numbers of symbols, orders and accounts on such a machine: seconds to write and to load.
const EXCHANGE_CORE_S: (f64, f64) = (0.93, 0.70);

/// Writes and loads `runs` times, in a file of `folder`.
pub fn run(folder: &Path, runs: usize) -> Result<Vec<Row>, String> {
    let mut population = Population::build(LARGE);
    let place = Folder::new(folder, "snapshot")?;
    let (mut writes, mut loads) = ([Runs::default(), Runs::default()], [Runs::default(), Runs::default()]);
    let mut megabytes = 0.0;
    for _ in 0..runs.max(1) {
        let (wrote, loaded, bytes) = once(place.path(), &population.spot)?;
        for (runs, (wall, cpu)) in [(&mut writes, wrote), (&mut loads, loaded)] {
            runs[0].push(wall);
            runs[1].push(cpu);
        }
        megabytes = bytes as f64 / 1e6;
    }
    drop(place);
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
fn once(path: &Path, spot: &Spot) -> Result<(Seconds, Seconds, u64), String> {
    let disk: Arc<dyn Storage> = Arc::new(DiskStorage::new(path));
    disk.create_dir(SNAPSHOT_DIR).map_err(|error| error.to_string())?;
    let store = SnapshotStore::new(disk.clone(), &super::shard::options());
    let watch = Stopwatch::start();
    let written = store.save(spot).map_err(|error| error.to_string())?;
    let wrote = watch.seconds();

    let watch = Stopwatch::start();
    let (_, restored) = store.restore::<Spot>(written.seq).map_err(|error| error.to_string())?;
    let loaded = watch.seconds();
    if restored.state_hash() != written.state_hash {
        return Err("the state restored is not the state written".into());
    }
    let name = disk.list(SNAPSHOT_DIR).map_err(|error| error.to_string())?.pop().ok_or("the snapshot is not there")?;
    let file = disk.open_read(&format!("{SNAPSHOT_DIR}/{name}")).map_err(|error| error.to_string())?;
    let bytes = file.len().map_err(|error| error.to_string())?;
    Ok((wrote, loaded, bytes))
}
