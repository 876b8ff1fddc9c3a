//! A node: the services that this process runs, put together from their parts and stopped in order.
//!
//! Whatever a service needs and this process does not run it reaches over gRPC at the topology's address, so one set of
//! constructors serves `allin up` (everything) and `allin run` (a pod's worth).

mod edge;
mod genesis;
mod lead;
mod listeners;
pub mod live;
mod remote;
mod spot;
mod trim;
mod web;

use std::collections::BTreeSet;
use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::demo::{self, DemoSection};
use allin_cluster::etcd::Lease;
use allin_exchange::health::Health;
use allin_exchange::service::{Running, Starting, bind};
use allin_runtime::auth::InternalToken;
use allin_runtime::config::{
    Addressing, Deployment, HealthListen, HealthSection, Listen, NodeSection, Settings, StoreSection, TelemetrySection,
};
use allin_runtime::registry::Registration;
use allin_runtime::shard::Shard;
use allin_runtime::telemetry;
use allin_topology::{DEMO, GATEWAY};
use live::Live;
use tokio::signal::unix::{SignalKind, signal};

pub use edge::{RunFile, remove_run_file};
pub use listeners::Listeners;
pub use spot::SHARD;
pub use trim::{Consumer, consumers, last_of};

pub type Failure = Box<dyn Error + Send + Sync>;

/// Between two rounds of tidying up the metrics.
const METRICS_TIDY: Duration = Duration::from_secs(5);
/// Between two tries of what needs another process.
const RETRY_WAIT: Duration = Duration::from_millis(500);
const HEALTH: &str = "health";
const NEEDS: &str = "needs";

/// What a process is to be.
#[derive(Default)]
pub struct Roles {
    /// Names of the services to run.
    pub services: BTreeSet<&'static str>,
    /// Whether the gateway runs, in front of them or of other processes'.
    pub gateway: bool,
    /// Whether the demonstration's maker runs, if there is a demonstration.
    pub maker: bool,
    /// Whether it belongs to a demonstration, where the settings do not switch that off.
    pub demo: bool,
    /// Whether it has a health port of its own: it is one of several processes.
    pub apart: bool,
    /// The process that looks after it.
    pub supervisor: Option<u32>,
}

/// What a node is made of.
pub struct Plan {
    pub settings: Settings,
    pub deployment: Deployment,
    pub token: InternalToken,
    pub data: PathBuf,
    pub listen: Listen,
    pub instance: u8,
    pub addressing: Addressing,
    pub health: Arc<Health>,
    /// What changes while it runs.
    pub live: Arc<Live>,
    pub store: StoreSection,
    /// Names of the services to run.
    pub services: BTreeSet<&'static str>,
    pub gateway: bool,
    pub maker: bool,
    pub demo: bool,
    pub apart: bool,
    pub supervisor: Option<u32>,
}

/// A node at work.
pub struct Node {
    shard: Option<Shard>,
    /// What entitles the shard to lead, where others stand by.
    lease: Option<Lease>,
    /// Where this process's ports are, for others to find.
    registrations: Vec<Registration>,
    /// In the order of their start.
    services: Vec<Running>,
    /// Looks after what is needed of other processes.
    needs: Starting,
    health: Arc<Health>,
    /// Where the gateway is, told in the data folder as long as it serves.
    run_file: Option<(Option<edge::RunFileGuard>, RunFile)>,
}

impl Plan {
    /// Reads the settings; makes the data folder and the token where they are missing.
    pub fn new(settings: Settings, roles: Roles) -> Result<Plan, Failure> {
        let node: NodeSection = settings.section()?;
        let store: StoreSection = settings.section()?;
        let deployment = Deployment::new(&settings)?;
        std::fs::create_dir_all(&node.data).map_err(|error| {
            settings.refuse("node.data".into(), format!("cannot make {}: {error}", node.data.display()))
        })?;
        let token = match InternalToken::parse(&node.token.0) {
            Some(token) => token,
            None => InternalToken::open(&node.data)?,
        };
        let token = token.held_by(first_name(roles.gateway, &roles.services));
        let grace = Duration::from_millis(settings.section::<HealthSection>()?.need_lost_ms);
        let health = Health::new(grace, token.clone(), || telemetry::metrics().render());
        let live = Arc::new(Live::new(&settings, &deployment)?);
        let Roles { services, gateway, maker, demo, apart, supervisor } = roles;
        let NodeSection { data, listen, instance, addressing, .. } = node;
        Ok(Plan {
            settings,
            deployment,
            token,
            data,
            listen,
            instance,
            addressing,
            health,
            live,
            store,
            services,
            gateway,
            maker,
            demo,
            apart,
            supervisor,
        })
    }

    pub fn runs(&self, service: &str) -> bool {
        self.services.contains(service) || (self.maker && service == DEMO)
    }

    /// Where this process serves a port of a service.
    pub fn address(&self, service: &str, port: u16) -> Result<SocketAddr, Failure> {
        let address = self.deployment.addresses.of_instance(service, port, self.instance);
        let key = format!("ports.\"{service}@{}.{port}\"", self.instance);
        address.ok_or_else(|| format!("say where instance {} listens: set {key}", self.instance).into())
    }

