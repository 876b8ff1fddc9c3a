//! The spot domain (CES): the shard, and the services around it.

use std::sync::Arc;
use std::time::Duration;

use allin_cluster::kafka::{KafkaSection, KafkaTopics};
use allin_cluster::redis::{CacheSection, RedisCache};
use allin_core::spot::{Limits, Spot};
use allin_exchange::follow::Pace;
use allin_exchange::listing::GenesisSection;
use allin_exchange::monitorcenter::{Agent, Sink, Watched};
use allin_exchange::remote::{RemoteCache, RemoteCacheQuery, RemoteHistory, RemoteMarketPrice};
use allin_exchange::service::Starting;
use allin_exchange::{
    accesshttp, cachecenter, clock, historyreader, historywriter, marketprice, matchengine, monitorcenter, topics,
    tradesummary,
};
use allin_landry::spotws::{DepthSource, RemoteDepth};
use allin_runtime::cache::{Cache, MemoryCache};
use allin_runtime::config::{EngineSection, LogKind, LogSection, Settings, SnapshotSection};
use allin_runtime::engine::{Engine, EventBus};
use allin_runtime::oplog::Options;
use allin_runtime::shard::{Setup, ShardConfig};
use allin_runtime::storage::DiskStorage;
use allin_runtime::telemetry;
use allin_wire::exchange::v1::cache_query_server::CacheQuery;
use allin_wire::exchange::v1::history_reader_server::HistoryReader;
use allin_wire::exchange::v1::market_price_server::MarketPrice;

use crate::demo::{self, DemoClock, DemoSection};

use super::remote::{needed, peer};
use super::web::{SPOTAPI, SPOTWS, USERSERVER};
use super::{Failure, Listeners, Node, Plan, genesis, lead};

const MATCHENGINE: &str = "landry-ces-matchengine";
const ACCESSHTTP: &str = "landry-ces-accesshttp";
const MARKETPRICE: &str = "landry-ces-marketprice";
const HISTORYWRITER: &str = "landry-ces-historywriter";
const HISTORYREADER: &str = "landry-ces-historyreader";
const CACHECENTER: &str = "landry-ces-cachecenter";
const TRADESUMMARY: &str = "landry-ces-tradesummary";
const MONITORCENTER: &str = "landry-ces-monitorcenter";

/// Who asks or follows the engine.
const OF_ENGINE: [&str; 9] = [
    ACCESSHTTP,
    MARKETPRICE,
    HISTORYWRITER,
    CACHECENTER,
    TRADESUMMARY,
    SPOTAPI,
    SPOTWS,
    USERSERVER,
    allin_topology::DEMO,
];
/// Who asks the others.
const OF_HISTORY: [&str; 2] = [ACCESSHTTP, SPOTAPI];
const OF_PRICES: [&str; 4] = [ACCESSHTTP, CACHECENTER, SPOTAPI, SPOTWS];
const OF_CACHE: [&str; 2] = [SPOTAPI, SPOTWS];

/// Event topics: a confirmation of the brokers each.
const TOPICS_PACE: Pace = Pace { interval: Duration::from_millis(20), events_max: 20_000 };

/// Name of the spot shard in its log.
pub const SHARD: &str = "spot";
/// Under these the process reports of itself.
const PROCESS: &str = "allin";
const AGENT: &str = "monitoring agent";
/// Values of the in-process cache.
const CACHE_VALUES_MAX: usize = 100_000;

/// What every follower of the log stands on.
#[derive(Clone)]
pub struct Core {
    pub engine: Arc<dyn Engine>,
    pub bus: Arc<dyn EventBus>,
}

/// What the services at the edge read besides.
#[derive(Clone)]
pub struct Readers {
    pub history: Arc<dyn HistoryReader>,
    pub market_price: Arc<dyn MarketPrice>,
    pub cache_center: Arc<dyn CacheQuery>,
    /// Its streams of books.
    pub books: Arc<dyn DepthSource>,
    pub cache: Arc<dyn Cache>,
    /// Whether other processes hear the same cache.
    pub shares_cache: bool,
}

/// The spot domain, for the services around it.
#[derive(Clone)]
pub struct Domain {
    pub core: Core,
    pub readers: Readers,
}

/// Starts what the plan asks for, each service after those it needs.
pub async fn start(plan: &Plan, node: &mut Node, listeners: &mut Listeners) -> Result<Domain, Failure> {
    let core = start_core(plan, node, listeners).await?;
    let readers = start_followers(plan, node, listeners, &core).await?;
    start_access(plan, node, listeners, core.clone(), readers.clone()).await?;
    Ok(Domain { core, readers })
}

