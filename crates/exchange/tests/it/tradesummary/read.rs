//! Answers over the port: days, rankings, conversions, refusals.

use crate::guarded::channel;
use allin_databases::{Database, on_every_database};
use allin_wire::exchange::v1::trade_summary_client::TradeSummaryClient;
use allin_wire::exchange::v1::{RankingRequest, TierRequest};
use tonic::Code;

use super::*;

on_every_database! {
async fn sums_and_rankings_equal_the_trades(database: Database) {
    let place = database.place();
    let tape = Tape::new(30);
    record_trades(&tape, 400, 12);
    let service = ready(&tape, &place.url, quick()).await;
    check(&tape, &service).await;
    let url = format!("http://{}", service.running.addresses()[0]);
    let mut client = TradeSummaryClient::new(channel(url));
    let rows = expected(&tape);
    let (first_day, last_day) = (FIRST_DAY + 2, FIRST_DAY + 9);
    let mut want: BTreeMap<u64, (i128, i128, u64)> = BTreeMap::new();
    for ((user, day, symbol), row) in &rows {
        if *symbol == "ETHUSDT" && (first_day..=last_day).contains(day) {
            let sum = want.entry(*user).or_default();
            let more = (row.buy.1 + row.sell.1, row.buy.0 + row.sell.0, row.trades.0 + row.trades.1);
            *sum = (sum.0 + more.0, sum.1 + more.1, sum.2 + more.2);
        }
    }
    let mut want: Vec<_> = want.into_iter().collect();
    want.sort_by_key(|(user, sum)| (std::cmp::Reverse(sum.0), *user));
    assert!(want.len() >= 3, "{want:?}");
    let request = |market: &str, limit| RankingRequest { market: market.into(), first_day, last_day, limit };
    let reply = client.ranking(request("ETHUSDT", 0)).await.expect("an answer").into_inner();
    let row =
        |rank: &allin_wire::exchange::v1::Rank| (rank.user, (parse(&rank.quote, 8), parse(&rank.qty, 4), rank.trades));
    assert_eq!(reply.ranks.iter().map(row).collect::<Vec<_>>(), want);
    let first = client.ranking(request("ETHUSDT", 1)).await.expect("an answer").into_inner();
    assert_eq!(first.ranks, reply.ranks[..1]);

    let one = UserDaysRequest { user: 1, market: "ETHBTC".into(), first_day, last_day };
    let days = client.user_days(one.clone()).await.expect("an answer").into_inner();
    assert!(!days.days.is_empty() && days.days.iter().all(|row| row.market == "ETHBTC"));
    assert!(days.days.is_sorted_by_key(|row| row.day));
    assert_eq!(days.as_of_seq, tape.durable().0);

    assert_eq!(client.ranking(request("XXX", 0)).await.expect_err("refused").code(), Code::NotFound);
    let unknown = UserDaysRequest { market: "XXX".into(), ..one.clone() };
    assert_eq!(client.user_days(unknown).await.expect_err("refused").code(), Code::NotFound);
    for (first_day, last_day) in [(5, 4), (0, 366), (0, u32::MAX)] {
        let request = UserDaysRequest { first_day, last_day, ..one.clone() };
        assert_eq!(client.user_days(request).await.expect_err("refused").code(), Code::InvalidArgument);
    }
    let nobody = UserDaysRequest { user: u64::MAX, ..one };
    assert_eq!(client.user_days(nobody).await.expect("an answer").into_inner().days, []);
    service.running.stop().await.expect("stops in order");
}

async fn volume_in_another_asset_counts_at_its_last_price(database: Database) {
    let place = database.place();
    let tape = Tape::new(30);
    let deal = |market, price, qty| Deal { market, price, qty, taker_side: Side::Buy, maker: 1, taker: 2 };
    // Without a price of BTC in USDT, 2 ETH at 0.05 BTC count nothing; with one of 400.00 they count 40.
    tape.trade(at(FIRST_DAY, 1), &[deal(2, 5, 20_000)]);
    let btc = Deal { maker: 3, taker: 4, ..deal(0, 40_000, 1) };
    tape.trade(at(FIRST_DAY, 2), &[btc]);
    tape.trade(at(FIRST_DAY, 3), &[deal(2, 5, 20_000)]);
    let service = ready(&tape, &place.url, quick()).await;
    let request = TierRequest { user: 1, day: FIRST_DAY + 1 };
    let reply = service.api.tier(Request::new(request)).await.expect("an answer").into_inner();
    assert_eq!((reply.volume.as_str(), reply.volume_asset.as_str()), ("40.00000000", "USDT"));
    service.running.stop().await.expect("stops in order");
    // Where BTC itself is the measure, USDT counts by the inverse of that price: 0.04 USDT are 0.0001 BTC.
    let config = TradeSummarySection { volume_asset: "BTC".into(), ..quick() };
    let service = ready(&tape, &database.place().url, config).await;
    for (user, volume) in [(1, "0.20000000"), (3, "0.00010000")] {
        let request = TierRequest { user, day: FIRST_DAY + 1 };
        let reply = service.api.tier(Request::new(request)).await.expect("an answer").into_inner();
        assert_eq!((reply.volume.as_str(), reply.volume_asset.as_str()), (volume, "BTC"), "{user}");
    }
    service.running.stop().await.expect("stops in order");
}
}
