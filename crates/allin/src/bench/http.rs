//! `allin bench http`: orders over accesshttp, each answered when it is on the disk, beside a handler that does nothing on
//! the same HTTP stack, in turn.

use std::{convert::Infallible, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use allin_core::{
    ids::{AssetId, MarketId, UserId},
    spot::{
        command::{Command, Counter, Funding, MarketState},
        spec::{AssetSpec, Filters, MarketSpec},
    },
    text::{Label, Symbol},
};
use allin_exchange::{
    accesshttp::{self, Config, Handles},
    service::{Running, bind},
};
use allin_runtime::{auth::InternalToken, shard::Shard, storage::DiskStorage};
use http_body_util::{BodyExt, Full};
use hyper::{Response, body::Bytes, header::CONTENT_TYPE, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use super::{
    load,
    shard::{self, Folder, IN_FLIGHT_MAX},
    silent::Silent,
    table::{Row, Runs},
};

pub(super) const CONNECTIONS: usize = 64;
const GOAL_RATIO: f64 = 0.5;
const FUNDS: i128 = 1_000_000_000_000_000_000_000_000;
pub(super) const MARKET: &str = "BTCUSD";
/// As long as the answer to an order.
const NULL_ANSWER: &str = concat!(
    r#"{"error":null,"result":{"id":1000000,"market":"BTCUSD","source":"bench","type":1,"side":2,"user":17,"#,
    r#""ctime":1700000002.512345,"mtime":1700000002.512345,"price":"78000.00","amount":"0.5","taker_fee":"0.0005","#,
    r#""maker_fee":"0.0002","left":"0.5","deal_stock":"0","deal_money":"0","deal_fee":"0"},"id":1}"#
);

/// Runs both in turn, for `time` each; the log lies on the disk that `dir` is on.
pub fn run(dir: &Path, runs: usize, time: Duration) -> Result<Vec<Row>, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| e.to_string())?;
    let folder = Folder::new(dir, "http")?;
    let token = InternalToken::open(folder.path()).map_err(|error| error.to_string())?;
    // Requests are made by a plain function, so the token is put where that finds it.
    AUTHORIZATION.set(token.header()).map_err(|_| "runs once in a process")?;
    let shard = shard::start(Arc::new(DiskStorage::new(folder.path())))?;
    shard::call_all(&shard.engine().pipeline(IN_FLIGHT_MAX), set_up())?;
    let (mut ours, mut null) = (Runs::default(), Runs::default());
    runtime.block_on(async {
        let (service, address) = serve(&shard, token).await?;
        let nothing = serve_nothing(NULL_ANSWER).await.map_err(|error| error.to_string())?;
        for _ in 0..runs.max(1) {
            null.push(load::rate(nothing, CONNECTIONS, time, put_limit, r#""error":null"#).await?);
            ours.push(load::rate(address, CONNECTIONS, time, put_limit, r#""error":null"#).await?);
        }
        service.stop().await.map_err(|error| error.to_string())
    })?;
    shard.stop();
    let ratio = ours.ratio_to(&null);
    Ok(vec![Row {
        bench: "http".into(),
        workload: format!("order.put_limit over accesshttp, {CONNECTIONS} connections, each answer after its sync"),
        unit: "requests/s".into(),
        median: ours.median(),
        p10: ours.p10(),
        cpu_median: None,
        peer: "a handler that does nothing on the same HTTP stack, in turn".into(),
        peer_median: Some(null.median()),
        ratio: Some(ratio),
        goal: format!("ratio ≥ {GOAL_RATIO}"),
        met: Some(ratio >= GOAL_RATIO),
    }])
}

static AUTHORIZATION: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// Buyers and sellers meet within a hundred prices, so that some orders trade and some rest.
fn put_limit(connection: usize, n: u64) -> Vec<u8> {
    let side = 1 + (connection as u64 + n) % 2;
    let price = 78_000 + (n * 37 + connection as u64 * 11) % 100;
    let user = connection + 1;
    let body = format!(
        r#"{{"id":1,"method":"order.put_limit","params":[{user},"{MARKET}",{side},"0.5","{price}.5","0.0005","0.0002","bench"]}}"#
    );
    let authorization = AUTHORIZATION.get().map_or("", String::as_str);
    let head = format!(
        "POST / HTTP/1.1\r\nHost: bench\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    (head + &body).into_bytes()
}

async fn serve(shard: &Shard, token: InternalToken) -> Result<(Running, SocketAddr), String> {
    let listener = bind("bench", SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let (history, market_price) = (Arc::new(Silent), Arc::new(Silent));
    let handles = Handles { engine: shard.engine(), bus: shard.bus(), history, market_price, token };
    let mut service = accesshttp::start("bench", Config::default(), handles, listener).map_err(|e| e.to_string())?;
    service.ready().await.map_err(|error| error.to_string())?;
    Ok((service, address))
}

/// Reads each request whole and gives the answer at once.
pub(super) async fn serve_nothing(answer: &'static str) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(async move {
                let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| async move {
                    let _ = request.into_body().collect().await;
                    let mut response = Response::new(Full::new(Bytes::from_static(answer.as_bytes())));
                    let json = hyper::header::HeaderValue::from_static("application/json");
                    response.headers_mut().insert(CONTENT_TYPE, json);
                    Ok::<_, Infallible>(response)
                });
                let connection =
                    http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
                let _ = connection.await;
            });
        }
    });
    Ok(address)
}

/// A market, and a funded user for each connection.
pub(super) fn set_up() -> Vec<Command> {
    let asset = |id, symbol, scale| AssetSpec {
        id: AssetId(id),
        symbol: Symbol::new(symbol).expect("short"),
        scale,
        display_scale: 2,
    };
    let market = MarketSpec {
        id: MarketId(0),
        symbol: Symbol::new(MARKET).expect("short"),
        base: AssetId(0),
        quote: AssetId(1),
        price_scale: 2,
        tick_units: 1,
        qty_scale: 8,
        lot_units: 1,
        filters: Filters::OPEN,
    };
    let mut commands = vec![
        Command::SetAsset(asset(0, "BTC", 8)),
        Command::SetAsset(asset(1, "USD", 10)),
        Command::SetMarket(market),
        Command::SetMarketState { market: MarketId(0), state: MarketState::Trading },
    ];
    for user in 1..=CONNECTIONS as u64 {
        for asset in [AssetId(0), AssetId(1)] {
            commands.push(Command::Credit(Funding {
                user: UserId(user),
                asset,
                amount: FUNDS,
                business: Label::new("deposit").expect("short"),
                business_id: 1,
                counter: Counter::External,
                detail: "".into(),
            }));
        }
    }
    commands
}
