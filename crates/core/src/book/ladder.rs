//! The prices of one side of a book: a tree of sixteen-way nodes over the price's hexadecimal digits.
//!
//! The root stands just high enough to cover the prices in use, so a dense book is three or four short steps deep; the best
//! price is remembered. A lone far price costs its path of nodes, no more. All books share one pool of nodes.

use crate::prefetch::prefetch_at;

/// Digits of a key.
const DIGITS: u32 = 16;
const NONE: u32 = u32::MAX;

/// The nodes of all ladders.
#[derive(Clone, Default, Debug)]
pub struct Rungs {
    children: Vec<Rung>,
    /// Which children a node has.
    bits: Vec<u16>,
    /// Nodes in no ladder; they have lost all their children.
    free: Vec<u32>,
}

/// The children of a node, by digit: one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Rung([u32; 16]);

/// Sorted map from a price key to a level. A bid's key is its price, an ask's the complement, so the best is the largest.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct Ladder {
    root: u32,
    /// Digits below the root, 1 when the root is a leaf.
    height: u32,
    /// The digits above, the same for every key.
    prefix: u64,
    best: (u64, u32),
    len: u32,
    /// Orders in the queues of all levels, and what they have left, hidden parts included. Kept by the queues' owner.
    pub orders: u64,
    pub lots: u128,
}

impl Default for Ladder {
    fn default() -> Self {
        Ladder { root: NONE, height: 1, prefix: 0, best: (0, NONE), len: 0, orders: 0, lots: 0 }
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

impl Rungs {
    #[inline]
    fn prefetch(&self, node: u32) {
        prefetch_at(&self.children, node as usize);
    }

    fn take(&mut self) -> u32 {
        match self.free.pop() {
            Some(node) => node,
            None => {
                self.children.push(Rung([NONE; 16]));
                self.bits.push(0);
                self.bits.len() as u32 - 1
            }
        }
    }

    #[inline]
    fn set(&mut self, node: u32, place: usize, child: u32) {
        self.children[node as usize].0[place] = child;
        self.bits[node as usize] |= 1 << place;
    }

    /// Takes a child away; true when it was the last.
    #[inline]
    fn clear(&mut self, node: u32, place: usize) -> bool {
        let bits = &mut self.bits[node as usize];
        assert!(*bits & (1 << place) != 0, "removes a price that is there");
        *bits &= !(1 << place);
        self.children[node as usize].0[place] = NONE;
        *bits == 0
    }

    /// Heap bytes in use.
    pub fn memory(&self) -> usize {
        self.children.len() * 64 + self.bits.len() * 2 + self.free.len() * 4
    }
}

impl Ladder {
    pub fn len(&self) -> usize {
        self.len as usize
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The largest key and its level.
    #[inline]
    pub fn best(&self) -> Option<(u64, u32)> {
        if self.len == 0 { None } else { Some(self.best) }
    }

    #[inline]
    pub fn find(&self, rungs: &Rungs, key: u64) -> Option<u32> {
        if self.len == 0 || above(key, self.height) != self.prefix {
            return None;
        }
        let mut at = self.root;
        for position in (0..self.height).rev() {
            at = rungs.children[at as usize].0[digit(key, position)];
            if at == NONE {
                return None;
            }
        }
        Some(at)
    }

    /// The level at `key`, made by `make` if there is none.
    #[inline]
    pub fn find_or_insert(&mut self, rungs: &mut Rungs, key: u64, make: impl FnOnce() -> u32) -> u32 {
        if self.len == 0 {
            (self.root, self.height, self.prefix) = (rungs.take(), 1, above(key, 1));
        }
        while above(key, self.height) != self.prefix {
            self.grow(rungs);
        }
        let mut at = self.root;
        for position in (1..self.height).rev() {
            let place = digit(key, position);
            let child = rungs.children[at as usize].0[place];
            at = if child == NONE { add_child(rungs, at, place) } else { child };
        }
        let place = digit(key, 0);
        let found = rungs.children[at as usize].0[place];
        if found != NONE {
            return found;
        }
        let level = make();
        rungs.set(at, place, level);
        if self.len == 0 || key > self.best.0 {
            self.best = (key, level);
        }
        self.len += 1;
        level
    }

    /// The first step on the way to a key, its node being loaded; none when there is no way yet.
    #[inline]
    pub fn first_step(&self, rungs: &Rungs, key: u64) -> Step {
        if self.len == 0 || above(key, self.height) != self.prefix {
            return Step::NONE;
        }
        rungs.prefetch(self.root);
        Step { at: self.root, left: self.height }
    }

    /// Removes a key that is there.
    #[inline]
    pub fn remove(&mut self, rungs: &mut Rungs, key: u64) {
        assert!(self.len > 0 && above(key, self.height) == self.prefix, "removes a price that is there");
        let mut path = [NONE; DIGITS as usize];
        path[self.height as usize - 1] = self.root;
        for position in (1..self.height).rev() {
            let at = path[position as usize];
            path[position as usize - 1] = rungs.children[at as usize].0[digit(key, position)];
        }
        for position in 0..self.height {
            let at = path[position as usize];
            if !rungs.clear(at, digit(key, position)) {
                break;
            }
            rungs.free.push(at);
        }
        self.len -= 1;
        if key == self.best.0 && self.len > 0 {
            self.best = self.largest(rungs);
        }
    }

    fn largest(&self, rungs: &Rungs) -> (u64, u32) {
        let (mut at, mut key) = (self.root, self.prefix);
        for _ in 0..self.height {
            let place = 15 - rungs.bits[at as usize].leading_zeros();
            key = key << 4 | place as u64;
            at = rungs.children[at as usize].0[place as usize];
        }
        (key, at)
    }

    /// Puts a root above the root.
    #[cold]
    fn grow(&mut self, rungs: &mut Rungs) {
        let root = rungs.take();
        rungs.set(root, self.prefix as usize & 15, self.root);
        (self.root, self.height, self.prefix) = (root, self.height + 1, above(self.prefix, 1));
    }

    /// The levels, best price first.
    pub fn iter<'a>(&self, rungs: &'a Rungs) -> Iter<'a> {
        let mut iter = Iter { rungs, path: [(NONE, 0); DIGITS as usize], depth: 0, height: self.height as usize };
        if self.len > 0 {
            iter.path[0] = (self.root, rungs.bits[self.root as usize]);
            iter.depth = 1;
        }
        iter
    }
}

fn add_child(rungs: &mut Rungs, at: u32, place: usize) -> u32 {
    let child = rungs.take();
    rungs.set(at, place, child);
    child
}

/// How far the way down a ladder was loaded ahead.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// A node, or the level once nothing is left.
    at: u32,
    /// Digits still to go.
    left: u32,
}

