//! MariaDB.

use std::fs;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection};

use crate::server::{PASSWORD, Tuning, USER};

pub fn program() -> PathBuf {
    let known = ["/usr/sbin/mariadbd", "/usr/sbin/mysqld", "/usr/local/sbin/mariadbd", "/usr/libexec/mariadbd"];
    known.iter().map(PathBuf::from).find(|path| path.exists()).unwrap_or_else(|| "mariadbd".into())
}

const LOG_FILE: &str = "--innodb-log-file-size=16M";

/// Makes the files of an empty server.
pub fn install(folder: &Path, command: &dyn Fn(&Path) -> Command) {
    let output = command(Path::new("mariadb-install-db"))
        .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", LOG_FILE])
        .arg(format!("--datadir={}", folder.join("data").display()))
        // A server that starts clears what it takes for left over there, also of another that is being made.
        .arg(format!("--tmpdir={}", folder.display()))
        .output()
        .unwrap_or_else(|error| panic!("mariadb-install-db does not start: {error}; run `make deps`"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "mariadb-install-db: {said}; is it installed? run `make deps`");
    let accounts = format!(
        "CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n\
         GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
    );
    fs::write(folder.join("accounts.sql"), accounts).expect("writes");
}

pub fn server(tuning: Tuning, folder: &Path, address: SocketAddrV4, mut command: Command) -> Command {
    let path = |option: &str, name: &str| format!("--{option}={}", folder.join(name).display());
    command
        .args(["--no-defaults", "--skip-name-resolve", "--skip-log-bin", "--performance-schema=off"])
        .args(match tuning {
            Tuning::Tests => [LOG_FILE, "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M"],
            Tuning::Benches => {
                ["--innodb-log-file-size=1G", "--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=1G"]
            }
        })
        .arg("--max-connections=400")
        .args(["--innodb-use-native-aio=0", "--default-time-zone=+00:00"])
        .args([
            path("datadir", "data"),
            path("socket", "socket"),
            path("pid-file", "pid"),
            path("init-file", "accounts.sql"),
        ])
        .arg(format!("--tmpdir={}", folder.display()))
        .arg(format!("--bind-address={}", address.ip()))
        .arg(format!("--port={}", address.port()));
    command
}

pub async fn run(url: &str, sql: &str) -> Result<(), sqlx::Error> {
    let mut connection = MySqlConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}
