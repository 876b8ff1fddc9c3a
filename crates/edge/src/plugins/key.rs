//! By what the limit plugins tell clients apart, and a table of what each has used, which never grows without bound.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use hyper::header::{HeaderMap, HeaderName};

/// Clients that are told apart; those beyond share one entry, so that a flood of new ones limits itself.
const KEYS_MAX: usize = 65_536;
/// Longest part of a header that tells clients apart, bytes.
const KEY_BYTES_MAX: usize = 256;

/// A variable of APISIX.
#[derive(Debug, Clone)]
pub enum Key {
    RemoteAddr,
    /// `http_<name>`: a header; who does not send it is told by address.
    Header(HeaderName),
}

impl Key {
    pub fn parse(plugin: &str, kind: &str, name: &str) -> Result<Self, String> {
        if kind != "var" {
            return Err(format!("plugin {plugin}: key_type {kind:?} is not served; var is"));
        }
        if name == "remote_addr" {
            return Ok(Self::RemoteAddr);
        }
        let header = name.strip_prefix("http_").map(|name| name.replace('_', "-"));
        let header = header.and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok());
        header
            .map(Self::Header)
            .ok_or_else(|| format!("plugin {plugin}: key {name:?} is not served; remote_addr and http_… are"))
    }

    fn of(&self, client: IpAddr, headers: &HeaderMap) -> Vec<u8> {
        let address = || client.to_string().into_bytes();
        match self {
            Self::RemoteAddr => address(),
            Self::Header(name) => headers.get(name).map_or_else(address, |value| {
                let bytes = value.as_bytes();
                [b"=", &bytes[..bytes.len().min(KEY_BYTES_MAX)]].concat()
            }),
        }
    }
}

/// What each client has used.
#[derive(Debug)]
pub struct Usage<T> {
    key: Key,
    by_key: Mutex<HashMap<Vec<u8>, T>>,
}

impl<T> Usage<T> {
    pub fn new(key: Key) -> Self {
        Self { key, by_key: Mutex::default() }
    }

    /// Lets `act` see and change a client's entry; `is_old` says which entries mean nothing any more.
    pub fn with<R>(
        &self,
        client: IpAddr,
        headers: &HeaderMap,
        new: impl FnOnce() -> T,
        is_old: impl Fn(&T) -> bool,
        act: impl FnOnce(&mut T) -> R,
    ) -> R {
        let mut key = self.key.of(client, headers);
        // Entries are replaced whole, so they are sound even when somebody panicked while holding the lock.
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if by_key.len() >= KEYS_MAX && !by_key.contains_key(&key) {
            by_key.retain(|_, entry| !is_old(entry));
            if by_key.len() >= KEYS_MAX {
                key = Vec::new();
            }
        }
        act(by_key.entry(key).or_insert_with(new))
    }
}
