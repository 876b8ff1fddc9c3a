//! What the nodes of the service tell each other of their counts, over the shared cache's messages.
//!
//! Each node tells its own counts as they are, never what was added: so a word that comes twice counts once, and one that
//! was lost is made good by the next. Nothing of it is kept in the cache: whoever comes new, or was cut off, asks, and every
//! node answers with all it has. While the cache is away a node goes on with its own counts and what it heard before.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use allin_core::ids::{Timestamp, UserId};
use allin_exchange::service::{ServiceError, Stopping};
use allin_runtime::cache::{CacheError, CacheSubscription};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::Limits;
use super::bans::Ban;
use super::windows::{Heard, Own, Windows};
use crate::spotapi::app::App;

const CHANNEL: &str = "spot:limits";
/// Between two words of a node; what passes meanwhile can exceed a limit.
const ROUND: Duration = Duration::from_millis(20);
/// Between two tries to be heard.
const RETRY: Duration = Duration::from_millis(500);
/// A fill waits for the word of the order that it belongs to for so long, and twice as long at most.
const SETTLE: Duration = Duration::from_secs(1);
/// A node hears the others' answers within so long.
const NEW: Duration = Duration::from_secs(10);
/// Counts in one message.
const COUNTS_MAX: usize = 2000;
/// Messages of a window that has not begun here, kept until it has.
const EARLY_MAX: usize = 256;

/// A node's word. Names that a node does not know are passed over.
#[derive(Serialize, Deserialize, Default)]
struct Word {
    node: u64,
    /// It knows nothing yet.
    #[serde(default)]
    asks: bool,
    /// Part of an answer to such a node.
    #[serde(default)]
    answers: bool,
    #[serde(default)]
    addresses: Vec<Counted<IpAddr>>,
    #[serde(default)]
    accounts: Vec<Counted<u64>>,
    /// Address, end and length in microseconds.
    #[serde(default)]
    bans: Vec<(IpAddr, u64, u64)>,
}

#[derive(Serialize, Deserialize)]
struct Counted<K> {
    limit: String,
    window: u64,
    /// Of the node, and what it took off the sum.
    counts: Vec<(K, u32, u32)>,
}

/// Tells and hears until the service stops.
pub(in crate::spotapi) async fn share(app: Arc<App>, mut stopping: Stopping) -> Result<(), ServiceError> {
    let mut node = Node {
        app,
        number: getrandom::u64().expect("the system has randomness"),
        early: Vec::new(),
        tells_all: true,
        is_away: false,
        born: Instant::now(),
        settled: Instant::now(),
    };
    loop {
        tokio::select! {
            () = stopping.wait() => break,
            lost = node.follow() => node.tell_away(&lost),
        }
        tokio::select! {
            () = stopping.wait() => break,
            () = tokio::time::sleep(RETRY) => node.settle(),
        }
    }
    // What was counted at the end still counts for those who stay.
    let _ = tokio::time::timeout(RETRY, node.tell()).await;
    Ok(())
}

struct Node {
    app: Arc<App>,
    number: u64,
    early: Vec<Word>,
    /// Somebody asked, or a word was not sent.
    tells_all: bool,
    /// Told in the log, once.
    is_away: bool,
    born: Instant,
    settled: Instant,
}

impl Node {
    /// Gives back why it cannot go on.
    async fn follow(&mut self) -> CacheError {
        match self.begin().await {
            Err(error) => error,
            Ok(mut words) => loop {
                if let Err(error) = self.round(&mut *words).await {
                    return error;
                }
            },
        }
    }

    async fn begin(&mut self) -> Result<Box<dyn CacheSubscription>, CacheError> {
        let cache = self.app.handles.cache.clone();
        let words = cache.subscribe(CHANNEL).await?;
        self.send(&Word { node: self.number, asks: true, ..Word::default() }).await?;
        self.tells_all = true;
        metrics::gauge!("spotapi_limits_shared").set(1.0);
        if std::mem::take(&mut self.is_away) {
            tracing::info!("limits are shared again");
        }
        Ok(words)
    }

    /// Hears for a while, then tells.
    async fn round(&mut self, words: &mut dyn CacheSubscription) -> Result<(), CacheError> {
        let mut end = pin!(sleep(ROUND));
        loop {
            tokio::select! {
                word = words.next() => self.take_in(&word?),
                () = &mut end => break,
            }
        }
        for word in std::mem::take(&mut self.early) {
            self.hear(word);
        }
        self.settle();
        self.tell().await
    }

