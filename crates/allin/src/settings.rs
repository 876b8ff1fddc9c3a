//! The flags of every command that reads the configuration, and how its layers come together.

use std::{env, path::PathBuf};

use allin_cluster::{etcd::EtcdSection, kafka::KafkaSection, redis::CacheSection};
use allin_edge::GatewaySection;
use allin_exchange::listing::GenesisSection;
use allin_exchange::{
    accesshttp, cachecenter, historyreader, historywriter, marketprice, matchengine, monitorcenter, tradesummary,
};
use allin_landry::directory::DirectorySection;
use allin_landry::{spotapi, spotws, userserver};
use allin_runtime::config::{ConfigError, Layers, SECTIONS, Section, Settings};
use clap::Args;

use crate::demo::DemoSection;

/// Where settings come from.
#[derive(Debug, Default, Args)]
pub struct SettingsArgs {
    /// Reads settings from this TOML file
    #[arg(long, value_name = "FILE", env = "ALLIN_CONFIG", help_heading = "Settings")]
    config: Option<PathBuf>,

    /// Keeps everything in this directory (node.data) [default: data]
    #[arg(long, value_name = "DIR", help_heading = "Settings")]
    data: Option<String>,

    /// Serves the internal ports, or the public ones only (node.listen) [default: on]
    #[arg(long, value_name = "on|off", help_heading = "Settings")]
    listen: Option<String>,

    /// Sets any key; may be given more than once
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE", help_heading = "Settings")]
    set: Vec<String>,
}

impl SettingsArgs {
    /// Puts file, environment and flags over each other, and refuses sections that nobody knows.
    pub fn load(&self) -> Result<Settings, ConfigError> {
        self.load_with(&[], &[])
    }

    /// The same flags, for another process.
    pub fn as_arguments(&self) -> Vec<String> {
        let config = self.config.as_ref().map(|path| path.display().to_string());
        let single =
            [("--config", config.as_ref()), ("--data", self.data.as_ref()), ("--listen", self.listen.as_ref())];
        let single = single.into_iter().filter_map(|(flag, value)| Some((flag, value?)));
        let set = self.set.iter().map(|value| ("--set", value));
        single.chain(set).flat_map(|(flag, value)| [flag.to_owned(), value.clone()]).collect()
    }

    /// The same, with a command's own defaults (`key`, value) below, and its own flags (`--flag`, key, value) on top.
    pub fn load_with(
        &self,
        defaults: &[(&str, &str)],
        flags: &[(&str, &str, Option<&str>)],
    ) -> Result<Settings, ConfigError> {
        let mut layers = Layers::new();
        for (key, value) in defaults {
            layers = layers.preset(key, value)?;
        }
        if let Some(path) = &self.config {
            layers = layers.file(path)?;
        }
        // Settings are text; a variable that is not cannot be one of ours.
        let variables =
            env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        layers = layers.environment(variables)?;
        for assignment in &self.set {
            let (key, value) = assignment.split_once('=').unwrap_or((assignment, ""));
            // Never the value: it may be a token, or a URL with a password.
            layers = layers.flag(&format!("--set {key}"), key, value)?;
        }
        if let Some(data) = &self.data {
            layers = layers.flag_text("--data", "node.data", data)?;
        }
        if let Some(listen) = &self.listen {
            layers = layers.flag_text("--listen", "node.listen", listen)?;
        }
        for (flag, key, value) in flags {
            if let Some(value) = value {
                layers = layers.flag_text(flag, key, value)?;
            }
        }
        let settings = layers.done();
        settings.refuse_unknown(&sections())?;
        Ok(settings)
    }
}

/// Every section that somebody reads: the runtime's, then the roles'.
pub fn sections() -> Vec<&'static str> {
    let roles = [
        KafkaSection::NAME,
        EtcdSection::NAME,
        CacheSection::NAME,
        GenesisSection::NAME,
        GatewaySection::NAME,
        DemoSection::NAME,
        DirectorySection::NAME,
        accesshttp::Config::NAME,
        cachecenter::CacheCenterSection::NAME,
        historyreader::HistoryReaderSection::NAME,
        historywriter::HistorySection::NAME,
        historywriter::HistoryWriterSection::NAME,
        marketprice::MarketPriceSection::NAME,
        matchengine::MatchEngineSection::NAME,
        monitorcenter::MonitorCenterSection::NAME,
        tradesummary::TradeSummarySection::NAME,
        spotapi::SpotApiSection::NAME,
        spotws::SpotWsSection::NAME,
        userserver::UsersSection::NAME,
    ];
    SECTIONS.into_iter().chain(roles).collect()
}
