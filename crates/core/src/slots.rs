//! From a key to its slot in an array: open addressing with linear probing, eight bytes an entry, no iteration.
//!
//! The keys stand in the array; the index holds 32 bits of their hash, and the caller confirms a candidate.

/// See the module.
#[derive(Clone, Debug)]
pub struct SlotIndex {
    /// `tag << 32 | slot`, or [`VACANT`].
    entries: Vec<u64>,
    len: usize,
}

const VACANT: u64 = u64::MAX;

impl Default for SlotIndex {
    fn default() -> Self {
        SlotIndex::with_capacity(1024)
    }
}

impl SlotIndex {
    pub fn with_capacity(keys: usize) -> SlotIndex {
        let entries = (keys * 3 / 2).max(16);
        SlotIndex { entries: vec![VACANT; entries], len: 0 }
    }

    /// An index of (hash, slot) pairs with different keys, made at once: the waits for memory overlap.
    pub fn of(pairs: impl ExactSizeIterator<Item = (u64, u32)>) -> SlotIndex {
        let mut index = SlotIndex::with_capacity(pairs.len());
        let mut pairs = pairs;
        let mut group = [(0, 0); 32];
        loop {
            let mut count = 0;
            let mut sum = 0;
            for (place, pair) in group.iter_mut().zip(&mut pairs) {
                *place = pair;
                sum ^= index.touch(pair.0);
                count += 1;
            }
            std::hint::black_box(sum);
            if count == 0 {
                return index;
            }
            for (hash, slot) in &group[..count] {
                index.insert(*hash, *slot);
            }
        }
    }

    /// Where an entry wants to stand; by its tag alone, so that moving entries never looks at the orders.
    #[inline]
    fn home(&self, tag: u64) -> usize {
        ((tag * self.entries.len() as u64) >> 32) as usize
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.entries.len() { 0 } else { at + 1 }
    }

    /// The slot with this hash that `is` confirms.
    #[inline]
    pub fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        let tag = hash >> 32;
        let mut at = self.home(tag);
        loop {
            let entry = self.entries[at];
            if entry == VACANT {
                return None;
            }
            if entry >> 32 == tag && is(entry as u32) {
                return Some(entry as u32);
            }
            at = self.after(at);
        }
    }

    /// A load that brings the key's place into the cache.
    #[inline]
    pub fn touch(&self, hash: u64) -> u64 {
        self.entries[self.home(hash >> 32)]
    }

    /// Adds a key that is not there.
    #[inline]
    pub fn insert(&mut self, hash: u64, slot: u32) {
        if (self.len + 1) * 4 > self.entries.len() * 3 {
            self.grow();
        }
        self.put((hash >> 32 << 32) | slot as u64);
        self.len += 1;
    }

    #[inline]
    fn put(&mut self, entry: u64) {
        let mut at = self.home(entry >> 32);
        while self.entries[at] != VACANT {
            at = self.after(at);
        }
        self.entries[at] = entry;
    }

    fn grow(&mut self) {
        let larger = vec![VACANT; self.entries.len() * 3 / 2];
        let old = std::mem::replace(&mut self.entries, larger);
        for entry in old.into_iter().filter(|e| *e != VACANT) {
            self.put(entry);
        }
    }

    /// Removes a key that is there, closing the gap so that no probe sequence breaks.
    #[inline]
    pub fn remove(&mut self, hash: u64, slot: u32) {
        let mut gap = self.home(hash >> 32);
        while self.entries[gap] as u32 != slot {
            assert!(self.entries[gap] != VACANT, "removes a key that is there");
            gap = self.after(gap);
        }
        let mut at = self.after(gap);
        while self.entries[at] != VACANT {
            let home = self.home(self.entries[at] >> 32);
            // An entry may fill the gap when its home does not lie between the gap and itself.
            if self.distance(home, at) >= self.distance(gap, at) {
                self.entries[gap] = self.entries[at];
                gap = at;
            }
            at = self.after(at);
        }
        self.entries[gap] = VACANT;
        self.len -= 1;
    }

    /// Steps from one place forward to another.
    #[inline]
    fn distance(&self, from: usize, to: usize) -> usize {
        if to >= from { to - from } else { to + self.entries.len() - from }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn memory(&self) -> usize {
        self.entries.capacity() * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::spread;

    #[test]
    fn finds_what_was_inserted_and_not_what_was_removed() {
        let mut ids: Vec<u64> = vec![0; 5000];
        let mut index = SlotIndex::with_capacity(4);
        let mut x = 1u64;
        for step in 1..100_000u64 {
            x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let slot = (x >> 33) as usize % ids.len();
            if ids[slot] == 0 {
                ids[slot] = step;
                index.insert(spread(step), slot as u32);
            } else {
                let gone = ids[slot];
                index.remove(spread(gone), slot as u32);
                ids[slot] = 0;
                assert_eq!(index.find(spread(gone), |s| ids[s as usize] == gone), None);
            }
            if step % 1000 == 0 {
                for (slot, id) in ids.iter().enumerate().filter(|(_, id)| **id != 0) {
                    assert_eq!(index.find(spread(*id), |s| ids[s as usize] == *id), Some(slot as u32));
                }
                assert_eq!(index.len(), ids.iter().filter(|i| **i != 0).count());
            }
        }
    }
}
