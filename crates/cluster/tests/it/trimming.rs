//! The topic trimmed behind snapshots: what is needed stays, and whoever needs more is told.

use std::sync::Arc;
use std::time::Duration;

use allin_cluster::kafka::{Fold, KafkaLog, KafkaSection, compact, topic, verify};
use allin_cluster::member::{StandBy, trimmer};
use allin_cluster::needs::Needs;
use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::Spot;
use allin_runtime::engine::{BusError, EventBus};
use allin_runtime::oplog::{Compacted, Log, LogError, Machine, Options, Place, SNAPSHOT_DIR};
use allin_runtime::shard::{Setup, Shard, Trimmer};
use allin_runtime::storage::{SimStorage, Storage};
use allin_testing::middleware::{self, Kafka, Traffic};

use super::etcd;
use super::support::*;

const ALL: Seq = Seq(u64::MAX);

/// So that little goes at once.
fn short(storage: &SimStorage) -> Setup<Spot> {
    let (mut setup, _) = setup(storage);
    setup.log = Options { segment_bytes: Options::SEGMENT_BYTES_MIN, ..setup.log };
    setup
}

struct Member {
    shard: Shard,
    trimmer: Trimmer,
    storage: SimStorage,
    next: u64,
}

impl Member {
    fn lead(log: &KafkaLog, storage: &SimStorage, first: u64) -> Result<Member, LogError> {
        let setup = short(storage);
        let trimmer = trimmer(log, &setup);
        let led = Fold::open(log, &setup.snapshots(), fresh)?.lead()?;
        let shard = Shard::lead(setup, Arc::new(log.clone()), led).expect("the shard starts");
        Ok(Member { shard, trimmer, storage: storage.clone(), next: first })
    }

    fn work(&mut self, count: u64) {
        let done = drive(&self.shard.engine().pipeline(512), self.next..self.next + count);
        assert_eq!(acknowledged(&done).len() as u64, count);
        self.next += count;
    }

    async fn snapshot(&mut self, after: u64) -> Seq {
        self.work(after);
        self.shard.snapshot().await.expect("written").seq
    }

    fn trim(&self, stored: Seq) -> Compacted {
        (self.trimmer)(stored).expect("trimmed")
    }
}

/// A log of several messages, with three snapshots.
async fn begun() -> (KafkaLog, Member, Vec<Seq>) {
    let log = new_log(Kafka::shared());
    let (first, _) = listed(&log).await;
    first.stop();
    let mut member = Member::lead(&log, &SimStorage::new(), 0).expect("it leads");
    let mut snapshots = vec![];
    for _ in 0..3 {
        snapshots.push(member.snapshot(1_000).await);
    }
    member.work(300);
    (log, member, snapshots)
}

fn names(storage: &SimStorage) -> Vec<String> {
    storage.list(SNAPSHOT_DIR).expect("listed").into_iter().map(|name| format!("{SNAPSHOT_DIR}/{name}")).collect()
}

