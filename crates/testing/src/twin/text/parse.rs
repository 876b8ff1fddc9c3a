//! Commands from text. Panics on what it does not understand: the text is a test's.

use allin_core::ids::{AssetId, Epoch, ListId, MarketId, OrderId, Timestamp, UserId};
use allin_core::num::{FeeRate, FeeRates, PriceTicks, QtyLots};
use allin_core::spot::Limits;
use allin_core::spot::command::{
    Account, CancelOnly, Command, Counter, Funding, ListOrders, MarketState, NewList, NewOrder, OrderKind, OrderRef,
    ReplaceMode, Side, StpMode, TimeInForce,
};
use allin_core::spot::spec::MarketSpec;
use allin_core::text::{ClientId, Label};

use super::{ASSETS, USERS};

/// A command; nothing when the text only sets the clock.
pub fn command(text: &str, now: &mut u64, specs: &mut [MarketSpec]) -> Option<Command> {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let words: Vec<&str> = rest.split_whitespace().collect();
    if first == "at" {
        *now = number(words[0]);
        return None;
    }
    Some(match USERS.iter().position(|user| *user == first) {
        Some(at) => of_user(UserId(at as u64 + 1), rest, *now),
        None => of_operator(first, &words, specs),
    })
}

fn of_user(user: UserId, text: &str, now: u64) -> Command {
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    let words: Vec<&str> = rest.split_whitespace().collect();
    let market = words.iter().find_map(|word| word.strip_prefix("in:")).map_or(MarketId(0), |id| MarketId(number(id)));
    let new = |text: &str| order(user, text, now);
    match verb {
        "buy" | "sell" => Command::Place(new(text)),
        "batch" => Command::PlaceBatch(rest.split(',').map(new).collect()),
        "oco" | "oto" | "otoco" => Command::PlaceList(Box::new(list(verb, rest, new))),
        "cancel" => {
            Command::Cancel { user, market, order: order_ref(words[0]), only: only(&words), cancel_id: ClientId::EMPTY }
        }
        "cancellist" => {
            Command::CancelList { user, market, list: ListId(number(words[0])), cancel_id: ClientId::EMPTY }
        }
        "cancelall" => Command::CancelAll { user, market, side: words.first().map(|word| side(word)) },
        "amend" => Command::Amend {
            user,
            market,
            order: order_ref(words[0]),
            qty: QtyLots(number(words[1])),
            client_id: value(&words, "id:").map_or(ClientId::EMPTY, |id| ClientId::new(id).expect("a short id")),
        },
        "move" => Command::Move { user, market, order: order_ref(words[0]), price: PriceTicks(number(words[1])) },
        "reduce" => Command::Reduce { user, market, order: order_ref(words[0]), by: QtyLots(number(words[1])) },
        "replace" => {
            let (old, order) = rest.split_once(" with ").expect("replace … with …");
            let words: Vec<&str> = old.split_whitespace().collect();
            let mode = if words.contains(&"allow") { ReplaceMode::AllowFailure } else { ReplaceMode::StopOnFailure };
            Command::CancelReplace {
                cancel: order_ref(words[0]),
                only: only(&words),
                mode,
                order: Box::new(new(order)),
                cancel_id: ClientId::EMPTY,
            }
        }
        "countdown" => Command::Countdown { user, market, timeout_us: number(words[0]) },
        "credit" => Command::Credit(funding(user, &words)),
        "debit" => Command::Debit(funding(user, &words)),
        "send" => Command::Transfer { from: user, funding: funding(named_user(words[0]), &words[1..]) },
        _ => panic!("what is {verb:?}?"),
    }
}

