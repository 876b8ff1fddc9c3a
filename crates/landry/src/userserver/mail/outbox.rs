//! Mails as files, `outbox/NUMBER.eml`, where no mail server is configured: what a developer reads instead of a mailbox.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use lettre::Message;

/// Newest files that are kept.
const KEPT: u64 = 5000;

pub(super) struct Outbox {
    directory: PathBuf,
    /// The number of the next mail.
    next: AtomicU64,
}

impl Outbox {
    pub fn open(directory: PathBuf) -> Result<Outbox, String> {
        let told = |error: std::io::Error| format!("{}: {error}", directory.display());
        fs::create_dir_all(&directory).map_err(told)?;
        let last = numbers(&directory).map_err(told)?.into_iter().max().unwrap_or(0);
        Ok(Outbox { next: AtomicU64::new(last + 1), directory })
    }

    pub async fn write(&self, message: &Message) -> Result<(), String> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let text = message.formatted();
        let (path, draft) = (self.path(number), self.directory.join(format!("{number:010}.draft")));
        let old = number.checked_sub(KEPT).map(|old| self.path(old));
        let written = tokio::task::spawn_blocking(move || {
            // Whole when it can be seen.
            fs::write(&draft, text).and_then(|()| fs::rename(&draft, &path))?;
            match old.map_or(Ok(()), fs::remove_file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        });
        match written.await {
            Ok(written) => written.map_err(|error| format!("{}: {error}", self.directory.display())),
            Err(error) => Err(error.to_string()),
        }
    }

    fn path(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{number:010}.eml"))
    }
}

fn numbers(directory: &Path) -> std::io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let (Some(number), Some(true)) = (number, path.extension().map(|extension| extension == "eml")) {
            found.push(number);
        }
    }
    Ok(found)
}

/// The code in the newest mail to an address, if that mail has one: for the embedded mode's own tools and for tests.
pub fn latest_code(outbox: &Path, email: &str) -> std::io::Result<Option<String>> {
    let mut numbers = numbers(outbox)?;
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    let to = format!("To: {}", email.to_ascii_lowercase());
    for number in numbers {
        let text = fs::read_to_string(outbox.join(format!("{number:010}.eml")))?;
        if text.lines().any(|line| line.trim_end() == to) {
            return Ok(text.lines().find_map(|line| line.trim_end().strip_prefix("Code: ")).map(str::to_owned));
        }
    }
    Ok(None)
}
