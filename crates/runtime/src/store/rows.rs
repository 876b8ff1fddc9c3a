//! Many rows for one table, sent in few statements: each database gets them in the form that it takes in fastest.
//!
//! SQLite and MySQL insert lists of rows. PostgreSQL gets them by `COPY`, few of them as one array a column, so that its
//! statement is the same for any number of rows. Updates join the table with the news: a list of rows, arrays, or for MySQL
//! one JSON text.

use std::fmt::Write as _;

use super::dialect::Dialect;
use super::error::{StoreError, StoreErrorKind};
use super::value::Value;

/// Rows to insert: every row has a value for every column.
#[derive(Clone, Debug)]
pub struct Rows {
    pub(super) table: &'static str,
    pub(super) columns: &'static [&'static str],
    pub(super) values: Vec<Value>,
}

impl Rows {
    pub fn new(table: &'static str, columns: &'static [&'static str]) -> Self {
        Self { table, columns, values: Vec::new() }
    }

    /// Adds a row. The number of values is the number of columns; anything else is our own mistake.
    pub fn push<const N: usize>(&mut self, row: [Value; N]) {
        assert_eq!(N, self.columns.len(), "{}: values of a row", self.table);
        self.values.extend(row);
    }

    pub fn len(&self) -> usize {
        self.values.len() / self.columns.len()
    }

    /// Sorts by the first columns. Rows that are neighbours in a table cost it less when they come one after the other.
    pub fn sort(&mut self, columns: usize) {
        let width = self.columns.len();
        let mut rows: Vec<&[Value]> = self.values.chunks_exact(width).collect();
        if rows.is_sorted_by_key(|row| &row[..columns]) {
            return;
        }
        rows.sort_by_key(|row| &row[..columns]);
        self.values = rows.concat();
    }

    /// Keeps the rows whose value of a column is greater. A column that there is not is our own mistake.
    pub fn keep_greater(&mut self, column: &str, than: &Value) {
        let width = self.columns.len();
        let at = self.columns.iter().position(|name| *name == column).expect("names a column");
        let kept: Vec<&[Value]> = self.values.chunks_exact(width).filter(|row| row[at] > *than).collect();
        self.values = kept.concat();
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub fn clear(&mut self) {
        self.values.clear();
    }
}

/// Rows to update: the first `keys` columns name the row, the others are its new values.
#[derive(Clone, Debug)]
pub struct Updates {
    pub(super) rows: Rows,
    pub(super) keys: usize,
}

impl Updates {
    pub fn new(table: &'static str, keys: usize, columns: &'static [&'static str]) -> Self {
        assert!(0 < keys && keys < columns.len(), "{table}: keys and values");
        Self { rows: Rows::new(table, columns), keys }
    }

    pub fn push<const N: usize>(&mut self, row: [Value; N]) {
        self.rows.push(row);
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn clear(&mut self) {
        self.rows.clear();
    }
}

/// Most values of one statement. Larger statements are no faster, and databases have limits (SQLite 32,766, MySQL 65,535).
pub(super) const STATEMENT_VALUES_MAX: usize = 4096;
/// The same for arrays, which have none.
const ARRAY_VALUES_MAX: usize = 65_536;

impl Dialect {
    /// Rows of the largest statement.
    fn rows_max(self, columns: usize) -> usize {
        let values = if self == Dialect::Postgres { ARRAY_VALUES_MAX } else { STATEMENT_VALUES_MAX };
        largest_power_of_two((values / columns).max(1))
    }

    /// Whether a statement's text depends on the number of its rows.
    fn lists_rows(self, is_update: bool) -> bool {
        match self {
            Dialect::Sqlite => true,
            Dialect::MySql | Dialect::MariaDb => !is_update,
            Dialect::Postgres => false,
        }
    }
}

/// Splits rows for statements: into chunks of powers of two where the text depends on the number, so that a table has few
/// different statements to keep prepared.
pub(super) fn chunks(dialect: Dialect, rows: &Rows, is_update: bool) -> impl Iterator<Item = &[Value]> {
    let columns = rows.columns.len();
    let largest = dialect.rows_max(columns);
    let mut rest = rows.values.as_slice();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let most = (rest.len() / columns).min(largest);
        let count = if dialect.lists_rows(is_update) { largest_power_of_two(most) } else { most };
        let (chunk, tail) = rest.split_at(count * columns);
        rest = tail;
        Some(chunk)
    })
}

fn largest_power_of_two(at_most: usize) -> usize {
    1 << at_most.ilog2()
}

/// A statement's arguments: one by one, or an array for each column.
pub(super) enum Arguments<'a> {
    Single(&'a [Value]),
    Owned(Vec<Value>),
    Columns { values: &'a [Value], columns: usize },
}

/// Inserts the rows of a chunk.
pub(super) fn insert<'a>(dialect: Dialect, rows: &Rows, chunk: &'a [Value]) -> (String, Arguments<'a>) {
    let columns = rows.columns.len();
    let mut text = format!("INSERT INTO {} ({}) ", rows.table, rows.columns.join(","));
    if dialect == Dialect::Postgres {
        let _ = write!(text, "SELECT * FROM {}", unnest(&chunk[..columns]));
        return (text, Arguments::Columns { values: chunk, columns });
    }
    text.push_str("VALUES ");
    placeholders(&mut text, chunk.len() / columns, columns);
    (text, Arguments::Single(chunk))
}

/// Updates the rows of a chunk.
pub(super) fn update<'a>(
    dialect: Dialect,
    updates: &Updates,
    chunk: &'a [Value],
) -> Result<(String, Arguments<'a>), StoreError> {
    let Updates { rows: Rows { table, columns, .. }, keys } = updates;
    let pairs = |columns: &[&str], left: &str, between: &str| {
        let pairs: Vec<String> = columns.iter().map(|column| format!("{left}{column}=news.{column}")).collect();
        pairs.join(between)
    };
    let own = format!("{table}.");
    let found = pairs(&columns[..*keys], &own, " AND ");
    let set = |left: &str| pairs(&columns[*keys..], left, ",");
    Ok(match dialect {
        Dialect::Sqlite => {
            let mut text = format!("WITH news({}) AS (VALUES ", columns.join(","));
            placeholders(&mut text, chunk.len() / columns.len(), columns.len());
            let _ = write!(text, ") UPDATE {table} SET {} FROM news WHERE {found}", set(""));
            (text, Arguments::Single(chunk))
        }
        Dialect::Postgres => {
            let news = unnest(&chunk[..columns.len()]);
            let names = columns.join(",");
            let text = format!("UPDATE {table} SET {} FROM {news} AS news({names}) WHERE {found}", set(""));
            (text, Arguments::Columns { values: chunk, columns: columns.len() })
        }
        Dialect::MySql | Dialect::MariaDb => {
            let news = json_table(dialect, columns, chunk);
            let text = format!("UPDATE {table} JOIN {news} AS news ON {found} SET {}", set(&own));
            (text, Arguments::Owned(vec![json(chunk, columns.len())?]))
        }
    })
}

/// `(?,?),(?,?)`
fn placeholders(text: &mut String, rows: usize, columns: usize) {
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            text.push_str(if column == 0 { "?" } else { ",?" });
        }
        text.push(')');
    }
}

