//! `cors`: what browsers on other hosts may ask.

use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use hyper::{Method, Response};
use serde::Deserialize;

use crate::body::Body;

const NAME: &str = "cors";

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    allow_origins: String,
    allow_methods: String,
    allow_headers: String,
    expose_headers: String,
    /// Seconds.
    max_age: i64,
    allow_credential: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let any = || "*".to_owned();
        Self {
            allow_origins: any(),
            allow_methods: any(),
            allow_headers: any(),
            expose_headers: String::new(),
            max_age: 5,
            allow_credential: false,
        }
    }
}

#[derive(Debug)]
pub struct Cors {
    /// None for any.
    origins: Option<Vec<HeaderValue>>,
    fixed: Vec<(HeaderName, HeaderValue)>,
}

impl Cors {
    pub fn new(settings: Settings) -> Result<Self, String> {
        let Settings { allow_origins, allow_methods, allow_headers, expose_headers, max_age, allow_credential } =
            settings;
        let wrong = |text: &str| format!("plugin {NAME}: {text:?} is not served");
        let lists = [&allow_origins, &allow_methods, &allow_headers, &expose_headers];
        if let Some(text) = lists.into_iter().find(|text| text.contains("**")) {
            return Err(wrong(text));
        }
        if allow_credential && lists.into_iter().any(|text| text == "*") {
            return Err(format!("plugin {NAME}: allow_credential does not go with *"));
        }
        let value = |text: &str| HeaderValue::from_str(text).map_err(|_| wrong(text));
        let origins = match allow_origins.as_str() {
            "*" => None,
            list => Some(list.split(',').map(value).collect::<Result<Vec<_>, _>>()?),
        };
        let mut fixed = Vec::new();
        let rows = [
            (ACCESS_CONTROL_ALLOW_METHODS, allow_methods),
            (ACCESS_CONTROL_ALLOW_HEADERS, allow_headers),
            (ACCESS_CONTROL_EXPOSE_HEADERS, expose_headers),
            (ACCESS_CONTROL_MAX_AGE, max_age.to_string()),
            (ACCESS_CONTROL_ALLOW_CREDENTIALS, if allow_credential { "true".to_owned() } else { String::new() }),
        ];
        for (name, text) in rows.into_iter().filter(|(_, text)| !text.is_empty()) {
            fixed.push((name, value(&text)?));
        }
        Ok(Self { origins, fixed })
    }

    /// Answers a browser's question before a request; anything else goes on.
    pub fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response<Body>> {
        let asks = method == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        asks.then(|| Response::new(Body::empty()))
    }

    /// Adds what the browser has to know to an answer, in place of what the service said.
    pub fn allow(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        let allowed = match &self.origins {
            None => Some(HeaderValue::from_static("*")),
            Some(origins) => {
                headers.append(VARY, HeaderValue::from_static("Origin"));
                origin.filter(|origin| origins.contains(origin)).cloned()
            }
        };
        headers.remove(ACCESS_CONTROL_ALLOW_ORIGIN);
        let Some(allowed) = allowed else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        for (name, value) in &self.fixed {
            headers.insert(name.clone(), value.clone());
        }
    }
}
