//! Any command, for property tests: every variant, every field, the ends of every range more often than chance would.

use allin_core::ids::{AssetId, Epoch, ListId, MarketId, OrderId, Timestamp, UserId};
use allin_core::num::{Amount, FeeRate, FeeRates, PriceTicks, QtyLots};
use allin_core::spot::Limits;
use allin_core::spot::command::{
    Account, BATCH_MAX, CancelOnly, Command, Counter, DETAIL_MAX, Funding, ListOrders, MarketState, NewList, NewOrder,
    OrderKind, OrderRef, ReplaceMode, Side, StpMode, TimeInForce,
};
use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};
use allin_core::text::Text;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Any command that keeps to the bounds of its form. Most of them mean nothing to a state machine.
pub fn command() -> BoxedStrategy<Command> {
    prop_oneof![4 => trading(), 2 => placing(), 2 => funds(), 2 => operator()].boxed()
}

fn trading() -> impl Strategy<Value = Command> {
    let named = || (user(), market(), order_ref());
    prop_oneof![
        (named(), cancel_only(), absent(text())).prop_map(|((user, market, order), only, cancel_id)| Command::Cancel {
            user,
            market,
            order,
            only,
            cancel_id
        }),
        (named(), price()).prop_map(|((user, market, order), price)| Command::Move { user, market, order, price }),
        (named(), qty(), absent(text())).prop_map(|((user, market, order), qty, client_id)| Command::Amend {
            user,
            market,
            order,
            qty,
            client_id
        }),
        (named(), qty()).prop_map(|((user, market, order), by)| Command::Reduce { user, market, order, by }),
        (user(), market(), int(), absent(text())).prop_map(|(user, market, list, cancel_id)| Command::CancelList {
            user,
            market,
            list: ListId(list),
            cancel_id
        }),
        (user(), market(), proptest::option::of(side())).prop_map(|(user, market, side)| Command::CancelAll {
            user,
            market,
            side
        }),
        (user(), market(), int()).prop_map(|(user, market, timeout_us)| Command::Countdown {
            user,
            market,
            timeout_us
        }),
        Just(Command::Tick),
    ]
}

fn placing() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => order().prop_map(Command::Place),
        1 => vec(order(), 0..=BATCH_MAX).prop_map(Command::PlaceBatch),
        1 => list().prop_map(|list| Command::PlaceList(Box::new(list))),
        1 => (order_ref(), cancel_only(), replace_mode(), order(), absent(text())).prop_map(
            |(cancel, only, mode, order, cancel_id)| Command::CancelReplace {
                cancel,
                only,
                mode,
                order: Box::new(order),
                cancel_id
            }
        ),
    ]
}

fn replace_mode() -> impl Strategy<Value = ReplaceMode> {
    select(vec![ReplaceMode::StopOnFailure, ReplaceMode::AllowFailure])
}

fn funds() -> impl Strategy<Value = Command> {
    prop_oneof![
        funding().prop_map(Command::Credit),
        funding().prop_map(Command::Debit),
        (user(), funding()).prop_map(|(from, funding)| Command::Transfer { from, funding }),
        (account(), account(), asset(), amount()).prop_map(|(from, to, asset, amount)| Command::Sweep {
            from,
            to,
            asset,
            amount
        }),
    ]
}

