//! What is told, as JSON: fields in the order of the documentation, the conditional ones after them.

use allin_core::ids::{AssetId, ListId, Seq, Timestamp};
use allin_core::num::{Amount, QtyLots};
use allin_exchange::catalog::{Catalog, Listing};
use allin_wire::binance::{contingency_name, kind_name, side_name, status_name, stp_name, tif_name};
use bytes::Bytes;

use super::cancel_client_id;
use super::order::{Execution, ListStage, ListTold, Order, Prevention, Told};
use crate::decimals::{self, Numbers};
use crate::jsontext::{Object, array};
use crate::spotapi::call::TimeUnit;

/// When, and in which unit.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub unit: TimeUnit,
    pub seq: Seq,
    /// The command's.
    pub at: Timestamp,
    /// The message's own.
    pub event_at: Timestamp,
}

impl Times {
    fn of(&self, at: Timestamp) -> u64 {
        self.unit.of(at)
    }
}

/// None for what is not in the catalogue, which would be our own bug.
pub(super) fn render(told: &Told, times: &Times, catalog: &Catalog) -> Option<Bytes> {
    let text = match told {
        Told::Execution(told) => execution(told, times, catalog)?,
        Told::List(told) => list_status(told, times, catalog)?,
        Told::Position(balances) => position(balances, times, catalog)?,
        Told::BalanceChanged { asset, change } => {
            let mut object = Object::new();
            object.text("e", "balanceUpdate").raw("E", times.of(times.event_at));
            object.text("a", catalog.asset(*asset)?.symbol.as_str()).text("d", &amount(*asset, *change, catalog)?);
            object.raw("T", times.of(times.at));
            object.finish()
        }
    };
    Some(text.into())
}

fn amount(asset: AssetId, amount: Amount, catalog: &Catalog) -> Option<String> {
    Some(decimals::amount(amount, catalog.asset(asset)?.scale))
}

fn position(balances: &[(AssetId, Amount, Amount)], times: &Times, catalog: &Catalog) -> Option<String> {
    let balance = |(asset, available, held): &(AssetId, Amount, Amount)| {
        let mut object = Object::with_capacity(96);
        object.text("a", catalog.asset(*asset)?.symbol.as_str());
        object.text("f", &amount(*asset, *available, catalog)?).text("l", &amount(*asset, *held, catalog)?);
        Some(object.finish())
    };
    let balances: Option<Vec<String>> = balances.iter().map(balance).collect();
    let mut object = Object::new();
    object.text("e", "outboundAccountPosition").raw("E", times.of(times.event_at)).raw("u", times.of(times.at));
    object.raw("B", array(balances?));
    Some(object.finish())
}

fn list_status(told: &ListTold, times: &Times, catalog: &Catalog) -> Option<String> {
    let symbol = catalog.listing(told.facts.market)?.symbol;
    let (kind, status) = match told.stage {
        ListStage::Started => ("EXEC_STARTED", "EXECUTING"),
        ListStage::Updated => ("UPDATED", "EXECUTING"),
        ListStage::Done => ("ALL_DONE", "ALL_DONE"),
    };
    let order = |(order, client_id): &(allin_core::ids::OrderId, allin_core::text::ClientId)| {
        let mut object = Object::with_capacity(96);
        object.text("s", symbol.as_str()).raw("i", order.0).text("c", client_id.as_str());
        object.finish()
    };
    let mut object = Object::new();
    object.text("e", "listStatus").raw("E", times.of(times.event_at)).text("s", symbol.as_str());
    object.raw("g", told.list.0).text("c", contingency_name(told.facts.contingency));
    object.text("l", kind).text("L", status).text("r", "NONE");
    object.text("C", told.facts.client_id.as_str()).raw("T", times.of(times.at));
    object.raw("O", array(told.facts.orders.iter().map(order)));
    Some(object.finish())
}

