//! Account endpoints and listen keys (Binance Spot REST, "Account Endpoints"; "User Data Streams").

pub(super) mod commission;
mod filters;
mod info;
mod limits;
mod listen_key;
mod lists;
mod orders;
mod prevented;
mod trades;

use super::endpoint::{Endpoint, Security, Weight};

const fn read(rest: &'static [(&'static str, &'static str)], ws: &'static [&'static str], weight: u32) -> Endpoint {
    Endpoint {
        rest,
        ws,
        security: Security::UserData,
        weight: Weight::Fixed(weight),
        free_when_done: false,
        orders: 0,
        cancels_over_limit: false,
        handler: |app, call| Box::pin(info::account(app, call)),
    }
}

const fn listen(rest: &'static [(&'static str, &'static str)], ws: &'static [&'static str]) -> Endpoint {
    Endpoint { security: Security::ApiKey, ..read(rest, ws, 2) }
}

pub static ENDPOINTS: &[Endpoint] = &[
    read(&[("GET", "/api/v3/account")], &["account.status"], 20),
    Endpoint {
        handler: |app, call| Box::pin(commission::account(app, call)),
        ..read(&[("GET", "/api/v3/account/commission")], &["account.commission"], 20)
    },
    Endpoint {
        handler: |app, call| Box::pin(limits::orders(app, call)),
        ..read(&[("GET", "/api/v3/rateLimit/order")], &["account.rateLimits.orders"], 40)
    },
    Endpoint {
        handler: |app, call| Box::pin(orders::one(app, call)),
        ..read(&[("GET", "/api/v3/order")], &["order.status"], 4)
    },
    Endpoint {
        weight: Weight::Of(|params| if params.has("symbol") { 6 } else { 80 }),
        handler: |app, call| Box::pin(orders::open(app, call)),
        ..read(&[("GET", "/api/v3/openOrders")], &["openOrders.status"], 6)
    },
    Endpoint {
        handler: |app, call| Box::pin(orders::all(app, call)),
        ..read(&[("GET", "/api/v3/allOrders")], &["allOrders"], 20)
    },
    Endpoint {
        handler: |app, call| Box::pin(orders::amendments(app, call)),
        ..read(&[("GET", "/api/v3/order/amendments")], &["order.amendments"], 4)
    },
    Endpoint {
        handler: |app, call| Box::pin(lists::one(app, call)),
        ..read(&[("GET", "/api/v3/orderList")], &["orderList.status"], 4)
    },
    Endpoint {
        handler: |app, call| Box::pin(lists::all(app, call)),
        ..read(&[("GET", "/api/v3/allOrderList")], &["allOrderLists"], 20)
    },
    Endpoint {
        handler: |app, call| Box::pin(lists::open(app, call)),
        ..read(&[("GET", "/api/v3/openOrderList")], &["openOrderLists.status"], 6)
    },
    Endpoint {
        weight: Weight::Of(|params| if params.has("orderId") { 5 } else { 20 }),
        handler: |app, call| Box::pin(trades::mine(app, call)),
        ..read(&[("GET", "/api/v3/myTrades")], &["myTrades"], 20)
    },
    Endpoint {
        weight: Weight::Of(|params| if params.has("orderId") { 20 } else { 2 }),
        handler: |app, call| Box::pin(prevented::mine(app, call)),
        ..read(&[("GET", "/api/v3/myPreventedMatches")], &["myPreventedMatches"], 2)
    },
    Endpoint {
        handler: |app, call| Box::pin(trades::allocations(app, call)),
        ..read(&[("GET", "/api/v3/myAllocations")], &["myAllocations"], 20)
    },
    Endpoint {
        handler: |app, call| Box::pin(filters::mine(app, call)),
        ..read(&[("GET", "/api/v3/myFilters")], &["myFilters"], 40)
    },
    Endpoint {
        handler: |app, call| Box::pin(listen_key::start(app, call)),
        ..listen(&[("POST", "/api/v3/userDataStream")], &["userDataStream.start"])
    },
    Endpoint {
        handler: |app, call| Box::pin(listen_key::keep(app, call)),
        ..listen(&[("PUT", "/api/v3/userDataStream")], &["userDataStream.ping"])
    },
    Endpoint {
        handler: |app, call| Box::pin(listen_key::close(app, call)),
        ..listen(&[("DELETE", "/api/v3/userDataStream")], &["userDataStream.stop"])
    },
];
