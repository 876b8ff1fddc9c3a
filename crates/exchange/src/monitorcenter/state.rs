//! What is known of every instance. No clock: the moment comes with each call.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::config::MonitorCenterSection;
use super::report::{Family, Health, Kind, Refusal, Report, Sample};
use super::ring::{Point, Ring};

/// Metric that says how far a consumer is behind; it is the lag of a report that names none.
const LAG: &str = "allin_consumer_lag_sequences";

/// What is the matter with a service.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceState {
    Starting,
    Ready,
    Failed,
    Stopped,
    /// Has not reported for too long.
    Silent,
}

/// A row of `GET /v1/services`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ServiceView {
    pub service: String,
    pub instance: String,
    pub state: ServiceState,
    /// Its own last word about itself.
    pub health: Health,
    pub lag: Option<u64>,
    pub first_report_us: u64,
    pub last_report_us: u64,
    pub age_ms: u64,
}

/// Something that happened to a service.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Event {
    pub at_us: u64,
    pub service: String,
    pub instance: String,
    pub state: ServiceState,
}

/// Points of one series, for the console.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SeriesView {
    pub service: String,
    pub instance: String,
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub points: Vec<Point>,
}

pub(super) struct Instance {
    pub(super) health: Health,
    pub(super) lag: Option<u64>,
    pub(super) families: Vec<Family>,
    first_us: u64,
    last_us: u64,
    last: Instant,
    /// As last told in an event.
    told: ServiceState,
    rings: BTreeMap<SeriesKey, Ring>,
}

type SeriesKey = (String, BTreeMap<String, String>);

pub(super) struct State {
    config: MonitorCenterSection,
    /// By service and instance.
    pub(super) instances: BTreeMap<(String, String), Instance>,
    events: VecDeque<Event>,
    series: usize,
    /// Series that found no place.
    pub(super) series_refused: u64,
}

/// Which series.
#[derive(Clone, Default, Debug)]
pub(super) struct SeriesFilter {
    pub(super) service: Option<String>,
    pub(super) instance: Option<String>,
    pub(super) name: Option<String>,
    pub(super) since_us: u64,
}

impl State {
    pub(super) fn new(config: MonitorCenterSection) -> Self {
        Self { config, instances: BTreeMap::new(), events: VecDeque::new(), series: 0, series_refused: 0 }
    }

    pub(super) fn report(&mut self, report: Report, now: Instant, at_us: u64) -> Result<(), Refusal> {
        report.check()?;
        let Report { service, instance, health, lag, families } = report;
        let key = (service, instance);
        if !self.instances.contains_key(&key) && self.instances.len() >= self.config.instances_max {
            return Err(Refusal::TooMany("instances"));
        }
        let state = own_state(health);
        let known = self.instances.entry(key.clone()).or_insert_with(|| Instance {
            health,
            lag: None,
            families: Vec::new(),
            first_us: at_us,
            last_us: at_us,
            last: now,
            // Nothing was told yet.
            told: ServiceState::Silent,
            rings: BTreeMap::new(),
        });
        let room = self.config.series_max.saturating_sub(self.series);
        let (added, refused) = known.keep(&families, at_us, self.config.points_max, room);
        self.series += added;
        self.series_refused += refused;
        known.lag = lag.or_else(|| lag_of(&families));
        (known.health, known.families, known.last, known.last_us) = (health, families, now, at_us);
        if known.told != state {
            known.told = state;
            self.tell(key, state, at_us);
        }
        Ok(())
    }

    /// Looks for services that have fallen silent.
    pub(super) fn look(&mut self, now: Instant, at_us: u64) {
        let after = self.config.silent_after();
        let mut silent = Vec::new();
        for (key, instance) in &mut self.instances {
            if instance.state(now, after) == ServiceState::Silent && instance.told != ServiceState::Silent {
                instance.told = ServiceState::Silent;
                silent.push(key.clone());
            }
        }
        for key in silent {
            self.tell(key, ServiceState::Silent, at_us);
        }
    }

    fn tell(&mut self, (service, instance): (String, String), state: ServiceState, at_us: u64) {
        match state {
            ServiceState::Silent | ServiceState::Failed => {
                tracing::warn!(service, instance, ?state, "a service is down");
            }
            _ => tracing::info!(service, instance, ?state, "a service reports"),
        }
        while self.events.len() >= self.config.events_max {
            self.events.pop_front();
        }
        self.events.push_back(Event { at_us, service, instance, state });
    }

    pub(super) fn services(&self, now: Instant) -> Vec<ServiceView> {
        let after = self.config.silent_after();
        let view = |((service, instance), known): (&(String, String), &Instance)| ServiceView {
            service: service.clone(),
            instance: instance.clone(),
            state: known.state(now, after),
            health: known.health,
            lag: known.lag,
            first_report_us: known.first_us,
            last_report_us: known.last_us,
            age_ms: u64::try_from(known.age(now).as_millis()).unwrap_or(u64::MAX),
        };
        self.instances.iter().map(view).collect()
    }

    pub(super) fn is_up(&self, instance: &Instance, now: Instant) -> bool {
        instance.state(now, self.config.silent_after()) == ServiceState::Ready
    }

