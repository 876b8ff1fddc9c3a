//! Prometheus' text format, of everything that is known.

use std::collections::BTreeMap;
use std::fmt::Write;

use tokio::time::Instant;

use super::report::{Family, Kind, Sample};
use super::state::State;

/// A sample, and the service and instance it is of.
type OfService<'a> = (&'a (String, String), &'a Sample);

/// Every family once, with the samples of all services below it.
pub(super) fn metrics(state: &State, now: Instant) -> String {
    let mut text = String::new();
    own(state, now, &mut text);
    let mut families: BTreeMap<&str, (Kind, Vec<OfService>)> = BTreeMap::new();
    for (key, instance) in &state.instances {
        for Family { name, kind, samples } in &instance.families {
            let (_, all) = families.entry(name).or_insert_with(|| (*kind, Vec::new()));
            all.extend(samples.iter().map(|sample| (key, sample)));
        }
    }
    for (name, (kind, samples)) in families {
        let _ = writeln!(text, "# TYPE {name} {}", kind.name());
        for (key, sample) in samples {
            line(&mut text, &sample.name, key, &sample.labels, sample.value);
        }
    }
    text
}

fn own(state: &State, now: Instant, text: &mut String) {
    let none = BTreeMap::new();
    let _ = writeln!(text, "# TYPE service_up gauge");
    for (key, instance) in &state.instances {
        line(text, "service_up", key, &none, f64::from(u8::from(state.is_up(instance, now))));
    }
    let _ = writeln!(text, "# TYPE service_report_age_seconds gauge");
    for (key, instance) in &state.instances {
        line(text, "service_report_age_seconds", key, &none, instance.age(now).as_secs_f64());
    }
    let _ = writeln!(text, "# TYPE service_lag_sequences gauge");
    for (key, instance) in &state.instances {
        if let Some(lag) = instance.lag {
            line(text, "service_lag_sequences", key, &none, lag as f64);
        }
    }
    let _ = writeln!(text, "# TYPE monitor_series_refused_total counter");
    let _ = writeln!(text, "monitor_series_refused_total {}", state.series_refused);
}

fn line(
    text: &mut String,
    name: &str,
    (service, instance): &(String, String),
    labels: &BTreeMap<String, String>,
    value: f64,
) {
    text.push_str(name);
    text.push('{');
    let own = [("service", service), ("instance", instance)];
    let others = labels.iter().map(|(label, value)| (label.as_str(), value));
    for (index, (label, value)) in own.into_iter().chain(others).enumerate() {
        if index > 0 {
            text.push(',');
        }
        let _ = write!(text, "{label}=\"{}\"", escaped(value));
    }
    let _ = writeln!(text, "}} {value}");
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