fn operator() -> impl Strategy<Value = Command> {
    let states = select(vec![MarketState::PreOpen, MarketState::Trading, MarketState::CancelOnly, MarketState::Halt]);
    prop_oneof![
        any::<u32>().prop_map(|epoch| Command::StartEpoch(Epoch(epoch))),
        (asset(), text(), any::<u8>(), any::<u8>())
            .prop_map(|(id, symbol, scale, display_scale)| AssetSpec { id, symbol, scale, display_scale })
            .prop_map(Command::SetAsset),
        market_spec().prop_map(Command::SetMarket),
        (market(), states).prop_map(|(market, state)| Command::SetMarketState { market, state }),
        market().prop_map(|market| Command::Uncross { market }),
        (any::<u16>(), rates()).prop_map(|(tier, rates)| Command::SetFeeTier { tier, rates }),
        (user(), user(), any::<u16>(), any::<bool>(), any::<bool>()).prop_map(
            |(user, group, tier, pay_discount, frozen)| Command::SetUser { user, group, tier, pay_discount, frozen }
        ),
        (user(), any::<u16>()).prop_map(|(user, tier)| Command::SetUserTier { user, tier }),
        (user(), user(), any::<bool>()).prop_map(|(user, group, frozen)| Command::SetUserAccess {
            user,
            group,
            frozen
        }),
        any::<u32>().prop_map(|client_ids_max| Command::SetLimits(Limits { client_ids_max })),
        (asset(), any::<u32>()).prop_map(|(asset, bips)| Command::SetDiscount { asset, bips }),
        (asset(), int(), int()).prop_map(|(asset, numerator, denominator)| Command::SetDiscountRate {
            asset,
            numerator,
            denominator
        }),
    ]
}

/// Any order: fields absent as often as present.
pub fn order() -> BoxedStrategy<NewOrder> {
    let kinds = select(vec![
        OrderKind::Limit,
        OrderKind::Market,
        OrderKind::LimitMaker,
        OrderKind::StopLoss,
        OrderKind::StopLossLimit,
        OrderKind::TakeProfit,
        OrderKind::TakeProfitLimit,
    ]);
    let tifs = select(vec![TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok, TimeInForce::Gtd]);
    let stps = select(vec![
        StpMode::None,
        StpMode::ExpireTaker,
        StpMode::ExpireMaker,
        StpMode::ExpireBoth,
        StpMode::Decrement,
    ]);
    let what = (user(), market(), side(), kinds, tifs, stps, price(), qty());
    let limits = (absent(amount()), absent(price()), absent(any::<u32>()), absent(qty()), absent(int()));
    let extras = (absent(text()), proptest::option::of(rates()), absent(text()), absent(int()), absent(any::<u32>()));
    (what, limits, extras)
        .prop_map(|(what, limits, extras)| {
            let (user, market, side, kind, tif, stp, price, qty) = what;
            let (quote_amount, stop_price, trailing_delta, display_qty, expire_at) = limits;
            let (client_id, fees, source, strategy_id, strategy_type) = extras;
            NewOrder {
                user,
                market,
                side,
                kind,
                tif,
                stp,
                price,
                qty,
                quote_amount,
                stop_price,
                trailing_delta,
                display_qty,
                expire_at: Timestamp(expire_at),
                client_id,
                fees,
                source,
                strategy_id,
                strategy_type,
            }
        })
        .boxed()
}

fn list() -> impl Strategy<Value = NewList> {
    let orders = prop_oneof![
        (order(), order()).prop_map(|(above, below)| ListOrders::Oco { above, below }),
        (order(), order()).prop_map(|(working, pending)| ListOrders::Oto { working, pending }),
        (order(), order(), order()).prop_map(|(working, above, below)| ListOrders::Otoco { working, above, below }),
    ];
    (text(), orders).prop_map(|(client_id, orders)| NewList { client_id, orders })
}

fn funding() -> impl Strategy<Value = Funding> {
    let counters = select(vec![Counter::External, Counter::House]);
    let details = prop_oneof![
        8 => "\\PC{0,40}",
        1 => Just("d".repeat(DETAIL_MAX)),
        1 => Just("é".repeat(DETAIL_MAX / 2)),
    ];
    (user(), asset(), amount(), text(), any::<i64>(), counters, details).prop_map(
        |(user, asset, amount, business, business_id, counter, detail)| Funding {
            user,
            asset,
            amount,
            business,
            business_id,
            counter,
            detail: detail.into(),
        },
    )
}

fn market_spec() -> impl Strategy<Value = MarketSpec> {
    (market(), text(), asset(), asset(), any::<u8>(), int(), any::<u8>(), int(), filters()).prop_map(
        |(id, symbol, base, quote, price_scale, tick_units, qty_scale, lot_units, filters)| MarketSpec {
            id,
            symbol,
            base,
            quote,
            price_scale,
            tick_units,
            qty_scale,
            lot_units,
            filters,
        },
    )
}

