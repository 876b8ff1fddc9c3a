//! The questions that others ask (proto: `tradesummary.proto`), answered from the store alone.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use allin_core::ids::{MarketId, Seq, UserId};
use allin_core::num::{Amount, decimal};
use allin_runtime::store::Tx;
use allin_wire::exchange::v1::trade_summary_server::TradeSummary;
use allin_wire::exchange::v1::{
    DayFee, Rank, RankingReply, RankingRequest, TierReply, TierRequest, UserDay, UserDaysReply, UserDaysRequest,
};
use async_trait::async_trait;
use tonic::{Request, Response, Status};

use super::error::SummaryError;
use super::run::Shared;
use super::state::day_of;
use super::store;
use super::volume::DAYS;
use crate::catalog::{Catalog, Listing};

const RANKS_DEFAULT: u32 = 100;
const RANKS_MAX: u32 = 1000;
const DAYS_MAX: u32 = 366;

pub(super) struct Api {
    pub shared: Arc<Shared>,
}

impl Api {
    async fn snapshot(&self) -> Result<(Tx, Seq, Arc<Catalog>), SummaryError> {
        if !self.shared.progress.caught_up() {
            return Err(SummaryError::CatchingUp);
        }
        let tables = self.shared.tables().ok_or(SummaryError::CatchingUp)?;
        let (tx, seq) = tables.snapshot().await?;
        Ok((tx, seq, self.shared.catalog()))
    }

    async fn user_days(&self, request: UserDaysRequest) -> Result<UserDaysReply, SummaryError> {
        let days = days(request.first_day, request.last_day)?;
        let (mut tx, seq, catalog) = self.snapshot().await?;
        let only = match request.market.as_str() {
            "" => None,
            symbol => Some(catalog.listing_by_symbol(symbol).ok_or(SummaryError::UnknownMarket)?.market),
        };
        let user = UserId(request.user);
        let rows = store::user_days(&mut tx, user, days).await?;
        let fees = store::user_fees(&mut tx, user, days).await?;
        tx.commit().await?;
        let wanted = rows.iter().filter(|(_, market, _)| only.is_none_or(|only| only == *market));
        let days = wanted.filter_map(|(day, market, figures)| {
            let listing = catalog.listing(*market)?;
            let fee = |(asset, amount): &(allin_core::ids::AssetId, Amount)| {
                let asset = catalog.asset(*asset)?;
                Some(DayFee { asset: asset.symbol.to_string(), amount: decimal::format(*amount, asset.scale) })
            };
            Some(UserDay {
                day: *day,
                market: listing.symbol.to_string(),
                buy_qty: listing.qty(figures.buy_lots),
                sell_qty: listing.qty(figures.sell_lots),
                buy_quote: listing.quote(figures.buy_quote),
                sell_quote: listing.quote(figures.sell_quote),
                maker_trades: figures.maker_trades,
                taker_trades: figures.taker_trades,
                fees: fees.get(&(*day, *market)).into_iter().flatten().filter_map(fee).collect(),
                realised_profit: listing.quote(figures.profit),
            })
        });
        Ok(UserDaysReply { days: days.collect(), as_of_seq: seq.0 })
    }

    async fn tier(&self, request: TierRequest) -> Result<TierReply, SummaryError> {
        let (mut tx, seq, catalog) = self.snapshot().await?;
        let (marks, _) = store::marks(&mut tx).await?;
        let today = day_of((self.shared.clock)()).max(marks.begun);
        let day = if request.day == 0 { today } else { request.day };
        let volume = store::volume(&mut tx, UserId(request.user), (day.saturating_sub(DAYS), day)).await?;
        tx.commit().await?;
        let asset = self.shared.measure.asset(&catalog).ok_or(SummaryError::NoVolumeAsset)?;
        Ok(TierReply {
            volume: decimal::format(volume, asset.scale),
            volume_asset: asset.symbol.to_string(),
            tier: self.shared.measure.tier(volume, asset.scale).into(),
            day,
            as_of_seq: seq.0,
        })
    }

    async fn ranking(&self, request: RankingRequest) -> Result<RankingReply, SummaryError> {
        let days = days(request.first_day, request.last_day)?;
        let (mut tx, seq, catalog) = self.snapshot().await?;
        let listing = *catalog.listing_by_symbol(&request.market).ok_or(SummaryError::UnknownMarket)?;
        let sums = ranked(&mut tx, listing.market, days).await?;
        tx.commit().await?;
        let limit = if request.limit == 0 { RANKS_DEFAULT } else { request.limit.min(RANKS_MAX) };
        let ranks = sums.iter().take(limit as usize).map(|(user, sum)| rank(&listing, *user, sum)).collect();
        Ok(RankingReply { ranks, as_of_seq: seq.0 })
    }
}

/// A user's sums over some days.
#[derive(Clone, Copy, Default)]
struct Sum {
    quote: Amount,
    lots: u128,
    trades: u64,
}

/// Largest quote volume first; equal ones by user.
async fn ranked(tx: &mut Tx, market: MarketId, (first, last): (u32, u32)) -> Result<Vec<(UserId, Sum)>, SummaryError> {
    let mut sums: BTreeMap<UserId, Sum> = BTreeMap::new();
    for day in first..=last {
        for (user, figures) in store::market_day(tx, market, day).await? {
            let sum = sums.entry(user).or_default();
            sum.quote = sum.quote.saturating_add(figures.volume());
            sum.lots = sum.lots.saturating_add(figures.buy_lots).saturating_add(figures.sell_lots);
            sum.trades += figures.maker_trades + figures.taker_trades;
        }
    }
    let mut sums: Vec<(UserId, Sum)> = sums.into_iter().collect();
    sums.sort_by_key(|(user, sum)| (Reverse(sum.quote), *user));
    Ok(sums)
}

fn rank(listing: &Listing, user: UserId, sum: &Sum) -> Rank {
    Rank { user: user.0, qty: listing.qty(sum.lots), quote: listing.quote(sum.quote), trades: sum.trades }
}

fn days(first: u32, last: u32) -> Result<(u32, u32), SummaryError> {
    match last.checked_sub(first) {
        Some(more) if more < DAYS_MAX => Ok((first, last)),
        _ => Err(SummaryError::Invalid("first_day, last_day: in order, and 366 days at most")),
    }
}

#[async_trait]
impl TradeSummary for Api {
    async fn user_days(&self, request: Request<UserDaysRequest>) -> Result<Response<UserDaysReply>, Status> {
        Ok(Response::new(self.user_days(request.into_inner()).await?))
    }

    async fn tier(&self, request: Request<TierRequest>) -> Result<Response<TierReply>, Status> {
        Ok(Response::new(self.tier(request.into_inner()).await?))
    }

    async fn ranking(&self, request: Request<RankingRequest>) -> Result<Response<RankingReply>, Status> {
        Ok(Response::new(self.ranking(request.into_inner()).await?))
    }
}
