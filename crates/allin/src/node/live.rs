//! What may be set while a process runs, by whom it is taken, and what it is without.

use std::collections::BTreeMap;

use allin_cluster::etcd::{Etcd, EtcdSection, Take, Watched};
use allin_edge::{GatewaySection, Table};
use allin_landry::spotapi::{Rules, SpotApiSection};
use allin_runtime::config::{Deployment, Section, Settings, TelemetrySection};
use allin_runtime::telemetry;
use tokio::sync::watch;

use super::{Failure, Node};

/// What is logged, in the form of `telemetry.level`.
const LEVEL: &str = "telemetry.level";
/// The gateway's table with its limits, in the form of deploy/apisix/apisix.yaml.
const ROUTES: &str = "gateway.routes";
/// Whether the demonstration's maker trades: `on` or `off`.
const MAKER: &str = "demo.maker";

/// Limits of the public API: a whole number, as the setting; 0: no limit.
const LIMITS: [&str; 4] =
    ["spotapi.weight_1m_max", "spotapi.raw_requests_5m_max", "spotapi.orders_10s_max", "spotapi.orders_1d_max"];

type Check = fn(&str) -> Result<(), String>;

/// Every key with what its values must be.
fn known() -> impl Iterator<Item = (&'static str, Check)> {
    let single: [(&str, Check); 3] = [(LEVEL, level), (ROUTES, routes), (MAKER, |value| switch(value).map(drop))];
    single.into_iter().chain(LIMITS.map(|key| (key, (|value| limit(value).map(drop)) as Check)))
}

/// Values that change, for those who follow them.
pub struct Live {
    level: String,
    /// Of the topology.
    first_routes: String,
    /// A file rules over the routes.
    routes_file: bool,
    routes: watch::Sender<String>,
    maker: watch::Sender<bool>,
    rules: Rules,
}

/// Whether a value may be set; none when there is no such key.
pub fn check(key: &str, value: &str) -> Option<Result<(), String>> {
    known().find(|(known, _)| *known == key).map(|(_, check)| check(value))
}

/// The keys that there are.
pub fn keys() -> impl Iterator<Item = &'static str> {
    known().map(|(key, _)| key)
}

impl Live {
    pub fn new(settings: &Settings, deployment: &Deployment) -> Result<Live, Failure> {
        let first_routes = allin_topology::render::apisix(&deployment.topology);
        Ok(Live {
            level: settings.section::<TelemetrySection>()?.level,
            routes_file: settings.section::<GatewaySection>()?.file().is_some(),
            routes: watch::Sender::new(first_routes.clone()),
            maker: watch::Sender::new(true),
            rules: Rules::new(&settings.section::<SpotApiSection>()?),
            first_routes,
        })
    }

    pub fn routes(&self) -> watch::Receiver<String> {
        self.routes.subscribe()
    }

    pub fn maker(&self) -> watch::Receiver<bool> {
        self.maker.subscribe()
    }

    /// The limits of the public API; all copies change together.
    pub fn rules(&self) -> Rules {
        self.rules.clone()
    }

    /// Follows etcd, where there is one.
    pub fn watch(self: &std::sync::Arc<Self>, settings: &Settings, node: &mut Node) -> Result<(), Failure> {
        let section: EtcdSection = settings.section()?;
        let endpoints = section.endpoints();
        if endpoints.is_empty() {
            return Ok(());
        }
        let takers = keys().map(|key| {
            let live = self.clone();
            let take: Take = Box::new(move |value| live.take(key, value));
            (key, take)
        });
        let watched = Watched::new(Etcd::new(&endpoints)?, &section, takers.collect::<BTreeMap<_, _>>());
        let mut stopping = node.needs.stopping();
        node.needs.spawn(async move {
            tokio::select! {
                () = stopping.wait() => Ok(()),
                never = watched.run() => match never {},
            }
        });
        Ok(())
    }

