//! Texts from the network where the interfaces want `&'static str`: a few are remembered, the rest share one.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Most different texts that are remembered for the life of the process, and their longest.
const NAMES_MAX: usize = 256;
const NAME_LEN_MAX: usize = 80;

static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// The same text with the life of the process; `other` for a long one, and for any once there are too many.
pub(super) fn remembered(text: &str, other: &'static str) -> &'static str {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(name) = names.get(text) {
        return name;
    }
    if names.len() >= NAMES_MAX || text.len() > NAME_LEN_MAX || text.is_empty() {
        return other;
    }
    let name: &'static str = String::from(text).leak();
    names.insert(name);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_names_is_bounded() {
        assert_eq!(remembered("historywriter", "other"), "historywriter");
        assert_eq!(remembered(&"x".repeat(81), "other"), "other");
        for number in 0..2 * NAMES_MAX {
            remembered(&number.to_string(), "other");
        }
        assert_eq!(remembered("one more", "other"), "other");
        assert_eq!(remembered("historywriter", "other"), "historywriter");
    }
}
