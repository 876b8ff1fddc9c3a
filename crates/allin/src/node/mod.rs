//! A node: the services that this process runs, put together from their parts and stopped in order.
//!
//! Whatever a service needs and this process does not run it reaches over gRPC at the topology's address, so one set of
//! constructors serves `allin up` (everything) and `allin run` (a pod's worth).

mod edge;
mod genesis;
mod listeners;
mod remote;
mod spot;
mod web;

use std::collections::BTreeSet;
use std::error::Error;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use crate::demo::{self, DemoSection};
use allin_exchange::service::Running;
use allin_runtime::auth::InternalToken;
use allin_runtime::config::{Deployment, Listen, NodeSection, Settings, StoreSection, TelemetrySection};
use allin_runtime::shard::Shard;
use allin_runtime::telemetry;
use tokio::signal::unix::{SignalKind, signal};

pub use edge::RunFile;
pub use listeners::Listeners;

pub type Failure = Box<dyn Error + Send + Sync>;

/// Between two rounds of tidying up the metrics.
const METRICS_TIDY: Duration = Duration::from_secs(5);

/// What a node is made of.
pub struct Plan {
    pub settings: Settings,
    pub deployment: Deployment,
    pub token: InternalToken,
    pub data: PathBuf,
    pub listen: Listen,
    pub store: StoreSection,
    /// Names of the services to run.
    pub services: BTreeSet<&'static str>,
    /// Whether the gateway runs in front of them.
    pub gateway: bool,
}

/// A node at work.
#[derive(Default)]
pub struct Node {
    shard: Option<Shard>,
    /// In the order of their start.
    services: Vec<Running>,
    /// Where the gateway is, told in the data folder as long as it serves.
    run_file: Option<(edge::RunFileGuard, RunFile)>,
}

impl Plan {
    /// Reads the settings; makes the data folder and the token where they are missing.
    pub fn new(settings: Settings, services: BTreeSet<&'static str>, gateway: bool) -> Result<Plan, Failure> {
        let node: NodeSection = settings.section()?;
        let store: StoreSection = settings.section()?;
        let deployment = Deployment::new(&settings)?;
        std::fs::create_dir_all(&node.data).map_err(|error| {
            settings.refuse("node.data".into(), format!("cannot make {}: {error}", node.data.display()))
        })?;
        let token = InternalToken::open(&node.data)?;
        Ok(Plan { settings, deployment, token, data: node.data, listen: node.listen, store, services, gateway })
    }

    pub fn runs(&self, service: &str) -> bool {
        self.services.contains(service)
    }

    /// Where a service keeps its tables: a file of its own, or the server of its domain.
    pub fn store_url(&self, service: &str) -> String {
        self.store.url_of(service, &self.data)
    }
}

/// Starts a node, says `ready`, and runs it until a signal or a failure; then stops it in order.
pub fn run(settings: Settings, services: BTreeSet<&'static str>, gateway: bool) -> Result<(), Failure> {
    telemetry::init(&settings.section::<TelemetrySection>()?)?;
    // Series that are made before there is a recorder would be lost.
    telemetry::metrics();
    let plan = Plan::new(settings, services, gateway)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(plan))
}

async fn serve(plan: Plan) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut node = Node::default();
    tokio::spawn(tidy_metrics());
    let started = tokio::select! {
        started = start(&plan, &mut node) => Some(started),
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
    };
    let ended = match started {
        None => Ok(()),
        Some(Err(error)) => Err(error),
        Some(Ok(())) => {
            announce(&plan, &node)?;
            tokio::select! {
                ended = node.ended() => Err(ended),
                _ = terminate.recv() => Ok(()),
                _ = interrupt.recv() => Ok(()),
            }
        }
    };
    tracing::info!("stopping");
    let stopped = node.stop().await;
    ended.and(stopped)
}

/// Nobody may ever read this process's metrics; samples must not pile up all the same.
async fn tidy_metrics() {
    let mut rounds = tokio::time::interval(METRICS_TIDY);
    loop {
        rounds.tick().await;
        telemetry::metrics().tidy_up();
    }
}

/// Starts what the plan asks for, each service after those it needs.
async fn start(plan: &Plan, node: &mut Node) -> Result<(), Failure> {
    let mut listeners = Listeners::bind(plan).await?;
    let doors = if plan.gateway { Some(edge::Doors::bind(plan).await?) } else { None };
    let domain = spot::start(plan, node, &mut listeners).await?;
    web::start(plan, node, &mut listeners, &domain).await?;
    if let Some(doors) = doors {
        edge::start(plan, node, &listeners, doors).await?;
        start_demo(plan, node, &domain).await?;
    }
    spot::start_monitor(plan, node, &mut listeners).await
}

/// The house's capital and the maker, where this is a demonstration.
async fn start_demo(plan: &Plan, node: &mut Node, domain: &spot::Domain) -> Result<(), Failure> {
    let config: DemoSection = plan.settings.section()?;
    let Some((_, run)) = node.run_file.as_ref().filter(|_| config.enabled) else { return Ok(()) };
    demo::ensure_house(&*domain.core.engine).await?;
    let maker = demo::start(config, run.clone(), plan.token.clone(), plan.data.clone())?;
    node.add(maker).await
}

/// Prints where everything is, and the line that scripts wait for.
fn announce(plan: &Plan, node: &Node) -> Result<(), Failure> {
    let mut text = String::new();
    let named: Vec<&Running> = node.services.iter().filter(|service| plan.runs(service.name())).collect();
    for service in &named {
        let addresses: Vec<String> = service.addresses().iter().map(ToString::to_string).collect();
        let shown = if addresses.is_empty() { "-".to_owned() } else { addresses.join(" ") };
        text.push_str(&format!("{:<28} {shown}\n", service.name()));
    }
    if let Some((_, run)) = &node.run_file {
        text.push_str(&format!("{:<28} http://{}\n{:<28} http://{}\n", "public", run.public, "internal", run.internal));
        if let Some(tls) = run.tls {
            text.push_str(&format!("{:<28} https://{tls}\n", "public, TLS"));
        }
    }
    text.push_str(&format!("{:<28} {}\n", "data", plan.data.display()));
    text.push_str(&format!("{:<28} {}\n", "token", plan.data.join("internal.token").display()));
    text.push_str(&format!("ready: {} services\n", named.len()));
    crate::print(&text)?;
    Ok(())
}

impl Node {
    /// Takes a service in once it is ready.
    async fn add(&mut self, mut service: Running) -> Result<(), Failure> {
        service.ready().await?;
        self.services.push(service);
        Ok(())
    }

    /// Returns when a service ends by itself, with the reason.
    async fn ended(&mut self) -> Failure {
        let ends = self.services.iter_mut().map(|service| {
            let name = service.name();
            let end: std::pin::Pin<Box<dyn Future<Output = Failure> + Send + '_>> = Box::pin(async move {
                match service.ended().await {
                    Err(error) => error.into(),
                    Ok(()) => format!("{name} ended by itself").into(),
                }
            });
            end
        });
        futures::future::select_all(ends).await.0
    }

    /// Stops the services against the order of their start, and the shard last, so that its log ends whole.
    async fn stop(mut self) -> Result<(), Failure> {
        let mut outcome = Ok(());
        self.run_file = None;
        while let Some(service) = self.services.pop() {
            let name = service.name();
            if let Err(error) = service.stop().await {
                tracing::warn!(service = name, %error, "did not stop in order");
                outcome = outcome.and(Err(error.into()));
            }
        }
        if let Some(shard) = self.shard.take() {
            tokio::task::spawn_blocking(move || shard.stop()).await?;
        }
        outcome
    }
}
