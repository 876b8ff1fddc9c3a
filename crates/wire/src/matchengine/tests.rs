//! Round trips: whatever the core can say survives the wire, as messages and as bytes.

use allin_core::ids::{AssetId, Epoch, ListId, MarketId, OrderId, Timestamp, TradeId, UserId};
use allin_core::num::{FeeRate, FeeRates, PriceTicks, QtyLots};
use allin_core::spot::Limits;
use allin_core::spot::command::{Account, Command, MarketState, NewOrder, OrderRef, Side};
use allin_core::spot::event::{
    ChangeCause, Changed, CloseCause, Closed, Contingency, Event, OrderStatus, Placed, Posting, Repeated, Trade,
};
use allin_core::spot::reject::Reject;
use allin_core::spot::view::{AccountBalance, Balance, Conservation, LevelView, MarketView, OrderView, UserView};
use allin_core::text::{ClientId, Label};
use proptest::prelude::*;
use proptest::sample::select;
use prost::Message;

use super::pb;
use crate::oplog::arbitrary;

/// Random material from which any event or view is made.
#[derive(Debug, Clone)]
struct Stuff {
    n: [u64; 12],
    wide: [i128; 3],
    order: NewOrder,
    command: Command,
    reject: Reject,
    client_id: ClientId,
    flag: bool,
}

fn stuff() -> impl Strategy<Value = Stuff> {
    let numbers = prop::array::uniform12((any::<u64>(), 0u32..64).prop_map(|(value, shift)| value >> shift));
    let wide = prop::array::uniform3((any::<i128>(), 0u32..128).prop_map(|(value, shift)| value >> shift));
    let client_id = "[a-z0-9]{0,36}".prop_map(|text| ClientId::new(&text).unwrap());
    let rest = (select(Reject::ALL), client_id, any::<bool>());
    (numbers, wide, arbitrary::order(), arbitrary::command(), rest).prop_map(
        |(n, wide, order, command, (reject, client_id, flag))| Stuff {
            n,
            wide,
            order,
            command,
            reject,
            client_id,
            flag,
        },
    )
}

fn pick<T: Copy, const N: usize>(from: [T; N], by: u64) -> T {
    from[by as usize % N]
}

impl Stuff {
    fn user(&self, at: usize) -> UserId {
        UserId(self.n[at])
    }

    fn market(&self) -> MarketId {
        MarketId(self.n[0] as u32)
    }

    fn asset(&self) -> AssetId {
        AssetId(self.n[1] as u32)
    }

    fn order(&self) -> OrderId {
        OrderId(self.n[2])
    }

    fn rates(&self) -> FeeRates {
        FeeRates { maker: FeeRate(self.n[3] as i32), taker: FeeRate(self.n[4] as i32) }
    }

    fn account(&self) -> Account {
        let all = [
            Account::User(self.user(5)),
            Account::Fees,
            Account::Rounding,
            Account::House,
            Account::Insurance,
            Account::Deposits,
            Account::Withdrawals,
        ];
        pick(all, self.n[11])
    }

    fn status(&self) -> OrderStatus {
        use OrderStatus::*;
        pick([New, PartiallyFilled, Filled, Canceled, Expired, ExpiredInMatch, PendingNew], self.n[6])
    }

    fn state(&self) -> MarketState {
        use MarketState::*;
        pick([PreOpen, Trading, CancelOnly, Halt], self.n[7])
    }

    fn order_ref(&self) -> OrderRef {
        if self.flag { OrderRef::Id(self.order()) } else { OrderRef::Client(self.client_id) }
    }

    fn close_cause(&self) -> CloseCause {
        use CloseCause::*;
        let all = [
            Filled,
            User,
            Unfilled,
            SelfTrade,
            Gtd,
            Countdown,
            List,
            Halted,
            CloseCause::Reduced,
            Refused(self.reject),
        ];
        pick(all, self.n[8])
    }

