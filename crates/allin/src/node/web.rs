//! The public spot services: users, the spot API, the spot streams.

use std::sync::Arc;

use allin_exchange::clock;
use allin_exchange::service::Starting;
use allin_landry::directory::{Directory, DirectorySection, Mirror};
use allin_landry::{spotapi, spotws, userserver};

use super::remote::{need, peer};
use super::spot::Domain;
use super::{Failure, Listeners, Node, Plan};

pub const USERSERVER: &str = "landry-userserver-web";
pub const SPOTAPI: &str = "landry-spotapi-web";
pub const SPOTWS: &str = "landry-spotws-web";

/// What keeps the users of another process.
const MIRROR: &str = "user directory";

/// Starts those that the plan asks for.
pub async fn start(plan: &Plan, node: &mut Node, listeners: &mut Listeners, domain: &Domain) -> Result<(), Failure> {
    let users = start_users(plan, node, listeners, domain).await?;
    if plan.runs(SPOTAPI) {
        let directory = match users {
            Some(directory) => directory,
            None => follow_users(plan, node).await?,
        };
        start_spotapi(plan, node, listeners, domain, directory).await?;
    }
    if plan.runs(SPOTWS) {
        start_spotws(plan, node, listeners, domain).await?;
    }
    Ok(())
}

/// The users of another process. Ready once all of them are known here.
async fn follow_users(plan: &Plan, node: &mut Node) -> Result<Arc<dyn Directory>, Failure> {
    let config: DirectorySection = plan.settings.section()?;
    let mirror = Mirror::new(config.stale_max());
    let peer = peer(plan, USERSERVER, 8080)?;
    let need = need(plan, &peer);
    let mut starting = Starting::new(MIRROR);
    let (readiness, stopping) = (starting.readiness(), starting.stopping());
    starting.spawn(mirror.clone().run(SPOTAPI, peer, need, readiness, stopping));
    node.add(starting.running()).await?;
    Ok(mirror)
}

async fn start_users(
    plan: &Plan,
    node: &mut Node,
    listeners: &mut Listeners,
    domain: &Domain,
) -> Result<Option<Arc<dyn Directory>>, Failure> {
    if !plan.runs(USERSERVER) {
        return Ok(None);
    }
    let handles = userserver::Handles {
        store_url: plan.store_url(USERSERVER),
        engine: domain.core.engine.clone(),
        clock: clock::system(),
        data: plan.data.clone(),
        token: plan.token.clone(),
        directory: plan.settings.section()?,
    };
    let listener = listeners.take(USERSERVER, 8080)?;
    let service = userserver::start(USERSERVER, plan.settings.section()?, handles, listener).await?;
    node.add(service.running).await?;
    Ok(Some(service.directory))
}

async fn start_spotapi(
    plan: &Plan,
    node: &mut Node,
    listeners: &mut Listeners,
    domain: &Domain,
    directory: Arc<dyn Directory>,
) -> Result<(), Failure> {
    let readers = &domain.readers;
    let handles = spotapi::Handles {
        engine: domain.core.engine.clone(),
        bus: domain.core.bus.clone(),
        history: readers.history.clone(),
        market_price: readers.market_price.clone(),
        cache_center: readers.cache_center.clone(),
        cache: readers.cache.clone(),
        rules: plan.live.rules(),
        shares_limits: readers.shares_cache,
        store_url: plan.store_url(SPOTAPI),
        directory,
        clock: clock::system(),
    };
    let listener = listeners.take(SPOTAPI, 8080)?;
    node.add(spotapi::start(SPOTAPI, plan.settings.section()?, handles, listener)?).await
}

async fn start_spotws(plan: &Plan, node: &mut Node, listeners: &mut Listeners, domain: &Domain) -> Result<(), Failure> {
    let readers = domain.readers.clone();
    let handles = spotws::Handles {
        engine: domain.core.engine.clone(),
        bus: domain.core.bus.clone(),
        books: readers.books,
        cache_center: readers.cache_center,
        market_price: readers.market_price,
        cache: readers.cache,
        clock: clock::system(),
    };
    let listener = listeners.take(SPOTWS, 8080)?;
    node.add(spotws::start(SPOTWS, plan.settings.section()?, handles, listener)?).await
}
