//! Any bytes: no record, unless they are one; a record made of them comes back, and not from changed bytes.

#![no_main]

use allin_wire::oplog::frame;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((salt, rest)) = bytes.split_first_chunk::<4>() else { return };
    let salt = u32::from_le_bytes(*salt);
    if let Ok(record) = frame::read(salt, rest) {
        assert!(record.len <= rest.len() && record.len <= frame::RECORD_MAX && record.payload.len() < record.len);
        let mut again = Vec::new();
        let write = |out: &mut Vec<u8>| -> Result<(), ()> {
            out.extend_from_slice(record.payload);
            Ok(())
        };
        let crc = frame::put(&mut again, salt, &record.header, write).expect("it fits");
        // Padding may differ in bytes that only a forger would set; the checksum covers it, so then it differs too.
        assert_eq!(again == rest[..record.len], crc == record.crc);
        again[0] ^= 1;
        assert!(frame::read(salt, &again).is_err());
    }
});
