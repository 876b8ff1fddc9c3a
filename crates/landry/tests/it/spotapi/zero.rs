//! The id that nothing has: for the services behind it stands for "none given".

use super::orders::tell;
use crate::world::World;

#[tokio::test]
async fn no_order_and_no_list_has_the_id_zero() {
    let world = World::new().await;
    let oco = "alice POST orderList/oco symbol=BTCUSDT&side=SELL&quantity=1&aboveType=LIMIT_MAKER&abovePrice=60000&belowType=STOP_LOSS&belowStopPrice=40000";
    let told = tell(&world, &[oco]).await;
    assert!(told.contains("200 {\"orderListId\":1,"), "{told}");
    let rows = [
        ("alice GET order symbol=BTCUSDT&orderId=0", "400 {\"code\":-2013,"),
        ("alice GET order/amendments symbol=BTCUSDT&orderId=0", "400 {\"code\":-2013,"),
        ("alice GET myTrades symbol=BTCUSDT&orderId=0", "200 []"),
        ("alice GET orderList orderListId=0", "400 {\"code\":-2013,"),
        ("alice DELETE orderList symbol=BTCUSDT&orderListId=0", "400 {\"code\":-2011,"),
        ("alice GET orderList orderListId=1", "200 {\"orderListId\":1,"),
    ];
    for (request, want) in rows {
        let told = tell(&world, &[request]).await;
        assert!(told.contains(want), "{told}");
    }
}
