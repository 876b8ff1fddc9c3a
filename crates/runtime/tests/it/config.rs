//! Later layers win, and every refusal names key, origin and reason.

use std::{fs, path::PathBuf};

use allin_runtime::config::{
    Deployment, EngineSection, HealthSection, Layers, Listen, LogSection, NodeSection, PortsSection, SECTIONS, Section,
    Settings, SnapshotSection, StoreSection, TelemetrySection, TopologySection,
};
use expect_test::{Expect, expect};
use serde::Serialize;

/// Layers of a file, variables, and `key=value` flags.
fn layers(file: &str, environment: &[(&str, &str)], flags: &[&str]) -> Result<Settings, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("allin.toml");
    fs::write(&path, file).unwrap();
    let pairs = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let build = || {
        let mut layers = Layers::new().file(&path)?.environment(pairs)?;
        for flag in flags {
            let (key, value) = flag.split_once('=').unwrap();
            layers = layers.flag("--set", key, value)?;
        }
        let settings = layers.done();
        settings.refuse_unknown(&SECTIONS)?;
        settings.section::<NodeSection>()?;
        settings.section::<PortsSection>()?;
        settings.section::<TopologySection>()?;
        settings.section::<LogSection>()?;
        settings.section::<SnapshotSection>()?;
        settings.section::<EngineSection>()?;
        settings.section::<TelemetrySection>()?;
        settings.section::<StoreSection>()?;
        Ok(settings)
    };
    let result: Result<Settings, allin_runtime::config::ConfigError> = build();
    result.map_err(|error| error.to_string().replace(directory.path().to_str().unwrap(), "DIR"))
}

fn refused(file: &str, environment: &[(&str, &str)], flags: &[&str], message: Expect) {
    message.assert_eq(&layers(file, environment, flags).map(|_| ()).unwrap_err());
}

fn section<S: Section>(file: &str, environment: &[(&str, &str)], flags: &[&str]) -> S {
    layers(file, environment, flags).unwrap().section().unwrap()
}

#[test]
fn defaults_are_valid() {
    let settings = layers("", &[], &[]).unwrap();
    assert_eq!(settings.section::<NodeSection>().unwrap(), NodeSection::default());
    assert_eq!(settings.section::<LogSection>().unwrap(), LogSection::default());
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let file = "[node]\ndata = '/file'\nlisten = 'off'\n[snapshot]\nkeep = 7";
    let environment = [("ALLIN_NODE__DATA", "/environment"), ("HOME", "/root"), ("ALLIN_CONFIG", "x")];
    let node: NodeSection = section(file, &environment, &[]);
    assert_eq!(node.data, PathBuf::from("/environment"));
    assert_eq!(node.listen, Listen::Off);
    let node: NodeSection = section(file, &environment, &["node.data=/flag"]);
    assert_eq!(node.data, PathBuf::from("/flag"));
    let snapshot: SnapshotSection = section(file, &[], &[]);
    assert_eq!((snapshot.keep, snapshot.interval_s), (7, 60));
}

#[test]
fn a_port_is_one_key_in_every_layer() {
    let address = "127.0.0.1:18080".parse().unwrap();
    let quoted = "[ports]\n'landry-ces-accesshttp.8080' = '127.0.0.1:18080'";
    let dotted = "[ports]\nlandry-ces-accesshttp.8080 = '127.0.0.1:18080'";
    let variable = [("ALLIN_PORTS__LANDRY_CES_ACCESSHTTP__8080", "127.0.0.1:18080")];
    let flag = ["ports.landry-ces-accesshttp.8080=127.0.0.1:18080"];
    let ports: [PortsSection; 4] =
        [section(quoted, &[], &[]), section(dotted, &[], &[]), section("", &variable, &[]), section("", &[], &flag)];
    for ports in ports {
        assert_eq!(ports.0.get("landry-ces-accesshttp.8080"), Some(&address));
    }
}

#[test]
fn a_refused_value_names_key_origin_and_reason() {
    refused(
        "[log]\nsegment_bytes = 'big'",
        &[],
        &[],
        expect![[
            r#"configuration key log.segment_bytes (set by file DIR/allin.toml): invalid type: string "big", expected u64"#
        ]],
    );
    refused(
        "",
        &[("ALLIN_LOG__SEGMENT_BYTES", "5000000")],
        &[],
        expect![
            "configuration key log.segment_bytes (set by environment ALLIN_LOG__SEGMENT_BYTES): must be a multiple of 4096"
        ],
    );
    refused(
        "",
        &[],
        &["snapshot.keep=-1"],
        expect!["configuration key snapshot.keep (set by flag --set): invalid value: integer `-1`, expected u32"],
    );
    refused(
        "",
        &[],
        &["engine.cancels_reserved=40000"],
        expect!["configuration key engine.cancels_reserved (set by flag --set): 40000 is not between 1 and 32768"],
    );
    refused(
        "[node]\nlisten = 'maybe'",
        &[],
        &[],
        expect![
            "configuration key node.listen (set by file DIR/allin.toml): unknown variant `maybe`, expected `on` or `off`"
        ],
    );
    refused(
        "",
        &[("ALLIN_TELEMETRY__LEVEL", "a=b=c")],
        &[],
        expect![[
            r#"configuration key telemetry.level (set by environment ALLIN_TELEMETRY__LEVEL): "a=b=c": error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5"#
        ]],
    );
    refused(
        "[ports]\nx.1 = 'here'",
        &[],
        &[],
        expect!["configuration key ports.x.1 (set by file DIR/allin.toml): invalid socket address syntax"],
    );
    refused(
        "",
        &[],
        &["topology.internal_domain=in.allinpro.com"],
        expect![
            "configuration key topology.internal_domain (set by flag --set): must not lie within allinpro.com, nor the other way round"
        ],
    );
}

