//! Answers that are made once and given to many: books and their tops, kept until their market changes.
//!
//! Whether it changed is told by the bus, so a kept answer costs one look at a number. While the bus is not heard,
//! nothing is kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::AcqRel, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use allin_core::ids::{MarketId, Seq};
use allin_core::num::PriceTicks;
use allin_exchange::cachecenter::book::market_of;
use allin_runtime::engine::Batch;
use allin_wire::exchange::v1::{DepthSnapshot, Level};
use bytes::Bytes;

use super::super::app::App;
use super::super::call::Failure;
use super::super::markets::Market;
use super::ask;

/// Depths that clients ask for; books of other depths are made each time, so that the memory of a market is bounded.
const KEPT_LIMITS: [u32; 8] = [5, 10, 20, 50, 100, 500, 1000, 5000];

/// What is kept for all requests.
pub struct Pictures {
    heard: AtomicBool,
    /// What changed up to here is not known: older answers are not kept.
    floor: AtomicU64,
    /// By market: the newest sequence that changed its book or its last price.
    changed: RwLock<Vec<AtomicU64>>,
    kept: Mutex<HashMap<(MarketId, u32), Kept>>,
}

#[derive(Clone)]
struct Kept {
    seq: Seq,
    picture: Picture,
}

#[derive(Clone)]
enum Picture {
    Depth(Bytes),
    Top(Arc<Top>),
}

/// Best prices and the last one. 0 where there is none.
#[derive(Clone, Debug)]
pub struct Top {
    pub bid_price: String,
    pub bid_qty: String,
    pub ask_price: String,
    pub ask_qty: String,
    pub last: String,
}

/// The key of a market's top, beside the depths.
const TOP: u32 = 0;

impl Pictures {
    pub fn new() -> Pictures {
        Pictures {
            heard: AtomicBool::new(false),
            floor: AtomicU64::new(0),
            changed: RwLock::default(),
            kept: Mutex::default(),
        }
    }

    /// The bus is heard from after this sequence on.
    pub fn hear(&self, as_of: Seq) {
        self.floor.store(as_of.0, Release);
        self.heard.store(true, Release);
    }

    /// The bus is lost.
    pub fn deafen(&self) {
        self.heard.store(false, Release);
    }

    /// Takes in what the bus tells.
    pub fn apply(&self, batch: &Batch) {
        for (record, events) in batch.iter() {
            for market in events.iter().filter_map(market_of) {
                self.touch(market, record.seq);
            }
        }
    }

    fn touch(&self, market: MarketId, seq: Seq) {
        let place = market.0 as usize;
        {
            let changed = self.changed.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(newest) = changed.get(place) {
                newest.fetch_max(seq.0, AcqRel);
                return;
            }
        }
        let mut changed = self.changed.write().unwrap_or_else(PoisonError::into_inner);
        while changed.len() <= place {
            changed.push(AtomicU64::new(0));
        }
        changed[place].fetch_max(seq.0, AcqRel);
    }

    /// Whether what was made at `seq` is what would be made now.
    fn is_current(&self, market: MarketId, seq: Seq) -> bool {
        let changed = self.changed.read().unwrap_or_else(PoisonError::into_inner);
        let newest = changed.get(market.0 as usize).map_or(0, |newest| newest.load(Acquire));
        self.heard.load(Acquire) && seq.0 >= newest && seq.0 >= self.floor.load(Acquire)
    }

    fn find(&self, market: MarketId, key: u32) -> Option<Picture> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&(market, key)).cloned()?;
        self.is_current(market, kept.seq).then_some(kept.picture)
    }

    fn keep(&self, market: MarketId, key: u32, seq: Seq, picture: Picture) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.get(&(market, key));
        if known.is_none_or(|known| known.seq <= seq) {
            kept.insert((market, key), Kept { seq, picture });
        }
    }
}

/// The answer of `depth`.
pub async fn depth(app: &App, market: &Market, limit: u32) -> Result<Bytes, Failure> {
    let (pictures, id) = (&app.pictures, market.spec.id);
    if let Some(Picture::Depth(text)) = pictures.find(id, limit) {
        return Ok(text);
    }
    let book = ask::book(app, market, limit).await?;
    let text = render(&book);
    if KEPT_LIMITS.contains(&limit) {
        pictures.keep(id, limit, Seq(book.seq), Picture::Depth(text.clone()));
    }
    Ok(text)
}

/// Best prices, quantities, and the last price.
pub async fn top(app: &App, market: &Market) -> Result<Arc<Top>, Failure> {
    let (pictures, id) = (&app.pictures, market.spec.id);
    if let Some(Picture::Top(top)) = pictures.find(id, TOP) {
        return Ok(top);
    }
    let book = ask::book(app, market, 1).await?;
    let (bid_price, bid_qty) = best(market, book.bids.first());
    let (ask_price, ask_qty) = best(market, book.asks.first());
    let top = Arc::new(Top { bid_price, bid_qty, ask_price, ask_qty, last: book.last });
    pictures.keep(id, TOP, Seq(book.seq), Picture::Top(top.clone()));
    Ok(top)
}

fn best(market: &Market, level: Option<&Level>) -> (String, String) {
    match level {
        Some(level) => (level.price.clone(), level.qty.clone()),
        None => (market.listing.price(PriceTicks::NONE), market.listing.qty(0)),
    }
}

/// Numbers are digits and points: nothing to escape.
fn render(book: &DepthSnapshot) -> Bytes {
    let mut text = format!("{{\"lastUpdateId\":{},\"bids\":", book.seq);
    levels(&mut text, &book.bids);
    text.push_str(",\"asks\":");
    levels(&mut text, &book.asks);
    text.push('}');
    text.into()
}

fn levels(text: &mut String, levels: &[Level]) {
    text.push('[');
    for (place, level) in levels.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        for part in ["[\"", &level.price, "\",\"", &level.qty, "\"]"] {
            text.push_str(part);
        }
    }
    text.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_until_the_market_changes() {
        let (pictures, market, other) = (Pictures::new(), MarketId(3), MarketId(1));
        let picture = |text: &'static str| Picture::Depth(Bytes::from_static(text.as_bytes()));
        let text = || match pictures.find(market, 100) {
            Some(Picture::Depth(text)) => Some(text),
            _ => None,
        };
        pictures.keep(market, 100, Seq(10), picture("a"));
        assert_eq!(text(), None, "the bus is not heard");
        pictures.hear(Seq(11));
        assert_eq!(text(), None, "what happened up to 11 is not known");
        pictures.keep(market, 100, Seq(11), picture("b"));
        assert_eq!(text().as_deref(), Some(&b"b"[..]));
        pictures.touch(other, Seq(12));
        assert_eq!(text().as_deref(), Some(&b"b"[..]), "another market changed");
        pictures.touch(market, Seq(13));
        assert_eq!(text(), None, "it changed");
        pictures.keep(market, 100, Seq(12), picture("c"));
        assert_eq!(text(), None, "made before the change");
        pictures.keep(market, 100, Seq(13), picture("d"));
        pictures.keep(market, 100, Seq(12), picture("late"));
        assert_eq!(text().as_deref(), Some(&b"d"[..]), "an older one does not replace it");
        pictures.deafen();
        assert_eq!(text(), None);
    }
}
