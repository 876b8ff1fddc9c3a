//! Open orders and price levels, in slabs. An order is two neighbouring cache lines, `Node` for what matching reads and links
//! and `Detail` for the rest, and an `Extra` only where it has one (client id, stop, iceberg, list …).

use super::ladder::{Ladder, Rungs};
use crate::hash::spread;
use crate::ids::{ListId, MarketId, OrderId, Timestamp, UserId};
use crate::num::{Amount, FeeRates, PriceTicks};
use crate::prefetch::prefetch;
use crate::slots::SlotIndex;
use crate::spot::command::{NewOrder, OrderKind, Side, StpMode, TimeInForce};
use crate::text::ClientId;

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

/// What matching touches, and the order's neighbours: one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Node {
    /// 0 when the slot is free.
    pub id: u64,
    pub price: u64,
    pub left: u64,
    pub seat: u32,
    pub level: u32,
    /// Neighbours in the level's queue.
    pub prev: u32,
    pub next: u32,
    /// Neighbours among the orders of the seat.
    pub newer: u32,
    pub older: u32,
    pub extra: u32,
    pub amends: u16,
    pub side: Side,
    pub kind: OrderKind,
    pub stage: Stage,
    pub marks: Marks,
    pub tif: TimeInForce,
    pub stp: StpMode,
    /// A stop that was triggered, or a pending order that was activated.
    pub triggered: bool,
}

/// What makes an order more than plain.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Marks(pub u8);

impl Marks {
    const LISTED: u8 = 1;
    const ICEBERG: u8 = 2;

    pub fn new(listed: bool, iceberg: bool) -> Marks {
        Marks((listed as u8 * Self::LISTED) | (iceberg as u8 * Self::ICEBERG))
    }

    /// In an order list, so that its fills concern others.
    #[inline]
    pub fn listed(self) -> bool {
        self.0 & Self::LISTED != 0
    }

    /// Shows a part of what is left; the extra says how much.
    #[inline]
    pub fn iceberg(self) -> bool {
        self.0 & Self::ICEBERG != 0
    }
}

/// What fills change, and answers, events and snapshots read: one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Detail {
    /// Total quantity as it is now.
    pub qty: u64,
    pub prevented: u64,
    pub filled_quote: Amount,
    pub created: u64,
    pub updated: u64,
    pub rates: FeeRates,
}

/// An order. Side by side, so that both parts lie in one page of memory.
#[derive(Clone, Copy, Debug)]
#[repr(align(128))]
pub struct Record {
    pub node: Node,
    pub detail: Detail,
}

/// What few orders have.
#[derive(Clone, Copy, Debug)]
pub struct Extra {
    pub new: NewOrder,
    pub list: ListId,
    /// Trailing stop: active, and the best price since.
    pub trailing: bool,
    pub extreme: u64,
    /// Iceberg: the part in the book that others see.
    pub visible: u64,
    /// Funds held while waiting, where price and quantity do not tell (market-like stop buys).
    pub reserve: Amount,
}

/// A price level: its queue of orders. Its price is its orders'.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    /// [`NIL`] when the level is free.
    pub head: u32,
    pub tail: u32,
}

