//! PostgreSQL's `COPY`: the text in which many rows are taken in without a plan, an argument or a type for each value.

use std::fmt::Write as _;

use super::nul;
use super::rows::Rows;
use super::value::Value;

/// Fewer rows are inserted: a statement that is kept prepared is one journey, and this is two.
pub(super) const ROWS_MIN: usize = 32;

pub(super) fn statement(rows: &Rows) -> String {
    format!("COPY {} ({}) FROM STDIN", rows.table, rows.columns.join(","))
}

/// A line a row, a tab between values. No value is null, so that the mark of one is never written.
pub(super) fn lines(values: &[Value], columns: usize) -> String {
    let mut text = String::with_capacity(values.len() * 12);
    for (index, value) in values.iter().enumerate() {
        match value {
            Value::Int(int) => {
                let _ = write!(text, "{int}");
            }
            Value::Text(value) => escape(&nul::escaped(value), &mut text),
        }
        text.push(if (index + 1) % columns == 0 { '\n' } else { '\t' });
    }
    text
}

fn escape(value: &str, text: &mut String) {
    let mut rest = value;
    while let Some(at) = rest.find(['\\', '\t', '\n', '\r']) {
        text.push_str(&rest[..at]);
        text.push_str(match rest.as_bytes()[at] {
            b'\t' => "\\t",
            b'\n' => "\\n",
            b'\r' => "\\r",
            _ => "\\\\",
        });
        rest = &rest[at + 1..];
    }
    text.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_to_copy_is_escaped() {
        let mut rows = Rows::new("t", &["a", "b"]);
        rows.push([Value::from(-5_i64), "".into()]);
        rows.push([Value::from(i64::MAX), "a\tb\\N\r\n\\.".into()]);
        rows.push([Value::from(0_i64), "\\N".into()]);
        assert_eq!(statement(&rows), "COPY t (a,b) FROM STDIN");
        let wanted = "-5\t\n9223372036854775807\ta\\tb\\\\N\\r\\n\\\\.\n0\t\\\\N\n";
        assert_eq!(lines(&rows.values, 2), wanted);
    }
}
