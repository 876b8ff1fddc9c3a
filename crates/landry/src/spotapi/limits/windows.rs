//! Counts in fixed windows: this node's own, and what the other nodes of the service told of theirs.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use allin_core::ids::Timestamp;

use super::rules::Max;

/// Counts by key; the key `None` (`K` is an `Option`) is shared by those for whom there is no room.
pub(super) struct Windows<K> {
    length: u64,
    pub max: Max,
    keys_max: usize,
    /// Other nodes count the same keys.
    is_shared: bool,
    used: Mutex<Counts<K>>,
}

struct Counts<K> {
    window: u64,
    used: HashMap<K, Used>,
    /// Keys whose count here the other nodes do not know yet.
    changed: Vec<K>,
    /// Keys of which more was taken off than is counted.
    owing: Vec<K>,
    /// What a node told last of its own count; a later word replaces an earlier one, so that none counts twice.
    heard: HashMap<(u64, K), u32>,
}

#[derive(Clone, Copy, Default)]
struct Used {
    own: u32,
    others: u32,
    /// What every node sees and takes off by itself, whoever counted it.
    off: u32,
    /// By how much that was more than what is counted, at the least since this was last settled.
    owed: u32,
    is_changed: bool,
    is_owing: bool,
}

impl Used {
    fn counted(self) -> u32 {
        self.own.saturating_add(self.others)
    }

    fn sum(self) -> u32 {
        self.counted().saturating_sub(self.off)
    }

    fn owes(self) -> u32 {
        self.off.saturating_sub(self.counted())
    }
}

/// A key's count of this node, and what is taken off the sum of all nodes.
pub(super) type Own<K> = (K, u32, u32);

/// Whether a node's word was of the present window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Heard {
    Counted,
    /// Of a window that is over here.
    Late,
    /// Of one that has not begun here: the clocks differ.
    Early,
}

impl<K: Hash + Eq + Default + Copy> Windows<K> {
    pub fn new(length: u64, max: Max, keys_max: u32, is_shared: bool) -> Windows<K> {
        let (used, heard) = (HashMap::new(), HashMap::new());
        let counts = Counts { window: 0, used, changed: Vec::new(), owing: Vec::new(), heard };
        Windows { length, max, keys_max: keys_max as usize, is_shared, used: Mutex::new(counts) }
    }

    /// Adds to the count; gives it and whether it is within the limit.
    pub fn add(&self, key: K, count: u32, now: Timestamp) -> (u32, bool) {
        let mut counts = self.counts(now);
        let fits = counts.used.len() < self.keys_max || counts.used.contains_key(&key);
        let key = if fits { key } else { K::default() };
        let sum = self.change(&mut counts, key, |own| own.saturating_add(count));
        (sum, self.max.allows(sum))
    }

    /// Gives what is left.
    pub fn sub(&self, key: K, count: u32, now: Timestamp) -> u32 {
        let mut counts = self.counts(now);
        match counts.used.contains_key(&key) {
            true => self.change(&mut counts, key, |own| own.saturating_sub(count)),
            false => 0,
        }
    }

    /// Takes off the sum what all nodes see at about the same time, such as a fill. It never pays for what comes later; but a
    /// fill may be seen here before the word of the node that placed the order.
    pub fn take_off(&self, key: K, count: u32, now: Timestamp) {
        if !self.is_shared {
            self.sub(key, count, now);
            return;
        }
        let mut counts = self.counts(now);
        if counts.used.len() >= self.keys_max && !counts.used.contains_key(&key) {
            return;
        }
        let used = counts.used.entry(key).or_default();
        used.off = used.off.saturating_add(count);
        if used.owes() > 0 && !std::mem::replace(&mut used.is_owing, true) {
            counts.owing.push(key);
        }
    }

    /// Forgets what was taken off and has belonged to nothing ever since this was called before.
    pub fn settle(&self, now: Timestamp) {
        let mut counts = self.counts(now);
        let Counts { used, owing, .. } = &mut *counts;
        owing.retain(|key| {
            let Some(one) = used.get_mut(key) else { return false };
            one.off -= one.owed.min(one.off);
            one.owed = one.owes();
            one.is_owing = one.owed > 0;
            if one.off == 0 && one.counted() == 0 && !one.is_changed {
                used.remove(key);
                return false;
            }
            one.is_owing
        });
    }

