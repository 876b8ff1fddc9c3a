//! The engine across a connection: the same traits, the same results.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use allin_core::ids::{AssetId, MarketId, OrderId, Seq, Timestamp, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::Spot;
use allin_core::spot::command::{
    Account, Command, Counter, Funding, ListOrders, MarketState, NewList, NewOrder, OrderRef, Side,
};
use allin_core::spot::event::Event;
use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};
use allin_core::text::{ClientId, Label, Symbol};
use allin_exchange::matchengine::{self, Handles, MatchEngineSection, RemoteEngine};
use allin_exchange::service::Running;
use allin_runtime::auth::InternalToken;
use allin_runtime::engine::{Answer, Batch, BusError, Engine, EventBus, Query, Reply, SubmitError};
use allin_runtime::oplog::Options;
use allin_runtime::shard::{ManualClock, Setup, Shard};
use allin_runtime::storage::SimStorage;
use allin_wire::exchange::v1 as pb;
use allin_wire::exchange::v1::match_engine_client::MatchEngineClient;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

const SOON: Duration = Duration::from_secs(20);

/// A shard whose clock stands, so that two of them give the same answers to the same commands.
fn shard() -> Shard {
    let storage = Arc::new(SimStorage::new());
    let log = Options { segment_bytes: 1 << 20, ..Options::new("spot") };
    let setup = Setup::new(storage, log, || Spot::new(Default::default()));
    let clock = Arc::new(ManualClock::new(Timestamp(1_000_000)));
    Shard::start(Setup { clock, on_fatal: Arc::new(|reason| panic!("{reason}")), ..setup }).unwrap()
}

struct Served {
    shard: Shard,
    running: Running,
    address: SocketAddr,
    token: InternalToken,
    _data: tempfile::TempDir,
}

async fn serve(shard: Shard, address: &str) -> Served {
    let data = tempfile::tempdir().unwrap();
    let token = InternalToken::open(data.path()).unwrap();
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let handles = Handles { engine: shard.engine(), bus: shard.bus(), token: token.clone(), listener };
    let mut running = matchengine::start(matchengine::ROLE, handles, MatchEngineSection::default()).unwrap();
    running.ready().await.unwrap();
    Served { shard, running, address, token, _data: data }
}

impl Served {
    fn remote(&self) -> RemoteEngine {
        RemoteEngine::new(matchengine::ROLE, &self.address.to_string(), &self.token).unwrap()
    }

    async fn stop(self) {
        self.running.stop().await.unwrap();
        self.shard.stop();
    }
}

fn credit(user: u64, asset: u32, detail: &str) -> Command {
    Command::Credit(Funding {
        user: UserId(user),
        asset: AssetId(asset),
        amount: 1 << 70,
        business: Label::new("deposit").unwrap(),
        business_id: 1,
        counter: Counter::External,
        detail: detail.into(),
    })
}

fn limit(user: u64, side: Side, price: u64, qty: u64) -> NewOrder {
    NewOrder::limit(UserId(user), MarketId(0), side, PriceTicks(price), QtyLots(qty))
}

fn listing() -> Vec<Command> {
    let asset = |id, symbol| {
        let symbol = Symbol::new(symbol).unwrap();
        Command::SetAsset(AssetSpec { id: AssetId(id), symbol, scale: 8, display_scale: 8 })
    };
    let market = MarketSpec {
        id: MarketId(0),
        symbol: Symbol::new("BTCUSDT").unwrap(),
        base: AssetId(0),
        quote: AssetId(1),
        price_scale: 2,
        tick_units: 1,
        qty_scale: 5,
        lot_units: 1,
        filters: Filters::OPEN,
    };
    vec![
        asset(0, "BTC"),
        asset(1, "USDT"),
        Command::SetMarket(market),
        Command::SetMarketState { market: MarketId(0), state: MarketState::Trading },
    ]
}

fn script() -> Vec<Command> {
    let mut commands = listing();
    commands.extend([credit(1, 0, "{\"note\":1}"), credit(2, 1, ""), credit(1, 0, ""), credit(3, 9, "")]);
    let client_id = ClientId::new("mine").unwrap();
    commands.push(Command::Place(NewOrder { client_id, ..limit(1, Side::Sell, 1_000, 50) }));
    commands.push(Command::PlaceBatch(vec![limit(1, Side::Sell, 1_001, 10), limit(9, Side::Sell, 1_001, 10)]));
    commands.push(Command::Place(limit(2, Side::Buy, 1_000, 20)));
    commands.push(Command::Place(limit(2, Side::Buy, 900, 20)));
    let order = OrderRef::Client(client_id);
    commands.push(Command::Reduce { user: UserId(1), market: MarketId(0), order, by: QtyLots(5) });
    let orders = ListOrders::Oto { working: limit(1, Side::Sell, 3_000, 2), pending: limit(1, Side::Buy, 10, 1) };
    commands.push(Command::PlaceList(Box::new(NewList { client_id: ClientId::new("both").unwrap(), orders })));
    commands.push(Command::cancel(UserId(1), MarketId(7), order));
    // Not taken at all.
    commands.push(Command::Tick);
    commands.push(Command::PlaceBatch(vec![limit(1, Side::Sell, 1, 1); 51]));
    commands
}

