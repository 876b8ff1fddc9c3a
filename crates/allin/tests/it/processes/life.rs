//! Beginning and end of all processes, and of single ones.

use rustix::process::Signal;

use super::client::Rest;
use super::cluster::Cluster;

#[test]
fn started_stopped_killed_and_started_again() {
    let mut cluster = Cluster::start(&["--demo", "off"]);
    let before = cluster.processes();
    assert!(before.iter().all(|process| process.ready && process.restarts == 0), "{before:?}");
    assert!(before.iter().all(|process| process.name != "demo"), "there is no demonstration");
    let table = cluster.command(&["ps", "--data", "data"]);
    assert_eq!(table.lines().count(), before.len() + 1, "{table}");
    // One data folder, one exchange.
    let second = cluster.allin(&["up", "--processes", "--data", "data", "--set", "node.loopback=127.129.0.0"]);
    assert!(!second.status.success() && crate::stderr(&second).contains("another"), "{}", crate::stderr(&second));

    let api = cluster.process("landry-spotapi-web");
    cluster.command(&["restart", "--data", "data", "landry-spotapi-web"]);
    let after = cluster.process("landry-spotapi-web");
    assert!(after.ready && after.restarts == 1 && after.pid != api.pid, "{after:?}");
    let unknown = cluster.allin(&["restart", "--data", "data", "landry-awf"]);
    assert!(!unknown.status.success() && crate::stderr(&unknown).contains("landry-spotapi-web"));
    let mut rest = Rest::new(cluster.public(0), &(String::new(), String::new()));
    assert_eq!(rest.send("GET", "/api/v3/time").expect("answers").0, 200);

    // Nothing outlives its supervisor.
    let processes = cluster.processes();
    cluster.signal(Signal::KILL);
    assert!(!cluster.wait().success());
    cluster.assert_gone(&processes);
    let away = cluster.allin(&["ps", "--data", "data"]);
    assert!(!away.status.success() && crate::stderr(&away).contains("is `allin up --processes` running"));

    cluster.again();
    let processes = cluster.processes();
    cluster.signal(Signal::TERM);
    assert!(cluster.wait().success(), "{}", cluster.stderr());
    assert!(!cluster.stderr().contains("did not stop in order"), "{}", cluster.stderr());
    cluster.assert_gone(&processes);
    for file in ["run.json", "supervisor.sock"] {
        assert!(!cluster.data().join(file).exists(), "{file} is left");
    }
    cluster.assert_verifies();
    // What a pod writes is for programs.
    let log = std::fs::read_to_string(cluster.data().join("logs/landry-ces-matchengine.log")).expect("a log");
    for line in log.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn what_cannot_start_is_told() {
    let (folder, holder) = (tempfile::tempdir().expect("a folder"), std::net::TcpListener::bind("127.0.0.1:0"));
    let taken = holder.as_ref().expect("a port").local_addr().expect("an address");
    let port = format!("ports.landry-ces-accesshttp.8080=\"{taken}\"");
    let flags = ["--public", "127.0.0.1:0", "--internal", "127.0.0.1:0", "--set", "node.loopback=127.128.0.0"];
    let up = ["up", "--processes", "--data", "data", "--demo", "off", "--set", &port];
    let output = crate::allin(folder.path(), &[&up[..], &flags[..]].concat());
    let said = crate::stderr(&output);
    assert!(!output.status.success(), "it started");
    assert!(said.contains("landry-ces-accesshttp ended") && said.contains(&taken.to_string()), "{said}");
}
