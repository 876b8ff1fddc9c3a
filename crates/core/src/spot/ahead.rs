//! Loads what the next commands will need while the present one is applied: a load from memory takes hundreds of
//! nanoseconds, but nobody has to wait for one that was asked for early. Changes no state and no result.
//!
//! Commands move along a belt. At each station the loads that a command asked for at the station before have come, and
//! tell what to ask for next: from the id to the order, from the order to its account and neighbours, from there to the
//! balance. What the commands in between change makes some of this wrong, and the load useless, but nothing else.

use super::command::{Command, NewOrder, OrderRef, Side};
use super::place::crosses;
use super::state::{Seat, Spot};
use crate::book::ladder::Step;
use crate::book::orders::{NIL, key_of};
use crate::hash::{pair, spread, with_bytes};
use crate::prefetch::{prefetch, prefetch_at, prefetch_whole};

/// Stations of the belt; the last is passed just before the command is applied.
const STATIONS: usize = 7;
/// Commands between two stations: as many as are applied while memory answers.
const SPACING: usize = 3;
/// Commands on the belt.
const BELT: usize = 32;
/// With fewer orders and balances than this together, the processor's caches hold them all.
const SMALL_STATE: usize = 20_000;

const _: () = assert!(BELT.is_power_of_two() && BELT > STATIONS * SPACING);

/// What is known of a command on the belt.
#[derive(Clone, Copy, Debug)]
struct Way {
    /// Position of the command in its batch.
    index: usize,
    user: u64,
    /// Id of an open order, 0 for a new one.
    order: u64,
    /// Where it goes in the book; 0 when it does not.
    price: u64,
    /// Where it stands in the book.
    old_price: u64,
    to: Step,
    from: Step,
    market: u32,
    slot: u32,
    seat: u32,
    /// The maker that a crossing order meets first: its level, then its slot.
    maker: u32,
    side: Side,
}

const NOTHING: Way = Way {
    index: usize::MAX,
    user: 0,
    order: 0,
    price: 0,
    old_price: 0,
    to: Step::NONE,
    from: Step::NONE,
    market: u32::MAX,
    slot: NIL,
    seat: NIL,
    maker: NIL,
    side: Side::Buy,
};

/// The belt of one caller of [`Spot::look_ahead`]; kept from batch to batch.
#[derive(Clone, Debug)]
pub struct Ahead {
    ways: [Way; BELT],
    /// The id that the next new order on the belt will most likely get.
    next_order: u64,
    small_state: usize,
}

impl Default for Ahead {
    fn default() -> Self {
        Ahead { ways: [NOTHING; BELT], next_order: 0, small_state: SMALL_STATE }
    }
}

impl Ahead {
    /// Looks ahead in the smallest state too, for tests.
    pub fn always() -> Ahead {
        Ahead { small_state: 0, ..Ahead::default() }
    }
}

/// Commands between a station and the present command.
const fn distance(station: usize) -> usize {
    (STATIONS - 1 - station) * SPACING
}

