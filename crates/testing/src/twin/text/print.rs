//! Events as text, a line each.

use allin_core::ids::{AssetId, OrderId, UserId};
use allin_core::spot::command::{Account, NewOrder, OrderKind, Side, TimeInForce};
use allin_core::spot::event::{Event, OrderStatus, Posting, Trade};

use super::{ASSETS, USERS};

pub fn line(event: &Event) -> String {
    match event {
        Event::Refused(reason) => format!("refused: {}", reason.name()),
        Event::PlaceRefused { position, reason, .. } => format!("order {position} refused: {}", reason.name()),
        Event::CancelRefused { reason, .. } => format!("cancel refused: {}", reason.name()),
        Event::Placed(placed) => {
            let pending = if placed.status == OrderStatus::PendingNew { ", pending" } else { "" };
            format!("{} {}{pending}", id(placed.order), order(&placed.new))
        }
        Event::Repeated(r) => {
            format!("again {} {:?}, filled {} for {}, of {}", id(r.order), r.status, r.filled.0, r.filled_quote, r.at.0)
        }
        Event::Triggered { order, price, .. } => format!("{} triggered at {}", id(*order), price.0),
        Event::Trade(t) => trade(t),
        Event::Prevented { maker_order, taker_order, price, qty, .. } => {
            format!("prevented {}@{}, {} would take {}", qty.0, price.0, id(*taker_order), id(*maker_order))
        }
        Event::Renamed { order, client_id, .. } => format!("{} is called {client_id}", id(*order)),
        Event::Changed(c) => format!("{} {:?} to {}@{}, left {}", id(c.order), c.cause, c.qty.0, c.price.0, c.left.0),
        Event::Closed(c) => {
            let why = format!("{:?} ({:?})", c.status, c.cause);
            format!("{} {why}, filled {} for {}, left {}", id(c.order), c.filled.0, c.filled_quote, c.left.0)
        }
        Event::ListPlaced { list, contingency, orders, .. } => {
            let orders: Vec<String> = orders.iter().filter(|order| order.0 != 0).map(|order| id(*order)).collect();
            format!("list {} {contingency:?}: {}", list.0, orders.join(" "))
        }
        Event::ListDone { list, .. } => format!("list {} done", list.0),
        Event::MarketStateSet { state, banded, .. } => {
            format!("market is {state:?}{}", if *banded { ", by its band" } else { "" })
        }
        Event::Uncrossed { price, qty, .. } => format!("uncrossed {}@{}", qty.0, price.0),
        Event::Posting(p) => posting(p),
        Event::Balance { account, asset: of, available, held } => {
            let held = if *held == 0 { String::new() } else { format!(" and {held} held") };
            format!("{} has {available} {}{held}", name(*account), asset(*of))
        }
        Event::CountdownSet { deadline, .. } => format!("countdown to {}", deadline.0),
        Event::MarketSet(_) => "market set".into(),
        other => format!("{other:?}"),
    }
}

fn trade(t: &Trade) -> String {
    let what = if t.auction { "auction" } else { "trade" };
    let mut text =
        format!("{what} {} {}@{}: {} takes {}", t.trade.0, t.qty.0, t.price.0, id(t.taker_order), id(t.maker_order));
    if t.taker_fee != 0 || t.maker_fee != 0 {
        let fee = |amount: i128, of| if amount == 0 { "nothing".into() } else { format!("{amount} {}", asset(of)) };
        text += &format!(", taker pays {}", fee(t.taker_fee, t.taker_fee_asset));
        text += &format!(", maker pays {}", fee(t.maker_fee, t.maker_fee_asset));
    }
    text
}

fn posting(p: &Posting) -> String {
    let again = if p.repeated { ", again" } else { "" };
    format!("{} gives {} {} {}{again}", name(p.from), name(p.to), p.amount, asset(p.asset))
}

fn order(new: &NewOrder) -> String {
    let mut text = format!("{} {}", user(new.user), if new.side == Side::Buy { "buys" } else { "sells" });
    if !new.qty.is_zero() {
        text += &format!(" {}", new.qty.0);
    }
    if new.quote_amount != 0 {
        text += &format!(" for {}", new.quote_amount);
    }
    if new.kind.has_price() {
        text += &format!(" at {}", new.price.0);
    }
    if new.kind != OrderKind::Limit {
        text += &format!(" {:?}", new.kind);
    }
    if new.tif != TimeInForce::Gtc {
        text += &format!(" {:?}", new.tif);
    }
    text
}

fn id(order: OrderId) -> String {
    format!("#{}", order.0)
}

fn user(user: UserId) -> String {
    USERS.get((user.0 as usize).wrapping_sub(1)).map_or(format!("user {}", user.0), |name| name.to_string())
}

fn name(account: Account) -> String {
    match account {
        Account::User(id) => user(id),
        own => format!("{own:?}").to_lowercase(),
    }
}

fn asset(asset: AssetId) -> String {
    ASSETS.get(asset.0 as usize).map_or(format!("asset {}", asset.0), |name| name.to_string())
}
