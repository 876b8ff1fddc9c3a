//! The order methods, and how an order looks in all of them.

mod cancel;
mod depth;
mod fees;
mod finished;
mod open;
mod put;

pub(super) use cancel::cancel;
pub(super) use depth::depth;
pub(super) use finished::{deals, finished, finished_detail};
pub(super) use open::{book, pending, pending_detail};
pub(super) use put::{put_limit, put_market};

use allin_core::ids::{AssetId, OrderId, Timestamp};
use allin_core::num::{Amount, FeeRates, QtyLots};
use allin_core::spot::command::{NewOrder, Side};
use allin_core::spot::view::OrderView;
use allin_wire::viabtc::{self, Decimal, Seconds, side_number};

use super::number::{print_lots, print_price, print_rate};
use super::state::MarketInfo;

/// What there is to show of an order, wherever it was learnt.
#[derive(Clone, Copy, Debug)]
struct State<'a> {
    order: OrderId,
    new: &'a NewOrder,
    rates: FeeRates,
    created_at: Timestamp,
    updated_at: Timestamp,
    left: QtyLots,
    filled: QtyLots,
    filled_quote: Amount,
    fee: Option<Decimal>,
}

impl<'a> State<'a> {
    fn of_view(view: &'a OrderView, fee: Option<Decimal>) -> State<'a> {
        State {
            order: view.order,
            new: &view.new,
            rates: view.rates,
            created_at: view.created_at,
            updated_at: view.updated_at,
            left: view.left,
            filled: view.filled,
            filled_quote: view.filled_quote,
            fee,
        }
    }

    fn print(self, market: &'a MarketInfo) -> viabtc::Order<'a> {
        let limit = self.new.kind.has_price();
        let quote = |amount| Decimal::new(amount, market.quote.scale);
        // Of a market order that spends money, amount and what is left of it are money.
        let (amount, left) = match self.new.quote_amount {
            0 => (print_lots(self.new.qty, market), print_lots(self.left, market)),
            money => (quote(money), quote(money - self.filled_quote)),
        };
        viabtc::Order {
            id: self.order.0,
            market: market.symbol(),
            source: self.new.source.as_str(),
            kind: if limit { 1 } else { 2 },
            side: side_number(self.new.side),
            user: self.new.user.0,
            ctime: Seconds(self.created_at),
            mtime: Seconds(self.updated_at),
            price: print_price(self.new.price, market),
            amount,
            taker_fee: print_rate(self.rates.taker),
            // A market order never rests.
            maker_fee: if limit { print_rate(self.rates.maker) } else { Decimal::ZERO },
            left,
            deal_stock: print_lots(self.filled, market),
            deal_money: quote(self.filled_quote),
            deal_fee: self.fee,
        }
    }
}

/// The asset that an order receives, which is the one its fee is taken in: base when it buys, quote when it sells.
fn fee_asset(side: Side, market: &MarketInfo) -> AssetId {
    match side {
        Side::Buy => market.base.id,
        Side::Sell => market.quote.id,
    }
}

fn fee_scale(side: Side, market: &MarketInfo) -> u8 {
    match side {
        Side::Buy => market.base.scale,
        Side::Sell => market.quote.scale,
    }
}
