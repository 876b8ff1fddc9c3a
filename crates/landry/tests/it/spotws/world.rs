//! A running spotws with everything that it stands on, over a log that the test writes; and clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use allin_exchange::cachecenter::{self, CacheCenterSection, Listeners};
use allin_exchange::clock::Clock;
use allin_exchange::guard::Guarded;
use allin_exchange::marketprice::{self, MarketPriceSection};
use allin_exchange::remote::{Peer, RemoteCache, RemoteCacheQuery};
use allin_exchange::service::{Running, bind};
use allin_landry::spotws::{Handles, RemoteDepth, SpotWsSection, start};
use allin_runtime::auth::InternalToken;
use allin_runtime::cache::{Cache, MemoryCache};
use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::log::{Log, LogBus};

pub const NAME: &str = "landry-spotws-web";
pub const SOON: Duration = Duration::from_secs(30);

pub struct World {
    pub log: Arc<Log>,
    pub cache: Arc<MemoryCache>,
    pub center: cachecenter::Service,
    pub prices: marketprice::Service,
    pub address: SocketAddr,
    running: Running,
    _data: tempfile::TempDir,
}

/// Ten milliseconds for what takes a second; no limit of connections.
pub fn quick() -> SpotWsSection {
    SpotWsSection { publish_ms: 1, connections_5m_max: 0, ..SpotWsSection::default() }
}

impl World {
    pub async fn new(log: Arc<Log>) -> World {
        World::with(log, quick()).await
    }

    pub async fn with(log: Arc<Log>, config: SpotWsSection) -> World {
        World::build(log, config, false).await
    }

    /// With the cache centre behind its ports, as if it were another process.
    pub async fn apart(log: Arc<Log>) -> World {
        World::build(log, quick(), true).await
    }

    async fn build(log: Arc<Log>, config: SpotWsSection, apart: bool) -> World {
        let data = tempfile::tempdir().expect("a directory");
        let now = log.clone();
        let clock: Clock = Arc::new(move || now.now());
        let bus = Arc::new(LogBus(log.clone()));
        let cache = Arc::new(MemoryCache::new(1000));
        // As the spot API does: what is not there now is no key.
        for mark in ["begun", "done"] {
            let key = format!("spot:listenkeys:{mark}");
            cache.set(&key, "marked".into(), Duration::from_secs(86_400)).await.expect("set");
        }
        let token = InternalToken::open(data.path()).expect("a token");
        let port = async || match apart {
            false => None,
            true => {
                let listener = bind("test", ([127, 0, 0, 1], 0).into()).await.expect("a port");
                Some(Guarded { listener, verifier: token.verifier("test") })
            }
        };
        let (queries, push) = (port().await, port().await);
        let listeners = Listeners { queries, push, depth: None, deals: None, klines: None, tickers: None };
        let handles = marketprice::Handles {
            engine: log.clone(),
            bus: bus.clone(),
            store_url: format!("sqlite:{}", data.path().join("prices.db").display()),
            clock: clock.clone(),
            listener: None,
        };
        let mut prices =
            marketprice::start("landry-ces-marketprice", MarketPriceSection::default(), handles).expect("starts");
        prices.running.ready().await.expect("ready");
        let handles = cachecenter::Handles {
            engine: log.clone(),
            bus: bus.clone(),
            prices: prices.api.clone(),
            cache: cache.clone(),
            clock: clock.clone(),
            listeners,
        };
        let many = CacheCenterSection { subscriber_queue_max: 1 << 16, ..CacheCenterSection::default() };
        let mut center = cachecenter::start("landry-ces-cachecenter", many, handles).expect("starts");
        center.running.ready().await.expect("ready");
        let mut handles = Handles {
            engine: log.clone(),
            bus,
            books: center.center.clone(),
            cache_center: center.api.clone(),
            market_price: prices.api.clone(),
            cache: cache.clone(),
            clock,
        };
        if let [queries, push] = center.running.addresses()[..] {
            let peer = |address: SocketAddr| Peer::new("test", &address.to_string(), &token).expect("an address");
            handles.books = Arc::new(RemoteDepth(peer(push)));
            handles.cache_center = Arc::new(RemoteCacheQuery(peer(queries)));
            handles.cache = Arc::new(RemoteCache(peer(queries)));
        }
        let listener = bind(NAME, ([127, 0, 0, 1], 0).into()).await.expect("a port");
        let mut running = start(NAME, config, handles, Some(listener)).expect("starts");
        running.ready().await.expect("ready");
        World { log, cache, center, prices, address: running.addresses()[0], running, _data: data }
    }

    pub async fn client(&self, target: &str) -> Client {
        let (socket, _) = connect_async(format!("ws://{}{target}", self.address)).await.expect("connects");
        Client { socket }
    }

    /// Sends bytes on a connection of their own; everything that comes back until it is closed or silent.
    pub async fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.write_all(bytes).await.expect("sent");
        let mut got = Vec::new();
        tokio::time::timeout(SOON, stream.read_to_end(&mut got)).await.expect("in time").expect("read");
        got
    }

    /// Until books and prices have everything.
    pub async fn caught_up(&self) {
        let all = async {
            let seq = self.log.seq();
            while self.center.progress.folded() < seq || self.prices.progress.folded() < seq {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(SOON, all).await.expect("catches up");
    }

    pub async fn stop(self) {
        self.running.stop().await.expect("stops");
    }
}

pub struct Client {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub async fn send(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.expect("sent");
    }

    /// The next text; pings are answered by the socket.
    pub async fn text(&mut self) -> String {
        loop {
            match self.next().await {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub async fn json(&mut self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Passes over what comes before an answer to a request.
    pub async fn answer(&mut self, request: &str) -> String {
        self.send(request).await;
        loop {
            let text = self.text().await;
            if text.starts_with("{\"result\":") || text.starts_with("{\"code\":") {
                return text;
            }
        }
    }

    /// The next message for which the test holds.
    pub async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.json().await;
            if wanted(&message) {
                return message;
            }
        }
    }

    pub async fn next(&mut self) -> Message {
        let next = tokio::time::timeout(SOON, self.socket.next()).await.expect("in time");
        next.expect("goes on").expect("a message")
    }

    /// The code that the server closes with, whatever comes before.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.next().await {
                return frame.map_or(1005, |frame| frame.code.into());
            }
        }
    }
}
