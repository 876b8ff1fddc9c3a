//! What both doors do with a request once its parameters are known: room, limits, security, the handler.

use std::net::IpAddr;

use allin_core::ids::Timestamp;
use allin_wire::binance::Code;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::app::App;
use super::call::{Call, Caller, Failure, Outcome, TimeUnit};
use super::config::SpotApiSection;
use super::endpoint::{Endpoint, Weight};
use super::limits::Usage;
use super::params::Params;
use super::security::{self, Credentials};

/// A request as a door takes it in.
pub struct Arrival {
    pub params: Params,
    pub credentials: Credentials,
    /// Of the client, not of the gateway.
    pub address: IpAddr,
    pub time_unit: TimeUnit,
}

/// What a request ended in, and what is used of the caller's limits.
pub struct Answered {
    pub outcome: Outcome,
    pub usage: Usage,
}

/// Room for requests that are being answered; some of it is for cancels alone.
pub(super) struct Gates {
    requests: Semaphore,
    cancels: Semaphore,
}

impl Gates {
    pub fn new(config: &SpotApiSection) -> Gates {
        Gates {
            requests: Semaphore::new(config.requests_max as usize),
            cancels: Semaphore::new(config.cancel_requests_max as usize),
        }
    }

    fn enter(&self, endpoint: &Endpoint) -> Result<SemaphorePermit<'_>, Failure> {
        let permit = self.requests.try_acquire();
        let permit = if endpoint.cancels() { permit.or_else(|_| self.cancels.try_acquire()) } else { permit };
        permit.map_err(|_| {
            metrics::counter!("spotapi_overloaded_total").increment(1);
            Failure::away("Server is currently overloaded with other requests. Please try again in a few minutes.")
        })
    }
}

/// Answers a request of either door.
pub async fn dispatch(app: &App, endpoint: &'static Endpoint, arrival: Arrival) -> Answered {
    let mut usage = Usage::default();
    let outcome = answer(app, endpoint, arrival, &mut usage).await;
    if let Err(failure) = &outcome {
        let code = (failure.error.code as i32).to_string();
        metrics::counter!("spotapi_failures_total", "code" => code).increment(1);
    }
    Answered { outcome, usage }
}

/// Charges weight to an address without calling anything: for what a door answers by itself.
pub fn charge(app: &App, address: IpAddr, weight: u32) -> Result<Usage, Failure> {
    let now = (app.handles.clock)();
    let weight_1m = app.limits.charge(address, weight, now).map_err(|(_, failure)| failure)?;
    Ok(Usage { weight_1m, orders: None })
}

/// Checks a `session.logon`: its signature, key, address and time.
pub async fn log_on(app: &App, arrival: &Arrival) -> Result<Caller, Failure> {
    security::log_on(app, &arrival.credentials, &arrival.params, arrival.address, (app.handles.clock)()).await
}

async fn answer(app: &App, endpoint: &'static Endpoint, arrival: Arrival, usage: &mut Usage) -> Outcome {
    let _permit = app.gates.enter(endpoint)?;
    if !app.tables.are_loaded().await {
        return Err(Failure::away("The service is starting. Please try again in a moment."));
    }
    let Arrival { params, credentials, address, time_unit } = arrival;
    let now = (app.handles.clock)();
    let weight = match endpoint.weight {
        Weight::Fixed(weight) => weight,
        Weight::Of(weigh) => weigh(&params),
    };
    match app.limits.charge(address, weight, now) {
        Ok(used) => usage.weight_1m = used,
        Err((used, failure)) => {
            usage.weight_1m = used;
            return Err(failure);
        }
    }
    let known = security::authenticate(app, endpoint.security, &credentials, &params, address, now).await?;
    let frozen = known.as_ref().is_some_and(|(_, known)| known.frozen);
    if frozen && endpoint.orders > 0 {
        return Err(Failure::new(Code::NewOrderRejected, "This action is disabled on this account."));
    }
    let caller = known.map(|(caller, _)| caller);
    let mut call = Call { params, caller, address, now, time_unit, over_limit: None };
    let outcome = match endpoint.orders {
        0 => handle(app, endpoint, &call).await,
        _ => counted(app, endpoint, &mut call, usage).await,
    };
    if endpoint.free_when_done && outcome.is_ok() {
        usage.weight_1m = app.limits.refund(address, weight, now);
    }
    outcome
}

/// Counts the orders that a request places against its account's limits.
async fn counted(app: &App, endpoint: &Endpoint, call: &mut Call, usage: &mut Usage) -> Outcome {
    let (user, now) = (call.user(), call.now);
    let used = match app.limits.count_orders(user, endpoint.orders, now) {
        Ok(used) => used,
        Err(failure) if endpoint.cancels_over_limit && is_cancel_only(&call.params) => {
            call.over_limit = Some(failure);
            return handle(app, endpoint, call).await;
        }
        Err(failure) => return Err(failure),
    };
    let outcome = handle(app, endpoint, call).await;
    match &outcome {
        // An order that was refused does not count; that of a cancel-replace does, whatever became of it, and so does one
        // of which nothing is known.
        Err(failure) if failure.status < 500 && failure.data.is_none() => {
            app.limits.give_back(user, endpoint.orders, now);
        }
        _ => usage.orders = Some(used),
    }
    outcome
}

/// Binance Spot REST, `order/cancelReplace`: above the limit the cancel is wanted alone.
fn is_cancel_only(params: &Params) -> bool {
    matches!(params.get("orderRateLimitExceededMode"), Ok(Some("CANCEL_ONLY")))
}

async fn handle(app: &App, endpoint: &Endpoint, call: &Call) -> Outcome {
    match tokio::time::timeout(app.config.answer_timeout(), (endpoint.handler)(app, call)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(timed_out()),
    }
}

/// The engine or history did not answer in time.
pub(super) fn timed_out() -> Failure {
    let msg = "Timeout waiting for response from backend server. Send status unknown; execution status unknown.";
    Failure { status: 504, ..Failure::new(Code::Timeout, msg) }
}

/// The time by the service's clock.
pub fn now(app: &App) -> Timestamp {
    (app.handles.clock)()
}
