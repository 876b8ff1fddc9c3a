//! Reading the state, and building anew what the bytes leave out.

use super::super::clients::{Client, Clients};
use super::super::command::NewOrder;
use super::super::funding::{Fundings, Made};
use super::super::spec::{AssetSpec, Filters, MarketSpec};
use super::super::state::{Discount, Limits, List, Market, Minute, Seat, SeatExtra, Spot, User};
use super::parts::{Both, Part, Parts};
use super::{CONTINGENCIES, KINDS, SIDES, STAGES, STATES, STATUSES, STPS, TIFS};
use super::{FORMAT, FORMAT_PARTED, FORMAT_PLAIN, MAGIC};
use crate::book::ladder::Step;
use crate::book::orders::{Detail, Extra, Level, Marks, NIL, Node, Record, Stage, key_of};
use crate::coding::{Reader, RestoreError};
use crate::digest::Digest;
use crate::hash::{pair, spread, with_bytes};
use crate::ids::{AssetId, Epoch, ListId, MarketId, Seq, Timestamp, UserId};
use crate::ledger::{Entry, Ledger, Place, account_of};
use crate::num::{FeeRate, FeeRates, PriceTicks, QtyLots};
use crate::prefetch::{prefetch, prefetch_at};
use crate::slots::SlotIndex;
use crate::spot::command::Account;

type Read<T> = Result<T, RestoreError>;

const BAD: fn(&'static str) -> RestoreError = RestoreError::Value;

pub(super) fn state(bytes: &[u8], both: &impl Both) -> Read<Spot> {
    let mut r = Reader::new(bytes);
    for byte in MAGIC {
        if r.byte()? != *byte {
            return Err(RestoreError::Version);
        }
    }
    match r.byte()? {
        FORMAT_PLAIN => plain(r.old(true)),
        FORMAT_PARTED => parted(r.old(true), bytes, both),
        FORMAT => parted(r, bytes, both),
        _ => Err(RestoreError::Version),
    }
}

/// Part after part.
fn plain(mut r: Reader) -> Read<Spot> {
    let r = &mut r;
    let mut spot = head(r)?;
    spot.ledger = ledger(spot.assets.len() as u32, r)?;
    people(&mut spot, r)?;
    markets(&mut spot, r)?;
    orders(&mut spot, r)?;
    derive(&mut spot)?;
    spot.clients = clients(r)?;
    spot.fundings = fundings(r)?;
    lists(&mut spot, r)?;
    if r.is_empty() { Ok(spot) } else { Err(RestoreError::Length) }
}

/// The ledger and what nothing else needs beside everything else: each is about half of a large state.
fn parted(mut r: Reader, bytes: &[u8], both: &impl Both) -> Read<Spot> {
    let mut spot = head(&mut r)?;
    let parts = Parts::find(bytes, &r)?;
    let assets = spot.assets.len() as u32;
    let beside = || -> Read<(Ledger, Fundings)> {
        Ok((parts.read(Part::Ledger, |r| ledger(assets, r))?, parts.read(Part::Fundings, fundings)?))
    };
    let rest = || -> Read<Spot> {
        parts.read(Part::People, |r| people(&mut spot, r))?;
        parts.read(Part::Markets, |r| markets(&mut spot, r))?;
        parts.read(Part::Orders, |r| orders(&mut spot, r))?;
        derive(&mut spot)?;
        spot.clients = parts.read(Part::Clients, clients)?;
        parts.read(Part::Lists, |r| lists(&mut spot, r))?;
        Ok(spot)
    };
    let (beside, rest) = both.both(beside, rest);
    let mut spot = rest?;
    (spot.ledger, spot.fundings) = beside?;
    Ok(spot)
}

fn head(r: &mut Reader) -> Read<Spot> {
    let mut spot = Spot::new(Limits { client_ids_max: r.small()? });
    spot.seq = Seq(r.int()?);
    spot.epoch = Epoch(r.small()?);
    spot.time = Timestamp(r.int()?);
    spot.digest = Digest::from_parts(r.int()?, r.int()?);
    spot.next_order = r.int()?;
    spot.next_list = r.int()?;
    assets(&mut spot, r)?;
    Ok(spot)
}

fn markets(spot: &mut Spot, r: &mut Reader) -> Read<()> {
    for _ in 0..r.count()? {
        let market = market(r)?;
        spot.market_names.insert(market.spec.symbol, spot.markets.len() as u32);
        spot.markets.push(market);
    }
    Ok(())
}

fn lists(spot: &mut Spot, r: &mut Reader) -> Read<()> {
    for _ in 0..r.count()? {
        let id = r.int()?;
        let (seat, contingency) = (r.small()?, r.one_of(&CONTINGENCIES)?);
        let list = List { seat, contingency, client_id: r.text()?, orders: [r.int()?, r.int()?, r.int()?] };
        spot.lists.insert(id, list);
    }
    Ok(())
}

fn rates(r: &mut Reader) -> Read<FeeRates> {
    let mut rate = || i32::try_from(r.wide()?).map(FeeRate).map_err(|_| BAD("fee rate"));
    Ok(FeeRates { maker: rate()?, taker: rate()? })
}

fn assets(spot: &mut Spot, r: &mut Reader) -> Read<()> {
    for id in 0..r.count()? as u32 {
        let spec = AssetSpec { id: AssetId(id), symbol: r.text()?, scale: r.byte()?, display_scale: r.byte()? };
        spot.asset_names.insert(spec.symbol, id);
        spot.assets.push(spec);
        spot.discount_rates.push((r.int()?, r.int()?));
    }
    for _ in 0..r.count()? {
        let tier = u16::try_from(r.int()?).map_err(|_| BAD("tier"))?;
        spot.tiers.insert(tier, rates(r)?);
    }
    if r.flag()? {
        spot.discount = Some(Discount { asset: r.small()?, bips: r.small()? });
    }
    Ok(())
}

fn ledger(assets: u32, r: &mut Reader) -> Read<Ledger> {
    let count = r.count()?;
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let (owner, asset) = (r.int()?, r.small()?);
        let entry = Entry { owner, asset, available: r.wide()?, held: r.wide()?, dirty: 0 };
        if asset >= assets || owner > UserId::RESERVED_MIN + 5 || entry.held < 0 {
            return Err(BAD("balance"));
        }
        if entry.available < 0 && !matches!(account_of(owner), Account::Deposits | Account::Withdrawals) {
            return Err(BAD("balance"));
        }
        entries.push(entry);
    }
    Ledger::restore(entries, assets).ok_or(BAD("ledger"))
}

