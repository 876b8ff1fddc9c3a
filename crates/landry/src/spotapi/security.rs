//! Who sends a request: key, address, signature, time, permission (Binance Spot REST, "Request Security").

use std::net::IpAddr;
use std::sync::Arc;

use allin_core::ids::Timestamp;
use allin_core::num::decimal::{self, DecimalError};
use allin_wire::binance::{ApiError, Code};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{hmac, signature};

use super::app::App;
use super::call::{Caller, Failure};
use super::endpoint::Security;
use super::keys::Known;
use super::params::{Params, illegal};
use crate::directory::Verifier;

/// Life of a request, microseconds: when nothing is said, and at most.
const WINDOW: u64 = 5_000_000;
const WINDOW_MAX: u64 = 60_000_000;
/// How far a client's clock may be ahead.
const AHEAD_MAX: u64 = 1_000_000;
/// Letters and digits of a key's name; what has other ones, or not as many, is no key (-2014).
const KEY_LENGTH: usize = 64;
/// Longest signature (RSA of 4096 bits, URL-encoded), bytes.
const SIGNATURE_MAX: usize = 2048;

/// What a request says of its sender.
pub enum Credentials {
    /// Key as sent (header or `apiKey`) and what the parameter `signature` may have been made over: the bytes as they
    /// arrived, and other forms with the same meaning. One of them has to fit.
    Signed { key: Option<String>, payloads: Vec<Vec<u8>> },
    /// A connection that logged on with this key: no signature is needed. What was found of the key on arrival.
    Session { key: Arc<str>, known: Option<Known> },
}

impl Credentials {
    fn key(&self) -> Option<&str> {
        match self {
            Credentials::Session { key, .. } => Some(key),
            Credentials::Signed { key, .. } => key.as_deref(),
        }
    }
}

/// Whether a signature over exactly these bytes was made with the key's secret. HMAC as hexadecimal digits of either
/// case, Ed25519 and RSA as base64.
pub fn verify(verifier: &Verifier, payload: &[u8], text: &str) -> bool {
    if text.len() > SIGNATURE_MAX {
        return false;
    }
    match verifier {
        Verifier::HmacSha256(secret) => {
            let Some(tag) = unhex(text) else { return false };
            hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), payload, &tag).is_ok()
        }
        Verifier::Ed25519(public) => {
            let Some(tag) = unbase64(text) else { return false };
            signature::UnparsedPublicKey::new(&signature::ED25519, public).verify(payload, &tag).is_ok()
        }
        Verifier::Rsa(public) => {
            let Some(tag) = unbase64(text) else { return false };
            let algorithm = &signature::RSA_PKCS1_2048_8192_SHA256;
            signature::UnparsedPublicKey::new(algorithm, public).verify(payload, &tag).is_ok()
        }
    }
}

/// A `+` that was not URL-encoded is a space by now, which base64 does not have.
fn unbase64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.replace(' ', "+")).ok()
}

/// Exactly 32 bytes as hexadecimal digits.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// The caller, for endpoints that ask for one. The key, then the signature, then the time, then the permission.
pub(super) async fn authenticate(
    app: &App,
    security: Security,
    credentials: &Credentials,
    params: &Params,
    address: IpAddr,
    now: Timestamp,
) -> Result<Option<(Caller, Known)>, Failure> {
    if security == Security::None {
        return Ok(None);
    }
    let known = find(app, credentials, address, now).await?;
    params.skip("apiKey");
    if security != Security::ApiKey {
        check_signature(&known, credentials, params)?;
        check_time(params, now)?;
    }
    let granted = known.key.permissions;
    let allowed = match security {
        Security::None | Security::ApiKey => true,
        Security::UserData => granted.read,
        Security::Trade => granted.spot_trade,
        Security::Withdraw => granted.withdraw && !known.key.ip_ranges.is_empty(),
    };
    if !allowed {
        return Err(rejected());
    }
    Ok(Some((Caller { key: known.key.clone() }, known)))
}

/// Looks a request's key up, so that nobody has to wait for it later.
pub(super) async fn warm(app: &App, credentials: &mut Credentials) {
    let found = match credentials.key().filter(|name| is_key(name)) {
        Some(name) => app.keys.get(app, name).await,
        None => return,
    };
    // What is wrong with it is told when the request is answered.
    if let (Credentials::Session { known, .. }, Ok(found)) = (credentials, found) {
        *known = found;
    }
}

/// The signer of a `session.logon`: everything but the permission is checked.
pub(super) async fn log_on(
    app: &App,
    credentials: &Credentials,
    params: &Params,
    address: IpAddr,
    now: Timestamp,
) -> Result<Caller, Failure> {
    let known = find(app, credentials, address, now).await?;
    params.skip("apiKey");
    check_signature(&known, credentials, params)?;
    check_time(params, now)?;
    Ok(Caller { key: known.key })
}

