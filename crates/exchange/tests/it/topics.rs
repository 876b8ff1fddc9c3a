//! Event topics: whatever fails and wherever the publisher dies, a reader gets everything once.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allin_core::ids::{MarketId, Seq};
use allin_core::num::decimal;
use allin_core::spot::command::{Account, Command, Side};
use allin_core::spot::event::Event;
use allin_exchange::cachecenter::book::Book;
use allin_exchange::catalog::Listing;
use allin_exchange::follow::Pace;
use allin_exchange::service::Starting;
use allin_exchange::topics::{self, Handles};
use allin_runtime::topics::{EventTopics, Marks, Message, Topic, TopicsError};
use async_trait::async_trait;
use expect_test::expect;
use serde_json::Value;

use crate::cut::cut;
use crate::flow::{Flow, Random};
use crate::tape::{Tape, TapeBus, asset, market};

const STEPS: usize = 500;

/// What the topics hold.
#[derive(Default)]
struct Kept {
    messages: Vec<Message>,
    position: Seq,
    opened: u32,
}

/// Topics in memory. Now and then only the first messages of a batch are kept, or all and not the position.
#[derive(Clone)]
struct Moody {
    kept: Arc<Mutex<Kept>>,
    random: Arc<Mutex<Random>>,
    /// One batch in so many fails; 0: none.
    fails: u64,
}

impl Moody {
    fn new(seed: u64, fails: u64) -> Moody {
        Moody { kept: Arc::default(), random: Arc::new(Mutex::new(Random(seed))), fails }
    }

    fn below(&self, bound: u64) -> u64 {
        self.random.lock().expect("no holder panics").below(bound)
    }

    fn with<R>(&self, what: impl FnOnce(&mut Kept) -> R) -> R {
        what(&mut self.kept.lock().expect("no holder panics"))
    }
}

#[async_trait]
impl EventTopics for Moody {
    async fn open(&mut self) -> Result<Marks, TopicsError> {
        tokio::task::yield_now().await;
        Ok(self.with(|kept| {
            kept.opened += 1;
            let last = kept.messages.iter().map(|message| (message.topic, message.place)).collect();
            Marks { position: kept.position, last }
        }))
    }

    async fn publish(&mut self, messages: Vec<Message>, position: Seq) -> Result<(), TopicsError> {
        let fails = self.fails > 0 && self.below(self.fails) == 0;
        let kept = if fails { self.below(messages.len() as u64 + 1) as usize } else { messages.len() };
        for message in messages.into_iter().take(kept) {
            // May be killed between any two.
            tokio::task::yield_now().await;
            self.with(|all| all.messages.push(message));
        }
        tokio::task::yield_now().await;
        if fails {
            return Err(TopicsError("away".into()));
        }
        self.with(|all| all.position = position);
        Ok(())
    }
}

/// One life of the publisher, until everything on the tape is told.
async fn publish(tape: &Arc<Tape>, moody: &Moody) {
    live(tape, moody, |kept| kept.position >= tape.durable()).await;
}

/// One life of the publisher, until something is so.
async fn live(tape: &Arc<Tape>, moody: &Moody, is_done: impl Fn(&Kept) -> bool) {
    let starting = Starting::new("test");
    let handles = Handles {
        engine: tape.clone(),
        bus: Arc::new(TapeBus(tape.clone())),
        topics: Box::new(moody.clone()),
        pace: Pace { interval: Duration::from_millis(1), events_max: 40 },
        standing_page: 40,
    };
    let told = async {
        while !moody.with(|kept| is_done(kept)) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        ended = topics::run(handles, starting.stopping()) => panic!("{ended:?}"),
        () = told => {}
    }
}

fn tape(seed: u64) -> Arc<Tape> {
    let tape = Tape::new(16);
    Flow::new(tape.clone(), seed).steps(STEPS);
    tape
}

/// The messages of one topic, without those of books, whose wholes depend on the lives.
fn of(moody: &Moody, topic: Topic) -> Vec<Message> {
    moody.with(|kept| kept.messages.iter().filter(|message| message.topic == topic).cloned().collect())
}

