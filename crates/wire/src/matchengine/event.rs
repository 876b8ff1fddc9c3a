//! Events.

use allin_core::ids::{AssetId, Epoch, ListId, MarketId, OrderId, Timestamp, TradeId, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::Limits;
use allin_core::spot::event::{Changed, CloseCause, Closed, Event, Placed, Posting, Repeated, Trade};
use allin_core::spot::reject::Reject;
use pb::event::Kind;

use super::basics::{Coded, Invalid, account, amount, int128, narrow, order_ref, present, text};
use super::pb;

impl From<&Event> for pb::Event {
    fn from(event: &Event) -> pb::Event {
        pb::Event { kind: Some(kind(event)) }
    }
}

impl TryFrom<pb::Event> for Event {
    type Error = Invalid;

    fn try_from(event: pb::Event) -> Result<Event, Invalid> {
        let kind = present(event.kind, "event")?;
        match settings(kind)? {
            Ok(event) => Ok(event),
            Err(kind) => trading(kind),
        }
    }
}

#[allow(clippy::too_many_lines)] // one arm an event
fn kind(event: &Event) -> Kind {
    match *event {
        Event::Refused(reason) => Kind::Refused(reason.code()),
        Event::EpochStarted(epoch) => Kind::EpochStarted(epoch.0),
        Event::AssetSet(ref spec) => Kind::AssetSet(spec.into()),
        Event::MarketSet(ref spec) => Kind::MarketSet(spec.into()),
        Event::MarketStateSet { market, state, banded } => {
            Kind::MarketStateSet(pb::MarketStateSet { market: market.0, state: state.code(), banded })
        }
        Event::FeeTierSet { tier, rates } => {
            Kind::FeeTierSet(pb::FeeTier { tier: tier.into(), rates: Some(rates.into()) })
        }
        Event::UserSet { user, group, tier, pay_discount, frozen } => {
            Kind::UserSet(pb::UserSettings { user: user.0, group: group.0, tier: tier.into(), pay_discount, frozen })
        }
        Event::LimitsSet(limits) => Kind::LimitsSet(pb::Limits { client_ids_max: limits.client_ids_max }),
        Event::DiscountSet { asset, bips } => Kind::DiscountSet(pb::Discount { asset: asset.0, bips }),
        Event::DiscountRateSet { asset, numerator, denominator } => {
            Kind::DiscountRateSet(pb::DiscountRate { asset: asset.0, numerator, denominator })
        }
        Event::Posting(ref posting) => Kind::Posting(posting.into()),
        Event::PlaceRefused { position, user, market, client_id, reason } => Kind::PlaceRefused(pb::PlaceRefused {
            position: position.into(),
            user: user.0,
            market: market.0,
            client_id: client_id.to_string(),
            reason: reason.code(),
        }),
        Event::CancelRefused { user, market, ref order, reason } => Kind::CancelRefused(pb::CancelRefused {
            user: user.0,
            market: market.0,
            order: Some(order.into()),
            reason: reason.code(),
        }),
        Event::Placed(ref placed) => Kind::Placed(placed.into()),
        Event::Repeated(ref repeated) => Kind::Repeated(repeated.into()),
        Event::Triggered { order, user, market, price } => {
            Kind::Triggered(pb::Triggered { order: order.0, user: user.0, market: market.0, price: price.0 })
        }
        Event::Trade(ref trade) => Kind::Trade(trade.into()),
        Event::Prevented { market, maker_order, taker_order, maker_user, taker_user, price, qty } => {
            Kind::Prevented(pb::Prevented {
                market: market.0,
                maker_order: maker_order.0,
                taker_order: taker_order.0,
                maker_user: maker_user.0,
                taker_user: taker_user.0,
                price: price.0,
                qty: qty.0,
            })
        }
        Event::Renamed { order, user, market, client_id } => Kind::Renamed(pb::Renamed {
            order: order.0,
            user: user.0,
            market: market.0,
            client_id: client_id.to_string(),
        }),
        Event::Changed(ref changed) => Kind::Changed(changed.into()),
        Event::Closed(ref closed) => Kind::Closed(closed.into()),
        Event::ListPlaced { list, user, market, client_id, contingency, orders } => Kind::ListPlaced(pb::ListPlaced {
            list: list.0,
            user: user.0,
            market: market.0,
            client_id: client_id.to_string(),
            contingency: contingency.code(),
            orders: orders.into_iter().map(|o| o.0).filter(|o| *o != 0).collect(),
        }),
        Event::ListDone { list, user, market } => {
            Kind::ListDone(pb::ListDone { list: list.0, user: user.0, market: market.0 })
        }
        Event::CountdownSet { user, market, deadline } => {
            Kind::CountdownSet(pb::CountdownSet { user: user.0, market: market.0, deadline_us: deadline.0 })
        }
        Event::Uncrossed { market, price, qty } => {
            Kind::Uncrossed(pb::Uncrossed { market: market.0, price: price.0, qty: qty.0 })
        }
        Event::Balance { account, asset, available, held } => Kind::Balance(pb::AccountBalance {
            account: Some(account.into()),
            asset: asset.0,
            available: int128(available),
            held: int128(held),
        }),
    }
}

/// Events of operators' commands and funds; gives back what is of trading.
fn settings(kind: Kind) -> Result<Result<Event, Kind>, Invalid> {
    Ok(Ok(match kind {
        Kind::Refused(reason) => Event::Refused(Reject::decode(reason, "refused")?),
        Kind::EpochStarted(epoch) => Event::EpochStarted(Epoch(epoch)),
        Kind::AssetSet(spec) => Event::AssetSet(spec.try_into()?),
        Kind::MarketSet(spec) => Event::MarketSet(spec.try_into()?),
        Kind::MarketStateSet(set) => Event::MarketStateSet {
            market: MarketId(set.market),
            state: Coded::decode(set.state, "market_state_set.state")?,
            banded: set.banded,
        },
        Kind::FeeTierSet(set) => Event::FeeTierSet {
            tier: narrow(set.tier, "fee_tier_set.tier")?,
            rates: present(set.rates, "fee_tier_set.rates")?.into(),
        },
        Kind::UserSet(set) => Event::UserSet {
            user: UserId(set.user),
            group: UserId(set.group),
            tier: narrow(set.tier, "user_set.tier")?,
            pay_discount: set.pay_discount,
            frozen: set.frozen,
        },
        Kind::LimitsSet(limits) => Event::LimitsSet(Limits { client_ids_max: limits.client_ids_max }),
        Kind::DiscountSet(set) => Event::DiscountSet { asset: AssetId(set.asset), bips: set.bips },
        Kind::DiscountRateSet(set) => {
            Event::DiscountRateSet { asset: AssetId(set.asset), numerator: set.numerator, denominator: set.denominator }
        }
        Kind::Posting(posting) => Event::Posting(posting.try_into()?),
        Kind::Balance(balance) => Event::Balance {
            account: account(balance.account, "balance.account")?,
            asset: AssetId(balance.asset),
            available: amount(balance.available),
            held: amount(balance.held),
        },
        trading => return Ok(Err(trading)),
    }))
}

fn trading(kind: Kind) -> Result<Event, Invalid> {
    Ok(match kind {
        Kind::PlaceRefused(refused) => Event::PlaceRefused {
            position: narrow(refused.position, "place_refused.position")?,
            user: UserId(refused.user),
            market: MarketId(refused.market),
            client_id: text(&refused.client_id, "place_refused.client_id")?,
            reason: Coded::decode(refused.reason, "place_refused.reason")?,
        },
        Kind::CancelRefused(refused) => Event::CancelRefused {
            user: UserId(refused.user),
            market: MarketId(refused.market),
            order: order_ref(refused.order)?,
            reason: Coded::decode(refused.reason, "cancel_refused.reason")?,
        },
        Kind::Placed(placed) => Event::Placed(placed.try_into()?),
        Kind::Repeated(repeated) => Event::Repeated(repeated.try_into()?),
        Kind::Triggered(triggered) => Event::Triggered {
            order: OrderId(triggered.order),
            user: UserId(triggered.user),
            market: MarketId(triggered.market),
            price: PriceTicks(triggered.price),
        },
        Kind::Trade(trade) => Event::Trade(trade.try_into()?),
        Kind::Prevented(prevented) => Event::Prevented {
            market: MarketId(prevented.market),
            maker_order: OrderId(prevented.maker_order),
            taker_order: OrderId(prevented.taker_order),
            maker_user: UserId(prevented.maker_user),
            taker_user: UserId(prevented.taker_user),
            price: PriceTicks(prevented.price),
            qty: QtyLots(prevented.qty),
        },
        Kind::Renamed(renamed) => Event::Renamed {
            order: OrderId(renamed.order),
            user: UserId(renamed.user),
            market: MarketId(renamed.market),
            client_id: text(&renamed.client_id, "renamed.client_id")?,
        },
        Kind::Changed(changed) => Event::Changed(changed.try_into()?),
        Kind::Closed(closed) => Event::Closed(closed.try_into()?),
        Kind::ListPlaced(placed) => Event::ListPlaced {
            list: ListId(placed.list),
            user: UserId(placed.user),
            market: MarketId(placed.market),
            client_id: text(&placed.client_id, "list_placed.client_id")?,
            contingency: Coded::decode(placed.contingency, "list_placed.contingency")?,
            orders: list_orders(&placed.orders)?,
        },
        Kind::ListDone(done) => {
            Event::ListDone { list: ListId(done.list), user: UserId(done.user), market: MarketId(done.market) }
        }
        Kind::CountdownSet(set) => Event::CountdownSet {
            user: UserId(set.user),
            market: MarketId(set.market),
            deadline: Timestamp(set.deadline_us),
        },
        Kind::Uncrossed(uncrossed) => Event::Uncrossed {
            market: MarketId(uncrossed.market),
            price: PriceTicks(uncrossed.price),
            qty: QtyLots(uncrossed.qty),
        },
        _ => return Err(Invalid("event")),
    })
}

/// Two or three, padded with 0.
pub(super) fn list_orders(orders: &[u64]) -> Result<[OrderId; 3], Invalid> {
    let mut all = [OrderId(0); 3];
    let given = all.get_mut(..orders.len()).ok_or(Invalid("list_placed.orders"))?;
    for (to, from) in given.iter_mut().zip(orders) {
        *to = OrderId(*from);
    }
    Ok(all)
}

impl From<&Posting> for pb::Posting {
    fn from(posting: &Posting) -> pb::Posting {
        pb::Posting {
            from: Some(posting.from.into()),
            to: Some(posting.to.into()),
            asset: posting.asset.0,
            amount: int128(posting.amount),
            business: posting.business.to_string(),
            business_id: posting.business_id,
            repeated: posting.repeated,
        }
    }
}

impl TryFrom<pb::Posting> for Posting {
    type Error = Invalid;

    fn try_from(posting: pb::Posting) -> Result<Posting, Invalid> {
        Ok(Posting {
            from: account(posting.from, "posting.from")?,
            to: account(posting.to, "posting.to")?,
            asset: AssetId(posting.asset),
            amount: amount(posting.amount),
            business: text(&posting.business, "posting.business")?,
            business_id: posting.business_id,
            repeated: posting.repeated,
        })
    }
}

impl From<&Placed> for pb::Placed {
    fn from(placed: &Placed) -> pb::Placed {
        pb::Placed {
            order: placed.order.0,
            new: Some((&placed.new).into()),
            rates: Some(placed.rates.into()),
            list: placed.list.0,
            status: placed.status.code(),
        }
    }
}

impl TryFrom<pb::Placed> for Placed {
    type Error = Invalid;

    fn try_from(placed: pb::Placed) -> Result<Placed, Invalid> {
        Ok(Placed {
            order: OrderId(placed.order),
            new: present(placed.new, "placed.new")?.try_into()?,
            rates: present(placed.rates, "placed.rates")?.into(),
            list: ListId(placed.list),
            status: Coded::decode(placed.status, "placed.status")?,
        })
    }
}

impl From<&Repeated> for pb::Repeated {
    fn from(repeated: &Repeated) -> pb::Repeated {
        pb::Repeated {
            order: repeated.order.0,
            user: repeated.user.0,
            market: repeated.market.0,
            client_id: repeated.client_id.to_string(),
            at_us: repeated.at.0,
            status: repeated.status.code(),
            filled: repeated.filled.0,
            filled_quote: int128(repeated.filled_quote),
        }
    }
}

impl TryFrom<pb::Repeated> for Repeated {
    type Error = Invalid;

    fn try_from(repeated: pb::Repeated) -> Result<Repeated, Invalid> {
        Ok(Repeated {
            order: OrderId(repeated.order),
            user: UserId(repeated.user),
            market: MarketId(repeated.market),
            client_id: text(&repeated.client_id, "repeated.client_id")?,
            at: Timestamp(repeated.at_us),
            status: Coded::decode(repeated.status, "repeated.status")?,
            filled: QtyLots(repeated.filled),
            filled_quote: amount(repeated.filled_quote),
        })
    }
}

impl From<&Trade> for pb::Trade {
    fn from(trade: &Trade) -> pb::Trade {
        pb::Trade {
            trade: trade.trade.0,
            market: trade.market.0,
            price: trade.price.0,
            qty: trade.qty.0,
            quote: int128(trade.quote),
            taker_side: trade.taker_side.code(),
            maker_order: trade.maker_order.0,
            taker_order: trade.taker_order.0,
            maker_user: trade.maker_user.0,
            taker_user: trade.taker_user.0,
            maker_fee: int128(trade.maker_fee),
            taker_fee: int128(trade.taker_fee),
            maker_fee_asset: trade.maker_fee_asset.0,
            taker_fee_asset: trade.taker_fee_asset.0,
            maker_left: trade.maker_left.0,
            taker_left: trade.taker_left.0,
            auction: trade.auction,
        }
    }
}

impl TryFrom<pb::Trade> for Trade {
    type Error = Invalid;

    fn try_from(trade: pb::Trade) -> Result<Trade, Invalid> {
        Ok(Trade {
            trade: TradeId(trade.trade),
            market: MarketId(trade.market),
            price: PriceTicks(trade.price),
            qty: QtyLots(trade.qty),
            quote: amount(trade.quote),
            taker_side: Coded::decode(trade.taker_side, "trade.taker_side")?,
            maker_order: OrderId(trade.maker_order),
            taker_order: OrderId(trade.taker_order),
            maker_user: UserId(trade.maker_user),
            taker_user: UserId(trade.taker_user),
            maker_fee: amount(trade.maker_fee),
            taker_fee: amount(trade.taker_fee),
            maker_fee_asset: AssetId(trade.maker_fee_asset),
            taker_fee_asset: AssetId(trade.taker_fee_asset),
            maker_left: QtyLots(trade.maker_left),
            taker_left: QtyLots(trade.taker_left),
            auction: trade.auction,
        })
    }
}

impl From<&Changed> for pb::Changed {
    fn from(changed: &Changed) -> pb::Changed {
        pb::Changed {
            order: changed.order.0,
            user: changed.user.0,
            market: changed.market.0,
            cause: changed.cause.code(),
            price: changed.price.0,
            qty: changed.qty.0,
            left: changed.left.0,
        }
    }
}

impl TryFrom<pb::Changed> for Changed {
    type Error = Invalid;

    fn try_from(changed: pb::Changed) -> Result<Changed, Invalid> {
        Ok(Changed {
            order: OrderId(changed.order),
            user: UserId(changed.user),
            market: MarketId(changed.market),
            cause: Coded::decode(changed.cause, "changed.cause")?,
            price: PriceTicks(changed.price),
            qty: QtyLots(changed.qty),
            left: QtyLots(changed.left),
        })
    }
}

impl From<&Closed> for pb::Closed {
    fn from(closed: &Closed) -> pb::Closed {
        let (cause, reason) = close_cause(closed.cause);
        pb::Closed {
            order: closed.order.0,
            user: closed.user.0,
            market: closed.market.0,
            status: closed.status.code(),
            cause: cause as i32,
            reason: reason.map_or(0, Coded::code),
            filled: closed.filled.0,
            filled_quote: int128(closed.filled_quote),
            left: closed.left.0,
        }
    }
}

impl TryFrom<pb::Closed> for Closed {
    type Error = Invalid;

    fn try_from(closed: pb::Closed) -> Result<Closed, Invalid> {
        use pb::CloseCause as Cause;
        Ok(Closed {
            order: OrderId(closed.order),
            user: UserId(closed.user),
            market: MarketId(closed.market),
            status: Coded::decode(closed.status, "closed.status")?,
            cause: match closed.cause() {
                Cause::Unspecified => return Err(Invalid("closed.cause")),
                Cause::Filled => CloseCause::Filled,
                Cause::User => CloseCause::User,
                Cause::Unfilled => CloseCause::Unfilled,
                Cause::SelfTrade => CloseCause::SelfTrade,
                Cause::Gtd => CloseCause::Gtd,
                Cause::Countdown => CloseCause::Countdown,
                Cause::List => CloseCause::List,
                Cause::Halted => CloseCause::Halted,
                Cause::Reduced => CloseCause::Reduced,
                Cause::Refused => CloseCause::Refused(Reject::decode(closed.reason, "closed.reason")?),
            },
            filled: QtyLots(closed.filled),
            filled_quote: amount(closed.filled_quote),
            left: QtyLots(closed.left),
        })
    }
}

fn close_cause(cause: CloseCause) -> (pb::CloseCause, Option<Reject>) {
    use pb::CloseCause as Cause;
    match cause {
        CloseCause::Filled => (Cause::Filled, None),
        CloseCause::User => (Cause::User, None),
        CloseCause::Unfilled => (Cause::Unfilled, None),
        CloseCause::SelfTrade => (Cause::SelfTrade, None),
        CloseCause::Gtd => (Cause::Gtd, None),
        CloseCause::Countdown => (Cause::Countdown, None),
        CloseCause::List => (Cause::List, None),
        CloseCause::Halted => (Cause::Halted, None),
        CloseCause::Reduced => (Cause::Reduced, None),
        CloseCause::Refused(reason) => (Cause::Refused, Some(reason)),
    }
}
