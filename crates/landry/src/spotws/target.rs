//! What a connection's URL asks for: `/ws`, `/ws/<stream>`, `/stream?streams=<stream>/<stream>`.

use percent_encoding::percent_decode_str;

use crate::spotapi::call::TimeUnit;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Asked {
    pub streams: Vec<String>,
    /// Whether messages name their stream.
    pub combined: bool,
    pub unit: TimeUnit,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Target {
    Streams(Asked),
    Unknown,
    /// `timeUnit` is none.
    BadUnit,
}

impl Target {
    pub fn parse(path: &str, query: &str) -> Target {
        let mut unit = TimeUnit::Milliseconds;
        let mut listed = Vec::new();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "timeUnit" => match value {
                    "MICROSECOND" | "microsecond" => unit = TimeUnit::Microseconds,
                    "MILLISECOND" | "millisecond" => unit = TimeUnit::Milliseconds,
                    _ => return Target::BadUnit,
                },
                "streams" => listed.extend(names(value)),
                _ => {}
            }
        }
        // A trailing stroke names nothing.
        let (streams, combined) = match path.strip_prefix("/ws") {
            Some("") => (Vec::new(), false),
            Some(rest) if rest.starts_with('/') => (names(rest).collect(), false),
            _ if path.trim_end_matches('/') == "/stream" => (listed, true),
            _ => return Target::Unknown,
        };
        Target::Streams(Asked { streams, combined, unit })
    }
}

fn names(text: &str) -> impl Iterator<Item = String> {
    // A stroke may be written in both ways.
    let decoded = percent_decode_str(text).decode_utf8_lossy().into_owned();
    let names: Vec<String> = decoded.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    names.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_urls_ask_for() {
        use TimeUnit::{Microseconds, Milliseconds};
        let rows: &[(&str, &str, &[&str], bool, TimeUnit)] = &[
            ("/ws", "", &[], false, Milliseconds),
            ("/ws/", "", &[], false, Milliseconds),
            ("/ws/0", "", &["0"], false, Milliseconds),
            ("/ws/btcusdt@trade", "", &["btcusdt@trade"], false, Milliseconds),
            ("/ws/btcusdt%40trade", "", &["btcusdt@trade"], false, Milliseconds),
            ("/ws/a@trade/b@depth", "timeUnit=MICROSECOND", &["a@trade", "b@depth"], false, Microseconds),
            ("/ws/!ticker@arr", "timeUnit=microsecond", &["!ticker@arr"], false, Microseconds),
            ("/stream", "", &[], true, Milliseconds),
            ("/stream", "streams=", &[], true, Milliseconds),
            ("/stream/", "streams=a@trade", &["a@trade"], true, Milliseconds),
            ("/stream", "streams=a@trade/b@kline_1d@%2B08:00", &["a@trade", "b@kline_1d@+08:00"], true, Milliseconds),
            ("/stream", "streams=a%2Fb&timeUnit=MILLISECOND", &["a", "b"], true, Milliseconds),
            ("/stream", "x&streams=a&y=1", &["a"], true, Milliseconds),
        ];
        for (path, query, streams, combined, unit) in rows {
            let streams = streams.iter().map(|name| name.to_string()).collect();
            let asked = Asked { streams, combined: *combined, unit: *unit };
            assert_eq!(Target::parse(path, query), Target::Streams(asked), "{path}?{query}");
        }
        for path in ["/", "", "/wsx", "/ws-api/v3", "/streams", "/api/v3/ping", "/stream/a"] {
            assert_eq!(Target::parse(path, ""), Target::Unknown, "{path}");
        }
        assert_eq!(Target::parse("/ws", "timeUnit=SECOND"), Target::BadUnit);
    }
}
