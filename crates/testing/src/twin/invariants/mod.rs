//! What must hold after every command, whatever it was, told from the events and the queries alone.
//!
//! Owns a fold of the events: open orders, books in the order of priority, lists, balances. Each event is checked against
//! it before it is folded in. Written without a look at either machine; knows nothing of how an order is matched, only what
//! the outcome must be like.

mod events;
mod ledger;
mod orders;
mod trades;

use std::collections::BTreeMap;

use allin_core::ids::{AssetId, ListId, MarketId, OrderId, UserId};
use allin_core::num::{Amount, PriceTicks, QtyLots};
use allin_core::spot::command::{Account, Command, MarketState, NewOrder, Side};
use allin_core::spot::event::{Contingency, Event};
use allin_core::spot::spec::{AssetSpec, MarketSpec};
use allin_core::spot::view::Balance;

use super::machine::SpotMachine;

/// What is wrong, for a person to read.
pub type Broken = String;

/// Books, depths and conservation are compared with the machine's after each of so many commands; they cost time.
const COMPARED_EVERY: u64 = 64;

#[derive(Default)]
pub struct Invariants {
    commands: u64,
    assets: Vec<AssetSpec>,
    markets: Vec<Market>,
    groups: BTreeMap<UserId, UserId>,
    discount: Option<AssetId>,
    orders: BTreeMap<OrderId, Order>,
    /// By market, side, how far the price is from the best possible, rank.
    books: BTreeMap<(MarketId, bool, u64, u64), OrderId>,
    lists: BTreeMap<ListId, List>,
    balances: BTreeMap<(Account, AssetId), Balance>,
    /// Sum of all balances of an asset: always zero after a command.
    sums: BTreeMap<AssetId, Amount>,
    last_order: u64,
    last_list: u64,
    ranks: u64,
    /// The order that trades now; it rests, or is gone, when another begins or the command ends.
    taking: Option<OrderId>,
    auction_price: Option<PriceTicks>,
}

struct Market {
    spec: MarketSpec,
    base_unit: u64,
    quote_unit: u64,
    state: MarketState,
    last: PriceTicks,
    trades: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Pending,
    Waiting,
    Taking,
    Resting,
}

#[derive(Clone, Debug)]
struct Order {
    id: OrderId,
    new: NewOrder,
    list: ListId,
    phase: Phase,
    rank: u64,
    left: QtyLots,
    visible: QtyLots,
    filled: QtyLots,
    filled_quote: Amount,
    /// By amendments, reductions and self-trade prevention.
    taken_off: QtyLots,
    hold_price: PriceTicks,
}

struct List {
    user: UserId,
    market: MarketId,
    contingency: Contingency,
    orders: Vec<OrderId>,
}

impl Invariants {
    pub fn new() -> Invariants {
        Invariants::default()
    }

    /// Checks the events of one command, and what the machine tells after it.
    pub fn check(&mut self, command: &Command, events: &[Event], machine: &impl SpotMachine) -> Result<(), Broken> {
        self.commands += 1;
        self.check_form(events)?;
        for event in events {
            self.event(command, event).map_err(|broken| format!("{broken}: {event:?}"))?;
        }
        self.rest_taker()?;
        self.auction_price = None;
        self.check_lists()?;
        self.check_crossing()?;
        self.check_balances(events, machine)?;
        if self.commands.is_multiple_of(COMPARED_EVERY) {
            self.compare(machine)?;
        }
        Ok(())
    }

