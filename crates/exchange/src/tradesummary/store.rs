//! The role's tables, written in one transaction with the position they go up to.

use std::collections::BTreeMap;

use allin_core::ids::{AssetId, MarketId, Seq, UserId};
use allin_core::num::{Amount, PriceTicks};
use allin_runtime::args;
use allin_runtime::store::{
    self, Migration, Position as StorePosition, Rows, Schema, Store, StoreError, Tx, Updates, Value,
};

use super::figures::{Day, Position};
use super::state::{Changes, Row, Today, User};

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    statements: &[
        "CREATE TABLE tradesummary_days (\
            user_id BIGINT NOT NULL, day BIGINT NOT NULL, market BIGINT NOT NULL, \
            buy_lots VARCHAR(40) NOT NULL, sell_lots VARCHAR(40) NOT NULL, \
            buy_quote VARCHAR(40) NOT NULL, sell_quote VARCHAR(40) NOT NULL, \
            maker_trades BIGINT NOT NULL, taker_trades BIGINT NOT NULL, profit VARCHAR(40) NOT NULL, \
            PRIMARY KEY (user_id, day, market)) {clustered}",
        "CREATE INDEX tradesummary_days_by_market ON tradesummary_days (market, day)",
        "CREATE TABLE tradesummary_fees (\
            user_id BIGINT NOT NULL, day BIGINT NOT NULL, market BIGINT NOT NULL, asset BIGINT NOT NULL, \
            amount VARCHAR(40) NOT NULL, PRIMARY KEY (user_id, day, market, asset)) {clustered}",
        "CREATE TABLE tradesummary_volumes (\
            user_id BIGINT NOT NULL, day BIGINT NOT NULL, amount VARCHAR(40) NOT NULL, \
            PRIMARY KEY (user_id, day)) {clustered}",
        "CREATE TABLE tradesummary_positions (\
            user_id BIGINT NOT NULL, market BIGINT NOT NULL, lots VARCHAR(40) NOT NULL, cost VARCHAR(40) NOT NULL, \
            PRIMARY KEY (user_id, market)) {clustered}",
        "CREATE TABLE tradesummary_users (user_id BIGINT NOT NULL PRIMARY KEY, tier BIGINT NOT NULL)",
        "CREATE TABLE tradesummary_prices (market BIGINT NOT NULL PRIMARY KEY, ticks BIGINT NOT NULL)",
        "CREATE TABLE tradesummary_marks (name VARCHAR(32) NOT NULL PRIMARY KEY, value BIGINT NOT NULL)",
    ],
}];

const TABLES: [&str; 7] = [
    "tradesummary_days",
    "tradesummary_fees",
    "tradesummary_volumes",
    "tradesummary_positions",
    "tradesummary_users",
    "tradesummary_prices",
    "tradesummary_marks",
];

/// The day that has begun, by the log.
const DAY_BEGUN: &str = "day_begun";
/// The day for which the tiers were set.
const DAY_ASSIGNED: &str = "day_assigned";

/// What the role keeps under a service's name.
pub fn schema(name: &'static str) -> Schema {
    Schema { namespace: name, migrations: MIGRATIONS, consumer: Some(name) }
}

#[derive(Clone)]
pub(super) struct Tables {
    store: Store,
    position: StorePosition,
}

/// How far the tiers are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Marks {
    pub begun: u32,
    pub assigned: u32,
}

impl Tables {
    pub async fn open(url: &str, name: &'static str) -> Result<Tables, StoreError> {
        let store = Store::open(url).await?;
        schema(name).apply(&store).await?;
        let position = StorePosition::new(name);
        Ok(Tables { store, position })
    }

    pub fn is_present(&self) -> bool {
        self.store.is_present()
    }

    pub async fn close(&self) {
        self.store.close().await;
    }

    /// One moment of the tables, and the sequence that it holds.
    pub async fn snapshot(&self) -> Result<(Tx, Seq), StoreError> {
        let mut tx = self.store.snapshot().await?;
        let position = self.position.load(&mut tx).await?;
        Ok((tx, position))
    }

