//! What events say, in JSON: amounts as decimal strings, times in microseconds since 1970, enumerations as the public API has
//! them. What an order does not have is left out.

use allin_core::ids::{AssetId, MarketId, OrderId, UserId};
use allin_core::num::{Amount, FeeRate, PriceTicks, QtyLots, decimal};
use allin_core::spot::command::{Account, Side};
use allin_core::spot::event::{ChangeCause, Changed, CloseCause, Closed, Event, Placed, Posting, Trade};
use allin_runtime::engine::Record;
use serde::Serialize;

use crate::catalog::{Catalog, Listing};
use crate::history_schema::codes;

/// Of fee rates, as a share of the amount.
const RATE_SCALE: u8 = 8;

/// The key and the text of a message.
pub(super) type Worded = (String, String);

/// Words for the events of one command.
pub(super) struct Words<'a> {
    pub catalog: &'a Catalog,
    pub record: &'a Record,
}

#[derive(Serialize)]
struct Deal<'a> {
    seq: u64,
    at_us: u64,
    market: &'a str,
    trade: u64,
    price: String,
    qty: String,
    quote: String,
    taker_side: &'static str,
    auction: bool,
    maker_order: u64,
    taker_order: u64,
    maker_user: u64,
    taker_user: u64,
    maker_fee: String,
    maker_fee_asset: &'a str,
    taker_fee: String,
    taker_fee_asset: &'a str,
    maker_left: String,
    taker_left: String,
}

/// An event of an order or a list; each sort fills in what it has.
#[derive(Default, Serialize)]
struct Told<'a> {
    event: &'static str,
    seq: u64,
    at_us: u64,
    market: &'a str,
    user: u64,
    #[serde(skip_serializing_if = "is_zero")]
    order: u64,
    #[serde(skip_serializing_if = "is_zero")]
    list: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    terms: Option<Terms<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qty: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filled: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filled_quote: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contingency: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    orders: Option<Vec<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<Other>,
}

/// As the order was sent.
#[derive(Serialize)]
struct Terms<'a> {
    side: &'static str,
    r#type: Option<&'static str>,
    time_in_force: Option<&'static str>,
    self_trade_prevention: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quote_amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_price: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    trailing_delta_bips: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_qty: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    expire_at_us: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    source: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    strategy_id: u64,
    #[serde(skip_serializing_if = "is_zero")]
    strategy_type: u64,
    maker_rate: String,
    taker_rate: String,
}

/// The maker of a trade that self-trade prevention kept from happening.
#[derive(Serialize)]
struct Other {
    order: u64,
    user: u64,
}

#[derive(Serialize)]
struct BalanceTold<'a> {
    event: &'static str,
    seq: u64,
    at_us: u64,
    #[serde(flatten)]
    account: AccountTold,
    asset: &'a str,
    available: String,
    held: String,
}

#[derive(Serialize)]
struct PostingTold<'a> {
    event: &'static str,
    seq: u64,
    at_us: u64,
    from: AccountTold,
    to: AccountTold,
    asset: &'a str,
    amount: String,
    business: &'a str,
    business_id: i64,
}

#[derive(Serialize)]
struct AccountTold {
    account: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    user: u64,
}

impl AccountTold {
    fn new(account: Account) -> AccountTold {
        let (account, user) = match account {
            Account::User(user) => ("user", user.0),
            Account::Fees => ("fees", 0),
            Account::Rounding => ("rounding", 0),
            Account::House => ("house", 0),
            Account::Insurance => ("insurance", 0),
            Account::Deposits => ("deposits", 0),
            Account::Withdrawals => ("withdrawals", 0),
        };
        AccountTold { account, user }
    }

