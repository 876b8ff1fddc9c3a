//! Lays file, environment and flags over each other and remembers which of them set each key.

use std::{collections::BTreeMap, fs, path::Path};

use toml::{Table, Value};

use crate::config::{
    InstancesSection, PortsSection, Section,
    error::{ConfigError, Origin},
};

const PREFIX: &str = "ALLIN_";

/// Variables that begin like a setting and are none.
const RESERVED: [&str; 2] = ["ALLIN_CONFIG", "ALLIN_TOPOLOGY_MD"];

/// Collects the layers; later calls win, so call in the order file, environment, flags.
#[derive(Debug, Default)]
pub struct Layers {
    settings: Settings,
}

impl Layers {
    /// Nothing but defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a TOML file.
    pub fn file(mut self, path: &Path) -> Result<Self, ConfigError> {
        let refuse = |reason| ConfigError::File { path: path.to_owned(), reason };
        let text = fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
        let table: Table = toml::from_str(&text).map_err(|error| refuse(told(&text, &error)))?;
        let origin = Origin::File(path.to_owned());
        for (name, value) in table {
            match value {
                Value::Table(section) => self.settings.table(vec![name], section, &origin)?,
                _ => return Err(unknown(name, origin, "every key belongs to a [section]")),
            }
        }
        Ok(self)
    }

    /// Adds the `ALLIN_SECTION__KEY` variables among these.
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        for (variable, text) in variables {
            let Some(rest) = variable.strip_prefix(PREFIX) else {
                continue;
            };
            if RESERVED.contains(&variable.as_str()) {
                continue;
            }
            let mut path: Vec<String> = rest.split("__").map(str::to_lowercase).collect();
            if path.len() < 2 || path.iter().any(String::is_empty) {
                let reason = "not a setting: write ALLIN_SECTION__KEY, with two underscores between";
                return Err(unknown(rest.to_lowercase(), Origin::Environment(variable), reason));
            }
            if [PortsSection::NAME, InstancesSection::NAME].contains(&path[0].as_str()) {
                // Services' names have hyphens, which variables cannot have.
                path[1] = path[1].replace('_', "-");
            }
            let value = value_of(&text);
            self.settings.set(path, value, Origin::Environment(variable))?;
        }
        Ok(self)
    }

    /// Adds a command's own default of one `section.key`; belongs below all other layers.
    pub fn preset(mut self, key: &str, text: &str) -> Result<Self, ConfigError> {
        let path = key.split('.').map(str::to_owned).collect();
        self.settings.set(path, value_of(text), Origin::Default)?;
        Ok(self)
    }

    /// Adds one `section.key` from a flag; `flag` is what the user typed, for messages.
    pub fn flag(mut self, flag: &str, key: &str, text: &str) -> Result<Self, ConfigError> {
        let origin = Origin::Flag(flag.to_owned());
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        if path.len() < 2 || path.iter().any(String::is_empty) {
            return Err(unknown(key.to_owned(), origin, "not a setting: write section.key"));
        }
        self.settings.set(path, value_of(text), origin)?;
        Ok(self)
    }

    /// Adds one `section.key` whose value is text whatever it looks like.
    pub fn flag_text(mut self, flag: &str, key: &str, text: &str) -> Result<Self, ConfigError> {
        let path = key.split('.').map(str::to_owned).collect();
        let origin = Origin::Flag(flag.to_owned());
        self.settings.set(path, Value::String(text.to_owned()), origin)?;
        Ok(self)
    }

    /// The layers as one.
    pub fn done(self) -> Settings {
        self.settings
    }
}

/// All that was set, section by section.
#[derive(Debug, Default)]
pub struct Settings {
    sections: Table,
    origins: BTreeMap<String, Origin>,
}

impl Settings {
    /// Reads one section, its defaults filled in, and checks it.
    pub fn section<S: Section>(&self) -> Result<S, ConfigError> {
        let table = match self.sections.get(S::NAME) {
            Some(value) => value.clone(),
            None => Value::Table(Table::new()),
        };
        let section: S = serde_path_to_error::deserialize(table).map_err(|error| {
            let inside = error.path().to_string();
            // "." is the section itself.
            let key = match inside.as_str() {
                "." => S::NAME.to_owned(),
                _ => format!("{}.{inside}", S::NAME),
            };
            self.refuse(key, error.inner().message().to_owned())
        })?;
        match section.check() {
            Ok(()) => Ok(section),
            Err(invalid) => Err(self.refuse(format!("{}.{}", S::NAME, invalid.key), invalid.reason)),
        }
    }

    /// Refuses sections that nobody knows; `known` are the names of all layers' sections.
    pub fn refuse_unknown(&self, known: &[&str]) -> Result<(), ConfigError> {
        for name in self.sections.keys() {
            if !known.contains(&name.as_str()) {
                let reason = format!("there is no such section; there are: {}", known.join(", "));
                return Err(self.refuse(name.clone(), reason));
            }
        }
        Ok(())
    }

    /// Where a key was set.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// An error about a key, with its origin: also for what can be checked only later, such as a port in use.
    pub fn refuse(&self, key: String, reason: String) -> ConfigError {
        // A table's fault is the fault of what was set inside it.
        let inside = format!("{key}.");
        let first_inside = self.origins.iter().find(|(other, _)| other.starts_with(&inside));
        let origin = match (self.origins.get(&key), first_inside) {
            (Some(origin), _) | (None, Some((_, origin))) => origin.clone(),
            (None, None) => Origin::Default,
        };
        ConfigError::Key { key, origin, reason }
    }

    fn table(&mut self, path: Vec<String>, table: Table, origin: &Origin) -> Result<(), ConfigError> {
        for (name, value) in table {
            let mut path = path.clone();
            path.push(name);
            match value {
                Value::Table(inner) => self.table(path, inner, origin)?,
                value => self.set(path, value, origin.clone())?,
            }
        }
        Ok(())
    }

    fn set(&mut self, mut path: Vec<String>, value: Value, origin: Origin) -> Result<(), ConfigError> {
        let key = path.join(".");
        if path[0] == PortsSection::NAME {
            // `<service>.<port>` is one key there, and TOML takes its dot for a table.
            path = vec![path[0].clone(), path[1..].join(".")];
        }
        let last = path.pop().expect("a path has a section and a key");
        let mut table = &mut self.sections;
        for name in path {
            let inner = table.entry(name).or_insert_with(|| Value::Table(Table::new()));
            table = match inner {
                Value::Table(inner) => inner,
                _ => return Err(unknown(key, origin, "its parent is a value, not a table")),
            };
        }
        table.insert(last, value);
        self.origins.insert(key, origin);
        Ok(())
    }
}

/// What is wrong and in which line; the line itself may hold a password.
fn told(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    match before {
        Some(before) => format!("line {}: {}", before.matches('\n').count() + 1, error.message()),
        None => error.message().to_owned(),
    }
}

fn unknown(key: String, origin: Origin, reason: &str) -> ConfigError {
    let reason = reason.to_owned();
    ConfigError::Key { key, origin, reason }
}

/// Text as a TOML number, boolean or array where it is one.
fn value_of(text: &str) -> Value {
    let parsed: Option<Table> = toml::from_str(&format!("value = {text}")).ok();
    match parsed.and_then(|mut table| table.remove("value")) {
        Some(value @ (Value::Integer(_) | Value::Boolean(_) | Value::Array(_) | Value::String(_))) => value,
        _ => Value::String(text.to_owned()),
    }
}
