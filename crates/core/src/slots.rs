//! From a key to its slot in an array: open addressing with linear probing, eight bytes an entry, no iteration.
//!
//! The keys stand in the array; the index holds 32 bits of their hash, and the caller confirms a candidate.

use crate::prefetch::prefetch;

/// See the module.
#[derive(Clone, Debug)]
pub struct SlotIndex {
    /// `tag << 32 | slot`, complemented, so that a large index begins as memory that is zero anyway.
    entries: Vec<u64>,
    len: usize,
}

const VACANT: u64 = 0;

/// Entries whose places are loaded together while a whole index is filled.
const AHEAD: usize = 32;

#[inline]
fn entry_of(hash: u64, slot: u32) -> u64 {
    !((hash >> 32 << 32) | slot as u64)
}

#[inline]
fn tag_of(entry: u64) -> u64 {
    !entry >> 32
}

#[inline]
fn slot_of(entry: u64) -> u32 {
    !entry as u32
}

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

    /// An index of so many (hash, slot) pairs with different keys, made at once: each place is asked for well before it is filled.
    pub fn of(keys: usize, pairs: impl Iterator<Item = (u64, u32)>) -> SlotIndex {
        let mut index = SlotIndex::with_capacity(keys);
        let mut waiting = [VACANT; AHEAD];
        for (at, (hash, slot)) in pairs.enumerate() {
            index.prefetch(hash);
            let entry = std::mem::replace(&mut waiting[at % AHEAD], entry_of(hash, slot));
            index.put_if_any(entry);
            index.len += 1;
        }
        waiting.into_iter().for_each(|entry| index.put_if_any(entry));
        assert!(index.len <= keys, "as many keys as were told");
        index
    }

    #[inline]
    fn put_if_any(&mut self, entry: u64) {
        if entry != VACANT {
            self.put(entry);
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
            if tag_of(entry) == tag && is(slot_of(entry)) {
                return Some(slot_of(entry));
            }
            at = self.after(at);
        }
    }

    /// Starts loading the key's place.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        prefetch(&self.entries[self.home(hash >> 32)]);
    }

    /// The slot that most likely has this hash, if any has; to load it, not to rely on it.
    #[inline]
    pub fn guess(&self, hash: u64) -> Option<u32> {
        self.find(hash, |_| true)
    }

    /// Adds a key that is not there.
    #[inline]
    pub fn insert(&mut self, hash: u64, slot: u32) {
        if (self.len + 1) * 4 > self.entries.len() * 3 {
            self.grow();
        }
        self.put(entry_of(hash, slot));
        self.len += 1;
    }

    #[inline]
    fn put(&mut self, entry: u64) {
        let mut at = self.home(tag_of(entry));
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
        while slot_of(self.entries[gap]) != slot {
            assert!(self.entries[gap] != VACANT, "removes a key that is there");
            gap = self.after(gap);
        }
        let mut at = self.after(gap);
        while self.entries[at] != VACANT {
            let home = self.home(tag_of(self.entries[at]));
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

    #[test]
    fn an_index_made_at_once_is_one_made_step_by_step() {
        for count in [0, 1, 7, 600, 70_000] {
            let keys = || (0..count).map(|slot| (spread(u64::from(slot) * 3), slot));
            let mut whole = SlotIndex::of(count as usize, keys());
            let mut stepwise = SlotIndex::with_capacity(4);
            keys().for_each(|(hash, slot)| stepwise.insert(hash, slot));
            assert_eq!(whole.len(), stepwise.len());
            for (hash, slot) in keys() {
                assert_eq!(whole.find(hash, |found| found == slot), Some(slot));
            }
            assert_eq!(whole.find(spread(1), |found| found * 3 == 1), None);
            // It goes on as if it had grown: entries leave, and new ones come.
            for (hash, slot) in keys() {
                whole.remove(hash, slot);
                whole.insert(spread(u64::from(slot) * 3 + 1), slot);
            }
            for slot in 0..count {
                assert_eq!(whole.find(spread(u64::from(slot) * 3 + 1), |found| found == slot), Some(slot));
            }
        }
    }
}
