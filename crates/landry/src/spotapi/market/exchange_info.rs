//! `exchangeInfo`: limits, markets and their rules.

use std::sync::Arc;

use allin_core::spot::command::StpMode;
use allin_wire::binance::{ApiError, Code, kind_name, stp_name};

use serde::Serialize;

use super::super::app::App;
use super::super::call::{Call, Failure, Outcome, json};
use super::super::limits::Rules;
use super::super::markets::Market;
use super::super::params::{Params, illegal};
use super::{filters, select};

/// The permission that every market here asks for, and every account has.
const SPOT: &str = "SPOT";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    pub rate_limit_type: &'static str,
    pub interval: &'static str,
    pub interval_num: u32,
    pub limit: u32,
    /// What is used of it, where that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info<'a> {
    timezone: &'static str,
    server_time: u64,
    rate_limits: Vec<RateLimit>,
    exchange_filters: [(); 0],
    symbols: &'a [Symbol<'a>],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Symbol<'a> {
    symbol: &'a str,
    status: &'static str,
    base_asset: &'a str,
    base_asset_precision: u8,
    quote_asset: &'a str,
    quote_precision: u8,
    quote_asset_precision: u8,
    base_commission_precision: u8,
    quote_commission_precision: u8,
    order_types: Vec<&'static str>,
    iceberg_allowed: bool,
    oco_allowed: bool,
    oto_allowed: bool,
    opo_allowed: bool,
    quote_order_qty_market_allowed: bool,
    allow_trailing_stop: bool,
    cancel_replace_allowed: bool,
    amend_allowed: bool,
    peg_instructions_allowed: bool,
    is_spot_trading_allowed: bool,
    is_margin_trading_allowed: bool,
    filters: Vec<filters::Filter>,
    permissions: [&'static str; 0],
    permission_sets: Vec<[&'static str; 1]>,
    default_self_trade_prevention_mode: &'static str,
    allowed_self_trade_prevention_modes: [&'static str; 5],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExecutionRules<'a> {
    symbol_rules: Vec<SymbolRules<'a>>,
}

#[derive(Serialize)]
struct SymbolRules<'a> {
    symbol: &'a str,
    rules: [(); 0],
}

/// The limits in force, of both doors.
pub fn rate_limits(rules: &Rules) -> Vec<RateLimit> {
    let tell = |(rate_limit_type, interval, interval_num, limit)| RateLimit {
        rate_limit_type,
        interval,
        interval_num,
        limit,
        count: None,
    };
    rules.in_force().map(tell).collect()
}

pub async fn exchange_info(app: &App, call: &Call) -> Outcome {
    let markets = wanted(app, &call.params)?;
    let show_sets = call.params.bool("showPermissionSets")?.unwrap_or(true);
    call.params.all_read()?;
    let symbols: Vec<Symbol> = markets.iter().map(|market| symbol(market, show_sets)).collect();
    json(&Info {
        timezone: "UTC",
        server_time: call.time(call.now),
        rate_limits: rate_limits(&app.handles.rules),
        exchange_filters: [],
        symbols: &symbols,
    })
}

/// The markets that the parameters name.
fn wanted(app: &App, params: &Params) -> Result<Vec<Arc<Market>>, Failure> {
    let (symbol, symbols) = (params.get("symbol")?, select::symbols(params)?);
    let (permissions, status) = (permissions(params)?, select::wanted_status(params)?);
    let named = usize::from(symbol.is_some()) + usize::from(symbols.is_some());
    if named > 1 || named == 1 && (permissions.is_some() || status.is_some()) {
        return Err(Failure::new(Code::OptionalParamsBadCombo, "Combination of optional parameters invalid."));
    }
    if let Some(symbol) = symbol {
        return Ok(vec![app.market(symbol)?]);
    }
    if let Some(names) = symbols {
        return select::listed(app, &names, usize::MAX);
    }
    if permissions.is_some_and(|wanted| !wanted.iter().any(|one| one == SPOT)) {
        return Ok(Vec::new());
    }
    let mut all = app.markets().all().to_vec();
    all.retain(|market| status.is_none_or(|status| status == select::status_name(market.state)));
    Ok(all)
}

/// `permissions`: a name, or an array of names.
fn permissions(params: &Params) -> Result<Option<Vec<String>>, ApiError> {
    let Some(text) = params.get("permissions")? else { return Ok(None) };
    let names = match text.starts_with('[') {
        true => serde_json::from_str(text).unwrap_or_default(),
        false => vec![text.to_owned()],
    };
    let known = |name: &String| {
        let group = name
            .strip_prefix("TRD_GRP_")
            .is_some_and(|number| number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit()));
        group || [SPOT, "MARGIN", "LEVERAGED"].contains(&name.as_str())
    };
    match !names.is_empty() && names.iter().all(known) {
        true => Ok(Some(names)),
        false => Err(illegal("permissions", "^(SPOT|MARGIN|LEVERAGED|TRD_GRP_[0-9]{3})$")),
    }
}

fn symbol(market: &Market, show_sets: bool) -> Symbol<'_> {
    use allin_core::spot::command::OrderKind::{
        Limit, LimitMaker, Market as MarketOrder, StopLoss, StopLossLimit, TakeProfit, TakeProfitLimit,
    };
    let kinds = [Limit, LimitMaker, MarketOrder, StopLoss, StopLossLimit, TakeProfit, TakeProfitLimit];
    let modes = [StpMode::None, StpMode::ExpireTaker, StpMode::ExpireMaker, StpMode::ExpireBoth, StpMode::Decrement];
    Symbol {
        symbol: market.symbol(),
        status: select::status_name(market.state),
        base_asset: market.base.symbol.as_str(),
        base_asset_precision: market.base.scale,
        quote_asset: market.quote.symbol.as_str(),
        quote_precision: market.quote.scale,
        quote_asset_precision: market.quote.scale,
        base_commission_precision: market.base.scale,
        quote_commission_precision: market.quote.scale,
        order_types: kinds.map(kind_name).to_vec(),
        iceberg_allowed: true,
        oco_allowed: true,
        oto_allowed: true,
        opo_allowed: false,
        quote_order_qty_market_allowed: true,
        allow_trailing_stop: true,
        cancel_replace_allowed: true,
        amend_allowed: true,
        peg_instructions_allowed: false,
        is_spot_trading_allowed: true,
        is_margin_trading_allowed: false,
        filters: filters::of(market),
        permissions: [],
        permission_sets: if show_sets { vec![[SPOT]] } else { Vec::new() },
        default_self_trade_prevention_mode: stp_name(StpMode::None),
        allowed_self_trade_prevention_modes: modes.map(stp_name),
    }
}

/// `executionRules`: the price bands of markets halt trading and are no rules in Binance's sense, so each list is empty.
pub async fn execution_rules(app: &App, call: &Call) -> Outcome {
    let sent = ["symbol", "symbols", "symbolStatus"].into_iter().filter(|name| call.params.has(name)).count();
    if sent > 1 {
        return Err(Failure::new(Code::OptionalParamsBadCombo, "Combination of optional parameters invalid."));
    }
    let markets = match select::some_or_all(app, call)? {
        select::Selected::One(market) => vec![market],
        select::Selected::Many(markets) => markets,
    };
    call.params.all_read()?;
    let symbol_rules = markets.iter().map(|market| SymbolRules { symbol: market.symbol(), rules: [] }).collect();
    json(&ExecutionRules { symbol_rules })
}

/// `referencePrice` and its calculation: no market has one that Binance's filters would go by.
pub async fn reference_price(app: &App, call: &Call) -> Outcome {
    select::one_with_status(app, call)?;
    call.params.all_read()?;
    Err(Failure::new(Code::NoReferencePrice, "This symbol doesn't have a reference price."))
}
