//! Commands to bytes.

use allin_core::spot::command::{Account, BATCH_MAX, Command, DETAIL_MAX, Funding, ListOrders, NewList, OrderRef};
use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};

use super::number::{put_amount, put_i32, put_i64, put_text, put_u32, put_u64};
use super::{order, tag};

/// A command that must not get into the log, since it could not be read back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EncodeError {
    #[error("a batch has more than {BATCH_MAX} orders")]
    Batch,
    #[error("the detail is longer than {DETAIL_MAX} bytes")]
    Detail,
}

/// Whether the command keeps to the bounds of its form. To be asked before it gets a sequence.
#[inline]
pub fn check(command: &Command) -> Result<(), EncodeError> {
    match command {
        Command::PlaceBatch(orders) if orders.len() > BATCH_MAX => Err(EncodeError::Batch),
        Command::Credit(funding) | Command::Debit(funding) | Command::Transfer { funding, .. }
            if funding.detail.len() > DETAIL_MAX =>
        {
            Err(EncodeError::Detail)
        }
        _ => Ok(()),
    }
}

/// Appends the command to `out`. Allocates only when `out` has to grow. After an error `out` is as before.
#[inline]
pub fn encode(command: &Command, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match command {
        Command::Place(new) => order::put_tagged(out, tag::PLACE, new),
        Command::Cancel { user, market, order, only, cancel_id } => {
            put_ref_head(out, tag::CANCEL, *only as u8 | (!cancel_id.is_empty() as u8) << 2, order);
            put_u64(out, user.0);
            put_u32(out, market.0);
            put_ref(out, order);
            if !cancel_id.is_empty() {
                put_text(out, cancel_id);
            }
        }
        Command::Move { user, market, order, price } => {
            put_ref_head(out, tag::MOVE, 0, order);
            put_u64(out, user.0);
            put_u32(out, market.0);
            put_ref(out, order);
            put_u64(out, price.0);
        }
        Command::Amend { user, market, order, qty, client_id } => {
            put_ref_head(out, tag::AMEND, !client_id.is_empty() as u8, order);
            put_u64(out, user.0);
            put_u32(out, market.0);
            put_ref(out, order);
            put_u64(out, qty.0);
            if !client_id.is_empty() {
                put_text(out, client_id);
            }
        }
        Command::Reduce { user, market, order, by } => {
            put_ref_head(out, tag::REDUCE, 0, order);
            put_u64(out, user.0);
            put_u32(out, market.0);
            put_ref(out, order);
            put_u64(out, by.0);
        }
        other => {
            check(other)?;
            encode_rare(other, out);
        }
    }
    Ok(())
}

fn encode_rare(command: &Command, out: &mut Vec<u8>) {
    match command {
        Command::PlaceBatch(orders) => {
            out.extend_from_slice(&[tag::PLACE_BATCH, orders.len() as u8]);
            orders.iter().for_each(|new| order::put(out, new));
        }
        Command::PlaceList(list) => put_list(out, list),
        Command::CancelReplace { cancel, only, mode, order, cancel_id } => {
            let flags = *only as u8 | (*mode as u8) << 2 | (!cancel_id.is_empty() as u8) << 3;
            put_ref_head(out, tag::CANCEL_REPLACE, flags, cancel);
            put_ref(out, cancel);
            if !cancel_id.is_empty() {
                put_text(out, cancel_id);
            }
            order::put(out, order);
        }
        Command::CancelList { user, market, list, cancel_id } => {
            out.push(if cancel_id.is_empty() { tag::CANCEL_LIST } else { tag::CANCEL_LIST_NAMED });
            put_u64(out, user.0);
            put_u32(out, market.0);
            put_u64(out, list.0);
            if !cancel_id.is_empty() {
                put_text(out, cancel_id);
            }
        }
        Command::CancelAll { user, market, side } => {
            out.extend_from_slice(&[tag::CANCEL_ALL, side.map_or(0, |side| side as u8 + 1)]);
            put_u64(out, user.0);
            put_u32(out, market.0);
        }
        Command::Countdown { user, market, timeout_us } => {
            out.push(tag::COUNTDOWN);
            put_u64(out, user.0);
            put_u32(out, market.0);
            put_u64(out, *timeout_us);
        }
        Command::Credit(funding) => put_funding(out, tag::CREDIT, funding),
        Command::Debit(funding) => put_funding(out, tag::DEBIT, funding),
        Command::Transfer { from, funding } => {
            put_funding(out, tag::TRANSFER, funding);
            put_u64(out, from.0);
        }
        Command::Sweep { from, to, asset, amount } => {
            out.push(tag::SWEEP);
            put_account(out, *from);
            put_account(out, *to);
            put_u32(out, asset.0);
            put_amount(out, *amount);
        }
        Command::Tick => out.push(tag::TICK),
        operator => encode_operator(operator, out),
    }
}

