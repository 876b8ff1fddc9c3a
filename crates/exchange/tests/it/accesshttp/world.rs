//! A running accesshttp, what it stands on, and a client that sends exactly the bytes it is given.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use allin_core::ids::{AssetId, Epoch, MarketId, Seq, Timestamp, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::command::{Account, Command, Counter, Funding, MarketState};
use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};
use allin_core::spot::{Limits, Spot};
use allin_core::text::{Label, Symbol};
use allin_exchange::accesshttp::{Config, Handles, start};
use allin_exchange::service::{Running, bind};
use allin_runtime::auth::InternalToken;
use allin_runtime::engine::{
    Answer, AnswerBody, Batch, BusError, Engine, EventBus, Query, Record, Reply, SubmitError, Subscription,
};
use allin_runtime::shard::StateMachine;
use allin_wire::exchange::v1::history_reader_server::HistoryReader;
use allin_wire::exchange::v1::market_price_server::MarketPrice;
use allin_wire::exchange::v1::*;
use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

pub const NAME: &str = "landry-ces-accesshttp";
/// Time of sequence 0, and the time between two commands.
pub const T0: u64 = 1_700_000_000_000_000;
pub const STEP: u64 = 250_000;

pub const BTC: AssetId = AssetId(0);
pub const USD: AssetId = AssetId(1);
pub const MARKET: MarketId = MarketId(0);

/// The state machine behind a lock; every command is durable at once.
pub struct Shard {
    state: Arc<Mutex<State>>,
    durable: watch::Sender<usize>,
}

struct State {
    spot: Spot,
    batches: Vec<Arc<Batch>>,
    failure: Option<SubmitError>,
    hang: bool,
    lose_bus: bool,
    blind: bool,
    bus_delay: Duration,
}

impl Shard {
    pub fn listed() -> Arc<Shard> {
        let state = State {
            spot: Spot::new(Limits::default()),
            batches: Vec::new(),
            failure: None,
            hang: false,
            lose_bus: false,
            blind: false,
            bus_delay: Duration::ZERO,
        };
        let shard = Shard { state: Arc::new(Mutex::new(state)), durable: watch::channel(0).0 };
        for command in listings() {
            let reply = shard.apply(command);
            assert!(!format!("{:?}", reply.events).contains("Refused"), "{reply:?}");
        }
        Arc::new(shard)
    }

    /// From now on the bus is late.
    pub fn delay_bus(&self, delay: Duration) {
        self.state().bus_delay = delay;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn apply(&self, command: Command) -> Reply {
        let mut state = self.state();
        let seq = Seq(state.spot.seq().0 + 1);
        let at = Timestamp(T0 + seq.0 * STEP);
        let mut events = Vec::new();
        state.spot.apply(seq, at, &command, &mut events);
        let record = Record { seq, epoch: Epoch(1), at, command, events: 0..events.len() as u32 };
        state.batches.push(Arc::new(Batch { records: vec![record], events: events.clone() }));
        self.durable.send_replace(state.batches.len());
        Reply { seq, at, events }
    }

    /// From now on every command and query fails in this way.
    pub fn fail(&self, failure: Option<SubmitError>) {
        self.state().failure = failure;
    }

    /// The subscription breaks at the next command.
    pub fn lose_bus(&self) {
        self.state().lose_bus = true;
    }

    /// From now on no single order is found, as when the question comes after the cancel.
    pub fn blind(&self) {
        self.state().blind = true;
    }

    /// From now on no command is answered.
    pub fn hang(&self) {
        self.state().hang = true;
    }

    /// Everything that a request could have changed.
    pub fn fingerprint(&self) -> String {
        let state = self.state();
        let balances: Vec<_> = (1..10).flat_map(|user| state.spot.balances(Account::User(UserId(user)))).collect();
        let orders: Vec<_> = (1..10).map(|user| state.spot.open_orders(UserId(user), None, None, 0, 100)).collect();
        format!("{:?} {balances:?} {orders:?} {:?}", state.spot.assets(), state.spot.conservation())
    }

    pub fn seq(&self) -> Seq {
        self.state().spot.seq()
    }
}

#[async_trait]
impl Engine for Shard {
    async fn submit(&self, command: Command) -> Result<Reply, SubmitError> {
        let (failure, hang) = {
            let state = self.state();
            (state.failure, state.hang)
        };
        if hang {
            std::future::pending::<()>().await;
        }
        match failure {
            Some(failure) => Err(failure),
            None => Ok(self.apply(command)),
        }
    }

