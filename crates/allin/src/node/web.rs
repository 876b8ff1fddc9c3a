//! The public spot services: users, the spot API, the spot streams. They share what they know of users and of accounts'
//! events, so they run in one process for now.

use std::sync::Arc;

use allin_exchange::clock;
use allin_landry::directory::Directory;
use allin_landry::{spotapi, spotws, userserver};

use super::spot::Domain;
use super::{Failure, Listeners, Node, Plan};

const USERSERVER: &str = "landry-userserver-web";
const SPOTAPI: &str = "landry-spotapi-web";
const SPOTWS: &str = "landry-spotws-web";

/// Starts those that the plan asks for.
pub async fn start(plan: &Plan, node: &mut Node, listeners: &mut Listeners, domain: &Domain) -> Result<(), Failure> {
    let directory = start_users(plan, node, listeners, domain).await?;
    if plan.runs(SPOTAPI) {
        let directory = directory.ok_or("landry-spotapi-web needs landry-userserver-web in its process: run both")?;
        start_spotapi(plan, node, listeners, domain, directory).await?;
    }
    if plan.runs(SPOTWS) {
        start_spotws(plan, node, listeners, domain).await?;
    }
    Ok(())
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
    };
    let listener = listeners.take(USERSERVER, 8080);
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
        store_url: plan.store_url(SPOTAPI),
        directory,
        clock: clock::system(),
    };
    let listener = listeners.take(SPOTAPI, 8080);
    node.add(spotapi::start(SPOTAPI, plan.settings.section()?, handles, listener)?).await
}

async fn start_spotws(plan: &Plan, node: &mut Node, listeners: &mut Listeners, domain: &Domain) -> Result<(), Failure> {
    let readers = domain.readers.clone();
    let books = readers.center.ok_or("landry-spotws-web needs landry-ces-cachecenter in its process: run both")?;
    let handles = spotws::Handles {
        engine: domain.core.engine.clone(),
        bus: domain.core.bus.clone(),
        books,
        cache_center: readers.cache_center,
        market_price: readers.market_price,
        cache: readers.cache,
        clock: clock::system(),
    };
    let listener = listeners.take(SPOTWS, 8080);
    node.add(spotws::start(SPOTWS, plan.settings.section()?, handles, listener)?).await
}
