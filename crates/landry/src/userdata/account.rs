//! The fold of a user's events into what is told. Pure: no clock and no I/O.

use std::collections::{HashMap, HashSet};

use allin_core::ids::{ListId, OrderId, Seq, Timestamp, UserId};
use allin_core::num::QtyLots;
use allin_core::spot::command::{Account, Command};
use allin_core::spot::event::{ChangeCause, Changed, CloseCause, Closed, Event, OrderStatus, Placed, Posting, Trade};
use allin_core::spot::reject::Reject;
use allin_core::spot::view::{ListView, OrderView};
use allin_core::text::ClientId;

use super::names::{end_name, expiry_reason, reject_reason};
use super::order::{Cancel, Execution, Filled, ListFacts, ListStage, ListTold, Order, Prevention, Told};
use super::prevented_match_id;

/// Executions of one command that have numbers of their own.
const EXECUTIONS_PER_COMMAND: u64 = 1024;

/// An event names an order that is not known: our own bug, or a picture that began wrongly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Lost(pub OrderId);

/// The open orders and lists of one user.
#[derive(Debug)]
pub(super) struct Orders {
    user: UserId,
    /// The master of the user's group.
    group: UserId,
    orders: HashMap<OrderId, Order>,
    lists: HashMap<ListId, ListFacts>,
    /// Events up to here are part of the picture already, in whole or in part.
    base: Seq,
}

/// The command that is being folded.
struct Now<'a> {
    seq: Seq,
    at: Timestamp,
    events: &'a [Event],
    told: Vec<Told>,
    executions: u64,
    prevented: u32,
    /// The newest match that was prevented.
    prevention: Option<Kept>,
    /// A list whose orders are being placed, and how many are to come.
    placing: Option<(ListId, usize)>,
    /// An order that the command gave another client id, and its old one.
    renamed: Option<(OrderId, ClientId)>,
    command: &'a Command,
}

/// Two orders that were kept apart.
#[derive(Clone, Copy)]
struct Kept {
    id: u64,
    orders: [OrderId; 2],
    users: [UserId; 2],
    price: allin_core::num::PriceTicks,
    qty: QtyLots,
}

/// The pages of a user's open orders, each with its sequence, newest orders first.
pub(super) type Pages = Vec<(Seq, Vec<OrderView>)>;

/// What the fold of an account begins with.
pub(super) struct Opening {
    /// The master of the user's group.
    pub group: UserId,
    pub pages: Pages,
    pub lists: Vec<ListView>,
}

/// A list's orders that are open.
fn facts(view: &ListView, orders: &HashMap<OrderId, Order>) -> ListFacts {
    let known = view.orders.iter().filter_map(|id| orders.get(id));
    ListFacts {
        market: view.market,
        client_id: view.client_id,
        contingency: view.contingency,
        orders: known.map(|order| (order.order, order.new.client_id)).collect(),
    }
}

impl Orders {
    /// Where pages overlap, the older one rules: what came after it is folded. The lists are of the last page's sequence or
    /// before.
    pub fn new(user: UserId, Opening { group, pages, lists }: Opening) -> Orders {
        let base = pages.last().map_or(Seq(0), |(seq, _)| *seq);
        let mut orders: HashMap<OrderId, Order> = HashMap::new();
        for (seq, views) in &pages {
            for view in views {
                orders.entry(view.order).or_insert_with(|| Order::viewed(view, *seq));
            }
        }
        let lists = lists.into_iter().map(|view| (view.list, facts(&view, &orders))).collect();
        Orders { user, group, orders, lists, base }
    }

    /// Folds a command that concerns the user. Gives nothing for what is in the picture already.
    pub fn apply(&mut self, seq: Seq, at: Timestamp, command: &Command, events: &[Event]) -> Result<Vec<Told>, Lost> {
        let mut now = Now {
            seq,
            at,
            events,
            told: Vec::new(),
            executions: 0,
            prevented: 0,
            prevention: None,
            placing: None,
            renamed: None,
            command,
        };
        let quiet = seq <= self.base;
        for (place, event) in events.iter().enumerate() {
            match self.event(&mut now, place, event) {
                // A page came after the order's end.
                Err(Lost(_)) if quiet => {}
                result => result?,
            }
        }
        self.tell_balances(&mut now);
        Ok(if quiet { Vec::new() } else { now.told })
    }

