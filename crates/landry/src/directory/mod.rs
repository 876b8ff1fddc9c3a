//! What the other services know of users and their API keys: the interface that userserver serves and everybody else asks.
//!
//! Whoever keeps an answer listens to [`Directory::changes`] and forgets it when it is named there, or when the channel
//! lags or closes. So a revoked key stops working within a second everywhere.
//!
//! userserver's own is an [`Index`]; it is served to other processes ([`serve`]), which keep a [`Mirror`] of it. A mirror
//! that has heard nothing for `directory.stale_max_ms` answers nothing: it could have missed a revocation.

mod config;
mod convert;
mod index;
mod mirror;
mod serve;

pub use config::DirectorySection;
pub use index::{Effect, Index};
pub use mirror::Mirror;
pub use serve::DirectoryService;

use std::net::IpAddr;
use std::sync::Arc;

use allin_core::ids::{Timestamp, UserId};
use async_trait::async_trait;
use tokio::sync::broadcast;

/// How requests of a key are signed, and what they are verified with.
#[derive(Clone, PartialEq, Eq)]
pub enum Verifier {
    /// The secret's text bytes.
    HmacSha256(Box<[u8]>),
    /// 32 bytes.
    Ed25519([u8; 32]),
    /// PKCS#1 DER (`RSAPublicKey`), 2048 to 4096 bits; signatures are RSASSA-PKCS1-v1_5 over SHA-256.
    Rsa(Box<[u8]>),
}

/// What a key may do.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Permissions {
    pub read: bool,
    pub spot_trade: bool,
    pub futures_trade: bool,
    pub withdraw: bool,
}

/// A range of addresses that a key may be used from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IpRange {
    pub network: IpAddr,
    /// Leading bits that count.
    pub bits: u8,
}

/// A live API key: one that was revoked is not found.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The public name, as in `X-MBX-APIKEY`.
    pub key: Box<str>,
    /// Whose it is: the account that the engine knows.
    pub user: UserId,
    pub label: Box<str>,
    pub verifier: Verifier,
    pub permissions: Permissions,
    /// Empty: from anywhere.
    pub ip_ranges: Vec<IpRange>,
    pub created_at: Timestamp,
    /// 0: never.
    pub expires_at: Timestamp,
}

/// What services need to know of an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountFacts {
    pub user: UserId,
    /// The master account of a sub-account; itself when none.
    pub master: UserId,
    /// Neither trades nor withdraws; logs in and reads.
    pub frozen: bool,
    pub kyc_level: u8,
    /// No withdrawal before this time: a credential was changed.
    pub withdrawals_held_until: Timestamp,
    /// Opened for the demonstration, with money that is worth nothing.
    pub demo: bool,
}

/// What is to be forgotten.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    Key(Arc<str>),
    User(UserId),
    /// Nobody knows what changed.
    Everything,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error("the user directory is away: {0}")]
    Unavailable(String),
}

#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// A key that exists and was not revoked. Expiry, addresses and permissions are the caller's to check.
    async fn key(&self, key: &str) -> Result<Option<Arc<ApiKey>>, DirectoryError>;

    async fn account(&self, user: UserId) -> Result<Option<Arc<AccountFacts>>, DirectoryError>;

    /// Everything that changes from now on.
    fn changes(&self) -> broadcast::Receiver<Change>;
}

impl IpRange {
    pub fn contains(&self, address: IpAddr) -> bool {
        let same = |a: u128, b: u128, width: u32| {
            let cut = width - u32::from(self.bits).min(width);
            a.checked_shr(cut).unwrap_or(0) == b.checked_shr(cut).unwrap_or(0)
        };
        // An IPv4 caller may arrive in IPv6's clothes.
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => same(network.to_bits().into(), address.to_bits().into(), 32),
            (IpAddr::V6(network), IpAddr::V6(address)) => same(network.to_bits(), address.to_bits(), 128),
            _ => false,
        }
    }
}

impl ApiKey {
    pub fn allows_address(&self, address: IpAddr) -> bool {
        self.ip_ranges.is_empty() || self.ip_ranges.iter().any(|range| range.contains(address))
    }

    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.0 != 0 && now >= self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_ranges() {
        let rows = [
            ("10.1.2.3", 32, "10.1.2.3", true),
            ("10.1.2.3", 32, "10.1.2.4", false),
            ("10.1.0.0", 16, "10.1.255.255", true),
            ("10.1.0.0", 16, "10.2.0.0", false),
            ("0.0.0.0", 0, "8.8.8.8", true),
            ("10.0.0.0", 8, "::ffff:10.9.9.9", true),
            ("::", 0, "::1", true),
            ("::", 0, "1.2.3.4", false),
            ("2001:db8::", 32, "2001:db8:1::1", true),
            ("2001:db8::", 32, "2001:db9::1", false),
        ];
        for (network, bits, address, expected) in rows {
            let range = IpRange { network: network.parse().expect("address"), bits };
            assert_eq!(range.contains(address.parse().expect("address")), expected, "{network}/{bits} {address}");
        }
    }
}
