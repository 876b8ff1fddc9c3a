//! Reports for the services of one process, to the monitoring centre of the same or another process.

use std::collections::BTreeMap;
use std::time::Duration;

use super::report::{Family, Health, Report};
use super::{Sink, process, text};
use crate::service::{Running, ServiceError, Stopping};

/// Between two reports.
const INTERVAL: Duration = Duration::from_secs(1);

/// A service to report for.
pub struct Watched {
    service: &'static str,
    health: Box<dyn Fn() -> Health + Send + Sync>,
}

impl Watched {
    pub fn new(service: &'static str, health: impl Fn() -> Health + Send + Sync + 'static) -> Self {
        Self { service, health: Box::new(health) }
    }

    /// A service started with [`crate::service`].
    pub fn running(running: &Running) -> Self {
        let watch = running.watch();
        let health = move || match (watch.has_ended(), watch.is_ready()) {
            (true, _) => Health::Failed,
            (false, true) => Health::Ready,
            (false, false) => Health::Starting,
        };
        Self::new(running.name(), health)
    }
}

/// Reports once a second. Stop it before the services, else it reports their end as a failure. The process itself, with its memory, time and files, reports under a name of its own, and has the
/// series that name no service.
pub struct Agent {
    pub sink: Sink,
    /// Name of the process among the services.
    pub process: &'static str,
    /// Tells this process from others of the same name.
    pub instance: String,
    pub services: Vec<Watched>,
    /// The process's own series in Prometheus' text format.
    pub metrics: fn() -> String,
}

impl Agent {
    /// Reports until it is stopped, and then says so for all.
    pub async fn run(self, mut stopping: Stopping) -> Result<(), ServiceError> {
        let mut tick = tokio::time::interval(INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopping.wait() => break,
                _ = tick.tick() => self.report(false),
            }
        }
        self.report(true);
        self.sink.finish().await;
        Ok(())
    }

    fn report(&self, stopped: bool) {
        let mut families = by_service(text::parse(&(self.metrics)()));
        for watched in &self.services {
            let health = if stopped { Health::Stopped } else { (watched.health)() };
            self.send(watched.service, health, families.remove(watched.service).unwrap_or_default());
        }
        let mut rest: Vec<Family> = process::families();
        for (service, mut families) in families {
            // What names a service that is not watched keeps the name, under Prometheus' label for such clashes.
            if !service.is_empty() {
                let samples = families.iter_mut().flat_map(|family| &mut family.samples);
                samples.for_each(|sample| _ = sample.labels.insert("exported_service".to_owned(), service.clone()));
            }
            rest.extend(families);
        }
        self.send(self.process, if stopped { Health::Stopped } else { Health::Ready }, merged(rest));
    }

    fn send(&self, service: &str, health: Health, families: Vec<Family>) {
        let report =
            Report { service: service.to_owned(), instance: self.instance.clone(), health, lag: None, families };
        if let Err(refusal) = self.sink.report(report) {
            tracing::warn!(service, %refusal, "a report was refused");
        }
    }
}

/// Sorts samples by their label `service`, which goes; those without it are under "".
fn by_service(families: Vec<Family>) -> BTreeMap<String, Vec<Family>> {
    let mut sorted: BTreeMap<String, Vec<Family>> = BTreeMap::new();
    for family in families {
        for mut sample in family.samples {
            // The label `instance` is the monitoring centre's to give.
            sample.labels.remove("instance");
            let service = sample.labels.remove("service").unwrap_or_default();
            let list = sorted.entry(service).or_default();
            match list.last_mut() {
                Some(last) if last.name == family.name => last.samples.push(sample),
                _ => {
                    let (name, kind) = (family.name.clone(), family.kind);
                    list.push(Family { name, kind, samples: vec![sample] });
                }
            }
        }
    }
    sorted
}

/// One family a name.
fn merged(families: Vec<Family>) -> Vec<Family> {
    let mut all: BTreeMap<String, Family> = BTreeMap::new();
    for family in families {
        match all.get_mut(&family.name) {
            Some(known) => known.samples.extend(family.samples),
            None => {
                all.insert(family.name.clone(), family);
            }
        }
    }
    all.into_values().collect()
}
