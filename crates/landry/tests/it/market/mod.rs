//! Market data.

mod answers;
mod books;
mod parameters;

use allin_core::ids::{MarketId, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::command::{Command, NewOrder, Side};
use allin_core::spot::event::Event;

use crate::world::{ALICE, BOB, World};

/// BTCUSDT: ticks of 0.01, lots of 0.00001.
const BTCUSDT: MarketId = MarketId(0);

/// Places a limit order of so many cents and lots.
async fn place(world: &World, user: UserId, side: Side, cents: u64, lots: u64) {
    let order = NewOrder::limit(user, BTCUSDT, side, PriceTicks(cents), QtyLots(lots));
    let reply = world.submit(Command::Place(order)).await;
    assert!(!reply.events.iter().any(|event| matches!(event, Event::Refused(_))), "{reply:?}");
}

/// Some trades, a second apart, and a book of two levels a side. The second order takes at two prices, two makers at the
/// first of them.
async fn traded() -> World {
    let world = World::new().await;
    place(&world, BOB, Side::Sell, 5_000_000, 100).await;
    place(&world, ALICE, Side::Buy, 5_000_000, 40).await;
    world.pass(1_000_000);
    place(&world, BOB, Side::Sell, 5_000_000, 25).await;
    place(&world, BOB, Side::Sell, 5_000_500, 50).await;
    place(&world, ALICE, Side::Buy, 5_000_500, 100).await;
    world.pass(1_000_000);
    place(&world, ALICE, Side::Buy, 4_990_000, 300).await;
    place(&world, ALICE, Side::Buy, 4_980_000, 200).await;
    place(&world, BOB, Side::Sell, 4_990_000, 30).await;
    place(&world, BOB, Side::Sell, 5_010_000, 500).await;
    world.caught_up().await;
    world
}
