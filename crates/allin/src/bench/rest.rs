//! `allin bench rest`: signed orders over the public REST API, each answered when it is on the disk, straight and through the
//! gateway, beside a handler that reads the same signed requests and does nothing, on the same HTTP stack, in turn.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use allin_runtime::storage::DiskStorage;
use ring::hmac;

use super::http::{CONNECTIONS, MARKET, serve_nothing, set_up};
use super::load;
use super::public::{self, hmac_signer, now_ms};
use super::shard::{self, Folder, IN_FLIGHT_MAX};
use super::table::{Row, Runs};

const STRAIGHT_RATIO: f64 = 0.6;
const GATEWAY_RATIO: f64 = 0.5;
/// What every answer to a placed order has, the null handler's too.
pub(super) const EXPECTED: &str = r#"{"symbol":"BTCUSD","#;
/// As long as the answer to an order.
const NULL_ANSWER: &str = concat!(
    r#"{"symbol":"BTCUSD","orderId":1000000,"orderListId":-1,"clientOrderId":"6gCrw2kRUAF9CvJDGP16IP","#,
    r#""transactTime":1507725176595,"price":"78000.00","origQty":"0.50000000","executedQty":"0.00000000","#,
    r#""origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"NEW","timeInForce":"GTC","#,
    r#""type":"LIMIT","side":"SELL","workingTime":1507725176595,"selfTradePreventionMode":"NONE"}"#
);

/// Runs all three in turn, for `time` each; the log lies on the disk that `dir` is on.
pub fn run(dir: &Path, runs: usize, time: Duration) -> Result<Vec<Row>, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| e.to_string())?;
    let folder = Folder::new(dir, "rest")?;
    let shard = shard::start(Arc::new(DiskStorage::new(folder.path())))?;
    shard::call_all(&shard.engine().pipeline(IN_FLIGHT_MAX), set_up())?;
    let (mut straight, mut through, mut null) = (Runs::default(), Runs::default(), Runs::default());
    runtime.block_on(async {
        let api = public::spot_api(&shard, folder.path(), None).await?;
        let gateway = public::gateway(api.address).await?;
        let nothing = serve_nothing(NULL_ANSWER).await.map_err(|error| error.to_string())?;
        for _ in 0..runs.max(1) {
            null.push(load::rate(nothing, CONNECTIONS, time, order, EXPECTED).await?);
            straight.push(load::rate(api.address, CONNECTIONS, time, order, EXPECTED).await?);
            through.push(load::rate(gateway.address, CONNECTIONS, time, order, EXPECTED).await?);
        }
        gateway.stop().await?;
        api.stop().await
    })?;
    shard.stop();
    Ok(vec![row("", &straight, &null, STRAIGHT_RATIO), row(" through the gateway", &through, &null, GATEWAY_RATIO)])
}

fn row(way: &str, ours: &Runs, null: &Runs, goal: f64) -> Row {
    let ratio = ours.ratio_to(null);
    Row {
        bench: "rest".into(),
        workload: format!("signed POST /api/v3/order{way}, {CONNECTIONS} connections, each answer after its sync"),
        unit: "requests/s".into(),
        median: ours.median(),
        p10: ours.p10(),
        cpu_median: None,
        peer: "a handler that reads the same signed requests, on the same HTTP stack, in turn".into(),
        peer_median: Some(null.median()),
        ratio: Some(ratio),
        goal: format!("ratio ≥ {goal}"),
        met: Some(ratio >= goal),
    }
}

/// Buyers and sellers meet within a hundred prices, so that some orders trade and some rest.
pub(super) fn order(connection: usize, n: u64) -> Vec<u8> {
    let side = if (connection as u64 + n).is_multiple_of(2) { "SELL" } else { "BUY" };
    let price = 78_000 + (n * 37 + connection as u64 * 11) % 100;
    let now = now_ms();
    let mut body = format!(
        "symbol={MARKET}&side={side}&type=LIMIT&timeInForce=GTC&quantity=0.5&price={price}.5&newOrderRespType=RESULT&timestamp={now}"
    );
    let signature = hmac::sign(hmac_signer(), body.as_bytes());
    body.push_str("&signature=");
    for byte in signature.as_ref() {
        body.push_str(&format!("{byte:02x}"));
    }
    // The gateway takes a bare address for the API's host.
    let head = format!(
        "POST /api/v3/order HTTP/1.1\r\nHost: 127.0.0.1\r\nX-MBX-APIKEY: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        public::key_name('k', connection + 1),
        body.len()
    );
    (head + &body).into_bytes()
}