fn of_operator(verb: &str, words: &[&str], specs: &mut [MarketSpec]) -> Command {
    let market = words.iter().find_map(|word| word.strip_prefix("in:")).map_or(MarketId(0), |id| MarketId(number(id)));
    match verb {
        "tick" => Command::Tick,
        "epoch" => Command::StartEpoch(Epoch(number(words[0]))),
        "state" => Command::SetMarketState { market, state: state(words[0]) },
        "uncross" => Command::Uncross { market },
        "tier" => Command::SetFeeTier { tier: number(words[0]), rates: rates(words[1]) },
        "user" => Command::SetUser {
            user: named_user(words[0]),
            group: value(words, "group:").map_or(named_user(words[0]), named_user),
            tier: value(words, "tier:").map_or(0, number),
            pay_discount: words.contains(&"discount"),
            frozen: words.contains(&"frozen"),
        },
        "usertier" => Command::SetUserTier { user: named_user(words[0]), tier: number(words[1]) },
        "access" => Command::SetUserAccess {
            user: named_user(words[0]),
            group: value(words, "group:").map_or(named_user(words[0]), named_user),
            frozen: words.contains(&"frozen"),
        },
        "limits" => Command::SetLimits(Limits { client_ids_max: number(words[0]) }),
        "discount" => Command::SetDiscount { asset: asset(words[0]), bips: number(words[1]) },
        "rate" => {
            let (numerator, denominator) = words[1].split_once('/').expect("numerator/denominator");
            let (numerator, denominator) = (number(numerator), number(denominator));
            Command::SetDiscountRate { asset: asset(words[0]), numerator, denominator }
        }
        "sweep" => Command::Sweep {
            from: account(words[0]),
            to: account(words[1]),
            asset: asset(words[2]),
            amount: number(words[3]),
        },
        "filters" => {
            let spec = &mut specs[market.0 as usize];
            for word in words.iter().filter(|word| !word.starts_with("in:")) {
                let (name, number_text) = word.split_once('=').expect("name=value");
                set_filter(spec, name, number(number_text));
            }
            Command::SetMarket(*spec)
        }
        _ => panic!("what is {verb:?}?"),
    }
}

/// `buy 3@100 ioc id:x …`; without a price a market order, with `sl` or `tp` a stop.
fn order(user: UserId, text: &str, now: u64) -> NewOrder {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut new = NewOrder::limit(user, MarketId(0), side(words[0]), PriceTicks::NONE, QtyLots::ZERO);
    new.kind = OrderKind::Market;
    for word in &words[1..] {
        apply_word(&mut new, word, now);
    }
    new.kind = match (new.kind, new.price.is_none()) {
        (OrderKind::Market, false) => OrderKind::Limit,
        (OrderKind::StopLoss, false) => OrderKind::StopLossLimit,
        (OrderKind::TakeProfit, false) => OrderKind::TakeProfitLimit,
        (kind, _) => kind,
    };
    new
}

fn apply_word(new: &mut NewOrder, word: &str, now: u64) {
    let (name, value) = word.split_once(':').unwrap_or((word, ""));
    match name {
        "gtc" => new.tif = TimeInForce::Gtc,
        "ioc" => new.tif = TimeInForce::Ioc,
        "fok" => new.tif = TimeInForce::Fok,
        // From now on.
        "gtd" => (new.tif, new.expire_at) = (TimeInForce::Gtd, Timestamp(now + number::<u64>(value))),
        "maker" => new.kind = OrderKind::LimitMaker,
        "sl" | "tp" => {
            new.kind = if name == "sl" { OrderKind::StopLoss } else { OrderKind::TakeProfit };
            new.stop_price = PriceTicks(if value.is_empty() { 0 } else { number(value) });
        }
        "trail" => new.trailing_delta = number(value),
        "show" => new.display_qty = QtyLots(number(value)),
        "quote" => new.quote_amount = number(value),
        "id" => new.client_id = ClientId::new(value).expect("short"),
        "in" => new.market = MarketId(number(value)),
        "fee" => new.fees = Some(rates(value)),
        "expire" => new.expire_at = Timestamp(number(value)),
        "stp" => {
            new.stp = match value {
                "taker" => StpMode::ExpireTaker,
                "maker" => StpMode::ExpireMaker,
                "both" => StpMode::ExpireBoth,
                "dec" => StpMode::Decrement,
                _ => panic!("what is stp:{value}?"),
            }
        }
        _ => match word.split_once('@') {
            Some((qty, price)) => (new.qty, new.price) = (QtyLots(number(qty)), PriceTicks(number(price))),
            None => new.qty = QtyLots(number(word)),
        },
    }
}

/// `oco above | below`, `oto working > pending`, `otoco working > above | below`; `list:x` anywhere names the list.
fn list(verb: &str, text: &str, new: impl Fn(&str) -> NewOrder) -> NewList {
    let named = text.split_whitespace().find_map(|word| word.strip_prefix("list:"));
    let client_id = named.map_or(ClientId::EMPTY, |name| ClientId::new(name).expect("short"));
    let text: Vec<&str> = text.split_whitespace().filter(|word| !word.starts_with("list:")).collect();
    let text = text.join(" ");
    let legs: Vec<NewOrder> = text.split(['|', '>']).map(|leg| new(leg.trim())).collect();
    let orders = match verb {
        "oco" => ListOrders::Oco { above: legs[0], below: legs[1] },
        "oto" => ListOrders::Oto { working: legs[0], pending: legs[1] },
        _ => ListOrders::Otoco { working: legs[0], above: legs[1], below: legs[2] },
    };
    NewList { client_id, orders }
}

