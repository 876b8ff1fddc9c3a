//! One process: started, watched, started again when it ends, stopped when told.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, sleep, timeout};

use super::probe;
use super::roster::Post;

/// Before a process that ended is started again: doubled each time, up to the last; who lived longer begins anew.
const BACK_OFF: Duration = Duration::from_millis(100);
const BACK_OFF_MAX: Duration = Duration::from_secs(10);
const LIVED: Duration = Duration::from_secs(10);
/// Between two looks at its health, before it is ready and after.
const LOOK_SOON: Duration = Duration::from_millis(50);
const LOOK: Duration = Duration::from_millis(500);
/// A process that does not stop in order by then is killed.
const STOP_MAX: Duration = Duration::from_secs(25);
/// How a process ends that ends well.
const CLEAN: &str = "exit status: 0";
/// A log file that is larger when a process starts is put aside, in the place of the one before it.
const LOG_BYTES_MAX: u64 = 64 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Starting,
    /// It was ready once, in this life.
    Running,
    /// It ended, and waits to be started again.
    Waiting,
    Stopping,
    Stopped,
}

/// How a process is doing.
#[derive(Debug, Clone)]
pub struct Status {
    pub state: State,
    pub pid: Option<u32>,
    pub started: Instant,
    /// Lives before this one.
    pub restarts: u32,
    pub ready: bool,
    /// How its last life ended.
    pub ended: Option<String>,
}

/// What a process is told.
pub enum Order {
    /// In order, and again at once; says when it is gone.
    Restart(oneshot::Sender<()>),
    /// In order, for good.
    Stop,
}

/// How to start it.
pub struct Program {
    pub path: PathBuf,
    pub arguments: Arc<[String]>,
    pub log: PathBuf,
}

/// The hold on a process's keeper.
#[derive(Clone)]
pub struct Handle {
    pub post: Post,
    pub status: watch::Receiver<Status>,
    pub orders: mpsc::Sender<Order>,
    pub log: PathBuf,
}

/// Starts a process, and keeps it running until it is told to stop.
pub fn keep(post: Post, program: Program) -> Handle {
    let (tell, status) = watch::channel(Status {
        state: State::Starting,
        pid: None,
        started: Instant::now(),
        restarts: 0,
        ready: false,
        ended: None,
    });
    let (orders, taken) = mpsc::channel(4);
    let log = program.log.clone();
    let keeper = Keeper { post: post.clone(), program, status: tell, orders: taken, wait: BACK_OFF };
    tokio::spawn(keeper.run());
    Handle { post, status, orders, log }
}

struct Keeper {
    post: Post,
    program: Program,
    status: watch::Sender<Status>,
    orders: mpsc::Receiver<Order>,
    wait: Duration,
}

/// A process that lives. Its number is its own until its end was waited for.
struct Process {
    pid: u32,
    end: JoinHandle<std::io::Result<ExitStatus>>,
    ended: Option<String>,
}

impl Process {
    /// Started by this thread: its end would be the end of what it started.
    fn start(command: &mut Command) -> std::io::Result<Process> {
        let mut child = command.spawn()?;
        let pid = child.id();
        Ok(Process { pid, end: tokio::task::spawn_blocking(move || child.wait()), ended: None })
    }

