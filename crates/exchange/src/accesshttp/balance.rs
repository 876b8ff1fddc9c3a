//! balance.query, balance.update, balance.history.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use allin_core::ids::{Timestamp, UserId};
use allin_core::spot::command::{Account, Command, Counter, Funding};
use allin_core::spot::event::Event;
use allin_core::spot::reject::Reject;
use allin_core::spot::spec::AssetSpec;
use allin_core::spot::view;
use allin_runtime::engine::{AnswerBody, Query};
use allin_wire::exchange::v1::{LedgerEntry, LedgerReply, LedgerRequest};
use allin_wire::viabtc::{
    Balance, Balances, Code, HistoryQuery, Json, LedgerRecord, ResultPage, Seconds, Success, Update, result_body, trim,
};

use super::error::{Failure, refusal};
use super::number;
use super::run::Access;

/// Of these assets, or of all when none is named; an asset that the user never had is zero.
pub(super) async fn query(access: &Access, id: i64, user: UserId, symbols: &[&str]) -> Result<Vec<u8>, Failure> {
    let mut assets: Vec<Arc<AssetSpec>> = Vec::new();
    for symbol in symbols {
        let asset = access.tables.asset(symbol).await?.ok_or(Code::InvalidArgument)?;
        assets.push(asset);
    }
    // A member may not come twice in an object.
    let mut seen = HashSet::new();
    assets.retain(|asset| seen.insert(asset.id));
    if symbols.is_empty() {
        assets = access.tables.assets();
    }
    let answer = access.handles.engine.query(Query::Balances { account: Account::User(user) }).await?;
    let AnswerBody::Balances(balances) = answer.body else {
        return Err(Failure::unexpected("balances of a user"));
    };
    let balances: HashMap<_, view::Balance> = balances.iter().map(|entry| (entry.asset, entry.balance)).collect();
    let rows = assets.iter().map(|asset| {
        let balance = balances.get(&asset.id).copied().unwrap_or_default();
        let shown = |amount| number::print_shown(amount, asset.scale, asset.display_scale);
        (asset.symbol.as_str(), Balance { available: shown(balance.available), freeze: shown(balance.held) })
    });
    Ok(result_body(id, &Balances(rows.collect())))
}

/// A positive change credits, a negative one debits. The protocol answers "repeat update" also to the same body.
pub(super) async fn update(access: &Access, id: i64, update: Update<'_>) -> Result<Vec<u8>, Failure> {
    let asset = access.tables.asset(update.asset).await?.ok_or(Code::InvalidArgument)?;
    let change = number::change(update.change, asset.scale)?;
    let house = access.config.is_house(update.business.as_str());
    let funding = Funding {
        user: update.user,
        asset: asset.id,
        amount: change.abs(),
        business: update.business,
        business_id: update.business_id,
        counter: if house { Counter::House } else { Counter::External },
        detail: update.detail.into(),
    };
    let command = if change > 0 { Command::Credit(funding) } else { Command::Debit(funding) };
    let reply = access.handles.engine.submit(command).await?;
    for event in &reply.events {
        match event {
            Event::Posting(posting) if posting.repeated => return Err(Code::RepeatUpdate.into()),
            Event::Posting(_) => return Ok(result_body(id, &Success::SUCCESS)),
            Event::Refused(reject) => return Err(update_refusal(*reject)),
            _ => {}
        }
    }
    Err(Failure::unexpected("a posting or a refusal"))
}

fn update_refusal(reject: Reject) -> Failure {
    match reject {
        Reject::BusinessConflict => Code::RepeatUpdate.into(),
        // Who never had anything has not enough.
        Reject::InsufficientBalance | Reject::UnknownUser => Code::UpdateBalanceNotEnough.into(),
        reject => refusal(reject),
    }
}

pub(super) async fn history(access: &Access, id: i64, query: HistoryQuery<'_>) -> Result<Vec<u8>, Failure> {
    let micros = |seconds: u64| seconds.checked_mul(Timestamp::SECOND).ok_or(Code::InvalidArgument);
    let request = LedgerRequest {
        user: query.user.0,
        asset: query.asset.to_owned(),
        business: query.business.iter().map(|one| (*one).to_owned()).collect(),
        start_us: micros(query.start)?,
        end_us: micros(query.end)?,
        offset: query.page.offset,
        limit: query.page.limit,
    };
    let known = query.asset.is_empty() || access.tables.asset(query.asset).await?.is_some();
    let reply = match known {
        true => access.handles.history.ledger(tonic::Request::new(request)).await?.into_inner(),
        // As the reference server: of an asset that there is not, there is no history.
        false => LedgerReply::default(),
    };
    let records = reply.entries.iter().map(record).collect();
    Ok(result_body(id, &ResultPage { offset: query.page.offset, limit: query.page.limit, records }))
}

fn record(entry: &LedgerEntry) -> LedgerRecord<'_> {
    let detail = match serde_json::from_str(&entry.detail) {
        Ok(Json::Object(detail)) => Json::Object(detail),
        _ => Json::Object(Vec::new()),
    };
    LedgerRecord {
        time: Seconds(Timestamp(entry.at_us)),
        asset: &entry.asset,
        business: &entry.business,
        change: trim(&entry.change),
        balance: trim(&entry.balance),
        detail,
    }
}
