//! PostgreSQL.

use std::fs;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::server::{PASSWORD, Tuning, USER};

/// Debian keeps its programs by version, out of the path.
pub fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max();
    newest.map_or_else(|| name.into(), |version| format!("/usr/lib/postgresql/{version}/bin/{name}").into())
}

/// Makes the files of an empty server.
pub fn install(folder: &Path, command: &dyn Fn(&Path) -> Command) {
    let password = folder.join("password");
    fs::write(&password, PASSWORD).expect("writes");
    let output = command(&program("initdb"))
        // Thousands of rounds of SCRAM take a debug build a third of a second, with every connection. A user whose password
        // is kept for SCRAM uses that all the same.
        .args(["--auth=md5", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
        .arg(format!("--username={USER}"))
        .arg(format!("--pwfile={}", password.display()))
        .arg(format!("--pgdata={}", folder.join("data").display()))
        .output()
        .unwrap_or_else(|error| panic!("initdb does not start: {error}; run `make deps`"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "initdb: {said}; is it installed? run `make deps`");
}

pub fn server(tuning: Tuning, folder: &Path, address: SocketAddrV4, mut command: Command) -> Command {
    let settings = [
        format!("listen_addresses={}", address.ip()),
        format!("port={}", address.port()),
        "unix_socket_directories=".to_owned(),
        "max_connections=400".to_owned(),
    ];
    let tuned = match tuning {
        Tuning::Tests => ["fsync=off", "shared_buffers=64MB"],
        Tuning::Benches => ["shared_buffers=1GB", "max_wal_size=1GB"],
    };
    command.arg("-D").arg(folder.join("data"));
    for setting in settings.iter().map(String::as_str).chain(tuned) {
        command.arg("-c").arg(setting);
    }
    command
}

pub async fn run(url: &str, sql: &str) -> Result<(), sqlx::Error> {
    let (address, _) = url.split_once('?').unwrap_or((url, ""));
    let mut connection = PgConnection::connect(address).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}
