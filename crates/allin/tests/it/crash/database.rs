//! The whole exchange with its tables on a server, which goes away under load, and the exchange with it.

use std::fs;
use std::time::Duration;

use allin_databases::{Product, Server};
use rustix::process::Signal;

use super::load::{self, User};
use super::node::Place;

const TAKEN: usize = 400;
const OUTAGE: Duration = Duration::from_millis(1500);

#[test]
fn trading_goes_on_without_the_database_and_history_catches_up_exactly() {
    for product in [Product::MariaDb, Product::Postgres] {
        let server = Server::start(product);
        let place = Place::new();
        let settings = place.path().join("allin.toml");
        let url = server.database();
        let text = fs::read_to_string(&settings).expect("settings");
        fs::write(&settings, format!("{text}\n[store]\nspot_url = \"{url}\"\n")).expect("writes");

        let mut users = User::many(3);
        let node = place.start();
        let acknowledged = load::trade(&node, &mut users, TAKEN, || {
            server.kill();
            std::thread::sleep(OUTAGE);
            node.signal(Signal::KILL);
        });
        let meanwhile = acknowledged - TAKEN;
        assert!(meanwhile >= TAKEN / 8, "{product:?}: {meanwhile} acknowledged; trading stopped with the database");
        node.kill();
        server.restart();
        let node = place.start();
        load::settle(&node, &mut users);
        // Balances come from the deals of the history, so that this waits until the history is whole.
        load::check_all(&node, &mut users);
        node.stop();
        place.assert_verifies();
        let said = place.stderr();
        assert!(!said.contains("s3cr3t"), "{said}");
        assert!(!place.data().join("store").exists(), "nothing is kept in files");
    }
}
