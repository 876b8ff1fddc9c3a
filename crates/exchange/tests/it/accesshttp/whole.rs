//! Over the real history and market prices: what a back end sees after it has traded.

use std::sync::Arc;
use std::time::Duration;

use allin_core::ids::Timestamp;
use allin_exchange::accesshttp::Config;
use allin_exchange::historyreader::{self, HistoryReaderSection};
use allin_exchange::historywriter::{self, HistoryWriterSection};
use allin_exchange::marketprice::{self, MarketPriceSection};
use expect_test::expect;

use super::world::{Shard, T0, World};

/// Keeps the services alive.
struct Whole {
    world: World,
    writer: historywriter::Service,
    prices: marketprice::Service,
    _reader: historyreader::Service,
    _data: tempfile::TempDir,
}

async fn whole() -> Whole {
    let data = tempfile::tempdir().expect("a directory");
    let url = |name: &str| format!("sqlite:{}", data.path().join(name).display());
    let shard = Shard::listed();
    let handles = historywriter::Handles {
        engine: shard.clone(),
        bus: shard.clone(),
        store_url: url("history.db"),
        keep_months: 0,
    };
    let writer = historywriter::start("landry-ces-historywriter", HistoryWriterSection::default(), handles);
    let handles = historyreader::Handles { store_url: url("history.db"), listener: None };
    let mut reader =
        historyreader::start("landry-ces-historyreader", HistoryReaderSection::default(), handles).expect("starts");
    reader.running.ready().await.expect("ready");
    let handles = marketprice::Handles {
        engine: shard.clone(),
        bus: shard.clone(),
        store_url: url("prices.db"),
        clock: Arc::new(|| Timestamp(T0 + 3_600_000_000)),
        listener: None,
    };
    let mut prices =
        marketprice::start("landry-ces-marketprice", MarketPriceSection::default(), handles).expect("starts");
    prices.running.ready().await.expect("ready");
    let world = World::over(Config::default(), shard, reader.api.clone(), prices.api.clone()).await;
    Whole { world, writer, prices, _reader: reader, _data: data }
}

