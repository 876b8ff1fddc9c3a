//! The token is made once, kept private, and compared whole.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    thread,
    time::{Duration, SystemTime},
};

use allin_runtime::auth::{InternalToken, PassFault, SKEW_MAX, TOKEN_FILE, TokenError, Verifier};
use allin_topology::{DEMO, GATEWAY, Topology};

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

#[test]
fn a_pass_is_good_for_one_caller_one_service_and_a_moment() {
    let data = tempfile::tempdir().unwrap();
    let token = InternalToken::open(data.path()).unwrap();
    let other = InternalToken::open(tempfile::tempdir().unwrap().path()).unwrap();
    let now = SystemTime::now();
    let (caller, verifier) = (token.held_by("spotapi"), token.verifier_for_all("engine"));
    let good = caller.signer("engine").header(now);
    let pass = verifier.check(Some(good.as_bytes()), now).expect("good");
    assert_eq!(pass.caller, "spotapi");

    let second = Duration::from_secs(1);
    let changed = |from: &str, to: &str| good.replace(from, to);
    let flipped =
        good.strip_suffix(|_: char| true).map(|rest| format!("{rest}{}", if good.ends_with('0') { 1 } else { 0 }));
    let rows = [
        (caller.signer("engine").header(now - SKEW_MAX), None),
        (caller.signer("engine").header(now + SKEW_MAX), None),
        (caller.signer("engine").header(now - SKEW_MAX - second), Some(PassFault::Expired)),
        (caller.signer("engine").header(now + SKEW_MAX + second), Some(PassFault::Expired)),
        (caller.signer("history").header(now), Some(PassFault::Misdirected)),
        (other.held_by("spotapi").signer("engine").header(now), Some(PassFault::Forged)),
        (changed("spotapi", "gateway"), Some(PassFault::Forged)),
        (changed("engine", "history"), Some(PassFault::Forged)),
        (flipped.unwrap(), Some(PassFault::Forged)),
        (changed("Allin-Service 1", "Allin-Service 2"), Some(PassFault::Malformed)),
        (changed("spotapi", "spot/api"), Some(PassFault::Malformed)),
        (changed("spotapi", ""), Some(PassFault::Malformed)),
        (format!("{good}0"), Some(PassFault::Malformed)),
        (format!("{good}g"), Some(PassFault::Malformed)),
        (good[..good.len() - 2].to_owned(), Some(PassFault::Forged)),
        ("Allin-Service ".to_owned(), Some(PassFault::Malformed)),
        (token.header(), Some(PassFault::Missing)),
        (String::new(), Some(PassFault::Missing)),
    ];
    for (header, fault) in rows {
        assert_eq!(verifier.check(Some(header.as_bytes()), now).err(), fault, "{header}");
    }
    assert_eq!(verifier.check(None, now).err(), Some(PassFault::Missing));
    assert_eq!(verifier.check(Some(b"\xff"), now).err(), Some(PassFault::Malformed));
}

/// Every service at every other's port, and those that are none.
#[test]
fn a_service_is_called_along_the_arrows_of_the_topology_and_by_the_operator() {
    let data = tempfile::tempdir().unwrap();
    let token = InternalToken::open(data.path()).unwrap();
    let (now, topology) = (SystemTime::now(), Topology::embedded());
    let check = |caller: &InternalToken, verifier: &Verifier, audience: &str| {
        verifier.check(Some(caller.signer(audience).header(now).as_bytes()), now).err()
    };
    let mut arrows = 0;
    for called in &topology.services {
        let (name, verifier) = (&called.name, token.verifier(&called.name));
        for caller in &topology.services {
            let has_arrow = caller.depends_on.contains(name);
            let fault = (!has_arrow).then_some(PassFault::Uninvited);
            assert_eq!(check(&token.held_by(&caller.name), &verifier, name), fault, "{} calls {name}", caller.name);
            arrows += usize::from(has_arrow);
        }
        assert_eq!(check(&token, &verifier, name), None, "the operator calls {name}");
        let demo = (name != "landry-ces-matchengine").then_some(PassFault::Uninvited);
        assert_eq!(check(&token.held_by(DEMO), &verifier, name), demo, "the demonstration calls {name}");
        for other in [GATEWAY, "nobody"] {
            assert_eq!(
                check(&token.held_by(other), &verifier, name),
                Some(PassFault::Uninvited),
                "{other} calls {name}"
            );
            assert_eq!(check(&token.held_by(other), &token.verifier_for_all(name), name), None);
        }
    }
    assert!(arrows > 80, "{arrows} arrows");
}

#[test]
fn an_answer_is_proven_by_who_was_called_and_for_this_call_alone() {
    let data = tempfile::tempdir().unwrap();
    let token = InternalToken::open(data.path()).unwrap();
    let now = SystemTime::now();
    let signer = token.held_by("spotapi").signer("engine");
    let header = signer.header(now);
    let pass = token.verifier_for_all("engine").check(Some(header.as_bytes()), now).unwrap();
    assert!(signer.is_proven(&header, Some(pass.proof().as_bytes())));
    let later = signer.header(now + Duration::from_millis(1));
    assert!(!signer.is_proven(&later, Some(pass.proof().as_bytes())), "of another call");
    // What the caller itself signed is no proof.
    let own = header.rsplit('/').next().unwrap();
    for wrong in [own, "", "00", "zz", &pass.proof()[2..]] {
        assert!(!signer.is_proven(&header, Some(wrong.as_bytes())), "{wrong}");
    }
    assert!(!signer.is_proven(&header, None));
    let shown = format!("{token:?} {signer:?} {:?}", token.verifier("engine"));
    assert!(!shown.contains(token.header().strip_prefix("Bearer ").unwrap()), "{shown}");
}
