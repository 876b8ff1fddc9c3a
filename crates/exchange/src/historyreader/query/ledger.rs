//! Ledger entries, newest first. Those that trades made are told by the parties' deals; the others are rows.

use allin_core::ids::{AssetId, Seq, UserId};

use super::{Page, Span, Statement};
use crate::history_schema::{LEDGER_MOVEMENT, LEDGER_TRADE};

/// Where an entry stands among all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    pub at_us: i64,
    pub seq: i64,
    /// Within the command.
    pub nth: i64,
}

/// Which ledger entries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LedgerFilter {
    pub user: UserId,
    pub asset: Option<AssetId>,
    /// Any of these; all when empty.
    pub business: Vec<String>,
    pub span: Span,
    /// The newest; none for the newest of all.
    pub until: Option<Place>,
    pub as_of: Seq,
    pub page: Page,
}

/// Which deals of a user tell entries that are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DealsOf {
    Any,
    /// Those of markets with the asset to be traded.
    Base(AssetId),
    /// Those of markets with the asset to be paid with.
    Quote(AssetId),
}

impl DealsOf {
    /// Those that tell all entries of an asset, or of any.
    pub fn asset(asset: Option<AssetId>) -> Vec<DealsOf> {
        match asset {
            None => vec![DealsOf::Any],
            Some(asset) => vec![DealsOf::Base(asset), DealsOf::Quote(asset)],
        }
    }

    /// Where each of a deal's entries stands, and which deals have it: the index tells `nth` of the first.
    fn entries(self) -> &'static [(&'static str, &'static str)] {
        match self {
            DealsOf::Any => &[("nth", ""), ("nth + 1", ""), ("nth + 2", " AND legs > 2")],
            // Sides are 1, sell, and 2, buy; what is given comes first.
            DealsOf::Base(_) => &[("nth + side - 1", ""), ("nth + 2", " AND legs > 2 AND fee_asset = base_asset")],
            DealsOf::Quote(_) => &[("nth + 2 - side", ""), ("nth + 2", " AND legs > 2 AND fee_asset = quote_asset")],
        }
    }
}

const NEWEST: &str = " ORDER BY at_us DESC, seq DESC, nth DESC";

impl Statement {
    fn until(self, until: Option<Place>) -> Self {
        let Some(Place { at_us, seq, nth }) = until else { return self };
        self.and("at_us <=", at_us)
            .then(" AND (at_us < ? OR seq < ? OR (seq = ? AND nth <= ?))")
            .arg(at_us)
            .arg(seq)
            .arg(seq)
            .arg(nth)
    }
}

/// Entries that have a row. Those of trades and others lie apart, so that few among many are found; one question asks for one
/// kind. Columns begin with the place.
pub fn ledger(filter: &LedgerFilter, kind: u8) -> Statement {
    let columns = "at_us, seq, nth, user_id, asset_id, business, business_id, delta, balance, detail";
    rows(columns, filter, kind).then(NEWEST).page(filter.page)
}

fn rows(columns: &str, filter: &LedgerFilter, kind: u8) -> Statement {
    let business = if kind == LEDGER_MOVEMENT { filter.business.as_slice() } else { &[] };
    Statement::new(format!("SELECT {columns} FROM history_ledger WHERE user_id = ?"))
        .arg(filter.user)
        .and_some("asset_id =", filter.asset)
        .and("kind =", kind)
        .within("at_us", filter.span)
        .until(filter.until)
        .up_to(filter.as_of)
        .and_in("business", business)
}

/// Deals that tell entries. Columns begin with the place of the first.
pub fn deal_entries(filter: &LedgerFilter, of: DealsOf) -> Statement {
    let columns = "at_us, seq, nth, legs, user_id, market_id, trade_id, order_id, side, price, qty, quote, fee, fee_asset, \
         rate, base_total, quote_total";
    deals(columns, filter, of).then(NEWEST).page(filter.page)
}

fn deals(columns: &str, filter: &LedgerFilter, of: DealsOf) -> Statement {
    let all = Statement::new(format!("SELECT {columns} FROM history_user_deals WHERE user_id = ?")).arg(filter.user);
    match of {
        DealsOf::Any => all,
        DealsOf::Base(asset) => all.and("base_asset =", asset),
        DealsOf::Quote(asset) => all.and("quote_asset =", asset),
    }
    .within("at_us", filter.span)
    .until(filter.until)
    .up_to(filter.as_of)
    .then(" AND legs > 0")
}

/// The places of a page's entries, trades' and others', merged by the database: for pages so far from the first that what lies
/// before them is better not sent.
pub fn ledger_far(filter: &LedgerFilter) -> Statement {
    let Page { offset, limit } = filter.page;
    let near = Page { offset: 0, limit: offset.saturating_add(limit) };
    let kinds = [LEDGER_TRADE, LEDGER_MOVEMENT];
    let mut parts: Vec<Statement> = kinds.map(|kind| rows("at_us, seq, nth AS place", filter, kind)).into();
    for of in DealsOf::asset(filter.asset) {
        for (place, only) in of.entries() {
            parts.push(deals(&format!("at_us, seq, {place} AS place"), filter, of).then(only));
        }
    }
    let mut statement = Statement::new("");
    for (index, part) in parts.into_iter().enumerate() {
        let Statement { sql, args } = part.then(NEWEST).page(near);
        let between = if index == 0 { "" } else { " UNION ALL " };
        statement.sql.push_str(&format!("{between}SELECT * FROM ({sql}) AS part_{index}"));
        statement.args.extend(args);
    }
    statement.then(" ORDER BY at_us DESC, seq DESC, place DESC").page(filter.page)
}