    /// Drops everything: the tables are of another log.
    pub async fn reset(&self, from: Seq) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        for table in TABLES {
            tx.execute(&format!("DELETE FROM {table}"), &[]).await?;
        }
        self.position.advance(&mut tx, from, Seq(0)).await?;
        tx.commit().await
    }

    /// Users with what they need on the days that they are asked for.
    pub async fn users(&self, wanted: &BTreeMap<UserId, u32>) -> Result<BTreeMap<UserId, User>, StoreError> {
        let (mut tx, _) = self.snapshot().await?;
        let mut users: BTreeMap<UserId, User> = BTreeMap::new();
        let mut by_day: BTreeMap<u32, Vec<Value>> = BTreeMap::new();
        for (id, day) in wanted {
            users.entry(*id).or_default().today.day = *day;
            by_day.entry(*day).or_default().push((*id).into());
        }
        for (day, keys) in &by_day {
            load_days(&mut tx, *day, keys, &mut users).await?;
        }
        let keys: Vec<Value> = wanted.keys().map(|id| (*id).into()).collect();
        load_always(&mut tx, &keys, &mut users).await?;
        tx.commit().await?;
        Ok(users)
    }

    /// Writes changes and the new position in one transaction.
    pub async fn commit(&self, from: Seq, changes: &Changes<'_>) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        for (id, today) in &changes.days {
            batch.add_today(*id, today);
        }
        for (id, user) in &changes.users {
            batch.add_user(*id, user);
        }
        for (market, price) in &changes.prices {
            batch.prices.add(price, [(*market).into(), price.value.0.into()]);
        }
        batch.marks.add(&changes.day, [DAY_BEGUN.into(), changes.day.value.into()]);
        let mut tx = self.store.begin().await?;
        for table in batch.tables() {
            table.write(&mut tx).await?;
        }
        self.position.advance(&mut tx, from, changes.seq).await?;
        tx.commit().await
    }

    /// The tiers of a day are set.
    pub async fn mark_assigned(&self, day: u32) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        let sql = "UPDATE tradesummary_marks SET value = ? WHERE name = ?";
        if tx.execute(sql, args![day, DAY_ASSIGNED]).await? == 0 {
            tx.execute("INSERT INTO tradesummary_marks (name, value) VALUES (?, ?)", args![DAY_ASSIGNED, day]).await?;
        }
        tx.commit().await
    }
}

pub(super) async fn prices(tx: &mut Tx) -> Result<BTreeMap<MarketId, Row<PriceTicks>>, StoreError> {
    let rows = tx.query("SELECT market, ticks FROM tradesummary_prices", &[]).await?;
    let price = |row: &store::Row| Ok((MarketId(row.small(0)?), Row::stored(PriceTicks(row.unsigned(1)?))));
    rows.iter().map(price).collect()
}

pub(super) async fn marks(tx: &mut Tx) -> Result<(Marks, bool), StoreError> {
    let rows = tx.query("SELECT name, value FROM tradesummary_marks", &[]).await?;
    let (mut marks, mut has_begun) = (Marks { begun: 0, assigned: 0 }, false);
    for row in &rows {
        match row.text(0)?.as_str() {
            DAY_BEGUN => (marks.begun, has_begun) = (row.small(1)?, true),
            DAY_ASSIGNED => marks.assigned = row.small(1)?,
            _ => {}
        }
    }
    Ok((marks, has_begun))
}

/// (user, day, volume) of days in `[from, until)`, by user and day, of users after one, at most `limit`.
pub(super) async fn volumes(
    tx: &mut Tx,
    after: Option<UserId>,
    (from, until): (u32, u32),
    limit: u32,
) -> Result<Vec<(UserId, u32, Amount)>, StoreError> {
    // Ids keep their bits in a signed column: the order is that of the signed number, and starts at its least.
    let after = after.map_or(i64::MIN, |user| user.0 as i64);
    let sql = "SELECT user_id, day, amount FROM tradesummary_volumes \
        WHERE user_id > ? AND day >= ? AND day < ? ORDER BY user_id, day LIMIT ?";
    let rows = tx.query(sql, args![after, from, until, limit]).await?;
    rows.iter().map(|row| Ok((UserId(row.unsigned(0)?), row.small(1)?, number(row, 2)?))).collect()
}

pub(super) async fn volume(tx: &mut Tx, user: UserId, (from, until): (u32, u32)) -> Result<Amount, StoreError> {
    let sql = "SELECT amount FROM tradesummary_volumes WHERE user_id = ? AND day >= ? AND day < ?";
    let rows = tx.query(sql, args![user, from, until]).await?;
    rows.iter().try_fold(0, |sum: Amount, row| Ok(sum.saturating_add(number(row, 0)?)))
}