    fn event(&mut self, now: &mut Now<'_>, place: usize, event: &Event) -> Result<(), Lost> {
        match event {
            Event::UserSet { user, group, .. } if *user == self.user => self.group = *group,
            Event::Placed(placed) if placed.new.user == self.user => self.placed(now, place, placed),
            Event::Triggered { order, user, .. } if *user == self.user => {
                let at = now.at;
                let Some(order) = self.order(now, *order)? else { return Ok(()) };
                order.triggered(at);
                let order = *order;
                now.tell(place, order, "NEW", |_| {});
            }
            Event::Trade(trade) => self.traded(now, place, trade)?,
            Event::Prevented { maker_order, taker_order, maker_user, taker_user, price, qty, .. } => {
                let id = prevented_match_id(now.seq, now.prevented);
                now.prevented += 1;
                let (orders, users) = ([*maker_order, *taker_order], [*maker_user, *taker_user]);
                now.prevention = Some(Kept { id, orders, users, price: *price, qty: *qty });
            }
            Event::Renamed { order: id, user, client_id, .. } if *user == self.user => {
                let listed = self.lists.values_mut().flat_map(|facts| &mut facts.orders);
                listed.filter(|(order, _)| order == id).for_each(|(_, name)| *name = *client_id);
                let Some(order) = self.order(now, *id)? else { return Ok(()) };
                let old = std::mem::replace(&mut order.new.client_id, *client_id);
                now.renamed = Some((*id, old));
            }
            Event::PlaceRefused { user, reason, .. } if *user == self.user => self.rejected(now, *reason),
            Event::Changed(changed) if changed.user == self.user => self.changed(now, place, changed)?,
            Event::Closed(closed) if closed.user == self.user => self.closed(now, place, closed)?,
            Event::ListPlaced { list, user, market, client_id, contingency, orders } if *user == self.user => {
                let facts =
                    ListFacts { market: *market, client_id: *client_id, contingency: *contingency, orders: Vec::new() };
                self.lists.insert(*list, facts);
                now.placing = Some((*list, orders.iter().filter(|order| order.0 != 0).count()));
            }
            Event::ListDone { list, user, .. } if *user == self.user => {
                if let Some(facts) = self.lists.remove(list) {
                    now.told.push(Told::List(ListTold { list: *list, facts, stage: ListStage::Done }));
                }
            }
            Event::Posting(posting) => self.posted(now, posting),
            _ => {}
        }
        Ok(())
    }

    /// An order that an event is about. None when the picture has the event already.
    fn order(&mut self, now: &Now<'_>, id: OrderId) -> Result<Option<&mut Order>, Lost> {
        let order = self.orders.get_mut(&id).ok_or(Lost(id))?;
        Ok((order.since < now.seq).then_some(order))
    }

    fn placed(&mut self, now: &mut Now<'_>, place: usize, placed: &Placed) {
        if self.orders.get(&placed.order).is_none_or(|known| known.since < now.seq) {
            let order = Order::placed(placed, now.seq, now.at);
            // With a page that is newer than this, its end will pass by unknown.
            self.orders.insert(placed.order, order);
            now.tell(place, order, "NEW", |_| {});
        }
        let Some((list, missing)) = &mut now.placing else { return };
        let list = *list;
        *missing -= 1;
        let done = *missing == 0;
        let Some(facts) = self.lists.get_mut(&list) else { return };
        facts.orders.push((placed.order, placed.new.client_id));
        if done {
            let facts = facts.clone();
            now.placing = None;
            now.told.push(Told::List(ListTold { list, facts, stage: ListStage::Started }));
        }
    }

