//! Settings that change while a process runs: keys below `PREFIX/config/`, watched.
//!
//! Each key has somebody who takes its values. A value that is not taken changes nothing, and is told with its key; a key that
//! goes brings back what the process was started with. An outage of etcd changes nothing either.

use std::collections::BTreeMap;
use std::time::Duration;

use super::client::Pair;
use super::{Etcd, EtcdError, EtcdSection};

/// Before a connection that broke is tried again.
const RETRY: Duration = Duration::from_millis(300);

/// Takes a value, or, with none, goes back to what it was at the start. Refuses with a reason and then has changed nothing.
pub type Take = Box<dyn Fn(Option<&str>) -> Result<(), String> + Send + Sync>;

/// The keys that there are, and their values of the last look.
pub struct Watched {
    etcd: Etcd,
    folder: String,
    takers: BTreeMap<&'static str, Take>,
    seen: BTreeMap<String, String>,
}

/// Where a deployment keeps these settings.
pub fn config_folder(section: &EtcdSection) -> String {
    format!("{}/config/", section.prefix)
}

/// What is there, by key.
pub async fn read_config(etcd: &Etcd, section: &EtcdSection) -> Result<BTreeMap<String, String>, EtcdError> {
    let folder = config_folder(section);
    let (pairs, _) = etcd.range(&folder).await?;
    Ok(named(&folder, pairs))
}

impl Watched {
    pub fn new(etcd: Etcd, section: &EtcdSection, takers: BTreeMap<&'static str, Take>) -> Watched {
        Watched { etcd, folder: config_folder(section), takers, seen: BTreeMap::new() }
    }

    /// Follows the keys for as long as it is polled.
    pub async fn run(mut self) -> std::convert::Infallible {
        let mut told = String::new();
        loop {
            let Err(error) = self.follow().await;
            // An outage is told once.
            let text = error.to_string();
            if text != told {
                tracing::warn!(folder = self.folder, error = text, "settings are not watched; they stay as they are");
                told = text;
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn follow(&mut self) -> Result<std::convert::Infallible, EtcdError> {
        loop {
            let (pairs, revision) = self.etcd.range(&self.folder).await?;
            self.take(named(&self.folder, pairs));
            let mut changes = self.etcd.watch(&self.folder, revision).await?;
            loop {
                let change = changes.message().await.map_err(|status| EtcdError::Away(status.to_string()))?;
                match change {
                    None => return Err(EtcdError::Away("the watch ended".into())),
                    Some(change) if change.canceled => return Err(EtcdError::Away("the watch was ended".into())),
                    Some(change) if change.events.is_empty() => {}
                    // All of them again: they are few, and nothing can be missed.
                    Some(_) => break,
                }
            }
        }
    }

    fn take(&mut self, now: BTreeMap<String, String>) {
        let before = std::mem::replace(&mut self.seen, now);
        for (key, value) in &self.seen {
            if before.get(key) != Some(value) {
                self.tell(key, Some(value));
            }
        }
        for key in before.keys().filter(|key| !self.seen.contains_key(*key)) {
            self.tell(key, None);
        }
    }

    fn tell(&self, key: &str, value: Option<&str>) {
        let Some((key, take)) = self.takers.get_key_value(key) else {
            let known: Vec<_> = self.takers.keys().copied().collect();
            tracing::warn!(key, known = known.join(", "), "a watched setting that there is not");
            return;
        };
        let applied = metrics::gauge!("allin_config_applied", "key" => *key);
        match take(value) {
            Ok(()) => {
                tracing::info!(key, set = value.is_some(), "took a watched setting");
                applied.set(f64::from(u8::from(value.is_some())));
            }
            Err(reason) => {
                tracing::warn!(key, reason, "refused a watched setting; what was before goes on");
                metrics::counter!("allin_config_refused_total", "key" => *key).increment(1);
            }
        }
    }
}

fn named(folder: &str, pairs: Vec<Pair>) -> BTreeMap<String, String> {
    let named = pairs.into_iter().filter_map(|pair| Some((pair.key.strip_prefix(folder)?.to_owned(), pair.value)));
    named.collect()
}