impl Step {
    pub const NONE: Step = Step { at: NONE, left: 0 };

    /// Goes on to the child for `key`, which is then being loaded. The node must have been asked for a while ago.
    #[inline]
    pub fn next(self, rungs: &Rungs, key: u64) -> Step {
        if self.left == 0 || self.at == NONE {
            return self;
        }
        let left = self.left - 1;
        let Some(rung) = rungs.children.get(self.at as usize) else { return Step::NONE };
        let at = rung.0[digit(key, left)];
        if left > 0 {
            rungs.prefetch(at);
        }
        Step { at, left }
    }

    /// The level at the end of the way.
    #[inline]
    pub fn level(self) -> Option<u32> {
        (self.left == 0 && self.at != NONE).then_some(self.at)
    }
}

/// See [`Ladder::iter`].
pub struct Iter<'a> {
    rungs: &'a Rungs,
    /// From the root down: a node and its children that are still to come.
    path: [(u32, u16); DIGITS as usize],
    depth: usize,
    height: usize,
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
            let child = self.rungs.children[*at as usize].0[place as usize];
            if self.depth == self.height {
                return Some(child);
            }
            self.path[self.depth] = (child, self.rungs.bits[child as usize]);
            self.depth += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn agrees_with_a_sorted_map_under_churn() {
        let (mut ladder, mut rungs) = (Ladder::default(), Rungs::default());
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
                assert_eq!(ladder.find_or_insert(&mut rungs, key, || step), expected);
            } else if model.remove(&key).is_some() {
                ladder.remove(&mut rungs, key);
            }
            assert_eq!(ladder.best(), model.last_key_value().map(|(k, v)| (*k, *v)));
            assert_eq!(ladder.find(&rungs, key), model.get(&key).copied());
            if step % 997 == 0 {
                assert!(ladder.iter(&rungs).eq(model.values().rev().copied()));
                assert_eq!(ladder.len(), model.len());
            }
        }
    }
}
