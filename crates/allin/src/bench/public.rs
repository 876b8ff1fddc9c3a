//! Owns the public side of the exchange for the benches: users with keys, spot API, streams and gateway, each on a free port,
//! over a shard.
//! Never bounds what a client may ask for: limits are no part of what is measured.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use allin_core::ids::{Timestamp, UserId};
use allin_edge::{GatewaySection, Resolver};
use allin_exchange::cachecenter::{self, CacheCenterSection};
use allin_exchange::clock;
use allin_exchange::service::{Running, bind};
use allin_landry::directory::{AccountFacts, ApiKey, Change, Directory, DirectoryError, Permissions, Verifier};
use allin_landry::spotapi::{self, Rules, SpotApiSection};
use allin_landry::spotws::{self, SpotWsSection};
use allin_runtime::cache::MemoryCache;
use allin_runtime::shard::Shard;
use allin_runtime::telemetry;
use allin_topology::Topology;
use allin_wire::exchange::v1::cache_query_server::CacheQuery;
use async_trait::async_trait;
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair};
use tokio::net::TcpListener;
use tokio::sync::broadcast;

use super::silent::Silent;

const SECRET: &[u8] = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
const SEED: [u8; 32] = [7; 32];
const SPOT_API: &str = "landry-spotapi-web";
/// Values of the in-process cache.
const CACHE_VALUES_MAX: usize = 1000;

/// The name of a user's key: as long as every key's.
pub fn key_name(kind: char, user: usize) -> String {
    format!("{kind}{user:0>63}")
}

/// User n has two keys (see [`key_name`]): `k` signs with HMAC-SHA256, `e` with Ed25519.
struct Keys(broadcast::Sender<Change>);

#[async_trait]
impl Directory for Keys {
    async fn key(&self, key: &str) -> Result<Option<Arc<ApiKey>>, DirectoryError> {
        let verifier = match key.as_bytes().first() {
            Some(b'k') => Verifier::HmacSha256(SECRET.into()),
            Some(b'e') => {
                let public = ed25519().public_key().as_ref().try_into();
                Verifier::Ed25519(public.map_err(|_| DirectoryError::Unavailable("a key of 32 bytes".into()))?)
            }
            _ => return Ok(None),
        };
        let Some(user) = key[1..].parse().ok().map(UserId) else { return Ok(None) };
        Ok(Some(Arc::new(ApiKey {
            key: key.into(),
            user,
            label: "bench".into(),
            verifier,
            permissions: Permissions { read: true, spot_trade: true, ..Permissions::default() },
            ip_ranges: vec![],
            created_at: Timestamp(0),
            expires_at: Timestamp(0),
        })))
    }

    async fn account(&self, user: UserId) -> Result<Option<Arc<AccountFacts>>, DirectoryError> {
        Ok(Some(Arc::new(AccountFacts {
            user,
            master: user,
            frozen: false,
            kyc_level: 0,
            withdrawals_held_until: Timestamp(0),
            demo: false,
        })))
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.0.subscribe()
    }
}

fn ed25519() -> &'static Ed25519KeyPair {
    static PAIR: OnceLock<Ed25519KeyPair> = OnceLock::new();
    PAIR.get_or_init(|| Ed25519KeyPair::from_seed_unchecked(&SEED).expect("any 32 bytes are a seed"))
}

/// What the keys `k…` sign with.
pub fn hmac_signer() -> &'static hmac::Key {
    static SIGNER: OnceLock<hmac::Key> = OnceLock::new();
    SIGNER.get_or_init(|| hmac::Key::new(hmac::HMAC_SHA256, SECRET))
}

/// A signature of the keys `e…`.
pub fn ed25519_sign(payload: &str) -> Vec<u8> {
    ed25519().sign(payload.as_bytes()).as_ref().to_vec()
}

/// Milliseconds since 1970.
pub fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

/// A service that serves, and where.
pub struct Served {
    pub running: Running,
    pub address: SocketAddr,
}

impl Served {
    async fn of(mut running: Running) -> Result<Served, String> {
        running.ready().await.map_err(|error| error.to_string())?;
        let address = *running.addresses().first().ok_or("a service without a port")?;
        Ok(Served { running, address })
    }