fn parsed(messages: &[Message]) -> Vec<Value> {
    messages.iter().map(|message| serde_json::from_str(&message.json).expect("JSON")).collect()
}

fn listing(id: u32) -> Listing {
    let spec = market(id);
    Listing::new(&spec, &asset(spec.quote.0))
}

type Levels = [BTreeMap<String, String>; 2];

/// The books of a reader of the topic.
fn books(messages: &[Value]) -> BTreeMap<String, Levels> {
    let mut books: BTreeMap<String, Levels> = BTreeMap::new();
    for told in messages {
        let market = told["market"].as_str().expect("a market").to_owned();
        let is_whole = told["event"] == "whole";
        if is_whole && told["part"] == 1 {
            books.insert(market.clone(), Levels::default());
        }
        // Changes before the first whole book say nothing.
        let Some(book) = books.get_mut(&market) else { continue };
        for (side, levels) in ["bids", "asks"].into_iter().zip(book) {
            for level in told[side].as_array().expect("levels") {
                let [price, qty] = [0, 1].map(|at| level[at].as_str().expect("text").to_owned());
                match decimal::parse_unsigned(&qty, 18).expect("a decimal") {
                    0 => drop(levels.remove(&price)),
                    _ => drop(levels.insert(price, qty)),
                }
            }
        }
    }
    books
}

/// And of the fold that public depth comes from.
fn expected_books(tape: &Tape) -> BTreeMap<String, Levels> {
    let each = (0..2).map(|id| {
        let (mut book, listing) = (Book::default(), listing(id));
        for (record, events) in tape.records() {
            book.begin(record.seq);
            let is_ours = |event: &&Event| {
                let market = match event {
                    Event::Placed(placed) => placed.new.market,
                    Event::Trade(trade) => trade.market,
                    Event::Changed(changed) => changed.market,
                    Event::Closed(closed) => closed.market,
                    Event::Triggered { market, .. } => *market,
                    _ => return false,
                };
                market == MarketId(id)
            };
            events.iter().filter(is_ours).for_each(|event| book.apply(event));
            book.finish();
        }
        let levels = [Side::Buy, Side::Sell].map(|side| {
            let one = |(price, level): (_, allin_exchange::cachecenter::book::Level)| {
                (listing.price(price), listing.qty(level.lots))
            };
            book.levels(side).map(one).collect()
        });
        (listing.symbol.to_string(), levels)
    });
    each.collect()
}

fn assert_told(tape: &Tape, moody: &Moody, reference: &Moody, context: &str) {
    for topic in Topic::ALL {
        let messages = of(moody, topic);
        let is_rising = messages.windows(2).all(|two| two[0].place < two[1].place);
        assert!(is_rising, "{context}: places of {topic:?} do not rise");
        if topic != Topic::Books {
            assert!(messages == of(reference, topic), "{context}: {topic:?} differs");
        }
    }
    let mut told = books(&parsed(&of(moody, Topic::Books)));
    told.retain(|_, levels| levels.iter().any(|side| !side.is_empty()));
    let mut wanted = expected_books(tape);
    wanted.retain(|_, levels| levels.iter().any(|side| !side.is_empty()));
    assert_eq!(told, wanted, "{context}");
}

#[tokio::test]
async fn everything_is_told_once_whatever_fails_and_wherever_it_is_killed() {
    for seed in [11, 12] {
        let tape = tape(seed);
        let reference = Moody::new(1, 0);
        publish(&tape, &reference).await;

        let moody = Moody::new(seed, 5);
        let (mut lives, mut polls) = (0, Random(seed));
        while cut(publish(&tape, &moody), 1 + polls.below(400) as u32).await.is_none() {
            lives += 1;
        }
        let opened = moody.with(|kept| kept.opened);
        assert!(lives > 5 && opened > lives, "{lives} lives, opened {opened} times");
        // Whole books that are cut off are told again with the next command; here there is none.
        let calm = Moody { fails: 0, ..moody.clone() };
        publish_whole(&tape, &calm).await;
        publish(&tape, &reference).await;
        assert_told(&tape, &moody, &reference, &format!("seed {seed}, {lives} lives"));
    }
}

