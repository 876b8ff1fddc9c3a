//! Commands.

use allin_core::ids::{AssetId, Epoch, ListId, MarketId, Timestamp, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::Limits;
use allin_core::spot::command::{Command, Funding, ListOrders, NewList, NewOrder};
use allin_core::spot::event::Contingency;
use pb::command::Kind;

use super::basics::{Coded, Invalid, account, amount, int128, narrow, order_ref, present, text};
use super::pb;

impl From<&Command> for pb::Command {
    fn from(command: &Command) -> pb::Command {
        pb::Command { kind: Some(kind(command)) }
    }
}

impl TryFrom<pb::Command> for Command {
    type Error = Invalid;

    fn try_from(command: pb::Command) -> Result<Command, Invalid> {
        let kind = present(command.kind, "command")?;
        match operators(kind)? {
            Ok(command) => Ok(command),
            Err(kind) => traders(kind),
        }
    }
}

#[allow(clippy::too_many_lines)] // one arm a command
fn kind(command: &Command) -> Kind {
    match *command {
        Command::StartEpoch(epoch) => Kind::StartEpoch(epoch.0),
        Command::Tick => Kind::Tick(pb::Tick {}),
        Command::SetAsset(ref spec) => Kind::SetAsset(spec.into()),
        Command::SetMarket(ref spec) => Kind::SetMarket(spec.into()),
        Command::SetMarketState { market, state } => {
            Kind::SetMarketState(pb::MarketStateSetting { market: market.0, state: state.code() })
        }
        Command::Uncross { market } => Kind::Uncross(pb::Uncross { market: market.0 }),
        Command::SetFeeTier { tier, rates } => {
            Kind::SetFeeTier(pb::FeeTier { tier: tier.into(), rates: Some(rates.into()) })
        }
        Command::SetUser { user, group, tier, pay_discount, frozen } => {
            Kind::SetUser(pb::UserSettings { user: user.0, group: group.0, tier: tier.into(), pay_discount, frozen })
        }
        Command::SetUserAccess { user, group, frozen } => {
            Kind::SetUserAccess(pb::UserAccess { user: user.0, group: group.0, frozen })
        }
        Command::SetUserTier { user, tier } => Kind::SetUserTier(pb::UserTier { user: user.0, tier: tier.into() }),
        Command::SetLimits(limits) => Kind::SetLimits(pb::Limits { client_ids_max: limits.client_ids_max }),
        Command::SetDiscount { asset, bips } => Kind::SetDiscount(pb::Discount { asset: asset.0, bips }),
        Command::SetDiscountRate { asset, numerator, denominator } => {
            Kind::SetDiscountRate(pb::DiscountRate { asset: asset.0, numerator, denominator })
        }
        Command::Credit(ref funding) => Kind::Credit(funding.into()),
        Command::Debit(ref funding) => Kind::Debit(funding.into()),
        Command::Transfer { from, ref funding } => {
            Kind::Transfer(pb::Transfer { from: from.0, funding: Some(funding.into()) })
        }
        Command::Sweep { from, to, asset, amount } => Kind::Sweep(pb::Sweep {
            from: Some(from.into()),
            to: Some(to.into()),
            asset: asset.0,
            amount: int128(amount),
        }),
        Command::Place(ref order) => Kind::Place(order.into()),
        Command::PlaceBatch(ref orders) => {
            Kind::PlaceBatch(pb::NewOrders { orders: orders.iter().map(Into::into).collect() })
        }
        Command::PlaceList(ref list) => Kind::PlaceList((&**list).into()),
        Command::Cancel { user, market, ref order, only, cancel_id } => Kind::Cancel(pb::Cancel {
            user: user.0,
            market: market.0,
            order: Some(order.into()),
            only: only.code(),
            cancel_id: cancel_id.to_string(),
        }),
        Command::CancelList { user, market, list, cancel_id } => Kind::CancelList(pb::CancelList {
            user: user.0,
            market: market.0,
            list: list.0,
            cancel_id: cancel_id.to_string(),
        }),
        Command::CancelAll { user, market, side } => {
            Kind::CancelAll(pb::CancelAll { user: user.0, market: market.0, side: side.map_or(0, Coded::code) })
        }
        Command::Amend { user, market, ref order, qty, client_id } => Kind::Amend(pb::Amend {
            user: user.0,
            market: market.0,
            order: Some(order.into()),
            qty: qty.0,
            client_id: client_id.to_string(),
        }),
        Command::Move { user, market, ref order, price } => {
            Kind::Move(pb::Move { user: user.0, market: market.0, order: Some(order.into()), price: price.0 })
        }
        Command::Reduce { user, market, ref order, by } => {
            Kind::Reduce(pb::Reduce { user: user.0, market: market.0, order: Some(order.into()), by: by.0 })
        }
        Command::CancelReplace { ref cancel, only, mode, ref order, cancel_id } => {
            Kind::CancelReplace(pb::CancelReplace {
                cancel: Some(cancel.into()),
                only: only.code(),
                mode: mode.code(),
                order: Some((&**order).into()),
                cancel_id: cancel_id.to_string(),
            })
        }
        Command::Countdown { user, market, timeout_us } => {
            Kind::Countdown(pb::Countdown { user: user.0, market: market.0, timeout_us })
        }
    }
}

/// The commands of the engine, the operators and the back end; gives back what is a trader's.
fn operators(kind: Kind) -> Result<Result<Command, Kind>, Invalid> {
    Ok(Ok(match kind {
        Kind::StartEpoch(epoch) => Command::StartEpoch(Epoch(epoch)),
        Kind::Tick(pb::Tick {}) => Command::Tick,
        Kind::SetAsset(spec) => Command::SetAsset(spec.try_into()?),
        Kind::SetMarket(spec) => Command::SetMarket(spec.try_into()?),
        Kind::SetMarketState(set) => Command::SetMarketState {
            market: MarketId(set.market),
            state: Coded::decode(set.state, "set_market_state.state")?,
        },
        Kind::Uncross(uncross) => Command::Uncross { market: MarketId(uncross.market) },
        Kind::SetFeeTier(set) => Command::SetFeeTier {
            tier: narrow(set.tier, "set_fee_tier.tier")?,
            rates: present(set.rates, "set_fee_tier.rates")?.into(),
        },
        Kind::SetUser(set) => Command::SetUser {
            user: UserId(set.user),
            group: UserId(set.group),
            tier: narrow(set.tier, "set_user.tier")?,
            pay_discount: set.pay_discount,
            frozen: set.frozen,
        },
        Kind::SetUserAccess(set) => {
            Command::SetUserAccess { user: UserId(set.user), group: UserId(set.group), frozen: set.frozen }
        }
        Kind::SetUserTier(set) => {
            Command::SetUserTier { user: UserId(set.user), tier: narrow(set.tier, "set_user_tier.tier")? }
        }
        Kind::SetLimits(limits) => Command::SetLimits(Limits { client_ids_max: limits.client_ids_max }),
        Kind::SetDiscount(set) => Command::SetDiscount { asset: AssetId(set.asset), bips: set.bips },
        Kind::SetDiscountRate(set) => Command::SetDiscountRate {
            asset: AssetId(set.asset),
            numerator: set.numerator,
            denominator: set.denominator,
        },
        Kind::Credit(funding) => Command::Credit(funding.try_into()?),
        Kind::Debit(funding) => Command::Debit(funding.try_into()?),
        Kind::Transfer(transfer) => Command::Transfer {
            from: UserId(transfer.from),
            funding: present(transfer.funding, "transfer.funding")?.try_into()?,
        },
        Kind::Sweep(sweep) => Command::Sweep {
            from: account(sweep.from, "sweep.from")?,
            to: account(sweep.to, "sweep.to")?,
            asset: AssetId(sweep.asset),
            amount: amount(sweep.amount),
        },
        traders => return Ok(Err(traders)),
    }))
}

fn traders(kind: Kind) -> Result<Command, Invalid> {
    Ok(match kind {
        Kind::Place(order) => Command::Place(order.try_into()?),
        Kind::PlaceBatch(batch) => {
            let orders = batch.orders.into_iter().map(TryInto::try_into);
            Command::PlaceBatch(orders.collect::<Result<_, _>>()?)
        }
        Kind::PlaceList(list) => Command::PlaceList(Box::new(list.try_into()?)),
        Kind::Cancel(cancel) => Command::Cancel {
            user: UserId(cancel.user),
            market: MarketId(cancel.market),
            order: order_ref(cancel.order)?,
            only: Coded::decode(cancel.only, "cancel.only")?,
            cancel_id: text(&cancel.cancel_id, "cancel.cancel_id")?,
        },
        Kind::CancelList(cancel) => Command::CancelList {
            user: UserId(cancel.user),
            market: MarketId(cancel.market),
            list: ListId(cancel.list),
            cancel_id: text(&cancel.cancel_id, "cancel_list.cancel_id")?,
        },
        Kind::CancelAll(cancel) => Command::CancelAll {
            user: UserId(cancel.user),
            market: MarketId(cancel.market),
            side: Coded::decode_optional(cancel.side, "cancel_all.side")?,
        },
        Kind::Amend(amend) => Command::Amend {
            user: UserId(amend.user),
            market: MarketId(amend.market),
            order: order_ref(amend.order)?,
            qty: QtyLots(amend.qty),
            client_id: text(&amend.client_id, "amend.client_id")?,
        },
        Kind::Move(order) => Command::Move {
            user: UserId(order.user),
            market: MarketId(order.market),
            order: order_ref(order.order)?,
            price: PriceTicks(order.price),
        },
        Kind::Reduce(reduce) => Command::Reduce {
            user: UserId(reduce.user),
            market: MarketId(reduce.market),
            order: order_ref(reduce.order)?,
            by: QtyLots(reduce.by),
        },
        Kind::CancelReplace(replace) => Command::CancelReplace {
            cancel: order_ref(replace.cancel)?,
            only: Coded::decode(replace.only, "cancel_replace.only")?,
            mode: Coded::decode(replace.mode, "cancel_replace.mode")?,
            order: Box::new(present(replace.order, "cancel_replace.order")?.try_into()?),
            cancel_id: text(&replace.cancel_id, "cancel_replace.cancel_id")?,
        },
        Kind::Countdown(countdown) => Command::Countdown {
            user: UserId(countdown.user),
            market: MarketId(countdown.market),
            timeout_us: countdown.timeout_us,
        },
        _ => return Err(Invalid("command")),
    })
}

impl From<&Funding> for pb::Funding {
    fn from(funding: &Funding) -> pb::Funding {
        pb::Funding {
            user: funding.user.0,
            asset: funding.asset.0,
            amount: int128(funding.amount),
            business: funding.business.to_string(),
            business_id: funding.business_id,
            counter: funding.counter.code(),
            detail: funding.detail.to_string(),
        }
    }
}

impl TryFrom<pb::Funding> for Funding {
    type Error = Invalid;

    fn try_from(funding: pb::Funding) -> Result<Funding, Invalid> {
        Ok(Funding {
            user: UserId(funding.user),
            asset: AssetId(funding.asset),
            amount: amount(funding.amount),
            business: text(&funding.business, "funding.business")?,
            business_id: funding.business_id,
            counter: Coded::decode(funding.counter, "funding.counter")?,
            detail: funding.detail.into_boxed_str(),
        })
    }
}

impl From<&NewOrder> for pb::NewOrder {
    fn from(order: &NewOrder) -> pb::NewOrder {
        pb::NewOrder {
            user: order.user.0,
            market: order.market.0,
            side: order.side.code(),
            kind: order.kind.code(),
            time_in_force: order.tif.code(),
            stp: order.stp.code(),
            price: order.price.0,
            qty: order.qty.0,
            quote_amount: int128(order.quote_amount),
            stop_price: order.stop_price.0,
            trailing_delta: order.trailing_delta,
            display_qty: order.display_qty.0,
            expire_at_us: order.expire_at.0,
            client_id: order.client_id.to_string(),
            fees: order.fees.map(Into::into),
            source: order.source.to_string(),
            strategy_id: order.strategy_id,
            strategy_type: order.strategy_type,
        }
    }
}

impl TryFrom<pb::NewOrder> for NewOrder {
    type Error = Invalid;

    fn try_from(order: pb::NewOrder) -> Result<NewOrder, Invalid> {
        Ok(NewOrder {
            user: UserId(order.user),
            market: MarketId(order.market),
            side: Coded::decode(order.side, "order.side")?,
            kind: Coded::decode(order.kind, "order.kind")?,
            tif: Coded::decode(order.time_in_force, "order.time_in_force")?,
            stp: Coded::decode(order.stp, "order.stp")?,
            price: PriceTicks(order.price),
            qty: QtyLots(order.qty),
            quote_amount: amount(order.quote_amount),
            stop_price: PriceTicks(order.stop_price),
            trailing_delta: order.trailing_delta,
            display_qty: QtyLots(order.display_qty),
            expire_at: Timestamp(order.expire_at_us),
            client_id: text(&order.client_id, "order.client_id")?,
            fees: order.fees.map(Into::into),
            source: text(&order.source, "order.source")?,
            strategy_id: order.strategy_id,
            strategy_type: order.strategy_type,
        })
    }
}

impl From<&NewList> for pb::NewOrderList {
    fn from(list: &NewList) -> pb::NewOrderList {
        let contingency = match list.orders {
            ListOrders::Oco { .. } => Contingency::Oco,
            ListOrders::Oto { .. } => Contingency::Oto,
            ListOrders::Otoco { .. } => Contingency::Otoco,
        };
        let orders = list.orders.as_array();
        pb::NewOrderList {
            client_id: list.client_id.to_string(),
            contingency: contingency.code(),
            orders: orders.into_iter().flatten().map(Into::into).collect(),
        }
    }
}

impl TryFrom<pb::NewOrderList> for NewList {
    type Error = Invalid;

    fn try_from(list: pb::NewOrderList) -> Result<NewList, Invalid> {
        const NUMBER: Invalid = Invalid("place_list.orders");
        let orders = list.orders.into_iter().map(NewOrder::try_from);
        let mut orders = orders.collect::<Result<Vec<_>, _>>()?.into_iter();
        let mut next = || orders.next().ok_or(NUMBER);
        let contingency = Contingency::decode(list.contingency, "place_list.contingency")?;
        let list = NewList {
            client_id: text(&list.client_id, "place_list.client_id")?,
            orders: match contingency {
                Contingency::Oco => ListOrders::Oco { above: next()?, below: next()? },
                Contingency::Oto => ListOrders::Oto { working: next()?, pending: next()? },
                Contingency::Otoco => ListOrders::Otoco { working: next()?, above: next()?, below: next()? },
            },
        };
        if orders.next().is_some() { Err(NUMBER) } else { Ok(list) }
    }
}
