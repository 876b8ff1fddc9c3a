//! Any bytes: a command with these very bytes, or a refusal.

#![no_main]

use allin_wire::oplog::{VERSION, decode, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(command) = decode(VERSION, bytes) {
        let mut again = Vec::new();
        encode(&command, &mut again).expect("what was decoded is within bounds");
        assert_eq!(again, bytes);
    }
});
