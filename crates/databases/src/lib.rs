//! Owns the databases of tests: SQLite files, and MariaDB and PostgreSQL servers on loopback addresses of their own, with
//! their files in temporary folders. A dev-dependency only; knows nothing of the exchange.
//! Never touches a server that it did not start, and leaves none behind: a keeper ends it when its process has ended, in
//! whatever way.
//! Known limits: Linux; the servers must be installed (`make deps`).

mod keeper;
mod maria;
mod postgres;
mod server;

use tempfile::TempDir;

pub use server::{Product, Server, Tuning};

/// Which database a test runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Database {
    Sqlite,
    MariaDb,
    Postgres,
}

/// An empty database of a test.
pub struct Place {
    pub database: Database,
    /// As `Store::open` takes it; further options may follow after an `&`.
    pub url: String,
    /// A folder for whatever the test keeps beside; SQLite's file is in it.
    pub folder: TempDir,
}

impl Database {
    pub const ALL: [Database; 3] = [Database::Sqlite, Database::MariaDb, Database::Postgres];

    /// Makes an empty database, on the server that all tests of this process share.
    pub fn place(self) -> Place {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = match self {
            Database::Sqlite => format!("sqlite:{}?busy_timeout_ms=5000", folder.path().join("test.db").display()),
            Database::MariaDb => Server::shared(Product::MariaDb).database(),
            Database::Postgres => Server::shared(Product::Postgres).database(),
        };
        Place { database: self, url, folder }
    }
}

/// Makes three tests of an `async fn name(database: Database)`: `name::sqlite`, `name::mariadb` and `name::postgres`. Without
/// `async` the function makes its own runtimes.
#[macro_export]
macro_rules! on_every_database {
    ($($(#[$attribute:meta])* async fn $name:ident($database:ident: $kind:ty) $body:block)*) => {
        $($crate::on_every_database! { @three $name, tokio::test, [async], [.await],
            $(#[$attribute])* async fn run($database: $kind) $body
        })*
    };
    ($($(#[$attribute:meta])* fn $name:ident($database:ident: $kind:ty) $body:block)*) => {
        $($crate::on_every_database! { @three $name, test, [], [],
            $(#[$attribute])* fn run($database: $kind) $body
        })*
    };
    (@three $name:ident, $test:meta, [$($asynchronous:tt)*], [$($wait:tt)*], $run:item) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $run

            #[$test]
            $($asynchronous)* fn sqlite() {
                run($crate::Database::Sqlite)$($wait)*;
            }

            #[$test]
            $($asynchronous)* fn mariadb() {
                run($crate::Database::MariaDb)$($wait)*;
            }

            #[$test]
            $($asynchronous)* fn postgres() {
                run($crate::Database::Postgres)$($wait)*;
            }
        }
    };
}
