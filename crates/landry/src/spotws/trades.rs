//! Trades and aggregate trades, straight from the log; and what is listed.

use std::sync::Arc;

use allin_core::ids::{MarketId, Seq};
use allin_core::num::PriceTicks;
use allin_core::spot::command::Side;
use allin_core::spot::event::{Event, Trade};
use allin_exchange::catalog::Listing;
use allin_exchange::follow::{Fold, FollowError};
use allin_runtime::engine::Record;
use async_trait::async_trait;

use super::app::App;
use super::depth::start_feeds;
use super::stream::Stream;
use super::tables::Tables;
use crate::aggtrades::{AggTrade, Fill, aggregate};
use crate::decimals::Numbers;
use crate::jsontext::Object;
use crate::spotapi::call::TimeUnit;

/// Follows from the present on; after a break from where it was, so that no trade is left out.
pub(super) struct TradeFold {
    pub app: Arc<App>,
    pub tables: Tables,
    pub seq: Option<Seq>,
}

#[async_trait]
impl Fold for TradeFold {
    async fn load(&mut self, durable: Seq) -> Result<Seq, FollowError> {
        self.tables = Tables::of(&*self.app.engine).await?;
        start_feeds(&self.app, self.app.hub.set_tables(self.tables.clone()));
        let seq = self.seq.filter(|seq| *seq <= durable).unwrap_or(durable);
        self.seq = Some(seq);
        Ok(seq)
    }

    fn apply(&mut self, record: &Record, events: &[Event]) {
        self.seq = Some(record.seq);
        let mut listed = false;
        for event in events {
            if let Event::AssetSet(_) | Event::MarketSet(_) = event {
                self.tables.apply(event);
                listed = true;
            }
        }
        if listed {
            start_feeds(&self.app, self.app.hub.set_tables(self.tables.clone()));
        }
        let trades: Vec<&Trade> = events
            .iter()
            .filter_map(|event| match event {
                Event::Trade(trade) => Some(trade),
                _ => None,
            })
            .collect();
        if !trades.is_empty() {
            self.tell(record, &trades);
        }
    }

    async fn commit(&mut self) -> Result<(), FollowError> {
        Ok(())
    }
}

impl TradeFold {
    fn tell(&self, record: &Record, trades: &[&Trade]) {
        let mut markets: Vec<MarketId> = Vec::new();
        for trade in trades {
            if !markets.contains(&trade.market) {
                markets.push(trade.market);
            }
        }
        for market in markets {
            let Some(listing) = self.tables.catalog.listing(market) else {
                tracing::error!(seq = record.seq.0, market = market.0, "a trade in a market that is not listed");
                continue;
            };
            let of_market = || trades.iter().filter(|trade| trade.market == market);
            let stream = Stream::Trade(market);
            if self.app.hub.has(stream) {
                for trade in of_market() {
                    self.app.hub.publish(stream, |unit| self.trade(record, trade, listing, unit));
                }
            }
            let stream = Stream::AggTrade(market);
            if self.app.hub.has(stream) {
                let fills = of_market().map(|trade| Fill {
                    trade: trade.trade,
                    at: record.at,
                    taker_order: trade.taker_order,
                    price: trade.price,
                    qty: u128::from(trade.qty.0),
                    buyer_is_maker: trade.taker_side == Side::Sell,
                });
                for trade in aggregate(fills) {
                    self.app.hub.publish(stream, |unit| self.aggregate(&trade, listing, unit));
                }
            }
        }
    }

    fn trade(&self, record: &Record, trade: &Trade, listing: &Listing, unit: TimeUnit) -> String {
        let (mut object, numbers) = (Object::new(), Numbers::of(listing));
        let event_at = (self.app.clock)().max(record.at);
        object.text("e", "trade").raw("E", unit.of(event_at)).text("s", listing.symbol.as_str());
        object
            .raw("t", trade.trade.0)
            .text("p", &numbers.price(trade.price))
            .text("q", &numbers.qty(trade.qty.0.into()));
        object.raw("T", unit.of(record.at)).raw("m", trade.taker_side == Side::Sell).raw("M", true);
        object.finish()
    }

    fn aggregate(&self, trade: &AggTrade<PriceTicks, u128>, listing: &Listing, unit: TimeUnit) -> String {
        let (mut object, numbers) = (Object::new(), Numbers::of(listing));
        let event_at = (self.app.clock)().max(trade.at);
        object.text("e", "aggTrade").raw("E", unit.of(event_at)).text("s", listing.symbol.as_str());
        object.raw("a", trade.id()).text("p", &numbers.price(trade.price)).text("q", &numbers.qty(trade.qty));
        object.raw("f", trade.first.0).raw("l", trade.last.0).raw("T", unit.of(trade.at));
        object.raw("m", trade.buyer_is_maker).raw("M", true);
        object.finish()
    }
}
