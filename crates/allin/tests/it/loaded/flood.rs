//! Orders at their own pace through the engine's own stream, as services send theirs, whatever becomes of those before them: the load
//! under which faults are made. Every two of them are a deal, so that the history has as much to do as the book.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use allin_core::ids::{AssetId, MarketId, Seq, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::command::{Command, Counter, Funding, NewOrder, Side};
use allin_core::spot::event::Event;
use allin_core::text::{ClientId, Label};
use allin_exchange::matchengine::RemoteEngine;
use allin_runtime::auth::InternalToken;
use allin_runtime::engine::{Batch, Engine, EventBus, Query, SubmitError};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};

use crate::crash::client::Client;
use crate::crash::load::units;
use crate::crash::node::Node;
use crate::crash::poll;

const ENGINE: &str = "landry-ces-matchengine";
/// Orders a second.
pub const RATE: u64 = 2_500;
/// What has to be acknowledged in a second where the exchange goes on, and was before the fault where it does not.
pub const RATE_MIN: f64 = 2_000.0;
/// Orders on their way at once; what is due beyond them is not sent.
const OPEN_MAX: usize = 8_192;
/// How long a rate is looked at.
const MEASURED: Duration = Duration::from_secs(2);
/// Between two looks at what is due.
const PACE: Duration = Duration::from_millis(5);
const MARKET: (MarketId, &str) = (MarketId(1), "ETHUSDT");
/// USDT and ETH.
const ASSETS: [u32; 2] = [0, 2];
const USERS: std::ops::Range<u64> = 20_000..20_016;

/// A load that goes on until it is ended.
pub struct Flood {
    over: Arc<AtomicBool>,
    told: Arc<AtomicU64>,
    thread: Option<JoinHandle<Flooded>>,
}

/// What a load came to.
#[derive(Default)]
pub struct Flooded {
    /// The order's number by the sequence that it was acknowledged with.
    told: BTreeMap<u64, u64>,
    refused: u64,
    unknown: u64,
    dropped: u64,
}

/// A user's deals by their ids, each with what was paid, in units of the quote.
type Deals = BTreeMap<u64, i128>;

impl Flood {
    /// Orders from this number on go to the engine of a node. They flow when this returns.
    pub fn of(node: &Node, first: u64) -> Flood {
        Flood::start(engine_of(node), node.data(), first)
    }

    /// The same for the engine at an address, of an exchange with this data folder.
    pub fn start(engine: SocketAddr, data: &Path, first: u64) -> Flood {
        let token = InternalToken::read(data).expect("a token");
        let (over, told) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (ends, counts) = (over.clone(), told.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let engine = RemoteEngine::new(ENGINE, &engine.to_string(), &token).expect("an address");
                fund(&engine).await;
                offer(&engine, first, &ends, &counts).await
            })
        });
        let flood = Flood { over, told, thread: Some(thread) };
        poll("orders are acknowledged", || (flood.told() > RATE / 10).then_some(()));
        flood
    }

    /// How many are acknowledged.
    pub fn told(&self) -> u64 {
        self.told.load(Ordering::Acquire)
    }

    /// Goes on through a fault, and gives how many were acknowledged in a second meanwhile.
    pub fn through(&self, fault: impl FnOnce()) -> f64 {
        let (before, begun) = (self.told(), Instant::now());
        fault();
        (self.told() - before) as f64 / begun.elapsed().as_secs_f64()
    }

    /// It is the load that faults are to be made under.
    pub fn assert_rate(&self) {
        let rate = self.through(|| std::thread::sleep(MEASURED));
        println!("{rate:.0} orders a second");
        assert!(rate >= RATE_MIN, "{rate:.0} orders a second");
    }

    pub fn end(mut self) -> Flooded {
        self.over.store(true, Ordering::Release);
        let flooded = self.thread.take().expect("ended once").join().expect("every order has an outcome");
        println!(
            "{} orders acknowledged, {} refused, {} without an answer, {} not sent",
            flooded.told.len(),
            flooded.refused,
            flooded.unknown,
            flooded.dropped
        );
        flooded
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
    }
}

fn engine_of(node: &Node) -> SocketAddr {
    node.address_of("landry-ces-matchengine ")
}

async fn fund(engine: &RemoteEngine) {
    for id in USERS {
        for asset in ASSETS {
            let business = Label::new("deposit").expect("short");
            let (user, asset, counter) = (UserId(id), AssetId(asset), Counter::External);
            let (amount, business_id) = (1 << 60, i64::from(asset.0));
            let funding = Funding { user, asset, amount, business, business_id, counter, detail: "".into() };
            engine.submit(Command::Credit(funding)).await.expect("funds");
        }
    }
}

/// Even ones sell, and the odd ones after them buy the same; nobody does both.
fn order(number: u64) -> Command {
    let (pair, half) = (number / 2, (USERS.end - USERS.start) / 2);
    let (side, first) =
        if number.is_multiple_of(2) { (Side::Sell, USERS.start) } else { (Side::Buy, USERS.start + half) };
    let user = UserId(first + pair % half);
    let (price, qty) = (PriceTicks(300_000 + pair % 50), QtyLots(100 + pair % 900));
    let client_id = ClientId::new(&format!("f{number}")).expect("short");
    Command::Place(NewOrder { client_id, ..NewOrder::limit(user, MARKET.0, side, price, qty) })
}