    /// Refusals stand alone but for timers, balances are last, sorted and told once.
    fn check_form(&self, events: &[Event]) -> Result<(), Broken> {
        let is_balance = |event: &Event| matches!(event, Event::Balance { .. });
        let told = events.iter().position(is_balance).unwrap_or(events.len());
        require(events[told..].iter().all(is_balance), "balances are last")?;
        let keys: Vec<(Account, AssetId)> = events[told..]
            .iter()
            .filter_map(|event| match event {
                Event::Balance { account, asset, .. } => Some((*account, *asset)),
                _ => None,
            })
            .collect();
        require(keys.is_sorted_by(|a, b| a < b), "balances are sorted, each once")?;
        if let Some(at) = events.iter().position(|event| matches!(event, Event::Refused(_))) {
            let by_timers = |event: &Event| matches!(event, Event::Closed(_) | Event::ListDone { .. });
            require(at + 1 == told && events[..at].iter().all(by_timers), "a refused command does nothing")?;
        }
        Ok(())
    }

    /// The fold of the orders is the machine's book, order by order.
    fn compare(&self, machine: &impl SpotMachine) -> Result<(), Broken> {
        for id in 0..self.markets.len() as u32 {
            for side in [Side::Buy, Side::Sell] {
                let market = MarketId(id);
                let folded: Vec<OrderId> = self.book(market, side).collect();
                let book = machine.book(market, side);
                require(
                    book.iter().map(|view| view.order).eq(folded.iter().copied()),
                    "the book is the fold of orders",
                )?;
                for view in &book {
                    let order = &self.orders[&view.order];
                    let same = view.left == order.left
                        && view.filled == order.filled
                        && view.filled_quote == order.filled_quote
                        && view.new.price == order.new.price
                        && view.working;
                    require(same, "an order in the book is what its events made of it")?;
                }
                let visible: u128 = folded.iter().map(|order| self.orders[order].visible.0 as u128).sum();
                let shown: u128 = machine.depth(market, side).iter().map(|level| level.qty.0 as u128).sum();
                require(visible == shown, "the depth shows the visible parts")?;
            }
        }
        let open: usize = self.groups.keys().map(|user| machine.open_orders(*user).len()).sum();
        require(open == self.orders.len(), "open orders are the placed ones that did not close")?;
        for sum in machine.conservation() {
            require(sum.holds(), &format!("{sum:?} sums to zero and holds what orders reserve"))?;
        }
        Ok(())
    }

    fn book(&self, market: MarketId, side: Side) -> impl Iterator<Item = OrderId> + '_ {
        let buy = side == Side::Buy;
        self.books.range((market, buy, 0, 0)..=(market, buy, u64::MAX, u64::MAX)).map(|(_, order)| *order)
    }

    fn market(&self, market: MarketId) -> Result<&Market, Broken> {
        self.markets.get(market.0 as usize).ok_or_else(|| format!("{market:?} is listed"))
    }

    fn open(&self, order: OrderId) -> Result<&Order, Broken> {
        self.orders.get(&order).ok_or_else(|| format!("{order:?} is open"))
    }

    fn open_mut(&mut self, order: OrderId) -> Result<&mut Order, Broken> {
        self.orders.get_mut(&order).ok_or_else(|| format!("{order:?} is open"))
    }

    fn group(&self, user: UserId) -> UserId {
        self.groups.get(&user).copied().unwrap_or(user)
    }

    /// A trading market is never crossed, and neither is one that was halted while it traded.
    fn check_crossing(&self) -> Result<(), Broken> {
        for (id, market) in self.markets.iter().enumerate().filter(|(_, m)| m.state == MarketState::Trading) {
            let best = |side| self.book(MarketId(id as u32), side).next().map(|order| self.orders[&order].new.price);
            if let (Some(bid), Some(ask)) = (best(Side::Buy), best(Side::Sell)) {
                require(bid < ask, &format!("best bid {bid:?} is below best ask {ask:?} in {:?}", market.spec.symbol))?;
            }
        }
        Ok(())
    }

    fn check_lists(&self) -> Result<(), Broken> {
        let ended = |list: &List| list.orders.iter().all(|order| !self.orders.contains_key(order));
        require(!self.lists.values().any(ended), "a list whose orders are closed is told done")
    }
}

pub fn require(holds: bool, what: &str) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(format!("not so: {what}")) }
}
