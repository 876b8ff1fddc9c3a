//! The commands that list everything of a fresh exchange.

use allin_core::ids::{AssetId, MarketId};
use allin_core::num::decimal;
use allin_core::num::{FeeRate, FeeRates};
use allin_core::spot::command::Command;
use allin_core::spot::spec::AssetSpec;

use super::GenesisSection;

/// Which key of the section is wrong, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("genesis.{key}: {reason}")]
pub struct GenesisError {
    pub key: &'static str,
    pub reason: String,
}

fn wrong(key: &'static str, reason: impl ToString) -> GenesisError {
    GenesisError { key, reason: reason.to_string() }
}

/// Assets, then markets, each opened for trading; then fees.
pub fn commands(genesis: &GenesisSection) -> Result<Vec<Command>, GenesisError> {
    let mut commands = vec![];
    let mut assets: Vec<AssetSpec> = vec![];
    for (id, listing) in genesis.assets.iter().enumerate() {
        let spec = listing.spec(AssetId(id as u32)).map_err(|error| wrong("assets", error))?;
        if assets.iter().any(|asset| asset.symbol == spec.symbol) {
            return Err(wrong("assets", format!("{} is listed twice", spec.symbol)));
        }
        assets.push(spec);
        commands.push(Command::SetAsset(spec));
    }
    let find = |key, symbol: &str| {
        let found = assets.iter().find(|asset| asset.symbol.as_str() == symbol);
        found.ok_or_else(|| wrong(key, format!("the asset {symbol:?} is not in genesis.assets")))
    };
    let mut symbols = vec![];
    for (id, listing) in genesis.markets.iter().enumerate() {
        let (base, quote) = (find("markets", &listing.base)?, find("markets", &listing.quote)?);
        let market = MarketId(id as u32);
        let spec = listing
            .spec(market, base, quote)
            .map_err(|error| wrong("markets", format!("{}: {error}", listing.symbol)))?;
        if symbols.contains(&spec.symbol) {
            return Err(wrong("markets", format!("{} is listed twice", spec.symbol)));
        }
        symbols.push(spec.symbol);
        // A fresh market starts in its call auction; with no orders in it, uncrossing just opens it.
        commands.push(Command::SetMarket(spec));
        commands.push(Command::Uncross { market });
    }
    let rates =
        FeeRates { maker: rate("maker_fee", &genesis.maker_fee)?, taker: rate("taker_fee", &genesis.taker_fee)? };
    if rates.taker.0 < 0 || rates.taker.0 + rates.maker.0 < 0 {
        return Err(wrong("taker_fee", "taker and maker fee together must not be below zero"));
    }
    commands.push(Command::SetFeeTier { tier: 0, rates });
    if !genesis.discount_asset.is_empty() {
        let asset = find("discount_asset", &genesis.discount_asset)?.id;
        if genesis.discount_bips > 10_000 {
            return Err(wrong("discount_bips", "at most 10000"));
        }
        commands.push(Command::SetDiscount { asset, bips: genesis.discount_bips });
    }
    Ok(commands)
}

fn rate(key: &'static str, text: &str) -> Result<FeeRate, GenesisError> {
    let units = decimal::parse_signed(text, 8).map_err(|_| wrong(key, format!("not a decimal fraction: {text:?}")))?;
    let rate = i32::try_from(units).map(FeeRate).ok().filter(|rate| rate.is_valid());
    rate.ok_or_else(|| wrong(key, "must lie between -1 and 1"))
}

#[cfg(test)]
mod tests {
    use allin_core::ids::{Seq, Timestamp};
    use allin_core::spot::event::Event;
    use allin_core::spot::{Limits, Spot};

    use super::*;

    #[test]
    fn the_default_genesis_is_taken_whole() {
        let genesis = GenesisSection::default();
        let mut spot = Spot::new(Limits::default());
        let mut events = vec![];
        for (at, command) in commands(&genesis).expect("fits").iter().enumerate() {
            spot.apply(Seq(at as u64 + 1), Timestamp(1), command, &mut events);
        }
        let refused: Vec<&Event> = events.iter().filter(|event| matches!(event, Event::Refused(_))).collect();
        assert!(refused.is_empty(), "{refused:?}");
        assert_eq!(spot.assets().len(), genesis.assets.len());
        assert_eq!(spot.markets().count(), genesis.markets.len());
    }

    type Spoil = fn(&mut GenesisSection);

    #[test]
    fn a_wrong_listing_names_its_key() {
        let rows: [(&str, Spoil); 6] = [
            ("assets", |g| g.assets[1].symbol = "usdt".into()),
            ("assets", |g| g.assets[1].symbol = "USDT".into()),
            ("markets", |g| g.markets[0].base = "DOGE".into()),
            ("markets", |g| g.markets[0].tick_size = "0.000000001".into()),
            ("maker_fee", |g| g.maker_fee = "1.5".into()),
            ("taker_fee", |g| (g.maker_fee, g.taker_fee) = ("-0.002".into(), "0.001".into())),
        ];
        for (key, spoil) in rows {
            let mut genesis = GenesisSection::default();
            spoil(&mut genesis);
            assert_eq!(commands(&genesis).map_err(|error| error.key), Err(key));
        }
    }
}