    fn key(&self) -> String {
        if self.account == "user" { self.user.to_string() } else { self.account.to_owned() }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and numbers alone")
}

fn rate(rate: FeeRate) -> String {
    decimal::format(rate.0.into(), RATE_SCALE)
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

fn close_cause(cause: CloseCause) -> String {
    let name = match cause {
        CloseCause::Filled => "FILLED",
        CloseCause::User => "USER",
        CloseCause::Unfilled => "UNFILLED",
        CloseCause::SelfTrade => "SELF_TRADE",
        CloseCause::Gtd => "GTD",
        CloseCause::Countdown => "COUNTDOWN",
        CloseCause::List => "LIST",
        CloseCause::Halted => "HALTED",
        CloseCause::Reduced => "REDUCED",
        CloseCause::Refused(reason) => return format!("REFUSED {reason:?}"),
    };
    name.to_owned()
}

fn change_cause(cause: ChangeCause) -> &'static str {
    match cause {
        ChangeCause::Amended => "AMENDED",
        ChangeCause::Moved => "MOVED",
        ChangeCause::Reduced => "REDUCED",
        ChangeCause::Decremented => "DECREMENTED",
        ChangeCause::Activated => "ACTIVATED",
    }
}

impl<'a> Words<'a> {
    pub fn deals(&self, events: &[Event]) -> Vec<Worded> {
        let told = events.iter().filter_map(|event| match event {
            Event::Trade(trade) => Some(self.deal(trade)),
            _ => None,
        });
        told.collect()
    }

    pub fn orders(&self, events: &[Event]) -> Vec<Worded> {
        let told = events.iter().filter_map(|event| self.told(event));
        told.map(|told| (told.market.to_owned(), json(&told))).collect()
    }

    pub fn balances(&self, events: &[Event]) -> Vec<Worded> {
        let told = events.iter().filter_map(|event| match event {
            // What was made before moved nothing now.
            Event::Posting(posting) if !posting.repeated => Some(self.posting(posting)),
            Event::Balance { account, asset, available, held } => {
                Some(self.balance(*account, *asset, *available, *held))
            }
            _ => None,
        });
        told.collect()
    }

    fn listing(&self, market: MarketId) -> &'a Listing {
        self.catalog.listing(market).expect("an event's market is listed before it")
    }

