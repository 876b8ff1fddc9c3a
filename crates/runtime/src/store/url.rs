//! What a store's URL says. A password in it is given to the driver and to nobody else: errors show the URL without it.

use std::fmt;
use std::time::Duration;

/// How long a statement waits for another process's lock, and a caller for a connection.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest that a server may take over one statement; beyond, it is taken for gone.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// Who writes, where the URL does not say.
const WRITER: &str = "allin";
/// Room for a name in the table of writers.
const WRITER_CHARS_MAX: usize = 64;

pub(super) const EXPECTED: &str = "expected sqlite:PATH, mysql://USER:PASSWORD@HOST:PORT/DATABASE or \
    postgres://USER:PASSWORD@HOST:PORT/DATABASE";

/// Which program answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Sqlite,
    MySql,
    Postgres,
}

/// Our own options, which the driver does not know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Options {
    /// How long to wait for a lock and for a connection.
    pub busy_timeout: Duration,
    /// Longest time of one statement (servers).
    pub statement_timeout: Duration,
    /// Most pages of 4 KiB (SQLite).
    pub pages_max: Option<u32>,
    /// Transactions of one name that write follow each other (servers; a SQLite file has one writer anyway).
    pub writer: String,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            busy_timeout: BUSY_TIMEOUT,
            statement_timeout: STATEMENT_TIMEOUT,
            pages_max: None,
            writer: WRITER.to_owned(),
        }
    }
}

/// A URL, taken apart.
pub(super) struct StoreUrl {
    pub kind: Kind,
    /// SQLite's path, or what the driver gets.
    pub target: String,
    pub options: Options,
}

/// What is shown of a URL: no password, no options.
pub(super) struct Shown<'a>(pub &'a str);

impl StoreUrl {
    /// None when it is no URL of a store.
    pub(super) fn parse(url: &str) -> Option<StoreUrl> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let (kind, address) = match address.split_once(':')? {
            ("sqlite", path) => (Kind::Sqlite, path),
            ("mysql" | "mariadb", rest) if rest.starts_with("//") => (Kind::MySql, rest),
            ("postgres" | "postgresql", rest) if rest.starts_with("//") => (Kind::Postgres, rest),
            _ => return None,
        };
        let mut options = Options::default();
        let rest = options.take(kind, query)?;
        let target = match kind {
            Kind::Sqlite if address.is_empty() || !rest.is_empty() => return None,
            Kind::Sqlite => address.to_owned(),
            // A server without a database has nothing to keep tables in.
            _ if database(address).is_empty() => return None,
            Kind::MySql => format!("mysql:{address}?{}", rest.join("&")),
            Kind::Postgres => format!("postgres:{address}?{}", rest.join("&")),
        };
        Some(StoreUrl { kind, target, options })
    }

    /// None where the name of writer and lane is too long.
    pub(super) fn in_lane(mut self, lane: Option<&str>) -> Option<StoreUrl> {
        if let Some(lane) = lane {
            self.options.writer = format!("{}.{lane}", self.options.writer);
        }
        is_name(&self.options.writer).then_some(self)
    }
}

/// `//user@host:port/DATABASE`
fn database(address: &str) -> &str {
    address.trim_start_matches('/').split_once('/').map_or("", |(_, database)| database)
}

impl Options {
    /// Takes what is ours out of a query, and gives the rest; none where a value or a name is not understood.
    fn take<'a>(&mut self, kind: Kind, query: &'a str) -> Option<Vec<&'a str>> {
        let mut rest = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=')?;
            match name {
                "busy_timeout_ms" => self.busy_timeout = Duration::from_millis(value.parse().ok()?),
                "statement_timeout_ms" => self.statement_timeout = Duration::from_millis(value.parse().ok()?),
                "writer" if is_name(value) => self.writer = value.to_owned(),
                "pages_max" if kind == Kind::Sqlite => self.pages_max = Some(value.parse().ok()?),
                _ if driver_options(kind).contains(&name) => rest.push(part),
                _ => return None,
            }
        }
        Some(rest)
    }
}