impl Spot {
    /// See the module. To be called before each command of a batch is applied, in order; `command` gives the commands of the
    /// batch by their position, and `at` is that of the next one.
    #[inline]
    pub fn look_ahead<'a>(&self, ahead: &mut Ahead, at: usize, command: impl Fn(usize) -> Option<&'a Command>) {
        if self.orders.records.len() + self.ledger.entries.len() < ahead.small_state {
            return;
        }
        if at == 0 {
            // The first commands go through together, so that their loads overlap at least with each other's.
            ahead.next_order = self.next_order;
            (0..distance(0)).for_each(|index| self.enter(ahead, index, command(index)));
            (0..distance(1)).for_each(|index| self.pass::<1>(ahead, index));
            (0..distance(2)).for_each(|index| self.pass::<2>(ahead, index));
            (0..distance(3)).for_each(|index| self.pass::<3>(ahead, index));
            (0..distance(4)).for_each(|index| self.pass::<4>(ahead, index));
            (0..distance(5)).for_each(|index| self.pass::<5>(ahead, index));
        }
        self.enter(ahead, at + distance(0), command(at + distance(0)));
        self.pass::<1>(ahead, at + distance(1));
        self.pass::<2>(ahead, at + distance(2));
        self.pass::<3>(ahead, at + distance(3));
        self.pass::<4>(ahead, at + distance(4));
        self.pass::<5>(ahead, at + distance(5));
        self.pass::<6>(ahead, at);
    }

    /// The first station: asks for what the command names.
    #[inline]
    fn enter(&self, ahead: &mut Ahead, index: usize, command: Option<&Command>) {
        let way = &mut ahead.ways[index % BELT];
        let Some(command) = command else {
            way.index = usize::MAX;
            return;
        };
        *way = Way { index, ..aim(command) };
        if let Command::Place(NewOrder { client_id, .. }) = command {
            self.orders.index.prefetch(spread(ahead.next_order));
            ahead.next_order += 1;
            if !client_id.is_empty() {
                self.clients.index.prefetch(with_bytes(way.user, client_id.as_bytes()));
            }
        }
        let Some(market) = self.markets.get(way.market as usize) else { return };
        prefetch(&market.bids);
        prefetch(&market.asks);
        prefetch(&market.state);
        if way.price != 0 {
            prefetch_whole(&market.spec);
        }
        if way.order != 0 {
            self.orders.index.prefetch(spread(way.order));
        } else {
            self.seat_index.prefetch(pair(way.user, way.market as u64));
        }
    }

    /// A further station. New orders know their account at once and are a station ahead of the others.
    #[inline(always)]
    fn pass<const STATION: usize>(&self, ahead: &mut Ahead, index: usize) {
        let way = &mut ahead.ways[index % BELT];
        if way.index != index {
            return;
        }
        if way.order != 0 {
            match STATION {
                1 => self.ask_for_order(way),
                2 => self.ask_for_neighbours(way),
                3 => self.ask_for_funds(way),
                4 => self.ask_for_maker_account(way),
                5 => self.ask_for_maker_funds(way),
                _ => self.ask_for_queue(way),
            }
        } else {
            match STATION {
                1 => self.ask_for_account(way),
                2 => self.ask_for_funds(way),
                3 => self.ask_for_maker_account(way),
                4 => self.ask_for_maker_funds(way),
                5 => self.ask_for_queue(way),
                _ => {}
            }
        }
    }

    #[inline]
    fn ask_for_order(&self, way: &mut Way) {
        way.slot = self.orders.index.guess(spread(way.order)).unwrap_or(NIL);
        self.orders.prefetch(way.slot);
    }

    #[inline]
    fn ask_for_neighbours(&self, way: &mut Way) {
        let Some(record) = self.orders.records.get(way.slot as usize) else { return };
        let node = &record.node;
        (way.seat, way.side, way.old_price) = (node.seat, node.side, node.price);
        prefetch_at(&self.seats, way.seat as usize);
        for near in [node.prev, node.next, node.newer, node.older] {
            prefetch_at(&self.orders.records, near as usize);
        }
        prefetch_at(&self.orders.levels, node.level as usize);
        prefetch_at(&self.orders.extras, node.extra as usize);
        let Some(market) = self.markets.get(way.market as usize) else { return };
        way.from = market.ladder(way.side).first_step(&self.orders.rungs, key_of(way.side, way.old_price));
        self.enter_book(way);
    }

    #[inline]
    fn ask_for_account(&self, way: &mut Way) {
        let Some(market) = self.markets.get(way.market as usize) else { return };
        way.seat = self.seat_index.guess(pair(way.user, way.market as u64)).unwrap_or(NIL);
        prefetch_at(&self.seats, way.seat as usize);
        if way.seat == NIL {
            self.user_index.prefetch(spread(way.user));
            for asset in [market.spec.base, market.spec.quote] {
                self.ledger.prefetch_way(way.user, asset);
            }
        }
        self.enter_book(way);
    }

    /// The way to the new price, or the maker that it meets.
    #[inline]
    fn enter_book(&self, way: &mut Way) {
        let Some(market) = self.markets.get(way.market as usize) else { return };
        if way.price == 0 {
            return;
        }
        way.to = market.ladder(way.side).first_step(&self.orders.rungs, key_of(way.side, way.price));
        if let Some((key, level)) = market.ladder(way.side.opposite()).best()
            && crosses(way.side, way.price, key_of(way.side.opposite(), key))
        {
            way.maker = level;
            prefetch_at(&self.orders.levels, level as usize);
        }
    }

    /// What it holds: by its account in the market, or, where it is the first there, by the ledger's index.
    #[inline]
    fn ask_for_funds(&self, way: &mut Way) {
        if let Some(seat) = self.seats.get(way.seat as usize) {
            self.ledger.prefetch(if way.side == Side::Buy { seat.quote } else { seat.base });
            if way.order == 0 {
                prefetch_at(&self.orders.records, seat.newest as usize);
            }
            if way.maker != NIL {
                self.ask_for_all_of(seat);
            }
        } else if let Some(market) = self.markets.get(way.market as usize) {
            if let Some(user) = self.user_index.guess(spread(way.user)) {
                prefetch_at(&self.users, user as usize);
            }
            for asset in [market.spec.base, market.spec.quote] {
                self.ledger.prefetch(self.ledger.guess(way.user, asset));
            }
        }
        if let Some(level) = self.orders.levels.get(way.maker as usize) {
            way.maker = level.head;
            self.orders.prefetch(way.maker);
        }
        self.go_down(way);
    }

    /// Everything of an account that trades.
    #[inline]
    fn ask_for_all_of(&self, seat: &Seat) {
        self.ledger.prefetch(seat.base);
        self.ledger.prefetch(seat.quote);
        prefetch_at(&self.users, seat.user_at as usize);
    }

    #[inline]
    fn ask_for_maker_account(&self, way: &mut Way) {
        if let Some(maker) = self.orders.records.get(way.maker as usize) {
            prefetch_at(&self.seats, maker.node.seat as usize);
        }
        self.go_down(way);
    }

    #[inline]
    fn ask_for_maker_funds(&self, way: &mut Way) {
        if let Some(maker) = self.orders.records.get(way.maker as usize)
            && let Some(seat) = self.seats.get(maker.node.seat as usize)
        {
            self.ask_for_all_of(seat);
        }
        self.go_down(way);
        if let Some(level) = way.to.level() {
            prefetch_at(&self.orders.levels, level as usize);
        }
    }

    /// One step nearer to both prices.
    #[inline]
    fn go_down(&self, way: &mut Way) {
        way.to = way.to.next(&self.orders.rungs, key_of(way.side, way.price));
        if way.order != 0 {
            way.from = way.from.next(&self.orders.rungs, key_of(way.side, way.old_price));
        }
    }

    /// Whom it queues behind.
    #[inline]
    fn ask_for_queue(&self, way: &Way) {
        if let Some(level) = way.to.level()
            && let Some(level) = self.orders.levels.get(level as usize)
        {
            prefetch_at(&self.orders.records, level.tail as usize);
        }
    }
}

fn aim(command: &Command) -> Way {
    let by_id = |order: &OrderRef| match order {
        OrderRef::Id(id) => id.0,
        OrderRef::Client(_) => 0,
    };
    match command {
        Command::Place(new) => {
            Way { user: new.user.0, market: new.market.0, price: new.price.0, side: new.side, ..NOTHING }
        }
        Command::Cancel { user, market, order, .. } | Command::Reduce { user, market, order, .. } => {
            Way { user: user.0, order: by_id(order), market: market.0, ..NOTHING }
        }
        Command::Move { user, market, order, price } => {
            Way { user: user.0, order: by_id(order), market: market.0, price: price.0, ..NOTHING }
        }
        _ => NOTHING,
    }
}
