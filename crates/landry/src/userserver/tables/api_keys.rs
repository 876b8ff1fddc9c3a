//! API keys. An HMAC secret is sealed under the key's name; public keys are as they are.

use allin_core::ids::UserId;
use allin_runtime::args;
use allin_runtime::store::{Row, StoreError, Tx};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::time;
use crate::directory::{ApiKey, IpRange, Permissions, Verifier};
use crate::userserver::secrets::vault::Vault;

const HMAC: i64 = 0;
const ED25519: i64 = 1;
const RSA: i64 = 2;

const COLUMNS: &str = "api_key, user_id, label, kind, verifier, permissions, ip_ranges, created_us, expires_us";

pub async fn insert(tx: &mut Tx, vault: &Vault, key: &ApiKey) -> Result<(), StoreError> {
    let (kind, verifier) = match &key.verifier {
        Verifier::HmacSha256(secret) => (HMAC, vault.seal(&key.key, secret)),
        Verifier::Ed25519(public) => (ED25519, STANDARD.encode(public)),
        Verifier::Rsa(public) => (RSA, STANDARD.encode(public)),
    };
    let sql = format!("INSERT INTO userserver_api_keys ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    let ranges = ranges_text(&key.ip_ranges);
    tx.execute(
        &sql,
        args![
            &*key.key,
            key.user,
            &*key.label,
            kind,
            verifier,
            permission_bits(key.permissions),
            ranges,
            key.created_at,
            key.expires_at
        ],
    )
    .await
    .map(|_| ())
}

/// Label, permissions, addresses and expiry; the rest of a key never changes.
pub async fn update(tx: &mut Tx, key: &ApiKey) -> Result<(), StoreError> {
    let sql =
        "UPDATE userserver_api_keys SET label = ?, permissions = ?, ip_ranges = ?, expires_us = ? WHERE api_key = ?";
    let ranges = ranges_text(&key.ip_ranges);
    tx.execute(sql, args![&*key.label, permission_bits(key.permissions), ranges, key.expires_at, &*key.key])
        .await
        .map(|_| ())
}

pub async fn delete(tx: &mut Tx, key: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM userserver_api_keys WHERE api_key = ?", args![key]).await.map(|_| ())
}

/// Of a user, oldest first.
pub async fn of_user(tx: &mut Tx, vault: &Vault, user: UserId) -> Result<Vec<ApiKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM userserver_api_keys WHERE user_id = ? ORDER BY created_us, api_key");
    tx.query(&sql, args![user]).await?.iter().map(|row| api_key(vault, row)).collect()
}

pub async fn by_key(tx: &mut Tx, vault: &Vault, key: &str) -> Result<Option<ApiKey>, StoreError> {
    let rows = tx.query(&format!("SELECT {COLUMNS} FROM userserver_api_keys WHERE api_key = ?"), args![key]).await?;
    rows.first().map(|row| api_key(vault, row)).transpose()
}

pub async fn all(tx: &mut Tx, vault: &Vault) -> Result<Vec<ApiKey>, StoreError> {
    let rows = tx.query(&format!("SELECT {COLUMNS} FROM userserver_api_keys"), &[]).await?;
    rows.iter().map(|row| api_key(vault, row)).collect()
}

fn api_key(vault: &Vault, row: &Row) -> Result<ApiKey, StoreError> {
    let key = row.text(0)?;
    let wrong = |what| StoreError::corrupt(format!("API key {key}: {what}"));
    let stored = row.text(4)?;
    let public = || STANDARD.decode(&stored).map_err(|_| wrong("its public key is no base64"));
    let verifier = match row.int(3)? {
        HMAC => {
            let secret = vault.open(&key, &stored).ok_or_else(|| wrong("its secret was sealed for another key"))?;
            Verifier::HmacSha256(secret.into())
        }
        ED25519 => Verifier::Ed25519(public()?.try_into().map_err(|_| wrong("its public key has not 32 bytes"))?),
        RSA => Verifier::Rsa(public()?.into()),
        _ => return Err(wrong("of a kind that this program does not know")),
    };
    let ip_ranges = parse_ranges(&row.text(6)?).ok_or_else(|| wrong("its addresses are none"))?;
    Ok(ApiKey {
        user: UserId(row.unsigned(1)?),
        label: row.text(2)?.into(),
        verifier,
        permissions: permissions(row.small(5)?),
        ip_ranges,
        created_at: time(row, 7)?,
        expires_at: time(row, 8)?,
        key: key.into(),
    })
}

fn permission_bits(permissions: Permissions) -> u8 {
    let Permissions { read, spot_trade, futures_trade, withdraw } = permissions;
    u8::from(read) | u8::from(spot_trade) << 1 | u8::from(futures_trade) << 2 | u8::from(withdraw) << 3
}

fn permissions(bits: u8) -> Permissions {
    let has = |bit: u8| bits & (1 << bit) != 0;
    Permissions { read: has(0), spot_trade: has(1), futures_trade: has(2), withdraw: has(3) }
}

fn ranges_text(ranges: &[IpRange]) -> String {
    ranges.iter().map(|range| range_text(*range)).collect::<Vec<_>>().join(" ")
}

fn parse_ranges(text: &str) -> Option<Vec<IpRange>> {
    text.split_ascii_whitespace().map(parse_range).collect()
}

/// An address alone where the range is one address.
pub fn range_text(range: IpRange) -> String {
    let width = if range.network.is_ipv4() { 32 } else { 128 };
    if range.bits == width { range.network.to_string() } else { format!("{}/{}", range.network, range.bits) }
}

/// `ADDRESS` or `ADDRESS/BITS`, with no bit set beyond those that count.
pub fn parse_range(text: &str) -> Option<IpRange> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let network: std::net::IpAddr = address.parse().ok()?;
    // One spelling of an address, whatever clothes it came in.
    if network != network.to_canonical() {
        return None;
    }
    let width = if network.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        None => width,
        Some(bits) if bits.len() <= 3 && bits.bytes().all(|byte| byte.is_ascii_digit()) => bits.parse().ok()?,
        Some(_) => return None,
    };
    let rest = match network {
        std::net::IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        std::net::IpAddr::V6(v6) => v6.to_bits(),
    };
    (bits <= width && rest.checked_shl(u32::from(bits)).unwrap_or(0) == 0).then_some(IpRange { network, bits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_written() {
        for text in ["10.0.0.0/8", "1.2.3.4", "0.0.0.0/0", "2001:db8::/32", "::1", "::/0", "1.2.3.4/31"] {
            let range = parse_range(text).map(range_text);
            assert_eq!(range.as_deref(), Some(text));
        }
        assert_eq!(parse_range("1.2.3.4/32").map(range_text).as_deref(), Some("1.2.3.4"));
        let wrong = [
            "",
            "1.2.3",
            "1.2.3.4/33",
            "1.2.3.4/",
            "1.2.3.4/+8",
            "1.2.3.4/8",
            "::1/129",
            "::1/127",
            "a",
            "1.2.3.4/0032",
            "::ffff:1.2.3.4",
            " 1.2.3.4",
            "01.2.3.4",
            "10.0.0.0/8/8",
            "fe80::1%eth0",
        ];
        for text in wrong {
            assert_eq!(parse_range(text), None, "{text}");
        }
    }

    #[test]
    fn permissions_keep_their_bits() {
        for bits in 0..16 {
            assert_eq!(permission_bits(permissions(bits)), bits);
        }
    }
}
