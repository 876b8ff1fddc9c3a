//! The sections of the runtime layer. Every queue has a bound here, with its unit in its name.

use std::{
    collections::BTreeMap,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use allin_core::spot::Limits;
use allin_topology::{INSTANCES_MAX, NETWORK};
use serde::{Deserialize, Serialize, Serializer};

use crate::{
    auth::InternalToken,
    config::{Section, error::Invalid},
};

/// What a disk writes at once; segments are whole numbers of it.
const PAGE_BYTES: u64 = 4096;

/// `[node]`: this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NodeSection {
    /// Where everything is kept.
    pub data: PathBuf,
    /// Whether the internal ports are served.
    pub listen: Listen,
    /// The network of this machine in which services have their addresses: all that ends in `.0.0` within 127.0.0.0/8.
    pub loopback: Ipv4Addr,
    /// Which of several instances of its services this process is, counted from 0.
    pub instance: u8,
    /// Where ports are served, and how others are reached.
    pub addressing: Addressing,
    /// The token that the services of a deployment share; empty for the file in the data directory.
    pub token: Hidden,
}

/// Where ports are served, and how services of other processes are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Addressing {
    /// Each at its own loopback address.
    Loopback,
    /// On all interfaces, and by the names that a cluster's DNS gives to services.
    Cluster,
}

/// Text that is never shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Hidden(pub String);

impl Serialize for Hidden {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("")
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hidden")
    }
}

/// Whether the internal ports of the topology are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Listen {
    /// All ports.
    On,
    /// The public ones only.
    Off,
}

impl Default for NodeSection {
    fn default() -> Self {
        let [first, second] = NETWORK;
        let loopback = Ipv4Addr::new(first, second, 0, 0);
        Self {
            data: PathBuf::from("data"),
            listen: Listen::On,
            loopback,
            instance: 0,
            addressing: Addressing::Loopback,
            token: Hidden::default(),
        }
    }
}

impl Section for NodeSection {
    const NAME: &'static str = "node";

    fn check(&self) -> Result<(), Invalid> {
        if self.data.as_os_str().is_empty() {
            return Err(Invalid::new("data", "must name a directory"));
        }
        if !self.token.0.is_empty() && InternalToken::parse(&self.token.0).is_none() {
            return Err(Invalid::new("token", "must be 64 hexadecimal digits"));
        }
        let [first, second, third, fourth] = self.loopback.octets();
        if first != NETWORK[0] || second == 0 || third != 0 || fourth != 0 {
            return Err(Invalid::new("loopback", "is not 127.N.0.0 with N from 1 to 255"));
        }
        if self.instance >= INSTANCES_MAX {
            return Err(Invalid::new("instance", format!("must be below {INSTANCES_MAX}")));
        }
        Ok(())
    }
}

/// `[ports]`: addresses other than the topology's, `"<service>.<port>" = "address:port"`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PortsSection(pub BTreeMap<String, SocketAddr>);

impl Section for PortsSection {
    const NAME: &'static str = "ports";
}

/// `[instances]`: how many processes of a service there are, `"<service>" = 2`; one where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstancesSection(pub BTreeMap<String, u8>);

impl InstancesSection {
    pub fn of(&self, service: &str) -> u8 {
        self.0.get(service).copied().unwrap_or(1)
    }
}

impl Section for InstancesSection {
    const NAME: &'static str = "instances";
}

/// `[health]`: the port where a process of `allin run` tells how it is, with `/healthz`, `/readyz` and `/metrics`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HealthSection {
    /// An address, `off`, or `auto`: the first service's own loopback address and `port`.
    pub listen: String,
    pub port: u16,
    /// A need that is away for longer makes the process unready.
    pub need_lost_ms: u64,
}

/// How `health.listen` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthListen {
    Off,
    Auto,
    On(SocketAddr),
}

impl Default for HealthSection {
    fn default() -> Self {
        Self { listen: "auto".to_owned(), port: 8090, need_lost_ms: 5_000 }
    }
}

impl HealthSection {
    pub fn listen(&self) -> Result<HealthListen, Invalid> {
        match self.listen.as_str() {
            "off" => Ok(HealthListen::Off),
            "auto" => Ok(HealthListen::Auto),
            text => match text.parse() {
                Ok(address) => Ok(HealthListen::On(address)),
                Err(_) => Err(Invalid::new("listen", format!("{text:?} is not an address, off or auto"))),
            },
        }
    }
}

impl Section for HealthSection {
    const NAME: &'static str = "health";

    fn check(&self) -> Result<(), Invalid> {
        self.listen()?;
        between("need_lost_ms", self.need_lost_ms, 100, 3_600_000)
    }
}

/// `[topology]`: the domains of this deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TopologySection {
    /// Where users come in.
    pub public_domain: String,
    /// Further public domains.
    pub public_aliases: Vec<String>,
    /// Where operators and services come in.
    pub internal_domain: String,
}

impl Default for TopologySection {
    fn default() -> Self {
        let settings = allin_topology::Topology::embedded().settings.clone();
        Self {
            public_domain: settings.public_domain,
            public_aliases: settings.public_aliases,
            internal_domain: settings.internal_domain,
        }
    }
}

impl Section for TopologySection {
    const NAME: &'static str = "topology";