    fn take(&self, key: &str, value: Option<&str>) -> Result<(), String> {
        value.and_then(|value| check(key, value)).unwrap_or(Ok(()))?;
        match key {
            LEVEL => telemetry::set_level(value.unwrap_or(&self.level)).map_err(|error| error.to_string())?,
            ROUTES if self.routes_file => return Err("gateway.routes_file names a file, which rules".into()),
            ROUTES => drop(self.routes.send_replace(value.unwrap_or(&self.first_routes).to_owned())),
            MAKER => drop(self.maker.send_replace(value.map_or(Ok(true), switch)?)),
            other => {
                let key = other.strip_prefix("spotapi.").unwrap_or(other);
                if !self.rules.set(key, value.map(limit).transpose()?) {
                    return Err("nobody takes this".into());
                }
            }
        }
        Ok(())
    }
}

fn level(value: &str) -> Result<(), String> {
    let section = TelemetrySection { level: value.to_owned(), ..TelemetrySection::default() };
    section.check().map_err(|invalid| invalid.reason)
}

fn routes(value: &str) -> Result<(), String> {
    Table::parse(value).map(drop).map_err(|error| error.to_string())
}

fn switch(value: &str) -> Result<bool, String> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("{value:?} is neither on nor off")),
    }
}

fn limit(value: &str) -> Result<u32, String> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let limit = value.parse().ok().filter(|_| digits);
    limit.ok_or_else(|| format!("{value:?} is no whole number from 0 to {}", u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_set() {
        let table = allin_topology::render::apisix(allin_topology::Topology::embedded());
        let half = table.replace("#END", "");
        let rows = [
            ("telemetry.level", "debug", Some(true)),
            ("telemetry.level", "info,allin_runtime::oplog=debug", Some(true)),
            ("telemetry.level", "a=b=c", Some(false)),
            ("gateway.routes", &table, Some(true)),
            ("gateway.routes", &half, Some(false)),
            ("demo.maker", "off", Some(true)),
            ("demo.maker", "false", Some(false)),
            ("spotapi.weight_1m_max", "0", Some(true)),
            ("spotapi.raw_requests_5m_max", "4294967295", Some(true)),
            ("spotapi.orders_10s_max", "4294967296", Some(false)),
            ("spotapi.orders_1d_max", "-1", Some(false)),
            ("spotapi.orders_1d_max", "+1", Some(false)),
            ("spotapi.orders_1d_max", "", Some(false)),
            ("spotapi.keys_max", "5", None),
            ("log.kind", "kafka", None),
        ];
        for (key, value, want) in rows {
            assert_eq!(check(key, value).map(|checked| checked.is_ok()), want, "{key} = {value}");
        }
    }

    #[test]
    fn a_bad_value_changes_nothing_and_one_that_goes_brings_back_the_first() {
        let settings = Settings::default();
        let live = Live::new(&settings, &Deployment::new(&settings).expect("the default")).expect("the default");
        let (routes, maker) = (live.routes(), live.maker());
        let first = routes.borrow().clone();
        let other = first.replace("api.", "other.");
        assert_ne!(first, other);
        live.take(ROUTES, Some(&other)).expect("taken");
        assert!(live.take(ROUTES, Some("nonsense")).is_err());
        assert_eq!(*routes.borrow(), other);
        live.take(ROUTES, None).expect("taken");
        assert_eq!(*routes.borrow(), first);
        live.take(MAKER, Some("off")).expect("taken");
        assert!(live.take(MAKER, Some("perhaps")).unwrap_err().contains("perhaps"));
        assert!(!*maker.borrow());
        live.take(MAKER, None).expect("taken");
        assert!(*maker.borrow());
        let rules = live.rules();
        let told = || rules.in_force().map(|(_, _, _, max)| max).collect::<Vec<_>>();
        let first = told();
        for (nth, key) in LIMITS.into_iter().enumerate() {
            live.take(key, Some("17")).expect("taken");
            assert!(live.take(key, Some("many")).unwrap_err().contains("many"));
            assert_eq!(told().iter().filter(|max| **max == 17).count(), nth + 1, "{key}");
        }
        LIMITS.iter().for_each(|key| live.take(key, None).expect("taken"));
        assert_eq!(told(), first);
    }
}
