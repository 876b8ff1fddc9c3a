//! Dependencies are permissive: every licence expression has a choice that deny.toml allows. `cargo deny` looks closer
//! (at licence texts, too); this needs nothing installed.

use std::{collections::BTreeSet, fs};

use super::{metadata, root};

fn allowed() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there");
    let list = text.split_once("allow = [").and_then(|(_, rest)| rest.split_once(']'));
    let (list, _) = list.expect("deny.toml has a list of licences");
    let allowed: BTreeSet<String> = list.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(allowed.contains("Apache-2.0") && !allowed.iter().any(|licence| licence.contains("GPL")));
    allowed
}

/// Whether an SPDX expression of AND, OR and parentheses can be met.
fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    // "MIT/Apache-2.0" is the old way to write OR.
    let text = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let (met, rest) = any(&words, allowed);
    assert!(rest.is_empty(), "{expression:?} is not a licence expression");
    met
}

fn any<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> (bool, &'a [&'a str]) {
    let (mut met, mut rest) = all(words, allowed);
    while let Some((&"OR", after)) = rest.split_first() {
        let (other, left) = all(after, allowed);
        met |= other;
        rest = left;
    }
    (met, rest)
}

fn all<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> (bool, &'a [&'a str]) {
    let (mut met, mut rest) = one(words, allowed);
    while let Some((&"AND", after)) = rest.split_first() {
        let (other, left) = one(after, allowed);
        met &= other;
        rest = left;
    }
    (met, rest)
}

fn one<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> (bool, &'a [&'a str]) {
    match words {
        ["(", rest @ ..] => {
            let (met, rest) = any(rest, allowed);
            (met, rest.strip_prefix(&[")"]).expect("parentheses close"))
        }
        [licence, "WITH", exception, rest @ ..] => (allowed.contains(&format!("{licence} WITH {exception}")), rest),
        [licence, rest @ ..] => (allowed.contains(*licence), rest),
        [] => (false, words),
    }
}

#[test]
fn every_dependency_is_permissive() {
    let allowed = allowed();
    let document = metadata(&["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let packages = document["packages"].as_array().expect("packages");
    assert!(packages.len() > 100, "only {} packages", packages.len());
    for package in packages {
        let licence = package["license"].as_str().unwrap_or("none given");
        let name = &package["name"];
        assert!(is_met(licence, &allowed), "{name} is under {licence}: find another crate (deny.toml)");
    }
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    let allowed: BTreeSet<String> = ["MIT", "ISC", "A WITH B"].map(str::to_owned).into();
    for met in
        ["MIT", "GPL-3.0 OR MIT", "MIT/GPL-3.0", "(GPL-3.0 OR MIT) AND ISC", "A WITH B", "GPL-3.0 OR MIT AND ISC"]
    {
        assert!(is_met(met, &allowed), "{met}");
    }
    for unmet in
        ["GPL-3.0", "MIT AND GPL-3.0", "A", "(MIT OR ISC) AND GPL-3.0", "none given".split(' ').next().unwrap()]
    {
        assert!(!is_met(unmet, &allowed), "{unmet}");
    }
}
