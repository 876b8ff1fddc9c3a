//! Text that nobody can guess.

/// Letters and digits at random.
pub(super) fn random_text(length: usize) -> String {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::with_capacity(length);
    let mut random = [0; 64];
    while text.len() < length {
        getrandom::fill(&mut random).expect("the system has randomness");
        // A byte above the last whole multiple would make some letters likelier.
        let fair = random.iter().filter(|byte| **byte < 248).map(|byte| char::from(LETTERS[usize::from(*byte) % 62]));
        text.extend(fair.take(length - text.len()));
    }
    text
}