fn questions() -> Vec<Query> {
    let (user, market) = (UserId(1), MarketId(0));
    vec![
        Query::Status,
        Query::Assets,
        Query::Markets,
        Query::Balances { account: Account::User(user) },
        Query::Balances { account: Account::Deposits },
        Query::User(user),
        Query::User(UserId(77)),
        Query::Fees(user),
        Query::Fees(UserId(77)),
        Query::Order { order: OrderId(1) },
        Query::Order { order: OrderId(99) },
        Query::OrderByClient { user, client_id: ClientId::new("mine").unwrap() },
        Query::OpenOrders { user, market: None, side: None, offset: 0, limit: 10 },
        Query::OpenOrders { user, market: Some(market), side: Some(Side::Sell), offset: 1, limit: 1 },
        Query::OpenLists { user },
        Query::Depth { market, limit: 5 },
        Query::Book { market, side: Side::Sell, offset: 0, limit: 5 },
        Query::Standing { from: 0, limit: 2 },
        Query::Standing { from: 2, limit: 10_000 },
        Query::AssetSummary { asset: AssetId(0) },
        Query::Conservation,
    ]
}

/// All that a user of the traits sees.
#[derive(Debug, PartialEq)]
struct Transcript {
    replies: Vec<Result<Parts, SubmitError>>,
    answers: Vec<Answer>,
    story: Vec<(Seq, Timestamp, Command, Vec<Event>)>,
}

type Parts = (Seq, Timestamp, Vec<Event>);

fn parts(reply: Reply) -> Parts {
    (reply.seq, reply.at, reply.events)
}

