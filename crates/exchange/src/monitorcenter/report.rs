//! What a service says about itself: the body of `POST /v1/report`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

const NAME_BYTES_MAX: usize = 200;
const TEXT_BYTES_MAX: usize = 500;
const LABELS_MAX: usize = 20;
const SAMPLES_MAX: usize = 10_000;

/// One report of one instance of a service. What it does not mention any more is gone.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    pub service: String,
    pub instance: String,
    pub health: Health,
    /// Sequences that it is behind the log; absent where that means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<u64>,
    #[serde(default)]
    pub families: Vec<Family>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    Starting,
    Ready,
    /// Ended by itself.
    Failed,
    /// Was told to stop; it will not report again, and is not missed.
    Stopped,
}

/// Samples of one metric.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    pub name: String,
    pub kind: Kind,
    pub samples: Vec<Sample>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
    Untyped,
}

/// One number. Of a histogram: `<family>_bucket` with a label `le`, `<family>_sum`, `<family>_count`, as Prometheus has it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    pub name: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// Why a report was not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{0}: empty, too long, or not printable")]
    Name(&'static str),
    #[error("metric or label name {0:?} is not one")]
    MetricName(String),
    #[error("sample {0:?} is not of its family")]
    Family(String),
    #[error("more than {0}")]
    TooMany(&'static str),
    #[error("label {0:?} is given by the monitoring centre")]
    Reserved(&'static str),
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
            Kind::Untyped => "untyped",
        }
    }
}

impl Health {
    pub fn name(self) -> &'static str {
        match self {
            Health::Starting => "starting",
            Health::Ready => "ready",
            Health::Failed => "failed",
            Health::Stopped => "stopped",
        }
    }
}

impl Report {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        for (what, text) in [("service", &self.service), ("instance", &self.instance)] {
            let printable = text.chars().all(|c| !c.is_control());
            if text.is_empty() || text.len() > NAME_BYTES_MAX || !printable {
                return Err(Refusal::Name(what));
            }
        }
        let samples: usize = self.families.iter().map(|family| family.samples.len()).sum();
        if samples > SAMPLES_MAX || self.families.len() > SAMPLES_MAX {
            return Err(Refusal::TooMany("10000 samples"));
        }
        self.families.iter().try_for_each(Family::check)
    }
}

impl Family {
    fn check(&self) -> Result<(), Refusal> {
        metric_name(&self.name)?;
        for sample in &self.samples {
            metric_name(&sample.name)?;
            if !sample.name.starts_with(&self.name) {
                return Err(Refusal::Family(sample.name.clone()));
            }
            if sample.labels.len() > LABELS_MAX {
                return Err(Refusal::TooMany("20 labels"));
            }
            for (label, value) in &sample.labels {
                metric_name(label)?;
                if value.len() > TEXT_BYTES_MAX {
                    return Err(Refusal::TooMany("500 bytes of a label"));
                }
            }
            for reserved in ["service", "instance"] {
                if sample.labels.contains_key(reserved) {
                    return Err(Refusal::Reserved(reserved));
                }
            }
        }
        Ok(())
    }
}

/// Prometheus' data model: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
fn metric_name(name: &str) -> Result<(), Refusal> {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    let mut chars = name.chars();
    let sound = chars.next().is_some_and(first) && chars.all(|c| first(c) || c.is_ascii_digit());
    if sound && name.len() <= NAME_BYTES_MAX { Ok(()) } else { Err(Refusal::MetricName(name.to_owned())) }
}
