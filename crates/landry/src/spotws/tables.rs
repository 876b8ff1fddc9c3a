//! What is listed, kept from the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use allin_core::ids::{AssetId, MarketId};
use allin_core::spot::command::MarketState;
use allin_core::spot::event::Event;
use allin_core::spot::spec::{AssetSpec, MarketSpec};
use allin_exchange::catalog::{Catalog, Listing};
use allin_runtime::engine::{AnswerBody, Engine, Query, SubmitError};

use crate::decimals::Numbers;
use crate::spotapi::Market;

#[derive(Clone, Default)]
pub(super) struct Tables {
    pub catalog: Catalog,
    assets: BTreeMap<AssetId, AssetSpec>,
    markets: BTreeMap<MarketId, Arc<Market>>,
}

impl Tables {
    /// Everything that is listed now.
    pub async fn of(engine: &dyn Engine) -> Result<Tables, SubmitError> {
        let mut tables = Tables::default();
        if let AnswerBody::Assets(assets) = engine.query(Query::Assets).await?.body {
            assets.into_iter().for_each(|spec| tables.apply(&Event::AssetSet(spec)));
        }
        if let AnswerBody::Markets(markets) = engine.query(Query::Markets).await?.body {
            markets.into_iter().for_each(|market| tables.apply(&Event::MarketSet(market.spec)));
        }
        Ok(tables)
    }

    pub fn apply(&mut self, event: &Event) {
        self.catalog.apply(event);
        match event {
            Event::AssetSet(spec) => {
                self.assets.insert(spec.id, *spec);
            }
            Event::MarketSet(spec) => self.set_market(*spec),
            _ => {}
        }
    }

    pub fn market(&self, id: MarketId) -> Option<&Arc<Market>> {
        self.markets.get(&id)
    }

    /// In order of listing.
    pub fn markets(&self) -> impl Iterator<Item = &Arc<Market>> {
        self.markets.values()
    }

    fn set_market(&mut self, spec: MarketSpec) {
        let asset = |id: AssetId| self.assets.get(&id).copied().expect("a market's assets are listed before it");
        let (base, quote) = (asset(spec.base), asset(spec.quote));
        let listing = Numbers::of(&Listing::new(&spec, &quote));
        // Streams do not look at the state.
        let market = Market { spec, base, quote, state: MarketState::PreOpen, listing };
        self.markets.insert(spec.id, Arc::new(market));
    }
}
