//! The process under test: its folder, its ports, its end.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::client::Client;
use super::poll;

/// A folder for one test: the data, the settings, what the process wrote.
pub struct Place {
    folder: tempfile::TempDir,
    /// The same folder as the process sees it, when that is in a name space of its own.
    seen: PathBuf,
    /// How to start a program there.
    inside: Vec<String>,
    /// Arguments of every start.
    pub arguments: Vec<String>,
}

/// A process that is killed when dropped.
pub struct Node {
    child: Child,
    folder: PathBuf,
    data: PathBuf,
    token: String,
    address: Option<SocketAddr>,
}

impl Place {
    pub fn new() -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("allin.toml"), settings()).expect("settings");
        let seen = folder.path().to_path_buf();
        Place { folder, seen, inside: vec![], arguments: vec![] }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn data(&self) -> PathBuf {
        self.seen.join("data")
    }

    /// From now on programs are started by `inside`, and `seen` is where this process finds their folder.
    pub fn inside(&mut self, seen: PathBuf, inside: Vec<String>) {
        (self.seen, self.inside) = (seen, inside);
    }

    pub fn stderr(&self) -> String {
        fs::read_to_string(self.path().join("stderr")).expect("what it wrote")
    }

    /// What `run.json` says.
    pub fn run_file(&self) -> Value {
        let run = fs::read_to_string(self.data().join("run.json")).expect("the gateway serves");
        serde_json::from_str(&run).expect("an object")
    }

    /// The first segment of the log; all of it, unless a test makes segments small.
    pub fn segment(&self) -> PathBuf {
        self.data().join("oplog/00000000000000000001.log")
    }

    /// Starts the process, below a program with arguments if one is given.
    pub fn spawn(&self, below: &[&str]) -> Node {
        let file = |name: &str| File::create(self.path().join(name)).expect("a file");
        let program = env!("CARGO_BIN_EXE_allin");
        let below = self.inside.iter().map(String::as_str).chain(below.iter().copied());
        let line = below.chain([program, "up", "--config", "allin.toml", "--data", "data"]);
        let mut line = line.chain(self.arguments.iter().map(String::as_str));
        let child = Command::new(line.next().expect("a program"))
            .args(line)
            .current_dir(self.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .expect("it starts");
        Node { child, folder: self.path().to_path_buf(), data: self.data(), token: String::new(), address: None }
    }

    pub fn start(&self) -> Node {
        let mut node = self.spawn(&[]);
        assert!(node.ready(), "it ended before it was ready: {}", self.stderr());
        node
    }

    /// A start that has to fail: how it ended, and what it said.
    pub fn start_refused(&self) -> String {
        let mut node = self.spawn(&[]);
        assert!(!node.ready(), "it started");
        assert!(!node.wait().success());
        self.stderr()
    }

    pub fn log_verify(&self) -> std::process::Output {
        let data = self.data();
        crate::allin(self.path(), &["log", "verify", "--data", data.to_str().expect("text")])
    }

    pub fn assert_verifies(&self) {
        let output = self.log_verify();
        assert!(output.status.success(), "{}{}", crate::stdout(&output), crate::stderr(&output));
    }
}

impl Node {
    /// Waits until it serves; false when it ended instead.
    pub fn ready(&mut self) -> bool {
        let text = poll("ready, or the end", || {
            let ended = self.child.try_wait().expect("our child").is_some();
            let text = fs::read_to_string(self.folder.join("stdout")).expect("what it printed");
            let whole = text.lines().any(|line| line.starts_with("ready")) && text.ends_with('\n');
            (whole || ended).then_some(text)
        });
        if !text.contains("\nready") {
            return false;
        }
        let line = text.lines().find_map(|line| line.strip_prefix("landry-ces-accesshttp "));
        self.address = line.and_then(|address| address.trim().parse().ok());
        let token = fs::read_to_string(self.data.join("internal.token")).expect("the token");
        token.trim().clone_into(&mut self.token);
        true
    }

    /// Where it serves a service's first port.
    pub fn address_of(&self, service: &str) -> SocketAddr {
        let text = fs::read_to_string(self.folder.join("stdout")).expect("what it printed");
        let line = text.lines().find_map(|line| line.strip_prefix(service)).expect("it is served");
        line.split_whitespace().next().and_then(|address| address.parse().ok()).expect("an address")
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    pub fn connect(&self) -> std::io::Result<Client> {
        Client::new(self.address.expect("accesshttp is served"), &self.token)
    }

    pub fn client(&self) -> Client {
        self.connect().expect("it listens")
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("our child");
    }

    pub fn wait(&mut self) -> ExitStatus {
        poll("the end", || self.child.try_wait().expect("our child"))
    }

    pub fn kill(mut self) {
        self.signal(Signal::KILL);
        self.assert_killed();
    }

    /// It was killed, by whomever.
    pub fn assert_killed(&mut self) {
        assert_eq!(self.wait().signal(), Some(9));
    }

    /// The clean end.
    pub fn stop(mut self) {
        self.signal(Signal::TERM);
        let status = self.wait();
        assert!(status.success(), "{status}: {}", fs::read_to_string(self.folder.join("stderr")).unwrap_or_default());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Settings with every port free to choose, so that tests run beside each other.
fn settings() -> &'static str {
    static SETTINGS: OnceLock<String> = OnceLock::new();
    SETTINGS.get_or_init(|| {
        let folder = std::env::temp_dir();
        let output = crate::allin(&folder, &["topology", "--format", "json"]);
        let topology: Value = serde_json::from_slice(&output.stdout).expect("an object");
        let services = topology["services"].as_array().expect("services");
        let mut text = String::from(
            "[telemetry]\nlevel = \"info\"\n[gateway]\npublic_listen = \"127.0.0.1:0\"\ninternal_listen = \"127.0.0.1:0\"\n[demo]\nenabled = false\n[ports]\n",
        );
        for service in services.iter().filter(|service| service["built"] == true) {
            for port in service["ports"].as_array().expect("ports") {
                let name = service["name"].as_str().expect("a name");
                text.push_str(&format!("\"{name}.{}\" = \"127.0.0.1:0\"\n", port["port"]));
            }
        }
        text
    })
}
