//! Passkeys (WebAuthn level 3): discoverable credentials whose authenticator verifies its user, so that one of them is
//! enough to log in.

pub mod list;
pub mod login;
pub mod register;
pub mod remove;

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::Mutex;

use allin_core::ids::UserId;
use allin_runtime::store::StoreError;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use webauthn_rp::bin::Decode as _;
use webauthn_rp::request::register::UserHandle;
use webauthn_rp::request::{AsciiDomain, FixedCapHashSet, InsertResult, RpId, TimedCeremony};
use webauthn_rp::response::SentChallenge;
use webauthn_rp::response::register::{CompressedPubKey, DynamicState, StaticState};
use webauthn_rp::{DiscoverableAuthenticationServerState, RegistrationServerState};

use super::app::Failure;
use super::config::UsersSection;
use super::error::Problem;
use super::tables::passkeys::PasskeyRow;

/// Ceremonies under way, each for five minutes.
const CEREMONIES_MAX: usize = 10_000;
/// Passkeys of one account.
const PASSKEYS_MAX: usize = 20;

/// A user's id, big-endian.
const HANDLE_BYTES: usize = 8;

type PublicKey = CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>;

/// The relying party, and the ceremonies under way.
pub struct Passkeys {
    party: RpId,
    origins: Vec<String>,
    registrations: Mutex<FixedCapHashSet<RegistrationServerState<HANDLE_BYTES>>>,
    logins: Mutex<FixedCapHashSet<DiscoverableAuthenticationServerState>>,
}

impl Passkeys {
    pub fn new(config: &UsersSection) -> Result<Passkeys, Failure> {
        let domain = AsciiDomain::try_from(config.passkey_domain.clone())
            .map_err(|error| format!("users.passkey_domain: {error}"))?;
        Ok(Passkeys {
            party: RpId::Domain(domain),
            origins: config.passkey_origins.clone(),
            registrations: Mutex::new(FixedCapHashSet::new(CEREMONIES_MAX)),
            logins: Mutex::new(FixedCapHashSet::new(CEREMONIES_MAX)),
        })
    }
}

/// Keeps a ceremony until its answer comes.
fn keep<T: TimedCeremony + Borrow<SentChallenge> + Eq + Hash>(
    ceremonies: &Mutex<FixedCapHashSet<T>>,
    ceremony: T,
) -> Result<(), Problem> {
    let mut ceremonies = ceremonies.lock().expect("no holder panics");
    match ceremonies.insert_or_replace_all_expired(ceremony) {
        InsertResult::Success => Ok(()),
        InsertResult::CapacityFull | InsertResult::Duplicate => Err(Problem::busy()),
    }
}

fn handle(user: UserId) -> UserHandle<HANDLE_BYTES> {
    let Ok(handle) = UserHandle::decode(user.0.to_be_bytes());
    handle
}

/// What a browser says, as it said it: an object that the library reads, which refuses fields that are there twice.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Credential(Box<RawValue>);

impl Credential {
    fn read<T: DeserializeOwned>(&self) -> Option<T> {
        let text = self.0.get();
        text.starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
    }
}

/// What is stored of a credential's name.
fn name_of(id: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

fn fixed_state(row: &PasskeyRow) -> Result<StaticState<PublicKey>, Problem> {
    let bytes = STANDARD.decode(&row.fixed).ok();
    bytes.and_then(|bytes| StaticState::decode(bytes.as_slice()).ok()).ok_or_else(|| corrupt(row))
}

fn moving_state(row: &PasskeyRow) -> Result<DynamicState, Problem> {
    let bytes = STANDARD.decode(&row.moving).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.and_then(|bytes| DynamicState::decode(bytes).ok()).ok_or_else(|| corrupt(row))
}

fn corrupt(row: &PasskeyRow) -> Problem {
    StoreError::corrupt(format!("passkey {}", row.passkey)).into()
}
