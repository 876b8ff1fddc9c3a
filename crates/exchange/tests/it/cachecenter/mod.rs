//! The role's pictures against the state machine that they are pictures of.

mod book;
mod push;
mod query;
mod standing;

use std::sync::Arc;
use std::time::Duration;

use allin_exchange::cachecenter::{self, CacheCenterSection, Handles, Listeners, Service};
use allin_exchange::marketprice::{self, MarketPriceSection};
use allin_runtime::cache::{Cache, MemoryCache};
use allin_runtime::engine::Engine;
use tempfile::TempDir;

use crate::tape::{Tape, TapeBus};

const NAME: &str = "landry-ces-cachecenter";
const PRICES: &str = "landry-ces-marketprice";
/// Places of the ports among the addresses.
const QUERIES: usize = 0;
const PUSH: usize = 1;
const DEPTH: usize = 2;
const TICKERS: usize = 5;

struct Running {
    service: Service,
    cache: Arc<MemoryCache>,
    /// What it begins with.
    _prices: marketprice::Service,
    _data: TempDir,
}

impl Running {
    fn url(&self, port: usize) -> String {
        format!("http://{}", self.service.running.addresses()[port])
    }
}

async fn start(tape: &Arc<Tape>, config: CacheCenterSection) -> Running {
    start_on(tape.clone(), tape, config).await
}

/// Prices that hold all of a tape.
async fn prices(tape: &Arc<Tape>, data: &TempDir) -> marketprice::Service {
    let newest = tape.clone();
    let handles = marketprice::Handles {
        engine: tape.clone(),
        bus: Arc::new(TapeBus(tape.clone())),
        store_url: format!("sqlite:{}", data.path().join("prices.db").display()),
        clock: Arc::new(move || newest.now()),
        listener: crate::guarded::port().await,
    };
    let config = MarketPriceSection { commit_interval_ms: 1, ..MarketPriceSection::default() };
    let mut prices = marketprice::start(PRICES, config, handles).expect("starts");
    prices.running.ready().await.expect("catches up");
    prices
}

/// With an engine that answers otherwise than the tape.
async fn start_on(engine: Arc<dyn Engine>, tape: &Arc<Tape>, config: CacheCenterSection) -> Running {
    let data = tempfile::tempdir().expect("a folder");
    let prices = prices(tape, &data).await;
    let cache = Arc::new(MemoryCache::new(1000));
    let service = serve(engine, tape, config, cache.clone(), &prices).await;
    Running { service, cache, _prices: prices, _data: data }
}

async fn serve(
    engine: Arc<dyn Engine>,
    tape: &Arc<Tape>,
    config: CacheCenterSection,
    cache: Arc<dyn Cache>,
    prices: &marketprice::Service,
) -> Service {
    let listeners = Listeners {
        queries: crate::guarded::port().await,
        push: crate::guarded::port().await,
        depth: crate::guarded::port().await,
        deals: crate::guarded::port().await,
        klines: crate::guarded::port().await,
        tickers: crate::guarded::port().await,
    };
    let newest = tape.clone();
    let handles = Handles {
        engine,
        bus: Arc::new(TapeBus(tape.clone())),
        prices: prices.api.clone(),
        cache,
        clock: Arc::new(move || newest.now()),
        listeners,
    };
    let mut service = cachecenter::start(NAME, config, handles).expect("starts");
    service.running.ready().await.expect("catches up");
    service
}

fn quick() -> CacheCenterSection {
    CacheCenterSection { publish_interval_ms: 10, ..CacheCenterSection::default() }
}

async fn wait(done: impl Fn() -> bool) {
    let all = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.expect("comes in time");
}
