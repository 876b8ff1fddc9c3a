//! The prices of one side of a book, sorted, best last: chunks of sorted keys under a sorted directory.
//!
//! Insertion and removal move at most one chunk; the best price is one look away. A million prices stay shallow.

/// Keys per chunk.
const CHUNK: usize = 32;

#[derive(Clone, Copy, Debug)]
struct Chunk {
    keys: [u64; CHUNK],
    levels: [u32; CHUNK],
    len: u32,
}

const EMPTY: Chunk = Chunk { keys: [0; CHUNK], levels: [0; CHUNK], len: 0 };

/// Sorted map from a price key to a level. A bid's key is its price, an ask's the complement, so the best is the largest.
#[derive(Clone, Default, Debug)]
pub struct Ladder {
    /// (smallest key, chunk), ascending; no chunk is empty.
    directory: Vec<(u64, u32)>,
    chunks: Vec<Chunk>,
    free: Vec<u32>,
    len: usize,
}

impl Ladder {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The largest key and its level.
    #[inline]
    pub fn best(&self) -> Option<(u64, u32)> {
        let chunk = &self.chunks[self.directory.last()?.1 as usize];
        let at = chunk.len as usize - 1;
        Some((chunk.keys[at], chunk.levels[at]))
    }

    /// Directory place of the chunk that has, or would take, the key. The directory is not empty.
    #[inline]
    fn place(&self, key: u64) -> usize {
        // Most work is near the best price.
        let last = self.directory.len() - 1;
        if self.directory[last].0 <= key {
            return last;
        }
        self.directory[..last].partition_point(|(first, _)| *first <= key).saturating_sub(1)
    }

    #[inline]
    pub fn find(&self, key: u64) -> Option<u32> {
        if self.directory.is_empty() {
            return None;
        }
        let chunk = &self.chunks[self.directory[self.place(key)].1 as usize];
        let keys = &chunk.keys[..chunk.len as usize];
        let at = keys.partition_point(|k| *k < key);
        if keys.get(at) == Some(&key) { Some(chunk.levels[at]) } else { None }
    }

    /// The level at `key`, made by `make` if there is none.
    #[inline]
    pub fn find_or_insert(&mut self, key: u64, make: impl FnOnce() -> u32) -> u32 {
        if self.directory.is_empty() {
            let chunk = self.take_chunk();
            self.directory.push((key, chunk));
        }
        let mut place = self.place(key);
        let mut chunk = self.directory[place].1 as usize;
        let keys = &self.chunks[chunk].keys[..self.chunks[chunk].len as usize];
        let mut at = keys.partition_point(|k| *k < key);
        if keys.get(at) == Some(&key) {
            return self.chunks[chunk].levels[at];
        }
        if self.chunks[chunk].len as usize == CHUNK {
            self.split(place);
            if self.directory[place + 1].0 <= key {
                place += 1;
                at -= CHUNK / 2;
            }
            chunk = self.directory[place].1 as usize;
        }
        let level = make();
        let target = &mut self.chunks[chunk];
        let len = target.len as usize;
        target.keys.copy_within(at..len, at + 1);
        target.levels.copy_within(at..len, at + 1);
        target.keys[at] = key;
        target.levels[at] = level;
        target.len += 1;
        self.directory[place].0 = target.keys[0];
        self.len += 1;
        level
    }

    pub fn remove(&mut self, key: u64) {
        let place = self.place(key);
        let chunk = self.directory[place].1;
        let target = &mut self.chunks[chunk as usize];
        let len = target.len as usize;
        let at = target.keys[..len].partition_point(|k| *k < key);
        assert!(at < len && target.keys[at] == key, "removes a price that is there");
        target.keys.copy_within(at + 1..len, at);
        target.levels.copy_within(at + 1..len, at);
        target.len -= 1;
        self.len -= 1;
        if target.len == 0 {
            self.directory.remove(place);
            self.free.push(chunk);
        } else {
            self.directory[place].0 = target.keys[0];
        }
    }

    fn take_chunk(&mut self) -> u32 {
        match self.free.pop() {
            Some(chunk) => {
                self.chunks[chunk as usize] = EMPTY;
                chunk
            }
            None => {
                self.chunks.push(EMPTY);
                self.chunks.len() as u32 - 1
            }
        }
    }

    /// Moves the upper half of a full chunk into a new one after it.
    fn split(&mut self, place: usize) {
        let upper = self.take_chunk();
        let lower = &mut self.chunks[self.directory[place].1 as usize];
        let mut moved = EMPTY;
        moved.keys[..CHUNK / 2].copy_from_slice(&lower.keys[CHUNK / 2..]);
        moved.levels[..CHUNK / 2].copy_from_slice(&lower.levels[CHUNK / 2..]);
        moved.len = (CHUNK / 2) as u32;
        lower.len = (CHUNK / 2) as u32;
        self.directory.insert(place + 1, (moved.keys[0], upper));
        self.chunks[upper as usize] = moved;
    }

    /// Levels from the best on.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.directory.iter().rev().flat_map(|(_, chunk)| {
            let chunk = &self.chunks[*chunk as usize];
            (0..chunk.len as usize).rev().map(|at| (chunk.keys[at], chunk.levels[at]))
        })
    }

    /// Heap bytes in use, by capacity.
    pub fn memory(&self) -> usize {
        self.directory.capacity() * 16 + self.chunks.capacity() * size_of::<Chunk>() + self.free.capacity() * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn agrees_with_a_sorted_map_under_churn() {
        let mut ladder = Ladder::default();
        let mut model = BTreeMap::new();
        let mut x = 88172645463325252u64;
        for step in 0..200_000u32 {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            let key = x % if step % 50_000 < 25_000 { 3000 } else { 40 };
            if x & (1 << 40) == 0 {
                let expected = *model.entry(key).or_insert(step);
                assert_eq!(ladder.find_or_insert(key, || step), expected);
            } else if model.remove(&key).is_some() {
                ladder.remove(key);
            }
            assert_eq!(ladder.best(), model.last_key_value().map(|(k, v)| (*k, *v)));
            assert_eq!(ladder.find(key), model.get(&key).copied());
            if step % 997 == 0 {
                assert!(ladder.iter().eq(model.iter().rev().map(|(k, v)| (*k, *v))));
                assert_eq!(ladder.len(), model.len());
            }
        }
    }
}
