//! A table that changes while the gateway runs: in a file, read again when the file changes, or told. One that cannot be used
//! leaves the table as it is, loudly.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use allin_exchange::service::{ServiceError, Stopping};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::gateway::Gateway;
use crate::routes::{RoutesError, Table};

/// Between two looks at the file.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

pub fn read(path: &Path) -> Result<String, RoutesError> {
    std::fs::read_to_string(path)
        .map_err(|error| RoutesError::Read { path: path.display().to_string(), reason: error.to_string() })
}

/// Looks at the file until the gateway stops; `last` is what was read before. A table is a few kilobytes, so its text is
/// compared, which no clock can deceive.
pub async fn run(
    path: PathBuf,
    mut last: String,
    gateway: Arc<Gateway>,
    mut stopping: Stopping,
) -> Result<(), ServiceError> {
    loop {
        tokio::select! {
            () = stopping.wait() => return Ok(()),
            () = sleep(LOOK_INTERVAL) => {}
        }
        let file = path.clone();
        let text = match tokio::task::spawn_blocking(move || read(&file)).await {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => {
                tracing::warn!(%error, "keeping the routes that there are");
                continue;
            }
            Err(_) => return Ok(()),
        };
        if text == last {
            continue;
        }
        match Table::parse(&text) {
            Ok(table) => {
                gateway.replace(table);
                tracing::info!(path = %path.display(), "routes were read again");
            }
            // Not an error of the gateway: it goes on with what it has.
            Err(error) => tracing::error!(path = %path.display(), %error, "keeping the routes that there were"),
        }
        last = text;
    }
}

/// Takes every table that is told until the gateway stops.
pub async fn follow(
    mut texts: watch::Receiver<String>,
    gateway: Arc<Gateway>,
    mut stopping: Stopping,
) -> Result<(), ServiceError> {
    // What was told before this is the table already, or is taken again.
    texts.mark_changed();
    loop {
        tokio::select! {
            () = stopping.wait() => return Ok(()),
            changed = texts.changed() => {
                if changed.is_err() {
                    // Nobody tells any more.
                    stopping.wait().await;
                    return Ok(());
                }
            }
        }
        let text = texts.borrow_and_update().clone();
        match Table::parse(&text) {
            Ok(table) => gateway.replace(table),
            Err(error) => tracing::error!(%error, "keeping the routes that there were"),
        }
    }
}