fn encode_operator(command: &Command, out: &mut Vec<u8>) {
    match command {
        Command::StartEpoch(epoch) => {
            out.push(tag::START_EPOCH);
            put_u32(out, epoch.0);
        }
        Command::SetAsset(spec) => put_asset(out, spec),
        Command::SetMarket(spec) => put_market(out, spec),
        Command::SetMarketState { market, state } => {
            out.extend_from_slice(&[tag::SET_MARKET_STATE, *state as u8]);
            put_u32(out, market.0);
        }
        Command::Uncross { market } => {
            out.push(tag::UNCROSS);
            put_u32(out, market.0);
        }
        Command::SetFeeTier { tier, rates } => {
            out.push(tag::SET_FEE_TIER);
            put_u32(out, *tier as u32);
            put_i32(out, rates.maker.0);
            put_i32(out, rates.taker.0);
        }
        Command::SetUser { user, group, tier, pay_discount, frozen } => {
            out.extend_from_slice(&[tag::SET_USER, *pay_discount as u8 | (*frozen as u8) << 1]);
            put_u64(out, user.0);
            put_u64(out, group.0);
            put_u32(out, *tier as u32);
        }
        Command::SetUserTier { user, tier } => {
            out.push(tag::SET_USER_TIER);
            put_u64(out, user.0);
            put_u32(out, *tier as u32);
        }
        Command::SetUserAccess { user, group, frozen } => {
            out.extend_from_slice(&[tag::SET_USER_ACCESS, *frozen as u8]);
            put_u64(out, user.0);
            put_u64(out, group.0);
        }
        Command::SetLimits(limits) => {
            out.push(tag::SET_LIMITS);
            put_u32(out, limits.client_ids_max);
        }
        Command::SetDiscount { asset, bips } => {
            out.push(tag::SET_DISCOUNT);
            put_u32(out, asset.0);
            put_u32(out, *bips);
        }
        Command::SetDiscountRate { asset, numerator, denominator } => {
            out.push(tag::SET_DISCOUNT_RATE);
            put_u32(out, asset.0);
            put_u64(out, *numerator);
            put_u64(out, *denominator);
        }
        // No wildcard: a new command must be given a place here.
        Command::Tick
        | Command::Credit(_)
        | Command::Debit(_)
        | Command::Transfer { .. }
        | Command::Sweep { .. }
        | Command::Place(_)
        | Command::PlaceBatch(_)
        | Command::PlaceList(_)
        | Command::Cancel { .. }
        | Command::CancelList { .. }
        | Command::CancelAll { .. }
        | Command::Amend { .. }
        | Command::Move { .. }
        | Command::Reduce { .. }
        | Command::CancelReplace { .. }
        | Command::Countdown { .. } => unreachable!("encoded by the callers"),
    }
}

/// The tag, and a byte of flags whose top bit says by what the order is named.
#[inline]
fn put_ref_head(out: &mut Vec<u8>, tag: u8, flags: u8, order: &OrderRef) {
    let by_client = matches!(order, OrderRef::Client(_)) as u8;
    out.extend_from_slice(&[tag, flags | by_client << 7]);
}