    fn traded(&mut self, now: &mut Now<'_>, place: usize, trade: &Trade) -> Result<(), Lost> {
        // Of a trade with oneself the taker's side comes first.
        let sides = [
            (trade.taker_user, trade.taker_order, trade.taker_left, trade.taker_fee, trade.taker_fee_asset, false),
            (trade.maker_user, trade.maker_order, trade.maker_left, trade.maker_fee, trade.maker_fee_asset, true),
        ];
        for (user, id, left, fee, fee_asset, maker) in sides {
            if user != self.user {
                continue;
            }
            let whole = now.is_filled_by(place, id);
            let Some(order) = self.order(now, id)? else { continue };
            order.filled = order.filled + trade.qty;
            order.filled_quote += trade.quote;
            let filled = if order.is_by_quote() { whole } else { left.is_zero() };
            order.status = if filled { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
            let order = *order;
            let (price, qty, quote) = (trade.price, trade.qty, trade.quote);
            let fill = Filled { trade: trade.trade, price, qty, quote, fee, fee_asset, maker };
            now.tell(place, order, "TRADE", |execution| execution.fill = Some(fill));
        }
        Ok(())
    }

    fn changed(&mut self, now: &mut Now<'_>, place: usize, changed: &Changed) -> Result<(), Lost> {
        let prevention = self.prevention(now, changed.order, None);
        let at = now.at;
        let Some(order) = self.order(now, changed.order)? else { return Ok(()) };
        match changed.cause {
            ChangeCause::Activated => {
                order.trailing_at = at;
                return Ok(());
            }
            ChangeCause::Decremented => {
                order.prevented = order.prevented + prevention.map_or(QtyLots::ZERO, |prevention| prevention.lost);
                let order = *order;
                now.tell(place, order, "TRADE_PREVENTION", |execution| execution.prevention = prevention);
                return Ok(());
            }
            ChangeCause::Moved => order.new.price = changed.price,
            ChangeCause::Amended | ChangeCause::Reduced => {}
        }
        order.new.qty = changed.qty + order.prevented;
        let order = *order;
        let renamed = now.renamed.filter(|(id, _)| *id == order.order).map(|(_, old)| old);
        now.tell(place, order, "REPLACED", |execution| {
            execution.amended = Some(renamed.unwrap_or(order.new.client_id));
        });
        let list = order.list;
        if renamed.is_some()
            && let Some(facts) = self.lists.get(&list)
        {
            now.renamed = None;
            now.told.push(Told::List(ListTold { list, facts: facts.clone(), stage: ListStage::Updated }));
        }
        Ok(())
    }

    /// The new order of a cancel-replace was refused; no order came of it.
    fn rejected(&self, now: &mut Now<'_>, reason: Reject) {
        let Command::CancelReplace { order, .. } = now.command else { return };
        let order = Order::rejected(order, now.seq, now.at);
        now.tell(0, order, "REJECTED", |execution| execution.reject = reject_reason(CloseCause::Refused(reason)));
    }

    fn closed(&mut self, now: &mut Now<'_>, place: usize, closed: &Closed) -> Result<(), Lost> {
        let prevention = match closed.cause {
            CloseCause::SelfTrade => self.prevention(now, closed.order, Some(closed.left)),
            _ => None,
        };
        if self.order(now, closed.order)?.is_none() {
            return Ok(());
        }
        let Some(mut order) = self.orders.remove(&closed.order) else { return Ok(()) };
        // A fill has told that already.
        if closed.cause == CloseCause::Filled {
            return Ok(());
        }
        let expiry = expiry_reason(&order.new, order.status, closed.status, closed.cause);
        order.status = closed.status;
        if let Some(prevention) = prevention {
            order.prevented = order.prevented + prevention.lost;
        }
        let cancel = (closed.status == OrderStatus::Canceled)
            .then(|| Cancel { sent: cancel_id(now.command), cause: closed.cause });
        now.tell(place, order, end_name(closed.status), |execution| {
            execution.cancel = cancel;
            execution.reject = reject_reason(closed.cause);
            execution.expiry = expiry;
            execution.prevention = prevention;
        });
        Ok(())
    }

    /// What the newest prevented match took off an order; `left` of one that it closed with something left.
    fn prevention(&self, now: &Now<'_>, order: OrderId, left: Option<QtyLots>) -> Option<Prevention> {
        let kept = now.prevention.filter(|kept| kept.orders.contains(&order))?;
        let counter_order = if kept.orders[0] == order { kept.orders[1] } else { kept.orders[0] };
        // A whole order expires with all that is left of it; what DECREMENT used up has nothing left.
        let lost = left.filter(|left| !left.is_zero()).unwrap_or(kept.qty);
        let in_group = kept.users[0] != kept.users[1] || self.group != self.user;
        let group = in_group.then_some(self.group);
        Some(Prevention { id: kept.id, counter_order, group, lost, price: kept.price, qty: kept.qty })
    }

    fn posted(&self, now: &mut Now<'_>, posting: &Posting) {
        if posting.repeated {
            return;
        }
        for (account, change) in [(posting.from, -posting.amount), (posting.to, posting.amount)] {
            if account == Account::User(self.user) {
                now.told.push(Told::BalanceChanged { asset: posting.asset, change });
            }
        }
    }

    fn tell_balances(&self, now: &mut Now<'_>) {
        let mine = now.events.iter().filter_map(|event| match event {
            Event::Balance { account: Account::User(user), asset, available, held } if *user == self.user => {
                Some((*asset, *available, *held))
            }
            _ => None,
        });
        let balances: Vec<_> = mine.collect();
        if !balances.is_empty() {
            now.told.push(Told::Position(balances));
        }
    }
}

/// The client id that a command gives to what it cancels.
fn cancel_id(command: &Command) -> ClientId {
    match command {
        Command::Cancel { cancel_id, .. }
        | Command::CancelList { cancel_id, .. }
        | Command::CancelReplace { cancel_id, .. } => *cancel_id,
        _ => ClientId::EMPTY,
    }
}

impl Now<'_> {
    fn tell(&mut self, place: usize, order: Order, kind: &'static str, fill_in: impl FnOnce(&mut Execution)) {
        let nth = self.executions.min(EXECUTIONS_PER_COMMAND - 1);
        self.executions += 1;
        let by_quote_filled = if order.is_by_quote() { self.filled_after(place, &order) } else { QtyLots::ZERO };
        let mut execution = Execution {
            id: self.seq.0 * EXECUTIONS_PER_COMMAND + nth,
            order,
            by_quote_filled,
            kind,
            cancel: None,
            amended: None,
            reject: "NONE",
            expiry: None,
            fill: None,
            prevention: None,
        };
        fill_in(&mut execution);
        self.told.push(Told::Execution(execution));
    }

