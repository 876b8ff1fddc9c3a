//! What every role shares: a listener, readiness, tasks, and an orderly stop.
//!
//! A role's `start` makes a [`Starting`], spawns its tasks and servers on it, and gives back the [`Running`]:
//! `Starting::new(NAME)` → `spawn`/`serve_http`/`serve_grpc` → `running()` → `ready()` → `stop()`.

use std::{future::Future, net::SocketAddr, time::Duration};

use axum::serve::ListenerExt;
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::guard::{GrpcPort, Guard, Guarded};

/// How long a stop waits for open requests and tasks before it cuts them off.
pub const STOP_WAIT_MAX: Duration = Duration::from_secs(10);

/// Why a service did not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The address is taken or not ours.
    #[error("{name}: cannot listen on {address}: {error}")]
    Listen {
        name: &'static str,
        address: SocketAddr,
        #[source]
        error: std::io::Error,
    },
    /// A task of the service ended with an error.
    #[error("{name}: {message}")]
    Failed { name: &'static str, message: String },
}

impl ServiceError {
    pub fn failed(name: &'static str, error: impl std::fmt::Display) -> ServiceError {
        ServiceError::Failed { name, message: error.to_string() }
    }
}

/// Binds an address; port 0 gives a free one.
pub async fn bind(name: &'static str, address: SocketAddr) -> Result<TcpListener, ServiceError> {
    TcpListener::bind(address).await.map_err(|error| ServiceError::Listen { name, address, error })
}

/// A port of a service: bound already, or not served by this process (`node.listen = "off"`).
pub type Port = Option<TcpListener>;

/// Tells a task that its service stops.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Returns once the service is to stop.
    pub async fn wait(&mut self) {
        // A dropped sender means that nobody holds the service any more.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }
}

/// Lets a task say that it serves (has caught up, is connected).
#[derive(Clone, Debug)]
pub struct Readiness(watch::Sender<bool>);

impl Readiness {
    /// Of somebody for whom nobody waits.
    pub fn unheeded() -> Readiness {
        Readiness(watch::channel(false).0)
    }

    pub fn set(&self, ready: bool) {
        self.0.send_if_modified(|now| std::mem::replace(now, ready) != ready);
    }
}

/// A service in the making.
pub struct Starting {
    name: &'static str,
    stop: watch::Sender<bool>,
    ready: watch::Sender<bool>,
    ready_is_ours: bool,
    addresses: Vec<SocketAddr>,
    tasks: JoinSet<Result<(), ServiceError>>,
}

impl Starting {
    pub fn new(name: &'static str) -> Starting {
        Starting {
            name,
            stop: watch::channel(false).0,
            ready: watch::channel(false).0,
            ready_is_ours: true,
            addresses: Vec::new(),
            tasks: JoinSet::new(),
        }
    }

    pub fn stopping(&self) -> Stopping {
        Stopping(self.stop.subscribe())
    }

    /// Takes readiness into the caller's hands; without it the service is ready from [`Starting::running`] on.
    pub fn readiness(&mut self) -> Readiness {
        self.ready_is_ours = false;
        Readiness(self.ready.clone())
    }