fn people(spot: &mut Spot, r: &mut Reader) -> Read<()> {
    let count = r.count()?;
    spot.users.reserve(count);
    for _ in 0..count {
        let (id, group) = (r.int()?, r.int()?);
        let tier = u16::try_from(r.int()?).map_err(|_| BAD("tier"))?;
        let (flags, seat) = (r.byte()?, r.small()?);
        let rates = spot.tier_rates(tier);
        let (pay_discount, frozen) = (flags & 1 != 0, flags & 2 != 0);
        spot.users.push(User { id, group, tier, pay_discount, frozen, rates, seat });
    }
    let ids = spot.users.iter().enumerate().map(|(at, user)| (spread(user.id), at as u32));
    spot.user_index = SlotIndex::of(count, ids);
    let count = r.count()?;
    spot.seats.reserve(count);
    spot.seat_extras.reserve(count);
    for _ in 0..count {
        let (seat, extra) = seat(r)?;
        if extra.countdown != 0 {
            spot.countdowns.insert((extra.countdown, seat.user, seat.market));
        }
        spot.seats.push(seat);
        spot.seat_extras.push(extra);
    }
    for at in 0..spot.seats.len() {
        if let Some(later) = spot.seats.get(at + GROUP) {
            prefetch_at(&spot.users, later.user_at as usize);
        }
        let seat = &mut spot.seats[at];
        let user = spot.users.get(seat.user_at as usize).ok_or(BAD("seat"))?;
        (seat.rates, seat.frozen) = (user.rates, user.frozen);
    }
    let keys = spot.seats.iter().enumerate().map(|(at, seat)| (pair(seat.user, seat.market as u64), at as u32));
    spot.seat_index = SlotIndex::of(count, keys);
    Ok(())
}

/// What it repeats of its user is left to be filled in.
fn seat(r: &mut Reader) -> Read<(Seat, SeatExtra)> {
    let (user, countdown) = (r.int()?, r.int()?);
    let buy_lots = u128::try_from(r.wide()?).map_err(|_| BAD("seat"))?;
    let (user_at, market) = (r.small()?, r.small()?);
    let (base, quote) = (Place(r.small()?), Place(r.small()?));
    let (newest, older) = (r.small()?, r.small()?);
    let (open, stops, icebergs, lists) = (r.small()?, r.small()?, r.small()?, r.small()?);
    let (rates, frozen) = (FREE_DETAIL.rates, false);
    let seat = Seat { user, buy_lots, rates, frozen, user_at, market, base, quote, newest, older, open };
    Ok((seat, SeatExtra { countdown, stops, icebergs, lists }))
}

