//! The whole exchange with its tables on a server, which goes away under load: alone, and the exchange with it.

use std::fs;
use std::net::TcpStream;
use std::time::Duration;

use allin_databases::{Product, Server};
use rustix::process::Signal;

use super::flood::{Flood, Flooded, RATE_MIN};
use crate::crash::load::{self, User};
use crate::crash::node::Place;

const TAKEN: usize = 100;
const OUTAGE: Duration = Duration::from_secs(3);

/// The server is away; what was acknowledged in a second meanwhile.
fn outage(server: &Server, flood: &Flood) -> f64 {
    flood.through(|| {
        server.kill();
        std::thread::sleep(OUTAGE);
        assert!(TcpStream::connect(server.address()).is_err(), "the server is there");
    })
}

#[test]
fn trading_goes_on_without_the_database_and_history_catches_up_exactly() {
    for product in [Product::MariaDb, Product::Postgres] {
        let server = Server::start(product);
        let place = Place::new();
        let settings = place.path().join("allin.toml");
        let url = server.database();
        let text = fs::read_to_string(&settings).expect("settings");
        fs::write(&settings, format!("{text}\n[store]\nspot_url = \"{url}\"\n")).expect("writes");

        let (mut users, mut rates) = (User::many(3), vec![]);
        let node = place.start();
        let flood = Flood::of(&node, 0);
        load::trade_through(&node, &mut users, TAKEN, || {
            rates.push(outage(&server, &flood));
            server.restart();
        });
        let first = flood.end();

        let flood = Flood::of(&node, 1_000_000);
        let acknowledged = load::trade(&node, &mut users, TAKEN, || {
            rates.push(outage(&server, &flood));
            node.signal(Signal::KILL);
        });
        let second = flood.end();
        println!("{product:?}: {rates:.0?} orders a second without the server");
        assert!(rates.iter().all(|rate| *rate >= RATE_MIN), "{product:?}: {rates:?}");
        assert!(place.stderr().contains("history lags"), "it was never away");
        let meanwhile = acknowledged - TAKEN;
        assert!(meanwhile >= TAKEN / 2, "{product:?}: {meanwhile} acknowledged; trading stopped with the database");
        node.kill();
        server.restart();
        let node = place.start();
        load::settle(&node, &mut users);
        // Balances come from the deals of the history, so that this waits until the history is whole.
        load::check_all(&node, &mut users);
        Flooded::check(&[first, second], &node);
        node.stop();
        place.assert_verifies();
        let said = place.stderr();
        assert!(!said.contains("s3cr3t"), "{said}");
        assert!(!place.data().join("store").exists(), "nothing is kept in files");
    }
}