    /// A task that ends soon after [`Stopping`]; ending earlier with an error ends the service.
    pub fn spawn(&mut self, task: impl Future<Output = Result<(), ServiceError>> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Serves HTTP on a bound listener.
    pub fn serve_http(&mut self, listener: TcpListener, router: axum::Router) -> Result<SocketAddr, ServiceError> {
        let address = self.listens(&listener)?;
        let (name, mut stopping) = (self.name, self.stopping());
        self.spawn(async move {
            // Small answers must not wait for the peer's delayed acknowledgement.
            let listener = listener.tap_io(|io| {
                let _ = io.set_nodelay(true);
            });
            axum::serve(listener, router)
                .with_graceful_shutdown(async move { stopping.wait().await })
                .await
                .map_err(|error| ServiceError::failed(name, error))
        });
        Ok(address)
    }

    /// Serves gRPC on a bound listener, if the port is to be served, to those who show a pass for it.
    pub fn serve_grpc(&mut self, port: GrpcPort, server: Server, routes: Routes) -> Result<(), ServiceError> {
        let Some(Guarded { listener, verifier }) = port else { return Ok(()) };
        self.listens(&listener)?;
        let (name, mut stopping) = (self.name, self.stopping());
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let routes = self.with_health(routes);
        let router = server.layer(Guard(verifier)).add_routes(routes);
        self.spawn(async move {
            router
                .serve_with_incoming_shutdown(incoming, async move { stopping.wait().await })
                .await
                .map_err(|error| ServiceError::failed(name, error))
        });
        Ok(())
    }

    /// Adds the health service, which tells the service's readiness.
    pub fn with_health(&mut self, routes: Routes) -> Routes {
        let (reporter, health) = tonic_health::server::health_reporter();
        self.spawn(report_health(reporter, self.ready.subscribe(), self.stopping()));
        routes.add_service(health)
    }

    /// The service runs; [`Running::ready`] tells when it serves.
    pub fn running(self) -> Running {
        if self.ready_is_ours {
            self.ready.send_replace(true);
        }
        let ready = self.ready.subscribe();
        let stop = self.stop.clone();
        let addresses = self.addresses.clone();
        let name = self.name;
        Running { name, addresses, stop, ready, supervisor: Some(tokio::spawn(supervise(self))) }
    }

    /// Notes where a listener is that the service serves by itself.
    pub fn listens(&mut self, listener: &TcpListener) -> Result<SocketAddr, ServiceError> {
        let address = listener.local_addr().map_err(|error| ServiceError::failed(self.name, error))?;
        self.addresses.push(address);
        Ok(address)
    }
}

/// Tells the health service what the service's readiness is, as long as it runs.
async fn report_health(
    reporter: HealthReporter,
    mut ready: watch::Receiver<bool>,
    mut stopping: Stopping,
) -> Result<(), ServiceError> {
    loop {
        let status = if *ready.borrow_and_update() { ServingStatus::Serving } else { ServingStatus::NotServing };
        // The empty name is the whole server's.
        reporter.set_service_status("", status).await;
        tokio::select! {
            Ok(()) = ready.changed() => {}
            () = stopping.wait() => break,
            else => break,
        }
    }
    reporter.set_service_status("", ServingStatus::NotServing).await;
    Ok(())
}

/// Waits for the tasks; the first failure stops the others.
async fn supervise(mut service: Starting) -> Result<(), ServiceError> {
    let mut stopping = service.stopping();
    let mut outcome = Ok(());
    while !stopping.is_set() {
        let ended = tokio::select! {
            () = stopping.wait() => break,
            Some(ended) = service.tasks.join_next() => ended,
            else => break,
        };
        let ended = ended.unwrap_or_else(|error| Err(ServiceError::failed(service.name, error)));
        if ended.is_err() {
            service.ready.send_replace(false);
            service.stop.send_replace(true);
            outcome = ended;
        }
    }
    let rest = async {
        while let Some(ended) = service.tasks.join_next().await {
            let ended = ended.unwrap_or_else(|error| Err(ServiceError::failed(service.name, error)));
            if outcome.is_ok() {
                outcome = ended;
            }
        }
    };
    if tokio::time::timeout(STOP_WAIT_MAX, rest).await.is_err() {
        tracing::warn!(service = service.name, "cut off what was still open at the stop");
    }
    service.tasks.shutdown().await;
    outcome
}

/// A service that runs. Dropping it tells it to stop, without waiting.
pub struct Running {
    name: &'static str,
    addresses: Vec<SocketAddr>,
    stop: watch::Sender<bool>,
    ready: watch::Receiver<bool>,
    /// None once it was waited for to the end.
    supervisor: Option<JoinHandle<Result<(), ServiceError>>>,
}

impl Running {
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it listens, in the order in which its servers were added.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub fn is_ready(&self) -> bool {
        *self.ready.borrow() && self.supervisor.as_ref().is_some_and(|s| !s.is_finished())
    }

    /// For whoever watches the service without holding it.
    pub fn watch(&self) -> RunningWatch {
        RunningWatch(self.ready.clone())
    }

    /// Returns once the service serves, or with the reason why it never will.
    pub async fn ready(&mut self) -> Result<(), ServiceError> {
        let mut ready = self.ready.clone();
        tokio::select! {
            biased;
            Ok(_) = ready.wait_for(|ready| *ready) => Ok(()),
            ended = self.ended() => {
                ended.and(Err(ServiceError::failed(self.name, "ended before it was ready")))
            }
        }
    }

    /// Waits for the service to end by itself, which is a failure unless it was told to stop.
    pub async fn ended(&mut self) -> Result<(), ServiceError> {
        let Some(supervisor) = &mut self.supervisor else {
            return Err(ServiceError::failed(self.name, "has ended before"));
        };
        let ended = supervisor.await;
        self.supervisor = None;
        ended.unwrap_or_else(|error| Err(ServiceError::failed(self.name, error)))
    }

    /// Refuses new work, finishes what is open (for at most [`STOP_WAIT_MAX`]), and ends.
    pub async fn stop(mut self) -> Result<(), ServiceError> {
        self.stop.send_replace(true);
        self.ended().await
    }
}

/// Sees how a service is doing.
#[derive(Clone, Debug)]
pub struct RunningWatch(watch::Receiver<bool>);

impl RunningWatch {
    pub fn is_ready(&self) -> bool {
        *self.0.borrow() && !self.has_ended()
    }

    /// Whether all of its tasks are over.
    pub fn has_ended(&self) -> bool {
        self.0.has_changed().is_err()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