    fn settle(&mut self) {
        if self.settled.elapsed() >= SETTLE {
            self.settled = Instant::now();
            let now = (self.app.handles.clock)();
            self.app.limits.by_account().iter().for_each(|(_, windows)| windows.settle(now));
        }
    }

    fn take_in(&mut self, bytes: &Bytes) {
        match serde_json::from_slice::<Word>(bytes) {
            Ok(word) if word.node == self.number => {}
            Ok(word) => {
                self.tells_all |= word.asks;
                self.hear(word);
            }
            Err(error) => tracing::warn!(%error, "a word on limits that cannot be read"),
        }
    }

    fn hear(&mut self, word: Word) {
        let now = (self.app.handles.clock)();
        let limits = &self.app.limits;
        let Word { node, answers, addresses, accounts, bans, .. } = word;
        let is_new = answers && self.born.elapsed() < NEW;
        for (address, until, length) in bans {
            limits.bans.hear(address, Ban { until: Timestamp(until), length }, now);
        }
        let addresses = hear_counts(&limits.by_address(), (node, is_new), addresses, now, |address| address);
        let accounts = hear_counts(&limits.by_account(), (node, is_new), accounts, now, UserId);
        if (!addresses.is_empty() || !accounts.is_empty()) && self.early.len() < EARLY_MAX {
            self.early.push(Word { node, answers, addresses, accounts, ..Word::default() });
        }
    }

    /// Tells what changed, or all.
    async fn tell(&mut self) -> Result<(), CacheError> {
        let words = words(&self.app.limits, self.number, self.tells_all, (self.app.handles.clock)());
        // What was taken is not known to be told until all of it is sent.
        self.tells_all = true;
        for word in &words {
            self.send(word).await?;
        }
        self.tells_all = false;
        Ok(())
    }

    async fn send(&self, word: &Word) -> Result<(), CacheError> {
        let text = serde_json::to_vec(word).map_err(|error| CacheError::Unavailable(error.to_string()))?;
        self.app.handles.cache.publish(CHANNEL, text.into()).await
    }

    fn tell_away(&mut self, error: &CacheError) {
        metrics::gauge!("spotapi_limits_shared").set(0.0);
        if !std::mem::replace(&mut self.is_away, true) {
            tracing::warn!(%error, "limits are counted by this node alone");
        }
    }
}

/// Gives back what is of a window that has not begun.
fn hear_counts<K, L: std::hash::Hash + Eq + Copy>(
    limits: &[(&str, &Windows<Option<L>>)],
    (node, is_new): (u64, bool),
    told: Vec<Counted<K>>,
    now: Timestamp,
    key: impl Fn(K) -> L + Copy,
) -> Vec<Counted<K>>
where
    K: Copy,
{
    let is_early = |told: &Counted<K>| {
        let Some((_, limit)) = limits.iter().find(|(name, _)| *name == told.limit) else { return false };
        let counts = told.counts.iter().map(|(counted, count, off)| (Some(key(*counted)), *count, *off));
        limit.hear(node, told.window, counts, is_new, now) == Heard::Early
    };
    told.into_iter().filter(is_early).collect()
}

/// What there is to tell, in messages of a bounded size.
fn words(limits: &Limits, node: u64, all: bool, now: Timestamp) -> Vec<Word> {
    let answers = all;
    let mut words = Vec::new();
    for (limit, windows) in limits.by_address() {
        for addresses in chunks(limit, windows.take_own(all, now), |address| address) {
            words.push(Word { node, answers, addresses: vec![addresses], ..Word::default() });
        }
    }
    for (limit, windows) in limits.by_account() {
        for accounts in chunks(limit, windows.take_own(all, now), |user| user.0) {
            words.push(Word { node, answers, accounts: vec![accounts], ..Word::default() });
        }
    }
    for bans in limits.bans.take(all).chunks(COUNTS_MAX) {
        let bans = bans.iter().map(|(address, ban)| (*address, ban.until.0, ban.length)).collect();
        words.push(Word { node, answers, bans, ..Word::default() });
    }
    words
}

fn chunks<K, L: Copy>(limit: &str, (window, own): (u64, Vec<Own<Option<L>>>), key: impl Fn(L) -> K) -> Vec<Counted<K>> {
    let counted = |own: &[Own<Option<L>>]| Counted {
        limit: limit.to_owned(),
        window,
        counts: own.iter().filter_map(|(counted, count, off)| Some((key((*counted)?), *count, *off))).collect(),
    };
    own.chunks(COUNTS_MAX).map(counted).collect()
}
