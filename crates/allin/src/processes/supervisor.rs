//! All processes of an exchange: started together, told when all are ready, stopped in order.

use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Plan;
use super::child::{self, Handle, Order, Program, State};
use super::control::{Answer, Ask, Asked, Control, Row};
use super::roster::{Post, posts};
use crate::node::{Failure, RunFile, remove_run_file};

/// Where the logs are, in the data folder.
pub const LOGS: &str = "logs";
const LOCK: &str = "supervisor.lock";
/// A process that ends so often before all are ready keeps the exchange from starting.
const TRIES_MAX: u32 = 5;
/// Between two looks whether all are ready.
const LOOK: Duration = Duration::from_millis(20);
/// Longest wait for a process that is started again by hand.
const READY_MAX: Duration = Duration::from_secs(60);
/// What is shown of the log of a process that does not start.
const TAIL_LINES: usize = 5;

/// Runs until a signal, or until asked to stop.
pub async fn run(plan: Plan) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let _lock = lock(&plan.data)?;
    let control = Control::bind(&plan.data)?;
    remove_run_file(&plan.data)?;
    let posts = posts(&plan)?;
    let begun = Instant::now();
    let arguments = |post: &Post| -> Arc<[String]> {
        let own = ["run", "--local", "--supervisor", &std::process::id().to_string()].map(str::to_owned);
        let instance = ["--set".to_owned(), format!("node.instance={}", post.instance)];
        let name = [post.service.to_owned()];
        own.into_iter().chain(instance).chain(plan.arguments.iter().cloned()).chain(name).collect()
    };
    let path = std::env::current_exe()?;
    let keep = |post: Post| {
        let log = plan.data.join(LOGS).join(format!("{}.log", post.name()));
        let program = Program { path: path.clone(), arguments: arguments(&post), log };
        child::keep(post, program)
    };
    let handles: Vec<Handle> = posts.into_iter().map(keep).collect();
    let mut all_ready = false;
    let mut looks = tokio::time::interval(LOOK);
    let ended = loop {
        tokio::select! {
            _ = terminate.recv() => break Ok(None),
            _ = interrupt.recv() => break Ok(None),
            asked = control.next() => {
                if let Some(stream) = answer(&handles, asked).await {
                    break Ok(Some(stream));
                }
            }
            _ = looks.tick(), if !all_ready => {
                if let Some(failure) = handles.iter().find_map(never_starts) {
                    break Err(failure);
                }
                if handles.iter().all(|handle| handle.status.borrow().ready) {
                    all_ready = true;
                    announce(&plan, &handles, begun.elapsed())?;
                }
            }
        }
    };
    tracing::info!("stopping");
    stop(handles).await;
    remove_run_file(&plan.data)?;
    // Whoever asked for it sees the connection close now.
    ended.map(drop)
}

/// Holds the data folder as long as it lives.
fn lock(data: &Path) -> Result<File, Failure> {
    let path = data.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| format!("{}: another `allin up --processes` runs with this --data", path.display()))?;
    Ok(file)
}

/// Why there is no sense in waiting for a process.
fn never_starts(handle: &Handle) -> Option<Failure> {
    let status = handle.status.borrow();
    if status.restarts < TRIES_MAX {
        return None;
    }
    let text = fs::read_to_string(&handle.log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
    let ended = status.ended.as_deref().unwrap_or("not yet");
    let (name, log) = (handle.post.name(), handle.log.display());
    Some(format!("{name} ended {} times ({ended}); the end of {log}:\n{tail}", status.restarts).into())
}

/// Those that depend on others before those.
async fn stop(handles: Vec<Handle>) {
    let last = handles.iter().map(|handle| handle.post.stage).max().unwrap_or(0);
    for stage in (0..=last).rev() {
        let those = handles.iter().filter(|handle| handle.post.stage == stage);
        let ends = those.map(|handle| async {
            // One that stopped by itself takes no orders any more.
            let _ = handle.orders.send(Order::Stop).await;
            let _ = handle.status.clone().wait_for(|status| status.state == State::Stopped).await;
        });
        futures::future::join_all(ends).await;
    }
}

/// Answers a question; gives back the connection of whoever asked to stop.
async fn answer(handles: &[Handle], asked: Asked) -> Option<UnixStream> {
    match asked.ask.clone() {
        Ask::Stop => return Some(asked.answer(&Answer::Done).await),
        Ask::Ps => drop(asked.answer(&Answer::Processes(handles.iter().map(row).collect())).await),
        Ask::Restart { service } => {
            let those: Vec<Handle> = handles.iter().filter(|handle| named(handle, &service)).cloned().collect();
            if those.is_empty() {
                let known: Vec<String> = handles.iter().map(|handle| handle.post.name()).collect();
                let refused = format!("{service} does not run here; there are {}", known.join(", "));
                drop(asked.answer(&Answer::Refused(refused)).await);
            } else {
                tokio::spawn(async move { drop(asked.answer(&restart(those).await).await) });
            }
        }
    }
    None
}

/// By the name of the service, or of one of its instances.
fn named(handle: &Handle, name: &str) -> bool {
    handle.post.service == name || handle.post.name() == name
}

/// One after the other, so that of several instances one serves all the time.
async fn restart(those: Vec<Handle>) -> Answer {
    for Handle { post, orders, mut status, .. } in those {
        let name = post.name();
        let (gone, is_gone) = oneshot::channel();
        if orders.send(Order::Restart(gone)).await.is_err() || is_gone.await.is_err() {
            return Answer::Refused(format!("{name} has stopped"));
        }
        // It stopped being so before it was gone.
        let again = status.wait_for(|now| now.ready);
        if !matches!(tokio::time::timeout(READY_MAX, again).await, Ok(Ok(_))) {
            return Answer::Refused(format!("{name} was started again, and is not ready yet"));
        }
    }
    Answer::Done
}

fn row(handle: &Handle) -> Row {
    let status = handle.status.borrow().clone();
    Row {
        service: handle.post.service.to_owned(),
        instance: handle.post.instance,
        pid: status.pid,
        state: status.state,
        ready: status.ready,
        uptime_s: status.pid.map_or(0, |_| status.started.elapsed().as_secs()),
        restarts: status.restarts,
        health: handle.post.health.to_string(),
        addresses: handle.post.addresses.iter().map(ToString::to_string).collect(),
        log: handle.log.clone(),
        ended: status.ended,
    }
}

/// Prints where everything is, and the line that scripts wait for.
fn announce(plan: &Plan, handles: &[Handle], took: Duration) -> Result<(), Failure> {
    let mut text = String::new();
    for handle in handles {
        let addresses: Vec<String> = handle.post.addresses.iter().map(ToString::to_string).collect();
        let shown = if addresses.is_empty() { "-".to_owned() } else { addresses.join(" ") };
        text.push_str(&format!("{:<28} {shown}\n", handle.post.name()));
    }
    let run = RunFile::read(&plan.data)?;
    text.push_str(&format!("{:<28} http://{}\n{:<28} http://{}\n", "public", run.public, "internal", run.internal));
    if let Some(tls) = run.tls {
        text.push_str(&format!("{:<28} https://{tls}\n", "public, TLS"));
    }
    text.push_str(&format!("{:<28} {}\n", "data", plan.data.display()));
    text.push_str(&format!("{:<28} {}\n", "logs", plan.data.join(LOGS).display()));
    text.push_str(&format!("{:<28} {}\n", "token", plan.data.join("internal.token").display()));
    text.push_str(&format!("ready: {} processes in {} ms\n", handles.len(), took.as_millis()));
    crate::print(&text)?;
    Ok(())
}
