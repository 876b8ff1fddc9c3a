//! What each open order has paid in fees, added up from the bus: the engine keeps no such sum, and history is behind.

use std::collections::{HashMap, VecDeque};

use allin_core::ids::{AssetId, OrderId};
use allin_core::num::Amount;
use allin_core::spot::command::Side;
use allin_core::spot::event::{Event, Trade};

/// Closed orders whose fees are still known, for those who have just closed them.
const CLOSED_MAX: usize = 65_536;

/// The fees of the orders placed since the role began to listen.
#[derive(Default)]
pub(super) struct Fees {
    /// The first order that was placed since.
    from: Option<OrderId>,
    /// In the asset that the order receives. Discounted fees are in another and are not summed up.
    sums: HashMap<OrderId, Amount>,
    /// The oldest first.
    closed: VecDeque<OrderId>,
}

impl Fees {
    /// `pair` gives base and quote of a trade's market.
    pub fn apply(&mut self, event: &Event, pair: impl Fn(&Trade) -> Option<(AssetId, AssetId)>) {
        match event {
            Event::Placed(placed) => {
                self.from.get_or_insert(placed.order);
            }
            Event::Trade(trade) => {
                let Some((base, quote)) = pair(trade) else { return };
                let received = |side| if side == Side::Buy { base } else { quote };
                let maker = (received(trade.taker_side.opposite()), trade.maker_fee_asset, trade.maker_fee);
                let taker = (received(trade.taker_side), trade.taker_fee_asset, trade.taker_fee);
                self.add(trade.maker_order, maker);
                self.add(trade.taker_order, taker);
            }
            Event::Closed(closed) if self.sums.contains_key(&closed.order) => {
                self.closed.push_back(closed.order);
                if self.closed.len() > CLOSED_MAX
                    && let Some(oldest) = self.closed.pop_front()
                {
                    self.sums.remove(&oldest);
                }
            }
            _ => {}
        }
    }

    /// Of an order that is open or was closed a moment ago; none when it is from before our time.
    pub fn of(&self, order: OrderId) -> Option<Amount> {
        let ours = self.from.is_some_and(|from| order >= from);
        ours.then(|| self.sums.get(&order).copied().unwrap_or_default())
    }

    fn add(&mut self, order: OrderId, (received, asset, fee): (AssetId, AssetId, Amount)) {
        let ours = self.from.is_some_and(|from| order >= from);
        if ours && fee != 0 && asset == received {
            *self.sums.entry(order).or_default() += fee;
        }
    }
}
