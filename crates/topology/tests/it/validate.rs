//! Each fault is found by name.

use allin_topology::{Topology, TopologyError};

const TEXT: &str = include_str!("../../../../topology.yaml");

/// Changes the real file in one place and expects this complaint.
fn refuses(from: &str, to: &str, complaint: &str) {
    assert!(TEXT.contains(from), "the file has no {from:?} to change");
    let error = Topology::parse(&TEXT.replacen(from, to, 1)).expect_err(complaint);
    assert!(error.to_string().contains(complaint), "{error}");
}

#[test]
fn the_embedded_file_is_valid() {
    Topology::parse(TEXT).unwrap();
    assert_eq!(Topology::embedded().services.len(), 59);
}

#[test]
fn names_addresses_and_ports_are_unique() {
    refuses("name: landry-apa-spa", "name: landry-anemone-web", "landry-anemone-web is there twice");
    refuses("address: 127.20.1.2\n", "address: 127.20.1.1\n", "both have 127.20.1.1");
    refuses("port: 7811", "port: 7810", "port 7810 (deals) is zero or there twice");
    refuses("node_port: 30906", "node_port: 30864", "node port 30864");
}

#[test]
fn names_and_addresses_belong_to_their_namespace() {
    refuses("name: landry-apa-spa", "name: apa-spa", "apa-spa does not begin with landry-");
    refuses("address: 127.20.1.2\n", "address: 127.20.2.99\n", "127.20.2.99 is not a host of 127.20.1.0/24");
}

#[test]
fn references_lead_somewhere() {
    refuses("spotws-web]\n", "spotws]\n", "which does not exist");
    refuses(
        "morph/morph-futuresopen-web:8080",
        "morph/morph-futuresopen-web:8081",
        "route to morph/morph-futuresopen-web:8081",
    );
    refuses("forwards_to: [apisix]", "forwards_to: [apisixx]", "forwards to apisixx");
    refuses("load_balancer: awf-spa-nlb", "load_balancer: other-nlb", "other-nlb does not forward to it");
}

#[test]
fn dependencies_form_no_circle() {
    refuses(
        "depends_on: [landry-ces-matchengine, spotdb, spotredis]",
        "depends_on: [landry-anemone-web]",
        "circle among: ",
    );
}

#[test]
fn how_a_service_runs_makes_sense() {
    refuses("    schedule: \"0 4 * * *\"\n", "", "broker-daily-report: a job has a schedule");
    refuses(
        "    schedule: \"0 4 * * *\"\n",
        "    schedule: daily\n",
        "broker-daily-report: a schedule has five fields",
    );
    refuses("    keeps: klines", "    scales: true\n    keeps: klines", "marketprice: what keeps something");
    refuses("    schedule: \"0 4 * * *\"\n", "    schedule: \"0 4 * * *\"\n    keeps: sums\n", "a job keeps nothing");
}

#[test]
fn unknown_fields_are_refused() {
    let error = Topology::parse(&TEXT.replacen("role:", "rolle:", 1)).unwrap_err();
    assert!(matches!(error, TopologyError::Parse(_)), "{error}");
    assert!(error.to_string().contains("rolle"), "{error}");
}
