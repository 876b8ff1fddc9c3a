//! Where the databases' languages differ: marks of arguments, types of a schema, words of a transaction.

use std::borrow::Cow;
use std::fmt::Write as _;

/// A database's language.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Dialect {
    Sqlite,
    MySql,
    /// As MySQL, with other names for a few things.
    MariaDb,
    Postgres,
}

/// Indexed text of MySQL has at most 3,072 bytes, four for a character. Longer columns hold ASCII.
const MYSQL_INDEXED_CHARS_MAX: u32 = 768;

impl Dialect {
    pub(super) fn is_mysql(self) -> bool {
        matches!(self, Dialect::MySql | Dialect::MariaDb)
    }

    /// A statement with `?` as this database wants it.
    pub(super) fn text(self, sql: &str) -> Cow<'_, str> {
        match self {
            Dialect::Postgres => Cow::Owned(numbered(sql)),
            _ => Cow::Borrowed(sql),
        }
    }

    /// Compares text by its bytes, and takes no trailing space for nothing.
    pub(super) fn collation(self) -> &'static str {
        match self {
            Dialect::Sqlite => "BINARY",
            Dialect::MySql => "utf8mb4_0900_bin",
            Dialect::MariaDb => "utf8mb4_nopad_bin",
            Dialect::Postgres => "C",
        }
    }

    /// Begins the transaction that writes.
    pub(super) fn begin(self) -> &'static str {
        match self {
            // Takes the write lock at once: a transaction that reads first and writes later could fail half way.
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::MySql | Dialect::MariaDb => "START TRANSACTION",
            Dialect::Postgres => "BEGIN",
        }
    }

    /// Begins a transaction that sees one moment, and writes nothing.
    pub(super) fn snapshot(self) -> &'static str {
        match self {
            Dialect::Sqlite => "BEGIN",
            Dialect::MySql | Dialect::MariaDb => "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
            Dialect::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        }
    }

    /// A statement of a schema, its marks and types replaced.
    pub(super) fn schema(self, statement: &str) -> String {
        let (id, clustered) = match self {
            Dialect::Sqlite => ("INTEGER", "WITHOUT ROWID"),
            _ => ("BIGINT", ""),
        };
        let mut text = statement.replace("{id}", id).replace("{clustered}", clustered);
        // Only MySQL's indexes have their names by table.
        if !self.is_mysql() && text.starts_with("DROP INDEX ") {
            text.truncate(text.find(" ON ").unwrap_or(text.len()));
        }
        match self {
            Dialect::Sqlite => text,
            Dialect::Postgres => typed(&text, |characters| match characters {
                Some(characters) => format!("VARCHAR({characters}) COLLATE \"C\""),
                None => "TEXT COLLATE \"C\"".to_owned(),
            }),
            Dialect::MySql | Dialect::MariaDb => {
                let mut text = typed(&text, |characters| match characters {
                    Some(characters) if characters > MYSQL_INDEXED_CHARS_MAX => format!("VARBINARY({characters})"),
                    Some(characters) => format!("VARCHAR({characters})"),
                    // TEXT ends at 64 KB.
                    None => "MEDIUMTEXT".to_owned(),
                });
                if is_create_table(&text) {
                    let collation = self.collation();
                    let _ = write!(text, " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE {collation}");
                }
                text
            }
        }
    }
}

pub(super) fn is_create_table(statement: &str) -> bool {
    let mut words = statement.split_ascii_whitespace();
    words.next() == Some("CREATE") && words.next() == Some("TABLE")
}

/// Statements that MySQL commits by themselves, with everything before them.
pub(super) fn is_definition(statement: &str) -> bool {
    matches!(statement.split_ascii_whitespace().next(), Some("CREATE" | "ALTER" | "DROP" | "PARTITION"))
}

/// `?` become `$1`, `$2` …; those in quotes stay.
fn numbered(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() + 16);
    let (mut quoted, mut number) = (None, 0);
    for c in sql.chars() {
        match (quoted, c) {
            (None, '?') => {
                number += 1;
                let _ = write!(text, "${number}");
                continue;
            }
            (None, '\'' | '"') => quoted = Some(c),
            (Some(quote), c) if quote == c => quoted = None,
            _ => {}
        }
        text.push(c);
    }
    text
}

/// Replaces `VARCHAR(n)` and `TEXT` by what `name` gives for n characters, or for any number of them.
fn typed(statement: &str, name: impl Fn(Option<u32>) -> String) -> String {
    let mut text = String::with_capacity(statement.len() * 2);
    let mut rest = statement;
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphabetic()) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        let length = after.strip_prefix('(').and_then(|after| after.split_once(')'));
        match (word, length.and_then(|(length, after)| Some((length.parse().ok()?, after)))) {
            ("VARCHAR", Some((characters, after))) => {
                text.push_str(&name(Some(characters)));
                rest = after;
            }
            ("TEXT", _) => text.push_str(&name(None)),
            _ => text.push_str(word),
        }
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_numbered_outside_of_quotes() {
        for (sql, wanted) in [
            ("SELECT 1", "SELECT 1"),
            ("a = ? AND b IN (?,?)", "a = $1 AND b IN ($2,$3)"),
            ("a = '?' AND \"?\" = ? AND c = 'it''s ?'", "a = '?' AND \"?\" = $1 AND c = 'it''s ?'"),
        ] {
            assert_eq!(Dialect::Postgres.text(sql), wanted);
            assert_eq!(Dialect::MariaDb.text(sql), sql);
        }
    }

    #[test]
    fn one_schema_text_becomes_each_databases() {
        let text = "CREATE TABLE t (i {id} NOT NULL PRIMARY KEY, a VARCHAR(8) NOT NULL, b VARCHAR(1400), c TEXT NOT NULL) \
             {clustered}";
        let rows = [
            (
                Dialect::Sqlite,
                "CREATE TABLE t (i INTEGER NOT NULL PRIMARY KEY, a VARCHAR(8) NOT NULL, b VARCHAR(1400), c TEXT NOT NULL) \
                 WITHOUT ROWID",
            ),
            (
                Dialect::Postgres,
                "CREATE TABLE t (i BIGINT NOT NULL PRIMARY KEY, a VARCHAR(8) COLLATE \"C\" NOT NULL, \
                 b VARCHAR(1400) COLLATE \"C\", c TEXT COLLATE \"C\" NOT NULL) ",
            ),
            (
                Dialect::MySql,
                "CREATE TABLE t (i BIGINT NOT NULL PRIMARY KEY, a VARCHAR(8) NOT NULL, b VARBINARY(1400), \
                 c MEDIUMTEXT NOT NULL)  ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin",
            ),
        ];
        for (dialect, wanted) in rows {
            assert_eq!(dialect.schema(text), wanted);
        }
        assert_eq!(Dialect::MariaDb.schema("DELETE FROM texts"), "DELETE FROM texts");
        let text = "DROP INDEX t_a ON t";
        assert_eq!(
            (Dialect::MariaDb.schema(text), Dialect::Postgres.schema(text)),
            (text.into(), "DROP INDEX t_a".into())
        );
    }
}
