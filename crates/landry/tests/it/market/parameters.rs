//! Good and bad parameters, and weights.

use allin_landry::spotapi::SpotApiSection;
use allin_landry::spotapi::endpoint::{self, Security};

use super::traded;
use crate::world::World;

#[tokio::test]
async fn refusals() {
    let world = traded().await;
    let many: Vec<String> = (0..101).map(|n| format!("%22A{n}%22")).collect();
    let many = format!("ticker?symbols=[{}]", many.join(","));
    let rows = [
        ("depth", -1102),
        ("depth?symbol=", -1102),
        ("depth?symbol=NOSUCH", -1121),
        ("depth?symbol=btcusdt", -1100),
        ("depth?symbol=BTCUSDT&limit=0", -1130),
        ("depth?symbol=BTCUSDT&limit=-1", -1100),
        ("depth?symbol=BTCUSDT&limit=x", -1100),
        ("depth?symbol=BTCUSDT&limit=1e3", -1100),
        ("depth?symbol=BTCUSDT&limit=99999999999999999999999", -1108),
        ("depth?symbol=BTCUSDT&limit=", -1105),
        ("depth?symbol=BTCUSDT&x=1", -1104),
        ("depth?symbol=BTCUSDT&symbol=BTCUSDT", -1101),
        ("depth?symbol=BTCUSDT&symbolStatus=HALT", -1220),
        ("depth?symbol=BTCUSDT&symbolStatus=OPEN", -1122),
        ("trades?symbol=BTCUSDT&fromId=1", -1104),
        ("historicalTrades?symbol=BTCUSDT&fromId=-1", -1100),
        ("historicalBlockTrades?symbol=BTCUSDT", -1102),
        ("aggTrades?symbol=BTCUSDT&fromId=1&startTime=1", -1128),
        ("aggTrades?symbol=BTCUSDT&startTime=2&endTime=1", -1130),
        ("klines?symbol=BTCUSDT", -1102),
        ("klines?symbol=BTCUSDT&interval=7m", -1120),
        ("klines?symbol=BTCUSDT&interval=1D", -1120),
        ("klines?symbol=BTCUSDT&interval=1m&timeZone=15", -1130),
        ("klines?symbol=BTCUSDT&interval=1m&startTime=yesterday", -1100),
        ("avgPrice", -1102),
        ("ticker/24hr?symbol=BTCUSDT&type=MAXI", -1139),
        ("ticker/24hr?symbol=BTCUSDT&symbols=[%22BTCUSDT%22]", -1128),
        ("ticker/24hr?symbols=[]", -1100),
        ("ticker/24hr?symbols=BTCUSDT", -1100),
        ("ticker/24hr?symbols=[%22BTCUSDT%22,%22BTCUSDT%22]", -1151),
        ("ticker/24hr?symbols=[%22NOSUCH%22]", -1121),
        ("ticker/24hr?symbols=[1]", -1100),
        ("ticker", -1102),
        ("ticker/tradingDay", -1102),
        (&many, -1101),
        ("ticker?symbol=BTCUSDT&windowSize=1w", -1130),
        ("ticker?symbol=BTCUSDT&windowSize=60m", -1130),
        ("exchangeInfo?symbol=BTCUSDT&symbols=[%22BTCUSDT%22]", -1128),
        ("exchangeInfo?symbol=BTCUSDT&permissions=SPOT", -1128),
        ("exchangeInfo?symbol=BTCUSDT&symbolStatus=TRADING", -1128),
        ("exchangeInfo?permissions=FLY", -1100),
        ("exchangeInfo?showPermissionSets=perhaps", -1100),
        ("executionRules?symbol=BTCUSDT&symbolStatus=TRADING", -1128),
        ("referencePrice?symbol=BTCUSDT", -2043),
        ("referencePrice/calculation?symbol=BTCUSDT&symbolStatus=BREAK", -1220),
    ];
    for (target, code) in rows {
        let answered = world.get(&format!("/api/v3/{target}")).await;
        assert_eq!((answered.status, answered.json()["code"].as_i64()), (400, Some(code)), "{target}: {answered:?}");
    }
}

#[tokio::test]
async fn what_is_taken() {
    let world = traded().await;
    // How many entries the answer has, at the top or in `symbols`.
    let markets = world.get("/api/v3/ticker/price").await.json().as_array().expect("all").len();
    let rows = [
        ("trades?symbol=BTCUSDT&limit=100000", 5),
        ("historicalTrades?symbol=BTCUSDT&fromId=0", 5),
        ("historicalTrades?symbol=BTCUSDT&fromId=18446744073709551615", 0),
        ("aggTrades?symbol=BTCUSDT&fromId=18446744073709551615", 0),
        ("aggTrades?symbol=BTCUSDT&startTime=18446744073709551615", 0),
        ("aggTrades?symbol=BTCUSDT&endTime=0", 0),
        ("klines?symbol=BTCUSDT&interval=1m&startTime=18446744073709551615", 0),
        ("klines?symbol=BTCUSDT&interval=1m&endTime=0", 0),
        ("ticker/24hr", markets),
        ("ticker/bookTicker", markets),
        ("ticker/bookTicker?symbolStatus=TRADING", markets),
        ("ticker/bookTicker?symbolStatus=BREAK", 0),
        ("ticker/price?symbols=[%22BTCUSDT%22]&symbolStatus=HALT", 0),
        ("executionRules", markets),
        ("exchangeInfo?permissions=[%22SPOT%22,%22MARGIN%22]", markets),
        ("exchangeInfo?permissions=SPOT&symbolStatus=TRADING", markets),
        ("exchangeInfo?permissions=TRD_GRP_004", 0),
    ];
    for (target, count) in rows {
        let answered = world.get(&format!("/api/v3/{target}")).await;
        assert_eq!(answered.status, 200, "{target}: {answered:?}");
        let answer = answered.json();
        let rows = [&answer, &answer["symbols"], &answer["symbolRules"]].into_iter().find_map(|one| one.as_array());
        assert_eq!(rows.expect("rows").len(), count, "{target}");
    }
}