#[test]
fn an_unknown_key_is_refused_wherever_it_is() {
    refused(
        "[log]\nsegment_byte = 1",
        &[],
        &[],
        expect![
            "configuration key log.segment_byte (set by file DIR/allin.toml): unknown field `segment_byte`, expected one of `kind`, `keep`, `trim_interval_s`, `segment_bytes`, `batch_commands_max`, `batch_bytes_max`"
        ],
    );
    refused(
        "[logs]\nsegment_bytes = 1",
        &[],
        &[],
        expect![
            "configuration key logs (set by file DIR/allin.toml): there is no such section; there are: node, ports, instances, health, topology, log, snapshot, engine, telemetry, store"
        ],
    );
    refused(
        "data = '/x'",
        &[],
        &[],
        expect!["configuration key data (set by file DIR/allin.toml): every key belongs to a [section]"],
    );
    refused(
        "",
        &[("ALLIN_NODE__DATAS", "x")],
        &[],
        expect![
            "configuration key node.datas (set by environment ALLIN_NODE__DATAS): unknown field `datas`, expected one of `data`, `listen`, `loopback`, `instance`, `addressing`, `token`"
        ],
    );
    refused(
        "",
        &[("ALLIN_DATA", "x")],
        &[],
        expect![
            "configuration key data (set by environment ALLIN_DATA): not a setting: write ALLIN_SECTION__KEY, with two underscores between"
        ],
    );
    refused(
        "",
        &[],
        &["node.nothing=1"],
        expect![
            "configuration key node.nothing (set by flag --set): unknown field `nothing`, expected one of `data`, `listen`, `loopback`, `instance`, `addressing`, `token`"
        ],
    );
    refused(
        "",
        &[],
        &["node=1"],
        expect!["configuration key node (set by flag --set): not a setting: write section.key"],
    );
    refused(
        "[node]\ndata = 'a'",
        &[],
        &["node.data.more=1"],
        expect!["configuration key node.data.more (set by flag --set): its parent is a value, not a table"],
    );
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_its_line() {
    refused(
        "[node\n",
        &[],
        &[],
        // Not the line itself: it may hold a password.
        expect!["configuration DIR/allin.toml: line 1: unclosed table, expected `]`"],
    );
    let missing = Layers::new().file(&PathBuf::from("/nowhere/allin.toml")).unwrap_err().to_string();
    expect!["configuration /nowhere/allin.toml: No such file or directory (os error 2)"].assert_eq(&missing);
}

#[test]
fn in_a_cluster_others_are_reached_by_name_and_the_token_is_never_shown() {
    let token = "0123456789abcdef".repeat(4);
    let environment = [("ALLIN_NODE__ADDRESSING", "cluster"), ("ALLIN_NODE__TOKEN", token.as_str())];
    let variables = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Layers::new().environment(variables).unwrap().done();
    let deployment = Deployment::new(&settings).unwrap();
    let reached = deployment.addresses.endpoint("landry-ces-matchengine", 7316);
    assert_eq!(reached.as_deref(), Some("landry-ces-matchengine.landry.svc.cluster.local:7316"));
    let node: NodeSection = settings.section().unwrap();
    assert_eq!(node.token.0, token);
    assert!(!format!("{node:?}{}", serde_json::to_string(&node).unwrap()).contains(&token));

    let short = [("ALLIN_NODE__TOKEN".to_owned(), "0123".to_owned())];
    let refused = Layers::new().environment(short).unwrap().done().section::<NodeSection>().unwrap_err().to_string();
    assert!(refused.contains("node.token (set by environment ALLIN_NODE__TOKEN): must be 64"), "{refused}");
}

/// Every key with its default, and no other, is in the documentation.
#[test]
fn the_documentation_lists_every_key_and_default() {
    const TEXT: &str = include_str!("../../../../docs/configuration.md");
    fn keys<S: Section + Serialize>() -> impl Iterator<Item = String> {
        let defaults = serde_json::to_value(S::default()).expect("sections are plain data");
        let table = defaults.as_object().expect("a section is a table").clone();
        table.into_iter().map(|(key, value)| {
            let default = value.to_string().replace("\",\"", "\", \"");
            format!("| `{}.{key}` | `{default}` |", S::NAME)
        })
    }
    let keys = keys::<NodeSection>()
        .chain(keys::<TopologySection>())
        .chain(keys::<LogSection>())
        .chain(keys::<SnapshotSection>())
        .chain(keys::<EngineSection>())
        .chain(keys::<TelemetrySection>())
        .chain(keys::<HealthSection>())
        .chain(keys::<StoreSection>());
    let mut count = 0;
    for key in keys {
        assert!(TEXT.contains(&key), "docs/configuration.md lacks {key}");
        count += 1;
    }
    // Besides those there are the rows of the ports and of the instances.
    assert_eq!(TEXT.lines().filter(|line| line.starts_with("| `")).count(), count + 2);
}
