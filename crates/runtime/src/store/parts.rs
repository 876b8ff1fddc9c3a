//! Tables in parts of a month each: RANGE partitions of MySQL, MariaDB and PostgreSQL. A SQLite file has no such thing; there a
//! table is one, and whoever wants rows gone deletes them.
//!
//! Parts follow each other without a gap, so a table's newest part says up to where rows may come. A part that begins a table has
//! all that is older. No statement here waits for readers or writers longer than `busy_timeout_ms`.

use std::time::Duration;

use super::connection::Connection;
use super::dialect::Dialect;
use super::error::{StoreError, StoreErrorKind};
use super::months::{Month, lacking};
use super::rows::Arguments;
use super::value::Row;
use super::{Store, Tx};
use crate::args;

/// MySQL wants a part in every such table. This one is for times before 1970: it has no rows.
const BEFORE_ALL: &str = "m000000";
/// Keys of one statement.
const KEYS_MAX: usize = 1000;
/// Before PostgreSQL exchanges a part, those who began to read before its rows were copied have ended: they would see neither the
/// rows of the old part, which is gone, nor those of the new. MySQL refuses their question.
const READERS_END: Duration = Duration::from_millis(200);

/// The statement of a migration that brings a table into parts: `PARTITION t BY MONTHS OF at_us KEY (id, at_us)`. The key becomes
/// the primary key, which has to have the column. What is in the table stays; SQLite's tables stay as they are.
pub(super) struct Partition<'a> {
    table: &'a str,
    column: &'a str,
    /// With its brackets.
    key: &'a str,
}

impl<'a> Partition<'a> {
    pub(super) fn parse(statement: &'a str) -> Option<Partition<'a>> {
        let (table, rest) = statement.strip_prefix("PARTITION ")?.split_once(" BY MONTHS OF ")?;
        let (column, key) = rest.split_once(" KEY ")?;
        Some(Partition { table, column, key })
    }

    /// MySQL's and MariaDB's: one definition, which is there or is not.
    pub(super) async fn on_mysql(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let Partition { table, column, key } = self;
        if !connection.query(LIST_MYSQL, args![*table]).await?.is_empty() {
            return Ok(());
        }
        let span = connection.query(&self.span(), &[]).await?;
        let mut parts = vec![format!("PARTITION {BEFORE_ALL} VALUES LESS THAN (0)")];
        parts.extend(months(&span)?.into_iter().map(mysql_part));
        let parts = parts.join(", ");
        let alter = format!(
            "ALTER TABLE {table} DROP PRIMARY KEY, ADD PRIMARY KEY {key} PARTITION BY RANGE ({column}) ({parts})"
        );
        connection.execute(&alter, &Arguments::Single(&[])).await.map(|_| ())
    }

    /// PostgreSQL's, within the migration's transaction.
    pub(super) async fn on_postgres(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let Partition { table, column, key } = self;
        let span = tx.query(&self.span(), &[]).await?;
        let sql = "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = ? \
                   AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(?))";
        let indexes = tx.query(sql, args![*table, *table]).await?;
        let mut statements = vec![
            format!("ALTER TABLE {table} RENAME TO {table}_before"),
            format!("CREATE TABLE {table} (LIKE {table}_before INCLUDING DEFAULTS) PARTITION BY RANGE ({column})"),
        ];
        let mut from = None;
        for month in months(&span)? {
            statements.push(postgres_part(table, month, from));
            from = Some(month.end_us());
        }
        statements.push(format!("INSERT INTO {table} SELECT * FROM {table}_before"));
        statements.push(format!("DROP TABLE {table}_before"));
        statements.push(format!("ALTER TABLE {table} ADD PRIMARY KEY {key}"));
        for row in indexes {
            statements.push(row.text(0)?);
        }
        for statement in statements {
            tx.execute(&statement, &[]).await?;
        }
        Ok(())
    }

    fn span(&self) -> String {
        format!("SELECT MIN({0}), MAX({0}) FROM {1}", self.column, self.table)
    }
}

/// Of the times that a table's rows have.
fn months(span: &[Row]) -> Result<Vec<Month>, StoreError> {
    let Some(row) = span.first() else { return Ok(Vec::new()) };
    Ok(match (row.int_or_none(0)?, row.int_or_none(1)?) {
        (Some(oldest), Some(newest)) => lacking(None, Month::of(oldest), Month::of(newest)),
        _ => Vec::new(),
    })
}

fn mysql_part(month: Month) -> String {
    format!("PARTITION {} VALUES LESS THAN ({})", month.name(), month.end_us())
}

/// A part that is made apart and then joined hinders nobody.
fn postgres_part(table: &str, month: Month, from: Option<i64>) -> String {
    let (name, to) = (month.name(), month.end_us());
    let from = from.map_or("MINVALUE".to_owned(), |from| from.to_string());
    format!(
        "CREATE TABLE {table}_{name} (LIKE {table} INCLUDING DEFAULTS); \
         ALTER TABLE {table} ATTACH PARTITION {table}_{name} FOR VALUES FROM ({from}) TO ({to})"
    )
}

const LIST_MYSQL: &str = "SELECT partition_name FROM information_schema.partitions \
    WHERE table_schema = DATABASE() AND table_name = ? AND partition_name IS NOT NULL";
/// With its bounds.
const LIST_POSTGRES: &str = "SELECT part.relname::text, pg_get_expr(part.relpartbound, part.oid) \
    FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid WHERE inhparent = to_regclass(?)";

impl Store {
    /// Whether tables may have parts: SQLite's have none.
    pub fn has_parts(&self) -> bool {
        self.backend.dialect != Dialect::Sqlite
    }

