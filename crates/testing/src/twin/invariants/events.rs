//! Folding one event.

use allin_core::ids::{ListId, MarketId, OrderId, UserId};
use allin_core::num::PriceTicks;
use allin_core::spot::command::{Account, Command, MarketState};
use allin_core::spot::event::{Event, Repeated};
use allin_core::spot::spec::MarketSpec;
use allin_core::text::ClientId;

use super::{Broken, Invariants, List, Market, require};

impl Invariants {
    pub(super) fn event(&mut self, command: &Command, event: &Event) -> Result<(), Broken> {
        match event {
            Event::AssetSet(spec) => {
                self.assets.retain(|asset| asset.id != spec.id);
                self.assets.insert(spec.id.0 as usize, *spec);
                Ok(())
            }
            Event::MarketSet(spec) => self.market_set(spec),
            Event::MarketStateSet { market, state, .. } => {
                self.market(*market)?;
                self.markets[market.0 as usize].state = *state;
                Ok(())
            }
            Event::UserSet { user, group, .. } => {
                self.groups.insert(*user, *group);
                Ok(())
            }
            Event::DiscountSet { asset, .. } => {
                self.discount = Some(*asset);
                Ok(())
            }
            Event::Posting(posting) => {
                require(posting.amount > 0, "a posting has an amount")?;
                if let Account::User(user) = posting.to {
                    self.groups.entry(user).or_insert(user);
                }
                Ok(())
            }
            Event::Placed(placed) => self.placed(placed),
            Event::Triggered { order, .. } => self.triggered(*order),
            Event::Trade(trade) => self.trade(trade),
            Event::Prevented { maker_order, taker_order, qty, price, .. } => {
                self.prevented(*maker_order, *taker_order, *qty, *price)
            }
            Event::Renamed { order, user, market, client_id } => self.renamed(*order, (*user, *market), *client_id),
            Event::Changed(changed) => self.changed(changed),
            Event::Closed(closed) => self.closed(closed),
            Event::Repeated(repeated) => self.repeated(command, repeated),
            Event::ListPlaced { list, user, market, contingency, orders, .. } => {
                require(list.0 == self.last_list + 1, "list ids are dense")?;
                self.last_list = list.0;
                let orders = orders.iter().filter(|order| order.0 != 0).copied().collect();
                self.lists.insert(*list, List { user: *user, market: *market, contingency: *contingency, orders });
                Ok(())
            }
            Event::ListDone { list, user, market } => self.list_done(*list, (*user, *market)),
            Event::Balance { .. }
            | Event::Refused(_)
            | Event::EpochStarted(_)
            | Event::LimitsSet(_)
            | Event::FeeTierSet { .. }
            | Event::DiscountRateSet { .. }
            | Event::PlaceRefused { .. }
            | Event::CancelRefused { .. }
            | Event::CountdownSet { .. }
            | Event::Uncrossed { .. } => Ok(()),
        }
    }

    fn renamed(&mut self, order: OrderId, of: (UserId, MarketId), client_id: ClientId) -> Result<(), Broken> {
        let known = self.open_mut(order)?;
        require((known.new.user, known.new.market) == of, "an order keeps its owner")?;
        require(known.new.client_id != client_id, "a new client id is another one")?;
        known.new.client_id = client_id;
        Ok(())
    }

    fn market_set(&mut self, spec: &MarketSpec) -> Result<(), Broken> {
        let (base, quote) = (self.assets[spec.base.0 as usize], self.assets[spec.quote.0 as usize]);
        let (base_unit, quote_unit) = spec.units(&base, &quote).map_err(|e| format!("{e:?}"))?;
        match self.markets.get_mut(spec.id.0 as usize) {
            Some(market) => market.spec = *spec,
            None => self.markets.push(Market {
                spec: *spec,
                base_unit,
                quote_unit,
                state: MarketState::PreOpen,
                last: PriceTicks::NONE,
                trades: 0,
            }),
        }
        Ok(())
    }

    fn list_done(&mut self, list: ListId, of: (UserId, MarketId)) -> Result<(), Broken> {
        let done = self.lists.remove(&list).ok_or("the list is there")?;
        require((done.user, done.market) == of, "a list has one owner and market")?;
        require(done.orders.iter().all(|order| !self.orders.contains_key(order)), "a list is done when its orders are")
    }

    /// Only a command with that client id is answered with it, and only of an order that there was.
    fn repeated(&self, command: &Command, repeated: &Repeated) -> Result<(), Broken> {
        let sent = match command {
            Command::Place(new) => new.client_id == repeated.client_id,
            Command::CancelReplace { order, .. } => order.client_id == repeated.client_id,
            Command::PlaceBatch(batch) => batch.iter().any(|new| new.client_id == repeated.client_id),
            Command::PlaceList(list) => list.client_id == repeated.client_id,
            _ => false,
        };
        require(sent && repeated.order.0 <= self.last_order, "the answer is to what was sent")
    }
}
