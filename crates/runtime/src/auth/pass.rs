//! What services show each other instead of the token: a pass that names who calls, whom, and when, signed under a key that is
//! made from the token for this caller. Who overhears one can use it for a moment and at one service only; and who is called
//! proves in the answer that he could read it.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use allin_topology::Topology;
use ring::hmac::{self, HMAC_SHA256};

use super::{InternalToken, OPERATOR, hex};

/// How far from now a pass may have been issued: the time on its way, and clocks that disagree.
pub const SKEW_MAX: Duration = Duration::from_secs(30);

/// Scheme of the `authorization` header, and version of what follows.
const SCHEME: &str = "Allin-Service ";
const VERSION: &str = "1";
/// Between the parts; no name contains it.
const BETWEEN: char = '/';
const NAME_BYTES_MAX: usize = 64;

/// Why a pass is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PassFault {
    Missing,
    Malformed,
    /// Not signed under this deployment's token.
    Forged,
    /// For another service.
    Misdirected,
    /// Of another time.
    Expired,
    /// Of a service that the topology gives no arrow to this one.
    Uninvited,
}

impl PassFault {
    pub fn name(self) -> &'static str {
        match self {
            PassFault::Missing => "missing",
            PassFault::Malformed => "malformed",
            PassFault::Forged => "forged",
            PassFault::Misdirected => "misdirected",
            PassFault::Expired => "expired",
            PassFault::Uninvited => "uninvited",
        }
    }
}

impl fmt::Display for PassFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Signs passes of one caller for one service.
#[derive(Clone)]
pub struct Signer {
    key: hmac::Key,
    /// Version, caller and audience.
    head: String,
}

/// Checks the passes that one service is shown.
#[derive(Clone)]
pub struct Verifier {
    token: InternalToken,
    audience: String,
    callers: Callers,
}

/// Whose passes are good.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Callers {
    /// Of services that have an arrow here in the topology, and of the operator.
    OfArrows,
    All,
}

/// A pass that was found good, for the answer.
#[derive(Clone)]
pub struct Pass {
    pub caller: String,
    proof: String,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.head)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({})", self.audience)
    }
}

impl InternalToken {
    /// For calls to a service.
    pub fn signer(&self, audience: &str) -> Signer {
        let caller = self.caller();
        Signer { key: key(self, caller), head: format!("{VERSION}{BETWEEN}{caller}{BETWEEN}{audience}") }
    }

    /// For the calls that a service gets: from services that the topology gives an arrow to it, and from the operator.
    pub fn verifier(&self, audience: &str) -> Verifier {
        Verifier { token: self.clone(), audience: audience.to_owned(), callers: Callers::OfArrows }
    }

    /// For what every process of the deployment may send a service.
    pub fn verifier_for_all(&self, audience: &str) -> Verifier {
        Verifier { callers: Callers::All, ..self.verifier(audience) }
    }
}

impl Signer {
    /// The `authorization` header of a call made at this time.
    pub fn header(&self, now: SystemTime) -> String {
        let signed = format!("{}{BETWEEN}{}", self.head, millis(now));
        let mac = sign(&self.key, "call", &signed);
        format!("{SCHEME}{signed}{BETWEEN}{mac}")
    }

    /// Whether an answer's proof is that of the one who was called with this header.
    pub fn is_proven(&self, header: &str, proof: Option<&[u8]>) -> bool {
        let (Some(pass), Some(proof)) = (header.strip_prefix(SCHEME), proof) else { return false };
        let Some(mac) = unhex(proof) else { return false };
        hmac::verify(&self.key, message("answer", pass).as_bytes(), &mac).is_ok()
    }
}

impl Verifier {
    /// Whether a call with this `authorization` header is to be answered at this time.
    pub fn check(&self, header: Option<&[u8]>, now: SystemTime) -> Result<Pass, PassFault> {
        let text = std::str::from_utf8(header.ok_or(PassFault::Missing)?).map_err(|_| PassFault::Malformed)?;
        let pass = text.strip_prefix(SCHEME).ok_or(PassFault::Missing)?;
        let (signed, mac) = pass.rsplit_once(BETWEEN).ok_or(PassFault::Malformed)?;
        let parts: Vec<&str> = signed.split(BETWEEN).collect();
        let [VERSION, caller, audience, issued] = parts[..] else { return Err(PassFault::Malformed) };
        let mac = unhex(mac.as_bytes()).ok_or(PassFault::Malformed)?;
        if !is_name(caller) {
            return Err(PassFault::Malformed);
        }
        let key = key(&self.token, caller);
        hmac::verify(&key, message("call", signed).as_bytes(), &mac).map_err(|_| PassFault::Forged)?;
        if audience != self.audience {
            return Err(PassFault::Misdirected);
        }
        let issued: u64 = issued.parse().map_err(|_| PassFault::Malformed)?;
        if u128::from(millis(now).abs_diff(issued)) > SKEW_MAX.as_millis() {
            return Err(PassFault::Expired);
        }
        if !self.admits(caller) {
            return Err(PassFault::Uninvited);
        }
        Ok(Pass { caller: caller.to_owned(), proof: sign(&key, "answer", pass) })
    }
}

impl Verifier {
    fn admits(&self, caller: &str) -> bool {
        let has_arrow = || Topology::embedded().has_arrow(caller, &self.audience);
        self.callers == Callers::All || caller == OPERATOR || has_arrow()
    }
}

impl Pass {
    /// What the answer carries.
    pub fn proof(&self) -> &str {
        &self.proof
    }
}

/// A caller's key: who has it can call as this caller only.
fn key(token: &InternalToken, caller: &str) -> hmac::Key {
    let root = hmac::Key::new(HMAC_SHA256, token.hex.as_bytes());
    let own = hmac::sign(&root, format!("allin service pass {VERSION}\n{caller}").as_bytes());
    hmac::Key::new(HMAC_SHA256, own.as_ref())
}

/// No call is an answer.
fn message(what: &str, text: &str) -> String {
    format!("{what}\n{text}")
}

fn sign(key: &hmac::Key, what: &str, text: &str) -> String {
    hex(hmac::sign(key, message(what, text).as_bytes()).as_ref())
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    let pair = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(pair[1])?);
    if text.len() % 2 == 1 {
        return None;
    }
    text.chunks_exact(2).map(pair).collect()
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)
}

fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