/// `UNNEST(?::int8[],?::text[])`, typed as the values of a row.
fn unnest(row: &[Value]) -> String {
    let array = |value: &Value| match value {
        Value::Int(_) => "?::int8[]",
        Value::Text(_) => "?::text[]",
    };
    format!("UNNEST({})", row.iter().map(array).collect::<Vec<_>>().join(","))
}

/// `JSON_TABLE(?, …)`: one row for each array in an array.
fn json_table(dialect: Dialect, columns: &[&str], row: &[Value]) -> String {
    let mut text = "JSON_TABLE(?, '$[*]' COLUMNS (".to_owned();
    for (index, (column, value)) in columns.iter().zip(row).enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}{column} ");
        match value {
            Value::Int(_) => text.push_str("BIGINT"),
            Value::Text(_) => {
                let _ = write!(text, "MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE {}", dialect.collation());
            }
        }
        let _ = write!(text, " PATH '$[{index}]' ERROR ON EMPTY ERROR ON ERROR");
    }
    text + "))"
}

/// Rows as an array of arrays.
fn json(chunk: &[Value], columns: usize) -> Result<Value, StoreError> {
    let mut text = String::with_capacity(chunk.len() * 16);
    for (index, value) in chunk.iter().enumerate() {
        text.push_str(match (index, index % columns) {
            (0, _) => "[[",
            (_, 0) => "],[",
            _ => ",",
        });
        match value {
            Value::Int(int) => {
                let _ = write!(text, "{int}");
            }
            Value::Text(string) => {
                let string = serde_json::to_string(&**string)
                    .map_err(|error| StoreError::new(StoreErrorKind::Invalid, format!("argument: {error}")))?;
                text.push_str(&string);
            }
        }
    }
    text.push_str("]]");
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIALECTS: [Dialect; 3] = [Dialect::Sqlite, Dialect::MariaDb, Dialect::Postgres];

    #[test]
    fn chunks_lose_nothing_and_have_few_sizes() {
        for (dialect, is_update) in DIALECTS.into_iter().flat_map(|dialect| [(dialect, false), (dialect, true)]) {
            for count in [0_usize, 1, 2, 3, 1000, 4096, 9999, 70_000] {
                let mut rows = Rows::new("t", &["a", "b", "c"]);
                for n in 0..count {
                    rows.push([Value::from(n as u64), Value::from(1_u64), Value::from("x")]);
                }
                let chunks: Vec<&[Value]> = chunks(dialect, &rows, is_update).collect();
                assert!(chunks.concat() == rows.values, "{dialect:?} {count}");
                for chunk in chunks {
                    let rows = chunk.len() / 3;
                    assert!(rows.is_power_of_two() || !dialect.lists_rows(is_update), "{dialect:?} {rows}");
                    assert!(rows <= dialect.rows_max(3), "{dialect:?} {rows}");
                }
            }
        }
    }

    #[test]
    fn rows_are_sorted_whole() {
        let mut rows = Rows::new("t", &["a", "b", "c"]);
        for (a, b, c) in [(2_u64, 1_u64, "x"), (1, 9, "y"), (2, 0, "z"), (1, 9, "first of two stays first")] {
            rows.push([a.into(), b.into(), c.into()]);
        }
        rows.sort(2);
        let third: Vec<&Value> = rows.values.iter().skip(2).step_by(3).collect();
        assert_eq!(third, [&"y".into(), &"first of two stays first".into(), &"z".into(), &"x".into()] as [&Value; 4]);
        assert_eq!(rows.values[..2], [1_u64.into(), 9_u64.into()]);
        rows.keep_greater("b", &1_u64.into());
        assert_eq!(rows.values.chunks(3).map(|row| row[1].clone()).collect::<Vec<_>>(), [9_u64.into(), 9_u64.into()]);
    }

    #[test]
    fn statements_read_as_sql() {
        let mut rows = Rows::new("t", &["a", "b"]);
        let mut updates = Updates::new("t", 1, &["a", "b", "c"]);
        for n in 0..2_u64 {
            rows.push([n.into(), "x".into()]);
            updates.push([n.into(), "x\"\n".into(), 5_u64.into()]);
        }
        let table = [
            (
                Dialect::Sqlite,
                "INSERT INTO t (a,b) VALUES (?,?),(?,?)",
                "WITH news(a,b,c) AS (VALUES (?,?,?),(?,?,?)) UPDATE t SET b=news.b,c=news.c FROM news WHERE t.a=news.a",
            ),
            (
                Dialect::MySql,
                "INSERT INTO t (a,b) VALUES (?,?),(?,?)",
                "UPDATE t JOIN JSON_TABLE(?, '$[*]' COLUMNS (a BIGINT PATH '$[0]' ERROR ON EMPTY ERROR ON ERROR, \
                 b MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$[1]' ERROR ON EMPTY ERROR ON ERROR, \
                 c BIGINT PATH '$[2]' ERROR ON EMPTY ERROR ON ERROR)) AS news ON t.a=news.a SET t.b=news.b,t.c=news.c",
            ),
            (
                Dialect::Postgres,
                "INSERT INTO t (a,b) SELECT * FROM UNNEST(?::int8[],?::text[])",
                "UPDATE t SET b=news.b,c=news.c FROM UNNEST(?::int8[],?::text[],?::int8[]) AS news(a,b,c) WHERE t.a=news.a",
            ),
        ];
        for (dialect, inserts, changes) in table {
            assert_eq!(insert(dialect, &rows, &rows.values).0, inserts);
            let (text, arguments) = update(dialect, &updates, &updates.rows.values).expect("is text");
            assert_eq!(text, changes);
            if let Arguments::Owned(values) = arguments {
                assert_eq!(values, [Value::from(r#"[[0,"x\"\n",5],[1,"x\"\n",5]]"#)]);
            }
        }
    }
}
