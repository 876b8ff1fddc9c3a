//! The page of the services against the code.

use allin_landry::spotws::SpotWsSection;
use allin_runtime::config::Section;

const PAGE: &str = include_str!("../../../../../docs/services.md");

#[test]
fn the_page_lists_every_setting_and_default() {
    let defaults = serde_json::to_value(SpotWsSection::default()).expect("sections are plain data");
    let defaults = defaults.as_object().expect("a section is a table");
    for (key, value) in defaults {
        let default = value.to_string().replace("\",\"", "\", \"");
        let row = format!("| `{}.{key}` | `{default}` |", SpotWsSection::NAME);
        assert!(PAGE.contains(&row), "docs/services.md lacks {row}");
    }
    let prefix = format!("| `{}.", SpotWsSection::NAME);
    assert_eq!(PAGE.lines().filter(|line| line.starts_with(&prefix)).count(), defaults.len());
}
