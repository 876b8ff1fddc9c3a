//! Hashes of keys. Multiply-and-fold; not cryptographic.

const K: u64 = 0x9E37_79B9_7F4A_7C15;

/// Spreads an id over 64 bits.
#[inline]
pub fn spread(id: u64) -> u64 {
    let product = (id ^ 0x2545_F491_4F6C_DD1D) as u128 * K as u128;
    let folded = (product as u64) ^ (product >> 64) as u64;
    (folded ^ (folded >> 29)).wrapping_mul(K)
}

/// The hash of two ids together.
#[inline]
pub fn pair(a: u64, b: u64) -> u64 {
    spread(a ^ spread(b).rotate_left(32))
}

/// The hash of an id and some bytes together.
pub fn with_bytes(id: u64, bytes: &[u8]) -> u64 {
    let mut hash = pair(id, bytes.len() as u64);
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = pair(hash, u64::from_le_bytes(word));
    }
    hash
}
