//! `allin doctor`.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::{allin, stderr, stdout};

#[test]
fn a_new_place_is_fine_and_stays_untouched() {
    let directory = tempfile::tempdir().unwrap();
    let output = allin(directory.path(), &["doctor", "--data", "data", "--listen", "off"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    for check in ["data directory", "free disk", "durable write", "internal token", "ports"] {
        assert!(stdout(&output).contains(check), "{check} is missing: {}", stdout(&output));
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_token_that_others_can_read_is_a_fault_with_its_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let token = directory.path().join("internal.token");
    fs::write(&token, "0".repeat(64)).unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    let output = allin(directory.path(), &["doctor", "--data", ".", "--listen", "off"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("chmod 600"), "{}", stdout(&output));
}

#[test]
fn a_data_directory_that_is_a_file_is_a_fault() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("data"), "").unwrap();
    let output = allin(directory.path(), &["doctor", "--listen", "off"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("is not a directory"), "{}", stdout(&output));
}

#[test]
fn a_wrong_setting_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let output = allin(directory.path(), &["doctor", "--set", "log.batch_bytes_max=1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("log.batch_bytes_max"), "{}", stderr(&output));
}
