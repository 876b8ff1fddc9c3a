//! Orders that trade do not count against their account's limits (Binance Spot, "Unfilled Order Count Rules"): the first fill
//! of an order takes it off the counts, and of one that had waited in the book more than itself.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use allin_core::ids::{OrderId, UserId};
use allin_core::spot::event::{Event, Trade};
use allin_runtime::engine::Batch;

use super::app::App;

/// Taken off the counts by an order's first fill, as it took or as it waited.
const TAKER: u32 = 1;
const MAKER: u32 = 5;

/// Open orders that traded already. Of one that traded before the service began, the next fill counts as the first.
#[derive(Default)]
pub(super) struct Fills {
    partly: Mutex<HashSet<OrderId>>,
}

impl Fills {
    /// Lowers the counts by what a batch filled for the first time.
    pub fn apply(&self, app: &App, batch: &Batch) {
        let mut off: HashMap<UserId, u32> = HashMap::new();
        let mut partly = self.partly.lock().unwrap_or_else(PoisonError::into_inner);
        for event in batch.events.iter() {
            match event {
                Event::Trade(trade) => {
                    for (user, order, count) in sides(trade) {
                        if partly.insert(order) {
                            *off.entry(user).or_default() += count;
                        }
                    }
                }
                Event::Closed(closed) => {
                    partly.remove(&closed.order);
                }
                _ => {}
            }
        }
        drop(partly);
        let now = (app.handles.clock)();
        if !off.is_empty() && app.limits.counts_orders(now) {
            off.into_iter().for_each(|(user, count)| app.limits.take_off(user, count, now));
        }
    }
}

fn sides(trade: &Trade) -> [(UserId, OrderId, u32); 2] {
    [(trade.taker_user, trade.taker_order, TAKER), (trade.maker_user, trade.maker_order, MAKER)]
}
