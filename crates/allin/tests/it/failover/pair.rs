//! Two machines on one log and one etcd.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use allin_cluster::kafka::{KafkaLog, KafkaSection};
use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::Spot;
use allin_exchange::matchengine::RemoteEngine;
use allin_runtime::auth::InternalToken;
use allin_runtime::engine::{AnswerBody, Engine, Query};
use allin_runtime::oplog::{Log, Machine, Place as LogPlace};
use allin_testing::middleware::{Etcd, Kafka};

use crate::crash::load::User;
use crate::crash::node::{Node, Place};

/// A machine that is short of everything may lose its lease, or its stand-by the log; then it is started again, as by any
/// supervisor, but not for ever.
const STARTS_MAX: u32 = 3;

pub struct Pair {
    kafka: KafkaSection,
    pub places: [Place; 2],
    next_user: AtomicU32,
}

/// Both machines at work.
pub struct Nodes {
    pub leader: Node,
    pub standby: Node,
    /// Place of the leader.
    pub leading: usize,
}

impl Nodes {
    /// Place of the stand-by.
    pub fn other(&self) -> usize {
        1 - self.leading
    }
}

/// What a leader says that stops because it could not keep its lease.
pub const LEASE_LOST: &str = "lease is lost";

/// How a machine reaches what it stands on.
pub struct Ways {
    pub brokers: String,
    pub etcd: String,
}

impl Pair {
    /// Both go straight to one broker and the given members of etcd.
    pub fn new(etcd: &str) -> Pair {
        let straight = || Ways { brokers: Kafka::shared().brokers(), etcd: etcd.to_owned() };
        Pair::over(Kafka::shared(), [straight(), straight()])
    }

    pub fn beside(etcd: &Etcd) -> Pair {
        Pair::new(&etcd.endpoint())
    }

    pub fn over(kafka: &Kafka, ways: [Ways; 2]) -> Pair {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let kafka = KafkaSection {
            brokers: kafka.brokers(),
            operlog_topic: format!("failover-{number}"),
            ..KafkaSection::default()
        };
        let places = ways.map(|Ways { brokers, etcd }| {
            let settings = [
                "log.kind=kafka".to_owned(),
                format!("kafka.brokers={brokers}"),
                format!("kafka.operlog_topic={}", kafka.operlog_topic),
                "kafka.create_topics=true".to_owned(),
                "kafka.replication=1".to_owned(),
                "kafka.min_insync=1".to_owned(),
                format!("etcd.endpoints={etcd}"),
                format!("etcd.prefix=/failover-{number}"),
            ];
            let mut place = Place::new();
            place.arguments = settings.into_iter().flat_map(|setting| ["--set".to_owned(), setting]).collect();
            place
        });
        Pair { kafka, places, next_user: AtomicU32::new(1_000) }
    }

    /// The same with a further setting.
    pub fn with(mut self, setting: &str) -> Pair {
        self.places.iter_mut().for_each(|place| place.arguments.extend(["--set".to_owned(), setting.to_owned()]));
        self
    }

    /// A leader that serves, and a stand-by beside it.
    pub fn start(&self) -> Nodes {
        let mut leader = self.places[0].spawn(&[]);
        self.take_over(&mut leader, 0, Instant::now());
        Nodes { leader, standby: self.stand_by(1), leading: 0 }
    }

    /// The leader has ended: the stand-by leads, and a new one stands by. Gives the time to serve since `since`.
    pub fn change(&self, nodes: &mut Nodes, since: Instant) -> Duration {
        let place = nodes.other();
        let took = self.take_over(&mut nodes.standby, place, since);
        self.swap(nodes);
        took
    }

    /// The stand-by serves already.
    pub fn swap(&self, nodes: &mut Nodes) {
        let new = self.stand_by(nodes.leading);
        nodes.leader = std::mem::replace(&mut nodes.standby, new);
        nodes.leading = nodes.other();
    }

    /// Work that the leader has to do. One that loses its lease by itself, for lack of time, is no fault: the next goes on.
    pub fn served(&self, nodes: &mut Nodes, mut work: impl FnMut(&Node)) {
        for start in 1.. {
            let outcome = catch_unwind(AssertUnwindSafe(|| work(&nodes.leader)));
            let Err(panic) = outcome else { return };
            if start == STARTS_MAX || !self.says(nodes.leading, LEASE_LOST) {
                resume_unwind(panic);
            }
            println!("leader {start} lost its lease by itself");
            nodes.leader.wait();
            self.change(nodes, Instant::now());
        }
    }

    pub fn stand_by(&self, place: usize) -> Node {
        let node = self.places[place].spawn(&[]);
        crate::crash::poll("it stands by", || self.says(place, "stands by").then_some(()));
        node
    }

    pub fn says(&self, place: usize, what: &str) -> bool {
        self.count(place, what) > 0
    }

    /// How often it says it.
    pub fn count(&self, place: usize, what: &str) -> usize {
        self.places[place].stderr().matches(what).count()
    }

    /// Waits until the stand-by of a place serves, which takes a command to know; gives the time since `since`.
    pub fn take_over(&self, standby: &mut Node, place: usize, since: Instant) -> Duration {
        for start in 1.. {
            if standby.ready() {
                break;
            }
            let said = self.places[place].stderr();
            assert!(start < STARTS_MAX && said.contains(LEASE_LOST), "the stand-by ended: {said}");
            println!("start {start} ended: {}", said.lines().last().unwrap_or_default());
            *standby = self.places[place].spawn(&[]);
        }
        let user = u64::from(self.next_user.fetch_add(1, Ordering::Relaxed));
        User::new(user).credit(&mut standby.client(), "BTC", 1).expect("it takes commands");
        since.elapsed()
    }

    /// The digest of the leader is that of the log, folded from its first record, and everybody's snapshots agree.
    pub fn assert_digest(&self, leader: &Node) {
        assert_digest(&self.kafka, leader.address_of("landry-ces-matchengine "), leader.data());
        for place in &self.places {
            let settings = place.arguments.iter().map(String::as_str);
            let arguments: Vec<_> = ["log", "verify", "--data", "data"].into_iter().chain(settings).collect();
            let output = crate::allin(place.path(), &arguments);
            assert!(output.status.success(), "{}{}", crate::stdout(&output), crate::stderr(&output));
        }
    }
}

/// The digest of an engine is that of its log, folded from its first record.
pub fn assert_digest(kafka: &KafkaSection, engine: SocketAddr, data: &Path) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let answer = runtime.block_on(async {
        let token = InternalToken::read(data).expect("a token");
        RemoteEngine::new("landry-ces-matchengine", &engine.to_string(), &token)
            .expect("an address")
            .query(Query::Status)
            .await
            .expect("it answers")
    });
    let AnswerBody::Status { digest, epoch, .. } = answer.body else { panic!("another question") };
    let (mut spot, mut events) = (Spot::new(Default::default()), vec![]);
    let log = KafkaLog::new("spot", kafka);
    let start = LogPlace { seq: Seq(0), epoch: Epoch(0), at: Timestamp(0) };
    let mut reader = log.read(start).expect("the log is there");
    while let Some(entry) = reader.next(answer.seq).expect("it can be read") {
        events.clear();
        Machine::apply(&mut spot, entry.seq, entry.at, &entry.command, &mut events);
    }
    assert_eq!((spot.seq(), spot.epoch(), spot.digest()), (answer.seq, epoch, digest));
}