/// What the drivers may be told: how to find the server, and how to know it.
fn driver_options(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Sqlite => &[],
        Kind::MySql => &["ssl-mode", "ssl-ca", "ssl-cert", "ssl-key", "socket"],
        Kind::Postgres => &["sslmode", "sslrootcert", "sslcert", "sslkey", "host"],
    }
}

fn is_name(text: &str) -> bool {
    let fits = (1..=WRITER_CHARS_MAX).contains(&text.len());
    fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.0.split_once('?').map_or(self.0, |(address, _)| address);
        let Some((scheme, rest)) = address.split_once("//") else { return f.write_str(address) };
        // The last @: a password may hold one that should have been encoded.
        match rest.rsplit_once('@') {
            None => write!(f, "{scheme}//{rest}"),
            Some((user, place)) => {
                let user = user.split_once(':').map_or(user, |(user, _)| user);
                write!(f, "{scheme}//{user}@{place}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_say_where_and_how() {
        let rows = [
            ("sqlite:a/b.db", Kind::Sqlite, "a/b.db"),
            ("sqlite:/a/b.db?pages_max=5&busy_timeout_ms=7", Kind::Sqlite, "/a/b.db"),
            ("mysql://u:p@h:1/d", Kind::MySql, "mysql://u:p@h:1/d?"),
            ("mariadb://u@h/d?writer=a-b", Kind::MySql, "mysql://u@h/d?"),
            (
                "postgres://u@h/d?sslmode=require&writer=x&host=/run",
                Kind::Postgres,
                "postgres://u@h/d?sslmode=require&host=/run",
            ),
            ("postgresql://u@h/d", Kind::Postgres, "postgres://u@h/d?"),
        ];
        for (url, kind, target) in rows {
            let parsed = StoreUrl::parse(url).expect(url);
            assert_eq!((parsed.kind, parsed.target.as_str()), (kind, target));
        }
        let parsed =
            StoreUrl::parse("mysql://u@h/d?writer=w&busy_timeout_ms=9&statement_timeout_ms=8").expect("is one");
        let (busy, statement) = (Duration::from_millis(9), Duration::from_millis(8));
        let wanted = Options { busy_timeout: busy, statement_timeout: statement, pages_max: None, writer: "w".into() };
        assert_eq!(parsed.options, wanted);
        let parsed = parsed.in_lane(None).and_then(|parsed| parsed.in_lane(Some("told"))).expect("fits");
        assert_eq!(parsed.options.writer, "w.told");
        assert!(parsed.in_lane(Some(&"x".repeat(WRITER_CHARS_MAX))).is_none());
    }

    #[test]
    fn what_is_no_url_of_a_store_is_none() {
        for url in [
            "",
            "sqlite:",
            "sqlite:?pages_max=1",
            "sqlite:x?pages=1",
            "sqlite:x?pages_max=-1",
            "/tmp/x.db",
            "mysql:x",
            "mysql://u@h",
            "mysql://u@h/",
            "mysql://u@h/d?charset=latin1",
            "mysql://u@h/d?pages_max=1",
            "postgres://u@h/d?options=x",
            "postgres://u@h/d?writer=",
            "postgres://u@h/d?writer=a'b",
            "redis://h/0",
        ] {
            assert!(StoreUrl::parse(url).is_none(), "{url}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            ("mysql://u:secret@h:1/d?ssl-key=secret", "mysql://u@h:1/d"),
            ("postgres://u:se@cret@h/d", "postgres://u@h/d"),
            ("postgres://u:secret/@h/d", "postgres://u@h/d"),
            ("postgres://h/d", "postgres://h/d"),
            ("sqlite:a.db?pages_max=1", "sqlite:a.db"),
        ] {
            assert_eq!(Shown(url).to_string(), shown);
        }
    }
}