    async fn query(&self, query: Query) -> Result<Answer, SubmitError> {
        let state = self.state();
        if let Some(failure) = state.failure {
            return Err(failure);
        }
        let spot = &state.spot;
        let orders = |(orders, total)| AnswerBody::Orders { orders, total };
        let body = match query {
            Query::Status => AnswerBody::Status { epoch: Epoch(1), digest: spot.digest(), durable: spot.seq() },
            Query::Assets => AnswerBody::Assets(spot.assets().to_vec()),
            Query::Markets => AnswerBody::Markets(spot.markets().collect()),
            Query::Balances { account } => AnswerBody::Balances(spot.balances(account)),
            Query::User(user) => AnswerBody::User(spot.user(user)),
            Query::Fees(user) => AnswerBody::Fees(spot.fees(user)),
            Query::Order { order } => AnswerBody::Order(spot.order(order).filter(|_| !state.blind)),
            Query::OrderByClient { user, client_id } => AnswerBody::Order(spot.order_by_client(user, &client_id)),
            Query::OpenOrders { user, market, side, offset, limit } => {
                orders(spot.open_orders(user, market, side, offset as usize, limit as usize))
            }
            Query::OpenLists { user } => AnswerBody::Lists(spot.open_lists(user)),
            Query::Book { market, side, offset, limit } => {
                orders(spot.book(market, side, offset as usize, limit as usize))
            }
            Query::Depth { market, limit } => {
                let side = |side| spot.depth(market, side, limit as usize);
                use allin_core::spot::command::Side::{Buy, Sell};
                let last_price = spot.market(market).map_or(PriceTicks::NONE, |market| market.last_price);
                AnswerBody::Depth { bids: side(Buy), asks: side(Sell), last_price }
            }
            Query::Standing { .. } => StateMachine::answer(spot, &query),
            Query::AssetSummary { asset } => {
                let (available, available_users, held, held_users) = spot.asset_summary(asset);
                AnswerBody::AssetSummary { available, available_users, held, held_users }
            }
            Query::Conservation => AnswerBody::Conservation(spot.sums()),
        };
        Ok(Answer { seq: spot.seq(), at: spot.time(), body })
    }
}

#[async_trait]
impl EventBus for Shard {
    async fn subscribe(&self, _name: &'static str, from: Seq) -> Result<Box<dyn Subscription>, BusError> {
        let next = from.0 as usize - 1;
        Ok(Box::new(Feed { state: self.state.clone(), durable: self.durable.subscribe(), next }))
    }
}

struct Feed {
    state: Arc<Mutex<State>>,
    durable: watch::Receiver<usize>,
    next: usize,
}

#[async_trait]
impl Subscription for Feed {
    async fn next(&mut self) -> Result<Arc<Batch>, BusError> {
        let next = self.next;
        self.durable.wait_for(|durable| *durable > next).await.map_err(|_| BusError::Closed)?;
        self.next += 1;
        let delay = self.state.lock().unwrap_or_else(PoisonError::into_inner).bus_delay;
        tokio::time::sleep(delay).await;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut state.lose_bus) {
            Err(BusError::Behind(next as u64))
        } else {
            Ok(state.batches[next].clone())
        }
    }
}

/// History that says what it is told to, and remembers what it was asked.
#[derive(Default)]
pub struct History {
    pub orders: Mutex<Vec<HistoryOrder>>,
    pub deals: Mutex<Vec<UserDeal>>,
    pub market_deals: Mutex<Vec<MarketDeal>>,
    pub ledger: Mutex<Vec<LedgerEntry>>,
    pub asked: Mutex<Vec<String>>,
    pub failure: Mutex<Option<tonic::Code>>,
}