    /// Waits for the end, and says how it was.
    async fn wait(&mut self) -> &str {
        if self.ended.is_none() {
            let how = match (&mut self.end).await {
                Ok(Ok(status)) => status.to_string(),
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            self.ended = Some(how);
        }
        self.ended.as_deref().unwrap_or_default()
    }

    fn signal(&self, signal: Signal) {
        if let (None, Some(id)) = (&self.ended, Pid::from_raw(self.pid.cast_signed())) {
            // It may end at this very moment.
            let _ = kill_process(id, signal);
        }
    }
}

/// How a life ended.
enum Ended {
    ByItself(String),
    /// As ordered; again at once, or not.
    Ordered {
        again: bool,
    },
}

impl Keeper {
    async fn run(mut self) {
        let name = self.post.name();
        loop {
            let begun = Instant::now();
            let ended = match self.spawn() {
                Ok(process) => self.life(process).await,
                Err(error) => Ended::ByItself(format!("cannot start it: {error}")),
            };
            let told = match &ended {
                Ended::ByItself(how) => how.clone(),
                Ended::Ordered { .. } => "as ordered".to_owned(),
            };
            self.status.send_modify(|status| {
                (status.pid, status.ready, status.ended) = (None, false, Some(told.clone()));
                status.state = State::Waiting;
            });
            match ended {
                Ended::Ordered { again: false } => break,
                Ended::Ordered { again: true } => {}
                Ended::ByItself(how) => {
                    if begun.elapsed() > LIVED {
                        self.wait = BACK_OFF;
                    }
                    tracing::warn!(
                        process = name,
                        how,
                        wait_ms = self.wait.as_millis(),
                        "a process ended; starts it again"
                    );
                    if !self.back_off().await {
                        break;
                    }
                    self.wait = (self.wait * 2).min(BACK_OFF_MAX);
                }
            }
            self.status.send_modify(|status| {
                status.state = State::Starting;
                status.restarts += 1;
            });
        }
        self.status.send_modify(|status| status.state = State::Stopped);
    }

    /// Waits before the next life; false when there is to be none.
    async fn back_off(&mut self) -> bool {
        tokio::select! {
            () = sleep(self.wait) => true,
            order = self.orders.recv() => match order {
                Some(Order::Restart(gone)) => {
                    // Whoever asked may have left.
                    let _ = gone.send(());
                    true
                }
                Some(Order::Stop) | None => false,
            },
        }
    }

    fn spawn(&self) -> std::io::Result<Process> {
        let log = open_log(&self.program.log)?;
        let mut command = Command::new(&self.program.path);
        command.args(&self.program.arguments[..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = Process::start(&mut command)?;
        self.status.send_modify(|status| {
            (status.pid, status.started, status.ready) = (Some(process.pid), Instant::now(), false);
            status.state = State::Starting;
        });
        Ok(process)
    }

    async fn life(&mut self, mut process: Process) -> Ended {
        let mut looks = tokio::time::interval(LOOK_SOON);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let order = tokio::select! {
                ended = process.wait() => return Ended::ByItself(ended.to_owned()),
                order = self.orders.recv() => order,
                _ = looks.tick() => {
                    let ready = probe::is_ready(self.post.health).await;
                    if ready != self.status.borrow().ready {
                        looks = tokio::time::interval_at(Instant::now() + LOOK, if ready { LOOK } else { LOOK_SOON });
                        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                    }
                    self.status.send_modify(|status| {
                        status.ready = ready;
                        if ready {
                            status.state = State::Running;
                        }
                    });
                    continue;
                }
            };
            self.status.send_modify(|status| (status.state, status.ready) = (State::Stopping, false));
            self.end(&mut process).await;
            return match order {
                Some(Order::Restart(gone)) => {
                    // Whoever asked may have left.
                    let _ = gone.send(());
                    Ended::Ordered { again: true }
                }
                Some(Order::Stop) | None => Ended::Ordered { again: false },
            };
        }
    }

    /// In order if it can, else with force.
    async fn end(&self, process: &mut Process) {
        process.signal(Signal::TERM);
        match timeout(STOP_MAX, process.wait()).await {
            Ok(CLEAN) => {}
            Ok(how) => tracing::warn!(process = self.post.name(), how, "did not stop in order"),
            Err(_) => {
                tracing::warn!(process = self.post.name(), "does not stop; kills it");
                process.signal(Signal::KILL);
                process.wait().await;
            }
        }
    }
}

fn open_log(path: &Path) -> std::io::Result<File> {
    if fs::metadata(path).is_ok_and(|known| known.len() > LOG_BYTES_MAX) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}
