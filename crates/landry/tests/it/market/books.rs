//! Books are kept until they change, and are then the engine's again.

use allin_core::ids::OrderId;
use allin_core::spot::command::{Command, MarketState, Side};
use allin_core::text::ClientId;
use allin_runtime::engine::{AnswerBody, Query};
use serde_json::json;

use super::{BTCUSDT, place};
use crate::world::{ALICE, BOB, World};

#[tokio::test]
async fn the_book_is_the_engine_s_after_every_command() {
    let world = World::new().await;
    let mut random = 7_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut last_id = 0;
    for step in 0..120 {
        match next(4) {
            0 => {
                let order = OrderId(1 + next(step + 1));
                let order = allin_core::spot::command::OrderRef::Id(order);
                let only = allin_core::spot::command::CancelOnly::Any;
                world
                    .submit(Command::Cancel { user: ALICE, market: BTCUSDT, order, only, cancel_id: ClientId::EMPTY })
                    .await;
            }
            1 => place(&world, BOB, Side::Sell, 5_000_000 + 100 * next(20), 20 + next(50)).await,
            _ => place(&world, ALICE, Side::Buy, 4_999_000 + 100 * next(20), 20 + next(50)).await,
        }
        world.caught_up().await;
        settle(&world).await;
        let AnswerBody::Depth { bids, asks, .. } =
            world.engine.query(Query::Depth { market: BTCUSDT, limit: 100 }).await.expect("answers").body
        else {
            panic!("asked for depth")
        };
        let lines = |side: &[allin_core::spot::view::LevelView]| -> Vec<serde_json::Value> {
            let price = |ticks: u64| format!("{}.{:02}000000", ticks / 100, ticks % 100);
            let qty = |lots: u64| format!("{}.{:05}000", lots / 100_000, lots % 100_000);
            side.iter().map(|level| json!([price(level.price.0), qty(level.qty.0)])).collect()
        };
        for _ in 0..2 {
            let book = world.get("/api/v3/depth?symbol=BTCUSDT").await.json();
            assert_eq!(book["bids"], json!(lines(&bids)), "{step}");
            assert_eq!(book["asks"], json!(lines(&asks)), "{step}");
            let id = book["lastUpdateId"].as_u64().expect("an id");
            assert!(id >= last_id, "{step}");
            last_id = id;
            let top = world.get("/api/v3/ticker/bookTicker?symbol=BTCUSDT").await.json();
            let best = |side: &[allin_core::spot::view::LevelView]| lines(side).first().map(|line| line[0].clone());
            assert_eq!(top["bidPrice"], best(&bids).unwrap_or(json!("0.00000000")), "{step}");
            assert_eq!(top["askPrice"], best(&asks).unwrap_or(json!("0.00000000")), "{step}");
        }
    }
}

/// Until the API too has heard of everything: markets and books are told on the same way, so a market's state shows it.
async fn settle(world: &World) {
    static FLIP: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let flip = FLIP.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let (state, name) = [(MarketState::Halt, "HALT"), (MarketState::Trading, "TRADING")][(flip % 2) as usize];
    let market = allin_core::ids::MarketId(1);
    world.submit(Command::SetMarketState { market, state }).await;
    for _ in 0..2000 {
        let info = world.get("/api/v3/exchangeInfo?symbol=ETHUSDT").await.json();
        if info["symbols"][0]["status"] == name {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    panic!("the API does not hear of {name}");
}
