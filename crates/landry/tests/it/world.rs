//! A running spot API with everything that it stands on: a shard on simulated storage, history, market prices, cache
//! centre, a directory of test keys; and a client that sends exactly the bytes it is given. The clock stands until it is
//! moved.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use allin_core::ids::{Seq, Timestamp, UserId};
use allin_core::num::decimal;
use allin_core::spot::Spot;
use allin_core::spot::command::{Account, Command, Counter, Funding};
use allin_core::spot::event::Event;
use allin_core::text::Label;
use allin_exchange::cachecenter::{self, CacheCenterSection};
use allin_exchange::clock::Clock;
use allin_exchange::historyreader::{self, HistoryReaderSection};
use allin_exchange::historywriter::{self, HistoryWriterSection};
use allin_exchange::listing::{self, GenesisSection};
use allin_exchange::marketprice::{self, MarketPriceSection};
use allin_exchange::service::{Running, bind};
use allin_landry::directory::{
    AccountFacts, ApiKey, Change, Directory, DirectoryError, IpRange, Permissions, Verifier,
};
use allin_landry::spotapi::{Handles, Rules, SpotApiSection, start};
use allin_runtime::bus::LocalBus;
use allin_runtime::cache::{Cache, MemoryCache};
use allin_runtime::engine::{Answer, AnswerBody, Engine, Query, Reply, SubmitError};
use allin_runtime::oplog::Options;
use allin_runtime::shard::{Clock as _, LocalEngine, ManualClock, Setup, Shard};
use allin_runtime::storage::SimStorage;
use allin_wire::exchange::v1::market_price_server::MarketPrice;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use ring::{hmac, rand};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{broadcast, watch};

pub const NAME: &str = "landry-spotapi-web";
/// When a world begins: 2026-01-02 03:04:05 UTC.
pub const T0: u64 = 1_767_323_045_000_000;
/// The users whose keys the directory knows. Nobody else has a key.
pub const ALICE: UserId = UserId(1);
pub const BOB: UserId = UserId(2);

const SOON: Duration = Duration::from_secs(20);

/// Signs as the holder of a key does.
pub enum Signer {
    Hmac(&'static str),
    Ed25519(Box<Ed25519KeyPair>),
    Rsa(Box<RsaKeyPair>),
}

/// A key with the half that its holder has.
pub struct TestKey {
    pub name: &'static str,
    pub user: UserId,
    pub permissions: Permissions,
    pub signer: Signer,
}

impl TestKey {
    /// Not URL-encoded.
    pub fn sign(&self, payload: &[u8]) -> String {
        match &self.signer {
            Signer::Hmac(secret) => {
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), payload);
                tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
            }
            Signer::Ed25519(pair) => STANDARD.encode(pair.sign(payload)),
            Signer::Rsa(pair) => {
                let mut tag = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &rand::SystemRandom::new(), payload, &mut tag).expect("signs");
                STANDARD.encode(tag)
            }
        }
    }

    pub fn verifier(&self) -> Verifier {
        match &self.signer {
            Signer::Hmac(secret) => Verifier::HmacSha256(secret.as_bytes().into()),
            Signer::Ed25519(pair) => Verifier::Ed25519(pair.public_key().as_ref().try_into().expect("32 bytes")),
            Signer::Rsa(pair) => Verifier::Rsa(pair.public().as_ref().into()),
        }
    }
}

/// Keys of Alice (trade: `alice`, read only: `aliceread`, Ed25519: `aliceed`, RSA: `alicersa`, from 10.0.0.0/8 only and with
/// withdrawals: `alicefar`) and of Bob (`bob`).
pub fn keys() -> Vec<TestKey> {
    let read = Permissions { read: true, ..Permissions::default() };
    let trade = Permissions { spot_trade: true, ..read };
    let all = Permissions { withdraw: true, ..trade };
    let ed = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed");
    let rsa = RsaKeyPair::from_pkcs8(include_bytes!("test-rsa.pk8")).expect("a key");
    let key = |name, user, permissions, signer| TestKey { name, user, permissions, signer };
    vec![
        key("alice", ALICE, trade, Signer::Hmac("alice's secret")),
        key("aliceread", ALICE, read, Signer::Hmac("alice's second secret")),
        key("aliceed", ALICE, trade, Signer::Ed25519(Box::new(ed))),
        key("alicersa", ALICE, trade, Signer::Rsa(Box::new(rsa))),
        key("alicefar", ALICE, all, Signer::Hmac("alice's third secret")),
        key("bob", BOB, trade, Signer::Hmac("bob's secret")),
    ]
}

