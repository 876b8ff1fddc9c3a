//! `ticker/price` and `ticker/bookTicker`.

use std::sync::Arc;

use serde::Serialize;

use super::super::app::App;
use super::super::call::{Call, Failure, Outcome, json};
use super::super::markets::Market;
use super::pictures::{self, Top};
use super::select::{self, Selected};

#[derive(Serialize)]
struct Price<'a> {
    symbol: &'a str,
    price: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BookTicker<'a> {
    symbol: &'a str,
    bid_price: &'a str,
    bid_qty: &'a str,
    ask_price: &'a str,
    ask_qty: &'a str,
}

pub async fn price(app: &App, call: &Call) -> Outcome {
    fn row<'a>(market: &'a Market, top: &'a Top) -> Price<'a> {
        Price { symbol: market.symbol(), price: &top.last }
    }
    match tops(app, call).await? {
        Tops::One(market, top) => json(&row(&market, &top)),
        Tops::Many(all) => json(&all.iter().map(|(market, top)| row(market, top)).collect::<Vec<_>>()),
    }
}

pub async fn book(app: &App, call: &Call) -> Outcome {
    fn row<'a>(market: &'a Market, top: &'a Top) -> BookTicker<'a> {
        BookTicker {
            symbol: market.symbol(),
            bid_price: &top.bid_price,
            bid_qty: &top.bid_qty,
            ask_price: &top.ask_price,
            ask_qty: &top.ask_qty,
        }
    }
    match tops(app, call).await? {
        Tops::One(market, top) => json(&row(&market, &top)),
        Tops::Many(all) => json(&all.iter().map(|(market, top)| row(market, top)).collect::<Vec<_>>()),
    }
}

enum Tops {
    One(Arc<Market>, Arc<Top>),
    Many(Vec<(Arc<Market>, Arc<Top>)>),
}

async fn tops(app: &App, call: &Call) -> Result<Tops, Failure> {
    let selected = select::some_or_all(app, call)?;
    call.params.all_read()?;
    match selected {
        Selected::One(market) => {
            let top = pictures::top(app, &market).await?;
            Ok(Tops::One(market, top))
        }
        Selected::Many(markets) => {
            let mut all = Vec::with_capacity(markets.len());
            for market in markets {
                let top = pictures::top(app, &market).await?;
                all.push((market, top));
            }
            Ok(Tops::Many(all))
        }
    }
}
