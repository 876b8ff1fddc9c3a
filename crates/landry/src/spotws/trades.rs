//! Trades and aggregate trades, straight from the log; and what is listed.

use std::collections::HashMap;
use std::sync::Arc;

use allin_core::ids::{MarketId, Seq};
use allin_core::num::PriceTicks;
use allin_core::spot::command::Side;
use allin_core::spot::event::{Event, Trade};
use allin_exchange::aggregates::Numbering;
use allin_exchange::catalog::Listing;
use allin_exchange::follow::{Fold, FollowError};
use allin_runtime::engine::Record;
use allin_wire::exchange::v1::AggregatesRequest;
use async_trait::async_trait;
use tonic::Request;

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
    pub numbers: HashMap<MarketId, Numbering>,
}

/// The ids of the aggregates that a command's trades in one market are told as.
fn number<'a>(numbering: &mut Numbering, record: &Record, trades: impl Iterator<Item = &'a &'a Trade>) -> Vec<u64> {
    let mut ids: Vec<u64> = Vec::new();
    for trade in trades.filter(|trade| trade.trade > numbering.trade).collect::<Vec<_>>() {
        let (id, begins) = numbering.next(trade, record.at);
        if begins || ids.is_empty() {
            ids.push(id);
        }
    }
    ids
}

#[async_trait]
impl Fold for TradeFold {
    async fn load(&mut self, durable: Seq) -> Result<Seq, FollowError> {
        self.tables = Tables::of(&*self.app.engine).await?;
        start_feeds(&self.app, self.app.hub.set_tables(self.tables.clone()));
        let seq = match self.seq.filter(|seq| *seq <= durable) {
            Some(seq) => seq,
            None => self.count_on(durable).await?,
        };
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
    /// Goes on with the numbers of aggregate trades where marketprice has them; it may be a little behind.
    async fn count_on(&mut self, durable: Seq) -> Result<Seq, FollowError> {
        let answer = self.app.market_price.aggregates(Request::new(AggregatesRequest::default())).await;
        let answer = answer.map_err(|status| status.to_string())?.into_inner();
        let numbers = answer.counts.iter().map(|count| (MarketId(count.market), Numbering::from(count)));
        self.numbers = numbers.collect();
        Ok(Seq(answer.as_of_seq).min(durable))
    }

    fn tell(&mut self, record: &Record, trades: &[&Trade]) {
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
            let ids = number(self.numbers.entry(market).or_default(), record, of_market());
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
                for (id, trade) in ids.into_iter().zip(aggregate(fills)) {
                    self.app.hub.publish(stream, |unit| self.aggregate(id, &trade, listing, unit));
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

    fn aggregate(&self, id: u64, trade: &AggTrade<PriceTicks, u128>, listing: &Listing, unit: TimeUnit) -> String {
        let (mut object, numbers) = (Object::new(), Numbers::of(listing));
        let event_at = (self.app.clock)().max(trade.at);
        object.text("e", "aggTrade").raw("E", unit.of(event_at)).text("s", listing.symbol.as_str());
        object.raw("a", id).text("p", &numbers.price(trade.price)).text("q", &numbers.qty(trade.qty));
        object.raw("f", trade.first.0).raw("l", trade.last.0).raw("T", unit.of(trade.at));
        object.raw("m", trade.buyer_is_maker).raw("M", true);
        object.finish()
    }
}