/// What goes over the wire for a key's name: 64 letters and digits, as all keys have.
pub fn wire_key(name: &str) -> String {
    format!("{name:X<64}")
}

/// Lets new orders wait while it is closed; everything else goes through.
pub struct Gate {
    engine: Arc<dyn Engine>,
    open: watch::Sender<bool>,
    /// Orders that wait or waited.
    pub arrived: watch::Sender<usize>,
}

impl Gate {
    pub fn set_open(&self, open: bool) {
        self.open.send_replace(open);
    }
}

#[async_trait]
impl Engine for Gate {
    async fn submit(&self, command: Command) -> Result<Reply, SubmitError> {
        if matches!(command, Command::Place(_)) {
            self.arrived.send_modify(|arrived| *arrived += 1);
            self.open.subscribe().wait_for(|open| *open).await.expect("the gate is there");
        }
        self.engine.submit(command).await
    }

    async fn query(&self, query: Query) -> Result<Answer, SubmitError> {
        self.engine.query(query).await
    }
}

/// A directory that knows what it is told.
pub struct TestDirectory {
    keys: Mutex<HashMap<Box<str>, Arc<ApiKey>>>,
    frozen: Mutex<Vec<UserId>>,
    /// Of sub-accounts.
    masters: Mutex<HashMap<UserId, UserId>>,
    changes: broadcast::Sender<Change>,
}

impl TestDirectory {
    fn new(keys: &[TestKey]) -> TestDirectory {
        let entry = |key: &TestKey| {
            let far = IpRange { network: [10, 0, 0, 0].into(), bits: 8 };
            let known = ApiKey {
                key: wire_key(key.name).into(),
                user: key.user,
                label: "test".into(),
                verifier: key.verifier(),
                permissions: key.permissions,
                ip_ranges: if key.name == "alicefar" { vec![far] } else { Vec::new() },
                created_at: Timestamp(T0),
                expires_at: Timestamp(0),
            };
            (wire_key(key.name).into(), Arc::new(known))
        };
        TestDirectory {
            keys: Mutex::new(keys.iter().map(entry).collect()),
            frozen: Mutex::default(),
            masters: Mutex::default(),
            changes: broadcast::channel(16).0,
        }
    }

    /// The key is gone, and everybody is told.
    pub fn revoke(&self, key: &str) {
        let key = wire_key(key);
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&*key);
        let _ = self.changes.send(Change::Key(key.as_str().into()));
    }

    /// Makes one the sub-account of another.
    pub fn adopt(&self, user: UserId, master: UserId) {
        self.masters.lock().unwrap_or_else(PoisonError::into_inner).insert(user, master);
        let _ = self.changes.send(Change::User(user));
    }

    pub fn freeze(&self, user: UserId) {
        self.frozen.lock().unwrap_or_else(PoisonError::into_inner).push(user);
        let _ = self.changes.send(Change::User(user));
    }
}

#[async_trait]
impl Directory for TestDirectory {
    async fn key(&self, key: &str) -> Result<Option<Arc<ApiKey>>, DirectoryError> {
        Ok(self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    async fn account(&self, user: UserId) -> Result<Option<Arc<AccountFacts>>, DirectoryError> {
        let frozen = self.frozen.lock().unwrap_or_else(PoisonError::into_inner).contains(&user);
        Ok(Some(Arc::new(AccountFacts {
            user,
            master: self.masters.lock().unwrap_or_else(PoisonError::into_inner).get(&user).copied().unwrap_or(user),
            frozen,
            kyc_level: 1,
            withdrawals_held_until: Timestamp(0),
            demo: true,
        })))
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }
}

pub struct World {
    pub address: SocketAddr,
    pub engine: Arc<dyn Engine>,
    /// Between the API and the engine.
    pub gate: Arc<Gate>,
    pub directory: Arc<TestDirectory>,
    pub clock: Arc<ManualClock>,
    keys: Vec<TestKey>,
    history: historywriter::Service,
    prices: marketprice::Service,
    center: cachecenter::Service,
    /// The limits of each node, which may be changed.
    pub rules: Vec<Rules>,
    /// What a further node of the service is made of, but for its limits.
    handles: Box<dyn Fn() -> Handles + Send + Sync>,
    /// Stopped, in this order, when the world ends.
    services: Vec<Running>,
    shard: Option<Shard>,
    _data: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.shard.take());
    }
}

