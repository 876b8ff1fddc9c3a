//! Owns the feeding of recorded order flow into a running exchange, over its own interface, and the proof at the end that
//! nothing was lost, doubled or made up.
//! Never talks to the engine in process: what it shows is what a client would see.
//! Known limits: one recording format (Bitstamp's order stream), one market, BTCUSD.

mod drive;
mod flow;
mod link;
mod plan;
mod report;
mod setup;
mod tally;
mod verify;

use std::{path::PathBuf, time::Duration};

use allin_core::{
    num::PriceTicks,
    spot::{
        command::{Command, MarketState},
        event::Event,
        reject::Reject,
    },
};
use allin_runtime::auth::InternalToken;
use allin_wire::exchange::v1::{DepthQuery, SubmitReply, query_reply::Answer as Body, query_request::Kind as Question};

pub use drive::Speed;
pub use report::Report;

use drive::Driver;
use flow::{Flow, Price};
use link::Link;
use plan::Accounts;
use report::{Book, Latency};
use setup::Venue;
use tally::{Tally, What};

/// Levels of the depth that is summed up at the end.
const DEPTH_LEVELS: u32 = 50;

/// What to send, where, and how.
#[derive(Clone, Debug)]
pub struct Options {
    pub file: PathBuf,
    /// Address of the matching engine's gRPC service, with scheme.
    pub address: String,
    pub token: InternalToken,
    /// The exchange's data folder, as far as it is on this machine.
    pub data: PathBuf,
    pub speed: Speed,
    pub accounts: u64,
    pub first_account: u64,
    /// Tells runs apart: it begins every client id.
    pub tag: String,
    pub resume: bool,
    /// Stops after so many rows that follow the opening book.
    pub rows: Option<usize>,
    /// Leaves the book as it is at the end.
    pub keep_book: bool,
    pub window: usize,
    pub patience: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    #[error(transparent)]
    Flow(#[from] flow::FlowError),
    #[error(transparent)]
    Link(#[from] link::LinkError),
    #[error("the exchange refuses {what}: {}", reason.name())]
    Refused { what: String, reason: Reject },
    #[error("the exchange does not take {what}: {why}")]
    NotTaken { what: String, why: &'static str },
    #[error("cannot trade in BTCUSD: {0}")]
    Market(String),
    #[error("the exchange gives no usable answer about {0}")]
    Answer(&'static str),
    #[error("the recording needs more funds than an asset can have")]
    Funds,
    #[error("this recording was sent to this exchange before; give another --tag, or --resume to go on")]
    SentBefore,
    #[error("the tag and an id of the recording are together too long for a client id")]
    Tag,
    #[error("the subscription to all that happened ended: {0}")]
    Subscription(String),
}

/// Sends the recording and verifies what became of it.
pub async fn run(options: &Options, progress: &dyn Fn(&str)) -> Result<Report, FeedError> {
    let mut flow = Flow::read(&options.file)?;
    if let Some(rows) = options.rows {
        flow.truncate(rows);
    }
    let accounts = Accounts { first: options.first_account, count: options.accounts.max(1) };
    let mut link = Link::connect(&options.address, &options.token, options.window, options.patience).await?;
    let venue = setup::venue(&mut link).await?;
    progress(&format!("funding {} accounts", accounts.count));
    setup::fund(&mut link, &venue, accounts, &accounts.needs(&flow, highest_price(&flow)), &options.tag).await?;

    let mut tally = Tally::new();
    let mut driver = Driver::new(&flow, &mut link, &mut tally, venue, accounts, &options.tag, options.resume);
    progress(&format!("the opening book: {} rows", flow.opening));
    driver.rows(0..flow.opening, None).await?;
    if venue.pre_open {
        open_market(driver.link(), &venue).await?;
    }
    progress(&format!("the flow: {} rows", flow.live().len()));
    let elapsed = driver.rows(flow.live(), Some(options.speed)).await?;
    let book = book(driver.link(), &venue).await?;
    if !options.keep_book {
        driver.rows(flow.live().end..flow.rows.len(), None).await?;
    }
    progress("verifying");
    let proof = verify::run(&mut link, &flow, &mut tally, &options.tag, &options.data).await?;
    Ok(Report {
        file: options.file.display().to_string(),
        rows: flow.rows.len(),
        accounts: accounts.count,
        elapsed_s: elapsed.as_secs_f64(),
        rows_per_second: flow.live().len() as f64 / elapsed.as_secs_f64(),
        latency: Latency::new(&tally.latencies, options.speed),
        reconnects: link.reconnects,
        counts: tally.counts,
        book,
        proof,
    })
}

/// Ends the call auction of a market that is listed anew.
async fn open_market(link: &mut Link<What>, venue: &Venue) -> Result<(), FeedError> {
    match setup::call(link, Command::Uncross { market: venue.market }).await {
        // Opened by an uncrossing whose answer was lost, or by somebody else meanwhile.
        Err(FeedError::Refused { reason: Reject::MarketStateConflict | Reject::UncrossNotPossible, .. }) => {
            let command = Command::SetMarketState { market: venue.market, state: MarketState::Trading };
            match setup::call(link, command).await {
                Err(FeedError::Refused { reason: Reject::MarketStateConflict, .. }) => Ok(()),
                result => result.map(|_| ()),
            }
        }
        result => result.map(|_| ()),
    }
}

async fn book(link: &mut Link<What>, venue: &Venue) -> Result<Book, FeedError> {
    let question = Question::Depth(DepthQuery { market: venue.market.0, limit: DEPTH_LEVELS });
    let (_, Body::Depth(depth)) = link.query(question).await? else { return Err(FeedError::Answer("depth")) };
    let view = setup::find(link).await?.ok_or(FeedError::Answer("markets"))?;
    Ok(Book::new(&depth, view.open_orders, PriceTicks(view.last_price.0)))
}

/// What a market order to buy might have to pay: the highest price at which the recording sells, oddities left out.
fn highest_price(flow: &Flow) -> u64 {
    let mut prices: Vec<u64> = (flow.rows.iter().filter(|row| !row.buy))
        .filter_map(|row| match row.price {
            Price::Limit(ticks) => Some(ticks),
            Price::Market => None,
        })
        .collect();
    prices.sort_unstable();
    prices.get(prices.len().saturating_sub(1) * 9 / 10).copied().unwrap_or(1)
}

/// The events of an answer.
fn events(reply: SubmitReply) -> Result<Vec<Event>, FeedError> {
    let events: Result<Vec<Event>, _> = reply.events.into_iter().map(Event::try_from).collect();
    events.map_err(|_| FeedError::Answer("a command"))
}
