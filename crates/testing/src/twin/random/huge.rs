//! The same small world, enlarged until its numbers come near the largest ones.

use allin_core::num::{AMOUNT_MAX, Amount, PRICE_MAX, PriceTicks, QTY_MAX, QtyLots};
use allin_core::spot::command::{Command, Funding, ListOrders, NewOrder};
use allin_core::spot::spec::Filters;

/// What a price and a quantity of the small world is multiplied by.
const PRICE: u64 = 1 << 46;
const QTY: u64 = 1 << 50;
const QUOTE: Amount = (PRICE as Amount) * (QTY as Amount);

pub fn enlarge(mut command: Command) -> Command {
    match &mut command {
        Command::Place(new) => order(new),
        Command::PlaceBatch(batch) => batch.iter_mut().for_each(order),
        Command::PlaceList(list) => match &mut list.orders {
            ListOrders::Oco { above, below } => [above, below].into_iter().for_each(order),
            ListOrders::Oto { working, pending } => [working, pending].into_iter().for_each(order),
            ListOrders::Otoco { working, above, below } => [working, above, below].into_iter().for_each(order),
        },
        Command::CancelReplace { order: new, .. } => order(new),
        Command::Amend { qty: lots, .. } | Command::Reduce { by: lots, .. } => qty(lots),
        Command::Move { price: ticks, .. } => price(ticks),
        Command::Credit(funding) | Command::Debit(funding) | Command::Transfer { funding, .. } => fund(funding),
        Command::Sweep { amount, .. } => *amount = amount.saturating_mul(QUOTE >> 8),
        Command::SetMarket(spec) => filters(&mut spec.filters),
        _ => (),
    }
    command
}

fn price(ticks: &mut PriceTicks) {
    ticks.0 = ticks.0.saturating_mul(PRICE);
}

fn qty(lots: &mut QtyLots) {
    lots.0 = lots.0.saturating_mul(QTY);
}

fn order(new: &mut NewOrder) {
    price(&mut new.price);
    price(&mut new.stop_price);
    qty(&mut new.qty);
    qty(&mut new.display_qty);
    new.quote_amount = new.quote_amount.saturating_mul(QUOTE);
}

/// Not all of it: the supply of an asset is bounded.
fn fund(funding: &mut Funding) {
    funding.amount = funding.amount.saturating_mul(QUOTE >> 2);
}

fn filters(filters: &mut Filters) {
    let large = |lots: &mut QtyLots| lots.0 = lots.0.saturating_mul(QTY).min(QTY_MAX.0);
    large(&mut filters.market_qty_min);
    large(&mut filters.market_qty_max);
    large(&mut filters.position_max);
    filters.price_min.0 = filters.price_min.0.saturating_mul(PRICE).min(PRICE_MAX.0);
    filters.qty_min.0 = filters.qty_min.0.saturating_mul(QTY).min(QTY_MAX.0);
    filters.notional_min = filters.notional_min.saturating_mul(QUOTE).min(AMOUNT_MAX);
    filters.notional_max = filters.notional_max.saturating_mul(QUOTE);
}
