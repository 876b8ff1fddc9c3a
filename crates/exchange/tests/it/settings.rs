//! The page of the services against the code.

use allin_exchange::{
    cachecenter, historyreader, historywriter, marketprice, matchengine, monitorcenter, tradesummary,
};
use allin_runtime::config::Section;
use serde::Serialize;

const PAGE: &str = include_str!("../../../../docs/services.md");

fn rows<S: Section + Serialize>() -> Vec<String> {
    let defaults = serde_json::to_value(S::default()).expect("sections are plain data");
    let table = defaults.as_object().expect("a section is a table").clone();
    let row = |(key, value): (String, serde_json::Value)| {
        let default = value.to_string().replace("\",\"", "\", \"");
        format!("| `{}.{key}` | `{default}` |", S::NAME)
    };
    table.into_iter().map(row).collect()
}

#[test]
fn the_page_lists_every_setting_and_default() {
    let sections = [
        rows::<matchengine::MatchEngineSection>(),
        rows::<marketprice::MarketPriceSection>(),
        rows::<historywriter::HistorySection>(),
        rows::<historywriter::HistoryWriterSection>(),
        rows::<historyreader::HistoryReaderSection>(),
        rows::<cachecenter::CacheCenterSection>(),
        rows::<tradesummary::TradeSummarySection>(),
        rows::<monitorcenter::MonitorCenterSection>(),
    ];
    let rows = sections.concat();
    for row in &rows {
        assert!(PAGE.contains(row), "docs/services.md lacks {row}");
    }
    // Rows of services outside of this crate are tested beside them.
    let ours = |line: &&str| line.starts_with("| `") && !line.starts_with("| `spotws.");
    assert_eq!(PAGE.lines().filter(ours).count(), rows.len());
}

/// The example is taken as it stands.
#[test]
fn the_genesis_example_is_a_genesis() {
    #[derive(serde::Deserialize)]
    struct File {
        genesis: allin_exchange::listing::GenesisSection,
    }
    let example = PAGE.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("has an example");
    let file: File = toml::from_str(example).expect("is TOML");
    assert_eq!(file.genesis.check().map_err(|error| error.reason), Ok(()));
    assert_eq!(file.genesis.markets.len(), 1);
}