impl History {
    fn answer<Q: std::fmt::Debug, A>(&self, question: &Q, answer: impl FnOnce() -> A) -> Result<Response<A>, Status> {
        self.asked.lock().expect("lock").push(format!("{question:?}"));
        match *self.failure.lock().expect("lock") {
            Some(code) => Err(Status::new(code, "told to fail")),
            None => Ok(Response::new(answer())),
        }
    }
}

fn page<T: Clone>(all: &Mutex<Vec<T>>, offset: u32, limit: u32) -> Vec<T> {
    all.lock().expect("lock").iter().skip(offset as usize).take(limit as usize).cloned().collect()
}

#[async_trait]
impl HistoryReader for History {
    async fn orders(&self, request: Request<OrdersRequest>) -> Result<Response<OrdersReply>, Status> {
        let request = request.into_inner();
        let orders = || page(&self.orders, request.offset, request.limit);
        self.answer(&request, || OrdersReply { orders: orders(), as_of_seq: 0 })
    }

    async fn order(&self, request: Request<OrderRequest>) -> Result<Response<OrderReply>, Status> {
        let request = request.into_inner();
        let order = self.orders.lock().expect("lock").iter().find(|order| order.order == request.order).cloned();
        self.answer(&request, || OrderReply { order, as_of_seq: 0 })
    }

    async fn order_deals(&self, request: Request<OrderDealsRequest>) -> Result<Response<UserDealsReply>, Status> {
        let request = request.into_inner();
        let deals = || page(&self.deals, request.offset, request.limit);
        self.answer(&request, || UserDealsReply { deals: deals(), as_of_seq: 0 })
    }

    async fn user_deals(&self, request: Request<UserDealsRequest>) -> Result<Response<UserDealsReply>, Status> {
        let request = request.into_inner();
        let deals = || page(&self.deals, request.offset, request.limit);
        self.answer(&request, || UserDealsReply { deals: deals(), as_of_seq: 0 })
    }

    async fn market_deals(&self, request: Request<MarketDealsRequest>) -> Result<Response<MarketDealsReply>, Status> {
        let request = request.into_inner();
        let all = self.market_deals.lock().expect("lock").clone();
        let wanted = all.into_iter().filter(|deal| deal.trade >= request.from_trade).take(request.limit as usize);
        self.answer(&request, || MarketDealsReply { deals: wanted.collect(), as_of_seq: 0 })
    }

    async fn ledger(&self, request: Request<LedgerRequest>) -> Result<Response<LedgerReply>, Status> {
        let request = request.into_inner();
        let entries = || page(&self.ledger, request.offset, request.limit);
        self.answer(&request, || LedgerReply { entries: entries(), as_of_seq: 0 })
    }

    async fn lists(&self, _: Request<ListsRequest>) -> Result<Response<ListsReply>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn prevented_matches(
        &self,
        _: Request<PreventedMatchesRequest>,
    ) -> Result<Response<PreventedMatchesReply>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn amendments(&self, _: Request<AmendmentsRequest>) -> Result<Response<AmendmentsReply>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
}

/// Market prices that say what they are told to.
#[derive(Default)]
pub struct Prices {
    pub last: Mutex<String>,
    /// By interval; gives those that begin in the span asked for.
    pub klines: Mutex<Vec<(&'static str, Kline)>>,
    pub today: Mutex<TickerReply>,
    pub window: Mutex<TickerReply>,
    pub deals: Mutex<Vec<Deal>>,
    pub failure: Mutex<Option<tonic::Code>>,
}

impl Prices {
    fn answer<A>(&self, answer: A) -> Result<Response<A>, Status> {
        match *self.failure.lock().expect("lock") {
            Some(code) => Err(Status::new(code, "told to fail")),
            None => Ok(Response::new(answer)),
        }
    }
}

#[async_trait]
impl MarketPrice for Prices {
    async fn last(&self, _: Request<LastRequest>) -> Result<Response<LastReply>, Status> {
        self.answer(LastReply { price: self.last.lock().expect("lock").clone(), as_of_seq: 0 })
    }

