//! A file with 32 secret bytes in hexadecimal, which nobody else may read.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::random;

pub const KEY_BYTES: usize = 32;

/// Reads the key. The error says what to do.
pub fn read(path: &Path) -> Result<[u8; KEY_BYTES], String> {
    let told = |error: io::Error| format!("{}: {error}", path.display());
    let mode = fs::metadata(path).map_err(told)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!("{0}: mode {mode:03o} lets others read it; run: chmod 600 {0}", path.display()));
    }
    let text = fs::read_to_string(path).map_err(told)?;
    random::from_hex(text.trim_end())
        .ok_or_else(|| format!("{}: not a key of {} hexadecimal digits", path.display(), KEY_BYTES * 2))
}

/// Makes the file where there is none: whole or not at all, on the disk when this returns.
pub fn create(path: &Path) -> Result<(), String> {
    let told = |error: io::Error| format!("{}: {error}", path.display());
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory).map_err(told)?;
    let draft = directory.join(format!(".users.key.{}", random::token()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(told)?;
    let text = format!("{}\n", random::hex(&random::bytes::<KEY_BYTES>()));
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| {
        // A link, unlike a renaming, leaves alone what another process made first.
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    });
    let removed = fs::remove_file(&draft);
    written.and(removed).map_err(told)?;
    fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(told)
}
