//! The gateway of an all-in-one: its listeners, the services behind it, and `run.json`, which tells tools where it is.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use allin_edge::{GatewaySection, Handles, Resolver, TlsListen, tls};
use allin_exchange::service::bind;
use allin_runtime::config::{Deployment, Invalid, Section};
use allin_runtime::telemetry;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use super::{Failure, Listeners, Node, Plan};
use crate::demo::DemoSection;
use crate::{files, registry};

const GATEWAY: &str = "gateway";
/// Whom the load balancer passes through to.
const WEB_SITE: (&str, u16) = ("morph-awf-spa", 8080);
/// In the data folder, while the gateway serves.
const RUN_FILE: &str = "run.json";
/// Between two looks for it.
const RUN_FILE_WAIT: Duration = Duration::from_millis(50);
/// Between the ports of two gateways.
const PORT_STEP: u16 = 100;

/// Ports that the gateway needs even where internal ports are not served.
pub const SERVED: [(&str, u16); 4] = [
    ("landry-userserver-web", 8080),
    ("landry-spotapi-web", 8080),
    ("landry-spotws-web", 8080),
    ("landry-ces-accesshttp", 8080),
];

/// Where a running all-in-one is. Keys are an interface: add, never rename.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFile {
    pub public: SocketAddr,
    pub internal: SocketAddr,
    #[serde(default)]
    pub tls: Option<SocketAddr>,
    pub pid: u32,
    pub public_domain: String,
    pub internal_domain: String,
    /// Whether its money is play money.
    pub demo: bool,
}

impl RunFile {
    /// What the running all-in-one of a data folder says of itself.
    pub fn read(data: &Path) -> Result<RunFile, Failure> {
        let path = data.join(RUN_FILE);
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}; is `allin up` running with this --data?", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    fn write(&self, data: &Path) -> Result<RunFileGuard, Failure> {
        let path = data.join(RUN_FILE);
        let beside = data.join("run.json.new");
        fs::write(&beside, format!("{}\n", serde_json::to_string(self)?))?;
        fs::rename(&beside, &path)?;
        Ok(RunFileGuard(path))
    }
}

/// Removes the file when the node stops.
pub struct RunFileGuard(PathBuf);

impl Drop for RunFileGuard {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "could not remove");
        }
    }
}

/// Waits for the gateway of another process to tell where it is.
pub async fn await_run_file(data: &Path) -> Result<RunFile, Failure> {
    while !data.join(RUN_FILE).exists() {
        tokio::time::sleep(RUN_FILE_WAIT).await;
    }
    RunFile::read(data)
}

/// Where the gateway was, when nothing of this data folder runs any more.
pub fn remove_run_file(data: &Path) -> std::io::Result<()> {
    match fs::remove_file(data.join(RUN_FILE)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Where ports are served: those of this process, and those of others at the topology's addresses.
struct Served(BTreeMap<(&'static str, u16), Vec<SocketAddr>>);

impl Served {
    fn new(plan: &Plan, listeners: &Listeners) -> Served {
        let mut all: BTreeMap<_, _> = listeners.addresses().iter().map(|(key, at)| (*key, vec![*at])).collect();
        let Deployment { topology, addresses, instances } = &plan.deployment;
        for name in registry::built().into_iter().filter(|name| !plan.runs(name)) {
            for port in topology.service(name).iter().flat_map(|service| &service.ports) {
                let nodes = (0..instances.of(name)).filter_map(|nth| addresses.of_instance(name, port.port, nth));
                all.insert((name, port.port), nodes.collect());
            }
        }
        Served(all)
    }
}

impl Resolver for Served {
    fn resolve(&self, service: &str, port: u16) -> Option<SocketAddr> {
        self.0.get(&(service, port))?.first().copied()
    }

    fn resolve_all(&self, service: &str, port: u16) -> Vec<SocketAddr> {
        self.0.get(&(service, port)).cloned().unwrap_or_default()
    }
}

/// The gateway's own ports, bound before anything starts.
pub struct Doors {
    config: GatewaySection,
    public: TcpListener,
    internal: TcpListener,
    tls: Option<TcpListener>,
    nlb: Option<TcpListener>,
}

impl Doors {
    pub async fn bind(plan: &Plan) -> Result<Doors, Failure> {
        let mut config: GatewaySection = plan.settings.section()?;
        let refuse = |invalid: Invalid| plan.settings.refuse(format!("{GATEWAY}.{}", invalid.key), invalid.reason);
        let open = |key: &'static str, address: SocketAddr| async move {
            let hint = |error| format!("{error}; set {}.{key} to another address", GatewaySection::NAME);
            bind(GATEWAY, address).await.map_err(hint)
        };
        let tls = match config.tls().map_err(refuse)? {
            TlsListen::Off => None,
            TlsListen::On(address) => Some(open("tls_listen", further(address, plan.instance)?).await?),
        };
        config.public_listen = further(config.public_listen, plan.instance)?;
        config.internal_listen = further(config.internal_listen, plan.instance)?;
        // There is nothing to pass through to while the web site is not built.
        let nlb = match config.nlb().map_err(refuse)?.filter(|_| plan.runs(WEB_SITE.0)) {
            None => None,
            Some(address) => Some(open("nlb_listen", further(address, plan.instance)?).await?),
        };
        let public = open("public_listen", config.public_listen).await?;
        let internal = open("internal_listen", config.internal_listen).await?;
        Ok(Doors { config, public, internal, tls, nlb })
    }
}

/// A further gateway listens at ports of its own, a hundred higher for each before it.
pub fn further(address: SocketAddr, instance: u8) -> Result<SocketAddr, Failure> {
    if instance == 0 || address.port() == 0 {
        return Ok(address);
    }
    let port = u16::from(instance).checked_mul(PORT_STEP).and_then(|step| address.port().checked_add(step));
    let port = port.ok_or_else(|| format!("there is no port for instance {instance} after {address}"))?;
    Ok(SocketAddr::new(address.ip(), port))
}

/// Opens the doors, once the services behind them serve.
pub async fn start(plan: &Plan, node: &mut Node, listeners: &Listeners, doors: Doors) -> Result<(), Failure> {
    files::raise();
    let Doors { config, public, internal, tls, nlb } = doors;
    let domains = plan.deployment.topology.settings.clone();
    let tls = match tls {
        None => None,
        Some(listener) => Some((listener, tls::server_config(&config, &plan.data, &domains)?)),
    };
    let run = RunFile {
        public: public.local_addr()?,
        internal: internal.local_addr()?,
        tls: tls.as_ref().map(|(listener, _)| listener.local_addr()).transpose()?,
        pid: plan.supervisor.unwrap_or_else(std::process::id),
        public_domain: domains.public_domain.clone(),
        internal_domain: domains.internal_domain.clone(),
        demo: plan.demo && plan.settings.section::<DemoSection>()?.enabled,
    };
    let handles = Handles {
        routes: plan.live.routes(),
        domains,
        resolver: Arc::new(Served::new(plan, listeners)),
        listeners: allin_edge::Listeners {
            public,
            tls,
            internal: Some(internal),
            nlb: nlb.map(|listener| (listener, WEB_SITE.0, WEB_SITE.1)),
        },
        metrics: || telemetry::metrics().render(),
    };
    node.add(allin_edge::start(GATEWAY, config, handles)?).await?;
    // Tools ask the first of several.
    let file = if plan.instance == 0 { Some(run.write(&plan.data)?) } else { None };
    node.run_file = Some((file, run));
    Ok(())
}