/// One answer. The head is in small letters.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answered {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// `status body`
    pub fn text(&self) -> String {
        format!("{} {}", self.status, self.body)
    }
}

impl World {
    /// The markets of the default listing, all trading; Alice and Bob have 10 BTC, 100 ETH and 1,000,000 USDT each.
    pub async fn new() -> World {
        World::with(SpotApiSection { orders_10s_max: 0, weight_1m_max: 0, ..SpotApiSection::default() }).await
    }

    pub async fn with(config: SpotApiSection) -> World {
        let world = World::empty(config).await;
        for user in [ALICE, BOB] {
            for (asset, amount) in [("BTC", "10"), ("ETH", "100"), ("USDT", "1000000")] {
                world.fund(user, asset, amount).await;
            }
        }
        world
    }

    /// Without funds.
    pub async fn empty(config: SpotApiSection) -> World {
        World::build(config, Arc::new(MemoryCache::new(10_000)), false).await
    }

    /// With a cache that further nodes of the service hear too ([`World::another`]).
    pub async fn shared(config: SpotApiSection, cache: Arc<dyn Cache>) -> World {
        let world = World::build(config, cache, true).await;
        for (asset, amount) in [("BTC", "10"), ("USDT", "1000000")] {
            world.fund(ALICE, asset, amount).await;
            world.fund(BOB, asset, amount).await;
        }
        world
    }

    /// Starts a further node of the service, and tells where it is.
    pub async fn another(&mut self, config: SpotApiSection) -> SocketAddr {
        let listener = bind(NAME, ([127, 0, 0, 1], 0).into()).await.expect("a port");
        let rules = Rules::new(&config);
        let handles = Handles { rules: rules.clone(), ..(self.handles)() };
        self.rules.push(rules);
        let mut running = start(NAME, config, handles, Some(listener)).expect("starts");
        running.ready().await.expect("ready");
        let address = running.addresses()[0];
        self.services.insert(0, running);
        address
    }

    async fn build(config: SpotApiSection, cache: Arc<dyn Cache>, shares_limits: bool) -> World {
        let data = tempfile::tempdir().expect("a directory");
        let url = |name: &str| format!("sqlite:{}", data.path().join(name).display());
        let time = Arc::new(ManualClock::new(Timestamp(T0)));
        let setup = Setup::new(Arc::new(SimStorage::new()), Options::new("test"), || Spot::new(Default::default()));
        let setup = Setup { clock: time.clone(), on_fatal: Arc::new(|reason| panic!("{reason}")), ..setup };
        let shard = tokio::task::spawn_blocking(move || Shard::start(setup)).await.expect("a thread").expect("a shard");
        let (engine, bus) = (shard.engine(), shard.bus());
        list(&*engine).await;
        let now = time.clone();
        let clock: Clock = Arc::new(move || now.now());

        let history = history(&engine, &bus, url("history.db"));
        let handles = historyreader::Handles { store_url: url("history.db"), listener: None };
        let mut reader =
            historyreader::start("landry-ces-historyreader", HistoryReaderSection::default(), handles).expect("starts");
        reader.running.ready().await.expect("ready");
        let handles = marketprice::Handles {
            engine: engine.clone(),
            bus: bus.clone(),
            store_url: url("prices.db"),
            clock: clock.clone(),
            listener: None,
        };
        let mut prices =
            marketprice::start("landry-ces-marketprice", MarketPriceSection::default(), handles).expect("starts");
        prices.running.ready().await.expect("ready");
        let center = center(&engine, &bus, &prices.api, &cache, &clock).await;

        let keys = keys();
        let directory = Arc::new(TestDirectory::new(&keys));
        let (open, arrived) = (watch::Sender::new(true), watch::Sender::new(0));
        let gate = Arc::new(Gate { engine: engine.clone(), open, arrived });
        let (through, known, store_url) = (gate.clone(), directory.clone(), url("spotapi.db"));
        let (from_history, from_prices, books) = (reader.api.clone(), prices.api.clone(), center.api.clone());
        let handles = move || Handles {
            engine: through.clone(),
            bus: bus.clone(),
            history: from_history.clone(),
            market_price: from_prices.clone(),
            cache_center: books.clone(),
            cache: cache.clone(),
            rules: Rules::new(&SpotApiSection::default()),
            shares_limits,
            store_url: store_url.clone(),
            directory: known.clone(),
            clock: clock.clone(),
        };
        let mut world = World {
            address: ([127, 0, 0, 1], 0).into(),
            engine,
            gate,
            directory,
            clock: time,
            keys,
            history,
            prices,
            center,
            rules: Vec::new(),
            handles: Box::new(handles),
            services: vec![reader.running],
            shard: Some(shard),
            _data: data,
        };
        world.address = world.another(config).await;
        world
    }

