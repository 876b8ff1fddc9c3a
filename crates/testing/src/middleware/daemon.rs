//! A program that runs beside the tests and ends with them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// How long a program may take until it serves, on a machine that is busy.
const START_MAX: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(20);

/// A program and its folder; killed, and its folder removed, when dropped.
pub struct Daemon {
    name: &'static str,
    folder: PathBuf,
    child: Mutex<Option<Child>>,
}

impl Daemon {
    /// A folder for a program that is not started yet.
    pub fn new(name: &'static str) -> Daemon {
        static NEXT: Mutex<u32> = Mutex::new(0);
        let mut next = NEXT.lock().expect("no panic inside");
        if *next == 0 {
            sweep();
        }
        *next += 1;
        let folder = std::env::temp_dir().join(format!("{}{}", prefix(std::process::id()), *next));
        fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        Daemon { name, folder, child: Mutex::new(None) }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts the program and waits until `serves`.
    pub fn start(&self, program: &str, arguments: &[String], serves: impl Fn() -> bool) {
        let log = |name: &str| {
            let path = self.folder.join(name);
            let file = fs::OpenOptions::new().create(true).append(true).open(&path);
            file.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        // The kernel kills it when this process ends, also by SIGKILL.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", program]).args(arguments);
        command.stdin(Stdio::null()).stdout(log("stdout")).stderr(log("stderr"));
        let child = spawn(command).unwrap_or_else(|error| panic!("cannot start {} ({program}): {error}", self.name));
        *self.lock() = Some(child);
        self.wait_until(serves);
    }

    /// Waits until it serves; its end is a failure.
    pub fn wait_until(&self, serves: impl Fn() -> bool) {
        let until = Instant::now() + START_MAX;
        while !serves() {
            let ended = self.lock().as_mut().is_none_or(|child| child.try_wait().is_ok_and(|status| status.is_some()));
            assert!(!ended && Instant::now() < until, "{} does not serve: {}", self.name, self.output());
            std::thread::sleep(POLL);
        }
    }

    /// Runs a program to its end.
    pub fn run(&self, program: &str, arguments: &[String]) {
        let output = Command::new(program).args(arguments).output();
        let output = output.unwrap_or_else(|error| panic!("cannot start {program}: {error}"));
        let said = || String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{program} {arguments:?}: {}", said());
    }

    /// At once, as by a loss of power that the page cache survives.
    pub fn kill(&self) {
        if let Some(mut child) = self.lock().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends a signal by name, such as `STOP`.
    pub fn signal(&self, signal: &str) {
        let id = self.lock().as_ref().map(Child::id).expect("it runs");
        let status = Command::new("kill").args([&format!("-{signal}"), &id.to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "cannot send {signal} to {}", self.name);
    }

    /// What it said.
    pub fn output(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        read("stdout") + &read("stderr")
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.child.lock().expect("no panic inside")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            println!("{} said: {}", self.name, self.output());
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Starts a program from a thread that lives as long as the process: the kernel's signal comes when the thread that
/// started it ends, and a test's thread ends with the test.
fn spawn(command: Command) -> io::Result<Child> {
    type Order = (Command, Sender<io::Result<Child>>);
    static STARTER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (sender, orders) = channel::<Order>();
        let work = move || orders.into_iter().for_each(|(mut command, answer)| drop(answer.send(command.spawn())));
        std::thread::Builder::new().name("daemons".into()).spawn(work).expect("a thread");
        Mutex::new(sender)
    });
    let (answer, started) = channel();
    starter.lock().expect("no panic inside").send((command, answer)).expect("the thread lives");
    started.recv().expect("the thread answers")
}

fn prefix(process: u32) -> String {
    format!("allin-daemon-{process}-")
}

/// Removes what processes left that were killed.
fn sweep() {
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner =
            name.to_str().and_then(|name| name.strip_prefix("allin-daemon-")?.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|owner| !Path::new(&format!("/proc/{owner}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
