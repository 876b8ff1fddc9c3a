//! Client ids: unique per user among open orders and for 24 h after; a repetition gets its first answer again.

use std::collections::VecDeque;

use super::command::{ListOrders, NewList, NewOrder};
use super::event::{OrderStatus, Repeated};
use super::reject::Reject;
use super::state::Spot;
use crate::digest::Digest;
use crate::hash::with_bytes;
use crate::ids::{MarketId, OrderId, Timestamp, UserId};
use crate::num::{Amount, QtyLots};
use crate::slots::SlotIndex;
use crate::text::ClientId;

/// How long a client id is kept after its order closed.
pub const KEEP_US: u64 = Timestamp::DAY;

/// A known client id and the answer its command got.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub user: u64,
    pub id: ClientId,
    pub market: u32,
    /// Hash of the whole order as sent.
    pub body: u64,
    /// The order, or the first order of the list.
    pub order: u64,
    /// Names a list, not an order.
    pub is_list: bool,
    pub at: u64,
    pub status: OrderStatus,
    pub filled: u64,
    pub filled_quote: Amount,
    pub open: bool,
}

#[derive(Clone, Default)]
pub(super) struct Clients {
    pub entries: Vec<Option<Client>>,
    pub free: Vec<u32>,
    pub index: SlotIndex,
    /// (when to forget, entry), in that order.
    pub closing: VecDeque<(u64, u32)>,
    /// Entries of this command, whose answer is not final yet.
    pub fresh: Vec<u32>,
}

/// What is known of a client id.
pub(super) enum Known {
    New,
    Again(Repeated),
}

impl Clients {
    pub fn find(&self, user: u64, id: &ClientId) -> Option<u32> {
        let is = |at: u32| self.entries[at as usize].as_ref().is_some_and(|c| c.user == user && c.id == *id);
        self.index.find(with_bytes(user, id.as_bytes()), is)
    }

    pub fn entry(&self, at: u32) -> &Client {
        self.entries[at as usize].as_ref().expect("indexed entries are there")
    }

    fn entry_mut(&mut self, at: u32) -> &mut Client {
        self.entries[at as usize].as_mut().expect("indexed entries are there")
    }

    fn insert(&mut self, client: Client) {
        let key = with_bytes(client.user, client.id.as_bytes());
        let at = match self.free.pop() {
            Some(at) => {
                self.entries[at as usize] = Some(client);
                at
            }
            None => {
                self.entries.push(Some(client));
                self.entries.len() as u32 - 1
            }
        };
        self.index.insert(key, at);
        self.fresh.push(at);
    }

    /// Forgets ids whose time is over.
    pub fn expire(&mut self, now: Timestamp) {
        while let Some((until, at)) = self.closing.front().copied() {
            if until > now.0 {
                break;
            }
            self.closing.pop_front();
            let client = self.entries[at as usize].take().expect("closed entries are there");
            self.index.remove(with_bytes(client.user, client.id.as_bytes()), at);
            self.free.push(at);
        }
    }
}

impl Spot {
    /// Looks a client id up; `body` is the hash of what is sent now.
    pub(super) fn known_client(&self, user: UserId, id: &ClientId, body: u64) -> Result<Known, Reject> {
        let Some(at) = self.clients.find(user.0, id) else {
            let full = self.clients.index.len() >= self.limits.client_ids_max as usize;
            return if full { Err(Reject::ClientIdsFull) } else { Ok(Known::New) };
        };
        let client = self.clients.entry(at);
        if client.body != body {
            return Err(Reject::ClientIdConflict);
        }
        Ok(Known::Again(Repeated {
            order: OrderId(client.order),
            user,
            market: MarketId(client.market),
            client_id: client.id,
            at: Timestamp(client.at),
            status: client.status,
            filled: QtyLots(client.filled),
            filled_quote: client.filled_quote,
        }))
    }

    /// Remembers the client id of an accepted order or list.
    pub(super) fn remember_client(
        &mut self,
        user: UserId,
        id: ClientId,
        market: MarketId,
        body: u64,
        order: u64,
        is_list: bool,
    ) {
        if id.is_empty() {
            return;
        }
        let at = self.time.0;
        self.clients.insert(Client {
            user: user.0,
            id,
            market: market.0,
            body,
            order,
            is_list,
            at,
            status: OrderStatus::New,
            filled: 0,
            filled_quote: 0,
            open: true,
        });
    }

    /// An order (or list) with a client id closed: starts the 24 h.
    pub(super) fn close_client(
        &mut self,
        user: u64,
        id: &ClientId,
        status: OrderStatus,
        filled: u64,
        filled_quote: Amount,
    ) {
        if id.is_empty() {
            return;
        }
        let Some(at) = self.clients.find(user, id) else { return };
        let forget_at = self.time.plus(KEEP_US).0;
        let is_fresh = self.clients.fresh.contains(&at);
        let client = self.clients.entry_mut(at);
        if !std::mem::replace(&mut client.open, false) {
            return;
        }
        if is_fresh {
            client.status = status;
            client.filled = filled;
            client.filled_quote = filled_quote;
        }
        self.clients.closing.push_back((forget_at, at));
    }

    /// Ends a command: the answers of its orders are what they are now.
    pub(super) fn settle_fresh_clients(&mut self) {
        while let Some(at) = self.clients.fresh.pop() {
            let client = *self.clients.entry(at);
            if !client.open {
                continue;
            }
            let Some(slot) = self.orders.find(OrderId(client.order)) else { continue };
            let (status, filled) = (self.status_of(slot), self.filled_of(slot));
            let filled_quote = self.orders.detail(slot).filled_quote;
            let entry = self.clients.entry_mut(at);
            entry.status = status;
            entry.filled = filled;
            entry.filled_quote = filled_quote;
        }
    }
}

/// Hash of an order as sent, client id included.
pub(super) fn body_of(new: &NewOrder) -> u64 {
    let mut digest = Digest::NEW;
    add_order(&mut digest, new);
    digest.value()
}

/// Hash of a list as sent.
pub(super) fn body_of_list(new: &NewList) -> u64 {
    let mut digest = Digest::NEW;
    digest.bytes(new.client_id.as_bytes());
    let kind = match new.orders {
        ListOrders::Oco { .. } => 1,
        ListOrders::Oto { .. } => 2,
        ListOrders::Otoco { .. } => 3,
    };
    digest.pair(kind, 0);
    for order in new.orders.as_array().into_iter().flatten() {
        add_order(&mut digest, order);
    }
    digest.value()
}

fn add_order(digest: &mut Digest, new: &NewOrder) {
    let kinds = (new.side as u64) | (new.kind as u64) << 8 | (new.tif as u64) << 16 | (new.stp as u64) << 24;
    digest.pair(new.user.0, (new.market.0 as u64) << 32 | kinds);
    digest.pair(new.price.0, new.qty.0);
    digest.wide(new.quote_amount);
    digest.pair(new.stop_price.0, new.trailing_delta as u64);
    digest.pair(new.display_qty.0, new.expire_at.0);
    digest.bytes(new.client_id.as_bytes());
    let fees = new.fees.map_or(u64::MAX, |f| (f.maker.0 as u32 as u64) << 32 | f.taker.0 as u32 as u64);
    digest.pair(fees, new.fees.is_some() as u64);
    digest.bytes(new.source.as_bytes());
    digest.pair(new.strategy_id, new.strategy_type as u64);
}
