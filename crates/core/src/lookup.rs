//! Hash look-ups without iteration: what cannot be walked cannot leak its order into the output.
#![allow(clippy::disallowed_types)]

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// A hash map with no iterator. Contents that a snapshot needs stand in arrays beside it, from which it is rebuilt.
#[derive(Clone, Default)]
pub struct LookupMap<K, V>(HashMap<K, V, BuildHasherDefault<Folding>>);

impl<K: Eq + Hash, V> LookupMap<K, V> {
    pub fn reserve(&mut self, more: usize) {
        self.0.reserve(more);
    }

    #[inline]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key)
    }

    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.0.insert(key, value)
    }

    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.0.remove(key)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Multiply-and-fold hashing. Keys are ids given by the exchange, or already bounded per user.
#[derive(Default)]
pub struct Folding(u64);

const K: u64 = 0x9E37_79B9_7F4A_7C15;

impl Folding {
    #[inline]
    fn add(&mut self, word: u64) {
        let product = (self.0 ^ word) as u128 * K as u128;
        self.0 = (product as u64) ^ (product >> 64) as u64 ^ self.0.rotate_left(23);
    }
}

impl Hasher for Folding {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word) ^ ((chunk.len() as u64) << 56));
        }
    }

    #[inline]
    fn write_u32(&mut self, word: u32) {
        self.add(word as u64);
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.add(word);
    }

    #[inline]
    fn write_u8(&mut self, word: u8) {
        self.add(word as u64);
    }
}

/// Spreads an id over 64 bits.
#[inline]
pub fn spread(id: u64) -> u64 {
    let product = id as u128 * K as u128;
    (product as u64) ^ (product >> 64) as u64
}