    fn asset(&self, asset: AssetId) -> &'a str {
        self.catalog.asset(asset).expect("an event's asset is listed before it").symbol.as_str()
    }

    fn amount(&self, asset: AssetId, amount: Amount) -> String {
        decimal::format(amount, self.catalog.asset(asset).expect("an event's asset is listed before it").scale)
    }

    fn deal(&self, trade: &Trade) -> Worded {
        let listing = self.listing(trade.market);
        let deal = Deal {
            seq: self.record.seq.0,
            at_us: self.record.at.0,
            market: listing.symbol.as_str(),
            trade: trade.trade.0,
            price: listing.price(trade.price),
            qty: listing.qty(trade.qty.0.into()),
            quote: listing.quote(trade.quote),
            taker_side: side(trade.taker_side),
            auction: trade.auction,
            maker_order: trade.maker_order.0,
            taker_order: trade.taker_order.0,
            maker_user: trade.maker_user.0,
            taker_user: trade.taker_user.0,
            maker_fee: self.amount(trade.maker_fee_asset, trade.maker_fee),
            maker_fee_asset: self.asset(trade.maker_fee_asset),
            taker_fee: self.amount(trade.taker_fee_asset, trade.taker_fee),
            taker_fee_asset: self.asset(trade.taker_fee_asset),
            maker_left: listing.qty(trade.maker_left.0.into()),
            taker_left: listing.qty(trade.taker_left.0.into()),
        };
        (deal.market.to_owned(), json(&deal))
    }

    /// What all events of orders have.
    fn of(&self, event: &'static str, market: MarketId, user: UserId, order: OrderId) -> Told<'a> {
        let market = self.listing(market).symbol.as_str();
        let (seq, at_us) = (self.record.seq.0, self.record.at.0);
        Told { event, seq, at_us, market, user: user.0, order: order.0, ..Told::default() }
    }

    fn told<'e>(&self, event: &'e Event) -> Option<Told<'e>>
    where
        'a: 'e,
    {
        let none = OrderId(0);
        Some(match event {
            Event::Placed(placed) => self.placed(placed),
            Event::Triggered { order, user, market, price } => {
                let price = Some(self.listing(*market).price(*price));
                Told { price, ..self.of("triggered", *market, *user, *order) }
            }
            Event::Prevented { market, maker_order, taker_order, maker_user, taker_user, price, qty } => {
                let listing = self.listing(*market);
                let other = Some(Other { order: maker_order.0, user: maker_user.0 });
                let (price, qty) = (Some(listing.price(*price)), Some(listing.qty(qty.0.into())));
                Told { other, price, qty, ..self.of("prevented", *market, *taker_user, *taker_order) }
            }
            Event::Renamed { order, user, market, client_id } => {
                Told { client_id: client_id.as_str(), ..self.of("renamed", *market, *user, *order) }
            }
            Event::Changed(changed) => self.changed(changed),
            Event::Closed(closed) => self.closed(closed),
            Event::ListPlaced { list, user, market, client_id, contingency, orders } => {
                let orders = orders.iter().map(|order| order.0).filter(|order| *order != 0).collect();
                Told {
                    list: list.0,
                    client_id: client_id.as_str(),
                    contingency: codes::contingency_name(*contingency as i64),
                    orders: Some(orders),
                    ..self.of("list_placed", *market, *user, none)
                }
            }
            Event::ListDone { list, user, market } => {
                Told { list: list.0, ..self.of("list_done", *market, *user, none) }
            }
            _ => return None,
        })
    }

    fn placed<'e>(&self, placed: &'e Placed) -> Told<'e>
    where
        'a: 'e,
    {
        let (new, listing) = (&placed.new, self.listing(placed.new.market));
        let price = |price: PriceTicks| (price.0 != 0).then(|| listing.price(price));
        let qty = |qty: QtyLots| (qty.0 != 0).then(|| listing.qty(qty.0.into()));
        let terms = Terms {
            side: side(new.side),
            r#type: codes::kind_name(new.kind as i64),
            time_in_force: codes::tif_name(new.tif as i64),
            self_trade_prevention: codes::stp_name(new.stp as i64),
            quote_amount: (new.quote_amount != 0).then(|| listing.quote(new.quote_amount)),
            stop_price: price(new.stop_price),
            trailing_delta_bips: new.trailing_delta.into(),
            display_qty: qty(new.display_qty),
            expire_at_us: new.expire_at.0,
            source: new.source.as_str(),
            strategy_id: new.strategy_id,
            strategy_type: new.strategy_type.into(),
            maker_rate: rate(placed.rates.maker),
            taker_rate: rate(placed.rates.taker),
        };
        Told {
            list: placed.list.0,
            client_id: new.client_id.as_str(),
            status: codes::status_name(placed.status as i64),
            terms: Some(terms),
            price: price(new.price),
            qty: qty(new.qty),
            ..self.of("placed", new.market, new.user, placed.order)
        }
    }

    fn changed(&self, changed: &Changed) -> Told<'a> {
        let listing = self.listing(changed.market);
        Told {
            cause: Some(change_cause(changed.cause).to_owned()),
            price: Some(listing.price(changed.price)),
            qty: Some(listing.qty(changed.qty.0.into())),
            left: Some(listing.qty(changed.left.0.into())),
            ..self.of("changed", changed.market, changed.user, changed.order)
        }
    }

    fn closed(&self, closed: &Closed) -> Told<'a> {
        let listing = self.listing(closed.market);
        Told {
            status: codes::status_name(closed.status as i64),
            cause: Some(close_cause(closed.cause)),
            filled: Some(listing.qty(closed.filled.0.into())),
            filled_quote: Some(listing.quote(closed.filled_quote)),
            left: Some(listing.qty(closed.left.0.into())),
            ..self.of("closed", closed.market, closed.user, closed.order)
        }
    }

    fn balance(&self, account: Account, asset: AssetId, available: Amount, held: Amount) -> Worded {
        let account = AccountTold::new(account);
        let key = account.key();
        let told = BalanceTold {
            event: "balance",
            seq: self.record.seq.0,
            at_us: self.record.at.0,
            account,
            asset: self.asset(asset),
            available: self.amount(asset, available),
            held: self.amount(asset, held),
        };
        (key, json(&told))
    }

    fn posting(&self, posting: &Posting) -> Worded {
        let (from, to) = (AccountTold::new(posting.from), AccountTold::new(posting.to));
        // Keyed by the user whom it concerns.
        let key = if from.account == "user" { from.key() } else { to.key() };
        let told = PostingTold {
            event: "posting",
            seq: self.record.seq.0,
            at_us: self.record.at.0,
            from,
            to,
            asset: self.asset(posting.asset),
            amount: self.amount(posting.asset, posting.amount),
            business: posting.business.as_str(),
            business_id: posting.business_id,
        };
        (key, json(&told))
    }
}
