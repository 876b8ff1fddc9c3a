//! Owns the state that a run starts from: assets, market and funds, made where they are not there yet.
//! Known limits: an asset or market that is there with coarser steps than the recording's is refused, not worked around.

use allin_core::{
    ids::{AssetId, MarketId, UserId},
    num::{AMOUNT_MAX, Amount},
    spot::{
        command::{Command, Counter, Funding, MarketState},
        event::Event,
        reject::Reject,
        spec::{AssetSpec, Filters, MarketSpec},
        view::MarketView,
    },
    text::{Label, Symbol},
};
use allin_wire::exchange::v1::{
    AssetsQuery, MarketsQuery, SubmitReply, query_reply::Answer as Body, query_request::Kind as Question,
};

use super::{
    FeedError,
    flow::{PRICE_SCALE, QTY_SCALE},
    link::Link,
    plan::{Accounts, Needs},
    tally::{What, refusal},
};

const BASE: &str = "BTC";
const QUOTE: &str = "USD";
const MARKET: &str = "BTCUSD";
/// Enough decimals that a lot at a tick is a whole number of the smallest unit.
const QUOTE_SCALE: u8 = PRICE_SCALE + QTY_SCALE;
const QUOTE_DISPLAY_SCALE: u8 = 2;
const BUSINESS: &str = "feed";

/// The market that is traded in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Venue {
    pub market: MarketId,
    pub base: AssetId,
    pub quote: AssetId,
    /// The market still gathers orders for its call auction.
    pub pre_open: bool,
    /// Smallest units of one lot, and of one lot at one tick.
    pub base_unit: u64,
    pub quote_unit: u64,
}

/// Finds the market or lists it.
pub async fn venue(link: &mut Link<What>) -> Result<Venue, FeedError> {
    if let Some(view) = find(link).await? {
        return check(&view);
    }
    let base = asset(link, BASE, QTY_SCALE, QTY_SCALE).await?;
    let quote = asset(link, QUOTE, QUOTE_SCALE, QUOTE_DISPLAY_SCALE).await?;
    let (_, body) = link.query(Question::Markets(MarketsQuery {})).await?;
    let Body::Markets(markets) = body else { return Err(FeedError::Answer("markets")) };
    let spec = MarketSpec {
        id: MarketId(markets.markets.len() as u32),
        symbol: symbol(MARKET),
        base,
        quote,
        price_scale: PRICE_SCALE,
        tick_units: 1,
        qty_scale: QTY_SCALE,
        lot_units: 1,
        filters: Filters::OPEN,
    };
    call(link, Command::SetMarket(spec)).await?;
    let view = find(link).await?.ok_or(FeedError::Answer("markets"))?;
    check(&view)
}

/// Gives every account what its orders need. `tag` tells runs apart: the same again moves nothing.
pub async fn fund(
    link: &mut Link<What>,
    venue: &Venue,
    accounts: Accounts,
    needs: &[Needs],
    tag: &str,
) -> Result<(), FeedError> {
    let business_id = fnv(tag);
    for (index, need) in needs.iter().enumerate() {
        let user = UserId(accounts.first + index as u64);
        let amounts = [(venue.base, need.base_lots, venue.base_unit), (venue.quote, need.quote, venue.quote_unit)];
        for (asset, units, unit) in amounts {
            let amount = units.checked_mul(u128::from(unit)).and_then(|amount| Amount::try_from(amount).ok());
            let amount = amount.filter(|amount| *amount <= AMOUNT_MAX).ok_or(FeedError::Funds)?;
            let funding = Funding {
                user,
                asset,
                amount,
                business: Label::new(BUSINESS).expect("short"),
                business_id,
                counter: Counter::External,
                detail: format!("{{\"flow\":\"bitstamp\",\"tag\":\"{}\"}}", tag.escape_default()).into(),
            };
            while !link.has_room() {
                funded(link).await?;
            }
            link.send(Command::Credit(funding), true, What::Setup).await;
        }
    }
    while link.in_flight() > 0 {
        funded(link).await?;
    }
    Ok(())
}

