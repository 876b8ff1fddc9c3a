//! `allin migrate`, and what `allin doctor` says of databases.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use allin_databases::{Product, Server};

use crate::{allin, stderr, stdout};

const SERVICES: [&str; 5] = [
    "landry-ces-historywriter",
    "landry-ces-marketprice",
    "landry-ces-tradesummary",
    "landry-userserver-web",
    "landry-spotapi-web",
];

/// Runs the binary with a server for the spot domain.
fn with_server(directory: &Path, url: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_allin"))
        .args(arguments)
        .args(["--data", "data"])
        .current_dir(directory)
        .env_clear()
        .env("ALLIN_STORE__SPOT_URL", url)
        .output()
        .expect("the binary starts")
}

fn lines_with(output: &Output, text: &str) -> usize {
    stdout(output).lines().filter(|line| line.contains(text)).count()
}

/// Checks, migrates, checks: what each says, and with what code.
fn check_sequence(what: &str, run: impl Fn(&[&str]) -> Output) {
    let rows: [(&[&str], i32, &str); 5] = [
        (&["migrate", "--check"], 1, "lacks version 1"),
        (&["migrate"], 0, "applied version 1"),
        (&["migrate"], 0, "is at version"),
        (&["migrate", "--check"], 0, "is at version"),
        (&["migrate"], 0, "is at version"),
    ];
    for (arguments, code, says) in rows {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(code), "{what} {arguments:?}: {}{}", stdout(&output), stderr(&output));
        assert_eq!(lines_with(&output, says), SERVICES.len(), "{what} {arguments:?}: {}", stdout(&output));
        assert!(SERVICES.iter().all(|service| stdout(&output).contains(service)));
    }
}

#[test]
fn files_are_made_and_brought_up_to_date() {
    let directory = tempfile::tempdir().unwrap();
    let output = allin(directory.path(), &["migrate", "--check", "--data", "data"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "looking makes nothing");
    check_sequence("files", |arguments| allin(directory.path(), &[arguments, &["--data", "data"]].concat()));
    let files = fs::read_dir(directory.path().join("data/store")).unwrap();
    let names: BTreeSet<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names, SERVICES.map(|service| format!("{service}.db")).into());
}

#[test]
fn servers_are_brought_up_to_date_and_looked_at() {
    for product in [Product::MariaDb, Product::Postgres] {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::shared(product);
        let url = server.database();
        let run = |arguments: &[&str]| with_server(directory.path(), &url, arguments);
        let doctor = || run(&["doctor", "--listen", "off"]);
        let before = doctor();
        assert!(before.status.success(), "{}", stdout(&before));
        assert_eq!(lines_with(&before, "migrations are missing"), SERVICES.len(), "{}", stdout(&before));
        assert_eq!(lines_with(&before, "allin migrate"), SERVICES.len(), "{}", stdout(&before));
        check_sequence(&format!("{product:?}"), run);
        let after = doctor();
        assert_eq!(lines_with(&after, "tables of version"), SERVICES.len(), "{}", stdout(&after));
        let named = if product == Product::MariaDb { "MariaDB 1" } else { "PostgreSQL 1" };
        assert!(stdout(&after).contains(named), "{}", stdout(&after));
        assert!(!directory.path().join("data/store").exists(), "nothing is kept in files");
        for output in [&before, &after] {
            assert!(!stdout(output).contains("s3cr3t") && !stderr(output).contains("s3cr3t"));
        }
    }
}

#[test]
fn a_database_that_cannot_be_used_is_told_with_its_setting_and_without_its_password() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::shared(Product::Postgres);
    let rows = [
        (server.url_as("allin", "Zx9-wrong", "postgres"), "user, password and database"),
        (server.url_as("allin", "Zx9-wrong", "x").replace(":24", ":9"), "is the server running"),
        ("oracle://allin:Zx9-wrong@host/db".to_owned(), "mysql://"),
        ("mysql://allin:Zx9-wrong@host".to_owned(), "mysql://"),
    ];
    for (url, advice) in rows {
        for arguments in [&["doctor", "--listen", "off"][..], &["migrate"], &["migrate", "--check"]] {
            let output = with_server(directory.path(), &url, arguments);
            let told = format!("{}{}", stdout(&output), stderr(&output));
            assert_eq!(output.status.code(), Some(1), "{told}");
            assert!(told.contains("store.spot_url"), "{told}");
            assert!(arguments[0] != "doctor" || told.contains(advice), "{told}");
            assert!(!told.contains("Zx9"), "{arguments:?}: {told}");
        }
    }
    let flag = "store.futures_url=oracle://allin:Zx9-wrong@host/db";
    let output = allin(directory.path(), &["doctor", "--set", flag]);
    assert!(
        stderr(&output).contains("--set store.futures_url") && !stderr(&output).contains("Zx9"),
        "{}",
        stderr(&output)
    );
    fs::write(directory.path().join("a.toml"), "[store]\nspot_url = mysql://allin:Zx9-wrong@host/db\n").unwrap();
    let output = allin(directory.path(), &["doctor", "--config", "a.toml"]);
    assert!(stderr(&output).contains("line 2") && !stderr(&output).contains("Zx9"), "{}", stderr(&output));
}
