//! The role's pictures against the state machine that they are pictures of.

mod book;
mod push;
mod query;

use std::sync::Arc;
use std::time::Duration;

use allin_exchange::cachecenter::{self, CacheCenterSection, Handles, Listeners, Service};
use allin_runtime::cache::MemoryCache;

use crate::tape::{Tape, TapeBus};

const NAME: &str = "landry-ces-cachecenter";
/// Places of the ports among the addresses.
const QUERIES: usize = 0;
const PUSH: usize = 1;
const DEPTH: usize = 2;
const TICKERS: usize = 5;

struct Running {
    service: Service,
    cache: Arc<MemoryCache>,
}

impl Running {
    fn url(&self, port: usize) -> String {
        format!("http://{}", self.service.running.addresses()[port])
    }
}

async fn start(tape: &Arc<Tape>, config: CacheCenterSection) -> Running {
    let listeners = Listeners {
        queries: crate::guarded::port().await,
        push: crate::guarded::port().await,
        depth: crate::guarded::port().await,
        deals: crate::guarded::port().await,
        klines: crate::guarded::port().await,
        tickers: crate::guarded::port().await,
    };
    let cache = Arc::new(MemoryCache::new(1000));
    let newest = tape.clone();
    let handles = Handles {
        engine: tape.clone(),
        bus: Arc::new(TapeBus(tape.clone())),
        cache: cache.clone(),
        clock: Arc::new(move || newest.now()),
        listeners,
    };
    let mut service = cachecenter::start(NAME, config, handles).expect("starts");
    service.running.ready().await.expect("catches up");
    Running { service, cache }
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
