//! Writing the state.

use super::super::clients::Client;
use super::super::command::NewOrder;
use super::super::spec::{Filters, MarketSpec};
use super::super::state::{Market, Spot};
use super::{FORMAT, MAGIC};
use crate::book::orders::Record;
use crate::coding::Writer;
use crate::ids::UserId;
use crate::num::FeeRates;

pub(super) fn state(spot: &Spot, w: &mut Writer) {
    let between = spot.to_activate.is_empty() && spot.due.is_empty() && spot.clients.fresh.is_empty();
    assert!(between, "snapshots are taken between commands");
    MAGIC.iter().for_each(|byte| w.byte(*byte));
    w.byte(FORMAT);
    w.int(spot.limits.client_ids_max as u64);
    w.int(spot.seq.0);
    w.int(spot.epoch.0 as u64);
    w.int(spot.time.0);
    let (a, b) = spot.digest.parts();
    w.int(a);
    w.int(b);
    w.int(spot.next_order);
    w.int(spot.next_list);
    assets(spot, w);
    let begins = [ledger, people, markets, orders, clients, fundings, lists].map(|part: fn(&Spot, &mut Writer)| {
        let begin = w.position();
        part(spot, w);
        begin
    });
    begins.iter().flat_map(|begin| begin.to_le_bytes()).for_each(|byte| w.byte(byte));
}

fn markets(spot: &Spot, w: &mut Writer) {
    w.int(spot.markets.len() as u64);
    spot.markets.iter().for_each(|at| market(at, w));
}

fn lists(spot: &Spot, w: &mut Writer) {
    w.int(spot.lists.len() as u64);
    for (id, list) in &spot.lists {
        w.int(*id);
        w.int(list.seat as u64);
        w.byte(list.contingency as u8);
        w.bytes(list.client_id.as_bytes());
        list.orders.iter().for_each(|order| w.int(*order));
    }
}

fn rates(rates: FeeRates, w: &mut Writer) {
    w.wide(rates.maker.0 as i128);
    w.wide(rates.taker.0 as i128);
}

fn assets(spot: &Spot, w: &mut Writer) {
    w.int(spot.assets.len() as u64);
    for (asset, rate) in spot.assets.iter().zip(&spot.discount_rates) {
        w.bytes(asset.symbol.as_bytes());
        w.byte(asset.scale);
        w.byte(asset.display_scale);
        w.int(rate.0);
        w.int(rate.1);
    }
    w.int(spot.tiers.len() as u64);
    for (tier, at) in &spot.tiers {
        w.int(*tier as u64);
        rates(*at, w);
    }
    w.flag(spot.discount.is_some());
    if let Some(discount) = spot.discount {
        w.int(discount.asset as u64);
        w.int(discount.bips as u64);
    }
}

fn ledger(spot: &Spot, w: &mut Writer) {
    w.int(spot.ledger.entries.len() as u64);
    for entry in &spot.ledger.entries {
        w.int(entry.owner);
        w.int(entry.asset as u64);
        w.wide(entry.available);
        w.wide(entry.held);
        w.breathe();
    }
}

fn people(spot: &Spot, w: &mut Writer) {
    w.int(spot.users.len() as u64);
    for user in &spot.users {
        w.int(user.id);
        w.int(user.group);
        w.int(user.tier as u64);
        w.byte(user.pay_discount as u8 | (user.frozen as u8) << 1);
        w.int(user.seat as u64);
        w.breathe();
    }
    w.int(spot.seats.len() as u64);
    for (seat, extra) in spot.seats.iter().zip(&spot.seat_extras) {
        w.int(seat.user);
        w.int(extra.countdown);
        w.wide(seat.buy_lots as i128);
        for value in [seat.user_at, seat.market, seat.base.0, seat.quote.0, seat.newest, seat.older] {
            w.int(value as u64);
        }
        for value in [seat.open, extra.stops, extra.icebergs, extra.lists] {
            w.int(value as u64);
        }
        w.breathe();
    }
}

fn market(market: &Market, w: &mut Writer) {
    spec(&market.spec, w);
    w.int(market.base_unit);
    w.int(market.quote_unit);
    w.byte(market.state as u8);
    for value in [market.last, market.next_trade, market.open, market.reference, market.reference_at] {
        w.int(value);
    }
    w.flag(market.look_at_stops);
    w.int(market.trailing.len() as u64);
    market.trailing.iter().for_each(|id| w.int(*id));
    w.int(market.minutes.len() as u64);
    for minute in &market.minutes {
        w.int(minute.minute);
        w.wide(minute.lots as i128);
        w.wide(minute.ticks_lots as i128);
    }
    w.breathe();
}

fn spec(spec: &MarketSpec, w: &mut Writer) {
    w.int(spec.id.0 as u64);
    w.bytes(spec.symbol.as_bytes());
    w.int(spec.base.0 as u64);
    w.int(spec.quote.0 as u64);
    w.byte(spec.price_scale);
    w.int(spec.tick_units);
    w.byte(spec.qty_scale);
    w.int(spec.lot_units);
    filters(&spec.filters, w);
}

