//! Encryption of secrets at rest (ChaCha20-Poly1305), each bound to the name of what it belongs to, and keyed hashes of
//! codes that are too short to be hashed without a key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

use super::keyfile::KEY_BYTES;
use super::random;

/// Never shown.
pub struct Vault {
    sealing: LessSafeKey,
    marking: hmac::Key,
}

impl Vault {
    pub fn new(key: &[u8; KEY_BYTES]) -> Vault {
        let root = hmac::Key::new(hmac::HMAC_SHA256, key);
        let sealing = hmac::sign(&root, b"allin userserver: secrets at rest");
        let marking = hmac::sign(&root, b"allin userserver: codes");
        let sealing = UnboundKey::new(&CHACHA20_POLY1305, sealing.as_ref()).expect("32 bytes");
        Vault { sealing: LessSafeKey::new(sealing), marking: hmac::Key::new(hmac::HMAC_SHA256, marking.as_ref()) }
    }

    /// A random nonce and the cipher text, base64. `owner` has to be told again to open it.
    pub fn seal(&self, owner: &str, secret: &[u8]) -> String {
        let nonce = random::bytes::<NONCE_LEN>();
        let mut sealed = secret.to_vec();
        self.sealing
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(owner), &mut sealed)
            .expect("secrets are shorter than the cipher's bound");
        STANDARD.encode([nonce.as_slice(), &sealed].concat())
    }

    /// None when it was sealed under another key or for another owner, or was changed.
    pub fn open(&self, owner: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = STANDARD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        self.sealing.open_in_place(nonce, Aad::from(owner), &mut sealed).ok().map(|plain| plain.to_vec())
    }

    /// What is stored of a short code.
    pub fn mark(&self, owner: &str, code: &str) -> String {
        random::hex(hmac::sign(&self.marking, format!("{owner}\n{code}").as_bytes()).as_ref())
    }

    /// Whether a code is the one of a mark; takes the same time whatever is presented.
    pub fn is_marked(&self, owner: &str, code: &str, mark: &str) -> bool {
        let Some(mark) = random::from_hex::<32>(mark) else { return false };
        hmac::verify(&self.marking, format!("{owner}\n{code}").as_bytes(), &mark).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_opens_and_nothing_was_changed() {
        let vault = Vault::new(&[1; 32]);
        let sealed = vault.seal("key A", b"secret");
        assert_eq!(vault.open("key A", &sealed).as_deref(), Some(b"secret".as_slice()));
        assert_ne!(sealed, vault.seal("key A", b"secret"), "a nonce of its own each time");
        assert_eq!(vault.open("key B", &sealed), None);
        assert_eq!(Vault::new(&[2; 32]).open("key A", &sealed), None);
        let bytes = STANDARD.decode(&sealed).expect("base64");
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert_eq!(vault.open("key A", &STANDARD.encode(flipped)), None, "{at}");
        }
        for wrong in ["", "AAAA", "not base64!"] {
            assert_eq!(vault.open("key A", wrong), None);
        }
    }

    #[test]
    fn marks_tell_codes_apart() {
        let vault = Vault::new(&[1; 32]);
        let mark = vault.mark("a", "123456");
        assert!(vault.is_marked("a", "123456", &mark));
        for (owner, code, mark) in
            [("a", "123457", mark.as_str()), ("b", "123456", &mark), ("a", "", &mark), ("a", "123456", "")]
        {
            assert!(!vault.is_marked(owner, code, mark), "{owner} {code} {mark}");
        }
    }
}
