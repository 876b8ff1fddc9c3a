//! Deposits and withdrawals, out of the ledger's history.

use allin_core::ids::Timestamp;
use allin_wire::binance::{ApiError, Code};
use allin_wire::exchange::v1::{LedgerEntry, LedgerRequest};
use serde::Serialize;
use tonic::Request;

use super::super::call::json;
use super::super::market::{ask_refused, limit, span};
use super::assets::asset;
use super::{App, Call, Failure, Outcome, date};
use crate::decimals::Padded;

/// Names under which the ledger has them.
const DEPOSITS: [&str; 1] = ["deposit"];
const WITHDRAWALS: [&str; 2] = ["withdraw", "withdrawal"];

const LIMIT: u32 = 1000;
const OFFSET_MAX: u64 = 100_000;
/// The longest span of one question, and the one when none is given.
const SPAN_MAX: u64 = 90 * Timestamp::DAY;

/// `status` of what is in the ledger: it is done.
const DEPOSITED: u64 = 1;
const WITHDRAWN: u64 = 6;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deposit {
    id: String,
    amount: String,
    coin: String,
    network: &'static str,
    status: u64,
    address: &'static str,
    address_tag: &'static str,
    tx_id: String,
    insert_time: u64,
    complete_time: u64,
    /// Not over a network.
    transfer_type: u8,
    confirm_times: &'static str,
    unlock_confirm: u8,
    wallet_type: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Withdrawal {
    id: String,
    amount: String,
    transaction_fee: &'static str,
    coin: String,
    status: u64,
    address: &'static str,
    tx_id: String,
    apply_time: String,
    network: &'static str,
    transfer_type: u8,
    info: &'static str,
    confirm_no: u8,
    wallet_type: u8,
    tx_key: &'static str,
    complete_time: String,
}

pub async fn deposits(app: &App, call: &Call) -> Outcome {
    call.params.bool("includeSource")?;
    let tx_id = call.params.get("txId")?;
    let entries = entries(app, call, &DEPOSITS, DEPOSITED).await?;
    let rows = entries.into_iter().filter(|entry| tx_id.is_none_or(|id| id == entry.business_id.to_string()));
    json(&rows.map(|entry| deposit(call, entry)).collect::<Vec<_>>())
}

pub async fn withdrawals(app: &App, call: &Call) -> Outcome {
    let order_id = call.params.get("withdrawOrderId")?;
    let ids = call.params.get("idList")?;
    let entries = entries(app, call, &WITHDRAWALS, WITHDRAWN).await?;
    let wanted = |entry: &LedgerEntry| {
        let id = entry.seq.to_string();
        order_id.is_none_or(|wanted| wanted == entry.business_id.to_string())
            && ids.is_none_or(|ids| ids.split(',').any(|one| one == id))
    };
    json(&entries.into_iter().filter(wanted).map(withdrawal).collect::<Vec<_>>())
}

/// Reads what both lists have in common, and the ledger.
async fn entries(app: &App, call: &Call, business: &[&str], done: u64) -> Result<Vec<LedgerEntry>, Failure> {
    let params = &call.params;
    let coin = params.get("coin")?.map(|symbol| asset(app, symbol)).transpose()?;
    let status = params.u64("status")?;
    let (start, end) = span(params)?;
    let offset = params.u64("offset")?.unwrap_or(0);
    let limit = limit(params, LIMIT, LIMIT)?;
    params.all_read()?;
    if offset > OFFSET_MAX {
        return Err(ApiError::new(Code::InvalidParameter, "Data sent for parameter 'offset' is not valid.").into());
    }
    let end = end.unwrap_or(call.now.plus(1));
    let start = start.unwrap_or(Timestamp(end.0.saturating_sub(SPAN_MAX)));
    // The end is one millisecond further than it says.
    if end.0.saturating_sub(start.0) > SPAN_MAX + 1000 {
        return Err(Failure::new(Code::IntervalTooLong, "Time interval must be within 0-90 days"));
    }
    if status.is_some_and(|status| status != done) {
        return Ok(Vec::new());
    }
    let request = LedgerRequest {
        user: call.user().0,
        asset: coin.map(|coin| coin.symbol.to_string()).unwrap_or_default(),
        business: business.iter().map(|name| (*name).to_owned()).collect(),
        start_us: start.0.max(1),
        end_us: end.0,
        offset: u32::try_from(offset).unwrap_or(u32::MAX),
        limit,
    };
    let answer = app.handles.history.ledger(Request::new(request)).await;
    Ok(answer.map_err(|status| ask_refused(&status))?.into_inner().entries.padded())
}

fn deposit(call: &Call, entry: LedgerEntry) -> Deposit {
    let at = call.time(Timestamp(entry.at_us));
    Deposit {
        id: entry.seq.to_string(),
        amount: entry.change,
        coin: entry.asset,
        network: "",
        status: DEPOSITED,
        address: "",
        address_tag: "",
        tx_id: entry.business_id.to_string(),
        insert_time: at,
        complete_time: at,
        transfer_type: 1,
        confirm_times: "1/1",
        unlock_confirm: 0,
        wallet_type: 0,
    }
}

fn withdrawal(entry: LedgerEntry) -> Withdrawal {
    let at = date::text(Timestamp(entry.at_us));
    Withdrawal {
        id: entry.seq.to_string(),
        amount: entry.change.trim_start_matches('-').to_owned(),
        transaction_fee: "0",
        coin: entry.asset,
        status: WITHDRAWN,
        address: "",
        tx_id: entry.business_id.to_string(),
        apply_time: at.clone(),
        network: "",
        transfer_type: 1,
        info: "",
        confirm_no: 0,
        wallet_type: 0,
        tx_key: "",
        complete_time: at,
    }
}
