//! Who listens to what. A topic is made when its first listener comes and dropped when its last one goes; a message is
//! encoded once in each form, however many listen.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use allin_core::ids::MarketId;
use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::frame;
use super::outbox::Client;
use super::stream::Stream;
use super::tables::Tables;
use crate::jsontext;
use crate::spotapi::call::TimeUnit;

pub(super) const UNITS: [TimeUnit; 2] = [TimeUnit::Milliseconds, TimeUnit::Microseconds];

/// What can be listened to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Subject {
    Stream(Stream),
    /// A listen key.
    User(Arc<str>),
}

/// The listeners of one subject in one time unit.
pub(super) struct Topic {
    /// As JSON.
    name: String,
    listeners: Mutex<Listeners>,
}

#[derive(Default)]
struct Listeners {
    /// By their ids.
    all: Vec<Arc<Client>>,
    /// Those who came and have not been told the present yet.
    fresh: Vec<u64>,
}

#[derive(Default)]
struct Inner {
    topics: HashMap<(Subject, TimeUnit), Arc<Topic>>,
    /// How many topics are made from a market's book.
    book_topics: HashMap<MarketId, usize>,
    /// Markets whose book is followed.
    feeds: HashSet<MarketId>,
}

pub(super) struct Hub {
    inner: Mutex<Inner>,
    tables: RwLock<Arc<Tables>>,
    /// Set once the tables are.
    known: watch::Sender<bool>,
    next_client: AtomicU64,
    /// Feeds and user streams at work.
    tasks: Mutex<JoinSet<()>>,
}

/// What has to be done when somebody has come.
#[derive(Default)]
pub(super) struct Started {
    /// The books of these markets are to be followed.
    pub feeds: Vec<MarketId>,
    /// The topic, if it was made for this listener.
    pub made: Option<Arc<Topic>>,
}

impl Topic {
    fn new(name: &str) -> Topic {
        Topic { name: jsontext::string(name), listeners: Mutex::default() }
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all listeners; `payload` is JSON.
    pub fn send(&self, payload: &str) {
        self.send_to(&self.listeners().all, payload);
    }

    /// As [`Topic::send`], for a payload that is all of the present: who came of late knows it by that.
    fn send_present(&self, payload: &str) {
        let mut listeners = self.listeners();
        self.send_to(&listeners.all, payload);
        listeners.fresh.clear();
    }

    /// Tells the present to those who do not know it yet.
    fn send_to_fresh(&self, payload: impl FnOnce() -> String) {
        let mut listeners = self.listeners();
        let fresh = std::mem::take(&mut listeners.fresh);
        if !fresh.is_empty() {
            self.send_to(listeners.all.iter().filter(|client| fresh.contains(&client.id)), &payload());
        }
    }

    fn send_to<'a>(&self, clients: impl IntoIterator<Item = &'a Arc<Client>>, payload: &str) {
        let (raw, combined) = (OnceLock::new(), OnceLock::new());
        for client in clients {
            let frame: &Bytes = match client.is_combined() {
                false => raw.get_or_init(|| frame::text(&[payload])),
                true => combined.get_or_init(|| frame::text(&["{\"stream\":", &self.name, ",\"data\":", payload, "}"])),
            };
            client.push(frame);
        }
    }

    fn add(&self, client: &Arc<Client>) {
        let Listeners { all, fresh } = &mut *self.listeners();
        if let Err(place) = all.binary_search_by_key(&client.id, |listener| listener.id) {
            all.insert(place, client.clone());
            fresh.push(client.id);
        }
    }

    /// Whether nobody is left.
    fn remove(&self, client: &Client) -> bool {
        let Listeners { all, fresh } = &mut *self.listeners();
        if let Ok(place) = all.binary_search_by_key(&client.id, |listener| listener.id) {
            all.remove(place);
            fresh.retain(|id| *id != client.id);
        }
        all.is_empty()
    }

    pub fn end_all(&self, closing: frame::Closing) {
        self.listeners().all.iter().for_each(|client| client.end(closing));
    }
}

