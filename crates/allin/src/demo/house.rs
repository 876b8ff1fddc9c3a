//! The house's own capital on a demo exchange. It comes in as any capital does, from the deposits' clearing account, so
//! that the books balance; what it pays out is worth nothing.

use allin_core::num::Amount;
use allin_core::num::decimal::pow10;
use allin_core::spot::command::{Account, Command};
use allin_core::spot::event::Event;
use allin_runtime::engine::{AnswerBody, Engine, Query};

use crate::node::Failure;

/// Whole units of each asset that the house has at least after a start.
const CAPITAL: u128 = 1_000_000_000_000;

/// Brings the house's balances up to the capital.
pub async fn ensure(engine: &dyn Engine) -> Result<(), Failure> {
    let AnswerBody::Assets(assets) = engine.query(Query::Assets).await?.body else {
        return Err("the engine answered another question".into());
    };
    let AnswerBody::Balances(balances) = engine.query(Query::Balances { account: Account::House }).await?.body else {
        return Err("the engine answered another question".into());
    };
    for asset in assets {
        let wanted = Amount::try_from(CAPITAL * pow10(asset.scale))?;
        let has = balances.iter().find(|entry| entry.asset == asset.id).map_or(0, |entry| entry.balance.available);
        // Half is enough: a restart should not need a command.
        if has >= wanted / 2 {
            continue;
        }
        let amount = wanted - has;
        let sweep = Command::Sweep { from: Account::Deposits, to: Account::House, asset: asset.id, amount };
        let reply = engine.submit(sweep).await?;
        if let Some(Event::Refused(reason)) = reply.events.first() {
            return Err(format!("the house's capital in {} was refused: {}", asset.symbol, reason.name()).into());
        }
    }
    Ok(())
}