fn filters() -> impl Strategy<Value = Filters> {
    let counts = || any::<u32>().prop_map(|bits| bits >> (bits % 32));
    (
        [price(), price()],
        [qty(), qty(), qty(), qty(), qty()],
        [amount(), amount()],
        any::<[bool; 2]>(),
        proptest::collection::vec(counts(), 13),
        any::<u8>(),
        int(),
    )
        .prop_map(|(prices, qtys, notionals, flags, counts, average_minutes, band_window_us)| Filters {
            price_min: prices[0],
            price_max: prices[1],
            qty_min: qtys[0],
            qty_max: qtys[1],
            market_qty_min: qtys[2],
            market_qty_max: qtys[3],
            position_max: qtys[4],
            notional_min: notionals[0],
            notional_max: notionals[1],
            notional_min_market: flags[0],
            notional_max_market: flags[1],
            bid_multiplier_up: counts[0],
            bid_multiplier_down: counts[1],
            ask_multiplier_up: counts[2],
            ask_multiplier_down: counts[3],
            orders_max: counts[4],
            stop_orders_max: counts[5],
            iceberg_orders_max: counts[6],
            order_lists_max: counts[7],
            iceberg_parts_max: counts[8],
            amends_max: counts[9],
            trailing_delta_min: counts[10],
            trailing_delta_max: counts[11],
            band_bips: counts[12],
            average_minutes,
            band_window_us,
        })
}

/// Numbers of every length in bits.
fn int() -> impl Strategy<Value = u64> + Clone {
    prop_oneof![
        (any::<u64>(), 0u32..64).prop_map(|(value, shift)| value >> shift),
        select(vec![0, 1, 239, 240, 255, 256, u32::MAX as u64, u32::MAX as u64 + 1, u64::MAX - 1, u64::MAX]),
    ]
}

fn amount() -> impl Strategy<Value = Amount> + Clone {
    prop_oneof![
        (any::<i128>(), 0u32..128).prop_map(|(value, shift)| value >> shift),
        select(vec![0, 1, -1, i64::MAX as i128, i64::MIN as i128, u64::MAX as i128, i128::MAX, i128::MIN]),
    ]
}

fn absent<T: Default + Clone + std::fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = T> {
    prop_oneof![Just(T::default()), of]
}

fn text<const N: usize>() -> impl Strategy<Value = Text<N>> {
    prop_oneof!["[ -~]{0,36}", "\\PC{0,12}"].prop_map(|text| {
        let end = (0..=N.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        Text::new(&text[..end]).unwrap_or_default()
    })
}

fn user() -> impl Strategy<Value = UserId> + Clone {
    int().prop_map(UserId)
}

fn market() -> impl Strategy<Value = MarketId> + Clone {
    int().prop_map(|id| MarketId(id as u32))
}

fn asset() -> impl Strategy<Value = AssetId> + Clone {
    int().prop_map(|id| AssetId(id as u32))
}

fn price() -> impl Strategy<Value = PriceTicks> + Clone {
    int().prop_map(PriceTicks)
}

fn qty() -> impl Strategy<Value = QtyLots> + Clone {
    int().prop_map(QtyLots)
}

fn side() -> impl Strategy<Value = Side> {
    select(vec![Side::Sell, Side::Buy])
}

fn cancel_only() -> impl Strategy<Value = CancelOnly> {
    select(vec![CancelOnly::Any, CancelOnly::New, CancelOnly::PartiallyFilled])
}

fn order_ref() -> impl Strategy<Value = OrderRef> {
    prop_oneof![int().prop_map(|id| OrderRef::Id(OrderId(id))), text().prop_map(OrderRef::Client)]
}

fn rates() -> impl Strategy<Value = FeeRates> {
    any::<(i32, i32)>().prop_map(|(maker, taker)| FeeRates { maker: FeeRate(maker), taker: FeeRate(taker) })
}

fn account() -> impl Strategy<Value = Account> {
    let others = vec![
        Account::Fees,
        Account::Rounding,
        Account::House,
        Account::Insurance,
        Account::Deposits,
        Account::Withdrawals,
    ];
    prop_oneof![user().prop_map(Account::User), select(others)]
}
