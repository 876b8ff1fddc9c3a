//! The databases: reachable, of a version that is known, with the rights and the tables that the services need.

use std::io;
use std::path::Path;

use allin_runtime::config::{Domain, StoreSection};
use allin_runtime::store::{Store, StoreError, StoreErrorKind};

use super::Finding;
use crate::schemas;

const CHECK: &str = "database";

pub(super) fn check(stores: &StoreSection, data: &Path) -> io::Result<Vec<Finding>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut findings = Vec::new();
    for domain in Domain::ALL {
        let services: Vec<_> =
            schemas::all().into_iter().filter(|(service, _)| Domain::of(service) == domain).collect();
        match stores.server(domain) {
            Some(url) => findings.extend(runtime.block_on(server(url, domain))),
            None if services.is_empty() => {}
            None => {
                let place = data.join("store");
                findings.push(Finding::ok(CHECK, format!("a SQLite file for each service, in {}", place.display())));
            }
        }
    }
    Ok(findings)
}

async fn server(url: &str, domain: Domain) -> Vec<Finding> {
    let store = match Store::open(url).await {
        Ok(store) => store,
        Err(error) => return vec![unreachable(domain, &error)],
    };
    let findings = match look(&store, domain).await {
        Ok(findings) => findings,
        Err(error) => vec![unreachable(domain, &error)],
    };
    store.close().await;
    findings
}

async fn look(store: &Store, domain: Domain) -> Result<Vec<Finding>, StoreError> {
    let about = store.about().await?;
    let shown = format!("{} at {}", about.product, store.shown());
    let mut findings = vec![match about.is_supported {
        true => Finding::ok(CHECK, shown),
        false => Finding::warn(
            CHECK,
            shown,
            "older than what the statements are written for: MySQL 8.0, MariaDB 10.6, PostgreSQL 13",
        ),
    }];
    if !about.is_synced {
        let says = "commits are not on the disk when they are acknowledged";
        findings.push(Finding::warn(CHECK, says, "set innodb_flush_log_at_trx_commit = 1 on the server"));
    }
    findings.push(match &about.refused {
        None => Finding::ok(CHECK, "this user may read, write and make tables"),
        Some(refused) => {
            let advice = "grant it all rights on this database, or run `allin migrate` as a user that has them";
            Finding::warn(CHECK, refused.clone(), advice)
        }
    });
    for (service, schema) in schemas::all().into_iter().filter(|(service, _)| Domain::of(service) == domain) {
        findings.push(match schema.missing(store).await {
            Ok(missing) if missing.is_empty() => {
                Finding::ok(CHECK, format!("{service}: tables of version {}", schema.newest()))
            }
            Ok(missing) => {
                let says =
                    format!("{service}: {} of {} migrations are missing", missing.len(), schema.migrations.len());
                Finding::warn(CHECK, says, "`allin migrate` applies them, and so does the service when it starts")
            }
            Err(error) if error.kind() == StoreErrorKind::Migration => {
                let advice =
                    "tables and program do not belong together: start the newer program, or restore the tables";
                Finding::fail(CHECK, error.to_string(), advice)
            }
            Err(error) => unreachable(domain, &error),
        });
    }
    Ok(findings)
}

fn unreachable(domain: Domain, error: &StoreError) -> Finding {
    let advice = match error.kind() {
        StoreErrorKind::Unavailable => "is the server running, and do host and port lead to it?",
        _ => "do user, password and database exist there?",
    };
    Finding::fail(CHECK, error.to_string(), format!("{advice} store.{} says where it is", domain.key()))
}
