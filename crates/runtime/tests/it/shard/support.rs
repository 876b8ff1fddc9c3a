//! A small exchange, its traffic, and disks with a will of their own.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use allin_core::ids::{AssetId, MarketId, OrderId, Seq, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::Spot;
use allin_core::spot::command::{Command, Counter, Funding, MarketState, NewOrder, OrderRef, Side};
use allin_core::spot::event::{Event, Events};
use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};
use allin_core::text::{ClientId, Label, Symbol};
use allin_runtime::engine::{Batch, Engine, Subscription};
use allin_runtime::oplog::{Options, Reader};
use allin_runtime::shard::{Completed, Pipeline, Setup, Shard, ShardConfig};
use allin_runtime::storage::{SimStorage, Storage, StorageFile, StorageLock};

pub const USERS: u64 = 8;
pub const MARKET: MarketId = MarketId(0);

pub fn options() -> Options {
    Options { segment_bytes: 1 << 20, ..Options::new("spot") }
}

pub fn fresh() -> Spot {
    Spot::new(Default::default())
}

/// Small bounds, and a replica that only works when asked.
pub fn config() -> ShardConfig {
    ShardConfig {
        mark_after: Duration::from_millis(2),
        reserve_every: Duration::from_millis(10),
        digest_every: 64,
        snapshot_every: Duration::from_secs(3600),
        replica_every: Duration::from_millis(5),
        ..ShardConfig::default()
    }
}

/// What the fatal hook was told.
#[derive(Clone, Default)]
pub struct Fatals(Arc<Mutex<Vec<String>>>);

