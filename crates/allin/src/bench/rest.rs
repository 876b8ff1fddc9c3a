//! `allin bench rest`: signed orders over the public REST API, each answered when it is on the disk, beside a handler that
//! reads the same signed requests and does nothing, on the same HTTP stack, in turn.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use allin_core::ids::{Timestamp, UserId};
use allin_exchange::clock;
use allin_exchange::service::{Running, bind};
use allin_landry::directory::{AccountFacts, ApiKey, Change, Directory, DirectoryError, Permissions, Verifier};
use allin_landry::spotapi::{self, Handles, SpotApiSection};
use allin_runtime::cache::MemoryCache;
use allin_runtime::{shard::Shard, storage::DiskStorage};
use async_trait::async_trait;
use ring::hmac;
use tokio::sync::broadcast;

use super::http::{CONNECTIONS, MARKET, serve_nothing, set_up};
use super::load;
use super::shard::{self, Folder, IN_FLIGHT_MAX};
use super::silent::Silent;
use super::table::{Row, Runs};

/// Time of one measurement.
const TIME: Duration = Duration::from_secs(3);
const GOAL_RATIO: f64 = 0.6;
const SECRET: &[u8] = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
/// What every answer to a placed order has, the null handler's too.
const EXPECTED: &str = r#"{"symbol":"BTCUSD","#;
/// As long as the answer to an order.
const NULL_ANSWER: &str = concat!(
    r#"{"symbol":"BTCUSD","orderId":1000000,"orderListId":-1,"clientOrderId":"6gCrw2kRUAF9CvJDGP16IP","#,
    r#""transactTime":1507725176595,"price":"78000.00","origQty":"0.50000000","executedQty":"0.00000000","#,
    r#""origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"NEW","timeInForce":"GTC","#,
    r#""type":"LIMIT","side":"SELL","workingTime":1507725176595,"selfTradePreventionMode":"NONE"}"#
);

/// A key for each connection.
struct Keys(broadcast::Sender<Change>);

#[async_trait]
impl Directory for Keys {
    async fn key(&self, key: &str) -> Result<Option<Arc<ApiKey>>, DirectoryError> {
        let Some(user) = key.trim_start_matches('k').parse().ok().map(UserId) else { return Ok(None) };
        Ok(Some(Arc::new(ApiKey {
            key: key.into(),
            user,
            label: "bench".into(),
            verifier: Verifier::HmacSha256(SECRET.into()),
            permissions: Permissions { read: true, spot_trade: true, ..Permissions::default() },
            ip_ranges: vec![],
            created_at: Timestamp(0),
            expires_at: Timestamp(0),
        })))
    }

    async fn account(&self, user: UserId) -> Result<Option<Arc<AccountFacts>>, DirectoryError> {
        Ok(Some(Arc::new(AccountFacts {
            user,
            master: user,
            frozen: false,
            kyc_level: 0,
            withdrawals_held_until: Timestamp(0),
            demo: false,
        })))
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.0.subscribe()
    }
}

/// Runs both in turn; the log lies on the disk that `dir` is on.
pub fn run(dir: &Path, runs: usize) -> Result<Vec<Row>, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| e.to_string())?;
    let folder = Folder::new(dir, "rest")?;
    let shard = shard::start(Arc::new(DiskStorage::new(folder.path())))?;
    shard::call_all(&shard.engine().pipeline(IN_FLIGHT_MAX), set_up())?;
    let (mut ours, mut null) = (Runs::default(), Runs::default());
    runtime.block_on(async {
        let (service, address) = serve(&shard).await?;
        let nothing = serve_nothing(NULL_ANSWER).await.map_err(|error| error.to_string())?;
        for _ in 0..runs.max(1) {
            null.push(load::rate(nothing, CONNECTIONS, TIME, order, EXPECTED).await?);
            ours.push(load::rate(address, CONNECTIONS, TIME, order, EXPECTED).await?);
        }
        service.stop().await.map_err(|error| error.to_string())
    })?;
    shard.stop();
    let ratio = ours.ratio_to(&null);
    Ok(vec![Row {
        bench: "rest".into(),
        workload: format!("signed POST /api/v3/order, {CONNECTIONS} connections, each answer after its sync"),
        unit: "requests/s".into(),
        median: ours.median(),
        p10: ours.p10(),
        cpu_median: None,
        peer: "a handler that reads the same signed requests, on the same HTTP stack, in turn".into(),
        peer_median: Some(null.median()),
        ratio: Some(ratio),
        goal: format!("ratio ≥ {GOAL_RATIO}"),
        met: Some(ratio >= GOAL_RATIO),
    }])
}

/// Buyers and sellers meet within a hundred prices, so that some orders trade and some rest.
fn order(connection: usize, n: u64) -> Vec<u8> {
    static SIGNER: OnceLock<hmac::Key> = OnceLock::new();
    let signer = SIGNER.get_or_init(|| hmac::Key::new(hmac::HMAC_SHA256, SECRET));
    let side = if (connection as u64 + n).is_multiple_of(2) { "SELL" } else { "BUY" };
    let price = 78_000 + (n * 37 + connection as u64 * 11) % 100;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut body = format!(
        "symbol={MARKET}&side={side}&type=LIMIT&timeInForce=GTC&quantity=0.5&price={price}.5&newOrderRespType=RESULT&timestamp={now}"
    );
    let signature = hmac::sign(signer, body.as_bytes());
    body.push_str("&signature=");
    for byte in signature.as_ref() {
        body.push_str(&format!("{byte:02x}"));
    }
    let head = format!(
        "POST /api/v3/order HTTP/1.1\r\nHost: bench\r\nX-MBX-APIKEY: k{}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        connection + 1,
        body.len()
    );
    (head + &body).into_bytes()
}

async fn serve(shard: &Shard) -> Result<(Running, SocketAddr), String> {
    let listener = bind("bench", SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let handles = Handles {
        engine: shard.engine(),
        bus: shard.bus(),
        history: Arc::new(Silent),
        market_price: Arc::new(Silent),
        cache_center: Arc::new(Silent),
        cache: Arc::new(MemoryCache::new(1000)),
        directory: Arc::new(Keys(broadcast::channel(16).0)),
        clock: clock::system(),
    };
    // The bounds on a client are no part of the work.
    let config = SpotApiSection {
        weight_1m_max: 0,
        raw_requests_5m_max: 0,
        orders_10s_max: 0,
        orders_1d_max: 0,
        ..SpotApiSection::default()
    };
    let mut service = spotapi::start("bench", config, handles, Some(listener)).map_err(|e| e.to_string())?;
    service.ready().await.map_err(|error| error.to_string())?;
    Ok((service, address))
}
