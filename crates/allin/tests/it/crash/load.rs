//! Users who trade with each other and write down what they were told, so that it can be held against the exchange later.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use allin_core::num::decimal;
use serde_json::{Value, json};

use super::client::Client;
use super::node::Node;
use super::poll;

pub const MARKET: &str = "BTCUSDT";
/// What accesshttp says of an order that a filter refuses.
const INVALID: i64 = 1;
/// A user who only finds out whether commands are taken.
const PROBE: u64 = 9_000;
/// Before the one who was refused sends something again.
const REFUSED_WAIT: Duration = Duration::from_millis(5);

/// xorshift64; the seed is printed, which a failing test shows.
pub struct Random(u64);

impl Random {
    pub fn new() -> Random {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let seed = now.as_nanos() as u64 | 1;
        println!("seed {seed}");
        Random(seed)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Credit {
        btc: i128,
        usdt: i128,
    },
    Order,
    /// Of this order.
    Cancel(u64),
}

/// A command, and the answer if there was one: for an order its id, for the others nothing.
struct Sent {
    kind: Kind,
    method: &'static str,
    params: Value,
    answer: Option<u64>,
}

/// One user, sending one command after the other.
pub struct User {
    id: u64,
    random: Random,
    /// Taken or of unknown outcome; what was refused is not here.
    sent: Vec<Sent>,
    /// Orders that may be open.
    open: Vec<u64>,
    /// How many of `sent` were held against the exchange.
    checked: usize,
}

/// What one command came to, as far as the one who sends it knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    Taken,
    /// With this code, and nothing changed.
    Refused(i64),
}

impl User {
    pub fn new(id: u64) -> User {
        User { id, random: Random::new(), sent: vec![], open: vec![], checked: 0 }
    }

    pub fn many(count: u64) -> Vec<User> {
        (1..=count).map(User::new).collect()
    }

    /// The funds to trade with, then orders, cancels and credits as they fall.
    pub fn step(&mut self, client: &mut Client) -> io::Result<Told> {
        match (self.sent.len(), self.random.below(10)) {
            (0, _) => self.credit(client, "BTC", 10_000),
            (1, _) => self.credit(client, "USDT", 1_000_000),
            (_, 0) => self.credit(client, "BTC", 1),
            (_, 1) => self.credit(client, "USDT", 3),
            (_, 2 | 3) if !self.open.is_empty() => self.cancel(client),
            _ => self.order(client),
        }
    }

    pub fn credit(&mut self, client: &mut Client, asset: &str, amount: i128) -> io::Result<Told> {
        self.credit_with(client, asset, amount, json!({}))
    }

    pub fn credit_with(&mut self, client: &mut Client, asset: &str, amount: i128, detail: Value) -> io::Result<Told> {
        let units = amount * 100_000_000;
        let (btc, usdt) = if asset == "BTC" { (units, 0) } else { (0, units) };
        let params = json!([self.id, asset, "deposit", self.sent.len(), amount.to_string(), detail]);
        self.send(client, Kind::Credit { btc, usdt }, "balance.update", params)
    }

    pub fn order(&mut self, client: &mut Client) -> io::Result<Told> {
        let (side, price) = (self.random.below(2) + 1, format!("100.0{}", self.random.below(10)));
        self.place(client, side, &price)
    }

    pub fn place(&mut self, client: &mut Client, side: u64, price: &str) -> io::Result<Told> {
        let amount = format!("0.{}", 1 + self.random.below(9));
        let options = json!({ "client_id": format!("c{}", self.sent.len()) });
        let params = json!([self.id, MARKET, side, amount, price, "0", "0", "crash", options]);
        self.send(client, Kind::Order, "order.put_limit", params)
    }

    pub fn cancel(&mut self, client: &mut Client) -> io::Result<Told> {
        let order = self.open.swap_remove(self.random.below(self.open.len() as u64) as usize);
        self.send(client, Kind::Cancel(order), "order.cancel", json!([self.id, MARKET, order]))
    }

