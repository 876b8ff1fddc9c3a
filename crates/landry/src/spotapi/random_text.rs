//! Text that nobody can guess.

use std::cell::RefCell;

/// Random bytes of this thread that were not used yet: to ask the system for each order's would cost as much as the order.
struct Fresh {
    bytes: [u8; 1024],
    used: usize,
}

thread_local! {
    static FRESH: RefCell<Fresh> = const { RefCell::new(Fresh { bytes: [0; 1024], used: 1024 }) };
}

/// Bytes that nobody had before; what is given away is forgotten here.
fn random<const N: usize>() -> [u8; N] {
    FRESH.with_borrow_mut(|fresh| {
        if fresh.bytes.len() - fresh.used < N {
            getrandom::fill(&mut fresh.bytes).expect("the system has randomness");
            fresh.used = 0;
        }
        let from = fresh.used;
        fresh.used += N;
        let given = &mut fresh.bytes[from..from + N];
        let bytes = <[u8; N]>::try_from(&*given).expect("as many");
        given.fill(0);
        bytes
    })
}

/// Letters and digits at random.
pub(super) fn random_text(length: usize) -> String {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::with_capacity(length);
    while text.len() < length {
        // A byte above the last whole multiple would make some letters likelier.
        let fair = random::<16>().into_iter().filter(|byte| *byte < 248);
        text.extend(fair.map(|byte| char::from(LETTERS[usize::from(byte) % 62])).take(length - text.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn texts_differ_and_letters_are_equally_likely() {
        let texts: HashSet<String> = (0..10_000).map(|_| random_text(22)).collect();
        assert_eq!(texts.len(), 10_000);
        assert!(texts.iter().all(|text| text.len() == 22));
        let mut counts = [0u32; 128];
        texts.iter().flat_map(|text| text.bytes()).for_each(|byte| counts[usize::from(byte)] += 1);
        let used: Vec<u32> = counts.into_iter().filter(|count| *count > 0).collect();
        // 3,548 of each are expected, and a deviation of ten standard ones is not.
        assert_eq!(used.len(), 62);
        assert!(used.iter().all(|count| (2_950..4_150).contains(count)), "{used:?}");
    }
}