/// Takes one answer to a credit.
async fn funded(link: &mut Link<What>) -> Result<(), FeedError> {
    let Some((_, reply)) = link.arrival().await? else {
        link.reconnect().await?;
        return Ok(());
    };
    match accepted(reply, || "a credit".into()) {
        Err(FeedError::Refused { reason: Reject::BusinessConflict, .. }) => Err(FeedError::SentBefore),
        result => result.map(|_| ()),
    }
}

/// Sends one command and waits for its answer; a refusal is an error.
pub async fn call(link: &mut Link<What>, command: Command) -> Result<Vec<Event>, FeedError> {
    let what = format!("{command:?}");
    link.send(command, true, What::Setup).await;
    loop {
        match link.arrival().await? {
            None => {
                link.reconnect().await?;
            }
            Some((_, reply)) => return accepted(reply, || what),
        }
    }
}

/// The events of an answer that is neither a refusal nor an error.
fn accepted(reply: SubmitReply, what: impl FnOnce() -> String) -> Result<Vec<Event>, FeedError> {
    if reply.seq == 0 {
        return Err(FeedError::NotTaken { what: what(), why: reply.error().as_str_name() });
    }
    let events = super::events(reply)?;
    match events.iter().find_map(refusal) {
        Some(reason) => Err(FeedError::Refused { what: what(), reason }),
        None => Ok(events),
    }
}

/// The market, if it is listed.
pub async fn find(link: &mut Link<What>) -> Result<Option<MarketView>, FeedError> {
    let (_, body) = link.query(Question::Markets(MarketsQuery {})).await?;
    let Body::Markets(markets) = body else { return Err(FeedError::Answer("markets")) };
    let views: Result<Vec<MarketView>, _> = markets.markets.into_iter().map(MarketView::try_from).collect();
    let views = views.map_err(|_| FeedError::Answer("markets"))?;
    Ok(views.into_iter().find(|view| view.spec.symbol.as_str() == MARKET))
}

fn check(view: &MarketView) -> Result<Venue, FeedError> {
    let spec = &view.spec;
    let same = (spec.price_scale, spec.tick_units, spec.qty_scale, spec.lot_units) == (PRICE_SCALE, 1, QTY_SCALE, 1);
    if !same {
        return Err(FeedError::Market("its ticks and lots are not the recording's, 0.1 and 0.00000001".into()));
    }
    let pre_open = match view.state {
        MarketState::PreOpen => true,
        MarketState::Trading => false,
        other => return Err(FeedError::Market(format!("it is in the state {other:?}"))),
    };
    let (base_unit, quote_unit) = (view.base_unit, view.quote_unit);
    Ok(Venue { market: spec.id, base: spec.base, quote: spec.quote, pre_open, base_unit, quote_unit })
}

/// Finds an asset or lists it.
async fn asset(link: &mut Link<What>, name: &str, scale: u8, display_scale: u8) -> Result<AssetId, FeedError> {
    let (_, body) = link.query(Question::Assets(AssetsQuery {})).await?;
    let Body::Assets(assets) = body else { return Err(FeedError::Answer("assets")) };
    if let Some(found) = assets.assets.iter().find(|asset| asset.symbol == name) {
        if found.scale < u32::from(scale) {
            return Err(FeedError::Market(format!(
                "{name} is listed with {} decimals, {scale} are needed",
                found.scale
            )));
        }
        return Ok(AssetId(found.id));
    }
    let id = AssetId(assets.assets.len() as u32);
    call(link, Command::SetAsset(AssetSpec { id, symbol: symbol(name), scale, display_scale })).await?;
    Ok(id)
}

fn symbol(text: &str) -> Symbol {
    Symbol::new(text).expect("short")
}

/// FNV-1a 64, as a positive business id.
fn fnv(text: &str) -> i64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    (hash >> 1) as i64
}
