//! More requests than are answered at once: the rest is refused at once, and cancels still pass.

use std::sync::Arc;

use allin_landry::spotapi::SpotApiSection;

use crate::world::World;

const ROOM: u32 = 4;

#[tokio::test]
async fn the_excess_is_refused_at_once_and_cancels_pass() {
    let config = SpotApiSection {
        requests_max: ROOM,
        cancel_requests_max: 1,
        orders_10s_max: 0,
        weight_1m_max: 0,
        ..SpotApiSection::default()
    };
    let world = Arc::new(World::with(config).await);
    let order = |id: &str| {
        format!("symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.01&price=60000&newClientOrderId={id}")
    };
    world.ok("alice", "POST", "/api/v3/order", &order("resting")).await;
    world.gate.set_open(false);
    let arrived = *world.gate.arrived.borrow();
    let begin = |id: String| {
        let world = world.clone();
        let order = order(&id);
        tokio::spawn(async move { world.call("alice", "POST", "/api/v3/order", &order).await })
    };
    let waiting: Vec<_> = (0..ROOM).map(|nth| begin(format!("w{nth}"))).collect();
    let full = |count: &usize| *count == arrived + ROOM as usize;
    world.gate.arrived.subscribe().wait_for(full).await.expect("the gate is there");
    // Ten times as many: all are answered while the engine answers nothing.
    let excess: Vec<_> = (0..10 * ROOM).map(|nth| begin(format!("x{nth}"))).collect();
    for refused in excess {
        let refused = refused.await.expect("answered");
        assert_eq!((refused.status, refused.json()["code"].as_i64()), (503, Some(-1008)), "{refused:?}");
    }
    let read = world.get("/api/v3/depth?symbol=BTCUSDT").await;
    assert_eq!(read.status, 503, "{read:?}");
    let cancelled = world.ok("alice", "DELETE", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=resting").await;
    assert_eq!(cancelled["status"], "CANCELED");
    world.gate.set_open(true);
    for taken in waiting {
        assert_eq!(taken.await.expect("answered").status, 200);
    }
    // There is room again, and nothing came of what was refused.
    let open = world.ok("alice", "GET", "/api/v3/openOrders", "symbol=BTCUSDT").await;
    let ids: Vec<&str> =
        open.as_array().expect("orders").iter().filter_map(|one| one["clientOrderId"].as_str()).collect();
    assert!(ids.len() == ROOM as usize && ids.iter().all(|id| id.starts_with('w')), "{ids:?}");
}