fn market(r: &mut Reader) -> Read<Market> {
    let spec = spec(r)?;
    let mut market = Market::new(spec, r.int()?, r.int()?);
    market.state = r.one_of(&STATES)?;
    (market.last, market.next_trade, market.open) = (r.int()?, r.int()?, r.int()?);
    (market.reference, market.reference_at) = (r.int()?, r.int()?);
    market.look_at_stops = r.flag()?;
    for _ in 0..r.count()? {
        market.trailing.push(r.int()?);
    }
    for _ in 0..r.count()? {
        let minute = r.int()?;
        let mut lots = || u128::try_from(r.wide()?).map_err(|_| BAD("average"));
        market.minutes.push(Minute { minute, lots: lots()?, ticks_lots: lots()? });
    }
    Ok(market)
}

fn spec(r: &mut Reader) -> Read<MarketSpec> {
    Ok(MarketSpec {
        id: MarketId(r.small()?),
        symbol: r.text()?,
        base: AssetId(r.small()?),
        quote: AssetId(r.small()?),
        price_scale: r.byte()?,
        tick_units: r.int()?,
        qty_scale: r.byte()?,
        lot_units: r.int()?,
        filters: filters(r)?,
    })
}

fn filters(r: &mut Reader) -> Read<Filters> {
    Ok(Filters {
        price_min: PriceTicks(r.int()?),
        price_max: PriceTicks(r.int()?),
        qty_min: QtyLots(r.int()?),
        qty_max: QtyLots(r.int()?),
        market_qty_min: QtyLots(r.int()?),
        market_qty_max: QtyLots(r.int()?),
        position_max: QtyLots(r.int()?),
        band_window_us: r.int()?,
        notional_min: r.wide()?,
        notional_max: r.wide()?,
        notional_min_market: r.flag()?,
        notional_max_market: r.flag()?,
        average_minutes: r.byte()?,
        bid_multiplier_up: r.small()?,
        bid_multiplier_down: r.small()?,
        ask_multiplier_up: r.small()?,
        ask_multiplier_down: r.small()?,
        orders_max: r.small()?,
        stop_orders_max: r.small()?,
        iceberg_orders_max: r.small()?,
        order_lists_max: r.small()?,
        iceberg_parts_max: r.small()?,
        amends_max: r.small()?,
        trailing_delta_min: r.small()?,
        trailing_delta_max: r.small()?,
        band_bips: r.small()?,
    })
}

fn orders(spot: &mut Spot, r: &mut Reader) -> Read<()> {
    let count = r.count()?;
    let orders = &mut spot.orders;
    orders.records.reserve(count);
    for _ in 0..count {
        let id = r.int()?;
        let (node, detail) = if id == 0 { (FREE_NODE, FREE_DETAIL) } else { order(id, r)? };
        if id != 0 && node.seat as usize >= spot.seats.len() {
            return Err(BAD("order"));
        }
        orders.records.push(Record { node, detail });
    }
    let ids = orders.records.iter().map(|record| record.node.id).enumerate();
    let open = ids.filter(|(_, id)| *id != 0).map(|(slot, id)| (spread(id), slot as u32));
    orders.index = SlotIndex::of(count, open);
    orders.free = slots(r)?;
    for _ in 0..r.count()? {
        let head = r.small()?.wrapping_sub(1);
        let tail = if head == NIL { NIL } else { r.small()? };
        orders.levels.push(Level { head, tail });
    }
    orders.free_levels = slots(r)?;
    extras(spot, r)
}

const FREE_NODE: Node = Node {
    id: 0,
    price: 0,
    left: 0,
    seat: NIL,
    level: NIL,
    prev: NIL,
    next: NIL,
    newer: NIL,
    older: NIL,
    extra: NIL,
    amends: 0,
    side: SIDES[0],
    kind: KINDS[0],
    stage: STAGES[0],
    marks: Marks(0),
    tif: TIFS[0],
    stp: STPS[0],
    triggered: false,
};

const FREE_DETAIL: Detail = Detail {
    qty: 0,
    prevented: 0,
    filled_quote: 0,
    created: 0,
    updated: 0,
    rates: FeeRates { maker: FeeRate(0), taker: FeeRate(0) },
};