#[inline]
fn put_ref(out: &mut Vec<u8>, order: &OrderRef) {
    match order {
        OrderRef::Id(id) => put_u64(out, id.0),
        OrderRef::Client(client_id) => put_text(out, client_id),
    }
}

fn put_list(out: &mut Vec<u8>, list: &NewList) {
    let kind = match list.orders {
        ListOrders::Oco { .. } => 0,
        ListOrders::Oto { .. } => 1,
        ListOrders::Otoco { .. } => 2,
    };
    out.extend_from_slice(&[tag::PLACE_LIST, kind]);
    put_text(out, &list.client_id);
    list.orders.as_array().into_iter().flatten().for_each(|new| order::put(out, new));
}

fn put_funding(out: &mut Vec<u8>, tag: u8, funding: &Funding) {
    out.extend_from_slice(&[tag, funding.counter as u8]);
    put_u64(out, funding.user.0);
    put_u32(out, funding.asset.0);
    put_amount(out, funding.amount);
    put_text(out, &funding.business);
    put_i64(out, funding.business_id);
    put_u32(out, funding.detail.len() as u32);
    out.extend_from_slice(funding.detail.as_bytes());
}

fn put_account(out: &mut Vec<u8>, account: Account) {
    match account {
        Account::User(user) => {
            out.push(0);
            put_u64(out, user.0);
        }
        Account::Fees => out.push(1),
        Account::Rounding => out.push(2),
        Account::House => out.push(3),
        Account::Insurance => out.push(4),
        Account::Deposits => out.push(5),
        Account::Withdrawals => out.push(6),
    }
}

fn put_asset(out: &mut Vec<u8>, spec: &AssetSpec) {
    let AssetSpec { id, symbol, scale, display_scale } = spec;
    out.extend_from_slice(&[tag::SET_ASSET, *scale, *display_scale]);
    put_u32(out, id.0);
    put_text(out, symbol);
}

fn put_market(out: &mut Vec<u8>, spec: &MarketSpec) {
    let MarketSpec { id, symbol, base, quote, price_scale, tick_units, qty_scale, lot_units, filters } = spec;
    out.extend_from_slice(&[tag::SET_MARKET, *price_scale, *qty_scale]);
    put_u32(out, id.0);
    put_text(out, symbol);
    put_u32(out, base.0);
    put_u32(out, quote.0);
    put_u64(out, *tick_units);
    put_u64(out, *lot_units);
    put_filters(out, filters);
}

fn put_filters(out: &mut Vec<u8>, filters: &Filters) {
    // Taken apart without `..`, so that a new filter cannot be forgotten.
    let Filters {
        price_min,
        price_max,
        qty_min,
        qty_max,
        market_qty_min,
        market_qty_max,
        notional_min,
        notional_min_market,
        notional_max,
        notional_max_market,
        bid_multiplier_up,
        bid_multiplier_down,
        ask_multiplier_up,
        ask_multiplier_down,
        average_minutes,
        orders_max,
        stop_orders_max,
        iceberg_orders_max,
        order_lists_max,
        iceberg_parts_max,
        amends_max,
        position_max,
        trailing_delta_min,
        trailing_delta_max,
        band_bips,
        band_window_us,
    } = filters;
    out.extend_from_slice(&[*notional_min_market as u8 | (*notional_max_market as u8) << 1, *average_minutes]);
    let long = [price_min.0, price_max.0, qty_min.0, qty_max.0, market_qty_min.0, market_qty_max.0];
    long.into_iter().for_each(|value| put_u64(out, value));
    put_amount(out, *notional_min);
    put_amount(out, *notional_max);
    let multipliers = [bid_multiplier_up, bid_multiplier_down, ask_multiplier_up, ask_multiplier_down];
    let counts = [orders_max, stop_orders_max, iceberg_orders_max, order_lists_max, iceberg_parts_max, amends_max];
    let last = [trailing_delta_min, trailing_delta_max, band_bips];
    multipliers.into_iter().chain(counts).chain(last).for_each(|value| put_u32(out, *value));
    put_u64(out, position_max.0);
    put_u64(out, *band_window_us);
}
