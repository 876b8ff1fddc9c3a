//! The fast machine behind the same trait.

use allin_core::ids::{AssetId, MarketId, OrderId, Seq, Timestamp, UserId};
use allin_core::spot::command::{Account, Command, Side};
use allin_core::spot::event::Event;
use allin_core::spot::view::{Balance, Conservation, LevelView, MarketView, OrderView, UserView};
use allin_core::spot::{Limits, Spot};

use super::machine::SpotMachine;

impl SpotMachine for Spot {
    const NAME: &'static str = "fast";

    fn start(client_ids_max: u32) -> Spot {
        Spot::new(Limits { client_ids_max })
    }

    fn apply(&mut self, seq: Seq, at: Timestamp, command: &Command) -> Vec<Event> {
        let mut events = Vec::new();
        Spot::apply(self, seq, at, command, &mut events);
        events
    }

    fn market(&self, market: MarketId) -> Option<MarketView> {
        Spot::market(self, market)
    }

    fn user(&self, user: UserId) -> Option<UserView> {
        Spot::user(self, user)
    }

    fn order(&self, order: OrderId) -> Option<OrderView> {
        Spot::order(self, order)
    }

    fn balance(&self, account: Account, asset: AssetId) -> Balance {
        Spot::balance(self, account, asset)
    }

    fn book(&self, market: MarketId, side: Side) -> Vec<OrderView> {
        Spot::book(self, market, side, 0, usize::MAX).0
    }

    fn depth(&self, market: MarketId, side: Side) -> Vec<LevelView> {
        Spot::depth(self, market, side, usize::MAX)
    }

    fn open_orders(&self, user: UserId) -> Vec<OrderView> {
        Spot::open_orders(self, user, None, None, 0, usize::MAX).0
    }

    fn conservation(&self) -> Vec<Conservation> {
        // What is kept with every posting is what the balances come to.
        assert!(self.sums_agree(), "{:?}", self.sums());
        Spot::conservation(self)
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        Spot::next_deadline(self)
    }
}
