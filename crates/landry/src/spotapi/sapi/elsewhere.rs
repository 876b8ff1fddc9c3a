//! The state of the exchange, and what there is not: margin, coin-margined futures.

use serde::Serialize;
use serde_json::json;

use super::super::call::json as to_json;
use super::super::market::{RateLimit, rate_limits};
use super::{App, Call, Outcome};

pub async fn system_status(_: &App, call: &Call) -> Outcome {
    unsigned(call)?;
    #[derive(Serialize)]
    struct Status {
        status: u8,
        msg: &'static str,
    }
    to_json(&Status { status: 0, msg: "normal" })
}

/// Clients ask for lists of margin pairs when they load markets; there are none.
pub async fn none(_: &App, call: &Call) -> Outcome {
    call.params.skip("symbol");
    unsigned(call)?;
    to_json(&json!([]))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Futures {
    timezone: &'static str,
    server_time: u64,
    rate_limits: Vec<RateLimit>,
    exchange_filters: [(); 0],
    symbols: [(); 0],
}

/// Without an answer here, clients with default options load no market at all.
pub async fn coin_futures(app: &App, call: &Call) -> Outcome {
    unsigned(call)?;
    to_json(&Futures {
        timezone: "UTC",
        server_time: call.time(call.now),
        rate_limits: rate_limits(&app.handles.rules),
        exchange_filters: [],
        symbols: [],
    })
}

/// Some clients sign public questions too.
fn unsigned(call: &Call) -> Result<(), super::Failure> {
    ["timestamp", "recvWindow", "signature"].into_iter().for_each(|name| call.params.skip(name));
    Ok(call.params.all_read()?)
}
