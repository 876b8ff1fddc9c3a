//! What the fast machine and its twin have in common, so that one suite runs on both.

use allin_core::ids::{AssetId, MarketId, OrderId, Seq, Timestamp, UserId};
use allin_core::spot::command::{Account, Command, Side};
use allin_core::spot::event::Event;
use allin_core::spot::view::{Balance, Conservation, LevelView, MarketView, OrderView, UserView};

use super::Twin;

pub trait SpotMachine: Sized {
    const NAME: &'static str;

    fn start(client_ids_max: u32) -> Self;
    fn apply(&mut self, seq: Seq, at: Timestamp, command: &Command) -> Vec<Event>;

    fn market(&self, market: MarketId) -> Option<MarketView>;
    fn user(&self, user: UserId) -> Option<UserView>;
    fn order(&self, order: OrderId) -> Option<OrderView>;
    fn balance(&self, account: Account, asset: AssetId) -> Balance;
    fn book(&self, market: MarketId, side: Side) -> Vec<OrderView>;
    fn depth(&self, market: MarketId, side: Side) -> Vec<LevelView>;
    /// Open orders of a user, newest first.
    fn open_orders(&self, user: UserId) -> Vec<OrderView>;
    fn conservation(&self) -> Vec<Conservation>;
    fn next_deadline(&self) -> Option<Timestamp>;
}

impl SpotMachine for Twin {
    const NAME: &'static str = "twin";

    fn start(client_ids_max: u32) -> Twin {
        Twin::new(client_ids_max)
    }

    fn apply(&mut self, seq: Seq, at: Timestamp, command: &Command) -> Vec<Event> {
        Twin::apply(self, seq, at, command)
    }

    fn market(&self, market: MarketId) -> Option<MarketView> {
        self.market_view(market)
    }

    fn user(&self, user: UserId) -> Option<UserView> {
        Twin::user(self, user)
    }

    fn order(&self, order: OrderId) -> Option<OrderView> {
        Twin::order(self, order)
    }

    fn balance(&self, account: Account, asset: AssetId) -> Balance {
        Twin::balance(self, account, asset)
    }

    fn book(&self, market: MarketId, side: Side) -> Vec<OrderView> {
        self.book_view(market, side)
    }

    fn depth(&self, market: MarketId, side: Side) -> Vec<LevelView> {
        Twin::depth(self, market, side)
    }

    fn open_orders(&self, user: UserId) -> Vec<OrderView> {
        let mut orders: Vec<OrderView> = Twin::open_orders(self).into_iter().filter(|o| o.new.user == user).collect();
        orders.reverse();
        orders
    }

    fn conservation(&self) -> Vec<Conservation> {
        Twin::conservation(self)
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        Twin::next_deadline(self)
    }
}

/// Everything that queries tell of a small world, for comparison.
#[derive(PartialEq, Debug)]
pub struct Observation {
    markets: Vec<MarketView>,
    users: Vec<Option<UserView>>,
    balances: Vec<Balance>,
    books: Vec<Vec<OrderView>>,
    depths: Vec<Vec<LevelView>>,
    open: Vec<Vec<OrderView>>,
    conservation: Vec<Conservation>,
    next_deadline: Option<Timestamp>,
}

/// Looks at users 1 to `users`, the exchange's own accounts, and everything of every market.
pub fn observe(machine: &impl SpotMachine, users: u64) -> Observation {
    let markets: Vec<MarketView> = (0..).map_while(|id| machine.market(MarketId(id))).collect();
    let conservation = machine.conservation();
    let users: Vec<UserId> = (1..=users).map(UserId).collect();
    let own =
        [Account::Fees, Account::Rounding, Account::House, Account::Insurance, Account::Deposits, Account::Withdrawals];
    let accounts: Vec<Account> = users.iter().map(|user| Account::User(*user)).chain(own).collect();
    let sides: Vec<(MarketId, Side)> =
        markets.iter().flat_map(|m| [(m.spec.id, Side::Buy), (m.spec.id, Side::Sell)]).collect();
    Observation {
        users: users.iter().map(|user| machine.user(*user)).collect(),
        balances: accounts
            .iter()
            .flat_map(|account| conservation.iter().map(|c| machine.balance(*account, c.asset)))
            .collect(),
        books: sides.iter().map(|(market, side)| machine.book(*market, *side)).collect(),
        depths: sides.iter().map(|(market, side)| machine.depth(*market, *side)).collect(),
        open: users.iter().map(|user| machine.open_orders(*user)).collect(),
        next_deadline: machine.next_deadline(),
        markets,
        conservation,
    }
}
