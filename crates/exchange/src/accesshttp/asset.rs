//! asset.list, asset.summary.

use allin_core::spot::spec::AssetSpec;
use allin_runtime::engine::{AnswerBody, Query};
use allin_wire::viabtc::{Asset, AssetSummary, Code, Decimal, result_body};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::error::Failure;
use super::run::Access;

/// Questions to the engine under way for one summary.
pub(super) const QUESTIONS_MAX: usize = 16;

pub(super) async fn list(access: &Access, id: i64) -> Result<Vec<u8>, Failure> {
    access.tables.catch_up().await?;
    let assets = access.tables.assets();
    let rows = assets.iter().map(|asset| Asset { name: asset.symbol.as_str(), prec: asset.display_scale });
    Ok(result_body(id, &rows.collect::<Vec<_>>()))
}

/// Of these assets, or of all when none is named.
pub(super) async fn summary(access: &Access, id: i64, symbols: &[&str]) -> Result<Vec<u8>, Failure> {
    let mut assets = Vec::new();
    for symbol in symbols {
        assets.push(access.tables.asset(symbol).await?.ok_or(Code::InvalidArgument)?);
    }
    if symbols.is_empty() {
        access.tables.catch_up().await?;
        assets = access.tables.assets();
    }
    // Made before they are polled, as a closure inside a stream is not general enough for a spawned task.
    let rows: Vec<_> = assets.iter().map(|asset| one(access, asset)).collect();
    let rows: Vec<AssetSummary<'_>> = stream::iter(rows).buffered(QUESTIONS_MAX).try_collect().await?;
    Ok(result_body(id, &rows))
}

async fn one<'a>(access: &Access, asset: &'a AssetSpec) -> Result<AssetSummary<'a>, Failure> {
    let answer = access.handles.engine.query(Query::AssetSummary { asset: asset.id }).await?;
    let AnswerBody::AssetSummary { available, available_users, held, held_users } = answer.body else {
        return Err(Failure::unexpected("summary of an asset"));
    };
    Ok(AssetSummary {
        name: asset.symbol.as_str(),
        total_balance: Decimal::new(available + held, asset.scale),
        available_count: available_users,
        available_balance: Decimal::new(available, asset.scale),
        freeze_count: held_users,
        freeze_balance: Decimal::new(held, asset.scale),
    })
}
