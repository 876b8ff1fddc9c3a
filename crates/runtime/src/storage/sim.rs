//! For tests: a disk in memory that forgets what was not synced, fills up, and fails when told.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Storage, StorageFile, StorageLock};

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// A disk. Clones are the same disk; after [`SimStorage::crash`] or [`SimStorage::kill`] files opened before are dead.
#[derive(Clone, Default)]
pub struct SimStorage(Arc<Mutex<Disk>>);

#[derive(Default)]
struct Disk {
    files: BTreeMap<u64, Content>,
    next_file: u64,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    /// Changes of names that no sync of their folder has made durable, in order.
    pending: Vec<NameChange>,
    locks: BTreeSet<String>,
    /// Counts crashes and kills.
    life: u64,
    /// Bytes that may still be allocated; none is no limit.
    free: Option<u64>,
    /// Countdowns: the call that finds 0 fails.
    sync_fails_after: Option<u64>,
    sync_dies_after: Option<u64>,
    write_fails_after: Option<u64>,
    counts: Counts,
}

/// How often each thing happened, so that a test can prove that its fault fired.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    pub writes: u64,
    pub syncs: u64,
    pub faults: u64,
}

/// The file as a process sees it, as the disk has it, and the sectors in which they differ.
#[derive(Clone, Default)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
}

#[derive(Clone)]
enum NameChange {
    Set(String, u64),
    Move(String, String),
    Remove(String),
}

struct SimFile {
    disk: SimStorage,
    file: u64,
    life: u64,
}

struct SimLock {
    disk: SimStorage,
    name: String,
    life: u64,
}

impl SimStorage {
    pub fn new() -> SimStorage {
        SimStorage::default()
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The power fails: of what was not synced, an arbitrary part stays, sector by sector; of the names, the changes up to
    /// some point.
    pub fn crash(&self, seed: u64) {
        let mut random = Random(seed | 1);
        let mut disk = self.disk();
        let keep = random.below(disk.pending.len() as u64 + 1) as usize;
        let mut names = std::mem::take(&mut disk.durable_names);
        disk.pending.drain(..).take(keep).for_each(|change| change.apply(&mut names));
        for content in disk.files.values_mut() {
            content.lose_power(&mut random);
        }
        disk.durable_names.clone_from(&names);
        disk.names = names;
        disk.end_of_life();
    }

    /// The process dies; the system, with its cache, lives on.
    pub fn kill(&self) {
        self.disk().end_of_life();
    }

    /// Leaves this many bytes for allocation.
    pub fn set_free(&self, bytes: Option<u64>) {
        self.disk().free = bytes;
    }

    /// Lets `good` more syncs pass and fails the next. As on a real system, the data of the failed one is forgotten while
    /// later syncs succeed.
    pub fn fail_sync_after(&self, good: u64) {
        self.disk().sync_fails_after = Some(good);
    }

    /// Lets `good` more syncs pass and stops the next before it begins, as when the process is killed there: what was
    /// written stays in the cache.
    pub fn stop_sync_after(&self, good: u64) {
        self.disk().sync_dies_after = Some(good);
    }

    /// Lets `good` more writes pass and fails the next when half of it is done.
    pub fn fail_write_after(&self, good: u64) {
        self.disk().write_fails_after = Some(good);
    }

    pub fn counts(&self) -> Counts {
        self.disk().counts
    }

    /// The bytes of a file as a process sees them.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let disk = self.disk();
        Some(disk.files[disk.names.get(name)?].seen.clone())
    }

    /// Puts a file there, durable, whatever was there before.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut disk = self.disk();
        let file = disk.new_file();
        disk.files.insert(file, Content { seen: bytes.to_vec(), durable: bytes.to_vec(), dirty: BTreeSet::new() });
        disk.names.insert(name.to_string(), file);
        disk.durable_names.insert(name.to_string(), file);
    }

    /// A disk of its own with the same files, all of them durable.
    pub fn copy(&self) -> SimStorage {
        let copy = SimStorage::new();
        let disk = self.disk();
        disk.names.iter().for_each(|(name, file)| copy.put(name, &disk.files[file].seen));
        copy
    }
}

impl Disk {
    fn new_file(&mut self) -> u64 {
        self.next_file += 1;
        self.next_file
    }

    fn end_of_life(&mut self) {
        self.life += 1;
        self.locks.clear();
        (self.sync_fails_after, self.sync_dies_after, self.write_fails_after) = (None, None, None);
    }

    fn find(&self, name: &str) -> io::Result<u64> {
        self.names.get(name).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending.push(change);
    }

    fn grow(&mut self, file: u64, len: usize) -> io::Result<()> {
        let more = (len as u64).saturating_sub(self.files[&file].seen.len() as u64);
        if let Some(free) = &mut self.free {
            if more > *free {
                self.counts.faults += 1;
                return Err(ErrorKind::StorageFull.into());
            }
            *free -= more;
        }
        let content = self.files.get_mut(&file).expect("open files stay");
        if content.seen.len() < len {
            content.seen.resize(len, 0);
        }
        Ok(())
    }
}

