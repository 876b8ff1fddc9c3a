//! The prices of one side of a book: a tree of sixteen-way nodes over the price's hexadecimal digits.
//!
//! The root stands just high enough to cover the prices in use, so a dense book is three or four short steps deep; the best
//! price is remembered. A lone far price costs its path of 68-byte nodes, no more.

/// Digits of a key.
const DIGITS: u32 = 16;
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Node {
    children: [u32; 16],
    /// Which children there are.
    bits: u16,
}

const EMPTY: Node = Node { children: [NONE; 16], bits: 0 };

/// Sorted map from a price key to a level. A bid's key is its price, an ask's the complement, so the best is the largest.
#[derive(Clone, Debug)]
pub struct Ladder {
    nodes: Vec<Node>,
    free: Vec<u32>,
    root: u32,
    /// Digits below the root, 1 when the root is a leaf.
    height: u32,
    /// The digits above, the same for every key.
    prefix: u64,
    best: (u64, u32),
    len: usize,
}

impl Default for Ladder {
    fn default() -> Self {
        Ladder { nodes: vec![], free: vec![], root: NONE, height: 1, prefix: 0, best: (0, NONE), len: 0 }
    }
}

#[inline]
fn digit(key: u64, position: u32) -> usize {
    (key >> (4 * position)) as usize & 15
}

#[inline]
fn above(key: u64, height: u32) -> u64 {
    if height >= DIGITS { 0 } else { key >> (4 * height) }
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
        if self.len == 0 { None } else { Some(self.best) }
    }

    pub fn find(&self, key: u64) -> Option<u32> {
        if self.len == 0 || above(key, self.height) != self.prefix {
            return None;
        }
        let mut at = self.root;
        for position in (0..self.height).rev() {
            at = self.nodes[at as usize].children[digit(key, position)];
            if at == NONE {
                return None;
            }
        }
        Some(at)
    }

    /// The level at `key`, made by `make` if there is none.
    #[inline]
    pub fn find_or_insert(&mut self, key: u64, make: impl FnOnce() -> u32) -> u32 {
        if self.len == 0 {
            (self.root, self.height, self.prefix) = (self.take_node(), 1, above(key, 1));
        }
        while above(key, self.height) != self.prefix {
            self.grow();
        }
        let mut at = self.root;
        for position in (1..self.height).rev() {
            let place = digit(key, position);
            let child = self.nodes[at as usize].children[place];
            at = if child == NONE { self.add_child(at, place) } else { child };
        }
        let leaf = &mut self.nodes[at as usize];
        let place = digit(key, 0);
        if leaf.children[place] != NONE {
            return leaf.children[place];
        }
        let level = make();
        leaf.children[place] = level;
        leaf.bits |= 1 << place;
        if self.len == 0 || key > self.best.0 {
            self.best = (key, level);
        }
        self.len += 1;
        level
    }

    /// Removes a key that is there.
    #[inline]
    pub fn remove(&mut self, key: u64) {
        assert!(self.len > 0 && above(key, self.height) == self.prefix, "removes a price that is there");
        let mut path = [NONE; DIGITS as usize];
        path[self.height as usize - 1] = self.root;
        for position in (1..self.height).rev() {
            path[position as usize - 1] = self.nodes[path[position as usize] as usize].children[digit(key, position)];
        }
        for position in 0..self.height {
            let at = path[position as usize];
            let (node, place) = (&mut self.nodes[at as usize], digit(key, position));
            assert!(node.bits & (1 << place) != 0, "removes a price that is there");
            node.children[place] = NONE;
            node.bits &= !(1 << place);
            if node.bits != 0 {
                break;
            }
            self.free.push(at);
        }
        self.len -= 1;
        if key == self.best.0 && self.len > 0 {
            self.best = self.largest();
        }
    }

    fn largest(&self) -> (u64, u32) {
        let (mut at, mut key) = (self.root, self.prefix);
        for _ in 0..self.height {
            let node = &self.nodes[at as usize];
            let place = 15 - node.bits.leading_zeros();
            key = key << 4 | place as u64;
            at = node.children[place as usize];
        }
        (key, at)
    }

    /// Puts a root above the root.
    #[cold]
    fn grow(&mut self) {
        let root = self.take_node();
        let place = self.prefix as usize & 15;
        self.nodes[root as usize].children[place] = self.root;
        self.nodes[root as usize].bits = 1 << place;
        (self.root, self.height, self.prefix) = (root, self.height + 1, above(self.prefix, 1));
    }

    fn add_child(&mut self, at: u32, place: usize) -> u32 {
        let child = self.take_node();
        let node = &mut self.nodes[at as usize];
        node.children[place] = child;
        node.bits |= 1 << place;
        child
    }

    fn take_node(&mut self) -> u32 {
        match self.free.pop() {
            // A freed node has lost all its children.
            Some(node) => node,
            None => {
                self.nodes.push(EMPTY);
                self.nodes.len() as u32 - 1
            }
        }
    }

    /// The levels, best price first.
    pub fn iter(&self) -> Iter<'_> {
        let mut iter = Iter { ladder: self, path: [(NONE, 0); DIGITS as usize], depth: 0 };
        if self.len > 0 {
            iter.path[0] = (self.root, self.nodes[self.root as usize].bits);
            iter.depth = 1;
        }
        iter
    }

    /// Heap bytes, by capacity.
    pub fn memory(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.free.capacity() * 4
    }
}

/// See [`Ladder::iter`].
pub struct Iter<'a> {
    ladder: &'a Ladder,
    /// From the root down: a node and its children that are still to come.
    path: [(u32, u16); DIGITS as usize],
    depth: usize,
}

impl Iterator for Iter<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        loop {
            let (at, bits) = self.path.get_mut(self.depth.checked_sub(1)?)?;
            if *bits == 0 {
                self.depth -= 1;
                continue;
            }
            let place = 15 - bits.leading_zeros();
            *bits &= !(1 << place);
            let child = self.ladder.nodes[*at as usize].children[place as usize];
            if self.depth < self.ladder.height as usize {
                self.path[self.depth] = (child, self.ladder.nodes[child as usize].bits);
                self.depth += 1;
                continue;
            }
            return Some(child);
        }
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
            let key = match step % 50_000 {
                0..20_000 => x % 3000,
                20_000..40_000 => !(x % 40),
                _ => x >> (x % 60),
            };
            if x & (1 << 40) == 0 {
                let expected = *model.entry(key).or_insert(step);
                assert_eq!(ladder.find_or_insert(key, || step), expected);
            } else if model.remove(&key).is_some() {
                ladder.remove(key);
            }
            assert_eq!(ladder.best(), model.last_key_value().map(|(k, v)| (*k, *v)));
            assert_eq!(ladder.find(key), model.get(&key).copied());
            if step % 997 == 0 {
                assert!(ladder.iter().eq(model.values().rev().copied()));
                assert_eq!(ladder.len(), model.len());
            }
        }
    }
}