fn order(id: u64, r: &mut Reader) -> Read<(Node, Detail)> {
    let (price, left) = (r.int()?, r.int()?);
    let mut links = [0; 7];
    for link in &mut links {
        *link = r.small()?.wrapping_sub(1);
    }
    let [seat, level, prev, next, newer, older, extra] = links;
    let (a, b) = (r.byte()?, r.byte()?);
    let side = SIDES[(a & 1) as usize];
    let stage = *STAGES.get((a >> 1 & 3) as usize).ok_or(BAD("stage"))?;
    let kind = *KINDS.get((a >> 4) as usize).ok_or(BAD("kind"))?;
    let stp = *STPS.get((b >> 2 & 7) as usize).ok_or(BAD("self-trade prevention"))?;
    let marks = Marks::new(a & 8 != 0, b & 64 != 0);
    let (qty, prevented, filled_quote, created) = (r.int()?, r.int()?, r.wide()?, r.int()?);
    let detail =
        Detail { qty, prevented, filled_quote, created, updated: created.wrapping_add(r.int()?), rates: rates(r)? };
    let node = Node {
        id,
        price,
        left,
        seat,
        level,
        prev,
        next,
        newer,
        older,
        extra,
        amends: u16::try_from(r.int()?).map_err(|_| BAD("amends"))?,
        side,
        kind,
        stage,
        marks,
        tif: TIFS[(b & 3) as usize],
        stp,
        triggered: b & 32 != 0,
    };
    Ok((node, detail))
}

fn slots(r: &mut Reader) -> Read<Vec<u32>> {
    (0..r.count()?).map(|_| r.small()).collect()
}

fn extras(spot: &mut Spot, r: &mut Reader) -> Read<()> {
    let count = r.int()? as usize;
    spot.orders.free_extras = slots(r)?;
    let used = spot.orders.nodes().filter(|node| node.id != 0 && node.extra != NIL).count();
    if count != used + spot.orders.free_extras.len() {
        return Err(BAD("number of order details"));
    }
    let nothing = NewOrder::limit(UserId(0), MarketId(0), SIDES[0], PriceTicks(0), QtyLots(0));
    let empty = Extra { new: nothing, list: ListId(0), trailing: false, extreme: 0, visible: 0, reserve: 0 };
    spot.orders.extras = vec![empty; count];
    for _ in 0..used {
        let at = r.int()? as usize;
        let extra = Extra {
            new: new_order(r)?,
            list: ListId(r.int()?),
            trailing: r.flag()?,
            extreme: r.int()?,
            visible: r.int()?,
            reserve: r.wide()?,
        };
        *spot.orders.extras.get_mut(at).ok_or(BAD("order detail"))? = extra;
    }
    Ok(())
}

fn new_order(r: &mut Reader) -> Read<NewOrder> {
    let (user, market) = (UserId(r.int()?), MarketId(r.small()?));
    let (side, kind, tif, stp) = (r.one_of(&SIDES)?, r.one_of(&KINDS)?, r.one_of(&TIFS)?, r.one_of(&STPS)?);
    let quote_amount = r.wide()?;
    let (price, qty, stop_price) = (PriceTicks(r.int()?), QtyLots(r.int()?), PriceTicks(r.int()?));
    let (display_qty, expire_at, strategy_id) = (QtyLots(r.int()?), Timestamp(r.int()?), r.int()?);
    let (trailing_delta, strategy_type) = (r.small()?, r.small()?);
    let (client_id, source) = (r.text()?, r.text()?);
    let fees = if r.flag()? { Some(rates(r)?) } else { None };
    Ok(NewOrder {
        user,
        market,
        side,
        kind,
        tif,
        stp,
        price,
        qty,
        quote_amount,
        stop_price,
        trailing_delta,
        display_qty,
        expire_at,
        client_id,
        fees,
        source,
        strategy_id,
        strategy_type,
    })
}

/// Levels whose data is loaded together: loads that do not wait for each other take hardly longer than one.
const GROUP: usize = 32;
/// Nodes of a ladder that are loaded ahead: dense books are hardly higher.
const LADDER_STEPS: usize = 4;

/// The ladders, from the levels.
fn ladders(spot: &mut Spot) -> Read<()> {
    let mut group: Vec<(u32, Node, usize)> = Vec::with_capacity(GROUP);
    for first in (0..spot.orders.levels.len()).step_by(GROUP) {
        let last = spot.orders.levels.len().min(first + GROUP);
        for at in first..last {
            let head = spot.orders.levels[at].head;
            if head != NIL {
                let record = spot.orders.records.get(head as usize);
                let head = record.filter(|record| record.node.id != 0).ok_or(BAD("level"))?.node;
                group.push((at as u32, head, 0));
            }
        }
        for (_, head, market) in &mut group {
            *market = spot.seats[head.seat as usize].market as usize;
        }
        let mut steps = [Step::NONE; GROUP];
        for (step, (_, head, market)) in steps.iter_mut().zip(&group) {
            let ladder = spot.markets.get(*market).ok_or(BAD("seat"))?.ladder(head.side);
            *step = ladder.first_step(&spot.orders.rungs, key_of(head.side, head.price));
        }
        for _ in 0..LADDER_STEPS {
            for (step, (_, head, _)) in steps.iter_mut().zip(&group) {
                *step = step.next(&spot.orders.rungs, key_of(head.side, head.price));
            }
        }
        for (at, head, market) in group.drain(..) {
            let ladder = spot.markets[market].ladder_mut(head.side);
            ladder.find_or_insert(&mut spot.orders.rungs, key_of(head.side, head.price), || at);
        }
    }
    Ok(())
}