impl Fatals {
    pub fn told(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Waits until the hook was called.
    pub fn wait(&self) -> String {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(first) = self.told().first() {
                return first.clone();
            }
            assert!(Instant::now() < until, "the fatal hook was not called");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

pub fn setup(storage: impl Storage) -> (Setup<Spot>, Fatals) {
    let fatals = Fatals::default();
    let told = fatals.0.clone();
    let mut setup = Setup::new(Arc::new(storage), options(), fresh);
    setup.config = config();
    setup.on_fatal = Arc::new(move |reason: &str| told.lock().unwrap().push(reason.to_owned()));
    (setup, fatals)
}

/// A shard that must not fail.
pub fn start(storage: impl Storage) -> Shard {
    let (setup, _) = setup(storage);
    Shard::start(Setup { on_fatal: Arc::new(|reason| panic!("{reason}")), ..setup }).unwrap()
}

fn credit(user: u64, asset: u32, amount: i128, business_id: i64) -> Command {
    Command::Credit(Funding {
        user: UserId(user),
        asset: AssetId(asset),
        amount,
        business: Label::new("deposit").unwrap(),
        business_id,
        counter: Counter::External,
        detail: "".into(),
    })
}

/// A market, and users with funds.
pub fn genesis() -> Vec<Command> {
    let asset = |id, symbol| {
        Command::SetAsset(AssetSpec {
            id: AssetId(id),
            symbol: Symbol::new(symbol).unwrap(),
            scale: 8,
            display_scale: 8,
        })
    };
    let market = MarketSpec {
        id: MARKET,
        symbol: Symbol::new("BTCUSDT").unwrap(),
        base: AssetId(0),
        quote: AssetId(1),
        price_scale: 2,
        tick_units: 1,
        qty_scale: 5,
        lot_units: 1,
        filters: Filters::OPEN,
    };
    let mut commands = vec![
        asset(0, "BTC"),
        asset(1, "USDT"),
        Command::SetMarket(market),
        Command::SetMarketState { market: MARKET, state: MarketState::Trading },
    ];
    for user in 1..=USERS {
        commands.push(credit(user, 0, 1 << 60, -(user as i64)));
        commands.push(credit(user, 1, 1 << 60, -(user as i64)));
    }
    commands
}

pub async fn list(shard: &Shard) {
    for command in genesis() {
        let reply = shard.engine().submit(command).await.unwrap();
        assert!(!matches!(reply.events[0], Event::Refused(_)), "{:?}", reply.events);
    }
}

/// xorshift64.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

/// Orders that cross now and then, cancels and reduces of orders that may be open, deposits. Each is told from the others
/// by its number: the client id of an order, the business id of a deposit.
pub fn traffic(seed: u64, number: u64) -> Command {
    let mut random = Random((seed * 1_000_003 + number).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    random.below(2);
    let user = UserId(1 + random.below(USERS));
    let order = OrderRef::Id(OrderId(1 + random.below(number + 1)));
    match random.below(10) {
        0 => credit(user.0, 1, 1 + number as i128, number as i64),
        1 | 2 => Command::cancel(user, MARKET, order),
        3 => Command::Reduce { user, market: MARKET, order, by: QtyLots(1) },
        _ => {
            let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
            let (price, qty) = (PriceTicks(1_000 + random.below(50)), QtyLots(1 + random.below(100)));
            let order = NewOrder::limit(user, MARKET, side, price, qty);
            Command::Place(NewOrder { client_id: ClientId::new(&format!("{seed}-{number}")).unwrap(), ..order })
        }
    }
}

pub fn cancel(order: u64) -> Command {
    Command::cancel(UserId(1), MARKET, OrderRef::Id(OrderId(order)))
}

pub fn place() -> Command {
    Command::Place(NewOrder::limit(UserId(1), MARKET, Side::Buy, PriceTicks(100), QtyLots(1)))
}

/// Sends the traffic and receives every answer, on this thread.
pub fn drive(pipeline: &Pipeline, seed: u64, numbers: std::ops::Range<u64>) -> Vec<Completed> {
    let count = (numbers.end - numbers.start) as usize;
    let mut done = Vec::new();
    let mut numbers = numbers.peekable();
    while done.len() < count {
        while let Some(number) = numbers.next_if(|_| pipeline.free() > 0) {
            if let Err(error) = pipeline.submit(number, traffic(seed, number)) {
                pipeline.refuse(number, error);
            }
        }
        assert!(pipeline.completed_within(Duration::from_secs(20), &mut done) > 0, "answers are missing");
    }
    done
}

/// The whole log, folded by hand.
pub fn refold(storage: &SimStorage, until: Seq) -> Spot {
    let mut spot = fresh();
    let mut events = Events::new();
    for (_, entry) in entries(storage, until) {
        events.clear();
        spot.apply(entry.seq, entry.at, &entry.command, &mut events);
    }
    spot
}

/// What the log has, by sequence.
pub fn entries(storage: &SimStorage, until: Seq) -> BTreeMap<u64, allin_runtime::oplog::Entry> {
    let mut reader = Reader::open(Arc::new(storage.clone()), &options(), Seq(1)).unwrap();
    let mut entries = BTreeMap::new();
    while let Some(entry) = reader.next(until).unwrap() {
        entries.insert(entry.seq.0, entry);
    }
    entries
}

/// What a subscriber gets, command by command, until `last`.
pub type Story = Vec<(u64, Command, Vec<Event>)>;

pub fn tell(story: &mut Story, batch: &Batch) {
    for (record, events) in batch.iter() {
        story.push((record.seq.0, record.command.clone(), events.to_vec()));
    }
}

pub async fn listen(subscription: &mut Box<dyn Subscription>, last: Seq) -> Story {
    let mut story = Story::new();
    while story.last().is_none_or(|(seq, _, _)| *seq < last.0) {
        let batch = tokio::time::timeout(Duration::from_secs(20), subscription.next()).await;
        tell(&mut story, &batch.expect("no batch in time").unwrap());
    }
    story
}

/// A disk whose syncs wait while the gate is shut, or do nothing while it lies.
#[derive(Clone, Default)]
pub struct GateStorage {
    pub disk: SimStorage,
    pub gate: Arc<Gate>,
}

#[derive(Default)]
pub struct Gate {
    shut: Mutex<bool>,
    changed: Condvar,
    waiting: Mutex<u64>,
    pub lies: AtomicBool,
}

impl Gate {
    pub fn set(&self, shut: bool) {
        *self.shut.lock().unwrap() = shut;
        self.changed.notify_all();
    }

    /// Waits until a sync stands before the gate.
    pub fn wait_for_sync(&self) {
        let until = Instant::now() + Duration::from_secs(20);
        while *self.waiting.lock().unwrap() == 0 {
            assert!(Instant::now() < until, "nothing was synced");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn pass(&self) {
        *self.waiting.lock().unwrap() += 1;
        drop(self.changed.wait_while(self.shut.lock().unwrap(), |shut| *shut).unwrap());
        *self.waiting.lock().unwrap() -= 1;
    }
}

struct GateFile {
    file: Box<dyn StorageFile>,
    gate: Arc<Gate>,
}

impl GateStorage {
    fn file(&self, file: io::Result<Box<dyn StorageFile>>) -> io::Result<Box<dyn StorageFile>> {
        Ok(Box::new(GateFile { file: file?, gate: self.gate.clone() }))
    }
}

impl Storage for GateStorage {
    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.create_dir(dir)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        self.file(self.disk.create(name))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        self.file(self.disk.open(name))
    }

    fn open_read(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        self.disk.open_read(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn lock(&self, name: &str) -> io::Result<Box<dyn StorageLock>> {
        self.disk.lock(name)
    }

    fn describe(&self, name: &str) -> String {
        self.disk.describe(name)
    }
}

impl StorageFile for GateFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn pread(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.file.pread(offset, into)
    }

    fn pwrite(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.pwrite(offset, bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.gate.pass();
        if self.gate.lies.load(Ordering::Acquire) { Ok(()) } else { self.file.sync_data() }
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.file.allocate(len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }
}
