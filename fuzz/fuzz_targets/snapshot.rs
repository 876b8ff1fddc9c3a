//! Any bytes: refused as a snapshot, or a state that can be written again. (That a file is damaged, its checksums tell.)

#![no_main]

use allin_core::spot::Spot;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(spot) = Spot::restore(bytes) {
        let mut again = Vec::new();
        spot.snapshot(&mut |piece| again.extend_from_slice(piece));
        assert!(Spot::restore(&again).is_ok());
    }
});