/// Ladders, stops and timers, from the orders.
fn derive(spot: &mut Spot) -> Read<()> {
    ladders(spot)?;
    for slot in 0..spot.orders.records.len() as u32 {
        ask_for_book(spot, slot as usize);
        let node = *spot.orders.node(slot);
        if node.id == 0 {
            continue;
        }
        let market = spot.market_of(node.seat);
        if node.stage == Stage::Resting {
            let ladder = spot.markets.get_mut(market).ok_or(BAD("seat"))?.ladder_mut(node.side);
            ladder.orders += 1;
            ladder.lots += node.left as u128;
        }
        if node.extra == NIL {
            continue;
        }
        let extra = *spot.orders.extra(slot).ok_or(BAD("order detail"))?;
        if node.stage == Stage::Waiting && extra.new.trailing_delta == 0 {
            let look = spot.markets.get(market).ok_or(BAD("seat"))?.look_at_stops;
            spot.insert_stop(market, slot);
            spot.markets[market].look_at_stops = look;
        }
        if node.stage != Stage::Pending && extra.new.expire_at.0 != 0 {
            spot.expiries.insert((extra.new.expire_at.0, node.id));
        }
    }
    Ok(())
}

/// Starts loading where orders after this one stand: first their seats, then their markets.
fn ask_for_book(spot: &Spot, slot: usize) {
    let seat = |ahead: usize| spot.orders.records.get(slot + ahead).map(|record| record.node.seat as usize);
    if let Some(seat) = seat(2 * GROUP) {
        prefetch_at(&spot.seats, seat);
    }
    if let Some(seat) = seat(GROUP).and_then(|seat| spot.seats.get(seat))
        && let Some(market) = spot.markets.get(seat.market as usize)
    {
        prefetch(&market.bids);
        prefetch(&market.asks);
    }
}

fn clients(r: &mut Reader) -> Read<Clients> {
    let mut clients = Clients::default();
    for _ in 0..r.count()? {
        let known = if r.flag()? { Some(client(r)?) } else { None };
        clients.entries.push(known);
    }
    let hash = |client: &Client| with_bytes(client.user, client.id.as_bytes());
    let known = clients.entries.iter().enumerate();
    let known = known.filter_map(|(at, client)| client.as_ref().map(|client| (hash(client), at as u32)));
    clients.index = SlotIndex::of(clients.entries.len(), known);
    clients.free = slots(r)?;
    for _ in 0..r.count()? {
        clients.closing.push_back((r.int()?, r.small()?));
    }
    Ok(clients)
}

fn client(r: &mut Reader) -> Read<Client> {
    let (user, id, market) = (r.int()?, r.text()?, r.small()?);
    let (body, order, at, filled) = (r.int()?, r.int()?, r.int()?, r.int()?);
    let (filled_quote, status, flags) = (r.wide()?, r.one_of(&STATUSES)?, r.byte()?);
    let (open, is_list) = (flags & 1 != 0, flags & 2 != 0);
    Ok(Client { user, id, market, body, order, is_list, at, status, filled, filled_quote, open })
}

fn fundings(r: &mut Reader) -> Read<Fundings> {
    let mut fundings = Fundings::default();
    for at in 0..r.count()? as u32 {
        if fundings.business(r.text()?) != at {
            return Err(BAD("business"));
        }
    }
    let count = r.count()?;
    let mut made = Vec::with_capacity(count);
    for _ in 0..count {
        let (user, asset, business) = (r.int()?, r.small()?, r.small()?);
        let business_id = i64::try_from(r.wide()?).map_err(|_| BAD("business id"))?;
        let (amount, counter) = (r.wide()?, r.int()?);
        let counter = if r.is_old() { counter } else { counter.wrapping_add(UserId::RESERVED_MIN) };
        made.push(Made { user, asset, business, business_id, amount, counter });
    }
    fundings.restore(made);
    Ok(fundings)
}
