//! `proxy-rewrite`: another path, host or headers for the service. The query always stays as it came.

use std::collections::BTreeMap;

use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use serde::Deserialize;

const NAME: &str = "proxy-rewrite";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    uri: Option<String>,
    host: Option<String>,
    headers: HeaderSettings,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct HeaderSettings {
    set: BTreeMap<String, String>,
    add: BTreeMap<String, String>,
    remove: Vec<String>,
}

#[derive(Debug)]
pub struct ProxyRewrite {
    uri: Option<String>,
    host: Option<HeaderValue>,
    set: Vec<(HeaderName, HeaderValue)>,
    add: Vec<(HeaderName, HeaderValue)>,
    remove: Vec<HeaderName>,
}

impl ProxyRewrite {
    pub fn new(settings: Settings) -> Result<Self, String> {
        let wrong = |text: &str| format!("plugin {NAME}: {text:?} is not served");
        // `$` begins a variable there.
        let value =
            |text: &str| HeaderValue::from_str(text).ok().filter(|_| !text.contains('$')).ok_or_else(|| wrong(text));
        let name = |text: &str| HeaderName::from_bytes(text.as_bytes()).map_err(|_| wrong(text));
        let pairs = |map: &BTreeMap<String, String>| {
            map.iter().map(|(key, text)| Ok((name(key)?, value(text)?))).collect::<Result<Vec<_>, String>>()
        };
        if let Some(uri) = &settings.uri {
            crate::target::check_path(uri).ok().filter(|()| !uri.contains('$')).ok_or_else(|| wrong(uri))?;
        }
        Ok(Self {
            host: settings.host.as_deref().map(value).transpose()?,
            uri: settings.uri,
            set: pairs(&settings.headers.set)?,
            add: pairs(&settings.headers.add)?,
            remove: settings.headers.remove.iter().map(|text| name(text)).collect::<Result<_, _>>()?,
        })
    }

    /// The path to ask for.
    pub fn target(&self, asked: &PathAndQuery) -> PathAndQuery {
        let Some(uri) = &self.uri else { return asked.clone() };
        let text = match asked.query() {
            None => uri.clone(),
            Some(query) => format!("{uri}?{query}"),
        };
        text.parse().expect("a checked path and a parsed query are a target")
    }

    pub fn headers(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.add {
            headers.append(name.clone(), value.clone());
        }
        for (name, value) in &self.set {
            headers.insert(name.clone(), value.clone());
        }
        for name in &self.remove {
            headers.remove(name);
        }
        if let Some(host) = &self.host {
            headers.insert(HOST, host.clone());
        }
    }
}
