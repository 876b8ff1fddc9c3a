//! Reading the state.

use super::command::{Account, Side};
use super::spec::AssetSpec;
use super::state::Spot;
use super::view::{
    AccountBalance, Balance, Conservation, FeesView, LevelView, ListView, MarketView, OrderView, StandingOrder,
    UserView,
};
use crate::book::orders::{NIL, Stage};
use crate::ids::{AssetId, ListId, MarketId, OrderId, Timestamp, TradeId, UserId};
use crate::num::{Amount, PriceTicks, QtyLots};
use crate::text::{ClientId, Symbol};

impl Spot {
    pub fn assets(&self) -> &[AssetSpec] {
        &self.assets
    }

    pub fn asset_by_symbol(&self, symbol: &str) -> Option<&AssetSpec> {
        let at = *self.asset_names.get(&Symbol::new(symbol)?)?;
        self.assets.get(at as usize)
    }

    pub fn markets(&self) -> impl Iterator<Item = MarketView> + '_ {
        (0..self.markets.len() as u32).filter_map(|id| self.market(MarketId(id)))
    }

    pub fn market(&self, id: MarketId) -> Option<MarketView> {
        let market = self.markets.get(id.0 as usize)?;
        Some(MarketView {
            spec: market.spec,
            state: market.state,
            last_price: PriceTicks(market.last),
            best_bid: PriceTicks(market.best(Side::Buy)),
            best_ask: PriceTicks(market.best(Side::Sell)),
            next_trade: TradeId(market.next_trade),
            open_orders: market.open,
            base_unit: market.base_unit,
            quote_unit: market.quote_unit,
            bid_lots: market.bids.lots,
            ask_lots: market.asks.lots,
        })
    }

    pub fn market_by_symbol(&self, symbol: &str) -> Option<MarketView> {
        let at = *self.market_names.get(&Symbol::new(symbol)?)?;
        self.market(MarketId(at))
    }

    pub fn balance(&self, account: Account, asset: AssetId) -> Balance {
        self.ledger.find(account, asset).map_or(Balance::default(), |place| self.ledger.balance(place))
    }

    /// By asset; assets that the account never had are left out.
    pub fn balances(&self, account: Account) -> Vec<AccountBalance> {
        self.ledger.balances(account)
    }

    pub fn user(&self, id: UserId) -> Option<UserView> {
        let user = &self.users[self.find_user(id.0)? as usize];
        Some(UserView {
            user: id,
            group: UserId(user.group),
            tier: user.tier,
            pay_discount: user.pay_discount,
            frozen: user.frozen,
        })
    }

    /// Of a user that is not known yet, what it would be at its first order.
    pub fn fees(&self, id: UserId) -> FeesView {
        let discount = self.discount.map(|discount| (AssetId(discount.asset), discount.bips));
        match self.find_user(id.0).map(|at| &self.users[at as usize]) {
            Some(user) => FeesView { rates: user.rates, pay_discount: user.pay_discount, discount },
            None => FeesView { rates: self.tier_rates(0), pay_discount: false, discount },
        }
    }

    pub fn order(&self, id: OrderId) -> Option<OrderView> {
        self.orders.find(id).map(|slot| self.view(slot))
    }

    pub fn order_by_client(&self, user: UserId, client_id: &ClientId) -> Option<OrderView> {
        let client = self.clients.entry(self.clients.find(user.0, client_id)?);
        if client.is_list || !client.open { None } else { self.order(OrderId(client.order)) }
    }

    fn view(&self, slot: u32) -> OrderView {
        let (node, detail) = (self.orders.node(slot), self.orders.detail(slot));
        let seat = &self.seats[node.seat as usize];
        OrderView {
            order: OrderId(node.id),
            new: self.orders.as_new(slot, UserId(seat.user), MarketId(seat.market)),
            list: self.orders.extra(slot).map_or(ListId(0), |extra| extra.list),
            status: self.status_of(slot),
            left: QtyLots(node.left),
            filled: QtyLots(self.filled_of(slot)),
            filled_quote: detail.filled_quote,
            prevented: QtyLots(detail.prevented),
            rates: detail.rates,
            created_at: Timestamp(detail.created),
            updated_at: Timestamp(detail.updated),
            working: node.stage == Stage::Resting,
        }
    }

    /// A page of a user's open orders, newest first, and how many there are.
    pub fn open_orders(
        &self,
        user: UserId,
        market: Option<MarketId>,
        side: Option<Side>,
        offset: usize,
        limit: usize,
    ) -> (Vec<OrderView>, u64) {
        let mut slots: Vec<u32> = vec![];
        let mut seat = self.find_user(user.0).map_or(NIL, |at| self.users[at as usize].seat);
        while seat != NIL {
            let at = &self.seats[seat as usize];
            if market.is_none_or(|market| market.0 == at.market) {
                let chain = self.orders.of_seat(at.newest);
                slots.extend(chain.filter(|slot| side.is_none_or(|side| side == self.orders.node(*slot).side)));
            }
            seat = at.older;
        }
        slots.sort_unstable_by_key(|slot| std::cmp::Reverse(self.orders.node(*slot).id));
        let page = slots.iter().skip(offset).take(limit).map(|slot| self.view(*slot)).collect();
        (page, slots.len() as u64)
    }

    /// Open orders with a limit price, of all markets: those in the slots from `from` on, `slots` of them, and where the next
    /// page begins. An order keeps its slot as long as it is open, so whoever pages through meets each order that is open all
    /// the while exactly once, whatever comes and goes between two pages; only a restored state has other slots.
    pub fn standing(&self, from: u32, slots: usize) -> (Vec<StandingOrder>, Option<u32>) {
        let end = (from as usize).saturating_add(slots).min(self.orders.records.len());
        let open = |slot: &u32| {
            let node = self.orders.node(*slot);
            node.id != 0 && node.kind.has_price()
        };
        let page = (from..end as u32).filter(open).map(|slot| self.standing_order(slot)).collect();
        (page, (end < self.orders.records.len()).then_some(end as u32))
    }

    fn standing_order(&self, slot: u32) -> StandingOrder {
        let node = self.orders.node(slot);
        let display =
            if node.marks.iceberg() { self.orders.extra(slot).map(|extra| extra.new.display_qty) } else { None };
        let display = display.unwrap_or_default();
        let shown = match node.stage {
            Stage::Resting => self.orders.visible(node),
            // What it will show when it enters the book.
            Stage::Waiting | Stage::Pending if display.0 > 0 => display.0.min(node.left),
            Stage::Waiting | Stage::Pending => node.left,
        };
        StandingOrder {
            order: OrderId(node.id),
            market: MarketId(self.seats[node.seat as usize].market),
            side: node.side,
            price: PriceTicks(node.price),
            left: QtyLots(node.left),
            shown: QtyLots(shown),
            display,
            is_stop: node.kind.is_stop(),
            stage: node.stage,
        }
    }

    /// A user's lists that have an open order, oldest first.
    pub fn open_lists(&self, user: UserId) -> Vec<ListView> {
        let mut lists: Vec<ListId> = vec![];
        let mut seat = self.find_user(user.0).map_or(NIL, |at| self.users[at as usize].seat);
        while seat != NIL {
            let at = &self.seats[seat as usize];
            lists.extend(self.orders.of_seat(at.newest).filter_map(|slot| self.list_of(slot)).map(ListId));
            seat = at.older;
        }
        lists.sort_unstable();
        lists.dedup();
        let view = |list: ListId| {
            let known = self.lists.get(&list.0)?;
            let market = MarketId(self.seats[known.seat as usize].market);
            let (client_id, contingency, orders) = (known.client_id, known.contingency, known.orders.map(OrderId));
            Some(ListView { list, user, market, client_id, contingency, orders })
        };
        lists.into_iter().filter_map(view).collect()
    }

    /// A page of one side of a book, in the order of execution, and how many orders it has.
    pub fn book(&self, market: MarketId, side: Side, offset: usize, limit: usize) -> (Vec<OrderView>, u64) {
        let Some(at) = self.markets.get(market.0 as usize) else { return (vec![], 0) };
        let page = self.orders.walk(at.ladder(side)).skip(offset).take(limit).map(|slot| self.view(slot)).collect();
        let total = at.ladder(side).orders;
        (page, total)
    }

    /// Visible levels of one side, best first.
    pub fn depth(&self, market: MarketId, side: Side, limit: usize) -> Vec<LevelView> {
        let Some(at) = self.markets.get(market.0 as usize) else { return vec![] };
        let view = |level: u32| {
            let mut queue = self.orders.queue(level).map(|slot| self.orders.node(slot)).peekable();
            let price = PriceTicks(queue.peek().map_or(0, |node| node.price));
            let (visible, orders) =
                queue.fold((0u64, 0), |(sum, count), node| (sum.saturating_add(self.orders.visible(node)), count + 1));
            LevelView { price, qty: QtyLots(visible), orders }
        };
        at.ladder(side).iter(&self.orders.rungs).take(limit).map(view).collect()
    }

    /// Users' available and held of an asset, each with the number of users that have some.
    pub fn asset_summary(&self, asset: AssetId) -> (i128, u64, i128, u64) {
        let users = self.ledger.users(asset);
        (users.available, users.available_users, users.held, users.held_users)
    }

    /// The ledger of each asset, from the sums that are kept.
    pub fn sums(&self) -> Vec<Conservation> {
        self.ledger.sums()
    }

    /// The same summed anew over all balances, with what open orders reserve. Walks the whole state.
    pub fn conservation(&self) -> Vec<Conservation> {
        let mut sums = self.ledger.sums();
        let users = self.ledger.users_summed().expect("supply is bounded by credits");
        for (sum, users) in sums.iter_mut().zip(users) {
            (sum.users_available, sum.users_held) = (users.available, users.held);
        }
        let mut reserved_of: Vec<Amount> = vec![0; sums.len()];
        for (slot, node) in self.orders.nodes().enumerate().filter(|(_, node)| node.id != 0) {
            let slot = slot as u32;
            let (_, own) = self.reserve_of(slot);
            let reserved = match self.sibling(slot) {
                None => own,
                // A pair holds the larger reserve once: it is counted with the older leg.
                Some(other) if self.orders.node(other).id > node.id => own.max(self.reserve_of(other).1),
                Some(_) => 0,
            };
            let spec = &self.markets[self.market_of(node.seat)].spec;
            let asset = if node.side == Side::Buy { spec.quote } else { spec.base };
            reserved_of[asset.0 as usize] += reserved;
        }
        for (sum, reserved) in sums.iter_mut().zip(reserved_of) {
            sum.reserved = Some(reserved);
        }
        sums
    }

    /// Whether the sums that the ledger keeps are those of its balances. Walks all of them.
    pub fn sums_agree(&self) -> bool {
        let summed = self.ledger.users_summed();
        summed.is_some_and(|all| all.iter().zip(0..).all(|(users, asset)| *users == self.ledger.users(AssetId(asset))))
    }

    /// Heap bytes: (book structures: nodes, index, levels, ladders; further details of orders).
    pub fn memory(&self) -> (usize, usize) {
        self.orders.memory()
    }

    /// Number of open orders.
    pub fn open_order_count(&self) -> usize {
        self.orders.index.len()
    }
}