#[tokio::test]
async fn weights() {
    let world = World::empty(SpotApiSection::default()).await;
    let some = |count: usize| vec!["%22X%22"; count].join(",");
    let rows = [
        ("ping".to_owned(), 1),
        ("time".to_owned(), 1),
        ("exchangeInfo".to_owned(), 20),
        ("depth?symbol=BTCUSDT".to_owned(), 5),
        ("depth?symbol=BTCUSDT&limit=100".to_owned(), 5),
        ("depth?symbol=BTCUSDT&limit=101".to_owned(), 25),
        ("depth?symbol=BTCUSDT&limit=501".to_owned(), 50),
        ("depth?symbol=BTCUSDT&limit=5000".to_owned(), 250),
        ("trades?symbol=BTCUSDT".to_owned(), 25),
        ("historicalTrades?symbol=BTCUSDT".to_owned(), 25),
        ("aggTrades?symbol=BTCUSDT".to_owned(), 4),
        ("klines?symbol=BTCUSDT&interval=1m".to_owned(), 2),
        ("avgPrice?symbol=BTCUSDT".to_owned(), 2),
        ("ticker/24hr?symbol=BTCUSDT".to_owned(), 2),
        (format!("ticker/24hr?symbols=[{}]", some(20)), 2),
        (format!("ticker/24hr?symbols=[{}]", some(21)), 40),
        (format!("ticker/24hr?symbols=[{}]", some(101)), 80),
        ("ticker/24hr".to_owned(), 80),
        (format!("ticker?symbols=[{}]", some(3)), 12),
        (format!("ticker/tradingDay?symbols=[{}]", some(51)), 200),
        ("ticker/price?symbol=BTCUSDT".to_owned(), 2),
        ("ticker/price".to_owned(), 4),
        ("ticker/bookTicker?symbols=[%22BTCUSDT%22]".to_owned(), 4),
        ("executionRules?symbol=BTCUSDT".to_owned(), 2),
        (format!("executionRules?symbols=[{}]", some(5)), 10),
        ("executionRules".to_owned(), 40),
    ];
    for (nth, (target, weight)) in rows.into_iter().enumerate() {
        // Each from an address of its own.
        let head = format!("x-real-ip: 10.9.8.{nth}\r\n");
        let answered = world.send("GET", &format!("/api/v3/{target}"), &head, "").await;
        assert_eq!(answered.header("x-mbx-used-weight-1m"), Some(weight.to_string().as_str()), "{target}");
    }
}

#[tokio::test]
async fn no_value_of_any_parameter_is_a_fault() {
    let world = World::with(SpotApiSection { weight_1m_max: 0, raw_requests_5m_max: 0, ..Default::default() }).await;
    let names = [
        "symbol",
        "symbols",
        "limit",
        "fromId",
        "startTime",
        "endTime",
        "interval",
        "timeZone",
        "windowSize",
        "type",
        "symbolStatus",
        "permissions",
        "showPermissionSets",
    ];
    let values = [
        "",
        "0",
        "-1",
        "1e309",
        "NaN",
        "%00",
        "%ff",
        "+",
        "%EF%BC%91",
        "0x10",
        "1_000",
        "9223372036854775807",
        "18446744073709551615",
        "99999999999999999999",
        "[]",
        "[[]]",
        "[%22BTCUSDT%22]",
        "null",
        "{}",
        "BTCUSDT",
        "%22",
        "1m",
        "-12:00",
        "MINI",
        "true",
    ];
    for endpoint in endpoint::all().filter(|endpoint| endpoint.security == Security::None) {
        for (_, path) in endpoint.rest.iter().filter(|(method, _)| *method == "GET") {
            for (nth, name) in names.iter().enumerate() {
                for value in values {
                    // Two at a time: the one, and another of the row.
                    let other = names[(nth + value.len()) % names.len()];
                    let target = match other == *name {
                        true => format!("{path}?{name}={value}"),
                        false => format!(
                            "{path}?{name}={value}&{other}=1&{}",
                            if [*name, other].contains(&"symbol") { "" } else { "symbol=BTCUSDT" }
                        ),
                    };
                    let answered = world.get(&target).await;
                    assert!((200..500).contains(&answered.status), "{target}: {answered:?}");
                    answered.json();
                }
            }
        }
    }
}
