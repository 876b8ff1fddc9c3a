//! From an order's id to its slot: open addressing with linear probing, eight bytes an entry.

use crate::lookup::spread;

/// Holds (32 bits of the id's hash, slot) pairs; the caller confirms a candidate against the order itself.
#[derive(Clone, Debug)]
pub struct OrderIndex {
    /// `tag << 32 | slot`, or [`VACANT`]. The length is a power of two.
    entries: Vec<u64>,
    len: usize,
}

const VACANT: u64 = u64::MAX;

impl Default for OrderIndex {
    fn default() -> Self {
        OrderIndex::with_capacity(1024)
    }
}

impl OrderIndex {
    pub fn with_capacity(orders: usize) -> OrderIndex {
        let entries = (orders * 3 / 2).next_power_of_two().max(16);
        OrderIndex { entries: vec![VACANT; entries], len: 0 }
    }

    /// Where an entry wants to stand; by its tag alone, so that moving entries never looks at the orders.
    #[inline]
    fn home(&self, tag: u64) -> usize {
        tag as usize & (self.entries.len() - 1)
    }

    /// The slot of `id`: the first candidate that `is` confirms.
    #[inline]
    pub fn find(&self, id: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        let tag = spread(id) >> 32;
        let mut at = self.home(tag);
        loop {
            let entry = self.entries[at];
            if entry == VACANT {
                return None;
            }
            if entry >> 32 == tag && is(entry as u32) {
                return Some(entry as u32);
            }
            at = (at + 1) & (self.entries.len() - 1);
        }
    }

    /// A load that brings the id's place into the cache.
    #[inline]
    pub fn touch(&self, id: u64) -> u64 {
        self.entries[self.home(spread(id) >> 32)]
    }

    /// Adds an id that is not there.
    #[inline]
    pub fn insert(&mut self, id: u64, slot: u32) {
        if (self.len + 1) * 4 > self.entries.len() * 3 {
            self.grow();
        }
        self.put(spread(id) >> 32 << 32 | slot as u64);
        self.len += 1;
    }

    #[inline]
    fn put(&mut self, entry: u64) {
        let mut at = self.home(entry >> 32);
        while self.entries[at] != VACANT {
            at = (at + 1) & (self.entries.len() - 1);
        }
        self.entries[at] = entry;
    }

    fn grow(&mut self) {
        let doubled = vec![VACANT; self.entries.len() * 2];
        let old = std::mem::replace(&mut self.entries, doubled);
        for entry in old.into_iter().filter(|e| *e != VACANT) {
            self.put(entry);
        }
    }

    /// Removes an id that is there, closing the gap so that no probe sequence breaks.
    #[inline]
    pub fn remove(&mut self, id: u64, slot: u32) {
        let mask = self.entries.len() - 1;
        let mut gap = self.home(spread(id) >> 32);
        while self.entries[gap] as u32 != slot {
            assert!(self.entries[gap] != VACANT, "removes an order that is there");
            gap = (gap + 1) & mask;
        }
        let mut at = (gap + 1) & mask;
        while self.entries[at] != VACANT {
            let home = self.home(self.entries[at] >> 32);
            // An entry may fill the gap when its home does not lie between the gap and itself.
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(gap) & mask {
                self.entries[gap] = self.entries[at];
                gap = at;
            }
            at = (at + 1) & mask;
        }
        self.entries[gap] = VACANT;
        self.len -= 1;
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

    #[test]
    fn finds_what_was_inserted_and_not_what_was_removed() {
        let mut ids: Vec<u64> = vec![0; 5000];
        let mut index = OrderIndex::with_capacity(4);
        let mut x = 1u64;
        for step in 1..100_000u64 {
            x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let slot = (x >> 33) as usize % ids.len();
            if ids[slot] == 0 {
                ids[slot] = step;
                index.insert(step, slot as u32);
            } else {
                let gone = ids[slot];
                index.remove(gone, slot as u32);
                ids[slot] = 0;
                assert_eq!(index.find(gone, |s| ids[s as usize] == gone), None);
            }
            if step % 1000 == 0 {
                for (slot, id) in ids.iter().enumerate().filter(|(_, id)| **id != 0) {
                    assert_eq!(index.find(*id, |s| ids[s as usize] == *id), Some(slot as u32));
                }
                assert_eq!(index.len(), ids.iter().filter(|i| **i != 0).count());
            }
        }
    }
}