/// True when the countdown ends with this call.
fn is_due(countdown: &mut Option<u64>) -> bool {
    match countdown {
        Some(0) => {
            *countdown = None;
            true
        }
        Some(left) => {
            *left -= 1;
            false
        }
        None => false,
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            NameChange::Set(name, file) => {
                names.insert(name.clone(), *file);
            }
            NameChange::Move(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            NameChange::Remove(name) => {
                names.remove(name);
            }
        }
    }

    fn is_in(&self, dir: &str) -> bool {
        let (NameChange::Set(name, _) | NameChange::Move(_, name) | NameChange::Remove(name)) = self;
        folder(name) == dir
    }
}

fn folder(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(dir, _)| dir)
}

impl Content {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.seen[offset..offset + bytes.len()].copy_from_slice(bytes);
        self.dirty.extend(offset / SECTOR..=(offset + bytes.len() - 1) / SECTOR);
    }

    fn sync(&mut self) {
        self.durable.resize(self.seen.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            self.save(sector);
        }
    }

    fn save(&mut self, sector: usize) {
        let start = (sector * SECTOR).min(self.durable.len());
        let end = (start + SECTOR).min(self.durable.len()).min(self.seen.len());
        if start < end {
            self.durable[start..end].copy_from_slice(&self.seen[start..end]);
        }
    }

    fn lose_power(&mut self, random: &mut Random) {
        if random.below(2) == 0 {
            self.durable.resize(self.seen.len(), 0);
        }
        // Sometimes nothing of it gets through, sometimes all, mostly some.
        let odds = [0, 1, 4, 7, 8][random.below(5) as usize];
        for sector in std::mem::take(&mut self.dirty) {
            if random.below(8) < odds {
                self.save(sector);
            }
        }
        self.seen.clone_from(&self.durable);
    }
}

/// xorshift64: a seed replays a whole run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

impl Storage for SimStorage {
    fn create_dir(&self, _dir: &str) -> io::Result<()> {
        Ok(())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        let mut disk = self.disk();
        if disk.names.contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let file = disk.new_file();
        disk.files.insert(file, Content::default());
        disk.change(NameChange::Set(name.to_string(), file));
        Ok(Box::new(SimFile { disk: self.clone(), file, life: disk.life }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        let disk = self.disk();
        Ok(Box::new(SimFile { disk: self.clone(), file: disk.find(name)?, life: disk.life }))
    }

    fn open_read(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        self.open(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.find(from)?;
        disk.change(NameChange::Move(from.to_string(), to.to_string()));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        let len = disk.files[&disk.find(name)?].seen.len() as u64;
        if let Some(free) = &mut disk.free {
            *free += len;
        }
        disk.change(NameChange::Remove(name.to_string()));
        Ok(())
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let disk = self.disk();
        let inside = disk.names.keys().filter(|name| folder(name) == dir);
        Ok(inside.map(|name| name[dir.len()..].trim_start_matches('/').to_string()).collect())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let mut disk = self.disk();
        let (now, later) = std::mem::take(&mut disk.pending).into_iter().partition(|change| change.is_in(dir));
        let now: Vec<NameChange> = now;
        disk.pending = later;
        now.iter().for_each(|change| change.apply(&mut disk.durable_names));
        Ok(())
    }

    fn lock(&self, name: &str) -> io::Result<Box<dyn StorageLock>> {
        let mut disk = self.disk();
        if !disk.locks.insert(name.to_string()) {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(SimLock { disk: self.clone(), name: name.to_string(), life: disk.life }))
    }

    fn describe(&self, name: &str) -> String {
        name.to_string()
    }
}

impl SimFile {
    fn disk(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.disk.disk();
        if disk.life == self.life { Ok(disk) } else { Err(io::Error::other("the process that opened this is dead")) }
    }
}

impl StorageFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk()?.files[&self.file].seen.len() as u64)
    }

    fn pread(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let disk = self.disk()?;
        let bytes = disk.files[&self.file].seen.get(offset as usize..).unwrap_or_default();
        let len = bytes.len().min(into.len());
        into[..len].copy_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn pwrite(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk()?;
        disk.counts.writes += 1;
        let fails = is_due(&mut disk.write_fails_after);
        let done = if fails { bytes.len() / 2 } else { bytes.len() };
        disk.grow(self.file, offset as usize + done)?;
        disk.files.get_mut(&self.file).expect("open files stay").write(offset as usize, &bytes[..done]);
        if fails {
            disk.counts.faults += 1;
            return Err(io::Error::other("injected: the write failed half-way"));
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut disk = self.disk()?;
        disk.counts.syncs += 1;
        if is_due(&mut disk.sync_dies_after) {
            disk.counts.faults += 1;
            return Err(io::Error::other("injected: the process died"));
        }
        let fails = is_due(&mut disk.sync_fails_after);
        let content = disk.files.get_mut(&self.file).expect("open files stay");
        if fails {
            content.dirty.clear();
            disk.counts.faults += 1;
            return Err(io::Error::other("injected: the sync failed"));
        }
        content.sync();
        Ok(())
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.disk()?.grow(self.file, len as usize)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut disk = self.disk()?;
        disk.grow(self.file, len as usize)?;
        disk.files.get_mut(&self.file).expect("open files stay").seen.truncate(len as usize);
        Ok(())
    }
}

impl StorageLock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut disk = self.disk.disk();
        if disk.life == self.life {
            disk.locks.remove(&self.name);
        }
    }
}
