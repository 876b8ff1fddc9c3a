//! Loads what the next commands will need before they are applied, many at once: a load from memory takes hundreds of
//! nanoseconds, but a dozen that do not wait for each other take hardly longer than one. Changes no state and no result.

use std::hint::black_box;

use super::command::{Command, OrderRef, Side};
use super::state::Spot;
use crate::book::orders::{NIL, key_of};
use crate::hash::{pair, spread};
use crate::ids::{MarketId, OrderId, UserId};

/// Commands that are loaded together.
const GROUP: usize = 16;

/// What a command will touch, as far as it is known.
#[derive(Clone, Copy)]
struct Target {
    order: Option<OrderId>,
    slot: u32,
    seat: u32,
    user: UserId,
    market: MarketId,
    /// Where it goes in the book, if it does.
    price: u64,
    side: Side,
}

const NOTHING: Target = Target {
    order: None,
    slot: NIL,
    seat: NIL,
    user: UserId(0),
    market: MarketId(u32::MAX),
    price: 0,
    side: Side::Buy,
};

impl Spot {
    /// See the module. Worth its while where the state is larger than the caches.
    pub fn warm<'a>(&self, commands: impl IntoIterator<Item = &'a Command>) {
        let mut commands = commands.into_iter();
        loop {
            let mut targets = [NOTHING; GROUP];
            let mut count = 0;
            for (target, command) in targets.iter_mut().zip(&mut commands) {
                *target = aim(command);
                count += 1;
            }
            if count == 0 {
                return;
            }
            let targets = &mut targets[..count];
            // Each step's loads depend on the step before, and not on each other.
            self.load_places(targets);
            self.load_orders(targets);
            self.load_neighbours(targets);
            self.load_books(targets);
        }
    }

    fn load_places(&self, targets: &[Target]) {
        let mut sum = 0;
        for target in targets {
            if let Some(order) = target.order {
                sum ^= self.orders.index.touch(spread(order.0));
            } else if target.price != 0 {
                sum ^= self.seat_index.touch(pair(target.user.0, target.market.0 as u64));
            }
            sum ^= self
                .markets
                .get(target.market.0 as usize)
                .map_or(0, |market| market.last ^ market.spec.filters.qty_max.0);
        }
        black_box(sum);
    }

    fn load_orders(&self, targets: &mut [Target]) {
        let mut sum = 0;
        for target in targets {
            match target.order {
                Some(order) => {
                    let Some(slot) = self.orders.find(order) else { continue };
                    target.slot = slot;
                    sum ^= self.orders.detail(slot).updated ^ self.orders.detail(slot).qty;
                }
                None if target.price != 0 => {
                    target.seat = self.find_seat(target.user.0, target.market).unwrap_or(NIL);
                }
                None => {}
            }
        }
        black_box(sum);
    }

    fn load_neighbours(&self, targets: &mut [Target]) {
        let mut sum = 0;
        for target in targets {
            if target.slot != NIL {
                let node = self.orders.node(target.slot);
                (target.seat, target.side) = (node.seat, node.side);
                for near in [node.prev, node.next] {
                    sum ^= self.orders.nodes.get(near as usize).map_or(0, |near| near.id);
                }
                sum ^= self.orders.levels.get(node.level as usize).map_or(0, |level| level.head as u64);
                sum ^= self.orders.extra(target.slot).map_or(0, |extra| extra.extreme);
            }
            if let Some(seat) = self.seats.get(target.seat as usize) {
                sum ^= seat.user ^ seat.lists as u64;
            }
        }
        black_box(sum);
    }

    fn load_books(&self, targets: &[Target]) {
        let mut sum = 0;
        for target in targets {
            if let Some(seat) = self.seats.get(target.seat as usize) {
                let place = if target.side == Side::Buy { seat.quote } else { seat.base };
                sum ^= self.ledger.balance(place).available as u64;
                sum ^= self.users[seat.user_at as usize].group;
                sum ^= self.orders.details.get(seat.newest as usize).map_or(0, |newest| newest.updated);
            }
            let Some(market) = self.markets.get(target.market.0 as usize) else { continue };
            let ladder = market.ladder(target.side);
            for price in [target.price, self.orders.nodes.get(target.slot as usize).map_or(0, |node| node.price)] {
                if price != 0 {
                    sum ^= ladder.touch(&self.orders.rungs, key_of(target.side, price)) as u64;
                }
            }
            if let Some((_, level)) = market.ladder(target.side.opposite()).best() {
                sum ^= self.orders.levels[level as usize].head as u64;
            }
        }
        black_box(sum);
    }
}

fn aim(command: &Command) -> Target {
    let by_id = |order: &OrderRef| match order {
        OrderRef::Id(id) => Some(*id),
        OrderRef::Client(_) => None,
    };
    match command {
        Command::Place(new) => {
            Target { user: new.user, market: new.market, price: new.price.0, side: new.side, ..NOTHING }
        }
        Command::Cancel { market, order, .. } | Command::Reduce { market, order, .. } => {
            Target { order: by_id(order), market: *market, ..NOTHING }
        }
        Command::Move { market, order, price, .. } => {
            Target { order: by_id(order), market: *market, price: price.0, ..NOTHING }
        }
        _ => NOTHING,
    }
}
