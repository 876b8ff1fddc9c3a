//! A client that folds the reports of its orders has the engine's open orders at every sequence, and its balances.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use allin_core::ids::{AssetId, Seq, Timestamp, UserId};
use allin_core::spot::Spot;
use allin_core::spot::command::{Account, Command, Counter, Funding};
use allin_core::spot::event::Event;
use allin_core::spot::view::OrderView;
use allin_core::text::Label;
use allin_exchange::catalog::Catalog;
use allin_landry::decimals::{self, Numbers};
use allin_landry::spotapi::call::TimeUnit;
use allin_landry::userdata::UserEvents;
use allin_testing::twin::random::{Commands, USERS};
use allin_wire::binance::{kind_name, side_name, status_name, stp_name, tif_name};
use serde_json::Value;

use super::start;
use crate::log::Log;

const SEEDS: u64 = 24;
const COMMANDS: u64 = 1200;
/// Executions of one command have numbers from this times its sequence on.
const PER_COMMAND: u64 = 1024;
const SOON: Duration = Duration::from_secs(30);

/// What is told of an open order.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Picture(BTreeMap<&'static str, String>);

type Open = BTreeMap<u64, Picture>;

/// What the random commands must have met for the pass to mean something.
#[derive(Default, Debug)]
struct Met(HashMap<String, u64>);

impl Met {
    fn note(&mut self, key: &str) {
        *self.0.entry(key.to_owned()).or_default() += 1;
    }
}

fn engine_picture(view: &OrderView, catalog: &Catalog) -> Picture {
    let listing = catalog.listing(view.new.market).expect("listed");
    let numbers = Numbers::of(listing);
    let new = &view.new;
    Picture(BTreeMap::from([
        ("s", listing.symbol.to_string()),
        ("c", new.client_id.to_string()),
        ("S", side_name(new.side).to_owned()),
        ("o", kind_name(new.kind).to_owned()),
        ("f", tif_name(new.tif).to_owned()),
        ("q", numbers.qty(new.qty.0.into())),
        ("p", numbers.price(new.price)),
        ("P", numbers.price(new.stop_price)),
        ("F", numbers.qty(new.display_qty.0.into())),
        ("g", if view.list.0 == 0 { "-1".to_owned() } else { view.list.0.to_string() }),
        ("X", status_name(view.status).to_owned()),
        ("z", numbers.qty(view.filled.0.into())),
        ("Z", numbers.quote(view.filled_quote)),
        ("A", if view.prevented.is_zero() { String::new() } else { numbers.qty(view.prevented.0.into()) }),
        ("w", view.working.to_string()),
        ("O", view.created_at.millis().to_string()),
        ("V", stp_name(new.stp).to_owned()),
    ]))
}

fn told_picture(report: &Value) -> Picture {
    let keys = ["s", "c", "S", "o", "f", "q", "p", "P", "F", "g", "X", "z", "Z", "A", "w", "O", "V"];
    Picture(
        keys.into_iter()
            .map(|key| match &report[key] {
                Value::Null => (key, String::new()),
                Value::String(text) => (key, text.clone()),
                other => (key, other.to_string()),
            })
            .collect(),
    )
}

fn open_orders(spot: &Spot, user: UserId, catalog: &Catalog) -> Open {
    let (orders, _) = spot.open_orders(user, None, None, 0, usize::MAX);
    orders.iter().map(|view| (view.order.0, engine_picture(view, catalog))).collect()
}

/// One user's side of a run.
struct Watched {
    user: UserId,
    events: Option<UserEvents>,
    /// Everything before this may be told or not; the fold begins with the engine's orders there.
    base: Seq,
}

#[derive(Default)]
struct Recorded {
    /// Open orders after each command, by sequence and user.
    open: HashMap<(Seq, UserId), Open>,
    /// Balances that a command told, by sequence and user: asset, free, locked.
    balances: BTreeMap<Seq, HashMap<UserId, Vec<[String; 3]>>>,
    trades: HashMap<UserId, u64>,
    catalog: Catalog,
}

impl Recorded {
    fn command(&mut self, log: &Log, command: (Timestamp, Command)) -> Vec<Event> {
        let mut catalog = std::mem::take(&mut self.catalog);
        let (reply, ()) = log.apply_at(command.0, command.1, |_| ());
        reply.events.iter().for_each(|event| catalog.apply(event));
        for user in (1..=USERS + 1).map(UserId) {
            let open = log.look(|spot| open_orders(spot, user, &catalog));
            self.open.insert((reply.seq, user), open);
        }
        for event in &reply.events {
            if let Event::Balance { account: Account::User(user), asset, available, held } = event {
                let spec = catalog.asset(*asset).expect("listed");
                let text = |amount| decimals::amount(amount, spec.scale);
                let told = [spec.symbol.to_string(), text(*available), text(*held)];
                self.balances.entry(reply.seq).or_default().entry(*user).or_default().push(told);
            }
            if let Event::Trade(trade) = event {
                *self.trades.entry(trade.maker_user).or_default() += 1;
                *self.trades.entry(trade.taker_user).or_default() += 1;
            }
        }
        self.catalog = catalog;
        reply.events
    }
}

/// The last thing that happens to everybody.
fn farewell(user: UserId) -> Command {
    Command::Credit(Funding {
        user,
        asset: AssetId(0),
        amount: 1,
        business: Label::new("farewell").expect("short"),
        business_id: 1,
        counter: Counter::External,
        detail: "".into(),
    })
}

