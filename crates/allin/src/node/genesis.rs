//! Lists the configured assets and markets on an exchange that lacks them.

use allin_core::spot::command::{Command, MarketState};
use allin_core::spot::event::Event;
use allin_core::spot::spec::AssetSpec;
use allin_core::spot::view::MarketView;
use allin_exchange::listing::{GenesisSection, commands};
use allin_runtime::engine::{AnswerBody, Engine, Query};

use super::Failure;

/// Sends what is missing of the genesis: all of it at the first start, the rest after a start that was cut off, nothing
/// where the exchange lists other assets or markets than the configuration, or more.
pub async fn ensure(engine: &dyn Engine, genesis: &GenesisSection) -> Result<(), Failure> {
    let (assets, markets) = (engine.query(Query::Assets).await?.body, engine.query(Query::Markets).await?.body);
    let (AnswerBody::Assets(assets), AnswerBody::Markets(markets)) = (assets, markets) else {
        return Err("the engine answered another question".into());
    };
    let missing = missing(genesis, &assets, &markets)?;
    if missing.is_empty() {
        return Ok(());
    }
    let count = missing.len();
    for command in missing {
        let shown = format!("{command:?}");
        let reply = engine.submit(command).await?;
        if let Some(Event::Refused(reason)) = reply.events.first() {
            return Err(format!("genesis: {} refused: {shown}", reason.name()).into());
        }
    }
    tracing::info!(commands = count, "listed the genesis of the exchange");
    Ok(())
}

fn missing(genesis: &GenesisSection, assets: &[AssetSpec], markets: &[MarketView]) -> Result<Vec<Command>, Failure> {
    let begun = |spec: &AssetSpec, listed: &AssetSpec| spec.symbol == listed.symbol && spec.scale == listed.scale;
    let mut all = commands(genesis)?;
    let specs: Vec<AssetSpec> =
        all.iter().filter_map(|c| if let Command::SetAsset(spec) = c { Some(*spec) } else { None }).collect();
    let ours = specs.iter().zip(assets).all(|(spec, listed)| begun(spec, listed))
        && genesis.markets.iter().zip(markets).all(|(listing, listed)| listing.symbol == listed.spec.symbol.as_str());
    let complete = assets.len() >= specs.len() && markets.len() >= genesis.markets.len();
    let opened = markets.last().is_none_or(|last| last.state != MarketState::PreOpen || last.open_orders > 0);
    if !ours || (complete && (opened || markets.len() > genesis.markets.len())) {
        return Ok(vec![]);
    }
    all.retain(|command| match command {
        Command::SetAsset(spec) => spec.id.0 as usize >= assets.len(),
        Command::SetMarket(spec) => spec.id.0 as usize >= markets.len(),
        Command::Uncross { market } => {
            markets.get(market.0 as usize).is_none_or(|listed| listed.state == MarketState::PreOpen)
        }
        _ => true,
    });
    Ok(all)
}

#[cfg(test)]
mod tests {
    use allin_core::ids::{Seq, Timestamp};
    use allin_core::spot::{Limits, Spot};

    use super::*;

    #[test]
    fn a_genesis_cut_off_anywhere_goes_on() {
        let genesis = GenesisSection::default();
        let all = commands(&genesis).expect("the default fits");
        for done in 0..=all.len() {
            let mut spot = Spot::new(Limits::default());
            let mut events = vec![];
            let mut seq = 0;
            let mut apply = |spot: &mut Spot, command: &Command| {
                seq += 1;
                spot.apply(Seq(seq), Timestamp(1), command, &mut events);
            };
            all[..done].iter().for_each(|command| apply(&mut spot, command));
            let markets: Vec<MarketView> = spot.markets().collect();
            let rest = missing(&genesis, spot.assets(), &markets).expect("fits");
            rest.iter().for_each(|command| apply(&mut spot, command));
            assert!(!events.iter().any(|event| matches!(event, Event::Refused(_))), "{done}");
            assert_eq!(spot.markets().filter(|m| m.state == MarketState::Trading).count(), genesis.markets.len());
        }
    }
}
