//! API keys: of the account of whoever is logged in, and of its sub-accounts.

pub mod change;
pub mod create;
pub mod list;
pub mod revoke;

use std::collections::BTreeSet;

use allin_core::ids::{Timestamp, UserId};
use allin_runtime::store::Tx;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Ref;
use utoipa::openapi::schema::{Array, ArrayBuilder};

use super::account::ms;
use super::app::App;
use super::error::Problem;
use super::http::text::IpText;
use super::tables::accounts::{self, Account};
use super::tables::api_keys::{self, parse_range, range_text};
use crate::directory::{ApiKey, IpRange, Permissions, Verifier};

const IP_RANGES_MAX: usize = 30;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    Read,
    SpotTrade,
    FuturesTrade,
    Withdraw,
}

/// One at least, none twice.
fn permissions_schema() -> Array {
    let items = Ref::from_schema_name("Permission");
    ArrayBuilder::new().items(items).min_items(Some(1)).unique_items(true).build()
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// HMAC-SHA256 with a secret that is made here.
    Hmac,
    /// The user keeps the private key.
    Ed25519,
    /// RSASSA-PKCS1-v1_5 with SHA-256; the user keeps the private key.
    Rsa,
}

#[derive(Serialize, ToSchema)]
pub struct ApiKeyBody {
    api_key: String,
    /// The account that it trades for.
    user_id: u64,
    label: String,
    kind: KeyKind,
    permissions: Vec<Permission>,
    /// Where it may be used from; empty: anywhere.
    ip_ranges: Vec<String>,
    created_at: u64,
    /// Milliseconds since the Unix epoch; 0: never.
    expires_at: u64,
}

impl ApiKeyBody {
    fn new(key: &ApiKey) -> ApiKeyBody {
        let kind = match key.verifier {
            Verifier::HmacSha256(_) => KeyKind::Hmac,
            Verifier::Ed25519(_) => KeyKind::Ed25519,
            Verifier::Rsa(_) => KeyKind::Rsa,
        };
        let has = [
            (key.permissions.read, Permission::Read),
            (key.permissions.spot_trade, Permission::SpotTrade),
            (key.permissions.futures_trade, Permission::FuturesTrade),
            (key.permissions.withdraw, Permission::Withdraw),
        ];
        ApiKeyBody {
            api_key: key.key.to_string(),
            user_id: key.user.0,
            label: key.label.to_string(),
            kind,
            permissions: has.into_iter().filter(|(has, _)| *has).map(|(_, permission)| permission).collect(),
            ip_ranges: key.ip_ranges.iter().map(|range| range_text(*range)).collect(),
            created_at: ms(key.created_at),
            expires_at: ms(key.expires_at),
        }
    }
}

/// What may be done with a key, from what a request says; every rule of it.
struct Terms {
    permissions: Permissions,
    ip_ranges: Vec<IpRange>,
    expires_at: Timestamp,
}

impl Terms {
    fn new(app: &App, permissions: &[Permission], ranges: &[IpText], expires_ms: u64) -> Result<Terms, Problem> {
        let wanted: BTreeSet<Permission> = permissions.iter().copied().collect();
        if wanted.is_empty() || wanted.len() != permissions.len() {
            return Err(Problem::malformed("permissions: name one at least, and none twice"));
        }
        if ranges.len() > IP_RANGES_MAX {
            return Err(Problem::malformed(format!("ip_ranges: {IP_RANGES_MAX} at most")));
        }
        let parsed: Option<Vec<IpRange>> = ranges.iter().map(|text| parse_range(&text.0)).collect();
        let ip_ranges = parsed.ok_or_else(|| {
            Problem::conflict(
                "wrong_ip_range",
                "ip_ranges: an entry is no address, and no range whose other bits are 0",
            )
        })?;
        let has = |permission| wanted.contains(&permission);
        if has(Permission::Withdraw) && ip_ranges.is_empty() {
            return Err(Problem::conflict("ip_ranges_required", "a key that withdraws needs ip_ranges"));
        }
        let expires_at = Timestamp(expires_ms.saturating_mul(1000).min(i64::MAX as u64));
        if expires_ms != 0 && expires_at <= app.now() {
            return Err(Problem::conflict("expired", "expires_at is in the past"));
        }
        let permissions = Permissions {
            read: has(Permission::Read),
            spot_trade: has(Permission::SpotTrade),
            futures_trade: has(Permission::FuturesTrade),
            withdraw: has(Permission::Withdraw),
        };
        Ok(Terms { permissions, ip_ranges, expires_at })
    }
}

/// The caller's own account or one of its sub-accounts; anybody else's is not there.
pub async fn owned(tx: &mut Tx, caller: UserId, user: UserId) -> Result<Account, Problem> {
    let account = accounts::by_id(tx, user).await?;
    account.filter(|account| account.master == caller).ok_or_else(Problem::not_found)
}

/// A key of an account that the caller owns.
async fn owned_key(app: &App, tx: &mut Tx, caller: UserId, key: &str) -> Result<ApiKey, Problem> {
    let key = api_keys::by_key(tx, &app.vault, key).await?.ok_or_else(Problem::not_found)?;
    owned(tx, caller, key.user).await?;
    Ok(key)
}
