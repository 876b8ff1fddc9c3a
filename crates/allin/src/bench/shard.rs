//! Owns a shard for the benches: started on a disk, or on one that never syncs, set up for exchange-core's stream.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use allin_core::spot::{Spot, command::Command, event::Event};
use allin_runtime::{
    oplog,
    shard::{Completed, Pipeline, Setup, Shard, ShardConfig},
    storage::{DiskStorage, Storage, StorageFile, StorageLock},
};

/// Name of the benches' log.
const NAME: &str = "bench";
/// Commands on their way at once.
pub const IN_FLIGHT_MAX: usize = 16_384;
/// Longest wait for the next answer; past it something is wrong.
pub const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// A folder that is removed again.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(parent: &Path, name: &str) -> Result<Folder, String> {
        let path = parent.join(format!("allin-bench-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Folder(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn options() -> oplog::Options {
    oplog::Options::new(NAME)
}

/// Snapshots are left to the benches of snapshots.
pub fn config() -> ShardConfig {
    ShardConfig { snapshot_commands: u64::MAX, snapshot_every: Duration::from_secs(86_400), ..ShardConfig::default() }
}

/// Starts a shard on what lies in a folder.
pub fn start(storage: Arc<dyn Storage>) -> Result<Shard, String> {
    let setup = Setup { config: config(), ..Setup::new(storage, options(), || Spot::new(Default::default())) };
    Shard::start(setup).map_err(|error| format!("start a shard: {error}"))
}

/// Commands handed over under one lock.
pub const HAND_OVER: usize = 512;

/// Sends tagged commands as fast as they are taken, and gives each answer to `each`; returns after the last.
pub fn send_all(
    pipeline: &Pipeline,
    mut commands: impl Iterator<Item = (u64, Command)>,
    mut each: impl FnMut(&Completed) -> Result<(), String>,
) -> Result<(), String> {
    let (mut waiting, mut refused, mut completed) = (Vec::with_capacity(HAND_OVER), Vec::new(), Vec::new());
    let (mut missing, mut more) = (0, true);
    while more || missing > 0 {
        while more && waiting.len() < HAND_OVER.min(pipeline.free()) {
            match commands.next() {
                Some(command) => waiting.push(command),
                None => more = false,
            }
        }
        missing += waiting.len();
        pipeline.submit_all(&mut waiting, &mut refused);
        if let Some((_, error)) = refused.first() {
            return Err(format!("a command was not taken: {error}"));
        }
        let wait = if more && pipeline.free() >= HAND_OVER { Duration::ZERO } else { ANSWER_WAIT };
        missing -= pipeline.completed_within(wait, &mut completed);
        for done in completed.drain(..) {
            each(&done)?;
        }
    }
    Ok(())
}

/// Sends commands and waits for all of them; a refusal is an error.
pub fn call_all(pipeline: &Pipeline, commands: impl IntoIterator<Item = Command>) -> Result<(), String> {
    send_all(pipeline, commands.into_iter().map(|command| (0, command)), check)
}

/// Fails when a command was not taken or refused.
pub fn check(done: &Completed) -> Result<(), String> {
    let place = done.outcome.as_ref().map_err(|error| format!("a command was lost: {error}"))?;
    match place.events().iter().find(|event| matches!(event, Event::Refused(_))) {
        Some(refusal) => Err(format!("{:?}: {refusal:?}", place.record().command)),
        None => Ok(()),
    }
}

/// A folder whose files are written but never synced: what is left of a durable log without its waits.
pub struct Unsynced(DiskStorage);

impl Unsynced {
    pub fn new(root: &Path) -> Unsynced {
        Unsynced(DiskStorage::new(root))
    }
}

struct UnsyncedFile(Box<dyn StorageFile>);

impl Storage for Unsynced {
    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.0.create_dir(dir)
    }
    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        Ok(Box::new(UnsyncedFile(self.0.create(name)?)))
    }
    fn open(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        Ok(Box::new(UnsyncedFile(self.0.open(name)?)))
    }
    fn open_read(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        self.0.open_read(name)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }
    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.0.list(dir)
    }
    fn sync_dir(&self, _dir: &str) -> io::Result<()> {
        Ok(())
    }
    fn lock(&self, name: &str) -> io::Result<Box<dyn StorageLock>> {
        self.0.lock(name)
    }
    fn describe(&self, name: &str) -> String {
        self.0.describe(name)
    }
}

impl StorageFile for UnsyncedFile {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn pread(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.0.pread(offset, into)
    }
    fn pwrite(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.pwrite(offset, bytes)
    }
    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }
    fn allocate(&self, len: u64) -> io::Result<()> {
        self.0.allocate(len)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
}
