//! The assets and markets, kept from the bus, so that no request has to ask for them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use allin_core::ids::{AssetId, MarketId, Seq};
use allin_core::num::Amount;
use allin_core::num::decimal;
use allin_core::spot::command::MarketState;
use allin_core::spot::event::Event;
use allin_core::spot::spec::{AssetSpec, MarketSpec};
use allin_exchange::catalog::Listing;
use allin_exchange::service::{Readiness, ServiceError, Stopping};
use allin_runtime::engine::{AnswerBody, Batch, BusError, Query, SubmitError};
use allin_wire::binance::{ApiError, Code};
use tokio::sync::watch;

use super::app::App;
use super::call::Failure;
use super::params::illegal;
use crate::decimals::{self, Numbers};

/// Pause before the bus or the engine is asked again.
const RETRY: Duration = Duration::from_millis(200);

/// How long a request waits for a service that has just started to know its markets.
const LOAD_WAIT_MAX: Duration = Duration::from_secs(2);

/// A market, with everything that does not change with its trades.
#[derive(Clone, Debug)]
pub struct Market {
    pub spec: MarketSpec,
    pub base: AssetSpec,
    pub quote: AssetSpec,
    pub state: MarketState,
    /// How its numbers are written.
    pub listing: Numbers,
}

/// All of them at one moment.
#[derive(Clone, Default, Debug)]
pub struct Markets {
    assets: Vec<AssetSpec>,
    markets: Vec<Arc<Market>>,
    by_symbol: HashMap<Box<str>, usize>,
}

impl Market {
    pub fn symbol(&self) -> &str {
        self.spec.symbol.as_str()
    }
}

impl Markets {
    /// -1100 for what cannot be a symbol, -1121 for one that is not listed.
    pub fn by_symbol(&self, symbol: &str) -> Result<Arc<Market>, Failure> {
        let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
        if symbol.is_empty() || symbol.len() > 20 || !symbol.bytes().all(fits) {
            return Err(illegal("symbol", "^[A-Z0-9-_.]{1,20}$").into());
        }
        match self.by_symbol.get(symbol) {
            Some(at) => Ok(self.markets[*at].clone()),
            None => Err(ApiError::BAD_SYMBOL.into()),
        }
    }

    pub fn by_id(&self, id: MarketId) -> Option<&Arc<Market>> {
        self.markets.get(id.0 as usize)
    }

    pub fn asset(&self, id: AssetId) -> Option<&AssetSpec> {
        self.assets.get(id.0 as usize)
    }

    pub fn asset_by_symbol(&self, symbol: &str) -> Option<&AssetSpec> {
        self.assets.iter().find(|asset| asset.symbol.as_str() == symbol)
    }

    /// In order of listing.
    pub fn assets(&self) -> &[AssetSpec] {
        &self.assets
    }

    /// In order of listing.
    pub fn all(&self) -> &[Arc<Market>] {
        &self.markets
    }

    /// An amount as answers tell it.
    pub fn amount(&self, asset: AssetId, amount: Amount) -> String {
        decimals::amount(amount, self.asset(asset).map_or(0, |asset| asset.scale))
    }

    fn set_asset(&mut self, spec: AssetSpec) {
        let at = spec.id.0 as usize;
        match self.assets.get_mut(at) {
            Some(known) => *known = spec,
            None => self.assets.push(spec),
        }
    }

    /// `state` is that of a market that is new.
    fn set_market(&mut self, spec: MarketSpec, state: MarketState) {
        let asset = |id: AssetId| self.assets.get(id.0 as usize).copied();
        let (Some(base), Some(quote)) = (asset(spec.base), asset(spec.quote)) else {
            // The engine lists assets before their markets.
            tracing::error!(market = %spec.symbol, "a market over assets that are not listed");
            return;
        };
        let at = spec.id.0 as usize;
        let state = self.markets.get(at).map_or(state, |known| known.state);
        let market = Arc::new(Market { spec, base, quote, state, listing: Numbers::of(&Listing::new(&spec, &quote)) });
        self.by_symbol.insert(spec.symbol.as_str().into(), at);
        match self.markets.get_mut(at) {
            Some(known) => *known = market,
            None => self.markets.push(market),
        }
    }

    fn set_state(&mut self, id: MarketId, state: MarketState) {
        if let Some(market) = self.markets.get_mut(id.0 as usize) {
            Arc::make_mut(market).state = state;
        }
    }
}

/// The table that requests read, and a task writes.
pub(super) struct Tables {
    now: RwLock<Arc<Markets>>,
    loaded: watch::Sender<bool>,
}

