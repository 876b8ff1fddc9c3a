//! What the log can give again may be deleted at any time: the stores of the services that fold it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use allin_runtime::store::{Store, StoreError};

use super::load::{self, User};
use super::node::Place;
use super::poll;

/// Of the stores, those that are folds over the log. Others have what nobody else has: users, keys.
pub fn folds(place: &Place) -> Vec<PathBuf> {
    let folder = fs::read_dir(place.data().join("store")).expect("stores");
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.expect("a file").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "db"));
    files.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("landry-ces-")));
    files.sort();
    files
}

/// All rows, by store and table. How far a store has come is left out: commands that say nothing to it do not show there.
pub type Dump = BTreeMap<(String, String), Vec<String>>;

async fn dump_store(path: &Path, dump: &mut Dump) -> Result<(), StoreError> {
    let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    let store = Store::open_file(path).await?;
    let tables = store.query("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name", &[]).await?;
    for row in tables {
        let table = row.text(0)?;
        if table == "positions" || table.starts_with("sqlite_") || table.contains("migrations") {
            continue;
        }
        let columns = store.query(&format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"), &[]).await?;
        let columns =
            columns.iter().map(|row| Ok(format!("quote({})", row.text(0)?))).collect::<Result<Vec<_>, StoreError>>()?;
        let rows = store.query(&format!("SELECT {} FROM {table} ORDER BY 1", columns.join("||' '||")), &[]).await?;
        let rows = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?;
        dump.insert((name.clone(), table), rows);
    }
    store.close().await;
    Ok(())
}

/// An error while a store is being made is no dump yet.
pub fn dump(files: &[PathBuf]) -> Result<Dump, StoreError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut dump = Dump::new();
        for path in files.iter().filter(|path| path.exists()) {
            dump_store(path, &mut dump).await?;
        }
        Ok(dump)
    })
}

pub fn differences(left: &Dump, right: &Dump) -> Vec<String> {
    let mut told = vec![];
    for (table, rows) in left {
        let others = right.get(table).cloned().unwrap_or_default();
        let differs = rows.iter().zip(&others).find(|(row, other)| row != other);
        if *rows != others {
            told.push(format!("{table:?}: {} rows and {}, first difference {differs:?}", rows.len(), others.len()));
        }
    }
    told.extend(right.keys().filter(|table| !left.contains_key(table)).map(|table| format!("{table:?} is new")));
    told
}

/// What the stores hold, once it does not change any more.
pub fn at_rest(files: &[PathBuf]) -> Dump {
    let mut last = Dump::new();
    poll("stores that are at rest", || {
        let now = dump(files).ok()?;
        let at_rest = !now.is_empty() && now == last;
        last = now;
        std::thread::sleep(std::time::Duration::from_millis(1_500));
        at_rest.then(|| last.clone())
    })
}

#[test]
fn stores_that_were_deleted_are_made_again_from_the_log() {
    let place = Place::new();
    let mut users = User::many(3);
    let node = place.start();
    load::trade(&node, &mut users, 1_500, || node.signal(rustix::process::Signal::KILL));
    node.kill();
    let node = place.start();
    load::settle(&node, &mut users);
    // Its balances come from the deals of the history, so that this waits until the history is whole.
    load::check_all(&node, &mut users);
    let files = folds(&place);
    let before = at_rest(&files);
    node.stop();
    let filled = before.values().filter(|rows| !rows.is_empty()).count();
    assert!(files.len() >= 3 && filled >= 8, "{files:?} {filled}");

    let folder = place.data().join("store");
    for entry in fs::read_dir(&folder).expect("stores").map(|entry| entry.expect("a file").path()) {
        let is_fold = files.iter().any(|file| entry.display().to_string().starts_with(&file.display().to_string()));
        if is_fold {
            fs::remove_file(&entry).expect("removed");
        }
    }
    let node = place.start();
    let mut after = Dump::new();
    let deadline = std::time::Instant::now() + super::PATIENCE;
    while after != before && std::time::Instant::now() < deadline {
        std::thread::sleep(std::time::Duration::from_millis(200));
        after = dump(&files).unwrap_or_default();
    }
    assert!(after == before, "{:#?}", differences(&before, &after));
    load::check_all(&node, &mut users);
    node.stop();
}
