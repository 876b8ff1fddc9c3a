//! The maker's two accounts, kept in the data folder, and their funds.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::market::{print, units};
use super::walk::{ONE, Walk};
use crate::demo::account::{self, Account};
use crate::demo::api::Api;
use crate::demo::fund::{Amount, fund};
use crate::node::Failure;
use hyper::Method;

const FILE: &str = "demo.json";
/// What each account is given of each asset, in 10^-8 USDT; it is topped up when it has less than half of it.
const WORTH: i128 = 20_000_000 * ONE;

pub struct Purse {
    accounts: [Account; 2],
}

impl Purse {
    /// The accounts of the last time, or new ones.
    pub async fn open(api: &Api) -> Result<Purse, Failure> {
        let path = api.data.join(FILE);
        let known: Option<[Account; 2]> = match fs::read_to_string(&path) {
            Ok(text) => Some(serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(format!("{}: {error}", path.display()).into()),
        };
        if let Some(accounts) = known {
            let answer = api.signed(&accounts[0], Method::GET, "/api/v3/account", "").await?;
            // The users' tables were deleted: those accounts are no more.
            if answer.code() != -2015 {
                answer.good("account")?;
                return Ok(Purse { accounts });
            }
        }
        let accounts = [account::open(api, "maker").await?, account::open(api, "maker").await?];
        write(&path, &serde_json::to_string(&accounts)?)?;
        Ok(Purse { accounts })
    }

    /// Who quotes and who takes in the market of this number.
    pub fn pair(&self, market: usize) -> (Account, Account) {
        let [first, second] = &self.accounts;
        if market.is_multiple_of(2) { (first.clone(), second.clone()) } else { (second.clone(), first.clone()) }
    }

    /// Tops both accounts up.
    pub async fn fill(&self, api: &Api, walk: &Walk) -> Result<(), Failure> {
        for account in &self.accounts {
            let body = api.signed(account, Method::GET, "/api/v3/account", "").await?.good("account")?;
            let rows = body["balances"].as_array().map(Vec::as_slice).unwrap_or_default();
            let has = |asset: &str| {
                let row = rows.iter().find(|row| row["asset"] == asset)?;
                let part = |name: &str| row[name].as_str().and_then(units);
                Some(part("free")? + part("locked")?)
            };
            let mut missing = Vec::new();
            for (asset, price) in walk.assets() {
                // Whole units, or hundredths where one is worth much: every asset has so many decimals.
                let wanted = (WORTH * 100 / price.max(1)).max(1) * ONE / 100;
                let lacks = wanted - has(asset).unwrap_or(0);
                if lacks > wanted / 2 {
                    missing.push(Amount { asset: asset.to_owned(), amount: print(lacks) });
                }
            }
            fund(api, account.user_id, &missing).await?;
        }
        Ok(())
    }
}

/// Keys to play money; nobody else's business all the same.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    Ok(())
}
