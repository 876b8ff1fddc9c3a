//! Reading the state.

use super::command::{Account, NewOrder, Side};
use super::spec::AssetSpec;
use super::state::Spot;
use super::view::{AccountBalance, Balance, Conservation, LevelView, MarketView, OrderView, UserView};
use crate::book::orders::{NIL, Stage};
use crate::ids::{AssetId, ListId, MarketId, OrderId, Timestamp, TradeId, UserId};
use crate::num::{PriceTicks, QtyLots};
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
        let lots = |side| {
            let total: u128 =
                self.orders.walk(market.ladder(side)).map(|slot| self.orders.node(slot).left as u128).sum();
            total
        };
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
            bid_lots: lots(Side::Buy),
            ask_lots: lots(Side::Sell),
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
        let user = &self.users[*self.user_index.get(&id.0)? as usize];
        Some(UserView {
            user: id,
            group: UserId(user.group),
            tier: user.tier,
            pay_discount: user.pay_discount,
            frozen: user.frozen,
        })
    }

    pub fn order(&self, id: OrderId) -> Option<OrderView> {
        self.orders.find(id).map(|slot| self.view(slot))
    }

    pub fn order_by_client(&self, user: UserId, client_id: &ClientId) -> Option<OrderView> {
        let client = self.clients.entry(self.clients.find(user.0, client_id)?);
        if client.is_list { None } else { self.order(OrderId(client.order)) }
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
        let mut seat = self.user_index.get(&user.0).map_or(NIL, |at| self.users[*at as usize].seat);
        while seat != NIL {
            let at = &self.seats[seat as usize];
            if market.is_none_or(|market| market.0 == at.market) {
                let chain = self.orders.chain(at.newest, |node| node.older);
                slots.extend(chain.filter(|slot| side.is_none_or(|side| side == self.orders.node(*slot).side)));
            }
            seat = at.older;
        }
        slots.sort_unstable_by_key(|slot| std::cmp::Reverse(self.orders.node(*slot).id));
        let page = slots.iter().skip(offset).take(limit).map(|slot| self.view(*slot)).collect();
        (page, slots.len() as u64)
    }

    /// A page of one side of a book, in the order of execution, and how many orders it has.
    pub fn book(&self, market: MarketId, side: Side, offset: usize, limit: usize) -> (Vec<OrderView>, u64) {
        let Some(at) = self.markets.get(market.0 as usize) else { return (vec![], 0) };
        let page = self.orders.walk(at.ladder(side)).skip(offset).take(limit).map(|slot| self.view(slot)).collect();
        let total = at.ladder(side).iter().map(|level| self.orders.levels[level as usize].count as u64).sum();
        (page, total)
    }

    /// Visible levels of one side, best first.
    pub fn depth(&self, market: MarketId, side: Side, limit: usize) -> Vec<LevelView> {
        let Some(at) = self.markets.get(market.0 as usize) else { return vec![] };
        let view = |level: u32| {
            let level = &self.orders.levels[level as usize];
            let qty = QtyLots(u64::try_from(level.visible).unwrap_or(u64::MAX));
            LevelView { price: PriceTicks(level.price), qty, orders: level.count }
        };
        at.ladder(side).iter().take(limit).map(|level| view(level)).collect()
    }

    /// Users' available and held of an asset, each with the number of users that have some.
    pub fn asset_summary(&self, asset: AssetId) -> (i128, u64, i128, u64) {
        self.ledger.summary(asset)
    }

    /// The ledger of each asset, summed anew, with what open orders reserve.
    pub fn conservation(&self) -> Vec<Conservation> {
        let mut sums = self.ledger.sums();
        for (slot, node) in self.orders.nodes.iter().enumerate().filter(|(_, node)| node.id != 0) {
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
            sums[asset.0 as usize].reserved += reserved;
        }
        sums
    }

    /// Heap bytes: (book structures: nodes, index, levels, ladders; further details of orders).
    pub fn memory(&self) -> (usize, usize) {
        let (book, rest) = self.orders.memory();
        let ladders: usize = self.markets.iter().map(|m| m.bids.memory() + m.asks.memory()).sum();
        (book + ladders, rest)
    }

    /// Number of open orders.
    pub fn open_order_count(&self) -> usize {
        self.orders.index.len()
    }

    /// Loads what the commands will need, all at once: the waits for memory overlap. Has no effect on results.
    pub fn warm(&self, commands: &[super::command::Command]) {
        use super::command::{Command, OrderRef};
        let mut sum = 0u64;
        for command in commands {
            sum ^= match command {
                Command::Cancel { order: OrderRef::Id(id), .. }
                | Command::Move { order: OrderRef::Id(id), .. }
                | Command::Reduce { order: OrderRef::Id(id), .. } => self.orders.index.touch(id.0),
                Command::Place(NewOrder { market, .. }) => self.markets.get(market.0 as usize).map_or(0, |m| m.last),
                _ => 0,
            };
        }
        std::hint::black_box(sum);
        let mut slots = 0u64;
        for command in commands {
            slots ^= match command {
                Command::Cancel { order: OrderRef::Id(id), .. }
                | Command::Move { order: OrderRef::Id(id), .. }
                | Command::Reduce { order: OrderRef::Id(id), .. } => self
                    .orders
                    .find(*id)
                    .map_or(0, |slot| self.orders.detail(slot).updated ^ self.orders.node(slot).seat as u64),
                Command::Place(new) => {
                    self.find_seat(new.user.0, new.market).map_or(0, |seat| self.seats[seat as usize].user)
                }
                _ => 0,
            };
        }
        std::hint::black_box(slots);
    }
}