/// The shard of this process, or the way to that of another.
async fn start_core(plan: &Plan, node: &mut Node, listeners: &mut Listeners) -> Result<Core, Failure> {
    if !plan.runs(MATCHENGINE) {
        let peer = needed(plan, node, MATCHENGINE, 7316, &OF_ENGINE)?;
        let remote = Arc::new(matchengine::RemoteEngine::of(peer));
        return Ok(Core { engine: remote.clone(), bus: remote });
    }
    let demo: Option<DemoSection> = if plan.demo { Some(plan.settings.section()?) } else { None };
    let log: LogSection = plan.settings.section()?;
    // Only a log that nobody has written to yet can begin in the past.
    let fresh = log.kind == LogKind::Files && !plan.data.join("oplog").exists();
    let demo = demo.filter(|demo| demo.enabled && demo.history_hours > 0 && fresh);
    let clock = demo.as_ref().map(|demo| DemoClock::fresh(demo.history_hours));
    let mut setup = shard_setup(&plan.settings, &plan.data)?;
    if let Some(clock) = &clock {
        setup.clock = clock.clone();
    }
    let lead::Leading { shard, lease } = lead::start(plan, &mut node.needs, setup).await?;
    let (engine, bus) = (shard.engine(), shard.bus());
    (node.shard, node.lease) = (Some(shard), lease);
    genesis::ensure(&*engine, &plan.settings.section::<GenesisSection>()?).await?;
    if let (Some(clock), Some(demo)) = (clock, demo) {
        demo::fill_history(&*engine, &clock, &demo).await?;
    }
    let kafka: KafkaSection = plan.settings.section()?;
    if !kafka.event_topics.is_empty() {
        let topics = Box::new(KafkaTopics::new(SHARD, &kafka));
        let standing_page = plan.settings.section::<cachecenter::CacheCenterSection>()?.standing_page;
        let handles =
            topics::Handles { engine: engine.clone(), bus: bus.clone(), topics, pace: TOPICS_PACE, standing_page };
        node.needs.spawn(topics::run(handles, node.needs.stopping()));
    }
    if let Some(listener) = listeners.take(MATCHENGINE, 7316)? {
        let (engine, bus, token) = (engine.clone(), bus.clone(), plan.token.clone());
        let handles = matchengine::Handles { engine, bus, token, listener };
        node.add(matchengine::start(MATCHENGINE, handles, plan.settings.section()?)?).await?;
    }
    Ok(Core { engine, bus })
}

/// The shard as the settings want it.
fn shard_setup(settings: &Settings, data: &std::path::Path) -> Result<Setup<Spot>, Failure> {
    let (log, engine): (LogSection, EngineSection) = (settings.section()?, settings.section()?);
    let snapshot: SnapshotSection = settings.section()?;
    let options =
        Options { segment_bytes: log.segment_bytes, snapshots_keep: snapshot.keep as usize, ..Options::new(SHARD) };
    let mut setup = Setup::new(Arc::new(DiskStorage::new(data)), options, || Spot::new(Limits::default()));
    setup.config = ShardConfig::of(&log, &snapshot, &engine);
    Ok(setup)
}

/// The services that fold the log into something of their own.
async fn start_followers(
    plan: &Plan,
    node: &mut Node,
    listeners: &mut Listeners,
    core: &Core,
) -> Result<Readers, Failure> {
    let settings = &plan.settings;
    if plan.runs(HISTORYWRITER) {
        let handles = historywriter::Handles {
            engine: core.engine.clone(),
            bus: core.bus.clone(),
            store_url: plan.store_url(HISTORYWRITER),
            keep_months: settings.section::<historywriter::HistorySection>()?.keep_months,
        };
        node.add(historywriter::start(HISTORYWRITER, settings.section()?, handles).running).await?;
    }
    let history: Arc<dyn HistoryReader> = if plan.runs(HISTORYREADER) {
        let handles = historyreader::Handles {
            store_url: plan.store_url(HISTORYWRITER),
            listener: listeners.take_grpc(plan, HISTORYREADER, 7516)?,
        };
        let service = historyreader::start(HISTORYREADER, settings.section()?, handles)?;
        node.add(service.running).await?;
        service.api
    } else {
        Arc::new(RemoteHistory(needed(plan, node, HISTORYREADER, 7516, &OF_HISTORY)?))
    };
    let market_price: Arc<dyn MarketPrice> = if plan.runs(MARKETPRICE) {
        let handles = marketprice::Handles {
            engine: core.engine.clone(),
            bus: core.bus.clone(),
            store_url: plan.store_url(MARKETPRICE),
            clock: clock::system(),
            listener: listeners.take_grpc(plan, MARKETPRICE, 7416)?,
        };
        let service = marketprice::start(MARKETPRICE, settings.section()?, handles)?;
        node.add(service.running).await?;
        service.api
    } else {
        Arc::new(RemoteMarketPrice(needed(plan, node, MARKETPRICE, 7416, &OF_PRICES)?))
    };
    let cache = start_cachecenter(plan, node, listeners, core, market_price.clone()).await?;
    start_tradesummary(plan, node, listeners, core).await?;
    let Caches { cache_center, books, cache, shares_cache } = cache;
    Ok(Readers { history, market_price, cache_center, books, cache, shares_cache })
}