    /// Whether the fill at `place` is the last of an order that is then filled.
    fn is_filled_by(&self, place: usize, id: OrderId) -> bool {
        for event in &self.events[place + 1..] {
            match event {
                Event::Trade(trade) if trade.maker_order == id || trade.taker_order == id => return false,
                Event::Closed(closed) if closed.order == id => return closed.cause == CloseCause::Filled,
                _ => {}
            }
        }
        false
    }

    /// What an order by quote amount will have filled at its end, which comes in the same command.
    fn filled_after(&self, place: usize, order: &Order) -> QtyLots {
        let end = self.events[place..].iter().find_map(|event| match event {
            Event::Closed(closed) if closed.order == order.order => Some(closed.filled),
            _ => None,
        });
        end.unwrap_or(order.filled)
    }
}

/// The users that an event concerns.
pub(super) fn users_of(event: &Event) -> [Option<UserId>; 2] {
    let account = |account: Account| match account {
        Account::User(user) => Some(user),
        _ => None,
    };
    match event {
        Event::Placed(placed) => [Some(placed.new.user), None],
        Event::Trade(trade) => [Some(trade.maker_user), Some(trade.taker_user)],
        Event::Changed(changed) => [Some(changed.user), None],
        Event::Closed(closed) => [Some(closed.user), None],
        Event::Posting(posting) => [account(posting.from), account(posting.to)],
        Event::Balance { account: of, .. } => [account(*of), None],
        Event::Triggered { user, .. }
        | Event::Renamed { user, .. }
        | Event::PlaceRefused { user, .. }
        | Event::ListPlaced { user, .. }
        | Event::ListDone { user, .. }
        | Event::UserSet { user, .. } => [Some(*user), None],
        _ => [None, None],
    }
}

/// The users among `followed` that a command concerns, each once.
pub(super) fn concerned(events: &[Event], followed: impl Fn(UserId) -> bool) -> Vec<UserId> {
    let mut users = Vec::new();
    let mut seen = HashSet::new();
    for user in events.iter().flat_map(users_of).flatten() {
        if seen.insert(user) && followed(user) {
            users.push(user);
        }
    }
    users
}
