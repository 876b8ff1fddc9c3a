//! Files changed while the process is stopped.

use std::fs;

use super::load::{self, User};
use super::node::Place;

fn traded() -> (Place, Vec<User>) {
    let place = Place::new();
    let mut users = User::many(2);
    let node = place.start();
    load::trade(&node, &mut users, 200, || node.signal(rustix::process::Signal::TERM));
    node.stop();
    let node = place.start();
    load::settle(&node, &mut users);
    node.stop();
    (place, users)
}

/// Where the written part of a segment ends; behind it lie allocated zeros.
fn written(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).expect("a log") + 1
}

#[test]
fn a_flipped_bit_inside_the_log_is_refused() {
    let (place, mut users) = traded();
    let segment = place.segment();
    let whole = fs::read(&segment).expect("the log");
    let snapshots = place.data().join("snapshots");
    let _ = fs::remove_dir_all(&snapshots);
    let end = written(&whole);
    for at in [end / 4, end / 2, end - 200] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x08;
        fs::write(&segment, bytes).expect("written");
        let said = place.start_refused();
        for part in ["00000000000000000001.log", "damaged at offset", "restore the file"] {
            assert!(said.contains(part), "{part} is missing for byte {at}: {said}");
        }
        let output = place.log_verify();
        assert!(!output.status.success(), "{}", crate::stdout(&output));
    }
    fs::write(&segment, whole).expect("written");
    let node = place.start();
    load::check_all(&node, &mut users);
    node.stop();
}

/// A torn tail is a write that was never acknowledged: half a record behind the whole ones.
#[test]
fn a_torn_tail_is_cut_loudly_and_what_was_acknowledged_stays() {
    let (place, mut users) = traded();
    for cut in [1, 30, 61] {
        let segment = place.segment();
        let mut bytes = fs::read(&segment).expect("the log");
        let end = written(&bytes);
        // The start of the segment's first record again: right in form, and cut off.
        let tail = end.next_multiple_of(8);
        let record = bytes[4096..4096 + cut].to_vec();
        bytes[tail..tail + cut].copy_from_slice(&record);
        if record.iter().all(|byte| *byte == 0) {
            bytes[tail] = 0x5a;
        }
        fs::write(&segment, bytes).expect("written");
        let node = place.start();
        let said = place.stderr();
        assert!(said.contains("torn"), "{said}");
        load::check_all(&node, &mut users);
        node.stop();
        place.assert_verifies();
    }
}

#[test]
fn a_shortened_file_starts_loudly_or_is_refused() {
    let (place, _users) = traded();
    let segment = place.segment();
    let bytes = fs::read(&segment).expect("the log");
    // Into the last record: the mark that a clean stop leaves. All commands before it are whole.
    fs::write(&segment, &bytes[..written(&bytes) - 5]).expect("written");
    let node = place.start();
    assert!(place.stderr().contains("torn"), "{}", place.stderr());
    node.stop();
    place.assert_verifies();
}
