//! The parameters of each method, with their types and ranges. Symbols and decimals are still text.

use std::borrow::Cow;

use allin_core::ids::{OrderId, UserId};
use allin_core::spot::command::{DETAIL_MAX, Side};
use allin_core::text::{ClientId, Label};

use super::json::Json;
use super::method::Method;
use super::params::{Invalid, Params};

/// Longest `source` of an order, bytes.
pub const SOURCE_MAX: usize = 30;
/// Longest business type, bytes.
const BUSINESS_MAX: usize = 31;
/// Most orders, levels or records of one answer.
const PAGE_MAX: u32 = 101;
/// Most deals of market.deals.
const DEALS_MAX: u32 = 10_000;
/// Longest period of market.status, seconds: seven days.
const PERIOD_MAX: u32 = 604_800;
/// The largest interval of market.kline: a month, written as 30 days.
const INTERVAL_MAX: u32 = 2_592_000;

/// A call with its parameters.
#[derive(Clone, PartialEq, Debug)]
pub enum Call<'a> {
    BalanceQuery {
        user: UserId,
        assets: Vec<&'a str>,
    },
    BalanceUpdate(Update<'a>),
    BalanceHistory(HistoryQuery<'a>),
    AssetList,
    AssetSummary {
        assets: Vec<&'a str>,
    },
    OrderPutLimit(PutLimit<'a>),
    OrderPutMarket(MarketOrder<'a>),
    OrderCancel {
        user: UserId,
        market: &'a str,
        order: OrderId,
    },
    OrderBook {
        market: &'a str,
        side: Side,
        page: Page,
    },
    OrderDepth(DepthQuery<'a>),
    OrderPending {
        user: UserId,
        market: &'a str,
        page: Page,
    },
    OrderPendingDetail {
        market: &'a str,
        order: OrderId,
    },
    OrderFinished(OrdersQuery<'a>),
    OrderFinishedDetail {
        order: OrderId,
    },
    OrderDeals {
        order: OrderId,
        page: Page,
    },
    MarketList,
    MarketSummary {
        markets: Vec<&'a str>,
    },
    MarketLast {
        market: &'a str,
    },
    /// `after`: only deals with greater ids.
    MarketDeals {
        market: &'a str,
        limit: u32,
        after: u64,
    },
    MarketUserDeals {
        user: UserId,
        market: &'a str,
        page: Page,
    },
    MarketKline(Kline<'a>),
    MarketStatus {
        market: &'a str,
        period: u32,
    },
    MarketStatusToday {
        market: &'a str,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    pub offset: u32,
    pub limit: u32,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Update<'a> {
    pub user: UserId,
    pub asset: &'a str,
    pub business: Label,
    pub business_id: i64,
    pub change: &'a str,
    /// JSON of the detail, with the business id as its `id`.
    pub detail: String,
}

/// Times in seconds; 0 is no limit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistoryQuery<'a> {
    pub user: UserId,
    /// Empty: any.
    pub asset: &'a str,
    /// Empty: any.
    pub business: Vec<&'a str>,
    pub start: u64,
    pub end: u64,
    pub page: Page,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PutLimit<'a> {
    pub user: UserId,
    pub market: &'a str,
    pub side: Side,
    pub amount: &'a str,
    pub price: &'a str,
    pub taker_fee: &'a str,
    pub maker_fee: &'a str,
    pub source: Label,
    pub client_id: ClientId,
}

/// The amount is base to sell, or quote to spend.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MarketOrder<'a> {
    pub user: UserId,
    pub market: &'a str,
    pub side: Side,
    pub amount: &'a str,
    pub taker_fee: &'a str,
    pub source: Label,
    pub client_id: ClientId,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DepthQuery<'a> {
    pub market: &'a str,
    pub limit: u32,
    pub interval: &'a str,
}

/// Times in seconds; 0 is no limit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrdersQuery<'a> {
    pub user: UserId,
    pub market: &'a str,
    pub side: Option<Side>,
    pub start: u64,
    pub end: u64,
    pub page: Page,
}

/// Times and interval in seconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kline<'a> {
    pub market: &'a str,
    pub start: u64,
    pub end: u64,
    pub interval: u32,
}

impl<'a> Call<'a> {
    pub fn parse(method: Method, params: &'a [Json<'a>]) -> Result<Call<'a>, Invalid> {
        let p = Params(params);
        match method {
            Method::BalanceQuery => Ok(Call::BalanceQuery { user: p.user(0)?, assets: p.texts(1)? }),
            Method::BalanceUpdate => update(p.count(6..=6)?),
            Method::BalanceHistory => history(p.count(7..=7)?),
            // The reference server looks at no parameters of the two lists.
            Method::AssetList => Ok(Call::AssetList),
            Method::MarketList => Ok(Call::MarketList),
            Method::AssetSummary => Ok(Call::AssetSummary { assets: p.texts(0)? }),
            Method::MarketSummary => Ok(Call::MarketSummary { markets: p.texts(0)? }),
            Method::OrderPutLimit => put_limit(p.count(8..=9)?),
            Method::OrderPutMarket => put_market(p.count(6..=7)?),
            Method::OrderCancel | Method::OrderBook | Method::OrderDepth => book(method, p),
            Method::OrderPending | Method::OrderPendingDetail => pending(method, p),
            Method::OrderFinished => finished(p.count(6..=7)?),
            Method::OrderFinishedDetail => Ok(Call::OrderFinishedDetail { order: p.count(1..=1)?.order(0)? }),
            Method::OrderDeals => Ok(Call::OrderDeals { order: p.count(3..=3)?.order(0)?, page: page(p, 1, 1)? }),
            Method::MarketLast => Ok(Call::MarketLast { market: p.count(1..=1)?.text(0)? }),
            Method::MarketDeals => {
                let p = p.count(3..=3)?;
                Ok(Call::MarketDeals { market: p.text(0)?, limit: p.bounded(1, 1..=DEALS_MAX)?, after: p.unsigned(2)? })
            }
            Method::MarketUserDeals => {
                let p = p.count(4..=4)?;
                Ok(Call::MarketUserDeals { user: p.user(0)?, market: p.text(1)?, page: page(p, 2, 1)? })
            }
            Method::MarketKline => kline(p.count(4..=4)?),
            Method::MarketStatus => {
                let p = p.count(2..=2)?;
                Ok(Call::MarketStatus { market: p.text(0)?, period: p.bounded(1, 1..=PERIOD_MAX)? })
            }
            Method::MarketStatusToday => Ok(Call::MarketStatusToday { market: p.count(1..=1)?.text(0)? }),
        }
    }
}

fn page(p: Params<'_>, at: usize, limit_min: u32) -> Result<Page, Invalid> {
    Ok(Page { offset: p.bounded(at, 0..=u32::MAX)?, limit: p.bounded(at + 1, limit_min..=PAGE_MAX)? })
}

/// Start and end in seconds, the start not after the end.
fn span(p: Params<'_>, at: usize) -> Result<(u64, u64), Invalid> {
    let (start, end) = (p.unsigned(at)?, p.unsigned(at + 1)?);
    if end != 0 && start > end {
        return Err(Invalid);
    }
    Ok((start, end))
}

fn update(p: Params<'_>) -> Result<Call<'_>, Invalid> {
    let business = p.label(2, BUSINESS_MAX)?;
    if business.is_empty() {
        return Err(Invalid);
    }
    let business_id = p.signed(3)?;
    Ok(Call::BalanceUpdate(Update {
        user: p.user(0)?,
        asset: p.text(1)?,
        business,
        business_id,
        change: p.text(4)?,
        detail: detail(p, business_id)?,
    }))
}

/// The detail as it is kept: the protocol stores the business id under its key `id`.
fn detail(p: Params<'_>, business_id: i64) -> Result<String, Invalid> {
    let given = p.object(5)?.iter().filter(|(key, _)| key != "id").cloned();
    let id = (Cow::Borrowed("id"), Json::Integer(business_id));
    let text = serde_json::to_string(&Json::Object(given.chain([id]).collect())).map_err(|_| Invalid)?;
    if text.len() > DETAIL_MAX { Err(Invalid) } else { Ok(text) }
}

fn history(p: Params<'_>) -> Result<Call<'_>, Invalid> {
    let (start, end) = span(p, 3)?;
    let business = p.text_or_null(2)?;
    Ok(Call::BalanceHistory(HistoryQuery {
        user: p.user(0)?,
        asset: p.text_or_null(1)?,
        business: business.split(',').filter(|one| !one.is_empty()).collect(),
        start,
        end,
        page: page(p, 5, 1)?,
    }))
}

fn put_limit(p: Params<'_>) -> Result<Call<'_>, Invalid> {
    Ok(Call::OrderPutLimit(PutLimit {
        user: p.user(0)?,
        market: p.text(1)?,
        side: p.side(2)?,
        amount: p.text(3)?,
        price: p.text(4)?,
        taker_fee: p.text(5)?,
        maker_fee: p.text(6)?,
        source: p.label(7, SOURCE_MAX)?,
        client_id: p.options(8)?,
    }))
}

fn put_market(p: Params<'_>) -> Result<Call<'_>, Invalid> {
    Ok(Call::OrderPutMarket(MarketOrder {
        user: p.user(0)?,
        market: p.text(1)?,
        side: p.side(2)?,
        amount: p.text(3)?,
        taker_fee: p.text(4)?,
        source: p.label(5, SOURCE_MAX)?,
        client_id: p.options(6)?,
    }))
}

fn book(method: Method, p: Params<'_>) -> Result<Call<'_>, Invalid> {
    match method {
        Method::OrderCancel => {
            let p = p.count(3..=3)?;
            Ok(Call::OrderCancel { user: p.user(0)?, market: p.text(1)?, order: p.order(2)? })
        }
        Method::OrderBook => {
            let p = p.count(4..=4)?;
            Ok(Call::OrderBook { market: p.text(0)?, side: p.side(1)?, page: page(p, 2, 0)? })
        }
        _ => {
            let p = p.count(3..=3)?;
            let limit = p.bounded(1, 0..=PAGE_MAX)?;
            Ok(Call::OrderDepth(DepthQuery { market: p.text(0)?, limit, interval: p.text(2)? }))
        }
    }
}

fn pending(method: Method, p: Params<'_>) -> Result<Call<'_>, Invalid> {
    if method == Method::OrderPending {
        let p = p.count(4..=4)?;
        return Ok(Call::OrderPending { user: p.user(0)?, market: p.text(1)?, page: page(p, 2, 0)? });
    }
    let p = p.count(2..=2)?;
    Ok(Call::OrderPendingDetail { market: p.text(0)?, order: p.order(1)? })
}

fn finished(p: Params<'_>) -> Result<Call<'_>, Invalid> {
    let (start, end) = span(p, 2)?;
    let side = match p.0.len() {
        7 if p.unsigned(6)? == 0 => None,
        7 => Some(p.side(6)?),
        _ => None,
    };
    Ok(Call::OrderFinished(OrdersQuery {
        user: p.user(0)?,
        market: p.text(1)?,
        side,
        start,
        end,
        page: page(p, 4, 1)?,
    }))
}

fn kline(p: Params<'_>) -> Result<Call<'_>, Invalid> {
    let (start, end) = (p.positive(1)?, p.positive(2)?);
    let interval = p.bounded(3, 1..=INTERVAL_MAX)?;
    if start > end || !is_interval(interval) {
        return Err(Invalid);
    }
    Ok(Call::MarketKline(Kline { market: p.text(0)?, start, end, interval }))
}

/// Within a minute, an hour or a day an interval divides it; then whole days, a week, or "a month".
fn is_interval(seconds: u32) -> bool {
    const MINUTE: u32 = 60;
    const HOUR: u32 = 60 * MINUTE;
    const DAY: u32 = 24 * HOUR;
    match seconds {
        0 => false,
        1..MINUTE => MINUTE.is_multiple_of(seconds),
        MINUTE..HOUR => seconds.is_multiple_of(MINUTE) && HOUR.is_multiple_of(seconds),
        HOUR..DAY => seconds.is_multiple_of(HOUR) && DAY.is_multiple_of(seconds),
        _ if seconds < 7 * DAY => seconds.is_multiple_of(DAY),
        _ => seconds == 7 * DAY || seconds == INTERVAL_MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: Method, params: &str) -> Result<String, Invalid> {
        let Json::Array(params) = serde_json::from_str(params).expect("JSON") else { panic!("an array") };
        Call::parse(method, &params).map(|call| format!("{call:?}"))
    }

    #[test]
    fn takes_good_parameters() {
        let rows = [
            (Method::BalanceQuery, "[1]"),
            (Method::BalanceQuery, r#"[9223372036854775807,"A","B"]"#),
            (Method::BalanceUpdate, r#"[1,"A","deposit",-9,"-1.5",{"a":{"b":[1.5,null]}}]"#),
            (Method::BalanceHistory, r#"[1,"","",0,0,0,101]"#),
            (Method::BalanceHistory, r#"[1,null,null,5,5,4294967295,1]"#),
            (Method::AssetList, "[]"),
            (Method::AssetSummary, r#"[]"#),
            (Method::OrderPutLimit, r#"[1,"M",1,"1","1","0","0",""]"#),
            (Method::OrderPutLimit, r#"[1,"M",2,"1","1","0","0","123456789012345678901234567890",{"client_id":"x"}]"#),
            (Method::OrderPutMarket, r#"[1,"M",2,"1","0","web"]"#),
            (Method::OrderPutMarket, r#"[1,"M",2,"1","0","web",{}]"#),
            (Method::OrderCancel, r#"[1,"M",1]"#),
            (Method::OrderBook, r#"["M",1,0,0]"#),
            (Method::OrderDepth, r#"["M",101,"0"]"#),
            (Method::OrderPending, r#"[1,"M",0,101]"#),
            (Method::OrderPendingDetail, r#"["M",1]"#),
            (Method::OrderFinished, r#"[1,"M",0,0,0,1]"#),
            (Method::OrderFinished, r#"[1,"M",0,0,0,1,0]"#),
            (Method::OrderFinishedDetail, "[1]"),
            (Method::OrderDeals, "[1,0,101]"),
            (Method::MarketList, "[]"),
            (Method::MarketSummary, r#"["M"]"#),
            (Method::MarketLast, r#"["M"]"#),
            (Method::MarketDeals, r#"["M",10000,0]"#),
            (Method::MarketUserDeals, r#"[1,"M",0,101]"#),
            (Method::MarketKline, r#"["M",1,99999999999,2592000]"#),
            (Method::MarketStatus, r#"["M",604800]"#),
            (Method::MarketStatusToday, r#"["M"]"#),
        ];
        for (method, params) in rows {
            assert!(parse(method, params).is_ok(), "{} {params}", method.name());
        }
    }

    #[test]
    fn refuses_bad_parameters() {
        let long = "x".repeat(31);
        let detail = format!(r#"[1,"A","b",1,"1",{{"x":"{}"}}]"#, "y".repeat(DETAIL_MAX));
        let business = format!(r#"[1,"A","{long}x",1,"1",{{}}]"#);
        let source = format!(r#"[1,"M",1,"1","1","0","0","{long}"]"#);
        let rows = [
            (Method::BalanceQuery, "[]"),
            (Method::BalanceQuery, "[0]"),
            (Method::BalanceQuery, "[-1]"),
            (Method::BalanceQuery, "[1.0]"),
            (Method::BalanceQuery, r#"["1"]"#),
            (Method::BalanceQuery, "[9223372036854775808]"),
            (Method::BalanceQuery, "[18446744073709551616]"),
            (Method::BalanceQuery, "[1,2]"),
            (Method::BalanceQuery, "[1,null]"),
            (Method::BalanceUpdate, r#"[1,"A","deposit",1,"1"]"#),
            (Method::BalanceUpdate, r#"[1,"A","deposit",1,"1",{},{}]"#),
            (Method::BalanceUpdate, r#"[1,"A","deposit",1,1,{}]"#),
            (Method::BalanceUpdate, r#"[1,"A","deposit",1,"1",[]]"#),
            (Method::BalanceUpdate, r#"[1,"A","deposit","1","1",{}]"#),
            (Method::BalanceUpdate, r#"[1,"A","",1,"1",{}]"#),
            (Method::BalanceUpdate, &detail),
            (Method::BalanceUpdate, &business),
            (Method::BalanceHistory, r#"[1,"","",2,1,0,1]"#),
            (Method::BalanceHistory, r#"[1,"","",0,0,0,0]"#),
            (Method::BalanceHistory, r#"[1,"","",0,0,0,102]"#),
            (Method::BalanceHistory, r#"[1,"","",0,0,4294967296,1]"#),
            (Method::OrderPutLimit, r#"[1,"M",1,"1","1","0","0"]"#),
            (Method::OrderPutLimit, r#"[1,"M",0,"1","1","0","0",""]"#),
            (Method::OrderPutLimit, r#"[1,"M",3,"1","1","0","0",""]"#),
            (Method::OrderPutLimit, r#"[1,"M",1,1,"1","0","0",""]"#),
            (Method::OrderPutLimit, r#"[1,"M",1,"1","1","0","0","",{"client_id":""}]"#),
            (Method::OrderPutLimit, r#"[1,"M",1,"1","1","0","0","",{"client_id":"a b"}]"#),
            (Method::OrderPutLimit, r#"[1,"M",1,"1","1","0","0","",{"clientid":"a"}]"#),
            (Method::OrderPutLimit, r#"[1,"M",1,"1","1","0","0","","x"]"#),
            (Method::OrderPutLimit, &source),
            (Method::OrderPutMarket, r#"[1,"M",1,"1","0"]"#),
            (Method::OrderCancel, r#"[1,"M",0]"#),
            (Method::OrderCancel, r#"[1,"M",-1]"#),
            (Method::OrderBook, r#"["M",1,0,102]"#),
            (Method::OrderDepth, r#"["M",102,"0"]"#),
            (Method::OrderDepth, r#"["M",1,0]"#),
            (Method::OrderPending, r#"[1,"M",-1,1]"#),
            (Method::OrderPendingDetail, r#"["M"]"#),
            (Method::OrderFinished, r#"[1,"M",0,0,0,1,3]"#),
            (Method::OrderFinished, r#"[1,"M",0,0,0,1,0,0]"#),
            (Method::OrderFinishedDetail, "[0]"),
            (Method::OrderDeals, "[1,0,0]"),
            (Method::MarketSummary, "[1]"),
            (Method::MarketLast, "[]"),
            (Method::MarketDeals, r#"["M",10001,0]"#),
            (Method::MarketDeals, r#"["M",0,0]"#),
            (Method::MarketDeals, r#"["M",1,-1]"#),
            (Method::MarketKline, r#"["M",0,1,60]"#),
            (Method::MarketKline, r#"["M",2,1,60]"#),
            (Method::MarketKline, r#"["M",1,2,0]"#),
            (Method::MarketKline, r#"["M",1,2,7]"#),
            (Method::MarketKline, r#"["M",1,2,90]"#),
            (Method::MarketKline, r#"["M",1,2,18000]"#),
            (Method::MarketKline, r#"["M",1,2,691200]"#),
            (Method::MarketStatus, r#"["M",0]"#),
            (Method::MarketStatus, r#"["M",604801]"#),
            (Method::MarketStatusToday, r#"["M",1]"#),
        ];
        for (method, params) in rows {
            assert_eq!(parse(method, params), Err(Invalid), "{} {params}", method.name());
        }
    }

    #[test]
    fn the_detail_keeps_what_it_was_given_and_the_business_id() {
        let Json::Array(params) = serde_json::from_str(r#"[1,"A","b",7,"1",{"id":1,"z":"é","a":2}]"#).expect("JSON")
        else {
            panic!("an array")
        };
        let Ok(Call::BalanceUpdate(update)) = Call::parse(Method::BalanceUpdate, &params) else { panic!("an update") };
        assert_eq!(update.detail, r#"{"z":"é","a":2,"id":7}"#);
    }
}
