//! Subscribing and unsubscribing while connected, properties, refusals.

use allin_core::spot::command::{Command, Side};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;

use super::world::{World, quick};
use crate::listed::{ALICE, BOB, done, limit, listed};

fn trade(world: &World, price: u64) {
    done(&world.log, Command::Place(limit(ALICE, Side::Sell, price, 100, "")));
    done(&world.log, Command::Place(limit(BOB, Side::Buy, price, 100, "")));
}

#[tokio::test]
async fn subscriptions_come_and_go() {
    let world = World::new(listed()).await;
    let mut client = world.client("/ws").await;
    let rows = [
        (r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#, r#"{"result":[],"id":1}"#),
        (
            r#"{"method":"SUBSCRIBE","params":["BTCUSDT@trade","nothing@trade","0"],"id":"two"}"#,
            r#"{"result":null,"id":"two"}"#,
        ),
        (
            r#"{"method":"LIST_SUBSCRIPTIONS","id":null}"#,
            r#"{"result":["btcusdt@trade","nothing@trade","0"],"id":null}"#,
        ),
        (r#"{"method":"GET_PROPERTY","params":["combined"],"id":3}"#, r#"{"result":false,"id":3}"#),
    ];
    for (request, answer) in rows {
        assert_eq!(client.answer(request).await, answer);
    }
    trade(&world, 1000);
    assert_eq!(client.json().await["t"], 1);
    // A second of the limit of messages.
    drop(client);
    let mut client = world.client("/ws/btcusdt@trade").await;
    let set = r#"{"method":"SET_PROPERTY","params":["combined",true],"id":4}"#;
    assert_eq!(client.answer(set).await, r#"{"result":null,"id":4}"#);
    trade(&world, 1000);
    let message = client.json().await;
    assert_eq!((&message["stream"], &message["data"]["t"]), (&"btcusdt@trade".into(), &2.into()));
    let leave = r#"{"method":"UNSUBSCRIBE","params":["btcusdt@TRADE","btcusdt@trade","never"],"id":5}"#;
    assert_eq!(client.answer(leave).await, r#"{"result":null,"id":5}"#);
    trade(&world, 1000);
    let list = r#"{"method":"LIST_SUBSCRIPTIONS","id":6}"#;
    assert_eq!(client.answer(list).await, r#"{"result":[],"id":6}"#);
    let unknown = client.answer(r#"{"method":"X","id":7}"#).await;
    assert!(unknown.starts_with(r#"{"code":2,"msg":"Invalid request: unknown variant `X`"#), "{unknown}");
    world.stop().await;
}

#[tokio::test]
async fn bad_requests_leave_the_connection_open() {
    let world = World::with(listed(), allin_landry::spotws::SpotWsSection { messages_1s_max: 0, ..quick() }).await;
    let mut client = world.client("/ws").await;
    let rows = [
        ("", r#"{"code":3,"#),
        ("{", r#"{"code":3,"#),
        ("[1]", r#"{"code":2,"#),
        (r#"{"method":"SUBSCRIBE","params":["a"],"id":{}}"#, r#"{"code":2,"#),
        (r#"{"method":"SUBSCRIBE","params":{"a":1},"id":1}"#, r#"{"code":2,"#),
        (r#"{"method":"SUBSCRIBE","params":[null],"id":1}"#, r#"{"code":2,"#),
        (r#"{"method":"SET_PROPERTY","params":["combined",1],"id":1}"#, r#"{"code":1,"#),
        (r#"{"method":"SET_PROPERTY","params":["x",true],"id":1}"#, r#"{"code":0,"#),
    ];
    for (request, wanted) in rows {
        let answer = client.answer(request).await;
        assert!(answer.starts_with(wanted), "{request}: {answer}");
    }
    let long = format!(r#"{{"method":"SUBSCRIBE","params":["{}"],"id":1}}"#, "x".repeat(1000));
    assert!(client.answer(&long).await.starts_with(r#"{"code":2,"#));
    let deep = format!(r#"{{"method":"SUBSCRIBE","params":{},"id":1}}"#, "[".repeat(10_000));
    assert!(client.answer(&deep).await.starts_with(r#"{"code":3,"#));
    assert_eq!(client.answer(r#"{"method":"SUBSCRIBE","id":9}"#).await, r#"{"result":null,"id":9}"#);
    world.stop().await;
}

#[tokio::test]
async fn at_most_so_many_streams() {
    let world = World::new(listed()).await;
    let mut client = world.client("/ws").await;
    let names = |range: std::ops::Range<u32>| {
        let names: Vec<String> = range.map(|n| format!("\"s{n}@trade\"")).collect();
        format!(r#"{{"method":"SUBSCRIBE","params":[{}],"id":1}}"#, names.join(","))
    };
    let most = client.answer(&names(0..1024)).await;
    assert_eq!(most, r#"{"result":null,"id":1}"#);
    let more = client.answer(&names(1000..1025)).await;
    assert!(more.starts_with(r#"{"code":2,"msg":"Invalid request: too many streams"#), "{more}");
    let known = client.answer(&names(0..1024)).await;
    assert_eq!(known, r#"{"result":null,"id":1}"#, "those it has already are no more");
    world.stop().await;
}

#[tokio::test]
async fn a_url_has_at_most_so_many_streams_too() {
    let world = World::new(listed()).await;
    let names = |count: u32| (0..count).map(|n| format!("s{n}@trade")).collect::<Vec<_>>().join("/");
    let connect = async |target: String| match connect_async(format!("ws://{}{target}", world.address)).await {
        Ok(_) => (101, String::new()),
        Err(Error::Http(response)) => {
            let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
            (response.status().as_u16(), body)
        }
        Err(error) => panic!("{error}"),
    };
    let refused = (400, r#"{"code":-1130,"msg":"Too many streams; at most 1024 of a connection."}"#.to_owned());
    for path in ["/ws/", "/stream?streams="] {
        let rows = [
            (names(1024), (101, String::new())),
            // The same one twice is one.
            (format!("{}/s7@trade//s8@trade", names(1024)), (101, String::new())),
            (names(1025), refused.clone()),
            (format!("{}/btcusdt@trade", names(1024)), refused.clone()),
        ];
        for (names, expected) in rows {
            assert_eq!(connect(format!("{path}{names}")).await, expected, "{path} {}", names.len());
        }
    }
    let mut client = world.client(&format!("/ws/{}", names(1024))).await;
    let listed = client.answer(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#).await;
    assert_eq!(listed.matches("@trade").count(), 1024);
    world.stop().await;
}
