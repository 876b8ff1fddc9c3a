//! Who may write to a server: one transaction for each name of writers.
//!
//! A transaction takes the row of its name before anything else, and holds it until it ends. So it reads what the one before
//! it has written, in whichever process that was. A process that hangs loses its connection, and the lock with it, when the
//! server's patience ends; a commit that it tries afterwards fails.

use super::Store;
use super::error::{StoreError, StoreErrorKind};
use super::rows::Arguments;
use super::tx::Tx;
use crate::args;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS store_writers (name VARCHAR(64) NOT NULL PRIMARY KEY)";

pub(super) async fn begin(store: &Store) -> Result<Tx, StoreError> {
    let name = store.backend.options.writer.as_str();
    let mut made = false;
    loop {
        let mut tx = Tx::begin(store.writer().await?, store.backend.dialect.begin()).await?;
        let found = tx.query("SELECT name FROM store_writers WHERE name = ? FOR UPDATE", args![name]).await;
        match found {
            Ok(rows) if !rows.is_empty() => return Ok(tx),
            Ok(_) if made => {
                return Err(StoreError::corrupt(format!("{}: the row of writer {name} vanished", store.shown())));
            }
            Ok(_) => tx.roll_back().await?,
            Err(error) if error.is_missing_table() && !made => drop(tx),
            Err(error) => return Err(error),
        }
        make(store, name).await?;
        made = true;
    }
}

/// The first of its name makes the row. Somebody else may do so at the same time.
async fn make(store: &Store, name: &str) -> Result<(), StoreError> {
    store.make_table("store_writers", TABLE).await?;
    let sql = "INSERT INTO store_writers (name) VALUES (?)";
    match store.writer().await?.execute(sql, &Arguments::Single(args![name])).await {
        Err(error) if error.kind() != StoreErrorKind::Duplicate => Err(error),
        _ => Ok(()),
    }
}
