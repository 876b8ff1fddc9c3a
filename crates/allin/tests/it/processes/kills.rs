//! Every process is killed in turn while a user trades and another listens.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::crash::poll;

use super::client::{Rest, Stream};
use super::cluster::{Cluster, Process};

/// Acknowledged orders after each return of a process, before the next is killed.
const BETWEEN: usize = 5;

#[derive(Default)]
struct Shared {
    ends: AtomicBool,
    taken: AtomicUsize,
    heard: AtomicUsize,
}

/// Ends both, also when the test fails: who waits for them would wait for ever.
struct EndsWith<'a>(&'a Shared);

impl Drop for EndsWith<'_> {
    fn drop(&mut self) {
        self.0.ends.store(true, Ordering::Relaxed);
    }
}

/// What became of orders, by their client ids.
#[derive(Default)]
struct Ledger {
    /// Acknowledged, with the order's id.
    placed: BTreeMap<String, u64>,
    /// Those whose cancel was acknowledged.
    cancelled: BTreeSet<String>,
    /// Nobody told what became of them.
    unknown: BTreeSet<String>,
    doubtful_cancels: BTreeSet<String>,
}

/// Places orders that rest, and cancels every other one, until it is told to end.
fn trade(mut rest: Rest, shared: &Shared) -> Ledger {
    let mut ledger = Ledger::default();
    let mut number = 0;
    while !shared.ends.load(Ordering::Relaxed) {
        number += 1;
        let id = format!("kills-{number}");
        let order = format!(
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=20000&newClientOrderId={id}"
        );
        match rest.signed("POST", "/api/v3/order", &order) {
            Ok((200, body)) => {
                let order = body["orderId"].as_u64().expect("an id");
                assert_eq!(ledger.placed.insert(id.clone(), order), None);
                shared.taken.fetch_add(1, Ordering::Relaxed);
            }
            // The engine answered, and refused: it is not there. That it cannot be: there is room and money.
            Ok((status, body)) if status < 500 => panic!("{id}: {status} {body}"),
            Ok(_) | Err(_) => {
                ledger.unknown.insert(id);
                std::thread::sleep(Duration::from_millis(50));
                continue;
            }
        }
        // Else the account would have too many.
        if number % 40 != 0 {
            let cancel = format!("symbol=BTCUSDT&origClientOrderId={id}");
            match rest.signed("DELETE", "/api/v3/order", &cancel) {
                Ok((200, _)) => _ = ledger.cancelled.insert(id),
                Ok((status, body)) if status < 500 => panic!("cancel {id}: {status} {body}"),
                Ok(_) | Err(_) => _ = ledger.doubtful_cancels.insert(id),
            }
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    ledger
}

/// Follows a book, and comes back whenever the stream breaks off. Within one connection no event is missing.
fn listen(public: SocketAddr, shared: &Shared) {
    while !shared.ends.load(Ordering::Relaxed) {
        let Ok(mut stream) = Stream::open(public, "/ws/btcusdt@depth@100ms") else {
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        let mut last: Option<u64> = None;
        while let Ok(event) = stream.next() {
            let (first, newest) = (event["U"].as_u64().expect("U"), event["u"].as_u64().expect("u"));
            assert!(last.is_none_or(|last| first == last + 1) && first <= newest, "{last:?} then {event}");
            last = Some(newest);
            shared.heard.fetch_add(1, Ordering::Relaxed);
            if shared.ends.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

/// So that nothing is refused, and the maker places few orders.
pub const SETTINGS: [&str; 5] = [
    "spotapi.orders_10s_max=0",
    "spotapi.weight_1m_max=0",
    "demo.history_hours=0",
    "demo.levels=5",
    "demo.step_ms=500",
];

/// A user trades and another listens while processes are killed in turn; nothing that was acknowledged is lost.
pub fn kill_in_turn(cluster: &Cluster, user: &(String, String), processes: Vec<Process>) {
    let (public, shared) = (cluster.public(0), Shared::default());
    let ledger = std::thread::scope(|scope| {
        let ends = EndsWith(&shared);
        let trader = scope.spawn(|| trade(Rest::new(public, user), &shared));
        let listener = scope.spawn(|| listen(public, &shared));
        let go_on = |what: &str| {
            let (taken, heard) = (shared.taken.load(Ordering::Relaxed), shared.heard.load(Ordering::Relaxed));
            poll(&format!("orders and events {what}"), || {
                assert!(!trader.is_finished() && !listener.is_finished(), "{what}");
                let more = shared.taken.load(Ordering::Relaxed) >= taken + BETWEEN;
                (more && shared.heard.load(Ordering::Relaxed) > heard).then_some(())
            });
        };
        go_on("before");
        for process in processes {
            cluster.kill(&process);
            cluster.await_return(&process);
            go_on(&format!("after the death of {}", process.name));
        }
        drop(ends);
        listener.join().expect("the stream had no gap");
        trader.join().expect("nothing was refused")
    });
    check(&mut Rest::new(public, user), &ledger);
}

#[test]
fn any_one_process_may_die_and_nothing_is_lost() {
    let settings: Vec<&str> = SETTINGS.iter().flat_map(|setting| ["--set", setting]).collect();
    let mut cluster = Cluster::start(&settings);
    let user = cluster.user("BTC=1,USDT=1000000");
    kill_in_turn(&cluster, &user, cluster.processes());
    let processes = cluster.processes();
    assert_eq!(processes.iter().map(|process| process.restarts).collect::<BTreeSet<_>>(), BTreeSet::from([1]));
    cluster.command(&["stop", "--data", "data"]);
    assert!(cluster.wait().success(), "{}", cluster.stderr());
    cluster.assert_gone(&processes);
    cluster.assert_verifies();
}

/// Every acknowledged order is there once, as it was left.
fn check(rest: &mut Rest, ledger: &Ledger) {
    assert!(ledger.placed.len() > 3 * BETWEEN, "{} orders", ledger.placed.len());
    let mut found: BTreeMap<String, (u64, String)> = BTreeMap::new();
    let mut from = 0;
    loop {
        let page = rest.good("/api/v3/allOrders", &format!("symbol=BTCUSDT&limit=500&orderId={from}"));
        let page = page.as_array().expect("a list");
        for order in page {
            let text = |name: &str| order[name].as_str().expect("text").to_owned();
            let id = order["orderId"].as_u64().expect("an id");
            from = from.max(id + 1);
            let twice = found.insert(text("clientOrderId"), (id, text("status")));
            assert_eq!(twice, None, "{order} is there twice");
        }
        if page.len() < 500 {
            break;
        }
    }
    for (id, order) in &ledger.placed {
        let (number, status) = found.remove(id).unwrap_or_else(|| panic!("{id} was acknowledged and is lost"));
        assert_eq!(number, *order, "{id}");
        match status.as_str() {
            "CANCELED" => assert!(ledger.cancelled.contains(id) || ledger.doubtful_cancels.contains(id), "{id}"),
            "NEW" => assert!(!ledger.cancelled.contains(id), "{id} was cancelled"),
            other => panic!("{id} is {other}"),
        }
    }
    for id in found.keys() {
        assert!(ledger.unknown.contains(id), "{id} was never sent");
    }
}
