//! `symbol`, `symbols` and `symbolStatus`: which markets a request is about.

use std::sync::Arc;

use allin_core::spot::command::MarketState;
use allin_wire::binance::{ApiError, Code};

use super::super::app::App;
use super::super::call::{Call, Failure};
use super::super::markets::Market;
use super::super::params::{Params, illegal};

/// The markets of a request.
pub enum Selected {
    /// By `symbol`: the answer is an object.
    One(Arc<Market>),
    /// By `symbols`, or all of them: the answer is an array.
    Many(Vec<Arc<Market>>),
}

/// `status` of a market. A call auction is `BREAK`: nothing trades, and trading is to come.
pub fn status_name(state: MarketState) -> &'static str {
    match state {
        MarketState::PreOpen => "BREAK",
        MarketState::Trading => "TRADING",
        MarketState::CancelOnly => "CANCEL_ONLY",
        MarketState::Halt => "HALT",
    }
}

/// `symbolStatus`, if sent.
pub fn wanted_status(params: &Params) -> Result<Option<&str>, ApiError> {
    match params.get("symbolStatus")? {
        Some(status) if !["TRADING", "HALT", "BREAK"].contains(&status) => {
            Err(ApiError::new(Code::InvalidSymbolStatus, "Invalid symbolStatus."))
        }
        status => Ok(status),
    }
}

/// The market of the mandatory `symbol`.
pub fn one(app: &App, call: &Call) -> Result<Arc<Market>, Failure> {
    app.market(call.params.required("symbol")?)
}

/// As [`one`], for endpoints that know `symbolStatus`.
pub fn one_with_status(app: &App, call: &Call) -> Result<Arc<Market>, Failure> {
    let market = one(app, call)?;
    check_status(&market, wanted_status(&call.params)?)?;
    Ok(market)
}

/// `symbol`, `symbols` or neither, which means all.
pub fn some_or_all(app: &App, call: &Call) -> Result<Selected, Failure> {
    let status = wanted_status(&call.params)?;
    match some(app, &call.params, usize::MAX)? {
        Some(selected) => with_status(selected, status),
        None => with_status(Selected::Many(app.markets().all().to_vec()), status),
    }
}

/// `symbol` or `symbols`; one of them is mandatory (-1102), and of the latter there are at most `most` (-1101).
pub fn some_at_most(app: &App, call: &Call, most: usize) -> Result<Selected, Failure> {
    let status = wanted_status(&call.params)?;
    match some(app, &call.params, most)? {
        Some(selected) => with_status(selected, status),
        None => {
            let msg = "Param 'symbol' or 'symbols' must be sent, but both were empty/null!";
            Err(Failure::new(Code::MandatoryParamEmptyOrMalformed, msg))
        }
    }
}

/// The symbols of `symbols`, as sent.
pub fn symbols(params: &Params) -> Result<Option<Vec<String>>, ApiError> {
    let Some(text) = params.get("symbols")? else { return Ok(None) };
    let names: Vec<String> = serde_json::from_str(text).map_err(|_| malformed_symbols())?;
    match names.is_empty() {
        true => Err(malformed_symbols()),
        false => Ok(Some(names)),
    }
}

fn malformed_symbols() -> ApiError {
    illegal("symbols", "^\\[(\"[A-Z0-9-_.]{1,20}\"(,\"[A-Z0-9-_.]{1,20}\"){0,}){0,1}\\]$")
}

fn some(app: &App, params: &Params, most: usize) -> Result<Option<Selected>, Failure> {
    match (params.get("symbol")?, symbols(params)?) {
        (Some(_), Some(_)) => {
            Err(Failure::new(Code::OptionalParamsBadCombo, "Combination of optional parameters invalid."))
        }
        (Some(symbol), None) => Ok(Some(Selected::One(app.market(symbol)?))),
        (None, Some(names)) => Ok(Some(Selected::Many(listed(app, &names, most)?))),
        (None, None) => Ok(None),
    }
}

/// Markets by their names: none unknown, none twice.
pub fn listed(app: &App, names: &[String], most: usize) -> Result<Vec<Arc<Market>>, Failure> {
    if names.len() > most {
        return Err(Failure::new(Code::TooManyParameters, "Too many parameters sent for this endpoint."));
    }
    let mut seen = std::collections::HashSet::with_capacity(names.len());
    let markets = app.markets();
    let mut listed = Vec::with_capacity(names.len());
    for name in names {
        listed.push(markets.by_symbol(name)?);
        if !seen.insert(name.as_str()) {
            return Err(Failure::new(Code::DuplicateSymbols, "Symbol is present multiple times in the list."));
        }
    }
    Ok(listed)
}

fn with_status(selected: Selected, status: Option<&str>) -> Result<Selected, Failure> {
    match selected {
        Selected::One(market) => {
            check_status(&market, status)?;
            Ok(Selected::One(market))
        }
        Selected::Many(mut markets) => {
            markets.retain(|market| status.is_none_or(|status| status == status_name(market.state)));
            Ok(Selected::Many(markets))
        }
    }
}

fn check_status(market: &Market, status: Option<&str>) -> Result<(), Failure> {
    match status {
        Some(status) if status != status_name(market.state) => Err(Failure::new(
            Code::SymbolDoesNotMatchStatus,
            "The symbol's status does not match the requested symbolStatus.",
        )),
        _ => Ok(()),
    }
}