async fn run(seed: u64, met: &mut Met) {
    let mut commands = Commands::new(seed);
    let log = Log::new(Timestamp(0));
    let (data, running) = start(&log);
    let mut recorded = Recorded::default();
    let mut watched: Vec<Watched> = Vec::new();
    let mut waiting: Vec<(UserId, tokio::task::JoinHandle<(UserEvents, Seq)>)> = Vec::new();
    for nth in 0..COMMANDS {
        // They come one after another while commands go on, so that loads meet commands.
        if nth >= 100 && nth % 37 == 0 && waiting.len() + watched.len() < USERS as usize {
            let user = UserId(1 + (waiting.len() + watched.len()) as u64);
            let (data, log) = (data.clone(), log.clone());
            let asked = tokio::spawn(async move {
                let events = data.subscribe(user, TimeUnit::Milliseconds).await.expect("begins");
                (events, log.seq())
            });
            waiting.push((user, asked));
        }
        let command = commands.next_command();
        let told = recorded.command(&log, command);
        commands.look(&told);
        if nth % 3 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for (user, asked) in waiting.drain(..) {
        let (events, base) = asked.await.expect("no panic");
        watched.push(Watched { user, events: Some(events), base });
    }
    for user in (1..=USERS).map(UserId) {
        recorded.command(&log, (log.now(), farewell(user)));
    }
    assert_eq!(watched.len(), USERS as usize);
    for watched in watched {
        check(seed, watched, &recorded, met).await;
    }
    running.stop().await.expect("stops");
}

async fn check(seed: u64, mut watched: Watched, recorded: &Recorded, met: &mut Met) {
    let (user, base) = (watched.user, watched.base);
    let mut events = watched.events.take().expect("subscribed");
    let mut open = recorded.open[&(base, user)].clone();
    let mut positions = recorded.balances.iter().filter_map(|(seq, by_user)| Some((*seq, by_user.get(&user)?.clone())));
    let mut expected = positions.by_ref().skip_while(|(seq, _)| *seq <= base).peekable();
    let mut seq = base;
    let mut early = 0;
    loop {
        let event = tokio::time::timeout(SOON, events.next()).await.expect("in time").expect("goes on");
        assert!(event.starts_with(b"{\"e\":"), "{event:?}");
        let event: Value = serde_json::from_slice(&event).expect("JSON");
        let kind = event["e"].as_str().expect("a kind").to_owned();
        met.note(&kind);
        match kind.as_str() {
            "executionReport" => {
                let of = Seq(event["I"].as_u64().expect("a number") / PER_COMMAND);
                if of <= base {
                    early += 1;
                    continue;
                }
                assert!(of >= seq, "seed {seed}: {of:?} after {seq:?}");
                if of > seq {
                    for between in seq.0..of.0 {
                        assert_eq!(open, recorded.open[&(Seq(between), user)], "seed {seed} {user:?} at {between}");
                    }
                    seq = of;
                }
                met.note(event["x"].as_str().expect("a type"));
                if event["x"] == "REJECTED" {
                    // It never was an order, and has no id.
                    assert_eq!((&event["X"], event["i"].as_i64()), (&"REJECTED".into(), Some(-1)), "{event}");
                    continue;
                }
                let id = event["i"].as_u64().expect("an id");
                match event["X"].as_str().expect("a status") {
                    "NEW" | "PARTIALLY_FILLED" | "PENDING_NEW" => {
                        // What is closed later in the same command was not on the book for anybody.
                        open.insert(id, told_picture(&event));
                    }
                    status => {
                        met.note(status);
                        assert!(open.remove(&id).is_some(), "seed {seed} {user:?} {status} of {id} twice");
                        assert_eq!(event["w"], Value::Bool(false), "{event}");
                    }
                }
            }
            "outboundAccountPosition" => {
                let told: Vec<[String; 3]> = event["B"].as_array().expect("balances").iter().map(balance).collect();
                match expected.peek() {
                    Some((_, wanted)) if *wanted == told => drop(expected.next()),
                    wanted => assert_eq!(seq, base, "seed {seed} {user:?} {told:?} for {wanted:?}"),
                }
                if expected.peek().is_none() {
                    break;
                }
            }
            _ => {}
        }
    }
    let last = Seq(recorded.open.keys().map(|(seq, _)| seq.0).max().expect("commands"));
    for between in seq.0..=last.0 {
        assert_eq!(open, recorded.open[&(Seq(between), user)], "seed {seed} {user:?} at {between}");
    }
    met.0.entry("early".to_owned()).and_modify(|sum| *sum += early).or_insert(early);
}

fn balance(balance: &Value) -> [String; 3] {
    ["a", "f", "l"].map(|key| balance[key].as_str().expect("text").to_owned())
}

#[tokio::test]
async fn the_fold_of_the_reports_is_the_state_of_the_engine() {
    let mut met = Met::default();
    for seed in 1..=SEEDS {
        run(seed, &mut met).await;
    }
    for (key, least) in [
        ("NEW", 500),
        ("TRADE", 500),
        ("CANCELED", 200),
        ("EXPIRED", 100),
        ("REPLACED", 50),
        ("REJECTED", 1),
        ("TRADE_PREVENTION", 50),
        ("EXPIRED_IN_MATCH", 20),
        ("FILLED", 100),
        ("listStatus", 50),
        ("balanceUpdate", 50),
        ("outboundAccountPosition", 500),
    ] {
        assert!(met.0.get(key).copied().unwrap_or(0) >= least, "{key}: {met:?}");
    }
}