fn filters(f: &Filters, w: &mut Writer) {
    for value in [
        f.price_min.0,
        f.price_max.0,
        f.qty_min.0,
        f.qty_max.0,
        f.market_qty_min.0,
        f.market_qty_max.0,
        f.position_max.0,
        f.band_window_us,
    ] {
        w.int(value);
    }
    w.wide(f.notional_min);
    w.wide(f.notional_max);
    w.flag(f.notional_min_market);
    w.flag(f.notional_max_market);
    w.byte(f.average_minutes);
    for value in [
        f.bid_multiplier_up,
        f.bid_multiplier_down,
        f.ask_multiplier_up,
        f.ask_multiplier_down,
        f.orders_max,
        f.stop_orders_max,
        f.iceberg_orders_max,
        f.order_lists_max,
        f.iceberg_parts_max,
        f.amends_max,
        f.trailing_delta_min,
        f.trailing_delta_max,
        f.band_bips,
    ] {
        w.int(value as u64);
    }
}

/// Slots keep their numbers: a free one is told by a zero.
fn orders(spot: &Spot, w: &mut Writer) {
    let orders = &spot.orders;
    w.int(orders.records.len() as u64);
    for Record { node, detail } in &orders.records {
        w.int(node.id);
        if node.id == 0 {
            continue;
        }
        w.int(node.price);
        w.int(node.left);
        for value in [node.seat, node.level, node.prev, node.next, node.newer, node.older, node.extra] {
            // The absent slot, all ones, is the common one: it becomes a zero.
            w.int(value.wrapping_add(1) as u64);
        }
        w.byte(node.side as u8 | (node.stage as u8) << 1 | (node.marks.listed() as u8) << 3 | (node.kind as u8) << 4);
        let iceberg = node.marks.iceberg() as u8;
        w.byte(node.tif as u8 | (node.stp as u8) << 2 | (node.triggered as u8) << 5 | iceberg << 6);
        w.int(detail.qty);
        w.int(detail.prevented);
        w.wide(detail.filled_quote);
        w.int(detail.created);
        w.int(detail.updated.wrapping_sub(detail.created));
        rates(detail.rates, w);
        w.int(node.amends as u64);
        w.breathe();
    }
    slots(&orders.free, w);
    w.int(orders.levels.len() as u64);
    for level in &orders.levels {
        w.int(level.head.wrapping_add(1) as u64);
        if level.head != crate::book::orders::NIL {
            w.int(level.tail as u64);
        }
        w.breathe();
    }
    slots(&orders.free_levels, w);
    w.int(orders.extras.len() as u64);
    slots(&orders.free_extras, w);
    for node in orders.nodes().filter(|node| node.id != 0 && node.extra != crate::book::orders::NIL) {
        let extra = &orders.extras[node.extra as usize];
        w.int(node.extra as u64);
        new_order(&extra.new, w);
        w.int(extra.list.0);
        w.flag(extra.trailing);
        w.int(extra.extreme);
        w.int(extra.visible);
        w.wide(extra.reserve);
        w.breathe();
    }
}

fn slots(slots: &[u32], w: &mut Writer) {
    w.int(slots.len() as u64);
    slots.iter().for_each(|slot| w.int(*slot as u64));
    w.breathe();
}

fn new_order(new: &NewOrder, w: &mut Writer) {
    w.int(new.user.0);
    w.int(new.market.0 as u64);
    for byte in [new.side as u8, new.kind as u8, new.tif as u8, new.stp as u8] {
        w.byte(byte);
    }
    w.wide(new.quote_amount);
    for value in [new.price.0, new.qty.0, new.stop_price.0, new.display_qty.0, new.expire_at.0, new.strategy_id] {
        w.int(value);
    }
    w.int(new.trailing_delta as u64);
    w.int(new.strategy_type as u64);
    w.bytes(new.client_id.as_bytes());
    w.bytes(new.source.as_bytes());
    w.flag(new.fees.is_some());
    if let Some(fees) = new.fees {
        rates(fees, w);
    }
}

fn clients(spot: &Spot, w: &mut Writer) {
    w.int(spot.clients.entries.len() as u64);
    for client in &spot.clients.entries {
        w.flag(client.is_some());
        if let Some(known) = client {
            entry(known, w);
        }
        w.breathe();
    }
    slots(&spot.clients.free, w);
    w.int(spot.clients.closing.len() as u64);
    for (until, at) in &spot.clients.closing {
        w.int(*until);
        w.int(*at as u64);
        w.breathe();
    }
}

fn entry(client: &Client, w: &mut Writer) {
    w.int(client.user);
    w.bytes(client.id.as_bytes());
    w.int(client.market as u64);
    for value in [client.body, client.order, client.at, client.filled] {
        w.int(value);
    }
    w.wide(client.filled_quote);
    w.byte(client.status as u8);
    w.byte(client.open as u8 | (client.is_list as u8) << 1);
}

fn fundings(spot: &Spot, w: &mut Writer) {
    w.int(spot.fundings.businesses.len() as u64);
    spot.fundings.businesses.iter().for_each(|label| w.bytes(label.as_bytes()));
    w.int(spot.fundings.made.len() as u64);
    for made in &spot.fundings.made {
        w.int(made.user);
        w.int(made.asset as u64);
        w.int(made.business as u64);
        w.wide(made.business_id as i128);
        w.wide(made.amount);
        w.int(numbered(made.counter));
        w.breathe();
    }
}

/// The owner of the other account of a funding: nearly always one of the few of the system, whose own numbers are the largest.
fn numbered(owner: u64) -> u64 {
    owner.wrapping_sub(UserId::RESERVED_MIN)
}
