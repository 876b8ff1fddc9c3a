//! Owns what a run says at its end, for people and for programs.

use std::fmt;

use allin_core::{
    num::{Amount, PriceTicks, decimal},
    spot::view::Conservation,
};
use allin_wire::exchange::v1::DepthAnswer;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::{
    drive::Speed,
    flow::{PRICE_SCALE, QTY_SCALE},
    tally::Counts,
};

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    pub file: String,
    pub rows: usize,
    pub accounts: u64,
    /// Of the flow between the opening book and the closing rows.
    pub elapsed_s: f64,
    pub rows_per_second: f64,
    pub latency: Latency,
    pub reconnects: u64,
    pub counts: Counts,
    pub book: Book,
    pub proof: Proof,
}

/// Microseconds until the durable answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Latency {
    pub from: &'static str,
    pub count: u64,
    pub p50_us: u64,
    pub p99_us: u64,
    pub p999_us: u64,
    pub max_us: u64,
}

/// The book before the closing rows; decimal text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Book {
    pub best_bid: Option<String>,
    pub best_ask: Option<String>,
    pub spread: Option<String>,
    pub last_price: Option<String>,
    /// Quantity of the best levels of each side, and how many they are.
    pub bid_depth: String,
    pub ask_depth: String,
    pub levels: usize,
    pub open_orders: u64,
}

/// What was found when everything was replayed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Proof {
    pub seq: u64,
    pub digest: String,
    pub replay_digest: String,
    /// Of the log's files, where they are on this machine.
    pub log_digest: Option<String>,
    pub acknowledged: usize,
    pub acknowledged_found: usize,
    /// In the whole log.
    pub trades: u64,
    pub assets: Vec<Asset>,
    pub faults: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Asset {
    pub symbol: String,
    /// In smallest units, as text: they exceed what JSON numbers hold.
    pub users: String,
    pub held: String,
    pub fees: String,
    pub deposits: String,
    pub conserved: bool,
}

impl Report {
    pub fn is_verified(&self) -> bool {
        self.proof.faults.is_empty()
    }
}

impl Latency {
    pub fn new(histogram: &Histogram<u64>, speed: Speed) -> Latency {
        Latency {
            from: if speed == Speed::Max { "sending" } else { "scheduled time" },
            count: histogram.len(),
            p50_us: histogram.value_at_quantile(0.5),
            p99_us: histogram.value_at_quantile(0.99),
            p999_us: histogram.value_at_quantile(0.999),
            max_us: histogram.max(),
        }
    }
}

impl Book {
    pub fn new(depth: &DepthAnswer, open_orders: u64, last: PriceTicks) -> Book {
        let price = |ticks: u64| decimal::format(Amount::from(ticks), PRICE_SCALE);
        let (bid, ask) = (depth.bids.first().map(|level| level.price), depth.asks.first().map(|level| level.price));
        let sum = |lots: u128| decimal::format(lots as Amount, QTY_SCALE);
        Book {
            best_bid: bid.map(price),
            best_ask: ask.map(price),
            spread: bid.zip(ask).map(|(bid, ask)| price(ask.saturating_sub(bid))),
            last_price: (!last.is_none()).then(|| price(last.0)),
            bid_depth: sum(depth.bids.iter().map(|level| u128::from(level.qty)).sum()),
            ask_depth: sum(depth.asks.iter().map(|level| u128::from(level.qty)).sum()),
            levels: depth.bids.len().max(depth.asks.len()),
            open_orders,
        }
    }
}

impl Asset {
    pub fn new(symbol: String, sum: &Conservation) -> Asset {
        Asset {
            symbol,
            users: (sum.users_available + sum.users_held).to_string(),
            held: sum.users_held.to_string(),
            fees: sum.fees.to_string(),
            deposits: (-sum.deposits).to_string(),
            conserved: sum.holds(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (counts, latency, book, proof) = (&self.counts, &self.latency, &self.book, &self.proof);
        writeln!(f, "{}: {} rows, {} accounts", self.file, self.rows, self.accounts)?;
        writeln!(
            f,
            "flow        {:.1} s, {:.0} rows/s, {} reconnects",
            self.elapsed_s, self.rows_per_second, self.reconnects
        )?;
        writeln!(
            f,
            "latency     p50 {} µs, p99 {} µs, p99.9 {} µs, max {} µs, of {} from their {}",
            latency.p50_us, latency.p99_us, latency.p999_us, latency.max_us, latency.count, latency.from
        )?;
        writeln!(f, "orders      {} taken, {} of them market orders", counts.orders, counts.market_orders)?;
        let lots = decimal::format(counts.traded_lots as Amount, QTY_SCALE);
        writeln!(f, "trades      {} told ({lots} BTC), {} in the log", counts.trades, proof.trades)?;
        writeln!(f, "reduced     {}, {} not needed", counts.reduced, counts.change_not_needed)?;
        writeln!(
            f,
            "cancelled   {}; not found: {} already traded, {} never taken, {} sent twice, {} unexplained",
            counts.cancelled,
            counts.cancel_already_traded,
            counts.cancel_of_refused,
            counts.cancel_repeated,
            counts.cancel_not_found
        )?;
        let list = |counts: &std::collections::BTreeMap<&str, u64>| {
            let items: Vec<String> = counts.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
            if items.is_empty() { "none".into() } else { items.join(", ") }
        };
        writeln!(f, "refused     {}", list(&counts.rejects))?;
        writeln!(f, "not taken   {}", list(&counts.not_taken))?;
        writeln!(
            f,
            "other rows  {} without an order, {} repeated answers",
            counts.rows_without_order, counts.repeated
        )?;
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".into());
        writeln!(
            f,
            "book        {} / {}, spread {}, last {}; {} levels hold {} / {} BTC; {} open orders",
            text(&book.best_bid),
            text(&book.best_ask),
            text(&book.spread),
            text(&book.last_price),
            book.levels,
            book.bid_depth,
            book.ask_depth,
            book.open_orders
        )?;
        for asset in &proof.assets {
            let Asset { symbol, users, held, fees, deposits, conserved } = asset;
            let word = if *conserved { "conserved" } else { "NOT CONSERVED" };
            writeln!(
                f,
                "ledger      {symbol}: {word}; deposits {deposits} = users {users} (held {held}) + fees {fees} …"
            )?;
        }
        writeln!(f, "found       {} of {} acknowledged commands", proof.acknowledged_found, proof.acknowledged)?;
        let files = proof.log_digest.as_deref().unwrap_or("not here");
        writeln!(
            f,
            "digest      {} at sequence {}; replayed {}, from the log's files {files}",
            proof.digest, proof.seq, proof.replay_digest
        )?;
        for fault in &proof.faults {
            writeln!(f, "FAULT       {fault}")?;
        }
        writeln!(f, "{}", if self.is_verified() { "verified" } else { "NOT VERIFIED" })
    }
}
