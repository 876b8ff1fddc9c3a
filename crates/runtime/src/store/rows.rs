//! Many rows for one table, sent in few statements.

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

/// Most values of one statement. Larger statements are no faster, and databases have limits (SQLite 32,766).
pub(super) const STATEMENT_VALUES_MAX: usize = 4096;

/// Splits rows into chunks of powers of two, so that a table has few different statements to keep prepared.
pub(super) fn chunks(rows: &Rows) -> impl Iterator<Item = &[Value]> {
    let columns = rows.columns.len();
    let largest = largest_power_of_two((STATEMENT_VALUES_MAX / columns).max(1));
    let mut rest = rows.values.as_slice();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let count = largest_power_of_two((rest.len() / columns).min(largest));
        let (chunk, tail) = rest.split_at(count * columns);
        rest = tail;
        Some(chunk)
    })
}

fn largest_power_of_two(at_most: usize) -> usize {
    1 << at_most.ilog2()
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

pub(super) fn insert_sql(rows: &Rows, count: usize) -> String {
    let mut text = format!("INSERT INTO {} ({}) VALUES ", rows.table, rows.columns.join(","));
    placeholders(&mut text, count, rows.columns.len());
    text
}

/// SQLite's and PostgreSQL's form; MySQL joins the table with the values instead.
pub(super) fn update_sql(updates: &Updates, count: usize) -> String {
    let columns = updates.rows.columns;
    let table = updates.rows.table;
    let pairs = |columns: &[&str], left: &str, between: &str| {
        let pairs: Vec<String> = columns.iter().map(|column| format!("{left}{column}=news.{column}")).collect();
        pairs.join(between)
    };
    let mut text = format!("WITH news({}) AS (VALUES ", columns.join(","));
    placeholders(&mut text, count, columns.len());
    text.push_str(&format!(
        ") UPDATE {table} SET {} FROM news WHERE {}",
        pairs(&columns[updates.keys..], "", ","),
        pairs(&columns[..updates.keys], &format!("{table}."), " AND "),
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_powers_of_two_and_lose_nothing() {
        for count in [0_usize, 1, 2, 3, 1000, 4096, 9999] {
            let mut rows = Rows::new("t", &["a", "b", "c"]);
            for n in 0..count {
                rows.push([Value::from(n as u64), Value::from(1_u64), Value::from("x")]);
            }
            let chunks: Vec<&[Value]> = chunks(&rows).collect();
            assert_eq!(chunks.concat(), rows.values, "{count}");
            for chunk in chunks {
                let rows = chunk.len() / 3;
                assert!(rows.is_power_of_two() && chunk.len() <= STATEMENT_VALUES_MAX, "{rows}");
            }
        }
    }

    #[test]
    fn statements_read_as_sql() {
        let rows = Rows::new("t", &["a", "b"]);
        assert_eq!(insert_sql(&rows, 2), "INSERT INTO t (a,b) VALUES (?,?),(?,?)");
        let updates = Updates::new("t", 1, &["a", "b", "c"]);
        assert_eq!(
            update_sql(&updates, 1),
            "WITH news(a,b,c) AS (VALUES (?,?,?)) UPDATE t SET b=news.b,c=news.c FROM news WHERE t.a=news.a"
        );
    }
}