    /// One of every event.
    fn events(&self) -> Vec<Event> {
        let (user, market, asset, order) = (self.user(5), self.market(), self.asset(), self.order());
        let (reason, client_id) = (self.reject, self.client_id);
        let (price, qty) = (PriceTicks(self.n[9]), QtyLots(self.n[10]));
        let mut events = vec![
            Event::Refused(reason),
            Event::EpochStarted(Epoch(self.n[0] as u32)),
            Event::MarketStateSet { market, state: self.state(), banded: self.flag },
            Event::FeeTierSet { tier: self.n[0] as u16, rates: self.rates() },
            Event::UserSet { user, group: self.user(6), tier: 7, pay_discount: self.flag, frozen: !self.flag },
            Event::LimitsSet(Limits { client_ids_max: self.n[3] as u32 }),
            Event::DiscountSet { asset, bips: self.n[3] as u32 },
            Event::DiscountRateSet { asset, numerator: self.n[3], denominator: self.n[4] },
            Event::Posting(Posting {
                from: self.account(),
                to: Account::House,
                asset,
                amount: self.wide[0],
                business: Label::new("deposit").unwrap(),
                business_id: self.n[3] as i64,
                repeated: self.flag,
            }),
            Event::PlaceRefused { position: self.n[3] as u8, user, market, client_id, reason },
            Event::CancelRefused { user, market, order: self.order_ref(), reason },
            Event::Placed(Placed {
                order,
                new: self.order,
                rates: self.rates(),
                list: ListId(self.n[7]),
                status: self.status(),
            }),
            Event::Repeated(Repeated {
                order,
                user,
                market,
                client_id,
                at: Timestamp(self.n[3]),
                status: self.status(),
                filled: qty,
                filled_quote: self.wide[0],
            }),
            Event::Triggered { order, user, market, price },
            Event::Trade(self.trade()),
            Event::Prevented {
                market,
                maker_order: order,
                taker_order: OrderId(self.n[4]),
                maker_user: user,
                taker_user: self.user(6),
                price,
                qty,
            },
            Event::Renamed { order, user, market, client_id },
            Event::Changed(Changed { order, user, market, cause: self.change_cause(), price, qty, left: qty }),
            Event::Closed(self.closed()),
            self.list_placed(),
            Event::ListDone { list: ListId(self.n[7]), user, market },
            Event::CountdownSet { user, market, deadline: Timestamp(self.n[3]) },
            Event::Uncrossed { market, price, qty },
            Event::Balance { account: self.account(), asset, available: self.wide[0], held: self.wide[1] },
        ];
        match self.command {
            Command::SetAsset(spec) => events.push(Event::AssetSet(spec)),
            Command::SetMarket(spec) => events.push(Event::MarketSet(spec)),
            _ => {}
        }
        events
    }

    fn closed(&self) -> Closed {
        Closed {
            order: self.order(),
            user: self.user(5),
            market: self.market(),
            status: self.status(),
            cause: self.close_cause(),
            filled: QtyLots(self.n[10]),
            filled_quote: self.wide[1],
            left: QtyLots(self.n[3]),
        }
    }

    fn trade(&self) -> Trade {
        Trade {
            trade: TradeId(self.n[3]),
            market: self.market(),
            price: PriceTicks(self.n[9]),
            qty: QtyLots(self.n[10]),
            quote: self.wide[2],
            taker_side: if self.flag { Side::Buy } else { Side::Sell },
            maker_order: self.order(),
            taker_order: OrderId(self.n[4]),
            maker_user: self.user(5),
            taker_user: self.user(6),
            maker_fee: self.wide[0],
            taker_fee: self.wide[1],
            maker_fee_asset: self.asset(),
            taker_fee_asset: AssetId(self.n[7] as u32),
            maker_left: QtyLots(self.n[8]),
            taker_left: QtyLots(self.n[11]),
            auction: self.flag,
        }
    }

    fn change_cause(&self) -> ChangeCause {
        use ChangeCause::*;
        pick([Amended, Moved, Reduced, Decremented, Activated], self.n[8])
    }

    fn list_placed(&self) -> Event {
        let contingency = pick([Contingency::Oco, Contingency::Oto, Contingency::Otoco], self.n[8]);
        let third = if contingency == Contingency::Otoco { 3 } else { 0 };
        Event::ListPlaced {
            list: ListId(self.n[7]),
            user: self.user(5),
            market: self.market(),
            client_id: self.client_id,
            contingency,
            orders: [OrderId(1), OrderId(2), OrderId(third)],
        }
    }

    fn order_view(&self) -> OrderView {
        OrderView {
            order: self.order(),
            new: self.order,
            list: ListId(self.n[7]),
            status: self.status(),
            left: QtyLots(self.n[8]),
            filled: QtyLots(self.n[9]),
            filled_quote: self.wide[0],
            prevented: QtyLots(self.n[10]),
            rates: self.rates(),
            created_at: Timestamp(self.n[0]),
            updated_at: Timestamp(self.n[1]),
            working: self.flag,
        }
    }

    fn conservation(&self) -> Conservation {
        let [a, b, c] = self.wide;
        Conservation {
            asset: self.asset(),
            users_available: a,
            users_held: b,
            fees: c,
            rounding: a ^ b,
            house: b ^ c,
            insurance: a ^ c,
            deposits: !a,
            withdrawals: !b,
            reserved: self.flag.then_some(!c),
        }
    }
}

