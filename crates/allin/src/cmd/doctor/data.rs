//! The data directory and what is in it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use allin_runtime::auth::{InternalToken, TokenError};
use rustix::fs::{Access, access};

use super::Finding;

/// Files that cannot be opened are named up to this many.
const NAMED_MAX: usize = 3;

/// The data directory, or the nearest directory above it that exists.
pub(super) fn existing(data: &Path) -> PathBuf {
    let above = data.ancestors().find(|path| path.is_dir());
    match above {
        Some(path) if !path.as_os_str().is_empty() => path.to_owned(),
        _ => PathBuf::from("."),
    }
}

pub(super) fn check(data: &Path) -> Vec<Finding> {
    vec![directory(data), files(data), token(data)]
}

fn directory(data: &Path) -> Finding {
    let check = "data directory";
    let place = existing(data);
    let shown = data.display();
    if access(&place, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let says = format!("{} may not be written by this user", place.display());
        return Finding::fail(check, says, "run as its owner, or choose another with --data");
    }
    if !data.exists() {
        return Finding::ok(check, format!("{shown} will be made at the first start"));
    }
    if !data.is_dir() {
        return Finding::fail(check, format!("{shown} is not a directory"), "choose another with --data");
    }
    Finding::ok(check, format!("{shown} is writable"))
}

/// Files that another user made, for instance by a start under sudo, would stop the next start half-way.
fn files(data: &Path) -> Finding {
    let check = "stored files";
    let (mut count, mut refused) = (0_usize, Vec::new());
    if let Err(error) = walk(data, &mut count, &mut refused) {
        let advice = format!("give it back to its user: chown -R \"$USER\" {}", data.display());
        return Finding::fail(check, error, advice);
    }
    if refused.is_empty() {
        return Finding::ok(check, format!("{count} files can be read and written"));
    }
    let named: Vec<String> = refused.iter().take(NAMED_MAX).map(|path| path.display().to_string()).collect();
    let says = format!("{} of {count} files cannot be read and written: {} …", refused.len(), named.join(", "));
    Finding::fail(check, says, format!("give them back to their user: chown -R \"$USER\" {}", data.display()))
}

fn walk(directory: &Path, count: &mut usize, refused: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |error: io::Error| format!("{}: {error}", directory.display());
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        result => result.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            walk(&path, count, refused)?;
            continue;
        }
        *count += 1;
        if access(&path, Access::READ_OK | Access::WRITE_OK).is_err() {
            refused.push(path);
        }
    }
    Ok(())
}

fn token(data: &Path) -> Finding {
    let check = "internal token";
    match InternalToken::read(data) {
        Ok(_) => Finding::ok(check, "readable by its owner alone"),
        Err(TokenError::File { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
            Finding::ok(check, "will be made at the first start")
        }
        Err(error) => Finding::fail(check, error.to_string(), "services could not know each other without it"),
    }
}