    fn send(&mut self, client: &mut Client, kind: Kind, method: &'static str, params: Value) -> io::Result<Told> {
        self.sent.push(Sent { kind, method, params, answer: None });
        let sent = self.sent.last_mut().expect("just pushed");
        let answer = client.send(sent.method, &sent.params)?;
        match answer.outcome {
            Ok(result) => {
                let id = result["id"].as_u64().unwrap_or_default();
                sent.answer = Some(id);
                if kind == Kind::Order {
                    assert!(id > 0, "{result}");
                    self.open.push(id);
                }
                Ok(Told::Taken)
            }
            Err(code) => {
                self.sent.pop();
                Ok(Told::Refused(code))
            }
        }
    }

    /// Sends again whatever has no answer: as often as it takes, it is done once.
    pub fn settle(&mut self, client: &mut Client) {
        let count = self.sent.len();
        for index in self.checked..count {
            let sent = &mut self.sent[index];
            if sent.answer.is_some() {
                continue;
            }
            let answer = client.send(sent.method, &sent.params).expect("it serves");
            match (sent.kind, answer.outcome) {
                (Kind::Order, Ok(order)) => {
                    let id = order["id"].as_u64().expect("an id");
                    sent.answer = Some(id);
                    self.open.push(id);
                }
                // 10: done before the end; or the order was filled meanwhile, and so is not open either.
                (Kind::Credit { .. } | Kind::Cancel(_), Ok(_) | Err(10)) => sent.answer = Some(0),
                // It never arrived, and there are too many open orders now. One that did would be found as unknown.
                (Kind::Order, Err(INVALID)) if index + 1 == count => drop(self.sent.pop()),
                (kind, outcome) => panic!("{kind:?} {}: {outcome:?}", sent.params),
            }
        }
    }

    /// Everything that was told since the last check, or ever, is still so, and is not done twice.
    pub fn check_told(&mut self, client: &mut Client, ever: bool) {
        for sent in &self.sent[if ever { 0 } else { self.checked }..] {
            let outcome = client.send(sent.method, &sent.params).expect("it serves").outcome;
            let same = match (sent.kind, &outcome) {
                (Kind::Order, Ok(order)) => order["id"].as_u64() == sent.answer,
                (Kind::Credit { .. } | Kind::Cancel(_), Err(10)) => true,
                _ => false,
            };
            assert!(same, "{:?} {} was told {:?}, and now {outcome:?}", sent.kind, sent.params, sent.answer);
        }
        self.checked = self.sent.len();
    }

    /// No order exists that was not told, and none is open that was cancelled.
    fn check_orders(&self, client: &mut Client) {
        let known: BTreeSet<u64> =
            self.sent.iter().filter(|s| s.kind == Kind::Order).filter_map(|s| s.answer).collect();
        let cancelled = |id| self.sent.iter().any(|sent| sent.kind == Kind::Cancel(id));
        for order in client.pages("order.pending", &[json!(self.id), json!(MARKET)]) {
            let id = order["id"].as_u64().expect("an id");
            assert!(known.contains(&id) && !cancelled(id), "{order}");
        }
        let mut finished = BTreeSet::new();
        for order in finished_orders(client, self.id) {
            let id = order["id"].as_u64().expect("an id");
            assert!(known.contains(&id) && finished.insert(id), "{order}");
        }
    }

    /// The balances are the credits, each once, and the deals of the history, each once.
    fn check_balances(&self, client: &mut Client) {
        let (mut btc, mut usdt) = (0, 0);
        for sent in &self.sent {
            if let Kind::Credit { btc: more_btc, usdt: more_usdt } = sent.kind {
                (btc, usdt) = (btc + more_btc, usdt + more_usdt);
            }
        }
        let balances = client.ask("balance.query", json!([self.id, "BTC", "USDT"]));
        let has = |asset: &str| units(&balances[asset]["available"]) + units(&balances[asset]["freeze"]);
        let has = (has("BTC"), has("USDT"));
        let mut found = (0, 0);
        for _ in 0..400 {
            found = deals(client, self.id).iter().fold((btc, usdt), |(btc, usdt), deal| {
                let (amount, money) = (units(&deal["amount"]), units(&deal["deal"]));
                if deal["side"] == 2 { (btc + amount, usdt - money) } else { (btc - amount, usdt + money) }
            });
            if found == has {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(25));
        }
        panic!("user {} has {has:?}; credits and deals come to {found:?}", self.id);
    }
}

