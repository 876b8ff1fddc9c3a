//! Where documents lie: `DIR/kyc/USER/DOCUMENT`, readable by this service alone.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use allin_core::ids::UserId;

fn path(folder: &Path, user: UserId, document: &str) -> PathBuf {
    folder.join(user.0.to_string()).join(document)
}

/// Whole and on the disk when this returns. Blocks.
pub fn write(folder: &Path, user: UserId, document: &str, bytes: &[u8]) -> io::Result<()> {
    let path = path(folder, user, document);
    let directory = path.parent().unwrap_or(folder);
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let draft = path.with_extension("draft");
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&draft, &path))?;
    File::open(directory)?.sync_all()
}

/// Blocks. `document` is a name from the tables, never from a request.
pub fn read(folder: &Path, user: UserId, document: &str) -> io::Result<Vec<u8>> {
    fs::read(path(folder, user, document))
}

/// Of a document whose row was not written. Blocks.
pub fn remove(folder: &Path, user: UserId, document: &str) {
    if let Err(error) = fs::remove_file(path(folder, user, document)) {
        tracing::warn!(user = user.0, document, %error, "a document without a row stays on the disk");
    }
}