/// What the cache centre gives, and the shared cache.
struct Caches {
    cache_center: Arc<dyn CacheQuery>,
    books: Arc<dyn DepthSource>,
    cache: Arc<dyn Cache>,
    shares_cache: bool,
}

/// The shared cache in Redis, where the settings name one.
fn redis(plan: &Plan) -> Result<Option<Arc<dyn Cache>>, Failure> {
    let section: CacheSection = plan.settings.section()?;
    let Some(url) = section.spot() else { return Ok(None) };
    Ok(Some(Arc::new(RedisCache::new(url, "cache.spot_url", &section)?)))
}

async fn start_cachecenter(
    plan: &Plan,
    node: &mut Node,
    listeners: &mut Listeners,
    core: &Core,
    prices: Arc<dyn MarketPrice>,
) -> Result<Caches, Failure> {
    let redis = redis(plan)?;
    if !plan.runs(CACHECENTER) {
        let queries = needed(plan, node, CACHECENTER, 7802, &OF_CACHE)?;
        return Ok(Caches {
            cache_center: Arc::new(RemoteCacheQuery(queries.clone())),
            books: Arc::new(RemoteDepth(peer(plan, CACHECENTER, 7803)?)),
            cache: redis.unwrap_or_else(|| Arc::new(RemoteCache(queries))),
            shares_cache: true,
        });
    }
    let shares_cache = redis.is_some();
    let cache = redis.unwrap_or_else(|| Arc::new(MemoryCache::new(CACHE_VALUES_MAX)));
    let mut take = |port| listeners.take_grpc(plan, CACHECENTER, port);
    let handles = cachecenter::Handles {
        engine: core.engine.clone(),
        bus: core.bus.clone(),
        prices,
        cache: cache.clone(),
        clock: clock::system(),
        listeners: cachecenter::Listeners {
            queries: take(7802)?,
            push: take(7803)?,
            depth: take(7810)?,
            deals: take(7811)?,
            klines: take(7812)?,
            tickers: take(7813)?,
        },
    };
    let service = cachecenter::start(CACHECENTER, plan.settings.section()?, handles)?;
    node.add(service.running).await?;
    Ok(Caches { cache_center: service.api, books: service.center, cache, shares_cache })
}

async fn start_tradesummary(
    plan: &Plan,
    node: &mut Node,
    listeners: &mut Listeners,
    core: &Core,
) -> Result<(), Failure> {
    if !plan.runs(TRADESUMMARY) {
        return Ok(());
    }
    let handles = tradesummary::Handles {
        engine: core.engine.clone(),
        bus: core.bus.clone(),
        store_url: plan.store_url(TRADESUMMARY),
        clock: clock::system(),
        listener: listeners.take_grpc(plan, TRADESUMMARY, 7519)?,
    };
    node.add(tradesummary::start(TRADESUMMARY, plan.settings.section()?, handles)?.running).await
}

async fn start_access(
    plan: &Plan,
    node: &mut Node,
    listeners: &mut Listeners,
    core: Core,
    readers: Readers,
) -> Result<(), Failure> {
    if !plan.runs(ACCESSHTTP) {
        return Ok(());
    }
    let handles = accesshttp::Handles {
        engine: core.engine,
        bus: core.bus,
        history: readers.history,
        market_price: readers.market_price,
        token: plan.token.clone(),
    };
    // All it does is serve its port.
    match listeners.take(ACCESSHTTP, 8080)? {
        Some(listener) => node.add(accesshttp::start(ACCESSHTTP, plan.settings.section()?, handles, listener)?).await,
        None => Ok(()),
    }
}

/// The monitoring centre, and the agent that reports to it for every service of this process. They start last, when there
/// is something to report of, and so stop first, before a stopping service could look like a failing one.
pub async fn start_monitor(plan: &Plan, node: &mut Node, listeners: &mut Listeners) -> Result<(), Failure> {
    let sink = if plan.runs(MONITORCENTER) {
        let Some(listener) = listeners.take(MONITORCENTER, 5555)? else { return Ok(()) };
        let handles = monitorcenter::Handles { token: plan.token.clone(), clock: clock::system(), listener };
        let service = monitorcenter::start(MONITORCENTER, plan.settings.section()?, handles)?;
        node.add(service.running).await?;
        Sink::Here(service.monitor)
    } else {
        let address =
            plan.deployment.addresses.endpoint(MONITORCENTER, 5555).ok_or("the monitoring centre has an address")?;
        Sink::away(MONITORCENTER, address, &plan.token)
    };
    let agent = Agent {
        sink,
        process: PROCESS,
        instance: plan.instance_name(),
        services: node.services.iter().map(Watched::running).collect(),
        metrics: || telemetry::metrics().render(),
    };
    let mut starting = Starting::new(AGENT);
    let stopping = starting.stopping();
    starting.spawn(agent.run(stopping));
    node.add(starting.running()).await
}
