//! The monitoring centre: reports, questions, silence, bounds.

mod client;

use std::time::Duration;

use allin_exchange::clock;
use allin_exchange::monitorcenter::{
    self, Agent, Family, Handles, Health, Kind, Monitor, MonitorCenterSection, Report, Sample, Service, ServiceState,
    Sink, Watched,
};
use allin_exchange::service::{Starting, bind};
use allin_runtime::auth::InternalToken;
use client::Client;
use serde_json::{Value, json};

const NAME: &str = "test-monitorcenter";

struct Fixture {
    service: Service,
    client: Client,
    _directory: tempfile::TempDir,
}

async fn fixture(config: MonitorCenterSection) -> Fixture {
    let directory = tempfile::tempdir().expect("a directory");
    let token = InternalToken::open(directory.path()).expect("a token");
    let listener = bind(NAME, ([127, 0, 0, 1], 0).into()).await.expect("binds");
    let handles = Handles { token: token.clone(), clock: clock::system(), listener };
    let service = monitorcenter::start(NAME, config, handles).expect("starts");
    let client = Client { address: service.running.addresses()[0], token: token.header() };
    Fixture { service, client, _directory: directory }
}

fn report(service: &str) -> Report {
    Report { service: service.to_owned(), instance: "i".to_owned(), health: Health::Ready, lag: None, families: vec![] }
}

fn sample(name: &str, labels: &[(&str, &str)], value: f64) -> Sample {
    let labels = labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect();
    Sample { name: name.to_owned(), labels, value }
}

fn family(name: &str, kind: Kind, samples: Vec<Sample>) -> Family {
    Family { name: name.to_owned(), kind, samples }
}

fn state_of(monitor: &Monitor, service: &str) -> Option<ServiceState> {
    monitor.services().into_iter().find(|view| view.service == service).map(|view| view.state)
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect(what);
}

#[tokio::test]
async fn what_is_reported_is_answered() {
    let fixture = fixture(MonitorCenterSection::default()).await;
    let client = &fixture.client;
    let body = json!({
        "service": "landry-ces-historywriter", "instance": "pod-1", "health": "ready", "lag": 12,
        "families": [
            {"name": "rows_total", "kind": "counter", "samples": [{"name": "rows_total", "value": 7}]},
            {"name": "write_us", "kind": "histogram", "samples": [
                {"name": "write_us_bucket", "labels": {"le": "10", "table": "a\"b\\c\nd"}, "value": 3},
                {"name": "write_us_bucket", "labels": {"le": "+Inf", "table": "a\"b\\c\nd"}, "value": 4},
                {"name": "write_us_sum", "labels": {"table": "a\"b\\c\nd"}, "value": 55.5},
                {"name": "write_us_count", "labels": {"table": "a\"b\\c\nd"}, "value": 4}]}]});
    assert_eq!(client.post("/v1/report", &body.to_string()).await.0, 204);

    let (status, metrics) = client.without_token().get("/metrics").await;
    assert_eq!(status, 200);
    let who = "service=\"landry-ces-historywriter\",instance=\"pod-1\"";
    for line in [
        format!("service_up{{{who}}} 1"),
        format!("service_lag_sequences{{{who}}} 12"),
        "# TYPE rows_total counter".to_owned(),
        format!("rows_total{{{who}}} 7"),
        "# TYPE write_us histogram".to_owned(),
        format!("write_us_bucket{{{who},le=\"10\",table=\"a\\\"b\\\\c\\nd\"}} 3"),
        format!("write_us_sum{{{who},table=\"a\\\"b\\\\c\\nd\"}} 55.5"),
    ] {
        assert!(metrics.lines().any(|other| other == line), "{line}\nis not in\n{metrics}");
    }

    let (status, services) = client.get("/v1/services").await;
    let services: Value = serde_json::from_str(&services).expect("JSON");
    assert_eq!(status, 200);
    let row = &services["rows"][0];
    assert_eq!(
        (&row["service"], &row["state"], &row["lag"]),
        (&json!("landry-ces-historywriter"), &json!("ready"), &json!(12))
    );

    let (_, series) = client.get("/v1/series?service=landry-ces-historywriter&name=write_us_p99").await;
    let series: Value = serde_json::from_str(&series).expect("JSON");
    assert_eq!(series["rows"][0]["points"][0]["value"], json!(10.0), "{series}");
    let (_, none) = client.get("/v1/series?service=other").await;
    assert_eq!(serde_json::from_str::<Value>(&none).expect("JSON"), json!({"rows": []}));
    fixture.service.running.stop().await.expect("stops");
}