/// Through the message and through its bytes.
fn through<P: Message + Default + PartialEq + std::fmt::Debug>(message: &P) -> P {
    let decoded = P::decode(&*message.encode_to_vec()).expect("what was encoded");
    assert_eq!(&decoded, message);
    decoded
}

proptest! {
    #[test]
    fn commands_survive(command in arbitrary::command()) {
        let back = Command::try_from(through(&pb::Command::from(&command)));
        prop_assert_eq!(back.unwrap(), command);
    }

    #[test]
    fn events_survive(stuff in stuff()) {
        for event in stuff.events() {
            let back = Event::try_from(through(&pb::Event::from(&event)));
            prop_assert_eq!(back.unwrap(), event);
        }
    }

    #[test]
    fn views_survive(stuff in stuff()) {
        let order = stuff.order_view();
        prop_assert_eq!(OrderView::try_from(through(&pb::OrderView::from(&order))).unwrap(), order);
        let sums = stuff.conservation();
        prop_assert_eq!(Conservation::from(through(&pb::Conservation::from(&sums))), sums);
        let balance = Balance { available: stuff.wide[0], held: stuff.wide[1] };
        let balance = AccountBalance { account: stuff.account(), asset: stuff.asset(), balance };
        prop_assert_eq!(AccountBalance::try_from(through(&pb::AccountBalance::from(&balance))).unwrap(), balance);
        let (user, group) = (stuff.user(0), stuff.user(1));
        let user = UserView { user, group, tier: stuff.n[2] as u16, pay_discount: stuff.flag, frozen: !stuff.flag };
        prop_assert_eq!(UserView::try_from(through(&pb::UserSettings::from(&user))).unwrap(), user);
        let level = LevelView { price: PriceTicks(stuff.n[0]), qty: QtyLots(stuff.n[1]), orders: stuff.n[2] as u32 };
        prop_assert_eq!(LevelView::from(through(&pb::BookLevel::from(&level))), level);
        if let Command::SetMarket(spec) = stuff.command {
            let market = MarketView {
                spec,
                state: stuff.state(),
                last_price: PriceTicks(stuff.n[0]),
                best_bid: PriceTicks(stuff.n[1]),
                best_ask: PriceTicks(stuff.n[2]),
                next_trade: TradeId(stuff.n[3]),
                open_orders: stuff.n[4],
                base_unit: stuff.n[5],
                quote_unit: stuff.n[6],
                bid_lots: stuff.wide[0] as u128,
                ask_lots: stuff.wide[1] as u128,
            };
            prop_assert_eq!(MarketView::try_from(through(&pb::MarketView::from(&market))).unwrap(), market);
        }
    }

    /// Whatever bytes come in, a command comes out or a refusal; never a panic.
    #[test]
    fn any_bytes_are_a_command_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = pb::Command::decode(&*bytes) {
            let _ = Command::try_from(message);
        }
    }
}

#[test]
fn what_the_core_cannot_hold_is_refused_by_name() {
    type Break = fn(&mut pb::NewOrder);
    let rows: [(&str, Break); 6] = [
        ("order.side", |o| o.side = 0),
        ("order.kind", |o| o.kind = 99),
        ("order.time_in_force", |o| o.time_in_force = -1),
        ("order.stp", |o| o.stp = 0),
        ("order.client_id", |o| o.client_id = "x".repeat(37)),
        ("order.source", |o| o.source = "x".repeat(32)),
    ];
    let order = NewOrder::limit(UserId(1), MarketId(0), Side::Buy, PriceTicks(1), QtyLots(1));
    for (field, change) in rows {
        let mut message = pb::NewOrder::from(&order);
        change(&mut message);
        assert_eq!(NewOrder::try_from(message).unwrap_err().to_string(), field);
    }
    assert_eq!(Command::try_from(pb::Command { kind: None }).unwrap_err().to_string(), "command");
}

#[test]
fn a_list_has_the_orders_of_its_kind() {
    let order = NewOrder::limit(UserId(1), MarketId(0), Side::Buy, PriceTicks(1), QtyLots(1));
    for (contingency, wanted) in [(pb::Contingency::Oco, 2), (pb::Contingency::Oto, 2), (pb::Contingency::Otoco, 3)] {
        for count in 0..5 {
            let list = pb::NewOrderList {
                client_id: String::new(),
                contingency: contingency as i32,
                orders: vec![(&order).into(); count],
            };
            let command = pb::Command { kind: Some(pb::command::Kind::PlaceList(list)) };
            assert_eq!(Command::try_from(command).is_ok(), count == wanted, "{contingency:?} {count}");
        }
    }
}