/// `usdt 50 #1`, and `house` when it is not from outside.
fn funding(user: UserId, words: &[&str]) -> Funding {
    Funding {
        user,
        asset: asset(words[0]),
        amount: number(words[1]),
        business: Label::new("test").expect("short"),
        business_id: number(words[2].trim_start_matches('#')),
        counter: if words.contains(&"house") { Counter::House } else { Counter::External },
        detail: Box::from(""),
    }
}

fn set_filter(spec: &mut MarketSpec, name: &str, value: u64) {
    let filters = &mut spec.filters;
    let small = u32::try_from(value).unwrap_or(u32::MAX);
    match name {
        "price_min" => filters.price_min = PriceTicks(value),
        "price_max" => filters.price_max = PriceTicks(value),
        "qty_min" => filters.qty_min = QtyLots(value),
        "qty_max" => filters.qty_max = QtyLots(value),
        "market_qty_min" => filters.market_qty_min = QtyLots(value),
        "market_qty_max" => filters.market_qty_max = QtyLots(value),
        "notional_min" => filters.notional_min = value as i128,
        "notional_min_market" => filters.notional_min_market = value != 0,
        "notional_max" => filters.notional_max = value as i128,
        "notional_max_market" => filters.notional_max_market = value != 0,
        "bid_up" => filters.bid_multiplier_up = small,
        "bid_down" => filters.bid_multiplier_down = small,
        "ask_up" => filters.ask_multiplier_up = small,
        "ask_down" => filters.ask_multiplier_down = small,
        "average_minutes" => filters.average_minutes = value as u8,
        "orders_max" => filters.orders_max = small,
        "stop_orders_max" => filters.stop_orders_max = small,
        "iceberg_orders_max" => filters.iceberg_orders_max = small,
        "order_lists_max" => filters.order_lists_max = small,
        "iceberg_parts_max" => filters.iceberg_parts_max = small,
        "amends_max" => filters.amends_max = small,
        "position_max" => filters.position_max = QtyLots(value),
        "trail_min" => filters.trailing_delta_min = small,
        "trail_max" => filters.trailing_delta_max = small,
        "band_bips" => filters.band_bips = small,
        "band_window_us" => filters.band_window_us = value,
        _ => panic!("what is {name:?}?"),
    }
}

fn value<'a>(words: &[&'a str], name: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(name))
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is not a number here"))
}

fn side(text: &str) -> Side {
    match text {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        _ => panic!("{text:?} is not a side"),
    }
}

fn state(text: &str) -> MarketState {
    match text {
        "pre" => MarketState::PreOpen,
        "trade" => MarketState::Trading,
        "cancelonly" => MarketState::CancelOnly,
        "halt" => MarketState::Halt,
        _ => panic!("{text:?} is not a state"),
    }
}

fn only(words: &[&str]) -> CancelOnly {
    match () {
        () if words.contains(&"new") => CancelOnly::New,
        () if words.contains(&"partial") => CancelOnly::PartiallyFilled,
        () => CancelOnly::Any,
    }
}

fn order_ref(text: &str) -> OrderRef {
    match text.strip_prefix("id:") {
        Some(client) => OrderRef::Client(ClientId::new(client).expect("short")),
        None => OrderRef::Id(OrderId(number(text))),
    }
}

fn rates(text: &str) -> FeeRates {
    let (maker, taker) = text.split_once('/').expect("maker/taker");
    FeeRates { maker: FeeRate(number(maker)), taker: FeeRate(number(taker)) }
}

fn asset(text: &str) -> AssetId {
    match ASSETS.iter().position(|asset| *asset == text) {
        Some(at) => AssetId(at as u32),
        None if text == "none" => AssetId(u32::MAX),
        None => AssetId(number(text)),
    }
}

fn named_user(text: &str) -> UserId {
    match USERS.iter().position(|user| *user == text) {
        Some(at) => UserId(at as u64 + 1),
        None => UserId(number(text)),
    }
}

fn account(text: &str) -> Account {
    match text {
        "fees" => Account::Fees,
        "rounding" => Account::Rounding,
        "house" => Account::House,
        "insurance" => Account::Insurance,
        "deposits" => Account::Deposits,
        "withdrawals" => Account::Withdrawals,
        user => Account::User(named_user(user)),
    }
}