impl Whole {
    /// Until history and prices have everything.
    async fn caught_up(&self) {
        for _ in 0..1000 {
            let seq = self.world.shard.seq();
            if *self.writer.written.borrow() >= seq && self.prices.progress.folded() >= seq {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("history or prices do not catch up");
    }
}

#[tokio::test]
async fn a_trading_day() {
    let whole = whole().await;
    let world = &whole.world;
    for (user, asset, change) in [(1, "BTC", "10"), (2, "USD", "100000")] {
        world.result("balance.update", &format!(r#"[{user},"{asset}","deposit",1,"{change}",{{"tx":"a"}}]"#)).await;
    }
    world.result("order.put_limit", r#"[1,"BTCUSD",1,"1","8000","0.002","0.001","web"]"#).await;
    world.result("order.put_limit", r#"[1,"BTCUSD",1,"2","8100","0.002","0.001","web"]"#).await;
    world.result("order.put_limit", r#"[1,"BTCUSD",1,"3","9000","0.002","0.001","web"]"#).await;
    world.result("order.put_market", r#"[2,"BTCUSD",2,"10000","0.002","api"]"#).await;
    world.result("order.cancel", r#"[1,"BTCUSD",2]"#).await;
    world.result("order.cancel", r#"[1,"BTCUSD",3]"#).await;
    whole.caught_up().await;

    let seller = world.result("order.finished", r#"[1,"BTCUSD",0,0,0,10]"#).await;
    expect![[r#"{"offset":0,"limit":10,"records":[{"id":2,"ctime":1700000002.25,"ftime":1700000003.0,"user":1,"market":"BTCUSD","source":"web","type":1,"side":1,"price":"8100","amount":"2","taker_fee":"0.002","maker_fee":"0.001","deal_stock":"0.2469","deal_money":"1999.89","deal_fee":"1.99989"},{"id":1,"ctime":1700000002.0,"ftime":1700000002.75,"user":1,"market":"BTCUSD","source":"web","type":1,"side":1,"price":"8000","amount":"1","taker_fee":"0.002","maker_fee":"0.001","deal_stock":"1","deal_money":"8000","deal_fee":"8"}]}"#]].assert_eq(&seller);
    let buyer = world.result("order.finished_detail", "[4]").await;
    expect![[r#"{"id":4,"ctime":1700000002.75,"ftime":1700000002.75,"user":2,"market":"BTCUSD","source":"api","type":2,"side":2,"price":"0","amount":"10000","taker_fee":"0.002","maker_fee":"0","deal_stock":"1.2469","deal_money":"9999.89","deal_fee":"0.0024938"}"#]].assert_eq(&buyer);
    let deals = world.result("order.deals", "[4,0,10]").await;
    expect![[r#"{"offset":0,"limit":10,"records":[{"time":1700000002.75,"user":2,"id":2,"role":2,"price":"8100","amount":"0.2469","deal":"1999.89","fee":"0.0004938","deal_order_id":2},{"time":1700000002.75,"user":2,"id":1,"role":2,"price":"8000","amount":"1","deal":"8000","fee":"0.002","deal_order_id":1}]}"#]].assert_eq(&deals);
    let deals = world.result("market.user_deals", r#"[1,"BTCUSD",0,1]"#).await;
    expect![[r#"{"offset":0,"limit":1,"records":[{"time":1700000002.75,"user":1,"id":2,"side":1,"role":1,"price":"8100","amount":"0.2469","deal":"1999.89","fee":"1.99989","deal_order_id":4,"market":"BTCUSD"}]}"#]].assert_eq(&deals);
    let ledger = world.result("balance.history", r#"[2,"USD","deposit,withdraw",0,0,0,10]"#).await;
    expect![[r#"{"offset":0,"limit":10,"records":[{"time":1700000001.75,"asset":"USD","business":"deposit","change":"100000","balance":"100000","detail":{"tx":"a","id":1}}]}"#]].assert_eq(&ledger);
    let ledger = world.result("balance.history", r#"[2,"","trade",0,0,0,2]"#).await;
    expect![[r#"{"offset":0,"limit":2,"records":[{"time":1700000002.75,"asset":"BTC","business":"trade","change":"-0.0004938","balance":"1.2444062","detail":{"a":"0.2469","f":"0.002","i":4,"m":"BTCUSD","p":"8100.00","t":2}},{"time":1700000002.75,"asset":"BTC","business":"trade","change":"0.2469","balance":"1.2449","detail":{"a":"0.2469","i":4,"m":"BTCUSD","p":"8100.00","t":2}}]}"#]].assert_eq(&ledger);

    expect![[r#""8100""#]].assert_eq(&world.result("market.last", r#"["BTCUSD"]"#).await);
    expect![[r#"[{"id":2,"time":1700000002.75,"price":"8100","amount":"0.2469","type":"buy"},{"id":1,"time":1700000002.75,"price":"8000","amount":"1","type":"buy"}]"#]].assert_eq(&world.result("market.deals", r#"["BTCUSD",10000,0]"#).await);
    let kline = world.result("market.kline", r#"["BTCUSD",1,1700000060,60]"#).await;
    expect![[r#"[[1699999980,"8000","8100","8100","8000","1.2469","9999.89","BTCUSD"],[1700000040,"8100","8100","8100","8100","0","0","BTCUSD"]]"#]].assert_eq(&kline);
    expect![[r#"{"period":86400,"last":"8100","open":"8000","close":"8100","high":"8100","low":"8000","volume":"1.2469","deal":"9999.89"}"#]].assert_eq(&world.result("market.status", r#"["BTCUSD",86400]"#).await);
    expect![[r#"{"open":"8000","last":"8100","high":"8100","low":"8000","volume":"1.2469","deal":"9999.89"}"#]]
        .assert_eq(&world.result("market.status_today", r#"["BTCUSD"]"#).await);
}