    fn check(&self) -> Result<(), Invalid> {
        let domain = |key, text: &str| match is_domain(text) {
            true => Ok(()),
            false => Err(Invalid::new(key, format!("{text:?} is not a lower-case domain name"))),
        };
        domain("public_domain", &self.public_domain)?;
        domain("internal_domain", &self.internal_domain)?;
        self.public_aliases.iter().try_for_each(|alias| domain("public_aliases", alias))?;
        // Else an internal host would be served to the public.
        let internal = format!(".{}", self.internal_domain);
        for public in self.public_aliases.iter().chain([&self.public_domain]) {
            let (below, above) = (format!(".{public}"), internal.as_str());
            if below.ends_with(above) || above.ends_with(&below) {
                let reason = format!("must not lie within {public}, nor the other way round");
                return Err(Invalid::new("internal_domain", reason));
            }
        }
        Ok(())
    }
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(plain) && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// `[log]`: the operation log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSection {
    /// Where the log is kept.
    pub kind: LogKind,
    /// Whether what no start and no consumer needs any more is removed.
    pub keep: LogKeep,
    /// How often it is looked for.
    pub trim_interval_s: u64,
    /// Size of a segment, preallocated.
    pub segment_bytes: u64,
    /// Commands that are sequenced and written together at most; four such batches may be on their way to the disk.
    pub batch_commands_max: u32,
    /// A quarter of the bytes that may be on their way to the disk.
    pub batch_bytes_max: u64,
}

/// How much of the operation log stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogKeep {
    /// Everything: it is the one record of all that ever happened, from which every store can be made again.
    All,
    /// What lies after the oldest kept snapshot, and what a consumer has not stored yet.
    Needed,
}

/// Where the operation log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogKind {
    /// In the data directory of the one process that writes it.
    Files,
    /// In Kafka (`[kafka]`), with stand-bys where there is etcd (`[etcd]`).
    Kafka,
}

impl Default for LogSection {
    fn default() -> Self {
        Self {
            kind: LogKind::Files,
            keep: LogKeep::All,
            trim_interval_s: 60,
            segment_bytes: 64 << 20,
            batch_commands_max: 8192,
            batch_bytes_max: 4 << 20,
        }
    }
}

impl Section for LogSection {
    const NAME: &'static str = "log";

    fn check(&self) -> Result<(), Invalid> {
        between("trim_interval_s", self.trim_interval_s, 1, 86_400)?;
        between("segment_bytes", self.segment_bytes, 1 << 20, 4 << 30)?;
        if !self.segment_bytes.is_multiple_of(PAGE_BYTES) {
            return Err(Invalid::new("segment_bytes", format!("must be a multiple of {PAGE_BYTES}")));
        }
        between("batch_commands_max", u64::from(self.batch_commands_max), 1, 1 << 20)?;
        between("batch_bytes_max", self.batch_bytes_max, 64 << 10, self.segment_bytes / 2)
    }
}

/// `[snapshot]`: how much of the log a start has to replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SnapshotSection {
    /// Seconds between snapshots while commands arrive; 0 makes none.
    pub interval_s: u64,
    /// Snapshots that are kept.
    pub keep: u32,
}

impl Default for SnapshotSection {
    fn default() -> Self {
        Self { interval_s: 60, keep: 3 }
    }
}

impl Section for SnapshotSection {
    const NAME: &'static str = "snapshot";

    fn check(&self) -> Result<(), Invalid> {
        between("interval_s", self.interval_s, 0, 86_400)?;
        between("keep", u64::from(self.keep), 1, 1000)
    }
}

/// `[engine]`: the bounds of the matching engine's queues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineSection {
    /// Commands that wait for the sequencer at most.
    pub commands_queue_max: u32,
    /// Room in that queue which only cancels and reductions may take.
    pub cancels_reserved: u32,
    /// Queries that wait at most.
    pub queries_queue_max: u32,
    /// Commands whose events stay in memory for consumers; who lags further is served from the log.
    pub events_kept_max: u32,
    /// Commands between two digests.
    pub digest_interval: u64,
    /// Client ids remembered at once, those of open orders and of the last 24 hours together; with more, orders that
    /// bring a new one are refused. A change is a command of the log.
    pub client_ids_max: u32,
}

impl Default for EngineSection {
    fn default() -> Self {
        Self {
            commands_queue_max: 65_536,
            cancels_reserved: 8192,
            queries_queue_max: 4096,
            events_kept_max: 65_536,
            digest_interval: 100_000,
            client_ids_max: Limits::default().client_ids_max,
        }
    }
}

impl Section for EngineSection {
    const NAME: &'static str = "engine";

    fn check(&self) -> Result<(), Invalid> {
        let queue_max = 1 << 24;
        between("commands_queue_max", u64::from(self.commands_queue_max), 2, queue_max)?;
        let commands = u64::from(self.commands_queue_max);
        between("cancels_reserved", u64::from(self.cancels_reserved), 1, commands / 2)?;
        between("queries_queue_max", u64::from(self.queries_queue_max), 1, queue_max)?;
        between("events_kept_max", u64::from(self.events_kept_max), 1, queue_max)?;
        between("digest_interval", self.digest_interval, 1, 1 << 40)?;
        between("client_ids_max", u64::from(self.client_ids_max), 1, u64::from(Limits::CLIENT_IDS_MAX))
    }
}

/// `[telemetry]`: what the process tells about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetrySection {
    /// How log lines look.
    pub format: LogFormat,
    /// What is logged: `info`, or directives such as `info,allin_runtime::oplog=debug`.
    pub level: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

impl Default for TelemetrySection {
    fn default() -> Self {
        Self { format: LogFormat::Human, level: "info".to_owned() }
    }
}

impl Section for TelemetrySection {
    const NAME: &'static str = "telemetry";

    fn check(&self) -> Result<(), Invalid> {
        match tracing_subscriber::EnvFilter::try_new(&self.level) {
            Ok(_) => Ok(()),
            Err(error) => Err(Invalid::new("level", format!("{:?}: {error}", self.level))),
        }
    }
}

fn between(key: &'static str, value: u64, min: u64, max: u64) -> Result<(), Invalid> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(Invalid::new(key, format!("{value} is not between {min} and {max}")))
}
