//! A leader and a stand-by on a shared log, from outside: killed, paused past its lease, cut off from etcd.

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
use rustix::process::Signal;

use crate::crash::load::{self, User};
use crate::crash::node::{Node, Place};

/// Kills of the leader; `make failover` asks for more.
const KILLS: u32 = 5;

/// Two machines on one log and one etcd.
struct Pair {
    kafka: KafkaSection,
    places: [Place; 2],
}

impl Pair {
    fn new(etcd: &Etcd) -> Pair {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let kafka = KafkaSection {
            brokers: Kafka::shared().brokers(),
            operlog_topic: format!("failover-{number}"),
            ..KafkaSection::default()
        };
        let settings = [
            "log.kind=kafka".to_owned(),
            format!("kafka.brokers={}", kafka.brokers),
            format!("kafka.operlog_topic={}", kafka.operlog_topic),
            "kafka.create_topics=true".to_owned(),
            "kafka.replication=1".to_owned(),
            "kafka.min_insync=1".to_owned(),
            format!("etcd.endpoints={}", etcd.endpoint()),
            format!("etcd.prefix=/failover-{number}"),
            "etcd.leader_lease_s=3".to_owned(),
        ];
        let places = [Place::new(), Place::new()].map(|mut place| {
            place.arguments = settings.iter().flat_map(|setting| ["--set".to_owned(), setting.clone()]).collect();
            place
        });
        Pair { kafka, places }
    }

    /// A leader that serves, and a stand-by beside it.
    fn start(&self) -> (Node, Node) {
        let leader = self.places[0].start();
        (leader, self.stand_by(1))
    }

    fn stand_by(&self, place: usize) -> Node {
        let node = self.places[place].spawn(&[]);
        crate::crash::poll("it stands by", || self.places[place].stderr().contains("stands by").then_some(()));
        node
    }

    /// The digest of the leader is that of the log, folded from its first record.
    fn assert_digest(&self, leader: &Node) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let answer = runtime.block_on(async {
            let token = InternalToken::read(leader.data()).expect("a token");
            let address = leader.address_of("landry-ces-matchengine ").to_string();
            RemoteEngine::new(&address, &token).expect("an address").query(Query::Status).await.expect("it answers")
        });
        let AnswerBody::Status { digest, epoch, .. } = answer.body else { panic!("another question") };
        let (mut spot, mut events) = (Spot::new(Default::default()), vec![]);
        let log = KafkaLog::new("spot", &self.kafka);
        let start = LogPlace { seq: Seq(0), epoch: Epoch(0), at: Timestamp(0) };
        let mut reader = log.read(start).expect("the log is there");
        while let Some(entry) = reader.next(answer.seq).expect("it can be read") {
            events.clear();
            Machine::apply(&mut spot, entry.seq, entry.at, &entry.command, &mut events);
        }
        assert_eq!((spot.seq(), spot.epoch(), spot.digest()), (answer.seq, epoch, digest));
        let settings = self.places[0].arguments.iter().map(String::as_str);
        let output = crate::allin(
            self.places[0].path(),
            &["log", "verify", "--data", "data"].into_iter().chain(settings).collect::<Vec<_>>(),
        );
        assert!(output.status.success(), "{}{}", crate::stdout(&output), crate::stderr(&output));
    }
}

/// Waits until the stand-by serves; gives the time since `since`.
fn take_over(standby: &mut Node, place: &Place, since: Instant) -> Duration {
    assert!(standby.ready(), "the stand-by ended: {}", place.stderr());
    User::new(99).credit(&mut standby.client(), "BTC", 1).expect("it takes commands");
    since.elapsed()
}

#[test]
fn killed_leaders_lose_and_double_nothing() {
    let kills = std::env::var("ALLIN_FAILOVER_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let pair = Pair::new(Etcd::shared());
    let mut users = User::many(4);
    let (mut leader, mut standby) = pair.start();
    let mut times = vec![];
    for kill in 0..kills {
        let done = load::trade(&leader, &mut users, 300, || leader.signal(Signal::KILL));
        let since = Instant::now();
        assert!(done >= 300, "it ended by itself: {}", pair.places[kill as usize % 2].stderr());
        leader.kill();
        times.push(take_over(&mut standby, &pair.places[(kill as usize + 1) % 2], since));
        load::settle(&standby, &mut users);
        leader = std::mem::replace(&mut standby, pair.stand_by(kill as usize % 2));
    }
    load::check_all(&leader, &mut users);
    pair.assert_digest(&leader);
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share).ceil() as usize];
    println!("time to serve again over {kills} kills: median {:?}, 99 % {:?}", at(0.5), at(0.99));
    standby.stop();
    leader.stop();
}

#[test]
fn a_leader_paused_past_its_lease_acknowledges_nothing_after() {
    let pair = Pair::new(Etcd::shared());
    let mut users = User::many(4);
    let (mut leader, mut standby) = pair.start();
    let done = load::trade(&leader, &mut users, 500, || {
        leader.signal(Signal::STOP);
        println!("time to serve again after a pause: {:?}", take_over(&mut standby, &pair.places[1], Instant::now()));
        // It wakes up with requests in its hands, and the new leader goes on beside it.
        leader.signal(Signal::CONT);
        let mut user = User::new(98);
        for _ in 0..50 {
            user.step(&mut standby.client()).expect("the new leader serves");
        }
    });
    assert!(done >= 500);
    assert!(!leader.wait().success(), "the old leader goes on");
    let said = pair.places[0].stderr();
    assert!(said.contains("lease is lost") || said.contains("begun by another leader"), "{said}");
    load::settle(&standby, &mut users);
    load::check_all(&standby, &mut users);
    pair.assert_digest(&standby);
    standby.stop();
}

#[test]
fn cut_off_from_etcd_nobody_leads_and_afterwards_one_does() {
    let etcd = Etcd::start();
    let pair = Pair::new(&etcd);
    let mut users = User::many(2);
    let (mut leader, mut standby) = pair.start();
    let done = load::trade(&leader, &mut users, 200, || etcd.signal("STOP"));
    assert!(done >= 200 && !leader.wait().success(), "it stops by itself");
    assert!(pair.places[0].stderr().contains("lease is lost"));
    etcd.signal("CONT");
    take_over(&mut standby, &pair.places[1], Instant::now());
    load::settle(&standby, &mut users);
    load::check_all(&standby, &mut users);
    pair.assert_digest(&standby);
    standby.stop();
}