    fn change(&self, counts: &mut Counts<K>, key: K, change: impl FnOnce(u32) -> u32) -> u32 {
        let used = counts.used.entry(key).or_default();
        used.own = change(used.own);
        used.owed = used.owed.min(used.owes());
        let sum = used.sum();
        // Those without room here have a count each elsewhere.
        if self.is_shared && key != K::default() && !std::mem::replace(&mut used.is_changed, true) {
            counts.changed.push(key);
        }
        sum
    }

    pub fn get(&self, key: K, now: Timestamp) -> u32 {
        self.counts(now).used.get(&key).map_or(0, |used| used.sum())
    }

    /// Whether there is anything that could be taken off.
    pub fn may_count(&self, now: Timestamp) -> bool {
        self.is_shared || !self.counts(now).used.is_empty()
    }

    /// Seconds until the window ends, rounded up.
    pub fn rest(&self, now: Timestamp) -> u32 {
        let rest = self.length - now.0 % self.length;
        u32::try_from(rest.div_ceil(Timestamp::SECOND)).unwrap_or(u32::MAX)
    }

    /// The window, and this node's counts in it: of all keys, or of those that changed since they were last taken.
    pub fn take_own(&self, all: bool, now: Timestamp) -> (u64, Vec<Own<K>>) {
        let mut counts = self.counts(now);
        let Counts { window, used, changed, .. } = &mut *counts;
        let mut own = Vec::with_capacity(changed.len());
        for key in changed.drain(..) {
            if let Some(used) = used.get_mut(&key) {
                used.is_changed = false;
                own.push((key, used.own, used.off));
            }
        }
        if all {
            let told = used.iter().filter(|(key, used)| used.own + used.off > 0 && **key != K::default());
            own = told.map(|(key, used)| (*key, used.own, used.off)).collect();
        }
        (*window, own)
    }

    /// Takes in what a node told of its own counts. One that `is_new` has not seen what was taken off before it began.
    pub fn hear(
        &self,
        node: u64,
        window: u64,
        told: impl IntoIterator<Item = Own<K>>,
        is_new: bool,
        now: Timestamp,
    ) -> Heard {
        let mut counts = self.counts(now);
        if window != counts.window {
            return if window < counts.window { Heard::Late } else { Heard::Early };
        }
        let Counts { used, heard, .. } = &mut *counts;
        for (key, count, off) in told {
            if used.len() >= self.keys_max && !used.contains_key(&key) {
                continue;
            }
            let before = heard.insert((node, key), count).unwrap_or(0);
            let used = used.entry(key).or_default();
            used.others = used.others.saturating_sub(before).saturating_add(count);
            used.owed = used.owed.min(used.owes());
            if is_new {
                used.off = used.off.max(off);
            }
        }
        Heard::Counted
    }