    /// Where a service keeps its tables: a file of its own, or the server of its domain.
    pub fn store_url(&self, service: &str) -> String {
        self.store.url_of(service, &self.data)
    }

    /// The name that tells this process's share of an address, its health port and its reports from others'.
    pub fn first_name(&self) -> &'static str {
        first_name(self.gateway, &self.services)
    }

    /// Tells this process from others among the reports: the same after a restart, where it is one of several.
    pub fn instance_name(&self) -> String {
        match self.apart {
            // A pod is one of any number, and has a name of its own.
            true if self.addressing == Addressing::Cluster => {
                std::env::var("HOSTNAME").unwrap_or_else(|_| self.first_name().to_owned())
            }
            true => format!("{}-{}", self.first_name(), self.instance),
            false => format!("{}", std::process::id()),
        }
    }
}

fn first_name(gateway: bool, services: &BTreeSet<&'static str>) -> &'static str {
    match (gateway, services.first()) {
        (true, _) => GATEWAY,
        (false, Some(first)) => first,
        (false, None) => DEMO,
    }
}

/// Starts a node, says `ready`, and runs it until a signal or a failure; then stops it in order.
pub fn run(settings: Settings, roles: Roles) -> Result<(), Failure> {
    telemetry::init(&settings.section::<TelemetrySection>()?)?;
    // Series that are made before there is a recorder would be lost.
    telemetry::metrics();
    let plan = Plan::new(settings, roles)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(plan))
}

async fn serve(plan: Plan) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    plan.health.install();
    let door = serve_health(&plan).await?;
    let mut node = Node::new(plan.health.clone());
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
            plan.health.started();
            announce(&plan, &node)?;
            tokio::select! {
                ended = node.ended() => Err(ended),
                _ = terminate.recv() => Ok(()),
                _ = interrupt.recv() => Ok(()),
            }
        }
    };
    tracing::info!("stopping");
    plan.health.stopping();
    let stopped = node.stop().await;
    // Last, so that whoever looks sees it stop.
    if let Some(door) = door {
        door.stop().await?;
    }
    ended.and(stopped)
}

/// The health port, where the process has one. It serves from before the first service starts until after the last.
async fn serve_health(plan: &Plan) -> Result<Option<Running>, Failure> {
    let config: HealthSection = plan.settings.section()?;
    let listen = config.listen().map_err(|invalid| plan.settings.refuse("health.listen".into(), invalid.reason))?;
    let address = match listen {
        HealthListen::On(address) => address,
        HealthListen::Auto if plan.apart => {
            let home = plan.deployment.addresses.home(plan.first_name(), plan.instance);
            SocketAddr::from((home.ok_or("every service has its address")?, config.port))
        }
        HealthListen::Auto | HealthListen::Off => return Ok(None),
    };
    let mut starting = Starting::new(HEALTH);
    let hint = |error| format!("{error}; set health.listen or health.port");
    starting.serve_http(bind(HEALTH, address).await.map_err(hint)?, plan.health.router())?;
    Ok(Some(starting.running()))
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
    plan.live.watch(&plan.settings, node)?;
    let mut listeners = Listeners::bind(plan)?;
    let doors = if plan.gateway { Some(edge::Doors::bind(plan).await?) } else { None };
    let domain = spot::start(plan, node, &mut listeners).await?;
    web::start(plan, node, &mut listeners, &domain).await?;
    if let Some(doors) = doors {
        edge::start(plan, node, &listeners, doors).await?;
    }
    if plan.maker {
        start_demo(plan, node, &domain).await?;
    }
    spot::start_monitor(plan, node, &mut listeners).await?;
    node.registrations = lead::register(&plan.settings, &listeners).await?;
    Ok(())
}

/// The house's capital and the maker, where this is a demonstration.
async fn start_demo(plan: &Plan, node: &mut Node, domain: &spot::Domain) -> Result<(), Failure> {
    let config: DemoSection = plan.settings.section()?;
    if !config.enabled {
        return Ok(());
    }
    let run = match &node.run_file {
        Some((_, run)) => run.clone(),
        None => edge::await_run_file(&plan.data).await?,
    };
    while let Err(error) = demo::ensure_house(&*domain.core.engine).await {
        if !plan.apart {
            return Err(error);
        }
        // The engine is of another process, and may be starting.
        tracing::warn!(%error, "cannot fund the house yet");
        tokio::time::sleep(RETRY_WAIT).await;
    }
    let maker = demo::start(config, run, plan.token.clone(), plan.data.clone(), plan.live.maker())?;
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
    fn new(health: Arc<Health>) -> Node {
        Node {
            shard: None,
            lease: None,
            registrations: vec![],
            services: vec![],
            needs: Starting::new(NEEDS),
            health,
            run_file: None,
        }
    }

    /// Takes a service in once it is ready.
    async fn add(&mut self, mut service: Running) -> Result<(), Failure> {
        self.health.watch(&service);
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
        self.registrations.clear();
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
        if let Some(lease) = self.lease.take() {
            lease.give_up().await;
        }
        outcome
    }
}