async fn offer(engine: &RemoteEngine, first: u64, over: &AtomicBool, count: &AtomicU64) -> Flooded {
    let (begun, mut flooded, mut open) = (Instant::now(), Flooded::default(), FuturesUnordered::new());
    let (mut number, mut ticks) = (0, tokio::time::interval(PACE));
    let settle = |(number, outcome): (u64, Result<Seq, SubmitError>), flooded: &mut Flooded| match outcome {
        Ok(seq) => {
            flooded.told.insert(seq.0, number);
            count.fetch_add(1, Ordering::AcqRel);
        }
        Err(SubmitError::Unknown) => flooded.unknown += 1,
        Err(_) => flooded.refused += 1,
    };
    while !over.load(Ordering::Acquire) {
        tokio::select! {
            _ = ticks.tick() => {
                let due = begun.elapsed().as_micros() as u64 * RATE / 1_000_000;
                while number < due {
                    if open.len() < OPEN_MAX {
                        let number = first + number;
                        open.push(async move { (number, engine.submit(order(number)).await.map(|reply| reply.seq)) });
                    } else {
                        flooded.dropped += 1;
                    }
                    number += 1;
                }
            }
            Some(done) = open.next(), if !open.is_empty() => settle(done, &mut flooded),
        }
    }
    while let Some(done) = open.next().await {
        settle(done, &mut flooded);
    }
    flooded
}

impl Flooded {
    /// Every acknowledged order is in the log where it was told to be, none is there twice, and the history has every deal of the log,
    /// and no other. `loads` are all that the exchange ever had.
    pub fn check(loads: &[Flooded], node: &Node) {
        Flooded::check_at(loads, engine_of(node), node.data(), &mut node.client());
    }

    pub fn check_at(loads: &[Flooded], engine: SocketAddr, data: &Path, client: &mut Client) {
        let token = InternalToken::read(data).expect("a token");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let deals = runtime.block_on(async {
            let engine = RemoteEngine::new(ENGINE, &engine.to_string(), &token).expect("an address");
            let status = engine.query(Query::Status).await.expect("it answers");
            let mut bus = engine.subscribe("test", Seq(1)).await.expect("a subscription");
            let mut read = Read::default();
            while read.last < status.seq {
                read.take(&bus.next().await.expect("the log is whole"));
            }
            for (seq, number) in loads.iter().flat_map(|load| &load.told) {
                assert_eq!(read.placed.get(seq), Some(number), "sequence {seq} was acknowledged");
            }
            read.deals
        });
        assert!(deals.values().any(|deals| deals.len() > 100), "hardly anything was traded");
        for (user, deals) in deals {
            poll(&format!("the history of user {user} has {} deals", deals.len()), || {
                let told = history(client, user, deals.len());
                (told.len() >= deals.len()).then(|| assert_eq!(told, deals, "user {user}"))
            });
        }
    }
}

/// What the log has of the load.
#[derive(Default)]
struct Read {
    last: Seq,
    /// Number of the order by its sequence.
    placed: BTreeMap<u64, u64>,
    numbers: BTreeSet<u64>,
    deals: BTreeMap<u64, Deals>,
}

impl Read {
    fn take(&mut self, batch: &Batch) {
        for (record, events) in batch.iter() {
            self.last = record.seq;
            match &record.command {
                Command::Place(order) if USERS.contains(&order.user.0) => {
                    let number = order.client_id.as_str()[1..].parse().expect("a number");
                    assert!(self.numbers.insert(number), "order {number} is in the log twice");
                    self.placed.insert(record.seq.0, number);
                }
                _ => {}
            }
            for event in events {
                let Event::Trade(trade) = event else { continue };
                for user in [trade.maker_user.0, trade.taker_user.0].into_iter().filter(|user| USERS.contains(user)) {
                    let deals = self.deals.entry(user).or_default();
                    assert_eq!(deals.insert(trade.trade.0, trade.quote), None, "trade {}", trade.trade.0);
                }
            }
        }
    }
}

/// All deals of a user, as the history has them; none if there are fewer than `count`, which asks for much less.
fn history(client: &mut Client, user: u64, count: usize) -> Deals {
    let head = [json!(user), json!(MARKET.1)];
    let last = client.ask("market.user_deals", json!([user, MARKET.1, count - 1, 1]));
    if last["records"].as_array().is_some_and(Vec::is_empty) {
        return Deals::new();
    }
    let read = |deal: &Value| (deal["id"].as_u64().expect("an id"), units(&deal["deal"]));
    let all = client.pages("market.user_deals", &head);
    let found: Deals = all.iter().map(read).collect();
    assert_eq!(found.len(), all.len(), "user {user} has a deal twice");
    found
}
