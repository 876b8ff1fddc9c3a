//! An exchange of one process a service, in a network of its own: beside other tests, and beside an exchange that runs.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::crash::poll;

/// Networks for tests, 127.N.0.0: whoever holds the lock of one has it for himself.
const NETWORKS: std::ops::Range<u8> = 130..250;

pub struct Cluster {
    folder: tempfile::TempDir,
    network: u8,
    _lock: File,
    child: Child,
    flags: Vec<String>,
}

/// A process as `allin ps` tells.
#[derive(Debug, Clone)]
pub struct Process {
    pub name: String,
    pub pid: Option<u32>,
    pub ready: bool,
    pub restarts: u64,
    pub addresses: Vec<String>,
}

fn take_network() -> (u8, File) {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    let span = NETWORKS.end - NETWORKS.start;
    for _ in 0..span {
        let nth = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(std::process::id() as u8) % span;
        let network = NETWORKS.start + nth;
        let path = std::env::temp_dir().join(format!("allin-test-network-{network}.lock"));
        let file = File::options().create(true).truncate(false).write(true).open(path).expect("a lock file");
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return (network, file);
        }
    }
    panic!("every network is taken");
}

impl Cluster {
    /// Starts it with further flags; it serves when this returns.
    pub fn start(flags: &[&str]) -> Cluster {
        let (network, lock) = take_network();
        let folder = tempfile::tempdir().expect("a folder");
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let child = spawn(folder.path(), network, &flags);
        let mut cluster = Cluster { folder, network, _lock: lock, child, flags };
        cluster.await_ready();
        cluster
    }

    /// The same again, over the same data, after its end.
    pub fn again(&mut self) {
        self.child = spawn(self.folder.path(), self.network, &self.flags);
        self.await_ready();
    }

    fn await_ready(&mut self) {
        let ready = poll("ready, or the end", || {
            let text = fs::read_to_string(self.path().join("stdout")).expect("what it printed");
            let ended = self.child.try_wait().expect("our child").is_some();
            let ready = text.lines().any(|line| line.starts_with("ready")) && text.ends_with('\n');
            (ready || ended).then_some(ready)
        });
        assert!(ready, "it ended before it was ready: {}", self.stderr());
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub fn stderr(&self) -> String {
        fs::read_to_string(self.path().join("stderr")).expect("what it wrote")
    }

    /// Where users come in; `instance` is the gateway's.
    pub fn public(&self, instance: u16) -> SocketAddr {
        SocketAddr::from(([127, self.network, 0, 5], 8080 + 100 * instance))
    }

    pub fn allin(&self, arguments: &[&str]) -> Output {
        crate::allin(self.path(), arguments)
    }

    /// A command that has to work.
    pub fn command(&self, arguments: &[&str]) -> String {
        let output = self.allin(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", crate::stderr(&output));
        crate::stdout(&output).to_owned()
    }

    pub fn processes(&self) -> Vec<Process> {
        let text = self.command(&["ps", "--data", "data", "--format", "json"]);
        let rows: Value = serde_json::from_str(&text).expect("JSON");
        let process = |row: &Value| {
            let service = row["service"].as_str().expect("a name");
            let instance = row["instance"].as_u64().expect("a number");
            let addresses = row["addresses"].as_array().expect("addresses").iter();
            Process {
                name: if instance == 0 { service.to_owned() } else { format!("{service}-{instance}") },
                pid: row["pid"].as_u64().map(|pid| pid as u32),
                ready: row["ready"].as_bool().expect("yes or no"),
                restarts: row["restarts"].as_u64().expect("a number"),
                addresses: addresses.map(|address| address.as_str().expect("text").to_owned()).collect(),
            }
        };
        rows.as_array().expect("rows").iter().map(process).collect()
    }

    pub fn process(&self, name: &str) -> Process {
        let all = self.processes();
        all.into_iter().find(|process| process.name == name).unwrap_or_else(|| panic!("no process {name}"))
    }

    /// Kills a process without warning.
    pub fn kill(&self, process: &Process) {
        let pid = process.pid.expect("it runs");
        kill_process(Pid::from_raw(pid as i32).expect("a number"), Signal::KILL).expect("it runs");
    }

    /// Waits until a process has another life, and is ready in it.
    pub fn await_return(&self, before: &Process) {
        poll(&format!("{} comes back", before.name), || {
            let now = self.process(&before.name);
            (now.ready && now.restarts > before.restarts && now.pid != before.pid).then_some(())
        });
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("our child");
    }

    pub fn wait(&mut self) -> ExitStatus {
        poll("the end", || self.child.try_wait().expect("our child"))
    }

    /// Its end, however it came: nothing of it runs or listens.
    pub fn assert_gone(&self, processes: &[Process]) {
        let left = |process: &Process| {
            let pid = process.pid.expect("it ran");
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&format!("127.{}.0.0", self.network))
        };
        poll("the end of all", || processes.iter().all(|process| !left(process)).then_some(()));
        for process in processes {
            for address in &process.addresses {
                // A process that is ending has no command line any more before it has no sockets.
                poll(&format!("nobody listens on {address}"), || TcpStream::connect(address).is_err().then_some(()));
            }
        }
    }

    pub fn assert_verifies(&self) {
        let settings = self.flags.iter().map(String::as_str).skip_while(|flag| *flag != "--set");
        let text = self.command(&["log", "verify", "--data", "data"].into_iter().chain(settings).collect::<Vec<_>>());
        assert!(text.trim_end().ends_with("ok"), "{text}");
    }

    /// `allin demo-user`: key and secret.
    pub fn user(&self, fund: &str) -> (String, String) {
        let text = self.command(&["demo-user", "--data", "data", "--fund", fund, "--format", "json"]);
        let user: Value = serde_json::from_str(&text).expect("JSON");
        let field = |name: &str| user[name].as_str().expect("text").to_owned();
        (field("api_key"), field("api_secret"))
    }
}

fn spawn(folder: &Path, network: u8, flags: &[String]) -> Child {
    let file = |name: &str| File::create(folder.join(name)).expect("a file");
    let listen = |port: u16| format!("127.{network}.0.5:{port}");
    let (public, internal) = (listen(8080), listen(8081));
    let loopback = format!("node.loopback=127.{network}.0.0");
    Command::new(env!("CARGO_BIN_EXE_allin"))
        .args(["up", "--processes", "--data", "data", "--public", &public, "--internal", &internal, "--set", &loopback])
        .args(flags)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(file("stdout"))
        .stderr(file("stderr"))
        .spawn()
        .expect("it starts")
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // The others end with it.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