    pub async fn stop(self) -> Result<(), String> {
        self.running.stop().await.map_err(|error| error.to_string())
    }
}

async fn port() -> Result<TcpListener, String> {
    bind("bench", SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(|error| error.to_string())
}

/// Serves REST and WebSocket API; books are asked of `books`, or of nobody.
pub async fn spot_api(shard: &Shard, folder: &Path, books: Option<Arc<dyn CacheQuery>>) -> Result<Served, String> {
    // As in a node: what is counted is a part of the work.
    telemetry::metrics();
    let config = SpotApiSection {
        weight_1m_max: 0,
        raw_requests_5m_max: 0,
        orders_10s_max: 0,
        orders_1d_max: 0,
        ws_attempts_5m_max: 0,
        ..SpotApiSection::default()
    };
    let handles = spotapi::Handles {
        engine: shard.engine(),
        bus: shard.bus(),
        history: Arc::new(Silent),
        market_price: Arc::new(Silent),
        cache_center: books.unwrap_or_else(|| Arc::new(Silent)),
        cache: Arc::new(MemoryCache::new(CACHE_VALUES_MAX)),
        rules: Rules::new(&config),
        shares_limits: false,
        directory: Arc::new(Keys(broadcast::channel(16).0)),
        clock: clock::system(),
        store_url: format!("sqlite:{}", folder.join("spotapi.db").display()),
    };
    let service = spotapi::start(SPOT_API, config, handles, Some(port().await?)).map_err(|error| error.to_string())?;
    Served::of(service).await
}

/// Follows the books of a shard.
pub async fn books(shard: &Shard) -> Result<cachecenter::Service, String> {
    let handles = cachecenter::Handles {
        engine: shard.engine(),
        bus: shard.bus(),
        // Nothing was traded before a bench, so nobody is asked.
        prices: Arc::new(Silent),
        cache: Arc::new(MemoryCache::new(CACHE_VALUES_MAX)),
        clock: clock::system(),
        listeners: cachecenter::Listeners {
            queries: None,
            push: None,
            depth: None,
            deals: None,
            klines: None,
            tickers: None,
        },
    };
    let service = cachecenter::start("landry-ces-cachecenter", CacheCenterSection::default(), handles);
    let mut service = service.map_err(|error| error.to_string())?;
    service.running.ready().await.map_err(|error| error.to_string())?;
    Ok(service)
}

/// Serves the streams. Books are told of as often as it can be set, so that the speed is bound by the work alone.
pub async fn streams(shard: &Shard, books: &cachecenter::Service) -> Result<Served, String> {
    telemetry::metrics();
    let handles = spotws::Handles {
        engine: shard.engine(),
        bus: shard.bus(),
        books: books.center.clone(),
        cache_center: books.api.clone(),
        market_price: Arc::new(Silent),
        cache: Arc::new(MemoryCache::new(CACHE_VALUES_MAX)),
        clock: clock::system(),
    };
    // No ping within a run: all clients of a stream get the same bytes.
    let config = SpotWsSection {
        connections_5m_max: 0,
        publish_ms: 1,
        ping_ms: 1_800_000,
        pong_timeout_ms: 3_600_000,
        ..SpotWsSection::default()
    };
    let service = spotws::start("landry-spotws-web", config, handles, Some(port().await?));
    Served::of(service.map_err(|error| error.to_string())?).await
}

/// Where the gateway finds the spot API.
struct OneService(SocketAddr);

impl Resolver for OneService {
    fn resolve(&self, service: &str, _: u16) -> Option<SocketAddr> {
        (service == SPOT_API).then_some(self.0)
    }
}

/// The gateway with the topology's own routes, in front of a spot API; without TLS.
pub async fn gateway(spot_api: SocketAddr) -> Result<Served, String> {
    telemetry::metrics();
    let topology = Topology::embedded();
    let handles = allin_edge::Handles {
        routes: tokio::sync::watch::channel(allin_topology::render::apisix(topology)).1,
        domains: topology.settings.clone(),
        resolver: Arc::new(OneService(spot_api)),
        listeners: allin_edge::Listeners { public: port().await?, tls: None, internal: None, nlb: None },
        metrics: String::new,
    };
    let service = allin_edge::start("gateway", GatewaySection::default(), handles);
    Served::of(service.map_err(|error| error.to_string())?).await
}