pub fn units(text: &Value) -> i128 {
    decimal::parse_signed(text.as_str().expect("decimal text"), 8).expect("a number")
}

pub fn deals(client: &mut Client, user: u64) -> Vec<Value> {
    client.pages("market.user_deals", &[json!(user), json!(MARKET)])
}

pub fn finished_orders(client: &mut Client, user: u64) -> Vec<Value> {
    client.pages("order.finished", &[json!(user), json!(MARKET), json!(0), json!(0)])
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// All users send at once until `taken` commands are acknowledged, then `fault` is made while they go on; ends when all
/// have lost their connection. Gives the number acknowledged.
pub fn trade(node: &Node, users: &mut [User], taken: usize, fault: impl FnOnce()) -> usize {
    let (count, over, stopped) = (AtomicUsize::new(0), AtomicBool::new(false), AtomicBool::new(false));
    let drive = |user: &mut User| {
        let mut client = node.connect()?;
        loop {
            if stopped.load(Ordering::Relaxed) {
                return Ok(());
            }
            if user.step(&mut client)? == Told::Taken {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        // A fault that never comes must fail the test, not keep its users busy for ever.
        let _stop = SetOnDrop(&stopped);
        let threads: Vec<_> = users
            .iter_mut()
            .map(|user| {
                scope.spawn(|| {
                    let ended: io::Result<()> = drive(user);
                    over.store(true, Ordering::Relaxed);
                    ended
                })
            })
            .collect();
        poll("commands are acknowledged", || {
            (count.load(Ordering::Relaxed) >= taken || over.load(Ordering::Relaxed)).then_some(())
        });
        fault();
        threads.into_iter().for_each(|thread| drop(thread.join().expect("a user")));
    });
    count.into_inner()
}

/// All users send at once until `taken` commands are acknowledged, go on while `fault` is made and healed, and until as many more
/// are. The process lives through it; what got no answer in time is settled afterwards.
pub fn trade_through(node: &Node, users: &mut [User], taken: usize, fault: impl FnOnce()) {
    let (count, goal, healed) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX), AtomicBool::new(false));
    let drive = |user: &mut User| {
        let mut client = node.client();
        while count.load(Ordering::Relaxed) < goal.load(Ordering::Relaxed) {
            match user.step(&mut client) {
                Ok(Told::Taken) => drop(count.fetch_add(1, Ordering::Relaxed)),
                Ok(Told::Refused(_)) => std::thread::sleep(REFUSED_WAIT),
                Err(_) => {
                    poll("the end of the fault", || healed.load(Ordering::Relaxed).then_some(()));
                    client = node.client();
                    user.settle(&mut client);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        let heal = SetOnDrop(&healed);
        let threads: Vec<_> = users.iter_mut().map(|user| scope.spawn(|| drive(user))).collect();
        let ended = || threads.iter().all(std::thread::ScopedJoinHandle::is_finished);
        poll("commands are acknowledged", || (count.load(Ordering::Relaxed) >= taken || ended()).then_some(()));
        let fault = || {
            fault();
            let served = || User::new(PROBE).credit(&mut node.client(), "BTC", 1);
            poll("commands are taken again", || matches!(served(), Ok(Told::Taken | Told::Refused(10))).then_some(()));
        };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(fault));
        // Also when it failed, so that its users end.
        goal.store(count.load(Ordering::Relaxed) + taken, Ordering::Relaxed);
        drop(heal);
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

/// After a restart: what is unknown is settled, and what was told since the last check is so.
pub fn settle(node: &Node, users: &mut [User]) {
    each(node, users, |user, client| {
        user.settle(client);
        user.check_told(client, false);
    });
}

/// At the end: everything that was ever told, the ledger, and the history.
pub fn check_all(node: &Node, users: &mut [User]) {
    each(node, users, |user, client| user.check_told(client, true));
    each(node, users, |user, client| {
        user.check_balances(client);
        user.check_orders(client);
    });
}

fn each(node: &Node, users: &mut [User], work: impl Fn(&mut User, &mut Client) + Sync) {
    std::thread::scope(|scope| {
        for user in users {
            scope.spawn(|| work(user, &mut node.client()));
        }
    });
}