fn is_key(name: &str) -> bool {
    name.len() == KEY_LENGTH && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

async fn find(app: &App, credentials: &Credentials, address: IpAddr, now: Timestamp) -> Result<Known, Failure> {
    let name = credentials.key().unwrap_or_default();
    if !is_key(name) {
        return Err(Failure { status: 401, ..Failure::new(Code::BadApiKeyFormat, "API-key format invalid.") });
    }
    let found = match credentials {
        Credentials::Session { known: Some(known), .. } => Ok(Some(known.clone())),
        _ => app.keys.get(app, name).await,
    };
    match found {
        Ok(Some(known)) if known.key.allows_address(address) && !known.key.is_expired(now) => Ok(known),
        Ok(_) => Err(rejected()),
        Err(error) => {
            tracing::warn!(%error, "a key cannot be looked up");
            Err(Failure::away("Internal error; unable to process your request. Please try again."))
        }
    }
}

fn check_signature(known: &Known, credentials: &Credentials, params: &Params) -> Result<(), Failure> {
    let Credentials::Signed { payloads, .. } = credentials else {
        params.skip("signature");
        return Ok(());
    };
    let signature = params.required("signature")?;
    if payloads.iter().any(|payload| verify(&known.key.verifier, payload, signature)) {
        return Ok(());
    }
    Err(ApiError::new(Code::InvalidSignature, "Signature for this request is not valid.").into())
}

/// `timestamp` and `recvWindow`.
fn check_time(params: &Params, now: Timestamp) -> Result<(), Failure> {
    params.required("timestamp")?;
    let sent = params.time("timestamp")?.ok_or_else(|| ApiError::malformed("timestamp"))?;
    let window = match params.get("recvWindow")? {
        None => WINDOW,
        Some(text) => match decimal::parse_unsigned(text, 3) {
            Ok(micros) => u64::try_from(micros).unwrap_or(u64::MAX),
            Err(DecimalError::TooManyDecimals) => {
                let msg = "Parameter 'recvWindow' has too much precision.";
                return Err(ApiError::new(Code::BadPrecision, msg).into());
            }
            Err(DecimalError::OutOfRange) => u64::MAX,
            Err(_) => return Err(illegal("recvWindow", "^[0-9]{1,5}(\\.[0-9]{1,3})?$").into()),
        },
    };
    if window > WINDOW_MAX {
        return Err(ApiError::new(Code::BadRecvWindow, "recvWindow must be less than 60000.").into());
    }
    if sent.0 >= now.0.saturating_add(AHEAD_MAX) {
        let msg = "Timestamp for this request was 1000ms ahead of the server's time.";
        return Err(ApiError::new(Code::InvalidTimestamp, msg).into());
    }
    if now.0.saturating_sub(sent.0) > window {
        let msg = "Timestamp for this request is outside of the recvWindow.";
        return Err(ApiError::new(Code::InvalidTimestamp, msg).into());
    }
    Ok(())
}

/// One answer for all that is wrong with a key, so that it tells nothing.
fn rejected() -> Failure {
    Failure { status: 401, ..Failure::new(Code::RejectedMbxKey, "Invalid API-key, IP, or permissions for action.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Binance Spot REST, "SIGNED Endpoint Examples", HMAC keys.
    #[test]
    fn the_documented_example_verifies_in_any_case() {
        let secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
        let verifier = Verifier::HmacSha256(secret.as_bytes().into());
        let payload = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559";
        let good = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";
        let rows = [
            (good, true),
            (&good.to_ascii_uppercase(), true),
            (&good[1..], false),
            (&format!("{good}0"), false),
            (&good.replace('c', "d"), false),
            ("", false),
            ("é8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b7", false),
        ];
        for (text, valid) in rows {
            assert_eq!(verify(&verifier, payload.as_bytes(), text), valid, "{text}");
        }
    }

    #[test]
    fn times_and_windows() {
        const NOW: u64 = 1_700_000_000_000_000;
        let check = |timestamp: &str, window: Option<&str>| {
            let window = window.map(|window| ("recvWindow".to_owned(), window.to_owned()));
            let pairs = [("timestamp".to_owned(), timestamp.to_owned())].into_iter().chain(window);
            let params = Params::new(pairs).expect("two");
            check_time(&params, Timestamp(NOW)).map_err(|failure| failure.error.code as i32).err().unwrap_or(0)
        };
        let rows = [
            ("1700000000000", None, 0),
            ("1700000000000000", None, 0),
            ("1699999995000", None, 0),
            ("1699999994999", None, -1021),
            ("1699999994999999", None, -1021),
            ("1700000000999", None, 0),
            ("1700000001000", None, -1021),
            ("1699999940000", Some("60000"), 0),
            ("1700000000000", Some("60000.001"), -1131),
            ("1700000000000", Some("60001"), -1131),
            ("1699999999999", Some("1"), 0),
            ("1699999999998999", Some("1.001"), 0),
            ("1699999999998998", Some("1.001"), -1021),
            ("1700000000000", Some("1.0001"), -1111),
            ("1700000000000", Some("-1"), -1100),
            ("1700000000000", Some(""), -1105),
            ("", None, -1102),
            ("now", None, -1100),
            ("-1", None, -1100),
            ("99999999999999999999999", None, -1108),
            ("18446744073709551615", None, -1021),
            ("0", None, -1021),
        ];
        for (timestamp, window, code) in rows {
            assert_eq!(check(timestamp, window), code, "{timestamp} {window:?}");
        }
    }
}
