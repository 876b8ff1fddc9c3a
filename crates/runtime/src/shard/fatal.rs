//! The end that must not be missed: a failed sync, a digest that differs, a panic of our own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::inbox::Inbox;
use super::progress::Progress;

/// Called once, with the reason. The default logs it and aborts the process.
pub type OnFatal = Arc<dyn Fn(&str) + Send + Sync>;

/// Logs and aborts: what was not acknowledged stays so, and the next start finds out what is on the disk.
pub fn abort_on_fatal() -> OnFatal {
    Arc::new(|_reason| std::process::abort())
}

#[derive(Clone)]
pub(super) struct Fatal {
    hook: OnFatal,
    raised: Arc<AtomicBool>,
    progress: Arc<Progress>,
    inbox: Arc<Inbox>,
}

impl Fatal {
    pub fn new(hook: OnFatal, progress: Arc<Progress>, inbox: Arc<Inbox>) -> Fatal {
        Fatal { hook, raised: Arc::default(), progress, inbox }
    }

    pub fn raise(&self, reason: &str) {
        if self.raised.swap(true, Ordering::AcqRel) {
            return;
        }
        tracing::error!(reason, "the shard cannot go on");
        self.progress.update(|logged| logged.failed = true);
        self.inbox.close();
        (self.hook)(reason);
    }

    /// Raised when the thread that holds it panics.
    pub fn guard(&self, thread: &'static str) -> PanicGuard {
        PanicGuard { fatal: self.clone(), thread }
    }
}

pub(super) struct PanicGuard {
    fatal: Fatal,
    thread: &'static str,
}

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.fatal.raise(&format!("the thread {} panicked", self.thread));
        }
    }
}