    /// The months that a table has parts for, oldest first.
    pub async fn parts(&self, table: &str) -> Result<Vec<Month>, StoreError> {
        Ok(self.bounded_parts(table).await?.into_iter().map(|(month, _)| month).collect())
    }

    /// With what PostgreSQL says of their bounds.
    async fn bounded_parts(&self, table: &str) -> Result<Vec<(Month, String)>, StoreError> {
        let mut parts = Vec::new();
        match self.backend.dialect {
            Dialect::Sqlite => {}
            Dialect::MySql | Dialect::MariaDb => {
                for row in self.query(LIST_MYSQL, args![table]).await? {
                    parts.extend(Month::named(&row.text(0)?).map(|month| (month, String::new())));
                }
            }
            Dialect::Postgres => {
                for row in self.query(LIST_POSTGRES, args![table]).await? {
                    let name = row.text(0)?;
                    let month = name.strip_prefix(table).and_then(|name| Month::named(name.strip_prefix('_')?));
                    parts.extend(month.zip(Some(row.text(1)?)));
                }
            }
        }
        parts.sort();
        Ok(parts)
    }

    /// Makes the parts that are lacking for rows of the months from `first` to `last`. Others may do so at the same time.
    pub async fn make_parts(&self, table: &str, first: Month, last: Month) -> Result<(), StoreError> {
        let statements = self.lacking_parts(table, first, last).await?;
        if statements.is_empty() {
            return Ok(());
        }
        match self.define(&statements).await {
            Err(error) if error.is_unavailable() => Err(error),
            Err(_) if self.lacking_parts(table, first, last).await?.is_empty() => Ok(()),
            result => result,
        }
    }

    async fn lacking_parts(&self, table: &str, first: Month, last: Month) -> Result<String, StoreError> {
        let parts = self.bounded_parts(table).await?;
        let newest = parts.last().map(|(month, _)| *month);
        let months = lacking(newest, first, last);
        Ok(match self.backend.dialect {
            Dialect::Sqlite => String::new(),
            Dialect::MySql | Dialect::MariaDb if months.is_empty() => String::new(),
            Dialect::MySql | Dialect::MariaDb => {
                let parts: Vec<String> = months.into_iter().map(mysql_part).collect();
                format!("ALTER TABLE {table} ADD PARTITION ({})", parts.join(", "))
            }
            Dialect::Postgres => {
                let mut statements = Vec::new();
                // Where parts were dropped, nothing is left for what is older: tables that are filled again need it.
                if let Some((oldest, bounds)) = parts.first()
                    && first < *oldest
                    && let Some(begin) = beginning(bounds)
                {
                    let hole = postgres_part(table, oldest.back(1), None);
                    let (made, _) = hole.rsplit_once(" TO (").unwrap_or_default();
                    statements.push(format!("{made} TO ({begin})"));
                }
                let mut from = newest.map(Month::end_us);
                for month in months {
                    statements.push(postgres_part(table, month, from));
                    from = Some(month.end_us());
                }
                statements.join("; ")
            }
        })
    }

    /// A part's rows, after `FROM`.
    pub fn part(&self, table: &str, month: Month) -> String {
        match self.backend.dialect {
            Dialect::Postgres => format!("{table}_{}", month.name()),
            _ => format!("{table} PARTITION ({})", month.name()),
        }
    }

    /// Takes a part away, with all that is in it.
    pub async fn drop_part(&self, table: &str, month: Month) -> Result<(), StoreError> {
        let name = month.name();
        self.define(&match self.backend.dialect {
            Dialect::Postgres => format!("DROP TABLE {table}_{name}"),
            _ => format!("ALTER TABLE {table} DROP PARTITION {name}"),
        })
        .await
    }

