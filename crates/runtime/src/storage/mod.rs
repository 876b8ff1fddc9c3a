//! Owns access to files: the few calls that the operation log and the snapshots need, so that a test can put a disk that
//! forgets, fills up or fails underneath them.
//! Never interprets a byte. Names are relative to the root that the storage was made with, `/` between folders.

mod disk;
mod sim;

pub use disk::DiskStorage;
pub use sim::{Counts, SimStorage};

use std::io;

/// A directory tree. Creating, renaming and removing last only after [`Storage::sync_dir`].
pub trait Storage: Send + Sync + 'static {
    /// Makes a folder, and what is above it; no error when it is there.
    fn create_dir(&self, dir: &str) -> io::Result<()>;
    /// Makes a new file; an error when it is there.
    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>>;
    /// Opens a file for reading and writing.
    fn open(&self, name: &str) -> io::Result<Box<dyn StorageFile>>;
    /// Opens a file for reading.
    fn open_read(&self, name: &str) -> io::Result<Box<dyn StorageFile>>;
    /// Replaces `to` when it is there.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Names of the files in a folder, sorted, without the folder; none when there is no such folder.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;
    fn sync_dir(&self, dir: &str) -> io::Result<()>;
    /// Takes the file `name` (made if needed) for this process alone, until the lock is dropped. `WouldBlock`: another
    /// has it.
    fn lock(&self, name: &str) -> io::Result<Box<dyn StorageLock>>;
    /// The name as an operator would look for it.
    fn describe(&self, name: &str) -> String;
}

pub trait StorageFile: Send + Sync {
    fn len(&self) -> io::Result<u64>;
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Reads up to `into.len()` bytes; fewer at the end of the file.
    fn pread(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;
    /// Writes all of `bytes`, or fails with some of them written.
    fn pwrite(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// After this, what was written survives a loss of power.
    fn sync_data(&self) -> io::Result<()>;
    /// Makes the file `len` bytes long, with room on the disk for all of them; new bytes read as zero.
    fn allocate(&self, len: u64) -> io::Result<()>;
    fn set_len(&self, len: u64) -> io::Result<()>;
}

/// Held as long as it lives.
pub trait StorageLock: Send + Sync {}
