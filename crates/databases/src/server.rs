//! A server: where it listens, and what may be done to it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::keeper::Keeper;
use crate::{maria, postgres};

/// Everybody's name and password on the servers of tests. The password has what a URL must encode.
pub const USER: &str = "allin";
pub const PASSWORD: &str = "s3cr3t/of@tests";
const PASSWORD_ENCODED: &str = "s3cr3t%2Fof%40tests";

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(90);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Product {
    MariaDb,
    Postgres,
}

/// How a server is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tuning {
    /// Small, and a commit need not reach the disk: the server's end is what tests bring about, not the machine's.
    Tests,
    /// As an operator would set it: every commit reaches the disk; a gigabyte of memory, and one of log, before pages are written.
    Benches,
}

/// A running server, ended when it is dropped or its process has ended.
pub struct Server {
    product: Product,
    tuning: Tuning,
    address: SocketAddrV4,
    folder: PathBuf,
    account: Option<Account>,
    process: Mutex<Child>,
    databases: AtomicU32,
    keeper: Keeper,
}

/// Servers refuse to run as root.
#[derive(Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

impl Server {
    /// The one that all tests of this process share; started when it is first asked for.
    pub fn shared(product: Product) -> &'static Server {
        static MARIA: OnceLock<Server> = OnceLock::new();
        static POSTGRES: OnceLock<Server> = OnceLock::new();
        match product {
            Product::MariaDb => MARIA.get_or_init(|| Server::start(product)),
            Product::Postgres => POSTGRES.get_or_init(|| Server::start(product)),
        }
    }

    /// One of a test's own, to be ill-treated.
    pub fn start(product: Product) -> Server {
        Server::start_tuned(product, Tuning::Tests)
    }

    pub fn start_tuned(product: Product, tuning: Tuning) -> Server {
        let folder = tempfile::Builder::new().prefix("allin-database-").tempdir().expect("a folder").keep();
        let account = Account::unprivileged();
        if let Some(account) = account {
            chown(&folder, Some(account.user), Some(account.group)).expect("gives the folder away");
        }
        let signal = match product {
            Product::MariaDb => "KILL",
            Product::Postgres => "QUIT",
        };
        let keeper = Keeper::start(&folder, signal);
        let address = free_address();
        match product {
            Product::MariaDb => maria::install(&folder, &|program| command(account, program)),
            Product::Postgres => postgres::install(&folder, &|program| command(account, program)),
        }
        let process = launch((product, tuning), &folder, address, account);
        keeper.watch(process.id());
        let server = Server {
            product,
            tuning,
            address,
            folder,
            account,
            process: Mutex::new(process),
            databases: AtomicU32::new(0),
            keeper,
        };
        server.wait();
        server
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Makes an empty database and gives its URL.
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// Runs a statement as an operator would.
    pub fn run(&self, sql: &str) {
        let (url, sql) = (self.url(self.first_database()), sql.to_owned());
        let product = self.product;
        on_thread(async move {
            match product {
                Product::MariaDb => maria::run(&url, &sql).await,
                Product::Postgres => postgres::run(&url, &sql).await,
            }
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        });
    }

    /// The URL of a database, with room for further options.
    pub fn url(&self, database: &str) -> String {
        self.url_as(USER, PASSWORD_ENCODED, database)
    }

    pub fn url_as(&self, user: &str, password: &str, database: &str) -> String {
        let scheme = match self.product {
            Product::MariaDb => "mysql",
            Product::Postgres => "postgres",
        };
        let address = self.address;
        format!("{scheme}://{user}:{password}@{address}/{database}?busy_timeout_ms=5000")
    }

    /// Ends it at once, as a crash does.
    pub fn kill(&self) {
        let mut process = self.lock();
        process.kill().expect("is killed");
        process.wait().expect("ends");
    }

    /// Starts it again on the same files and address.
    pub fn restart(&self) {
        let process = launch((self.product, self.tuning), &self.folder, self.address, self.account);
        self.keeper.watch(process.id());
        *self.lock() = process;
        self.wait();
    }

    /// It is there, and answers nothing.
    pub fn freeze(&self) {
        self.signal_all(Signal::STOP);
        // On a busy machine a thread may run on for a while.
        let id = self.lock().id();
        let begun = Instant::now();
        while !children(id).into_iter().chain([id]).all(is_stopped) {
            assert!(begun.elapsed() < PATIENCE, "{:?} does not stop", self.product);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn thaw(&self) {
        self.signal_all(Signal::CONT);
    }

    /// To the server, and to each of its processes where it has several.
    fn signal_all(&self, signal: Signal) {
        let id = self.lock().id();
        send(id, signal).expect("is signalled");
        for child in children(id) {
            // It may have ended meanwhile.
            let _ = send(child, signal);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Child> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn first_database(&self) -> &'static str {
        match self.product {
            Product::MariaDb => "mysql",
            Product::Postgres => "postgres",
        }
    }

    /// Until it answers.
    fn wait(&self) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.lock().try_wait().expect("its state") {
                panic!("{:?} ended by itself, {status}: {}", self.product, self.said());
            }
            if TcpStream::connect(self.address).is_ok() {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{:?} does not answer: {}", self.product, self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        let (url, product) = (self.url(self.first_database()), self.product);
        on_thread(async move {
            loop {
                let answer = match product {
                    Product::MariaDb => maria::run(&url, "SELECT 1").await,
                    Product::Postgres => postgres::run(&url, "SELECT 1").await,
                };
                match answer {
                    Ok(()) => return,
                    Err(error) => assert!(begun.elapsed() < PATIENCE, "{product:?}: {error}"),
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut process = self.lock();
        // PostgreSQL's own processes and memory go with it. It may be stopped, or have ended.
        let signal = if self.product == Product::Postgres { Signal::QUIT } else { Signal::KILL };
        for (process, signal) in children(process.id())
            .into_iter()
            .map(|child| (child, Signal::CONT))
            .chain([(process.id(), Signal::CONT), (process.id(), signal)])
        {
            let _ = send(process, signal);
        }
        let _ = process.wait();
    }
}

/// The processes whose parent is this one.
fn children(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |id: &u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // After the name, which may hold anything, come state and parent.
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        after.split_ascii_whitespace().nth(1) == Some(parent.to_string().as_str())
    };
    ids.filter(is_child).collect()
}

/// Whether all threads of a process are stopped, or it has ended.
fn is_stopped(process: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let runs = |stat: String| {
        let state = stat.rsplit_once(") ").and_then(|(_, after)| after.chars().next());
        !matches!(state, None | Some('T' | 'Z' | 'X'))
    };
    !threads.map(|thread| fs::read_to_string(thread.path().join("stat")).unwrap_or_default()).any(runs)
}

fn send(process: u32, signal: Signal) -> rustix::io::Result<()> {
    let id = i32::try_from(process).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(id, signal)
}

fn launch(
    (product, tuning): (Product, Tuning),
    folder: &Path,
    address: SocketAddrV4,
    account: Option<Account>,
) -> Child {
    let mut server = match product {
        Product::MariaDb => maria::server(tuning, folder, address, command(account, &maria::program())),
        Product::Postgres => {
            postgres::server(tuning, folder, address, command(account, &postgres::program("postgres")))
        }
    };
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).expect("a log");
    server.stdin(Stdio::null()).stdout(log.try_clone().expect("twice")).stderr(log);
    server.spawn().unwrap_or_else(|error| panic!("{product:?} does not start: {error}; run `make deps`"))
}

/// A program, run by somebody who is not root.
fn command(account: Option<Account>, program: &Path) -> Command {
    let Some(Account { user, group }) = account else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups").arg(program);
    // Root's home is not theirs.
    command.env("HOME", "/nonexistent").current_dir("/");
    command
}

impl Account {
    /// None when this process is not root's anyway.
    fn unprivileged() -> Option<Account> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let id = |flag| {
            let told = Command::new("id").args([flag, "nobody"]).output().expect("id runs").stdout;
            String::from_utf8_lossy(&told).trim().parse().expect("nobody has an id")
        };
        Some(Account { user: id("-u"), group: id("-g") })
    }
}

/// An address that belongs to this process alone, so that its ports need not be looked for.
fn free_address() -> SocketAddrV4 {
    const FIRST_PORT: u16 = 24_000;
    static NEXT: AtomicU16 = AtomicU16::new(FIRST_PORT);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let address = Ipv4Addr::new(127, 128 | (high & 127), middle, low);
    SocketAddrV4::new(address, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Waits for what is asynchronous, on whatever thread it is asked.
fn on_thread(work: impl Future<Output = ()> + Send + 'static) {
    let thread = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(work);
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}
