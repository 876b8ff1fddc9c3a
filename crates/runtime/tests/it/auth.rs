//! The token is made once, kept private, and compared whole.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, thread};

use allin_runtime::auth::{InternalToken, TOKEN_FILE, TokenError};

fn mode(data: &Path) -> u32 {
    fs::metadata(data.join(TOKEN_FILE)).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_start_makes_it_and_later_ones_keep_it() {
    let data = tempfile::tempdir().unwrap();
    let inside = data.path().join("deep/data");
    let first = InternalToken::open(&inside).unwrap();
    assert_eq!(mode(&inside), 0o600);
    assert_eq!(first.header(), InternalToken::open(&inside).unwrap().header());
    assert_eq!(fs::read_dir(&inside).unwrap().count(), 1, "the draft is gone");
}

#[test]
fn starts_at_the_same_moment_agree() {
    let data = tempfile::tempdir().unwrap();
    let open = || InternalToken::open(data.path()).map(|token| token.header());
    let headers: Vec<String> = thread::scope(|scope| {
        let starts: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        starts.into_iter().map(|start| start.join().unwrap().unwrap()).collect()
    });
    let now = open().unwrap();
    assert!(headers.iter().all(|header| *header == now));
}

#[test]
fn only_the_whole_token_is_admitted() {
    let data = tempfile::tempdir().unwrap();
    let token = InternalToken::open(data.path()).unwrap();
    let header = token.header();
    assert!(token.admits(Some(header.as_bytes())));
    assert!(token.admits(Some(header.replace("Bearer", "bearer").as_bytes())));
    let hex = header.strip_prefix("Bearer ").unwrap();
    let short = &header[..header.len() - 1];
    let long = format!("{header}0");
    for wrong in ["", "Bearer", "Bearer ", hex, short, &long, "Basic abc"] {
        assert!(!token.admits(Some(wrong.as_bytes())), "{wrong:?}");
    }
    assert!(!token.admits(None));
    assert!(!token.admits(Some(b"Bearer \xff")));
    assert!(!format!("{token:?}").contains(hex));
}

#[test]
fn a_file_that_others_can_read_or_that_holds_something_else_is_refused() {
    let data = tempfile::tempdir().unwrap();
    InternalToken::open(data.path()).unwrap();
    let path = data.path().join(TOKEN_FILE);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = InternalToken::open(data.path()).unwrap_err();
    assert!(matches!(error, TokenError::Mode { mode: 0o644, .. }), "{error}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, "secret").unwrap();
    let error = InternalToken::open(data.path()).unwrap_err();
    assert!(matches!(error, TokenError::Content { .. }) && !error.to_string().contains("secret"), "{error}");
}

#[test]
fn a_client_makes_no_token() {
    let data = tempfile::tempdir().unwrap();
    assert!(matches!(InternalToken::read(data.path()), Err(TokenError::File { .. })));
    assert!(!data.path().join(TOKEN_FILE).exists());
}