fn copied(from: &SimStorage) -> SimStorage {
    let to = SimStorage::new();
    to.create_dir(SNAPSHOT_DIR).expect("made");
    names(from).iter().for_each(|name| to.put(name, &from.bytes(name).expect("a file")));
    to
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_begins_at_a_snapshot_and_without_one_is_told_to_copy_it() {
    let (log, member, snapshots) = begun().await;
    let done = member.trim(ALL);
    assert_eq!((done.anchor, &done.verified), (Some(snapshots[0]), &snapshots));
    assert!(done.begin > Seq(1) && done.begin.0 <= snapshots[0].0 + 1, "{done:?}");
    assert_eq!(member.trim(ALL).removed, [], "there is nothing more");
    let (_, last, digest) = status(&member.shard).await;

    // Who has stored what was removed gets what is left; who has not is told.
    let mut events = member.shard.bus().subscribe("near", Seq(snapshots[0].0 + 1)).await.expect("a subscription");
    assert_eq!(events.next().await.expect("a batch").first_seq(), Some(Seq(snapshots[0].0 + 1)));
    let mut behind = member.shard.bus().subscribe("behind", Seq(2)).await.expect("a subscription");
    assert!(matches!(behind.next().await, Err(BusError::Behind(2))));

    let storage = copied(&member.storage);
    let found = verify(&log, &short(&storage).snapshots(), fresh()).expect("the log is there");
    assert_eq!((&found.faults[..], found.begin, found.machine.digest()), (&[][..], snapshots[0], digest));
    assert_eq!(found.snapshots.len(), 2, "the newer ones agree");
    member.shard.stop();

    let refused = Member::lead(&log, &SimStorage::new(), 0).err().expect("a machine without a snapshot").to_string();
    let begins = format!("the log begins at sequence {}", done.begin.0);
    assert!(refused.contains(&begins) && refused.contains("copy the files of snapshots/"), "{refused}");
    assert!(matches!(verify(&log, &short(&SimStorage::new()).snapshots(), fresh()), Err(LogError::Gone { .. })));

    let mut again = Member::lead(&log, &storage, 10_000).expect("with the copy it starts");
    let (_, now, _) = status(&again.shard).await;
    assert_eq!(now.0, last.0 + 1, "one command more: the epoch's first");
    again.work(500);
    let (_, _, digest) = status(&again.shard).await;
    again.shard.stop();
    let found = verify(&log, &short(&storage).snapshots(), fresh()).expect("the log is there");
    assert_eq!((&found.faults[..], found.machine.digest()), (&[][..], digest));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_consumer_has_not_stored_stays_and_the_snapshot_before_it() {
    let (log, mut member, snapshots) = begun().await;
    for (stored, anchor) in [(Seq(0), None), (Seq(snapshots[0].0 - 1), None)] {
        let done = member.trim(stored);
        assert_eq!((done.anchor, done.begin, &done.removed[..]), (anchor, Seq(1), &[][..]), "{stored:?}");
    }
    let stored = Seq(snapshots[0].0 + 3);
    for _ in 0..5 {
        member.snapshot(400).await;
        let done = member.trim(stored);
        assert!(done.begin.0 <= snapshots[0].0 + 1, "{done:?}");
        let mut events = member.shard.bus().subscribe("slow", Seq(stored.0 + 1)).await.expect("a subscription");
        assert_eq!(events.next().await.expect("a batch").first_seq(), Some(Seq(stored.0 + 1)), "{done:?}");
    }
    // A start in between forgets what was asked for, and keeps what the log begins at all the same.
    let Member { shard, storage, next, .. } = member;
    shard.stop();
    let mut member = Member::lead(&log, &storage, next).expect("it leads");
    member.snapshot(100).await;
    assert!(names(&storage)[0].contains(&snapshots[0].0.to_string()), "{:?}", names(&storage));
    let done = member.trim(ALL);
    assert!(done.anchor > Some(stored) && done.begin > stored, "it has caught up: {done:?}");
    member.shard.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_not_what_the_log_gives_lets_nothing_go() {
    type Spoil = fn(&SimStorage, &str);
    let spoils: [(&str, Spoil); 2] = [
        ("is damaged", |storage, name| {
            let mut bytes = storage.bytes(name).expect("a file");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            storage.put(name, &bytes);
        }),
        ("but the log gives", |storage, name| {
            // The right place, another history.
            let store = short(storage).snapshots();
            let all = store.list().expect("listed");
            let (before, spoiled) = (all[all.len() - 2], all[all.len() - 1]);
            assert!(name.contains(&spoiled.0.to_string()));
            let (_, mut machine) = store.restore::<Spot>(before).expect("the one before");
            for seq in before.0 + 1..=spoiled.0 {
                let at = Timestamp(machine.time().0 + 1);
                Machine::apply(&mut machine, Seq(seq), at, &traffic(seq), &mut vec![]);
            }
            store.save(&machine).expect("written");
        }),
    ];
    for (what, spoil) in spoils {
        let (log, mut member, _) = begun().await;
        let newest = member.snapshot(700).await;
        spoil(&member.storage, &format!("snapshots/{:020}.snap", newest.0));
        let error = (member.trimmer)(ALL).expect_err(what).to_string();
        assert!(error.contains(what), "{error}");
        assert_eq!(entries(&log, Seq(10)).len(), 10, "the beginning is there");
        member.shard.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_was_overtaken_is_told_so() {
    let kafka = Kafka::start();
    let section = section(&kafka);
    let log = KafkaLog::new(SHARD, &section);
    topic::ensure(&log, &section).expect("the topic is made");
    let (first, _) = listed(&log).await;
    first.stop();
    let mut member = Member::lead(&log, &SimStorage::new(), 0).expect("it leads");
    let link = kafka.link(0);
    let slow = KafkaLog::new(SHARD, &KafkaSection { brokers: link.address().to_string(), ..section });
    let mut reader = slow.read(Place { seq: Seq(0), epoch: Epoch(0), at: Timestamp(0) }).expect("the log is whole");
    let (_, read, _) = status(&member.shard).await;
    while reader.next(read).expect("it can be read").is_some() {}
    link.set(Traffic::Held);
    for _ in 0..4 {
        member.snapshot(1_000).await;
    }
    let begin = member.trim(ALL).begin;
    assert!(begin.0 > read.0 + 1, "{begin:?} is not after {read:?}");
    // Cut, so that nothing arrives any more that was asked for before.
    link.set(Traffic::Cut);
    link.set(Traffic::Flows);
    let error = loop {
        match reader.next(ALL) {
            Ok(Some(entry)) => panic!("sequence {} after {}", entry.seq.0, read.0),
            Ok(None) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, LogError::Gone { wanted, first } if (wanted, first) == (read.0 + 1, begin.0)), "{error}");
    member.shard.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stand_by_leads_a_log_that_was_trimmed_while_it_followed() {
    let log = new_log(Kafka::shared());
    let (first, _) = listed(&log).await;
    first.stop();
    let mut leader = Member::lead(&log, &SimStorage::new(), 0).expect("it leads");
    let storage = SimStorage::new();
    let mut setup = short(&storage);
    setup.config.snapshot_every = Duration::from_millis(20);
    let standby = StandBy::start(&log, &setup).expect("it follows");
    let (mine, mut begin, mut told) = (setup.snapshots(), Seq(1), Seq(0));
    // In turn, so that neither's snapshots are the other's: the leader's goes back to one before what the stand-by needs.
    for round in 0..12 {
        leader.snapshot(300).await;
        let (_, last, _) = status(&leader.shard).await;
        wait_for("the stand-by has a snapshot", || {
            standby.position().0 == last && mine.list().expect("listed").last().is_some_and(|seq| seq.0 + 200 > last.0)
        });
        if let Some(need) = mine.pin(ALL).expect("pinned") {
            assert!(need >= told, "round {round}: what was told once stays enough");
            told = need;
        }
        begin = leader.trim(told).begin;
        assert!(begin.0 <= told.0 + 1, "round {round}: {begin:?} is after {told:?}, which the stand-by needs");
    }
    assert!(begin > Seq(1), "nothing was trimmed, the stand-by needs {told:?}");
    let (_, last, digest) = status(&leader.shard).await;
    wait_for("the stand-by is as far", || standby.position() == (last, digest));
    leader.shard.stop();
    let led = tokio::task::spawn_blocking(move || standby.lead()).await.expect("no panic").expect("it takes over");
    let shard = Shard::lead(setup, Arc::new(log.clone()), led).expect("it starts");
    let mut events = shard.bus().subscribe("test", Seq(told.0 + 1)).await.expect("a subscription");
    assert_eq!(events.next().await.expect("a batch").first_seq(), Some(Seq(told.0 + 1)));
    shard.stop();
    let found = verify(&log, &mine, fresh()).expect("the log is there");
    assert_eq!(found.faults, [] as [&str; 0]);
}

#[test]
fn a_check_removes_nothing() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (log, member, snapshots) = runtime.block_on(begun());
    let setup = short(&copied(&member.storage));
    let done = compact(&log, &setup.snapshots(), &setup.log, (ALL, true), fresh).expect("verified");
    assert_eq!((done.anchor, done.begin, &done.removed[..]), (Some(snapshots[0]), Seq(1), &[Seq(1)][..]));
    assert_eq!(entries(&log, Seq(10)).len(), 10, "the beginning is there");
    member.shard.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_tell_each_other_what_they_need_as_long_as_they_are_there() {
    let section = etcd::section(middleware::Etcd::shared(), "/needs");
    let connect = etcd::connect;
    let here = Needs::start(connect(&section), &section, "spot", "a");
    assert_eq!(here.others().await.expect("an answer"), None, "alone");
    let there = Needs::start(connect(&section), &section, "spot", "b");
    let of_futures = Needs::start(connect(&section), &section, "spot2", "c");
    let until = async |want: Option<Seq>| loop {
        let others = here.others().await.expect("an answer");
        if others.as_ref().map(|(seq, _)| *seq) == want {
            break others;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    until(Some(Seq(0))).await.expect("whoever begins needs all");
    there.tell(Seq(900));
    assert_eq!(until(Some(Seq(900))).await, Some((Seq(900), "b".to_owned())));
    let third = Needs::start(connect(&section), &section, "spot", "d");
    third.tell(Seq(70));
    until(Some(Seq(70))).await;
    // Longer than a lease: it stays told.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(until(Some(Seq(70))).await, Some((Seq(70), "d".to_owned())));
    drop(third);
    until(Some(Seq(900))).await;
    drop((there, of_futures));
    until(None).await;
}
