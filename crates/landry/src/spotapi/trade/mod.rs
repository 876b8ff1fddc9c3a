//! Trading endpoints (Binance Spot REST, "Trading endpoints"). Pre-trade work only: what money depends on is the engine's.

mod amend;
pub(super) mod cancel;
mod client_id;
pub(super) mod list;
pub(super) mod parse;
mod place;
pub(super) mod reject;
mod replace;
mod report;
mod trial;
mod unsupported;

use super::endpoint::{Endpoint, Security, Weight};
use super::params::Params;

const fn trade(rest: &'static [(&'static str, &'static str)], ws: &'static [&'static str], orders: u32) -> Endpoint {
    Endpoint {
        rest,
        ws,
        security: Security::Trade,
        weight: Weight::Fixed(1),
        free_when_done: true,
        orders,
        cancels_over_limit: false,
        handler: |app, call| Box::pin(place::place(app, call)),
    }
}

fn test_weight(params: &Params) -> u32 {
    match params.get("computeCommissionRates") {
        Ok(Some(text)) if text.eq_ignore_ascii_case("true") => 20,
        _ => 1,
    }
}

pub static ENDPOINTS: &[Endpoint] = &[
    trade(&[("POST", "/api/v3/order")], &["order.place"], 1),
    Endpoint {
        weight: Weight::Of(test_weight),
        free_when_done: false,
        handler: |app, call| Box::pin(place::test(app, call)),
        ..trade(&[("POST", "/api/v3/order/test")], &["order.test"], 0)
    },
    Endpoint {
        handler: |app, call| Box::pin(cancel::one(app, call)),
        ..trade(&[("DELETE", "/api/v3/order")], &["order.cancel"], 0)
    },
    Endpoint {
        handler: |app, call| Box::pin(cancel::all(app, call)),
        ..trade(&[("DELETE", "/api/v3/openOrders")], &["openOrders.cancelAll"], 0)
    },
    Endpoint {
        cancels_over_limit: true,
        handler: |app, call| Box::pin(replace::replace(app, call)),
        ..trade(&[("POST", "/api/v3/order/cancelReplace")], &["order.cancelReplace"], 1)
    },
    Endpoint {
        weight: Weight::Fixed(4),
        free_when_done: false,
        handler: |app, call| Box::pin(amend::keep_priority(app, call)),
        ..trade(&[("PUT", "/api/v3/order/amend/keepPriority")], &["order.amend.keepPriority"], 0)
    },
    Endpoint {
        handler: |app, call| Box::pin(list::legacy_oco(app, call)),
        ..trade(&[("POST", "/api/v3/order/oco")], &["orderList.place"], 2)
    },
    Endpoint {
        handler: |app, call| Box::pin(list::oco(app, call)),
        ..trade(&[("POST", "/api/v3/orderList/oco")], &["orderList.place.oco"], 2)
    },
    Endpoint {
        handler: |app, call| Box::pin(list::oto(app, call)),
        ..trade(&[("POST", "/api/v3/orderList/oto")], &["orderList.place.oto"], 2)
    },
    Endpoint {
        handler: |app, call| Box::pin(list::otoco(app, call)),
        ..trade(&[("POST", "/api/v3/orderList/otoco")], &["orderList.place.otoco"], 3)
    },
    Endpoint {
        handler: |app, call| Box::pin(list::cancel(app, call)),
        ..trade(&[("DELETE", "/api/v3/orderList")], &["orderList.cancel"], 0)
    },
    Endpoint {
        handler: |app, call| Box::pin(unsupported::opo(app, call)),
        ..trade(&[("POST", "/api/v3/orderList/opo")], &["orderList.place.opo"], 2)
    },
    Endpoint {
        handler: |app, call| Box::pin(unsupported::opoco(app, call)),
        ..trade(&[("POST", "/api/v3/orderList/opoco")], &["orderList.place.opoco"], 3)
    },
    Endpoint {
        handler: |app, call| Box::pin(unsupported::sor(app, call)),
        ..trade(&[("POST", "/api/v3/sor/order")], &["sor.order.place"], 1)
    },
    Endpoint {
        weight: Weight::Of(test_weight),
        free_when_done: false,
        handler: |app, call| Box::pin(unsupported::sor_test(app, call)),
        ..trade(&[("POST", "/api/v3/sor/order/test")], &["sor.order.test"], 0)
    },
];