pub(super) async fn tiers(tx: &mut Tx, users: &[UserId]) -> Result<BTreeMap<UserId, u16>, StoreError> {
    let keys: Vec<Value> = users.iter().map(|user| (*user).into()).collect();
    let rows = tx.query_in("SELECT user_id, tier FROM tradesummary_users WHERE user_id IN", &keys).await?;
    rows.iter().map(|row| Ok((UserId(row.unsigned(0)?), row.small(1)?))).collect()
}

/// (day, market, figures) of a user, by day and market.
pub(super) async fn user_days(
    tx: &mut Tx,
    user: UserId,
    (first, last): (u32, u32),
) -> Result<Vec<(u32, MarketId, Day)>, StoreError> {
    let sql = "SELECT day, market, buy_lots, sell_lots, buy_quote, sell_quote, maker_trades, taker_trades, profit \
        FROM tradesummary_days WHERE user_id = ? AND day >= ? AND day <= ? ORDER BY day, market";
    let rows = tx.query(sql, args![user, first, last]).await?;
    rows.iter().map(|row| Ok((row.small(0)?, MarketId(row.small(1)?), day(row, 2)?))).collect()
}

/// Fees of a user by (day, market), by asset.
pub(super) async fn user_fees(
    tx: &mut Tx,
    user: UserId,
    (first, last): (u32, u32),
) -> Result<BTreeMap<(u32, MarketId), Vec<(AssetId, Amount)>>, StoreError> {
    let sql = "SELECT day, market, asset, amount FROM tradesummary_fees \
        WHERE user_id = ? AND day >= ? AND day <= ? ORDER BY day, market, asset";
    let mut fees: BTreeMap<(u32, MarketId), Vec<(AssetId, Amount)>> = BTreeMap::new();
    for row in tx.query(sql, args![user, first, last]).await? {
        let key = (row.small(0)?, MarketId(row.small(1)?));
        fees.entry(key).or_default().push((AssetId(row.small(2)?), number(&row, 3)?));
    }
    Ok(fees)
}

/// Everybody's figures of a day in a market.
pub(super) async fn market_day(tx: &mut Tx, market: MarketId, of: u32) -> Result<Vec<(UserId, Day)>, StoreError> {
    let sql = "SELECT user_id, buy_lots, sell_lots, buy_quote, sell_quote, maker_trades, taker_trades, profit \
        FROM tradesummary_days WHERE market = ? AND day = ?";
    let rows = tx.query(sql, args![market, of]).await?;
    rows.iter().map(|row| Ok((UserId(row.unsigned(0)?), day(row, 1)?))).collect()
}

async fn load_days(tx: &mut Tx, of: u32, keys: &[Value], users: &mut BTreeMap<UserId, User>) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT user_id, market, buy_lots, sell_lots, buy_quote, sell_quote, maker_trades, taker_trades, profit \
         FROM tradesummary_days WHERE day = {of} AND user_id IN"
    );
    for row in tx.query_in(&sql, keys).await? {
        let user = users.entry(UserId(row.unsigned(0)?)).or_default();
        user.today.days.insert(MarketId(row.small(1)?), Row::stored(day(&row, 2)?));
    }
    let sql = format!("SELECT user_id, market, asset, amount FROM tradesummary_fees WHERE day = {of} AND user_id IN");
    for row in tx.query_in(&sql, keys).await? {
        let user = users.entry(UserId(row.unsigned(0)?)).or_default();
        let key = (MarketId(row.small(1)?), AssetId(row.small(2)?));
        user.today.fees.insert(key, Row::stored(number(&row, 3)?));
    }
    let sql = format!("SELECT user_id, amount FROM tradesummary_volumes WHERE day = {of} AND user_id IN");
    for row in tx.query_in(&sql, keys).await? {
        let user = users.entry(UserId(row.unsigned(0)?)).or_default();
        user.today.volume = Row::stored(number(&row, 1)?);
    }
    Ok(())
}

/// What does not depend on the day.
async fn load_always(tx: &mut Tx, keys: &[Value], users: &mut BTreeMap<UserId, User>) -> Result<(), StoreError> {
    let sql = "SELECT user_id, market, lots, cost FROM tradesummary_positions WHERE user_id IN";
    for row in tx.query_in(sql, keys).await? {
        let user = users.entry(UserId(row.unsigned(0)?)).or_default();
        let position = Position { lots: number(&row, 2)?, cost: number(&row, 3)? };
        user.positions.insert(MarketId(row.small(1)?), Row::stored(position));
    }
    for row in tx.query_in("SELECT user_id, tier FROM tradesummary_users WHERE user_id IN", keys).await? {
        let user = users.entry(UserId(row.unsigned(0)?)).or_default();
        user.tier = Row::stored(row.small(1)?);
    }
    Ok(())
}