    async fn klines(&self, request: Request<KlinesRequest>) -> Result<Response<KlinesReply>, Status> {
        let request = request.into_inner();
        let all = self.klines.lock().expect("lock").clone();
        let wanted = all.into_iter().filter(|(interval, bar)| {
            *interval == request.interval && (request.start_us..request.end_us).contains(&bar.open_us)
        });
        let klines = wanted.map(|(_, bar)| bar).take(request.limit as usize).collect();
        self.answer(KlinesReply { klines, as_of_seq: 0 })
    }

    async fn ticker(&self, request: Request<TickerRequest>) -> Result<Response<TickerReply>, Status> {
        let ticker = if request.into_inner().today { &self.today } else { &self.window };
        self.answer(ticker.lock().expect("lock").clone())
    }

    async fn deals(&self, request: Request<DealsRequest>) -> Result<Response<DealsReply>, Status> {
        let request = request.into_inner();
        let all = self.deals.lock().expect("lock").clone();
        let wanted = all.into_iter().filter(|deal| deal.trade > request.after_trade);
        self.answer(DealsReply { deals: wanted.take(request.limit as usize).collect(), as_of_seq: 0 })
    }

    async fn standing(&self, _: Request<StandingRequest>) -> Result<Response<StandingReply>, Status> {
        Err(Status::unimplemented("nobody folds on from here"))
    }

    async fn aggregates(&self, _: Request<AggregatesRequest>) -> Result<Response<AggregatesReply>, Status> {
        Err(Status::unimplemented("nobody counts on from here"))
    }
}

pub struct World {
    pub shard: Arc<Shard>,
    pub history: Arc<History>,
    pub prices: Arc<Prices>,
    pub running: Running,
    pub token: InternalToken,
    _data: tempfile::TempDir,
}

/// One answer.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl World {
    pub async fn new() -> World {
        World::with(Config::default()).await
    }

    /// BTC and USD listed, BTCUSD trading: 2 decimals of price, 4 of quantity, at least 0.001 BTC an order.
    pub async fn with(config: Config) -> World {
        let (history, prices) = (Arc::new(History::default()), Arc::new(Prices::default()));
        let mut world = World::over(config, Shard::listed(), history.clone(), prices.clone()).await;
        (world.history, world.prices) = (history, prices);
        world
    }

    /// Over other history and market prices than those that can be told.
    pub async fn over(
        config: Config,
        shard: Arc<Shard>,
        history: Arc<dyn HistoryReader>,
        market_price: Arc<dyn MarketPrice>,
    ) -> World {
        let data = tempfile::tempdir().expect("a directory");
        let token = InternalToken::open(data.path()).expect("a token");
        let (engine, bus) = (shard.clone(), shard.clone());
        let handles = Handles { engine, bus, history, market_price, token: token.clone() };
        let listener = bind(NAME, ([127, 0, 0, 1], 0).into()).await.expect("a port");
        let mut running = start(NAME, config, handles, listener).expect("starts");
        running.ready().await.expect("ready");
        World { shard, history: Arc::default(), prices: Arc::default(), running, token, _data: data }
    }

    /// Money from outside, past the HTTP interface.
    pub fn fund(&self, user: u64, asset: AssetId, units: i128) {
        let funding = Funding {
            user: UserId(user),
            asset,
            amount: units,
            business: Label::new("deposit").expect("short"),
            business_id: self.shard.seq().0 as i64 + 1_000_000,
            counter: Counter::External,
            detail: "".into(),
        };
        self.shard.apply(Command::Credit(funding));
    }

    /// Two funded users: 10 BTC and 100,000 USD each.
    pub fn fund_two(&self) {
        for user in [1, 2] {
            self.fund(user, BTC, 1_000_000_000);
            self.fund(user, USD, 1_000_000_000_000_000);
        }
    }