impl Hub {
    pub fn new() -> Hub {
        Hub {
            inner: Mutex::default(),
            tables: RwLock::default(),
            known: watch::Sender::new(false),
            next_client: AtomicU64::new(1),
            tasks: Mutex::new(JoinSet::new()),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn client_id(&self) -> u64 {
        self.next_client.fetch_add(1, Ordering::Relaxed)
    }

    pub fn tables(&self) -> Arc<Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns once the markets are known: before, any name would be one of nothing.
    pub async fn tables_known(&self) {
        // The sender is our own.
        let _ = self.known.subscribe().wait_for(|known| *known).await;
    }

    /// Gives the markets whose books are to be followed for what is open already.
    pub fn set_tables(&self, tables: Tables) -> Started {
        let tables = Arc::new(tables);
        *self.tables.write().unwrap_or_else(PoisonError::into_inner) = tables.clone();
        self.known.send_replace(true);
        let mut inner = self.inner();
        let all = inner.has_all_books();
        let markets = tables.catalog.listings().map(|listing| listing.market).filter(|_| all).collect();
        Started { feeds: inner.start_feeds(markets), made: None }
    }

    /// Lets a client listen. Again is no difference.
    pub fn subscribe(&self, subject: &Subject, name: &str, client: &Arc<Client>) -> Started {
        let mut inner = self.inner();
        let key = (subject.clone(), client.unit);
        if let Some(topic) = inner.topics.get(&key) {
            topic.add(client);
            return Started::default();
        }
        let topic = Arc::new(Topic::new(name));
        topic.add(client);
        inner.topics.insert(key, topic.clone());
        let markets = match subject {
            Subject::Stream(Stream::AllBookTickers) => {
                self.tables().catalog.listings().map(|listing| listing.market).collect()
            }
            Subject::Stream(stream) => {
                let market = stream.book();
                if let Some(market) = market {
                    *inner.book_topics.entry(market).or_default() += 1;
                }
                market.into_iter().collect()
            }
            Subject::User(_) => Vec::new(),
        };
        Started { feeds: inner.start_feeds(markets), made: Some(topic) }
    }

    pub fn unsubscribe(&self, subject: &Subject, client: &Client) {
        let mut inner = self.inner();
        let key = (subject.clone(), client.unit);
        let Some(topic) = inner.topics.get(&key) else { return };
        if topic.remove(client) {
            inner.drop_topic(&key);
        }
    }

    /// Takes a topic away with all its listeners.
    pub fn close(&self, subject: &Subject, unit: TimeUnit) {
        self.inner().drop_topic(&(subject.clone(), unit));
    }

    pub fn topic(&self, subject: &Subject, unit: TimeUnit) -> Option<Arc<Topic>> {
        self.inner().topics.get(&(subject.clone(), unit)).cloned()
    }

    /// Tells those who listen to a stream, if any; the payload is made for each time unit that somebody wants.
    pub fn publish(&self, stream: Stream, payload: impl Fn(TimeUnit) -> String) {
        for unit in UNITS {
            if let Some(topic) = self.topic(&Subject::Stream(stream), unit) {
                topic.send(&payload(unit));
            }
        }
    }

    /// As [`Hub::publish`], for a payload that is all of the present.
    pub fn publish_present(&self, stream: Stream, payload: impl Fn() -> String) {
        let topics = UNITS.map(|unit| self.topic(&Subject::Stream(stream), unit));
        if topics.iter().any(Option::is_some) {
            let payload = payload();
            topics.into_iter().flatten().for_each(|topic| topic.send_present(&payload));
        }
    }

    /// Tells the present to those who came and do not know it yet.
    pub fn publish_to_fresh(&self, stream: Stream, payload: impl Fn() -> String) {
        let topics = UNITS.map(|unit| self.topic(&Subject::Stream(stream), unit));
        topics.into_iter().flatten().for_each(|topic| topic.send_to_fresh(&payload));
    }

    pub fn has(&self, stream: Stream) -> bool {
        let inner = self.inner();
        UNITS.iter().any(|unit| inner.topics.contains_key(&(Subject::Stream(stream), *unit)))
    }

    /// Whether somebody has come since this was last asked.
    pub fn take_fresh(&self, stream: Stream) -> bool {
        let topics = UNITS.map(|unit| self.topic(&Subject::Stream(stream), unit));
        // Each is read, also after one that is fresh.
        let mut fresh = false;
        for topic in topics.into_iter().flatten() {
            fresh |= !std::mem::take(&mut topic.listeners().fresh).is_empty();
        }
        fresh
    }

    /// The streams that somebody listens to, each once.
    pub fn streams(&self, wanted: impl Fn(Stream) -> bool) -> Vec<Stream> {
        let inner = self.inner();
        let streams: HashSet<Stream> = inner
            .topics
            .keys()
            .filter_map(|(subject, _)| match subject {
                Subject::Stream(stream) if wanted(*stream) => Some(*stream),
                _ => None,
            })
            .collect();
        streams.into_iter().collect()
    }

    /// Whether a market's book is still to be followed. If not, the feed that asks has ended with the answer.
    pub fn keep_feed(&self, market: MarketId) -> bool {
        let mut inner = self.inner();
        let keep = inner.has_all_books() || inner.book_topics.contains_key(&market);
        if !keep {
            inner.feeds.remove(&market);
        }
        keep
    }

    /// Topics open at this moment.
    pub fn topics(&self) -> usize {
        self.inner().topics.len()
    }

    /// Runs something beside the service's own tasks, until it ends or the service stops.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    pub async fn stop_tasks(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
    }
}

impl Inner {
    /// Those that are not followed yet.
    fn start_feeds(&mut self, mut markets: Vec<MarketId>) -> Vec<MarketId> {
        markets.retain(|market| self.feeds.insert(*market));
        markets
    }

    fn has_all_books(&self) -> bool {
        UNITS.iter().any(|unit| self.topics.contains_key(&(Subject::Stream(Stream::AllBookTickers), *unit)))
    }

    fn drop_topic(&mut self, key: &(Subject, TimeUnit)) {
        if self.topics.remove(key).is_none() {
            return;
        }
        let Subject::Stream(stream) = &key.0 else { return };
        let Some(market) = stream.book() else { return };
        if let Some(count) = self.book_topics.get_mut(&market) {
            *count -= 1;
            if *count == 0 {
                self.book_topics.remove(&market);
            }
        }
    }
}
