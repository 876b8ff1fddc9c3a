//! Makes a failing run of commands as short as it can, so that a person can read it.

use allin_core::ids::Timestamp;
use allin_core::spot::command::Command;

/// A run: what was sent, and when.
pub type Script = Vec<(Timestamp, Command)>;

/// Takes commands out of `script` as long as `fails` says that it still fails; it gives the place of the failure, and
/// nothing after it is needed. Larger pieces are tried first.
pub fn shrink(mut script: Script, fails: impl Fn(&Script) -> Option<usize>) -> Script {
    match fails(&script) {
        Some(place) => script.truncate(place + 1),
        None => return script,
    }
    let mut piece = script.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at < script.len() {
            let mut shorter = script.clone();
            shorter.drain(at..(at + piece).min(script.len()));
            match fails(&shorter) {
                Some(place) => {
                    shorter.truncate(place + 1);
                    script = shorter;
                }
                None => at += piece,
            }
        }
        piece /= 2;
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_matter_goes() {
        let script: Script = (0..100).map(|n| (Timestamp(n), Command::Tick)).collect();
        let both = |s: &Script| {
            let first = s.iter().position(|(at, _)| at.0 == 7)?;
            s.iter().skip(first).position(|(at, _)| at.0 == 61).map(|n| first + n)
        };
        let times: Vec<u64> = shrink(script, both).into_iter().map(|(at, _)| at.0).collect();
        assert_eq!(times, [7, 61]);
    }
}