/// One life in which a command comes after the start, with which whole books are told.
async fn publish_whole(tape: &Arc<Tape>, moody: &Moody) {
    let (before, came) = (moody.with(|kept| kept.opened), Cell::new(false));
    live(tape, moody, |kept| {
        if kept.opened > before && !came.replace(true) {
            tape.push(tape.now(), Command::Tick, vec![]);
        }
        came.get() && kept.position >= tape.durable()
    })
    .await;
}

#[tokio::test]
async fn topics_tell_what_the_events_tell() {
    let tape = tape(21);
    let told = Moody::new(1, 0);
    publish(&tape, &told).await;
    let records = tape.records();
    let count =
        |wanted: fn(&Event) -> bool| records.iter().flat_map(|(_, events)| events).filter(|e| wanted(e)).count();
    assert_eq!(of(&told, Topic::Deals).len(), count(|event| matches!(event, Event::Trade(_))));
    let orders = parsed(&of(&told, Topic::Orders));
    type Sort = (&'static str, fn(&Event) -> bool);
    let sorts: [Sort; 6] = [
        ("placed", |event| matches!(event, Event::Placed(_))),
        ("closed", |event| matches!(event, Event::Closed(_))),
        ("changed", |event| matches!(event, Event::Changed(_))),
        ("triggered", |event| matches!(event, Event::Triggered { .. })),
        ("list_placed", |event| matches!(event, Event::ListPlaced { .. })),
        ("list_done", |event| matches!(event, Event::ListDone { .. })),
    ];
    for (name, wanted) in sorts {
        let wanted = count(wanted);
        assert!(wanted > 0, "the flow has no {name}");
        assert_eq!(orders.iter().filter(|order| order["event"] == name).count(), wanted, "{name}");
    }
    // The last balance told of each account is the engine's.
    let mut last: BTreeMap<(String, String), (String, String)> = BTreeMap::new();
    for (message, told) in of(&told, Topic::Balances).iter().zip(parsed(&of(&told, Topic::Balances))) {
        if told["event"] == "balance" {
            let text = |key: &str| told[key].as_str().expect("text").to_owned();
            last.insert((message.key.clone(), text("asset")), (text("available"), text("held")));
        }
    }
    let spot = tape.spot();
    for user in 1..=6 {
        for id in 0..3 {
            let spec = asset(id);
            let balance = spot.balance(Account::User(allin_core::ids::UserId(user)), spec.id);
            let text = |amount| decimal::format(amount, spec.scale);
            let key = (user.to_string(), spec.symbol.to_string());
            assert_eq!(last.get(&key), Some(&(text(balance.available), text(balance.held))), "{key:?}");
        }
    }
}

#[tokio::test]
async fn how_messages_look() {
    let tape = Tape::new(16);
    let flow = RefCell::new(Flow::new(tape.clone(), 22));
    let told = Moody::new(1, 0);
    // It goes on while they are told.
    live(&tape, &told, |kept| {
        flow.borrow_mut().steps(20);
        kept.position > Seq(1_000)
    })
    .await;
    let first = |topic: Topic, event: &str| {
        let messages = of(&told, topic);
        let found = messages.iter().find(|message| event.is_empty() || message.json.contains(event));
        let found = found.unwrap_or_else(|| panic!("no {event} in {topic:?}"));
        format!("{} {}\n", found.key, found.json)
    };
    let shown = [
        first(Topic::Deals, ""),
        first(Topic::Orders, "\"placed\""),
        first(Topic::Orders, "stop_price"),
        first(Topic::Orders, "\"changed\""),
        first(Topic::Orders, "\"closed\""),
        first(Topic::Orders, "\"triggered\""),
        first(Topic::Orders, "\"list_placed\""),
        first(Topic::Orders, "\"list_done\""),
        first(Topic::Balances, "\"posting\""),
        first(Topic::Balances, "\"balance\""),
        first(Topic::Books, "\"whole\""),
        first(Topic::Books, "\"changed\""),
    ];
    expect![[r#"
        ETHUSDT {"seq":44,"at_us":1777680005204005,"market":"ETHUSDT","trade":1,"price":"1.04","qty":"0.0018","quote":"0.00187200","taker_side":"BUY","auction":true,"maker_order":10,"taker_order":16,"maker_user":4,"taker_user":5,"maker_fee":"0.00000188","maker_fee_asset":"USDT","taker_fee":"0.00000180","taker_fee_asset":"ETH","maker_left":"0.0162","taker_left":"0.0000"}
        ETHUSDT {"event":"placed","seq":30,"at_us":1777680002302000,"market":"ETHUSDT","user":5,"order":1,"client_id":"c230","status":"NEW","side":"BUY","type":"LIMIT_MAKER","time_in_force":"GTC","self_trade_prevention":"EXPIRE_BOTH","maker_rate":"0.00100000","taker_rate":"0.00100000","price":"0.99","qty":"0.0139"}
        BTCUSDT {"event":"placed","seq":36,"at_us":1777680004902001,"market":"BTCUSDT","user":4,"order":5,"list":1,"status":"PENDING_NEW","side":"SELL","type":"STOP_LOSS_LIMIT","time_in_force":"GTC","self_trade_prevention":"NONE","stop_price":"1.08","maker_rate":"0.00100000","taker_rate":"0.00100000","price":"1.02","qty":"0.0084"}
        ETHUSDT {"event":"changed","seq":79,"at_us":1777680016415012,"market":"ETHUSDT","user":4,"order":40,"cause":"DECREMENTED","price":"0.00","qty":"0.0000","left":"0.0000"}
        ETHUSDT {"event":"closed","seq":44,"at_us":1777680005204005,"market":"ETHUSDT","user":5,"order":16,"status":"FILLED","cause":"FILLED","left":"0.0000","filled":"0.0018","filled_quote":"0.00187200"}
        ETHUSDT {"event":"triggered","seq":114,"at_us":1777680029122018,"market":"ETHUSDT","user":4,"order":13,"price":"1.01"}
        BTCUSDT {"event":"list_placed","seq":36,"at_us":1777680004902001,"market":"BTCUSDT","user":4,"list":1,"contingency":"OTO","orders":[4,5]}
        ETHUSDT {"event":"list_done","seq":118,"at_us":1777680031423018,"market":"ETHUSDT","user":4,"list":3}
        1 {"event":"posting","seq":7,"at_us":1777680000000000,"from":{"account":"deposits"},"to":{"account":"user","user":1},"asset":"BTC","amount":"10000000.00000000","business":"deposit","business_id":1}
        1 {"event":"balance","seq":7,"at_us":1777680000000000,"account":"user","user":1,"asset":"BTC","available":"10000000.00000000","held":"0.00000000"}
        BTCUSDT {"event":"whole","seq":45,"at_us":1777680005204006,"market":"BTCUSDT","part":1,"parts":1,"bids":[["1.09","0.0280"],["1.07","0.0084"],["0.88","0.0037"]],"asks":[["0.98","0.0019"],["1.06","0.0098"]]}
        BTCUSDT {"event":"changed","seq":46,"at_us":1777680005504006,"market":"BTCUSDT","bids":[["1.00","0.0077"]],"asks":[]}
    "#]].assert_eq(&shown.concat());
}

#[tokio::test]
async fn topics_of_another_log_are_left_alone() {
    let (tape, longer) = (Tape::new(16), tape(23));
    let told = Moody::new(1, 0);
    publish(&longer, &told).await;
    let before = of(&told, Topic::Deals);
    // It tries more than once.
    live(&tape, &told, |kept| kept.opened >= 3).await;
    assert!(of(&told, Topic::Deals) == before);
}