fn execution(told: &Execution, times: &Times, catalog: &Catalog) -> Option<String> {
    let order = &told.order;
    let listing = catalog.listing(order.new.market)?;
    let mut object = Object::with_capacity(768);
    let numbers = Numbers::of(listing);
    head(&mut object, told, times, listing);
    let fill = told.fill.as_ref();
    let lots = |qty: QtyLots| numbers.qty(qty.0.into());
    let status = if order.rejected { "REJECTED" } else { status_name(order.status) };
    object.text("x", told.kind).text("X", status).text("r", told.reject);
    match order.rejected {
        true => object.raw("i", -1),
        false => object.raw("i", order.order.0),
    };
    object.text("l", &lots(fill.map_or(QtyLots::ZERO, |fill| fill.qty))).text("z", &lots(order.filled));
    object.text("L", &numbers.price(fill.map(|fill| fill.price).unwrap_or_default()));
    match fill {
        Some(fill) => {
            object.text("n", &amount(fill.fee_asset, fill.fee, catalog)?);
            object.text("N", catalog.asset(fill.fee_asset)?.symbol.as_str());
        }
        None => {
            object.text("n", "0").raw("N", "null");
        }
    }
    object.raw("T", times.of(times.at));
    match fill {
        Some(fill) => object.raw("t", fill.trade.0),
        None => object.raw("t", -1),
    };
    if let Some(prevention) = &told.prevention {
        object.raw("v", prevention.id);
    }
    object.raw("I", told.id).raw("w", order.is_on_book()).raw("m", fill.is_some_and(|fill| fill.maker));
    object.raw("M", false).raw("O", times.of(order.created_at)).text("Z", &numbers.quote(order.filled_quote));
    object.text("Y", &numbers.quote(fill.map_or(0, |fill| fill.quote)));
    object.text("Q", &numbers.quote(order.new.quote_amount));
    if order.working_at.0 != 0 {
        object.raw("W", times.of(order.working_at));
    }
    object.text("V", stp_name(order.new.stp));
    conditional(&mut object, order, times);
    if order.prevented.0 != 0 {
        object.text("A", &lots(order.prevented));
    }
    if let Some(prevention) = &told.prevention {
        prevented(&mut object, prevention, listing);
    }
    if let Some(reason) = told.expiry {
        object.text("eR", reason);
    }
    Some(object.finish())
}

/// From the beginning to the client ids.
fn head(object: &mut Object, told: &Execution, times: &Times, listing: &Listing) {
    let (order, new) = (&told.order, &told.order.new);
    let numbers = Numbers::of(listing);
    let qty = if order.is_by_quote() { told.by_quote_filled } else { new.qty };
    object.text("e", "executionReport").raw("E", times.of(times.event_at)).text("s", listing.symbol.as_str());
    let own = new.client_id.as_str();
    match &told.cancel {
        Some(cancel) => object.text("c", &cancel_client_id(times.seq, &cancel.sent, cancel.cause)),
        None => object.text("c", own),
    };
    object.text("S", side_name(new.side)).text("o", kind_name(new.kind)).text("f", tif_name(new.tif));
    object.text("q", &numbers.qty(qty.0.into())).text("p", &numbers.price(new.price));
    object.text("P", &numbers.price(new.stop_price)).text("F", &numbers.qty(new.display_qty.0.into()));
    match order.list {
        ListId(0) => object.raw("g", -1),
        list => object.raw("g", list.0),
    };
    let before = match told.amended.as_ref() {
        _ if told.cancel.is_some() => own,
        Some(before) => before.as_str(),
        None => "",
    };
    object.text("C", before);
}

fn conditional(object: &mut Object, order: &Order, times: &Times) {
    let new = &order.new;
    if new.trailing_delta != 0 {
        object.raw("d", new.trailing_delta);
        if order.trailing_at.0 != 0 {
            object.raw("D", times.of(order.trailing_at));
        }
    }
    if new.strategy_id != 0 {
        object.raw("j", new.strategy_id);
    }
    if new.strategy_type != 0 {
        object.raw("J", new.strategy_type);
    }
}

fn prevented(object: &mut Object, prevention: &Prevention, listing: &Listing) {
    let numbers = Numbers::of(listing);
    let lots = |qty: QtyLots| numbers.qty(qty.0.into());
    object.text("B", &lots(prevention.lost));
    match prevention.group {
        Some(group) => object.raw("u", group.0),
        None => object.raw("u", -1),
    };
    object.raw("U", prevention.counter_order.0).text("Cs", listing.symbol.as_str());
    object.text("pl", &lots(prevention.qty)).text("pL", &numbers.price(prevention.price));
    object.text("pY", &numbers.worth(prevention.price, prevention.qty));
}