    /// Has the role forget what it heard over the bus.
    pub async fn lose_bus(&self) {
        self.shard.lose_bus();
        self.shard.apply(Command::Tick);
        self.result("asset.list", "[]").await;
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.running.addresses()[0]).await.expect("connects")
    }

    pub fn request(&self, body: &[u8]) -> Vec<u8> {
        let mut bytes = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.token.header(),
            body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        bytes
    }

    /// Sends bytes on a connection of their own.
    pub async fn raw(&self, bytes: &[u8]) -> Answered {
        let mut stream = self.connect().await;
        // The peer may refuse before it has read everything.
        let _ = stream.write_all(bytes).await;
        read(&mut stream).await
    }

    pub async fn send(&self, body: impl AsRef<[u8]>) -> Answered {
        self.raw(&self.request(body.as_ref())).await
    }

    pub async fn ask(&self, method: &str, params: &str) -> Answered {
        self.send(format!(r#"{{"id":1,"method":"{method}","params":{params}}}"#)).await
    }

    /// `status body`
    pub async fn call(&self, method: &str, params: &str) -> String {
        let answered = self.ask(method, params).await;
        format!("{} {}", answered.status, answered.body)
    }

    /// The result of a call that succeeds.
    pub async fn result(&self, method: &str, params: &str) -> String {
        let answer = self.call(method, params).await;
        let body =
            answer.strip_prefix(r#"200 {"error":null,"result":"#).and_then(|rest| rest.strip_suffix(r#","id":1}"#));
        body.unwrap_or_else(|| panic!("{method} {params}: {answer}")).to_owned()
    }

    /// The error object of a call that fails, with the HTTP status.
    pub async fn error(&self, method: &str, params: &str) -> String {
        let answer = self.call(method, params).await;
        let (status, body) = answer.split_once(' ').expect("a status");
        let body = body.strip_prefix(r#"{"error":"#).and_then(|rest| rest.strip_suffix(r#","result":null,"id":1}"#));
        format!("{status} {}", body.unwrap_or_else(|| panic!("{method} {params}: {answer}")))
    }
}

/// Reads one answer.
pub async fn read(stream: &mut TcpStream) -> Answered {
    tokio::time::timeout(Duration::from_secs(20), read_patiently(stream)).await.expect("an answer in time")
}

async fn read_patiently(stream: &mut TcpStream) -> Answered {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return Answered { status: 0, head: String::new(), body: String::new() };
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).expect("a head in ASCII").to_ascii_lowercase();
    let status = head[9..12].parse().expect("a status");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |text| text.parse().expect("a length"));
    while bytes.len() < end + length {
        assert_ne!(stream.read_buf(&mut bytes).await.expect("the rest"), 0, "cut off");
    }
    Answered { status, head, body: String::from_utf8(bytes[end..end + length].to_vec()).expect("UTF-8") }
}

fn listings() -> Vec<Command> {
    vec![
        Command::StartEpoch(Epoch(1)),
        Command::SetAsset(asset(BTC, "BTC", 8, 8)),
        Command::SetAsset(asset(USD, "USD", 10, 2)),
        Command::SetMarket(market(MARKET, "BTCUSD")),
        Command::SetMarketState { market: MARKET, state: MarketState::Trading },
    ]
}

pub fn asset(id: AssetId, symbol: &str, scale: u8, display_scale: u8) -> AssetSpec {
    AssetSpec { id, symbol: Symbol::new(symbol).expect("short"), scale, display_scale }
}

pub fn market(id: MarketId, symbol: &str) -> MarketSpec {
    MarketSpec {
        id,
        symbol: Symbol::new(symbol).expect("short"),
        base: BTC,
        quote: USD,
        price_scale: 2,
        tick_units: 1,
        qty_scale: 4,
        lot_units: 1,
        filters: Filters { qty_min: QtyLots(10), ..Filters::OPEN },
    }
}