    /// Moves the clock.
    pub fn pass(&self, micros: u64) {
        self.clock.set(self.now().plus(micros));
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn key(&self, name: &str) -> &TestKey {
        self.keys.iter().find(|key| key.name == name).unwrap_or_else(|| panic!("no key {name}"))
    }

    pub async fn submit(&self, command: Command) -> Reply {
        self.engine.submit(command).await.expect("taken")
    }

    /// Money from outside.
    pub async fn fund(&self, user: UserId, asset: &str, amount: &str) {
        let funding = self.funding(user, asset, amount, "deposit").await;
        let reply = self.submit(Command::Credit(funding)).await;
        assert!(matches!(reply.events[0], Event::Posting(_)), "{reply:?}");
    }

    /// Money to outside.
    pub async fn take(&self, user: UserId, asset: &str, amount: &str) {
        let funding = self.funding(user, asset, amount, "withdraw").await;
        let reply = self.submit(Command::Debit(funding)).await;
        assert!(matches!(reply.events[0], Event::Posting(_)), "{reply:?}");
    }

    async fn funding(&self, user: UserId, asset: &str, amount: &str, business: &str) -> Funding {
        let AnswerBody::Assets(assets) = self.engine.query(Query::Assets).await.expect("answers").body else {
            panic!("asked for assets")
        };
        let spec = assets.iter().find(|spec| spec.symbol.as_str() == asset).expect("listed");
        Funding {
            user,
            asset: spec.id,
            amount: decimal::parse_signed(amount, spec.scale).expect("an amount"),
            business: Label::new(business).expect("short"),
            business_id: 1,
            counter: Counter::External,
            detail: "".into(),
        }
    }

    /// Everything of the users that a request could have changed.
    pub async fn fingerprint(&self) -> String {
        let mut text = String::new();
        for user in [ALICE, BOB] {
            for query in [
                Query::Balances { account: Account::User(user) },
                Query::OpenOrders { user, market: None, side: None, offset: 0, limit: 1000 },
            ] {
                text += &format!("{:?}\n", self.engine.query(query).await.expect("answers").body);
            }
        }
        text
    }

    /// Until history, prices and books have everything that is durable now.
    pub async fn caught_up(&self) {
        let AnswerBody::Status { durable, .. } = self.engine.query(Query::Status).await.expect("answers").body else {
            panic!("asked for the status")
        };
        let done = |seq: Seq| {
            *self.history.written.borrow() >= seq
                && self.prices.progress.folded() >= seq
                && self.center.progress.folded() >= seq
        };
        for _ in 0..2000 {
            if done(durable) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("something does not catch up");
    }

    /// Sends bytes on a connection of their own; one answer.
    pub async fn raw(&self, bytes: &[u8]) -> Answered {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.write_all(bytes).await.expect("sent");
        tokio::time::timeout(SOON, read(&mut stream)).await.expect("an answer in time")
    }

    /// `head` are whole lines, each ending in `\r\n`. A key is sent as what its name stands for ([`wire_key`]).
    pub async fn send(&self, method: &str, target: &str, head: &str, body: &str) -> Answered {
        let head: String = head.split_inclusive("\r\n").map(with_wire_key).collect();
        let length = match body.is_empty() {
            true => String::new(),
            false => format!("content-length: {}\r\n", body.len()),
        };
        let text = format!("{method} {target} HTTP/1.1\r\nhost: api\r\nconnection: close\r\n{head}{length}\r\n{body}");
        self.raw(text.as_bytes()).await
    }

    /// A public request; `target` is path and query.
    pub async fn get(&self, target: &str) -> Answered {
        self.send("GET", target, "", "").await
    }

    /// The query with `timestamp` and `signature` behind it.
    pub fn sign(&self, key: &str, query: &str) -> String {
        let and = if query.is_empty() { "" } else { "&" };
        let query = format!("{query}{and}timestamp={}", self.now().millis());
        let signature = self.key(key).sign(query.as_bytes());
        let signature = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        format!("{query}&signature={signature}")
    }

    /// A signed request, everything in the query.
    pub async fn call(&self, key: &str, method: &str, path: &str, query: &str) -> Answered {
        let query = self.sign(key, query);
        self.send(method, &format!("{path}?{query}"), &format!("x-mbx-apikey: {}\r\n", wire_key(key)), "").await
    }

    /// The same, and the answer is a success.
    pub async fn ok(&self, key: &str, method: &str, path: &str, query: &str) -> serde_json::Value {
        let answered = self.call(key, method, path, query).await;
        assert_eq!(answered.status, 200, "{method} {path} {query}: {answered:?}");
        answered.json()
    }
}

/// A line that names a key, with what goes over the wire; other lines as they are.
fn with_wire_key(line: &str) -> String {
    let name = line.strip_prefix("x-mbx-apikey: ").map(str::trim_end);
    match name.filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        Some(name) => format!("x-mbx-apikey: {}\r\n", wire_key(name)),
        None => line.to_owned(),
    }
}

/// Lists what a fresh exchange has.
async fn list(engine: &dyn Engine) {
    let commands = listing::commands(&GenesisSection::default()).expect("a listing");
    for command in commands {
        let reply = engine.submit(command).await.expect("taken");
        assert!(!reply.events.iter().any(|event| matches!(event, Event::Refused(_))), "{reply:?}");
    }
}

/// Reads one answer, with a length or up to the end.
async fn read(stream: &mut TcpStream) -> Answered {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return Answered { status: 0, head: String::new(), body: String::new() };
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).expect("a head in ASCII").to_ascii_lowercase();
    let status = head[9..12].parse().expect("a status");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |text| text.parse().expect("a length"));
    while bytes.len() < end + length {
        assert_ne!(stream.read_buf(&mut bytes).await.expect("the rest"), 0, "cut off");
    }
    Answered { status, head, body: String::from_utf8(bytes[end..end + length].to_vec()).expect("UTF-8") }
}

/// Books without ports of their own.
fn history(engine: &Arc<LocalEngine>, bus: &Arc<LocalBus>, store_url: String) -> historywriter::Service {
    let handles = historywriter::Handles { engine: engine.clone(), bus: bus.clone(), store_url, keep_months: 0 };
    let quick = HistoryWriterSection { batch_wait_ms: 1, ..HistoryWriterSection::default() };
    historywriter::start("landry-ces-historywriter", quick, handles)
}

async fn center(
    engine: &Arc<LocalEngine>,
    bus: &Arc<LocalBus>,
    prices: &Arc<dyn MarketPrice>,
    cache: &Arc<dyn Cache>,
    clock: &Clock,
) -> cachecenter::Service {
    let listeners =
        cachecenter::Listeners { queries: None, push: None, depth: None, deals: None, klines: None, tickers: None };
    let handles = cachecenter::Handles {
        engine: engine.clone(),
        bus: bus.clone(),
        prices: prices.clone(),
        cache: cache.clone(),
        clock: clock.clone(),
        listeners,
    };
    let mut center =
        cachecenter::start("landry-ces-cachecenter", CacheCenterSection::default(), handles).expect("starts");
    center.running.ready().await.expect("ready");
    center
}
