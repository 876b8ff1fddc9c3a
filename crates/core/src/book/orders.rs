//! Open orders and price levels, in slabs. An order is two parallel cache lines, `Node` for what matching reads and `Detail`
//! for the rest, and an `Extra` only where it has one (client id, stop, iceberg, list …).

use super::index::OrderIndex;
use super::ladder::Ladder;
use crate::ids::{ListId, OrderId, Timestamp};
use crate::num::{Amount, FeeRates, PriceTicks};
use crate::spot::command::{NewOrder, OrderKind, Side, StpMode, TimeInForce};

/// No slot.
pub const NIL: u32 = u32::MAX;

/// Where an open order stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Stage {
    /// In a book.
    Resting = 0,
    /// For its trigger price.
    Waiting = 1,
    /// For the working order of its list.
    Pending = 2,
}

/// What matching touches: one cache line.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// 0 when the slot is free.
    pub id: u64,
    pub price: u64,
    pub left: u64,
    /// The part in the book that others see; below `left` for an iceberg.
    pub visible: u64,
    pub seat: u32,
    pub level: u32,
    /// Neighbours in the level's queue.
    pub prev: u32,
    pub next: u32,
    /// Neighbours among the orders of the seat: newer and older.
    pub newer: u32,
    pub older: u32,
    pub extra: u32,
    pub side: Side,
    pub kind: OrderKind,
    pub stage: Stage,
    /// In an order list, so that its fills concern others.
    pub listed: bool,
}

/// What only answers, events and snapshots read.
#[derive(Clone, Copy, Debug)]
pub struct Detail {
    /// Total quantity as it is now.
    pub qty: u64,
    pub prevented: u64,
    pub filled_quote: Amount,
    pub created: u64,
    pub updated: u64,
    pub rates: FeeRates,
    pub amends: u16,
    pub tif: TimeInForce,
    pub stp: StpMode,
    /// A stop that was triggered, or a pending order that was activated.
    pub triggered: bool,
}

/// What few orders have.
#[derive(Clone, Copy, Debug)]
pub struct Extra {
    pub new: NewOrder,
    pub list: ListId,
    /// Trailing stop: active, and the best price since.
    pub trailing: bool,
    pub extreme: u64,
    /// Funds held while waiting, where price and quantity do not tell (market-like stop buys).
    pub reserve: Amount,
}

/// A price level: its queue of orders.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    pub price: u64,
    /// Sum of the visible parts; wide, because each may have 2^60 lots.
    pub visible: u128,
    pub head: u32,
    pub tail: u32,
    pub count: u32,
}

#[derive(Clone, Default)]
pub struct Orders {
    pub nodes: Vec<Node>,
    pub details: Vec<Detail>,
    pub extras: Vec<Extra>,
    pub free: Vec<u32>,
    pub free_extras: Vec<u32>,
    pub index: OrderIndex,
    pub levels: Vec<Level>,
    pub free_levels: Vec<u32>,
}

/// The key of a price in its side's ladder: the best is the largest.
#[inline]
pub fn key_of(side: Side, price: u64) -> u64 {
    match side {
        Side::Buy => price,
        Side::Sell => !price,
    }
}

impl Detail {
    /// Quantity filled so far, given what is left.
    pub fn filled(&self, left: u64) -> u64 {
        self.qty - self.prevented - left
    }
}

impl Orders {
    #[inline]
    pub fn find(&self, id: OrderId) -> Option<u32> {
        self.index.find(id.0, |slot| self.nodes[slot as usize].id == id.0)
    }

    #[inline]
    pub fn node(&self, slot: u32) -> &Node {
        &self.nodes[slot as usize]
    }

    #[inline]
    pub fn node_mut(&mut self, slot: u32) -> &mut Node {
        &mut self.nodes[slot as usize]
    }

    #[inline]
    pub fn detail(&self, slot: u32) -> &Detail {
        &self.details[slot as usize]
    }

    #[inline]
    pub fn detail_mut(&mut self, slot: u32) -> &mut Detail {
        &mut self.details[slot as usize]
    }

    pub fn extra(&self, slot: u32) -> Option<&Extra> {
        self.extras.get(self.node(slot).extra as usize)
    }

    pub fn extra_mut(&mut self, slot: u32) -> Option<&mut Extra> {
        let extra = self.node(slot).extra;
        self.extras.get_mut(extra as usize)
    }

