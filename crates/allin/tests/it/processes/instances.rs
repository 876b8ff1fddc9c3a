//! Two of each service that keeps nothing.

use crate::crash::poll;

use super::client::{Rest, Stream};
use super::cluster::{Cluster, Process};

const TWO: [&str; 3] = ["gateway", "landry-spotapi-web", "landry-spotws-web"];

fn order(number: u32) -> String {
    format!(
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=20000&newClientOrderId=two-{number}"
    )
}

/// Waits until nobody can connect to it: who still could was cut off in the middle, which is another matter.
fn await_end(process: &Process) {
    poll("its end", || std::net::TcpStream::connect(&process.addresses[0]).is_err().then_some(()));
}

#[test]
fn two_of_each_serve_together_and_alone() {
    let two: Vec<String> = TWO.iter().flat_map(|name| ["--set".to_owned(), format!("instances.{name}=2")]).collect();
    let flags: Vec<&str> = two.iter().map(String::as_str).chain(["--set", "demo.history_hours=0"]).collect();
    let cluster = Cluster::start(&flags);
    let names: Vec<String> = cluster.processes().into_iter().map(|process| process.name).collect();
    for name in TWO {
        assert!(names.contains(&format!("{name}-1")), "{names:?}");
    }
    let user = cluster.user("USDT=1000000");
    // An order through either gateway; the listen key of one spotapi is known to both spotws.
    let mut doors = [0, 1].map(|instance| Rest::new(cluster.public(instance), &user));
    let mut number = 0;
    let mut place = |rest: &mut Rest| {
        number += 1;
        let (status, body) = rest.signed("POST", "/api/v3/order", &order(number)).expect("an answer");
        assert_eq!(status, 200, "{body}");
        format!("two-{number}")
    };
    let (status, body) = doors[0].send("POST", "/api/v3/userDataStream").expect("an answer");
    assert_eq!(status, 200, "{body}");
    let key = body["listenKey"].as_str().expect("a key").to_owned();
    let open = |nth: u16| Stream::open(cluster.public(nth % 2), &format!("/ws/{key}")).and_then(Stream::served);
    let mut streams: Vec<Stream> = (0..4).map(|nth| open(nth).expect("opens")).collect();
    let first = place(&mut doors[0]);
    for stream in &mut streams {
        let heard = poll("a report", || {
            let report = stream.next().expect("goes on");
            report["c"].as_str().map(str::to_owned)
        });
        assert_eq!(heard, first);
    }
    for nth in 0..10 {
        place(&mut doors[nth % 2]);
    }

    // One of two is gone: the gateway asks the other, without a single failure.
    for name in ["landry-spotapi-web", "landry-spotapi-web-1"] {
        let process = cluster.process(name);
        cluster.kill(&process);
        await_end(&process);
        for rest in &mut doors {
            // A connection that was kept to the dead one is not used again: what may have been sent is not repeated.
            let (status, _) = rest.signed("GET", "/api/v3/account", "").expect("an answer");
            assert!([200, 502, 503].contains(&status), "{status}");
        }
        for nth in 0..10 {
            place(&mut doors[nth % 2]);
        }
        cluster.await_return(&process);
    }
    let process = cluster.process("landry-spotws-web");
    cluster.kill(&process);
    await_end(&process);
    for nth in 0..4 {
        Stream::open(cluster.public(nth % 2), "/ws/btcusdt@trade").expect("the other one takes it");
    }
    cluster.await_return(&process);
    let process = cluster.process("gateway");
    cluster.kill(&process);
    // The other one has all there is.
    place(&mut doors[1]);
    cluster.await_return(&process);

    // One after the other: the exchange serves all the while, and both are new.
    cluster.command(&["restart", "--data", "data", "landry-spotapi-web"]);
    for name in ["landry-spotapi-web", "landry-spotapi-web-1"] {
        assert_eq!(cluster.process(name).restarts, 2, "{name}");
    }
    let open = doors[1].good("/api/v3/openOrders", "symbol=BTCUSDT");
    assert_eq!(open.as_array().map(Vec::len), Some(number as usize), "each once");
    cluster.command(&["stop", "--data", "data"]);
    cluster.assert_verifies();
}
