//! `GET /api/v3/rateLimit/order`.

use serde::Serialize;

use super::super::app::App;
use super::super::call::{Call, Outcome, json};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Limit {
    rate_limit_type: &'static str,
    interval: &'static str,
    interval_num: u32,
    limit: u32,
    count: u32,
}

pub(super) async fn orders(app: &App, call: &Call) -> Outcome {
    call.params.all_read()?;
    let (short, day) = app.limits.orders(call.user(), call.now);
    let (short_max, day_max) = app.handles.rules.orders();
    let limit = |interval, interval_num, limit, count| Limit {
        rate_limit_type: "ORDERS",
        interval,
        interval_num,
        // A limit that is switched off.
        limit: if limit == 0 { u32::MAX } else { limit },
        count,
    };
    json(&[limit("SECOND", 10, short_max, short), limit("DAY", 1, day_max, day)])
}
