//! Owns the demonstration: the house's capital on a demo exchange, accounts that are made in the ordinary way and funded
//! by the house, and a maker that quotes and trades through the public API with keys of its own.
//! Never moves money but from the house account, never uses a way in that users do not have, and marks every account.
//! Known limits: prices are a seeded random walk around fixed ones, not a market's.

mod account;
mod api;
mod config;
mod fund;
mod history;
mod house;
mod maker;

use std::path::PathBuf;

use allin_exchange::service::{Running, Starting};
use allin_runtime::auth::InternalToken;
use tokio::sync::watch;

pub use account::{Account, open};
pub use api::Api;
pub use config::DemoSection;
pub use fund::{Amount, fund, parse_amounts};
pub use history::{DemoClock, fill as fill_history};
pub use house::ensure as ensure_house;

use crate::node::{Failure, RunFile};

const MAKER: &str = "demo maker";

/// Starts the maker. It is ready at once: markets fill while the exchange serves, and nothing that goes wrong here ends it. It
/// trades as long as it is `on`.
pub fn start(
    config: DemoSection,
    run: RunFile,
    token: InternalToken,
    data: PathBuf,
    on: watch::Receiver<bool>,
) -> Result<Running, Failure> {
    let api = Api::new(run, token, data, api::MAKER_ADDRESS);
    let mut starting = Starting::new(MAKER);
    let stopping = starting.stopping();
    starting.spawn(async move {
        maker::run(config, api, on, stopping).await;
        Ok(())
    });
    Ok(starting.running())
}
