//! `/sapi/v1` (developers.binance.com, Wallet: account, asset, capital, others).

use allin_landry::spotapi::endpoint;

use super::faults;
use crate::world::World;

const COIN: &str = "{coin:s depositAllEnable:b withdrawAllEnable:b name:s free:d locked:d freeze:d withdrawing:d ipoing:d \
     ipoable:d storage:d isLegalMoney:b trading:b networkList:[o]?}";
const TRIGGERS: &str = "{GCR:i IFER:i UFR:i}";
const RESTRICTIONS: &str = "{ipRestrict:b createTime:i enableReading:b enableWithdrawals:b enableInternalTransfer:b \
     enableMargin:b enableFutures:b permitsUniversalTransfer:b enableVanillaOptions:b enableFixApiTrade:b enableFixReadOnly:b \
     enableSpotAndMarginTrading:b enablePortfolioMarginTrading:b tradingAuthorityExpirationTime?:i}";
const DEPOSIT: &str = "{id:s amount:d coin:s network:s status:i address:s addressTag:s txId:s insertTime:i completeTime:i \
     transferType:i confirmTimes:s unlockConfirm:i walletType:i}";
const WITHDRAWAL: &str = "{id:s amount:d transactionFee:d coin:s status:i address:s txId:s applyTime:s network:s \
     transferType:i withdrawOrderId?:s info:s confirmNo:i walletType:i txKey:s completeTime?:s}";

fn rows() -> Vec<(&'static str, String)> {
    let status = format!("{{data:{{isLocked:b plannedRecoverTime:i triggerCondition:{TRIGGERS} updateTime:i}}}}");
    let info = "{vipLevel:i isMarginEnabled:b isFutureEnabled:b isOptionsEnabled:b isPortfolioMarginRetailEnabled:b}";
    let asset = "[{asset:s free:d locked:d freeze:d withdrawing:d ipoable:d btcValuation:d}]";
    let own = |shape: &str| shape.to_owned();
    vec![
        ("GET system/status", own("{status:i msg:s}")),
        ("GET account/status", own("{data:s}")),
        ("GET account/apiTradingStatus", status),
        ("GET account/info", own(info)),
        ("GET account/apiRestrictions", own(RESTRICTIONS)),
        ("GET asset/tradeFee", own("[{symbol:s makerCommission:d takerCommission:d}]")),
        ("GET asset/tradeFee?symbol=BTCUSDT", own("[{symbol:s makerCommission:d takerCommission:d}]")),
        ("POST asset/getUserAsset", own(asset)),
        ("POST asset/getUserAsset?asset=BTC&needBtcValuation=true", own(asset)),
        ("GET asset/wallet/balance", own("[{activate:b balance:d walletName:s}]")),
        ("GET asset/transfer?type=MAIN_FUNDING", own("{total:i rows:[o]?}")),
        ("GET asset/assetDividend", own("{rows:[o]? total:i}")),
        ("GET asset/dribblet", own("{total:i userAssetDribblets:[o]?}")),
        ("GET capital/config/getall", format!("[{COIN}]")),
        ("GET capital/deposit/hisrec", format!("[{DEPOSIT}]")),
        ("GET capital/withdraw/history", format!("[{WITHDRAWAL}]")),
        ("GET margin/allPairs", own("[o]?")),
        ("GET margin/isolated/allPairs", own("[o]?")),
        ("GET margin/allAssets", own("[o]?")),
    ]
}

/// Refused as long as there is one wallet and no custody.
const REFUSED: [&str; 3] = [
    "POST asset/transfer?type=MAIN_FUNDING&asset=BTC&amount=1",
    "GET capital/deposit/address?coin=BTC",
    "POST capital/withdraw/apply?coin=BTC&address=x&amount=1",
];

#[tokio::test]
async fn answers_of_the_wallet() {
    let world = World::new().await;
    world.take(crate::world::ALICE, "BTC", "1").await;
    world.caught_up().await;
    let rows = rows();
    for (target, shape) in &rows {
        let (method, target) = target.split_once(' ').expect("a method");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let body = world.ok("alice", method, &format!("/sapi/v1/{path}"), query).await;
        assert_eq!(faults(&body, shape), [""; 0], "{target}: {body}");
    }
    for target in REFUSED {
        let (method, target) = target.split_once(' ').expect("a method");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let answered = world.call("alice", method, &format!("/sapi/v1/{path}"), query).await;
        assert!((400..500).contains(&answered.status), "{target}: {answered:?}");
        assert_eq!(faults(&answered.json(), "{code:i msg:s}"), [""; 0], "{target}: {answered:?}");
    }
    let known = |target: &str| {
        let same = |row: &str| row.split('?').next() == Some(target);
        rows.iter().any(|(row, _)| same(row)) || REFUSED.iter().any(|row| same(row))
    };
    for endpoint in endpoint::all() {
        for (method, path) in endpoint.rest {
            if let Some(path) = path.strip_prefix("/sapi/v1/") {
                assert!(known(&format!("{method} {path}")), "{method} {path} is in no row");
            }
        }
    }
}