#[derive(Clone, Default)]
pub struct Orders {
    pub records: Vec<Record>,
    pub extras: Vec<Extra>,
    pub free: Vec<u32>,
    pub free_extras: Vec<u32>,
    pub index: SlotIndex,
    pub levels: Vec<Level>,
    pub free_levels: Vec<u32>,
    pub rungs: Rungs,
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
        self.index.find(spread(id.0), |slot| self.records[slot as usize].node.id == id.0)
    }

    #[inline]
    pub fn node(&self, slot: u32) -> &Node {
        &self.records[slot as usize].node
    }

    #[inline]
    pub fn node_mut(&mut self, slot: u32) -> &mut Node {
        &mut self.records[slot as usize].node
    }

    /// Of every slot, free ones too.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.records.iter().map(|record| &record.node)
    }

    #[inline]
    pub fn detail(&self, slot: u32) -> &Detail {
        &self.records[slot as usize].detail
    }

    #[inline]
    pub fn detail_mut(&mut self, slot: u32) -> &mut Detail {
        &mut self.records[slot as usize].detail
    }

    pub fn extra(&self, slot: u32) -> Option<&Extra> {
        self.extras.get(self.node(slot).extra as usize)
    }

    pub fn extra_mut(&mut self, slot: u32) -> Option<&mut Extra> {
        let extra = self.node(slot).extra;
        self.extras.get_mut(extra as usize)
    }

    /// Starts loading an order, if there is one.
    #[inline]
    pub fn prefetch(&self, slot: u32) {
        if let Some(record) = self.records.get(slot as usize) {
            prefetch(&record.node);
            prefetch(&record.detail);
        }
    }

    /// Stores an order and gives its slot.
    #[inline]
    pub fn store(&mut self, node: Node, detail: Detail) -> u32 {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.records[slot as usize] = Record { node, detail };
                slot
            }
            None => {
                self.records.push(Record { node, detail });
                u32::try_from(self.records.len() - 1).expect("fewer than 2^32 open orders")
            }
        };
        self.index.insert(spread(node.id), slot);
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
        let node = &mut self.records[slot as usize].node;
        let id = std::mem::replace(&mut node.id, 0);
        if node.extra != NIL {
            self.free_extras.push(node.extra);
        }
        self.index.remove(spread(id), slot);
        self.free.push(slot);
    }

    /// The part of a resting order that others see, and that trades before the order queues again.
    #[inline]
    pub fn visible(&self, node: &Node) -> u64 {
        if node.marks.iceberg() { self.extras[node.extra as usize].visible } else { node.left }
    }

    /// Shows the display quantity of an iceberg, or what is left of it.
    pub fn refill(&mut self, slot: u32) {
        let node = *self.node(slot);
        if node.marks.iceberg() {
            let extra = &mut self.extras[node.extra as usize];
            extra.visible = extra.new.display_qty.0.min(node.left);
        }
    }

    /// Appends an order to the queue of its price.
    #[inline]
    pub fn enqueue(&mut self, ladder: &mut Ladder, slot: u32) {
        let node = &self.records[slot as usize].node;
        let key = key_of(node.side, node.price);
        ladder.orders += 1;
        ladder.lots += node.left as u128;
        let (levels, free) = (&mut self.levels, &mut self.free_levels);
        let at = ladder.find_or_insert(&mut self.rungs, key, || {
            let level = Level { head: NIL, tail: NIL };
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
        if tail == NIL {
            level.head = slot;
        } else {
            self.records[tail as usize].node.next = slot;
        }
        let node = &mut self.records[slot as usize].node;
        node.level = at;
        node.prev = tail;
        node.next = NIL;
        node.stage = Stage::Resting;
    }

    /// Takes an order out of its queue, and the level away when it was the last.
    #[inline]
    pub fn dequeue(&mut self, ladder: &mut Ladder, slot: u32) {
        let Node { level: at, prev, next, price, side, left, .. } = self.records[slot as usize].node;
        ladder.orders -= 1;
        ladder.lots -= left as u128;
        if prev == NIL && next == NIL {
            ladder.remove(&mut self.rungs, key_of(side, price));
            self.levels[at as usize].head = NIL;
            self.free_levels.push(at);
            return;
        }
        if prev == NIL {
            self.levels[at as usize].head = next;
        } else {
            self.records[prev as usize].node.next = next;
        }
        if next == NIL {
            self.levels[at as usize].tail = prev;
        } else {
            self.records[next as usize].node.prev = prev;
        }
    }

    /// Takes `lots` off what a resting order has left, `visible` of them off what it shows; its place in the queue stays.
    #[inline]
    pub fn shrink(&mut self, ladder: &mut Ladder, slot: u32, lots: u64, visible: u64) {
        ladder.lots -= lots as u128;
        let node = &mut self.records[slot as usize].node;
        node.left -= lots;
        if node.marks.iceberg() {
            self.extras[node.extra as usize].visible -= visible;
        }
    }

    /// Resting orders of a ladder in the order of execution.
    pub fn walk<'a>(&'a self, ladder: &'a Ladder) -> impl Iterator<Item = u32> + 'a {
        ladder.iter(&self.rungs).flat_map(|level| self.queue(level))
    }

    /// The slots of a level's queue, first to last.
    pub fn queue(&self, level: u32) -> impl Iterator<Item = u32> {
        let mut at = self.levels[level as usize].head;
        std::iter::from_fn(move || {
            let slot = at;
            at = self.records.get(slot as usize)?.node.next;
            Some(slot)
        })
    }

    /// The slots of a seat's orders from `newest` on.
    pub fn of_seat(&self, newest: u32) -> impl Iterator<Item = u32> {
        let mut at = newest;
        std::iter::from_fn(move || {
            let slot = at;
            at = self.records.get(slot as usize)?.node.older;
            Some(slot)
        })
    }

    /// The order as sent, with price, quantity and display quantity as they are now.
    pub fn as_new(&self, slot: u32, user: UserId, market: MarketId) -> NewOrder {
        let (node, detail) = (self.node(slot), self.detail(slot));
        let plain = NewOrder {
            kind: node.kind,
            tif: node.tif,
            stp: node.stp,
            ..NewOrder::limit(user, market, node.side, PriceTicks(node.price), crate::num::QtyLots(detail.qty))
        };
        match self.extra(slot) {
            None => plain,
            Some(extra) => NewOrder { price: plain.price, qty: plain.qty, ..extra.new },
        }
    }

    pub fn client_id(&self, slot: u32) -> ClientId {
        self.extra(slot).map_or(ClientId::EMPTY, |extra| extra.new.client_id)
    }

    /// Gives an open order another client id.
    pub fn set_client_id(&mut self, slot: u32, user: UserId, market: MarketId, client_id: ClientId) {
        if self.node(slot).extra == NIL {
            let new = self.as_new(slot, user, market);
            let extra = Extra { new, list: ListId(0), trailing: false, extreme: 0, visible: 0, reserve: 0 };
            let extra = self.store_extra(extra);
            self.node_mut(slot).extra = extra;
        }
        self.extra_mut(slot).expect("made above").new.client_id = client_id;
    }

    /// When an open order ends by itself; 0 when it does not.
    pub fn expiry(&self, slot: u32) -> Timestamp {
        self.extra(slot).map_or(Timestamp(0), |extra| extra.new.expire_at)
    }

    /// (bytes of the book structures: nodes, index, levels, ladders; bytes of details and extras), in use.
    pub fn memory(&self) -> (usize, usize) {
        let lists = (self.free.len() + self.free_levels.len()) * 4;
        let levels = self.levels.len() * size_of::<Level>() + self.rungs.memory();
        let book = self.records.len() * size_of::<Node>() + self.index.memory() + levels + lists;
        let rest = self.records.len() * size_of::<Detail>() + self.extras.len() * size_of::<Extra>();
        (book, rest)
    }
}

const _: () = assert!(size_of::<Node>() == 64 && size_of::<Detail>() == 64 && size_of::<Level>() == 8);
