//! Log lines and metrics of this process. Log lines go to standard error: standard output belongs to the commands.

use std::{
    io::{self, IsTerminal},
    sync::OnceLock,
};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, Registry, fmt, layer::SubscriberExt, reload, util::SubscriberInitExt};

use crate::config::{LogFormat, TelemetrySection};

/// Upper bounds in microseconds of the histograms whose names end in `_us`.
const LATENCY_BUCKETS_US: [f64; 16] =
    [10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2.5e3, 5e3, 1e4, 2.5e4, 5e4, 1e5, 2.5e5, 5e5, 1e6];

static METRICS: OnceLock<Metrics> = OnceLock::new();
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// The process's metrics, to be shown as text in Prometheus' format.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// Histograms keep every sample until this is called, or the series are rendered: call it regularly.
    pub fn tidy_up(&self) {
        self.handle.run_upkeep();
    }

    /// All series as text.
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }
}

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("telemetry.level: {0}")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    /// Something else took the process's place for log lines.
    #[error("log lines are already taken care of: {0}")]
    Taken(#[from] tracing_subscriber::util::TryInitError),
    #[error("log lines are not written any more: {0}")]
    Gone(reload::Error),
}

/// Starts log lines; once in a process, by its `main`.
pub fn init(section: &TelemetrySection) -> Result<(), TelemetryError> {
    let (filter, handle) = reload::Layer::new(EnvFilter::try_new(&section.level)?);
    let registry = tracing_subscriber::registry().with(filter);
    match section.format {
        LogFormat::Human => {
            let colours = io::stderr().is_terminal();
            registry.with(fmt::layer().with_writer(io::stderr).with_ansi(colours)).try_init()?;
        }
        LogFormat::Json => {
            registry.with(fmt::layer().json().flatten_event(true).with_writer(io::stderr)).try_init()?;
        }
    }
    // It was not there before, or the line above would have failed.
    let _ = FILTER.set(handle);
    Ok(())
}

/// Logs from now on what `level` says, in the form of `telemetry.level`; one that cannot be read changes nothing.
pub fn set_level(level: &str) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(level)?;
    // A process without log lines has nothing to change.
    FILTER.get().map_or(Ok(()), |handle| handle.reload(filter).map_err(TelemetryError::Gone))
}

/// The process's metrics; the first call installs their recorder, so series written before it are lost.
pub fn metrics() -> &'static Metrics {
    METRICS.get_or_init(|| {
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_us".to_owned()), &LATENCY_BUCKETS_US)
            .expect("the list of buckets is not empty")
            .install_recorder()
            .expect("nothing else installs a recorder");
        Metrics { handle }
    })
}
