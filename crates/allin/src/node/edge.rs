//! The gateway of an all-in-one: its listeners, the services behind it, and `run.json`, which tells tools where it is.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allin_edge::{GatewaySection, Handles, Resolver, TlsListen, tls};
use allin_exchange::service::bind;
use allin_runtime::config::{Invalid, Section};
use allin_runtime::telemetry;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use super::{Failure, Listeners, Node, Plan};
use crate::demo::DemoSection;
use crate::files;

const GATEWAY: &str = "gateway";
/// Whom the load balancer passes through to.
const WEB_SITE: (&str, u16) = ("morph-awf-spa", 8080);
/// In the data folder, while the gateway serves.
const RUN_FILE: &str = "run.json";

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

/// The ports that this process serves.
struct Served(BTreeMap<(&'static str, u16), SocketAddr>);

impl Resolver for Served {
    fn resolve(&self, service: &str, port: u16) -> Option<SocketAddr> {
        self.0.get(&(service, port)).copied()
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
        let config: GatewaySection = plan.settings.section()?;
        let refuse = |invalid: Invalid| plan.settings.refuse(format!("{GATEWAY}.{}", invalid.key), invalid.reason);
        let open = |key: &'static str, address: SocketAddr| async move {
            let hint = |error| format!("{error}; set {}.{key} to another address", GatewaySection::NAME);
            bind(GATEWAY, address).await.map_err(hint)
        };
        let tls = match config.tls().map_err(refuse)? {
            TlsListen::Off => None,
            TlsListen::On(address) => Some(open("tls_listen", address).await?),
        };
        // There is nothing to pass through to while the web site is not built.
        let nlb = match config.nlb().map_err(refuse)?.filter(|_| plan.runs(WEB_SITE.0)) {
            None => None,
            Some(address) => Some(open("nlb_listen", address).await?),
        };
        let public = open("public_listen", config.public_listen).await?;
        let internal = open("internal_listen", config.internal_listen).await?;
        Ok(Doors { config, public, internal, tls, nlb })
    }
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
        pid: std::process::id(),
        public_domain: domains.public_domain.clone(),
        internal_domain: domains.internal_domain.clone(),
        demo: plan.settings.section::<DemoSection>()?.enabled,
    };
    let handles = Handles {
        routes: allin_topology::render::apisix(&plan.deployment.topology),
        domains,
        resolver: Arc::new(Served(listeners.addresses().clone())),
        listeners: allin_edge::Listeners {
            public,
            tls,
            internal: Some(internal),
            nlb: nlb.map(|listener| (listener, WEB_SITE.0, WEB_SITE.1)),
        },
        metrics: || telemetry::metrics().render(),
    };
    node.add(allin_edge::start(GATEWAY, config, handles)?).await?;
    node.run_file = Some((run.write(&plan.data)?, run));
    Ok(())
}