    /// The counts of the window that `now` is in: a window that is over is forgotten as a whole.
    fn counts(&self, now: Timestamp) -> MutexGuard<'_, Counts<K>> {
        let mut counts = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let window = now.0 / self.length;
        if counts.window < window {
            counts.window = window;
            counts.used.clear();
            counts.changed.clear();
            counts.owing.clear();
            counts.heard.clear();
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(600 * Timestamp::MINUTE);
    const WINDOW: u64 = 600;

    fn windows() -> Windows<Option<u64>> {
        Windows::new(Timestamp::MINUTE, Max::new(10), 3, true)
    }

    fn hear(to: &Windows<Option<u64>>, node: u64, told: &[Own<Option<u64>>]) {
        assert_eq!(to.hear(node, WINDOW, told.iter().copied(), false, NOW), Heard::Counted);
    }

    fn tell(from: &Windows<Option<u64>>, all: bool) -> Vec<Own<Option<u64>>> {
        let (window, told) = from.take_own(all, NOW);
        assert_eq!(window, WINDOW);
        told
    }

    #[test]
    fn nodes_add_up_and_no_word_counts_twice() {
        let (one, two) = (windows(), windows());
        assert_eq!(one.add(Some(1), 4, NOW), (4, true));
        let told = tell(&one, false);
        assert_eq!(told, [(Some(1), 4, 0)]);
        for _ in 0..2 {
            hear(&two, 7, &told);
            assert_eq!(two.get(Some(1), NOW), 4);
        }
        assert_eq!(two.add(Some(1), 6, NOW), (10, true));
        assert_eq!(two.add(Some(1), 1, NOW), (11, false));
        two.sub(Some(1), 1, NOW);
        // A smaller count replaces a larger one, and a third node adds to both.
        one.sub(Some(1), 3, NOW);
        hear(&two, 7, &tell(&one, false));
        hear(&two, 8, &[(Some(1), 2, 0)]);
        assert_eq!(two.get(Some(1), NOW), 1 + 2 + 6);
        // Own counts alone are told on.
        assert_eq!(tell(&two, false), [(Some(1), 6, 0)]);
        assert_eq!(tell(&two, false), []);
        assert_eq!(tell(&two, true), [(Some(1), 6, 0)]);
    }

    #[test]
    fn another_window_is_another_count() {
        let (one, later) = (windows(), NOW.plus(Timestamp::MINUTE));
        one.add(Some(1), 4, NOW);
        let hear = |window, now| one.hear(7, window, [(Some(1), 5, 0)], false, now);
        assert_eq!(hear(WINDOW + 1, NOW), Heard::Early);
        assert_eq!(one.get(Some(1), later), 0);
        assert_eq!(one.take_own(true, later), (WINDOW + 1, vec![]));
        assert_eq!(hear(WINDOW, later), Heard::Late);
        assert_eq!(hear(WINDOW + 1, later), Heard::Counted);
        assert_eq!(one.add(Some(1), 1, later), (6, true));
    }

    #[test]
    fn what_has_no_room_is_counted_together_and_not_told() {
        let one = windows();
        for key in 1..=5 {
            one.add(Some(key), 1, NOW);
        }
        assert_eq!(one.get(None, NOW), 2);
        assert_eq!(tell(&one, true).len(), 3);
        assert_eq!(tell(&one, false), [], "all of them were taken");
        hear(&one, 7, &[(Some(9), 100, 0)]);
        assert_eq!(one.get(Some(9), NOW), 0);
    }

    #[test]
    fn a_fill_is_taken_off_once_whoever_placed_the_order_and_whenever_the_word_comes() {
        let (one, two) = (windows(), windows());
        one.add(Some(1), 3, NOW);
        // Both see two fills, one of the nodes before it hears of the orders.
        let told = tell(&one, false);
        for node in [&one, &two] {
            node.take_off(Some(1), 2, NOW);
        }
        hear(&two, 7, &told);
        assert_eq!([one.get(Some(1), NOW), two.get(Some(1), NOW)], [1, 1]);
        assert_eq!(two.add(Some(1), 1, NOW).0, 2);
        hear(&one, 8, &tell(&two, false));
        assert_eq!(one.get(Some(1), NOW), 2);
        // A node that comes new hears what was taken off before it.
        let new = windows();
        new.hear(7, WINDOW, tell(&one, true), true, NOW);
        new.hear(8, WINDOW, tell(&two, true), true, NOW);
        assert_eq!(new.get(Some(1), NOW), 2);
    }

    #[test]
    fn what_is_taken_off_does_not_pay_for_later() {
        let one = windows();
        one.add(Some(1), 1, NOW);
        one.take_off(Some(1), 5, NOW);
        one.take_off(Some(2), 5, NOW);
        one.settle(NOW);
        assert_eq!(one.add(Some(1), 1, NOW).0, 0, "an order's word may still be on its way");
        one.settle(NOW);
        assert_eq!(one.add(Some(1), 1, NOW).0, 1);
        assert_eq!(one.add(Some(2), 1, NOW).0, 1);
        // While orders are placed elsewhere and filled at once, there is always a fill whose order's word is on its way: that
        // is not forgotten, for the word comes.
        let two = windows();
        for placed in 1..=50 {
            two.take_off(Some(3), 1, NOW);
            two.settle(NOW);
            hear(&two, 7, &[(Some(3), placed, 0)]);
        }
        assert_eq!(two.get(Some(3), NOW), 0);
        let alone: Windows<Option<u64>> = Windows::new(Timestamp::MINUTE, Max::new(10), 3, false);
        alone.add(Some(1), 1, NOW);
        alone.take_off(Some(1), 5, NOW);
        assert_eq!(alone.add(Some(1), 1, NOW).0, 1);
    }

    #[test]
    fn a_node_alone_keeps_no_list_of_changes() {
        let alone: Windows<Option<u64>> = Windows::new(Timestamp::MINUTE, Max::new(10), 3, false);
        assert!(!alone.may_count(NOW));
        alone.add(Some(1), 4, NOW);
        alone.sub(Some(1), 1, NOW);
        assert!(alone.may_count(NOW));
        assert_eq!(alone.take_own(false, NOW).1, []);
        assert_eq!(alone.counts(NOW).changed.capacity(), 0);
    }
}