#[tokio::test]
async fn only_services_of_the_deployment_report_and_ask() {
    let fixture = fixture(MonitorCenterSection::default()).await;
    let stranger = fixture.client.without_token();
    let wrong = Client { token: format!("Bearer {}", "0".repeat(64)), ..fixture.client.clone() };
    let body = serde_json::to_string(&report("x")).expect("JSON");
    for client in [&stranger, &wrong] {
        assert_eq!(client.post("/v1/report", &body).await.0, 401);
        for path in ["/v1/services", "/v1/series", "/v1/events"] {
            assert_eq!(client.get(path).await.0, 401, "{path}");
        }
    }
    assert!(fixture.service.monitor.services().is_empty());
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(stranger.get(path).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn a_service_that_stops_reporting_is_named() {
    let fixture = fixture(MonitorCenterSection { silent_after_ms: 400, ..Default::default() }).await;
    let monitor = &fixture.service.monitor;
    monitor.report(report("quiet")).expect("is taken");
    monitor.report(Report { health: Health::Stopped, ..report("stopped") }).expect("is taken");
    let started = std::time::Instant::now();
    until("is named", || {
        monitor.report(report("talks")).expect("is taken");
        monitor.events().iter().any(|event| event.service == "quiet" && event.state == ServiceState::Silent)
    })
    .await;
    assert!(started.elapsed() < Duration::from_secs(5), "within seconds");
    let states = ["quiet", "stopped", "talks"].map(|service| state_of(monitor, service));
    assert_eq!(states, [Some(ServiceState::Silent), Some(ServiceState::Stopped), Some(ServiceState::Ready)]);
    let metrics = monitor.metrics();
    assert!(metrics.contains("service_up{service=\"quiet\",instance=\"i\"} 0\n"), "{metrics}");
    assert!(metrics.contains("service_up{service=\"talks\",instance=\"i\"} 1\n"), "{metrics}");

    monitor.report(report("quiet")).expect("is taken");
    assert_eq!(state_of(monitor, "quiet"), Some(ServiceState::Ready));
    monitor.report(Report { health: Health::Failed, ..report("quiet") }).expect("is taken");
    let told: Vec<ServiceState> =
        monitor.events().into_iter().filter(|event| event.service == "quiet").map(|event| event.state).collect();
    let wanted = [ServiceState::Ready, ServiceState::Silent, ServiceState::Ready, ServiceState::Failed];
    assert_eq!(told, wanted, "each once");
}

#[tokio::test]
async fn bad_reports_are_refused_whole() {
    let config = MonitorCenterSection { instances_max: 3, report_bytes_max: 100_000, ..Default::default() };
    let fixture = fixture(config).await;
    let monitor = &fixture.service.monitor;
    let with = |families: Vec<Family>| Report { families, ..report("bad") };
    let gauge = |name: &str, samples: Vec<Sample>| vec![family(name, Kind::Gauge, samples)];
    let many = (0..10_001).map(|n| sample("g", &[("n", &n.to_string())], 1.0)).collect();
    let labels: Vec<(String, String)> = (0..21).map(|n| (format!("l{n}"), String::new())).collect();
    let labels: Vec<(&str, &str)> = labels.iter().map(|(label, value)| (label.as_str(), value.as_str())).collect();
    let rows = [
        ("no name", Report { service: String::new(), ..report("") }),
        ("a line break in a name", report("a\nservice_up 1")),
        ("a long name", report(&"x".repeat(201))),
        ("a metric name", with(gauge("9x", vec![]))),
        ("a metric name with a line break", with(gauge("x", vec![sample("x\ny 1", &[], 1.0)]))),
        ("another family", with(gauge("x", vec![sample("y", &[], 1.0)]))),
        ("a label name", with(gauge("x", vec![sample("x", &[("a b", "")], 1.0)]))),
        ("a label that is given", with(gauge("x", vec![sample("x", &[("service", "other")], 1.0)]))),
        ("a long label", with(gauge("x", vec![sample("x", &[("a", &"v".repeat(501))], 1.0)]))),
        ("many labels", with(gauge("x", vec![sample("x", &labels, 1.0)]))),
        ("many samples", with(gauge("g", many))),
    ];
    for (what, report) in rows {
        assert!(monitor.report(report).is_err(), "{what}");
    }
    assert!(monitor.services().is_empty());
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{\"service\":1}",
        &"[".repeat(10_000),
        "{\"service\":\"a\",\"instance\":\"b\",\"health\":\"well\"}",
    ] {
        assert_eq!(fixture.client.post("/v1/report", body).await.0, 400, "{body:.40}");
    }
    assert_eq!(fixture.client.post("/v1/report", &" ".repeat(200_000)).await.0, 413);
    for service in ["a", "b", "c"] {
        monitor.report(report(service)).expect("has room");
    }
    assert!(monitor.report(report("d")).is_err(), "no room");
    monitor.report(report("a")).expect("is known");
}

#[tokio::test]
async fn memory_is_bounded() {
    let config = MonitorCenterSection { series_max: 5, points_max: 4, events_max: 3, ..Default::default() };
    let fixture = fixture(config).await;
    let monitor = &fixture.service.monitor;
    for round in 0..10 {
        let samples = (0..8).map(|n| sample("g", &[("n", &n.to_string())], f64::from(round))).collect();
        let health = if round % 2 == 0 { Health::Ready } else { Health::Failed };
        let report = Report { health, families: vec![family("g", Kind::Gauge, samples)], ..report("big") };
        monitor.report(report).expect("is taken");
    }
    assert_eq!(monitor.events().len(), 3);
    let (_, series) = fixture.client.get("/v1/series?name=g").await;
    let series: Value = serde_json::from_str(&series).expect("JSON");
    let rows = series["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 5);
    for row in rows {
        let values: Vec<f64> =
            row["points"].as_array().expect("points").iter().map(|p| p["value"].as_f64().expect("a number")).collect();
        assert_eq!(values, [6.0, 7.0, 8.0, 9.0], "the newest");
    }
    assert!(monitor.metrics().contains("\nmonitor_series_refused_total 30\n"), "{}", monitor.metrics());
    assert_eq!(monitor.metrics().matches("\ng{").count(), 8, "what is newest is told in full");
}

#[tokio::test]
async fn an_agent_reports_for_the_services_of_its_process() {
    let fixture = fixture(MonitorCenterSection::default()).await;
    let monitor = fixture.service.monitor.clone();
    let mut starting = Starting::new("test-engine");
    let readiness = starting.readiness();
    let (fail, failing) = tokio::sync::oneshot::channel::<()>();
    starting.spawn(async move {
        let _ = failing.await;
        Err(allin_exchange::service::ServiceError::failed("test-engine", "was told to"))
    });
    let engine = starting.running();

    let mut agents = Starting::new("test-agent");
    let agent = Agent {
        sink: Sink::Here(monitor.clone()),
        process: "test-process",
        instance: "here".to_owned(),
        services: vec![Watched::running(&engine), Watched::new("test-other", || Health::Ready)],
        metrics: || {
            "# TYPE orders_total counter\norders_total{service=\"test-engine\"} 5\norders_total{service=\"unwatched\"} 6\n\
             orders_total 7\n# TYPE allin_consumer_lag_sequences gauge\nallin_consumer_lag_sequences{service=\"test-other\"} 9\n"
                .to_owned()
        },
    };
    agents.spawn(agent.run(agents.stopping()));
    let agents = agents.running();

    until("reports", || state_of(&monitor, "test-process").is_some()).await;
    assert_eq!(state_of(&monitor, "test-engine"), Some(ServiceState::Starting));
    readiness.set(true);
    until("is ready", || state_of(&monitor, "test-engine") == Some(ServiceState::Ready)).await;
    let metrics = monitor.metrics();
    for line in [
        "orders_total{service=\"test-engine\",instance=\"here\"} 5",
        "orders_total{service=\"test-process\",instance=\"here\",exported_service=\"unwatched\"} 6",
        "orders_total{service=\"test-process\",instance=\"here\"} 7",
        "service_lag_sequences{service=\"test-other\",instance=\"here\"} 9",
    ] {
        assert!(metrics.lines().any(|other| other == line), "{line}\nis not in\n{metrics}");
    }
    for figure in ["process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "host_load1"] {
        let line = metrics.lines().find(|line| line.starts_with(figure)).expect(figure);
        let value: f64 = line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number");
        assert!(value >= 0.0, "{line}");
    }
    drop(readiness);
    fail.send(()).expect("is heard");
    until("has failed", || state_of(&monitor, "test-engine") == Some(ServiceState::Failed)).await;
    agents.stop().await.expect("stops");
    assert_eq!(state_of(&monitor, "test-other"), Some(ServiceState::Stopped));
}