    /// Stores an order and gives its slot.
    #[inline]
    pub fn store(&mut self, node: Node, detail: Detail) -> u32 {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.nodes[slot as usize] = node;
                self.details[slot as usize] = detail;
                slot
            }
            None => {
                self.nodes.push(node);
                self.details.push(detail);
                u32::try_from(self.nodes.len() - 1).expect("fewer than 2^32 open orders")
            }
        };
        self.index.insert(node.id, slot);
        slot
    }

    pub fn store_extra(&mut self, extra: Extra) -> u32 {
        match self.free_extras.pop() {
            Some(at) => {
                self.extras[at as usize] = extra;
                at
            }
            None => {
                self.extras.push(extra);
                self.extras.len() as u32 - 1
            }
        }
    }

    /// Forgets an order that is in no queue any more.
    #[inline]
    pub fn discard(&mut self, slot: u32) {
        let node = &mut self.nodes[slot as usize];
        let id = std::mem::replace(&mut node.id, 0);
        if node.extra != NIL {
            self.free_extras.push(node.extra);
        }
        self.index.remove(id, slot);
        self.free.push(slot);
    }

    /// Appends an order to the queue of its price.
    #[inline]
    pub fn enqueue(&mut self, ladder: &mut Ladder, slot: u32) {
        let node = &self.nodes[slot as usize];
        let (price, visible, key) = (node.price, node.visible, key_of(node.side, node.price));
        let (levels, free) = (&mut self.levels, &mut self.free_levels);
        let at = ladder.find_or_insert(key, || {
            let level = Level { price, visible: 0, head: NIL, tail: NIL, count: 0 };
            match free.pop() {
                Some(at) => {
                    levels[at as usize] = level;
                    at
                }
                None => {
                    levels.push(level);
                    levels.len() as u32 - 1
                }
            }
        });
        let level = &mut self.levels[at as usize];
        let tail = std::mem::replace(&mut level.tail, slot);
        level.visible += visible as u128;
        level.count += 1;
        if tail == NIL {
            level.head = slot;
        } else {
            self.nodes[tail as usize].next = slot;
        }
        let node = &mut self.nodes[slot as usize];
        node.level = at;
        node.prev = tail;
        node.next = NIL;
        node.stage = Stage::Resting;
    }

    /// Takes an order out of its queue, and the level away when it was the last.
    #[inline]
    pub fn dequeue(&mut self, ladder: &mut Ladder, slot: u32) {
        let Node { level: at, prev, next, visible, side, .. } = self.nodes[slot as usize];
        let level = &mut self.levels[at as usize];
        level.count -= 1;
        if level.count == 0 {
            ladder.remove(key_of(side, level.price));
            self.free_levels.push(at);
            return;
        }
        level.visible -= visible as u128;
        if prev == NIL {
            level.head = next;
        } else {
            self.nodes[prev as usize].next = next;
        }
        if next == NIL {
            level.tail = prev;
        } else {
            self.nodes[next as usize].prev = prev;
        }
    }

    /// Takes `lots` off what a resting order shows and has left; its place in the queue stays.
    #[inline]
    pub fn shrink(&mut self, slot: u32, lots: u64, visible: u64) {
        let node = &mut self.nodes[slot as usize];
        node.left -= lots;
        node.visible -= visible;
        self.levels[node.level as usize].visible -= visible as u128;
    }

    /// Resting orders of a ladder in the order of execution.
    pub fn walk<'a>(&'a self, ladder: &'a Ladder) -> impl Iterator<Item = u32> + 'a {
        ladder.iter().flat_map(|level| self.chain(self.levels[level as usize].head, |node| node.next))
    }

    /// The slots of a chain from its first on, until there is no next.
    pub fn chain(&self, first: u32, next: impl Fn(&Node) -> u32) -> impl Iterator<Item = u32> {
        let mut at = first;
        std::iter::from_fn(move || {
            let slot = at;
            at = next(self.nodes.get(slot as usize)?);
            Some(slot)
        })
    }

    /// The order as sent, with price, quantity and display quantity as they are now.
    pub fn as_new(&self, slot: u32, user: crate::ids::UserId, market: crate::ids::MarketId) -> NewOrder {
        let (node, detail) = (self.node(slot), self.detail(slot));
        let plain = NewOrder {
            kind: node.kind,
            tif: detail.tif,
            stp: detail.stp,
            ..NewOrder::limit(user, market, node.side, PriceTicks(node.price), crate::num::QtyLots(detail.qty))
        };
        match self.extra(slot) {
            None => plain,
            Some(extra) => NewOrder { price: plain.price, qty: plain.qty, ..extra.new },
        }
    }

    /// When an open order ends by itself; 0 when it does not.
    pub fn expiry(&self, slot: u32) -> Timestamp {
        self.extra(slot).map_or(Timestamp(0), |extra| extra.new.expire_at)
    }

    /// (bytes of the book structures: nodes, index, levels; bytes of details and extras), by length in use.
    pub fn memory(&self) -> (usize, usize) {
        let book = self.nodes.len() * size_of::<Node>()
            + self.index.memory()
            + self.levels.len() * size_of::<Level>()
            + self.free.len() * 4;
        let rest = self.details.len() * size_of::<Detail>() + self.extras.len() * size_of::<Extra>();
        (book, rest)
    }
}

const _: () = assert!(size_of::<Node>() == 64 && size_of::<Detail>() <= 80 && size_of::<Level>() == 48);
