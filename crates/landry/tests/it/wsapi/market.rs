//! Market data over the WebSocket API.

use serde_json::json;

use super::client::Client;
use crate::world::World;

#[tokio::test]
async fn both_doors_give_the_same_market_data() {
    let world = World::new().await;
    let mut client = Client::new(&world).await;
    let rows = [
        (
            "exchangeInfo",
            json!({ "symbols": ["BTCUSDT", "ETHUSDT"] }),
            "/exchangeInfo?symbols=[\"BTCUSDT\",\"ETHUSDT\"]",
        ),
        ("depth", json!({ "symbol": "BTCUSDT", "limit": 5 }), "/depth?symbol=BTCUSDT&limit=5"),
        ("ticker.24hr", json!({}), "/ticker/24hr"),
        ("ticker.price", json!({ "symbols": ["BTCUSDT"] }), "/ticker/price?symbols=%5B%22BTCUSDT%22%5D"),
        (
            "klines",
            json!({ "symbol": "BTCUSDT", "interval": "1m", "limit": 3 }),
            "/klines?symbol=BTCUSDT&interval=1m&limit=3",
        ),
    ];
    for (method, params, target) in rows {
        let target = format!("/api/v3{}", target.replace('"', "%22"));
        let rest = world.get(&target).await;
        assert_eq!(rest.status, 200, "{target}: {rest:?}");
        assert_eq!(client.ok(method, params).await, rest.json(), "{method}");
    }
}