impl Tables {
    pub fn new() -> Tables {
        Tables { now: RwLock::default(), loaded: watch::Sender::new(false) }
    }

    /// Waits until the engine told what is listed, but not for long: no symbol can be called unknown before. False when it
    /// did not.
    pub async fn are_loaded(&self) -> bool {
        *self.loaded.borrow() || {
            let mut loaded = self.loaded.subscribe();
            tokio::time::timeout(LOAD_WAIT_MAX, loaded.wait_for(|loaded| *loaded)).await.is_ok_and(|told| told.is_ok())
        }
    }

    pub fn get(&self) -> Arc<Markets> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, markets: Markets) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(markets);
        self.loaded.send_if_modified(|loaded| !std::mem::replace(loaded, true));
    }

    /// Takes in what the bus tells.
    fn apply(&self, batch: &Batch) {
        let lists =
            |event: &&Event| matches!(event, Event::AssetSet(_) | Event::MarketSet(_) | Event::MarketStateSet { .. });
        let mut changes = batch.events.iter().filter(lists).peekable();
        if changes.peek().is_none() {
            return;
        }
        let mut markets = Markets::clone(&self.get());
        for event in changes {
            match event {
                Event::AssetSet(spec) => markets.set_asset(*spec),
                Event::MarketSet(spec) => markets.set_market(*spec, MarketState::PreOpen),
                Event::MarketStateSet { market, state, .. } => markets.set_state(*market, *state),
                _ => {}
            }
        }
        self.put(markets);
    }
}

/// Keeps the table up to date until the service stops. Losing the bus only makes it older; requests go on.
pub(super) async fn follow(
    name: &'static str,
    app: Arc<App>,
    readiness: Readiness,
    mut stopping: Stopping,
) -> Result<(), ServiceError> {
    // Before anybody is told that the service is there. Trading goes on without it.
    if let Err(error) = app.listen_keys.restore(&*app.handles.cache, (app.handles.clock)()).await {
        tracing::warn!(%error, "listen keys of before cannot be read");
    }
    loop {
        let lost = tokio::select! {
            () = stopping.wait() => return Ok(()),
            lost = follow_once(name, &app, &readiness) => lost,
        };
        tracing::warn!(service = name, lost, "follows the markets anew");
        tokio::select! {
            () = stopping.wait() => return Ok(()),
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

/// Gives back why it cannot go on.
async fn follow_once(name: &'static str, app: &App, readiness: &Readiness) -> String {
    let as_of = match load(app).await {
        Ok(as_of) => as_of,
        Err(error) => return error.to_string(),
    };
    readiness.set(true);
    let lost = async {
        let mut subscription = app.handles.bus.subscribe(name, Seq(as_of.0 + 1)).await?;
        app.pictures.hear(as_of);
        loop {
            let batch = subscription.next().await?;
            app.tables.apply(&batch);
            app.pictures.apply(&batch);
            app.fills.apply(app, &batch);
        }
    };
    let lost: Result<(), BusError> = lost.await;
    app.pictures.deafen();
    lost.err().map(|error| error.to_string()).unwrap_or_default()
}

/// Asks the engine for everything; the bus goes on from the sequence that this gives.
async fn load(app: &App) -> Result<Seq, SubmitError> {
    // In this order, every market's assets are among the assets.
    let views = app.handles.engine.query(Query::Markets).await?;
    let assets = app.handles.engine.query(Query::Assets).await?;
    let mut markets = Markets::default();
    if let AnswerBody::Assets(specs) = assets.body {
        specs.into_iter().for_each(|spec| markets.set_asset(spec));
    }
    if let AnswerBody::Markets(views) = views.body {
        views.iter().for_each(|view| markets.set_market(view.spec, view.state));
    }
    app.tables.put(markets);
    Ok(assets.seq.min(views.seq))
}

/// What is wrong with a number of a parameter.
pub fn number_error(name: &str, error: decimal::DecimalError) -> ApiError {
    use decimal::DecimalError::{Malformed, OffStep, OutOfRange, TooManyDecimals};
    match error {
        Malformed => illegal(name, "^([0-9]{1,20})(\\.[0-9]{1,20})?$"),
        TooManyDecimals | OffStep => {
            ApiError::with(Code::BadPrecision, format!("Parameter '{name}' has too much precision."))
        }
        OutOfRange => ApiError::with(Code::ParamOverflow, format!("Parameter '{name}' overflowed.")),
    }
}
