//! A small exchange whose log is in Kafka, and its traffic.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use allin_cluster::kafka::{Fold, KafkaLog, KafkaSection, topic};
use allin_core::ids::{AssetId, Epoch, MarketId, OrderId, Seq, Timestamp, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::Spot;
use allin_core::spot::command::{Command, Counter, Funding, NewOrder, OrderRef, Side};
use allin_core::spot::event::Event;
use allin_core::text::{ClientId, Label};
use allin_exchange::listing::{GenesisSection, commands};
use allin_runtime::engine::{AnswerBody, Engine, Query};
use allin_runtime::oplog::{Entry, Log, LogError, Machine, Options, Place, SnapshotStore};
use allin_runtime::shard::{Completed, Pipeline, Setup, Shard, ShardConfig};
use allin_runtime::storage::SimStorage;
use allin_testing::middleware::Kafka;

pub const SHARD: &str = "spot";
pub const MARKET: MarketId = MarketId(0);
const USERS: u64 = 8;
/// Longest wait for anything that has to come.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Settings for a topic of this test's own.
pub fn section(kafka: &Kafka) -> KafkaSection {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    KafkaSection {
        brokers: kafka.brokers(),
        operlog_topic: format!("{{shard}}-operlog-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        create_topics: true,
        replication: 1,
        min_insync: 1,
        stall_ms: 300,
        ..KafkaSection::default()
    }
}

pub fn new_log(kafka: &Kafka) -> KafkaLog {
    let section = section(kafka);
    let log = KafkaLog::new(SHARD, &section);
    topic::ensure(&log, &section).expect("the topic is made");
    log
}

/// What the fatal hook was told.
#[derive(Clone, Default)]
pub struct Fatals(Arc<Mutex<Vec<String>>>);

impl Fatals {
    pub fn told(&self) -> Vec<String> {
        self.0.lock().expect("no panic inside").clone()
    }
}

pub fn setup(storage: &SimStorage) -> (Setup<Spot>, Fatals) {
    let fatals = Fatals::default();
    let told = fatals.0.clone();
    let mut setup = Setup::new(Arc::new(storage.clone()), Options::new(SHARD), fresh);
    setup.config = ShardConfig { digest_every: 64, replica_every: Duration::from_millis(5), ..ShardConfig::default() };
    setup.on_fatal = Arc::new(move |reason: &str| told.lock().expect("no panic inside").push(reason.to_owned()));
    (setup, fatals)
}

pub fn fresh() -> Spot {
    Spot::new(Default::default())
}

/// Takes the log over without a stand-by, as a process that runs alone does.
pub fn lead(log: &KafkaLog, storage: &SimStorage) -> Result<(Shard, Fatals), LogError> {
    let (setup, fatals) = setup(storage);
    let led = Fold::open(log, &SnapshotStore::new(setup.storage.clone(), &setup.log), fresh)?.lead()?;
    let shard = Shard::lead(setup, Arc::new(log.clone()), led).expect("the shard starts");
    Ok((shard, fatals))
}

/// A leader with markets to trade on.
pub async fn listed(log: &KafkaLog) -> (Shard, Fatals) {
    let (shard, fatals) = lead(log, &SimStorage::new()).expect("it leads");
    for command in genesis() {
        let reply = shard.engine().submit(command).await.expect("taken");
        assert!(!matches!(reply.events[0], Event::Refused(_)), "{:?}", reply.events);
    }
    (shard, fatals)
}

fn genesis() -> Vec<Command> {
    let mut all = commands(&GenesisSection::default()).expect("the default fits");
    for user in 1..=USERS {
        all.extend([0, 1].map(|asset| credit(user, asset, 1 << 60, -(user as i64))));
    }
    all
}

fn credit(user: u64, asset: u32, amount: i128, business_id: i64) -> Command {
    let business = Label::new("deposit").expect("short");
    let (user, asset, counter) = (UserId(user), AssetId(asset), Counter::External);
    Command::Credit(Funding { user, asset, amount, business, business_id, counter, detail: "".into() })
}

/// Mostly orders that cross now and then, some cancels, some deposits; each is told from the others by its number.
pub fn traffic(number: u64) -> Command {
    let random =
        |salt: u64, bound: u64| ((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ (salt << 17)) >> 33) % bound;
    let user = UserId(1 + random(1, USERS));
    match number % 10 {
        0 => credit(user.0, 1, 1 + i128::from(number), number as i64),
        1 => Command::cancel(user, MARKET, OrderRef::Id(OrderId(1 + random(2, number + 1)))),
        _ => {
            let side = if random(3, 2) == 0 { Side::Buy } else { Side::Sell };
            let (price, qty) = (PriceTicks(1_000_000 + 100 * random(4, 50)), QtyLots(1_000 * (1 + random(5, 100))));
            let client_id = ClientId::new(&format!("n{number}")).expect("short");
            Command::Place(NewOrder { client_id, ..NewOrder::limit(user, MARKET, side, price, qty) })
        }
    }
}

pub fn cancel() -> Command {
    Command::cancel(UserId(1), MARKET, OrderRef::Id(OrderId(1)))
}

/// Sends the traffic and receives every answer, on this thread.
pub fn drive(pipeline: &Pipeline, mut numbers: std::ops::Range<u64>) -> Vec<Completed> {
    let count = (numbers.end - numbers.start) as usize;
    let mut done = Vec::with_capacity(count);
    while done.len() < count {
        while pipeline.free() > 0
            && let Some(number) = numbers.next()
        {
            if let Err(error) = pipeline.submit(number, traffic(number)) {
                pipeline.refuse(number, error);
            }
        }
        assert!(pipeline.completed_within(PATIENCE, &mut done) > 0, "answers are missing");
    }
    done
}

/// What was acknowledged: sequence and command.
pub fn acknowledged(done: &[Completed]) -> BTreeMap<u64, Command> {
    let told =
        |done: &Completed| done.outcome.as_ref().ok().map(|place| (place.seq().0, place.record().command.clone()));
    done.iter().filter_map(told).collect()
}

/// The whole log up to a sequence, as anybody reads it.
pub fn entries(log: &KafkaLog, until: Seq) -> Vec<Entry> {
    let start = Place { seq: Seq(0), epoch: Epoch(0), at: Timestamp(0) };
    let mut reader = log.read(start).expect("the log is there");
    std::iter::from_fn(|| reader.next(until).expect("the log can be read")).collect()
}

/// Every acknowledged command is in the log where it was told to be, and nowhere else.
pub fn assert_once(entries: &[Entry], acknowledged: &BTreeMap<u64, Command>) {
    assert!(entries.iter().map(|entry| entry.seq.0).eq(1..=entries.len() as u64), "sequences are dense");
    // Orders and deposits carry a number of their own.
    let numbered = |command: &Command| matches!(command, Command::Place(_) | Command::Credit(_));
    let mut times = BTreeMap::<String, u32>::new();
    for entry in entries.iter().filter(|entry| numbered(&entry.command)) {
        *times.entry(format!("{:?}", entry.command)).or_default() += 1;
    }
    assert!(times.values().all(|times| *times == 1), "{:?}", times.iter().find(|(_, times)| **times > 1));
    for (seq, command) in acknowledged {
        let found =
            entries.get(*seq as usize - 1).unwrap_or_else(|| panic!("sequence {seq} was acknowledged and is lost"));
        assert_eq!(found.command, *command, "sequence {seq}");
    }
}

/// Digest after a fold of these commands.
pub fn refold(entries: &[Entry]) -> Spot {
    let (mut spot, mut events) = (fresh(), vec![]);
    for entry in entries {
        events.clear();
        Machine::apply(&mut spot, entry.seq, entry.at, &entry.command, &mut events);
    }
    spot
}

/// Epoch, last sequence and digest of a running shard.
pub async fn status(shard: &Shard) -> (Epoch, Seq, u64) {
    let answer = shard.engine().query(Query::Status).await.expect("answered");
    let AnswerBody::Status { epoch, digest, .. } = answer.body else { panic!("another question") };
    (epoch, answer.seq, digest)
}

/// Waits until something is so.
pub fn wait_for(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Writes a message to the topic past everybody.
pub fn kafka_send(log: &KafkaLog, bytes: &[u8]) {
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
    let mut config = rdkafka::ClientConfig::new();
    config.set("bootstrap.servers", log.brokers()).set("acks", "all");
    let producer: BaseProducer = config.create().expect("a producer");
    let record = BaseRecord::<(), [u8]>::to(log.topic()).partition(0).payload(bytes).timestamp(1);
    producer.send(record).map_err(|(error, _)| error).expect("queued");
    producer.flush(PATIENCE).expect("written");
}