    pub(super) fn events(&self) -> Vec<Event> {
        self.events.iter().cloned().collect()
    }

    pub(super) fn series(&self, filter: &SeriesFilter, series_max: usize) -> Vec<SeriesView> {
        let fits = |wanted: &Option<String>, text: &str| wanted.as_deref().is_none_or(|wanted| wanted == text);
        let mut found = Vec::new();
        for ((service, instance), known) in &self.instances {
            if !fits(&filter.service, service) || !fits(&filter.instance, instance) {
                continue;
            }
            for ((name, labels), ring) in &known.rings {
                if !fits(&filter.name, name) || found.len() >= series_max {
                    continue;
                }
                found.push(SeriesView {
                    service: service.clone(),
                    instance: instance.clone(),
                    name: name.clone(),
                    labels: labels.clone(),
                    points: ring.since(filter.since_us),
                });
            }
        }
        found
    }
}

impl Instance {
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.last)
    }

    fn state(&self, now: Instant, silent_after: Duration) -> ServiceState {
        if self.health != Health::Stopped && self.age(now) > silent_after {
            return ServiceState::Silent;
        }
        own_state(self.health)
    }

    /// Adds a point to each series; gives the number of new series, and of those for which there was no room.
    fn keep(&mut self, families: &[Family], at_us: u64, points_max: usize, room: usize) -> (usize, u64) {
        let (mut added, mut refused) = (0, 0);
        let mut push = |rings: &mut BTreeMap<SeriesKey, Ring>, key: SeriesKey, value: f64| {
            if !rings.contains_key(&key) {
                if added >= room {
                    refused += 1;
                    return;
                }
                added += 1;
            }
            rings.entry(key).or_default().push(Point { at_us, value }, points_max);
        };
        for family in families {
            // Buckets are kept as quantiles of what came in since the last report: that is what a person looks at.
            for (labels, quantiles) in quantiles(family, &self.families) {
                for (suffix, value) in [("p50", quantiles[0]), ("p99", quantiles[1])] {
                    push(&mut self.rings, (format!("{}_{suffix}", family.name), labels.clone()), value);
                }
            }
            for sample in family.samples.iter().filter(|sample| !is_bucket(family, sample)) {
                push(&mut self.rings, (sample.name.clone(), sample.labels.clone()), sample.value);
            }
        }
        (added, refused)
    }
}

fn own_state(health: Health) -> ServiceState {
    match health {
        Health::Starting => ServiceState::Starting,
        Health::Ready => ServiceState::Ready,
        Health::Failed => ServiceState::Failed,
        Health::Stopped => ServiceState::Stopped,
    }
}

fn lag_of(families: &[Family]) -> Option<u64> {
    let family = families.iter().find(|family| family.name == LAG)?;
    family.samples.iter().map(|sample| sample.value as u64).max()
}

fn is_bucket(family: &Family, sample: &Sample) -> bool {
    family.kind == Kind::Histogram && sample.labels.contains_key("le")
}

/// Cumulative counts of a histogram by upper bound, for each set of its other labels.
fn buckets(family: &Family) -> BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>> {
    let mut all: BTreeMap<_, Vec<(f64, f64)>> = BTreeMap::new();
    for sample in family.samples.iter().filter(|sample| is_bucket(family, sample)) {
        let mut labels = sample.labels.clone();
        let bound = labels.remove("le").and_then(|bound| bound.parse().ok());
        if let Some(bound) = bound {
            all.entry(labels).or_default().push((bound, sample.value));
        }
    }
    for buckets in all.values_mut() {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    all
}

/// Upper bounds of the median and the 99th percentile since the last report; nothing where nothing came in.
fn quantiles(family: &Family, before: &[Family]) -> Vec<(BTreeMap<String, String>, [f64; 2])> {
    if family.kind != Kind::Histogram {
        return Vec::new();
    }
    let before = before.iter().find(|other| other.name == family.name).map(buckets).unwrap_or_default();
    let mut found = Vec::new();
    for (labels, now) in buckets(family) {
        let old = before.get(&labels).map(Vec::as_slice).unwrap_or_default();
        let was = |bound: f64| old.iter().find(|(b, _)| b.total_cmp(&bound).is_eq()).map_or(0, |(_, n)| *n as u64);
        let new: Vec<(f64, u64)> =
            now.iter().map(|(bound, count)| (*bound, (*count as u64).saturating_sub(was(*bound)))).collect();
        let total = new.last().map_or(0, |(_, count)| *count);
        if total == 0 {
            continue;
        }
        let largest = new.iter().rev().map(|(bound, _)| *bound).find(|bound| bound.is_finite()).unwrap_or(0.0);
        let quantile = |share: f64| {
            let rank = (total as f64 * share).ceil() as u64;
            let bound = new.iter().find(|(_, count)| *count >= rank).map_or(largest, |(bound, _)| *bound);
            // What is beyond the last bound is known only to be beyond it.
            if bound.is_finite() { bound } else { largest }
        };
        found.push((labels, [quantile(0.5), quantile(0.99)]));
    }
    found
}
