//! Existing trading clients against a running exchange through its gateway, with nothing changed but their URLs
//! (`tests/clients`), with the demo's maker to trade against. In one process each script has an exchange of its own; against one
//! process a service all of them run side by side.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::crash::node::Place;
use crate::processes::cluster::Cluster;

/// What the account of a script is given; prices of the demo's BTCUSDT are below 200,000.
const FUNDS: &str = "BTC=10,USDT=1000000,BNB=100";
/// What an address may use in a minute, by default.
const WEIGHT: usize = 6_000;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs a script with the Python of its client.
fn run(client: &str, script: &str) {
    let mut place = Place::new();
    let flags = ["--public", "127.0.0.1:0", "--internal", "127.0.0.1:0", "--listen", "off", "--demo", "on"];
    place.arguments = flags.map(str::to_owned).to_vec();
    place.arguments.extend(["--set".to_owned(), "gateway.tls_listen=127.0.0.1:0".to_owned()]);
    let node = place.start();
    let run: Value = read(&std::fs::read(place.data().join("run.json")).expect("run.json"));
    let public = run["public"].as_str().expect("the public listener");

    let arguments = ["demo-user", "--data", "data", "--fund", FUNDS, "--format", "json"];
    let output = crate::allin(place.path(), &arguments);
    assert!(output.status.success(), "demo-user: {}", crate::stderr(&output));
    let user: Value = read(&output.stdout);

    script_of(client, script, public, [&user["api_key"], &user["api_secret"]].map(|text| text.as_str().expect("text")));
    node.stop();
    place.assert_verifies();
}

/// All of them at once, each with a user of its own, against an exchange of one process a service.
fn run_apart(scripts: &[(&str, &str)]) {
    // They come from one address, and each brings what an address may use.
    let weight = format!("spotapi.weight_1m_max={}", WEIGHT * scripts.len());
    let mut cluster = Cluster::start(&["--set", &weight]);
    let users: Vec<_> = scripts.iter().map(|_| cluster.user(FUNDS)).collect();
    let public = cluster.public(0).to_string();
    std::thread::scope(|scope| {
        for ((client, script), (key, secret)) in scripts.iter().zip(&users) {
            scope.spawn(|| script_of(client, script, &public, [key, secret]));
        }
    });
    let processes = cluster.processes();
    assert!(processes.iter().all(|process| process.restarts == 0), "{processes:?}");
    cluster.command(&["stop", "--data", "data"]);
    assert!(cluster.wait().success(), "{}", cluster.stderr());
    cluster.assert_verifies();
}

fn script_of(client: &str, script: &str, public: &str, [key, secret]: [&str; 2]) {
    let python = root().join("target/clients").join(client).join("bin/python");
    assert!(python.exists(), "{} is missing: `make deps` installs the clients", python.display());
    let output = Command::new(python)
        .arg(root().join("tests/clients").join(script))
        .env("ALLIN_REST", format!("http://{public}"))
        .env("ALLIN_WS", format!("ws://{public}"))
        .env("ALLIN_KEY", key)
        .env("ALLIN_SECRET", secret)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("Python starts");
    let (told, complaints) = (crate::stdout(&output), crate::stderr(&output));
    assert!(output.status.success(), "{script}:\n{told}\n{complaints}");
}

fn read(text: &[u8]) -> Value {
    serde_json::from_slice(text).expect("JSON")
}

#[test]
fn ccxt_over_rest() {
    run("ccxt", "ccxt_rest.py");
}

#[test]
fn ccxt_pro() {
    run("ccxt", "ccxt_pro.py");
}

#[test]
fn python_binance_over_rest() {
    run("python-binance", "python_binance_rest.py");
}

#[test]
fn python_binance_streams() {
    run("python-binance", "python_binance_streams.py");
}

#[test]
fn binance_connector() {
    run("binance-connector", "connector.py");
}

#[test]
fn all_of_them_with_one_process_a_service() {
    run_apart(&[
        ("ccxt", "ccxt_rest.py"),
        ("ccxt", "ccxt_pro.py"),
        ("python-binance", "python_binance_rest.py"),
        ("python-binance", "python_binance_streams.py"),
        ("binance-connector", "connector.py"),
    ]);
}
