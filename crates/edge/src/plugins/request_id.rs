//! `request-id`: one name for a request in all logs.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use crate::headers::REQUEST_ID;

/// Longest name that we take from a client, bytes.
const LEN_MAX: usize = 128;

/// Different in each process, so that names of two processes differ.
static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("request-id"));
static NEXT: AtomicU64 = AtomicU64::new(0);

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    header_name: String,
    include_in_response: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { header_name: REQUEST_ID.as_str().to_owned(), include_in_response: true }
    }
}

#[derive(Debug)]
pub struct RequestId {
    header: HeaderName,
    pub answered: bool,
}

impl RequestId {
    pub fn new(settings: Settings) -> Result<Self, String> {
        let header = HeaderName::from_bytes(settings.header_name.as_bytes());
        let header = header.map_err(|_| format!("plugin request-id: {:?} is not a header", settings.header_name))?;
        Ok(Self { header, answered: settings.include_in_response })
    }

    pub fn header(&self) -> HeaderName {
        self.header.clone()
    }

    /// Keeps the client's name where it is a plain one, else gives one.
    pub fn apply(&self, headers: &mut HeaderMap) -> HeaderValue {
        let mut said = headers.get_all(&self.header).iter();
        if let (Some(value), None) = (said.next(), said.next()) {
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
            if (1..=LEN_MAX).contains(&value.len()) && value.as_bytes().iter().all(plain) {
                return value.clone();
            }
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let value =
            HeaderValue::from_str(&format!("{:016x}{number:016x}", *PROCESS)).expect("digits are a header's value");
        headers.insert(self.header.clone(), value.clone());
        value
    }
}
