//! The page of the gateway against the code.

use allin_edge::GatewaySection;
use allin_runtime::config::Section;

const PAGE: &str = include_str!("../../../../docs/gateway.md");

#[test]
fn the_page_lists_every_setting_and_default() {
    let defaults = serde_json::to_value(GatewaySection::default()).expect("sections are plain data");
    let table = defaults.as_object().expect("a section is a table");
    for (key, value) in table {
        let row = format!("| `{}.{key}` | `{value}` |", GatewaySection::NAME);
        assert!(PAGE.contains(&row), "docs/gateway.md lacks {row}");
    }
    assert_eq!(PAGE.lines().filter(|line| line.starts_with("| `gateway.")).count(), table.len());
}

#[test]
fn what_cannot_be_meant_is_refused() {
    type Spoil = fn(&mut GatewaySection);
    let rows: [(&str, Spoil); 7] = [
        ("tls_listen", |config| config.tls_listen = "yes".into()),
        ("nlb_listen", |config| config.nlb_listen = "80".into()),
        ("tls_key", |config| config.tls_certificate = "a.pem".into()),
        ("connections_max", |config| config.connections_max = 0),
        ("header_bytes_max", |config| config.header_bytes_max = 100),
        ("body_timeout_ms", |config| config.body_timeout_ms = 0),
        ("tunnel_idle_s", |config| config.tunnel_idle_s = 0),
    ];
    assert_eq!(GatewaySection::default().check(), Ok(()));
    for (key, spoil) in rows {
        let mut config = GatewaySection::default();
        spoil(&mut config);
        assert_eq!(config.check().map_err(|invalid| invalid.key), Err(key));
    }
}