async fn transcript(engine: &dyn Engine, bus: &dyn EventBus) -> Transcript {
    let mut replies = Vec::new();
    for command in script() {
        replies.push(engine.submit(command).await.map(parts));
    }
    let mut answers = Vec::new();
    for query in questions() {
        answers.push(engine.query(query).await.unwrap());
    }
    let mut story = Vec::new();
    let mut subscription = bus.subscribe("suite", Seq(1)).await.unwrap();
    while story.len() < answers[0].seq.0 as usize {
        let batch: Arc<Batch> = timeout(SOON, subscription.next()).await.unwrap().unwrap();
        story.extend(batch.iter().map(|(r, events)| (r.seq, r.at, r.command.clone(), events.to_vec())));
    }
    let beyond = bus.subscribe("suite", Seq(answers[0].seq.0 + 2)).await.err().unwrap();
    assert!(matches!(beyond, BusError::Log(_)), "{beyond}");
    Transcript { replies, answers, story }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_remote_engine_is_the_local_one() {
    let local = shard();
    let expected = transcript(&*local.engine(), &*local.bus()).await;
    local.stop();
    assert!(expected.replies.iter().filter(|reply| reply.is_err()).count() == 2);
    let trades = expected.story.iter().flat_map(|told| &told.3).filter(|event| matches!(event, Event::Trade(_)));
    assert_eq!(trades.count(), 1, "the script does something");

    let served = serve(shard(), "127.0.0.1:0").await;
    let remote = served.remote();
    let got = transcript(&remote, &remote).await;
    assert_eq!(got, expected);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_commands_share_a_stream_and_are_answered_in_order() {
    let served = serve(shard(), "127.0.0.1:0").await;
    for command in listing().into_iter().chain([credit(1, 1, "")]) {
        served.shard.engine().submit(command).await.unwrap();
    }
    let mut client = raw(&served, true).await;
    let command = pb::Command::from(&Command::Place(limit(1, Side::Buy, 10, 1)));
    let requests = (0..5_000).map(move |tag| pb::SubmitRequest { tag, command: (tag != 777).then(|| command.clone()) });
    let stream = client.submit(tokio_stream::iter(requests)).await.unwrap();
    let mut stream = stream.into_inner();
    let (mut last, mut tags, mut broken) = (0, Vec::new(), 0);
    while let Some(reply) = timeout(SOON, stream.message()).await.unwrap().unwrap() {
        if reply.tag == 777 {
            assert_eq!((reply.seq, reply.error()), (0, pb::SubmitRefusal::Malformed));
            assert_eq!(reply.error_detail, "command");
            broken += 1;
            continue;
        }
        assert!(reply.seq > last && reply.error() == pb::SubmitRefusal::None, "{reply:?}");
        last = reply.seq;
        tags.push(reply.tag);
    }
    assert_eq!((tags.len(), broken), (4_999, 1));
    assert!(tags.is_sorted());

    let remote = Arc::new(served.remote());
    let tasks: Vec<_> = (0..500)
        .map(|_| {
            let remote = remote.clone();
            tokio::spawn(async move { remote.submit(Command::Place(limit(1, Side::Buy, 10, 1))).await })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap().unwrap().seq.0 > last);
    }
    served.stop().await;
}

async fn raw(served: &Served, with_token: bool) -> RawClient {
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{}", served.address)).unwrap();
    let pass = served.token.signer(matchengine::ROLE).header(std::time::SystemTime::now());
    let header = if with_token { pass } else { "Bearer 0".repeat(9) };
    let bearer = move |mut request: Request<()>| {
        request.metadata_mut().insert("authorization", header.parse().unwrap());
        Ok(request)
    };
    MatchEngineClient::with_interceptor(channel.connect().await.unwrap(), Box::new(bearer))
}

type Bearer = Box<dyn FnMut(Request<()>) -> Result<Request<()>, tonic::Status> + Send>;
type RawClient = MatchEngineClient<tonic::service::interceptor::InterceptedService<tonic::transport::Channel, Bearer>>;

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_statuses_and_strangers_are_turned_away() {
    let served = serve(shard(), "127.0.0.1:0").await;
    let request = |command: Option<&Command>| pb::SubmitRequest { tag: 7, command: command.map(Into::into) };
    let mut client = raw(&served, true).await;
    let reply = client.call(request(Some(&listing()[0]))).await.unwrap().into_inner();
    assert_eq!((reply.tag, reply.seq, reply.events.len()), (7, 2, 1));
    for command in [None, Some(&Command::Tick)] {
        assert_eq!(client.call(request(command)).await.unwrap_err().code(), Code::InvalidArgument);
    }
    let nothing = pb::QueryRequest { kind: None };
    assert_eq!(client.query(nothing).await.unwrap_err().code(), Code::InvalidArgument);

    let mut stranger = raw(&served, false).await;
    assert_eq!(stranger.call(request(Some(&listing()[1]))).await.unwrap_err().code(), Code::Unauthenticated);
    let subscribe = pb::SubscribeRequest { name: "stranger".to_owned(), from_seq: 1 };
    assert_eq!(stranger.subscribe(subscribe).await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(served.shard.engine().applied(), Seq(2), "a stranger changes nothing");

    let channel = tonic::transport::Endpoint::from_shared(format!("http://{}", served.address)).unwrap();
    let mut health = HealthClient::new(channel.connect().await.unwrap());
    let whole = HealthCheckRequest { service: String::new() };
    let status = health.check(whole).await.unwrap().into_inner().status();
    assert_eq!(status, ServingStatus::Serving, "health is for everybody");

    served.shard.stop();
    assert_eq!(client.call(request(Some(&listing()[1]))).await.unwrap_err().code(), Code::Unavailable);
    served.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_engine_survives_its_server() {
    let first = serve(shard(), "127.0.0.1:0").await;
    let (address, token) = (first.address.to_string(), first.token.clone());
    let remote = first.remote();
    remote.submit(listing().remove(0)).await.unwrap();
    let mut subscription = remote.subscribe("survivor", Seq(1)).await.unwrap();
    assert_eq!(subscription.next().await.unwrap().first_seq(), Some(Seq(1)));
    timeout(SOON, first.stop()).await.expect("a stop does not wait for subscribers");

    while let Ok(batch) = timeout(SOON, subscription.next()).await.unwrap() {
        assert!(batch.first_seq() > Some(Seq(1)));
    }
    let refused = timeout(SOON, remote.submit(listing().remove(0))).await.unwrap().unwrap_err();
    assert!(matches!(refused, SubmitError::Stopping | SubmitError::Unknown), "{refused}");
    let refused = timeout(SOON, remote.submit(listing().remove(0))).await.unwrap().unwrap_err();
    assert_eq!(refused, SubmitError::Stopping, "surely not taken");

    let shard = shard();
    let listener = TcpListener::bind(&address).await.unwrap();
    let handles = Handles { engine: shard.engine(), bus: shard.bus(), token, listener };
    let running = matchengine::start(matchengine::ROLE, handles, MatchEngineSection::default()).unwrap();
    let mut attempts = 0;
    while let Err(error) = remote.submit(listing().remove(0)).await {
        attempts += 1;
        assert!(attempts < 100, "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.stop().await.unwrap();
    shard.stop();
}
