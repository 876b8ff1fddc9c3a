//! Streams of one market's book: differences, partial books, best prices. Runs while somebody listens.

use std::sync::Arc;

use allin_core::ids::MarketId;
use allin_exchange::cachecenter::{Center, Frame};
use allin_exchange::remote::Peer;
use allin_wire::exchange::v1::cache_push_client::CachePushClient;
use allin_wire::exchange::v1::depth_update::Kind;
use allin_wire::exchange::v1::{DepthSubscribe, DepthUpdate};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use tokio::time::{Interval, MissedTickBehavior};
use tonic::Status;

use super::app::App;
use super::book::{BadLevel, Best, Book, Changes};
use super::hub::Started;
use super::stream::{PARTIAL_LEVELS, Speed, Stream};
use crate::jsontext::Object;
use crate::spotapi::call::TimeUnit;

/// Ticks of the fast streams to one of the slow ones.
const SLOW_TICKS: u64 = 10;

/// Largest snapshot of another process: a book of a million levels has some 40 MB.
const SNAPSHOT_BYTES_MAX: usize = 64 << 20;

/// First a snapshot of all levels, then every difference.
pub type DepthUpdates = BoxStream<'static, Result<Arc<Frame<DepthUpdate>>, Status>>;

/// Where books come from: the cache centre, in this process or elsewhere.
pub trait DepthSource: Send + Sync + 'static {
    fn subscribe(&self, symbol: &str) -> Result<DepthUpdates, Status>;
}

impl DepthSource for Center {
    fn subscribe(&self, symbol: &str) -> Result<DepthUpdates, Status> {
        Ok(self.subscribe_depth(symbol)?.boxed())
    }
}

/// The cache centre of another process (7803): the same snapshots and differences, with the same sequences.
pub struct RemoteDepth(pub Peer);

impl DepthSource for RemoteDepth {
    fn subscribe(&self, symbol: &str) -> Result<DepthUpdates, Status> {
        let asked = DepthSubscribe { market: symbol.to_owned() };
        let channel = self.0.channel();
        let opened = async move {
            let mut client = CachePushClient::new(channel).max_decoding_message_size(SNAPSHOT_BYTES_MAX);
            let updates = client.depth(asked).await?.into_inner();
            Ok::<_, Status>(updates.map(|update| update.map(Frame::new)))
        };
        Ok(stream::once(opened).try_flatten().boxed())
    }
}

/// Follows the books that somebody has begun to listen to.
pub(super) fn start_feeds(app: &Arc<App>, started: Started) {
    for market in started.feeds {
        app.hub.spawn(feed(app.clone(), market));
    }
}

struct Feed {
    app: Arc<App>,
    market: MarketId,
    book: Book,
    best: Best,
    /// The sequence of the book as the partial streams told it last: fast, slow.
    told: [u64; 2],
    ticks: u64,
}

async fn feed(app: Arc<App>, market: MarketId) {
    let Some(listing) = app.hub.tables().catalog.listing(market).copied() else {
        tracing::error!(market = market.0, "a stream of a market that is not listed");
        return;
    };
    let mut ticks = tokio::time::interval(app.config.publish());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let book = Book::new(listing);
    let mut feed = Feed { app, market, book, best: Best::default(), told: [0; 2], ticks: 0 };
    while feed.app.hub.keep_feed(market) {
        match feed.app.books.subscribe(listing.symbol.as_str()) {
            Ok(updates) => {
                if feed.follow(updates, &mut ticks).await {
                    return;
                }
            }
            Err(status) => tracing::debug!(market = %listing.symbol, %status, "no book to follow yet"),
        }
        ticks.tick().await;
    }
}

impl Feed {
    /// Until the source breaks off (false), or nobody listens any more (true).
    async fn follow(&mut self, mut updates: DepthUpdates, ticks: &mut Interval) -> bool {
        loop {
            tokio::select! {
                update = updates.next() => {
                    let applied = match update {
                        Some(Ok(frame)) => self.apply(&frame.message),
                        Some(Err(status)) => {
                            tracing::warn!(market = self.book.symbol(), %status, "a book's source broke off");
                            return false;
                        }
                        None => return false,
                    };
                    if let Err(BadLevel(text)) = applied {
                        tracing::error!(market = self.book.symbol(), text, "a level that cannot be read");
                        return false;
                    }
                }
                _ = ticks.tick() => {
                    if !self.app.hub.keep_feed(self.market) {
                        return true;
                    }
                    self.tick();
                }
            }
        }
    }

    fn apply(&mut self, update: &DepthUpdate) -> Result<(), BadLevel> {
        match &update.kind {
            Some(Kind::Snapshot(snapshot)) => self.book.snapshot(snapshot)?,
            Some(Kind::Diff(diff)) => self.book.diff(diff)?,
            None => {}
        }
        let best = self.book.best();
        if best != self.best {
            self.best = best;
            self.app.hub.publish_present(Stream::BookTicker(self.market), || book_ticker(&self.book, &self.best));
            self.app.hub.publish(Stream::AllBookTickers, |_| book_ticker(&self.book, &self.best));
        }
        Ok(())
    }

    fn tick(&mut self) {
        self.ticks += 1;
        // Not before there is a book at all.
        if self.best == Best::default() {
            return;
        }
        let present = || book_ticker(&self.book, &self.best);
        self.app.hub.publish_to_fresh(Stream::BookTicker(self.market), present);
        self.tell(true);
        if self.ticks.is_multiple_of(SLOW_TICKS) {
            self.tell(false);
        }
    }

    fn tell(&mut self, fast: bool) {
        let app = self.app.clone();
        let speeds = || Speed::ALL.into_iter().filter(move |speed| speed.is_fast() == fast);
        let changes = self.book.take_changes(fast);
        if let Some(changes) = &changes {
            for speed in speeds() {
                let payload = |unit: TimeUnit| depth_update(self.book.symbol(), changes, unit.of((app.clock)()));
                app.hub.publish(Stream::Depth(self.market, speed), payload);
            }
        }
        let told = &mut self.told[usize::from(!fast)];
        let moved = std::mem::replace(told, self.book.seq()) != self.book.seq();
        for speed in speeds() {
            for levels in PARTIAL_LEVELS {
                let stream = Stream::Partial(self.market, levels, speed);
                match moved {
                    true => app.hub.publish_present(stream, || self.book.partial(levels)),
                    false => app.hub.publish_to_fresh(stream, || self.book.partial(levels)),
                }
            }
        }
    }
}

fn book_ticker(book: &Book, best: &Best) -> String {
    let mut object = Object::new();
    object.raw("u", book.seq()).text("s", book.symbol());
    object.text("b", &best.bid[0]).text("B", &best.bid[1]).text("a", &best.ask[0]).text("A", &best.ask[1]);
    object.finish()
}

fn depth_update(symbol: &str, changes: &Changes, event_at: u64) -> String {
    let mut object = Object::with_capacity(128 + changes.bids.len() + changes.asks.len());
    object.text("e", "depthUpdate").raw("E", event_at).text("s", symbol);
    object.raw("U", changes.first).raw("u", changes.last).raw("b", &changes.bids).raw("a", &changes.asks);
    object.finish()
}