/// The rows of one table in a commit.
struct Table {
    inserts: Rows,
    updates: Updates,
}

struct Batch {
    days: Table,
    fees: Table,
    volumes: Table,
    positions: Table,
    users: Table,
    prices: Table,
    marks: Table,
}

impl Table {
    fn new(name: &'static str, keys: usize, columns: &'static [&'static str]) -> Table {
        Table { inserts: Rows::new(name, columns), updates: Updates::new(name, keys, columns) }
    }

    fn add<T, const N: usize>(&mut self, row: &Row<T>, values: [Value; N]) {
        match (row.is_changed, row.is_stored) {
            (false, _) => {}
            (true, false) => self.inserts.push(values),
            (true, true) => self.updates.push(values),
        }
    }

    async fn write(&self, tx: &mut Tx) -> Result<(), StoreError> {
        tx.insert(&self.inserts).await?;
        let found = tx.update(&self.updates).await?;
        let wanted = self.updates.len() as u64;
        match found == wanted {
            true => Ok(()),
            false => Err(StoreError::corrupt(format!("{wanted} rows to change, {found} are there"))),
        }
    }
}

impl Batch {
    fn new() -> Batch {
        const DAYS: &[&str] = &[
            "user_id",
            "day",
            "market",
            "buy_lots",
            "sell_lots",
            "buy_quote",
            "sell_quote",
            "maker_trades",
            "taker_trades",
            "profit",
        ];
        Batch {
            days: Table::new("tradesummary_days", 3, DAYS),
            fees: Table::new("tradesummary_fees", 4, &["user_id", "day", "market", "asset", "amount"]),
            volumes: Table::new("tradesummary_volumes", 2, &["user_id", "day", "amount"]),
            positions: Table::new("tradesummary_positions", 2, &["user_id", "market", "lots", "cost"]),
            users: Table::new("tradesummary_users", 1, &["user_id", "tier"]),
            prices: Table::new("tradesummary_prices", 1, &["market", "ticks"]),
            marks: Table::new("tradesummary_marks", 1, &["name", "value"]),
        }
    }

    fn tables(&self) -> [&Table; 7] {
        [&self.days, &self.fees, &self.volumes, &self.positions, &self.users, &self.prices, &self.marks]
    }

    fn add_today(&mut self, id: UserId, today: &Today) {
        for (market, row) in &today.days {
            let day = &row.value;
            let values = [
                id.into(),
                today.day.into(),
                (*market).into(),
                day.buy_lots.to_string().into(),
                day.sell_lots.to_string().into(),
                day.buy_quote.to_string().into(),
                day.sell_quote.to_string().into(),
                day.maker_trades.into(),
                day.taker_trades.into(),
                day.profit.to_string().into(),
            ];
            self.days.add(row, values);
        }
        for ((market, asset), row) in &today.fees {
            let amount = row.value.to_string().into();
            self.fees.add(row, [id.into(), today.day.into(), (*market).into(), (*asset).into(), amount]);
        }
        self.volumes.add(&today.volume, [id.into(), today.day.into(), today.volume.value.to_string().into()]);
    }

    fn add_user(&mut self, id: UserId, user: &User) {
        for (market, row) in &user.positions {
            let (lots, cost) = (row.value.lots.to_string().into(), row.value.cost.to_string().into());
            self.positions.add(row, [id.into(), (*market).into(), lots, cost]);
        }
        self.users.add(&user.tier, [id.into(), user.tier.value.into()]);
    }
}

fn day(row: &store::Row, first: usize) -> Result<Day, StoreError> {
    Ok(Day {
        buy_lots: number(row, first)?,
        sell_lots: number(row, first + 1)?,
        buy_quote: number(row, first + 2)?,
        sell_quote: number(row, first + 3)?,
        maker_trades: row.unsigned(first + 4)?,
        taker_trades: row.unsigned(first + 5)?,
        profit: number(row, first + 6)?,
    })
}

fn number<T: std::str::FromStr>(row: &store::Row, column: usize) -> Result<T, StoreError> {
    let text = row.text(column)?;
    text.parse().map_err(|_| StoreError::corrupt(format!("column {column}: {text:?} is no number")))
}
