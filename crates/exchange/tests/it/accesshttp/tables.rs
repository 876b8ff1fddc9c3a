//! Assets and markets come and change while the role runs.

use std::time::Duration;

use allin_core::ids::{AssetId, MarketId};
use allin_core::num::QtyLots;
use allin_core::spot::command::{Command, MarketState};
use allin_core::spot::spec::Filters;
use allin_exchange::accesshttp::Config;
use allin_wire::viabtc::Method;

use super::world::{World, asset, market};

#[tokio::test]
async fn a_market_trades_as_soon_as_it_is_listed() {
    let world = World::new().await;
    world.fund_two();
    world.shard.delay_bus(Duration::from_millis(30));
    let put = |symbol: &str| format!(r#"[1,"{symbol}",1,"1","10","0","0",""]"#);
    for nth in 1..4 {
        let symbol = format!("BTC{nth}");
        assert!(world.error("order.put_limit", &put(&symbol)).await.contains("\"code\":1,"));
        let id = MarketId(nth);
        world.shard.apply(Command::SetMarket(market(id, &symbol)));
        world.shard.apply(Command::SetMarketState { market: id, state: MarketState::Trading });
        world.result("order.put_limit", &put(&symbol)).await.find("\"id\"").expect("an order");
    }
    world.shard.apply(Command::SetAsset(asset(AssetId(2), "ETH", 18, 8)));
    assert!(world.result("asset.list", "[]").await.contains(r#"{"name":"ETH","prec":8}"#));
    assert_eq!(world.result("balance.query", r#"[1,"ETH"]"#).await, r#"{"ETH":{"available":"0","freeze":"0"}}"#);
}

#[tokio::test]
async fn changed_filters_are_followed_also_over_a_lost_bus() {
    let world = World::new().await;
    let listed = async |lots| {
        let mut spec = market(MarketId(0), "BTCUSD");
        spec.filters = Filters { qty_min: QtyLots(lots), ..Filters::OPEN };
        world.shard.apply(Command::SetMarket(spec));
        world.result("market.list", "[]").await
    };
    assert!(listed(20).await.contains(r#""min_amount":"0.002""#));
    world.shard.lose_bus();
    assert!(listed(30).await.contains(r#""min_amount":"0.003""#));
    assert!(listed(40).await.contains(r#""min_amount":"0.004""#));
}

#[tokio::test]
async fn symbols_that_cannot_be_are_unknown_at_once() {
    let world = World::new().await;
    for symbol in ["", "btcusd", "BTC/USD", "ＢＴＣ", "BTCUSD0123456789012345", "BTC USD"] {
        let begun = std::time::Instant::now();
        assert!(world.error("market.last", &format!(r#"["{symbol}"]"#)).await.contains("\"code\":1,"));
        assert!(begun.elapsed().as_millis() < 400, "{symbol}");
    }
}

/// Every setting with its default, and every method, is in the documentation.
#[test]
fn the_documentation_is_complete() {
    const TEXT: &str = include_str!("../../../../../docs/accesshttp.md");
    let defaults = serde_json::to_value(Config::default()).expect("plain data");
    for (key, value) in defaults.as_object().expect("a table") {
        let row = format!("| `accesshttp.{key}` | `{value}` |");
        assert!(TEXT.contains(&row), "docs/accesshttp.md lacks {row}");
    }
    for method in Method::ALL {
        assert!(TEXT.contains(&format!("| `{}` |", method.name())), "docs/accesshttp.md lacks {}", method.name());
    }
}