    /// Leaves in a part only the rows whose `key` is among `keep`, which has each once: all others go at one moment, however many they
    /// are. A part that would be left empty goes. Nobody may change rows of the part meanwhile: who might, waits for `turn`, and if that was
    /// lost, nothing happens. Cut off anywhere, the part is as before or done.
    pub async fn thin_part(
        &self,
        table: &str,
        month: Month,
        (key, keep): (&str, &[i64]),
        turn: Option<&mut Tx>,
    ) -> Result<(), StoreError> {
        let part = self.part(table, month);
        let kept: Vec<String> = keep
            .chunks(KEYS_MAX)
            .map(|keys| {
                let keys: Vec<String> = keys.iter().map(i64::to_string).collect();
                format!("FROM {part} WHERE {key} IN ({})", keys.join(","))
            })
            .collect();
        let apart = format!("{table}_apart");
        let drop_apart = format!("DROP TABLE IF EXISTS {apart}");
        let mut connection = self.reader().await?;
        // Of one that was cut off; on MySQL it may be what was a part.
        connection.execute(&drop_apart, &Arguments::Single(&[])).await?;
        let mut count = 0;
        for kept in &kept {
            count += number(&connection.query(&format!("SELECT COUNT(*) {kept}"), &[]).await?)?;
        }
        if count == 0 {
            drop(connection);
            return self.drop_part(table, month).await;
        }
        // One more is enough to know that there are others.
        let others = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {part} LIMIT {}) AS some_rows", count + 1);
        if number(&connection.query(&others, &[]).await?)? == count {
            return Ok(());
        }
        let mut statements = self.make_apart(table, &apart);
        statements.extend(kept.iter().map(|kept| format!("INSERT INTO {apart} SELECT * {kept}")));
        for statement in statements {
            connection.execute(&statement, &Arguments::Single(&[])).await?;
        }
        if self.backend.dialect == Dialect::Postgres {
            tokio::time::sleep(READERS_END).await;
        }
        if let Some(turn) = turn {
            // A server ends a transaction that says nothing for long.
            turn.query("SELECT 1", &[]).await?;
        }
        for statement in [self.exchange(table, &apart, month).await?, drop_apart] {
            connection.execute(&statement, &Arguments::Single(&[])).await?;
        }
        Ok(())
    }

    /// A table as the parts of another.
    fn make_apart(&self, table: &str, apart: &str) -> Vec<String> {
        match self.backend.dialect {
            Dialect::Postgres => vec![format!("CREATE TABLE {apart} (LIKE {table} INCLUDING DEFAULTS)")],
            _ => vec![format!("CREATE TABLE {apart} LIKE {table}"), format!("ALTER TABLE {apart} REMOVE PARTITIONING")],
        }
    }

    /// Puts a table in the place of a part, in one step.
    async fn exchange(&self, table: &str, apart: &str, month: Month) -> Result<String, StoreError> {
        let name = month.name();
        if self.backend.dialect != Dialect::Postgres {
            return Ok(format!("ALTER TABLE {table} EXCHANGE PARTITION {name} WITH TABLE {apart}"));
        }
        let parts = self.bounded_parts(table).await?;
        let Some((_, bounds)) = parts.into_iter().find(|(part, _)| *part == month) else {
            let told = format!("{table}: its part {name} has gone; does another process write here?");
            return Err(StoreError::new(StoreErrorKind::Corrupt, told));
        };
        // Sent as one text, it is one transaction.
        Ok(format!(
            "ALTER TABLE {table} DETACH PARTITION {table}_{name}; DROP TABLE {table}_{name}; \
             ALTER TABLE {apart} RENAME TO {table}_{name}; ALTER TABLE {table} ATTACH PARTITION {table}_{name} {bounds}"
        ))
    }

    /// Apart from the transactions that write: MySQL would end them.
    async fn define(&self, statements: &str) -> Result<(), StoreError> {
        self.reader().await?.execute(statements, &Arguments::Single(&[])).await.map(|_| ())
    }
}

fn number(rows: &[Row]) -> Result<u64, StoreError> {
    rows.first().map_or(Ok(0), |row| row.unsigned(0))
}

/// Where a part begins that has not all that is older: of `FOR VALUES FROM ('5') TO ('7')`.
fn beginning(bounds: &str) -> Option<i64> {
    let (_, from) = bounds.split_once("FROM (")?;
    from.split_once(')')?.0.trim_matches('\'').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_says_table_column_and_key() {
        let Partition { table, column, key } =
            Partition::parse("PARTITION deals BY MONTHS OF at_us KEY (id, at_us)").expect("is one");
        assert_eq!((table, column, key), ("deals", "at_us", "(id, at_us)"));
        assert!(Partition::parse("CREATE TABLE deals (id BIGINT)").is_none());
    }

    #[test]
    fn a_bound_is_read_where_there_is_one() {
        for (bounds, begin) in [
            ("FOR VALUES FROM ('1698796800000000') TO ('1701388800000000')", Some(1_698_796_800_000_000)),
            ("FOR VALUES FROM (5) TO (7)", Some(5)),
            ("FOR VALUES FROM (MINVALUE) TO ('1701388800000000')", None),
        ] {
            assert_eq!(beginning(bounds), begin);
        }
    }
}
