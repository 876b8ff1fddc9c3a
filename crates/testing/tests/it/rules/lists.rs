//! Order lists: OCO, OTO, OTOCO.

use expect_test::expect;

use super::{check, check_balances};

#[test]
fn an_oco_pair_holds_the_larger_reserve() {
    check_balances(
        "A oco buy 2@110 sl:105 | buy 2@95 maker; B sell 1@95",
        expect![[r#"
            A oco buy 2@110 sl:105 | buy 2@95 maker
                list 1 Oco: #1 #2
                #1 A buys 2 at 110 StopLossLimit
                #2 A buys 2 at 95 LimitMaker
                A has 99780 usdt and 220 held
            B sell 1@95
                #3 B sells 1 at 95
                #1 Expired (List), filled 0 for 0, left 2
                trade 1 1@95: #3 takes #2
                #3 Filled (Filled), filled 1 for 95, left 0
                A has 1001 btc
                A has 99810 usdt and 95 held
                B has 999 btc
                B has 100095 usdt
        "#]],
    );
}

#[test]
fn the_stop_leg_closes_the_other() {
    check_balances(
        "A oco sell 2@110 maker | sell 2@93 sl:94; B buy 1@94; C sell 1@94",
        expect![[r#"
            A oco sell 2@110 maker | sell 2@93 sl:94
                list 1 Oco: #1 #2
                #1 A sells 2 at 110 LimitMaker
                #2 A sells 2 at 93 StopLossLimit
                A has 998 btc and 2 held
            B buy 1@94
                #3 B buys 1 at 94
                B has 99906 usdt and 94 held
            C sell 1@94
                #4 C sells 1 at 94
                trade 1 1@94: #4 takes #3
                #3 Filled (Filled), filled 1 for 94, left 0
                #4 Filled (Filled), filled 1 for 94, left 0
                #1 Expired (List), filled 0 for 0, left 2
                #2 triggered at 94
                B has 1001 btc
                B has 99906 usdt
                C has 999 btc
                C has 100094 usdt
        "#]],
    );
}

#[test]
fn one_leg_cancelled_cancels_both() {
    check_balances(
        "
        A oco sell 2@110 maker | sell 2 sl:94
        A cancel 2
        A oco sell 2@110 maker | sell 2 sl:94
        A cancellist 2
        A cancellist 2
        ",
        expect![[r#"
            A oco sell 2@110 maker | sell 2 sl:94
                list 1 Oco: #1 #2
                #1 A sells 2 at 110 LimitMaker
                #2 A sells 2 StopLoss
                A has 998 btc and 2 held
            A cancel 2
                #2 Canceled (User), filled 0 for 0, left 2
                #1 Canceled (List), filled 0 for 0, left 2
                list 1 done
                A has 1000 btc
            A oco sell 2@110 maker | sell 2 sl:94
                list 2 Oco: #3 #4
                #3 A sells 2 at 110 LimitMaker
                #4 A sells 2 StopLoss
                A has 998 btc and 2 held
            A cancellist 2
                #3 Canceled (User), filled 0 for 0, left 2
                #4 Canceled (List), filled 0 for 0, left 2
                list 2 done
                A has 1000 btc
            A cancellist 2
                refused: unknown_list
        "#]],
    );
}

#[test]
fn which_legs_make_a_pair() {
    check(
        "
        A oco sell 2@110 | sell 2 sl:94
        A oco sell 2@110 maker | sell 3 sl:94
        A oco sell 2@110 maker | buy 2 sl:94
        A oco sell 2@90 maker | sell 2 sl:94
        A oco sell 2 sl:94 | sell 2@110 maker
        A oco buy 2 sl:110 | buy 2 tp:90
        ",
        expect![[r#"
            A oco sell 2@110 | sell 2 sl:94
                refused: invalid_combination
            A oco sell 2@110 maker | sell 3 sl:94
                refused: invalid_combination
            A oco sell 2@110 maker | buy 2 sl:94
                refused: invalid_combination
            A oco sell 2@90 maker | sell 2 sl:94
                refused: invalid_combination
            A oco sell 2 sl:94 | sell 2@110 maker
                refused: invalid_combination
            A oco buy 2 sl:110 | buy 2 tp:90
                list 1 Oco: #1 #2
                #1 A buys 2 StopLoss
                #2 A buys 2 TakeProfit
        "#]],
    );
}

#[test]
fn a_pending_order_is_placed_when_the_working_one_is_filled() {
    check_balances(
        "A oto buy 2@100 > sell 2@105; B sell 1@100; B sell 1@100",
        expect![[r#"
            A oto buy 2@100 > sell 2@105
                list 1 Oto: #1 #2
                #1 A buys 2 at 100
                #2 A sells 2 at 105, pending
                A has 99800 usdt and 200 held
            B sell 1@100
                #3 B sells 1 at 100
                trade 1 1@100: #3 takes #1
                #3 Filled (Filled), filled 1 for 100, left 0
                A has 1001 btc
                A has 99800 usdt and 100 held
                B has 999 btc
                B has 100100 usdt
            B sell 1@100
                #4 B sells 1 at 100
                trade 2 1@100: #4 takes #1
                #1 Filled (Filled), filled 2 for 200, left 0
                #4 Filled (Filled), filled 1 for 100, left 0
                #2 triggered at 100
                A has 1000 btc and 2 held
                A has 99800 usdt
                B has 998 btc
                B has 100200 usdt
        "#]],
    );
}

#[test]
fn a_pending_order_goes_with_its_working_order() {
    check(
        "
        A oto buy 2@100 > sell 2@105
        A cancel 1
        A oto buy 2@100 ioc > sell 2@105
        A oto buy 2@100 > sell 2@105
        A cancel 6
        ",
        expect![[r#"
            A oto buy 2@100 > sell 2@105
                list 1 Oto: #1 #2
                #1 A buys 2 at 100
                #2 A sells 2 at 105, pending
            A cancel 1
                #1 Canceled (User), filled 0 for 0, left 2
                #2 Canceled (List), filled 0 for 0, left 2
                list 1 done
            A oto buy 2@100 ioc > sell 2@105
                list 2 Oto: #3 #4
                #3 A buys 2 at 100 Ioc
                #4 A sells 2 at 105, pending
                #3 Expired (Unfilled), filled 0 for 0, left 2
                #4 Expired (List), filled 0 for 0, left 2
                list 2 done
            A oto buy 2@100 > sell 2@105
                list 3 Oto: #5 #6
                #5 A buys 2 at 100
                #6 A sells 2 at 105, pending
            A cancel 6
                #6 Canceled (User), filled 0 for 0, left 2
                #5 Canceled (List), filled 0 for 0, left 2
                list 3 done
        "#]],
    );
}

#[test]
fn a_pending_order_that_cannot_be_placed_is_closed() {
    check(
        "B sell 1@100; A oto buy 1@100 > sell 2000@105",
        expect![[r#"
            B sell 1@100
                #1 B sells 1 at 100
            A oto buy 1@100 > sell 2000@105
                list 1 Oto: #2 #3
                #2 A buys 1 at 100
                #3 A sells 2000 at 105, pending
                trade 1 1@100: #2 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                #2 Filled (Filled), filled 1 for 100, left 0
                #3 Expired (Refused(InsufficientBalance)), filled 0 for 0, left 2000
                list 1 done
        "#]],
    );
}

#[test]
fn a_working_order_may_fill_at_once_and_its_pending_one_take() {
    check(
        "B sell 2@100; C buy 2@99; A oto buy 2@100 > sell 2@99",
        expect![[r#"
            B sell 2@100
                #1 B sells 2 at 100
            C buy 2@99
                #2 C buys 2 at 99
            A oto buy 2@100 > sell 2@99
                list 1 Oto: #3 #4
                #3 A buys 2 at 100
                #4 A sells 2 at 99, pending
                trade 1 2@100: #3 takes #1
                #1 Filled (Filled), filled 2 for 200, left 0
                #3 Filled (Filled), filled 2 for 200, left 0
                #4 triggered at 100
                trade 2 2@99: #4 takes #2
                #2 Filled (Filled), filled 2 for 198, left 0
                #4 Filled (Filled), filled 2 for 198, left 0
                list 1 done
        "#]],
    );
}

#[test]
fn an_otoco_places_its_pair() {
    check_balances(
        "A otoco buy 2@100 > sell 2@105 maker | sell 2 sl:95; B sell 2@100; B buy 1@105",
        expect![[r#"
            A otoco buy 2@100 > sell 2@105 maker | sell 2 sl:95
                list 1 Otoco: #1 #2 #3
                #1 A buys 2 at 100
                #2 A sells 2 at 105 LimitMaker, pending
                #3 A sells 2 StopLoss, pending
                A has 99800 usdt and 200 held
            B sell 2@100
                #4 B sells 2 at 100
                trade 1 2@100: #4 takes #1
                #1 Filled (Filled), filled 2 for 200, left 0
                #4 Filled (Filled), filled 2 for 200, left 0
                #2 triggered at 100
                #3 triggered at 100
                A has 1000 btc and 2 held
                A has 99800 usdt
                B has 998 btc
                B has 100200 usdt
            B buy 1@105
                #5 B buys 1 at 105
                #3 Expired (List), filled 0 for 0, left 2
                trade 2 1@105: #5 takes #2
                #5 Filled (Filled), filled 1 for 105, left 0
                A has 1000 btc and 1 held
                A has 99905 usdt
                B has 999 btc
                B has 100095 usdt
        "#]],
    );
}

#[test]
fn a_pair_that_would_trigger_is_refused_whole() {
    check(
        "A otoco buy 2@100 > sell 2@105 maker | sell 2 sl:101; B sell 2@100",
        expect![[r#"
            A otoco buy 2@100 > sell 2@105 maker | sell 2 sl:101
                list 1 Otoco: #1 #2 #3
                #1 A buys 2 at 100
                #2 A sells 2 at 105 LimitMaker, pending
                #3 A sells 2 StopLoss, pending
            B sell 2@100
                #4 B sells 2 at 100
                trade 1 2@100: #4 takes #1
                #1 Filled (Filled), filled 2 for 200, left 0
                #4 Filled (Filled), filled 2 for 200, left 0
                #2 Expired (Refused(WouldTrigger)), filled 0 for 0, left 2
                #3 Expired (List), filled 0 for 0, left 2
                list 1 done
        "#]],
    );
}

#[test]
fn a_leg_of_a_list_is_not_moved_or_reduced() {
    check(
        "A oco sell 2@110 maker | sell 2 sl:94; A move 1 111; A reduce 1 1",
        expect![[r#"
            A oco sell 2@110 maker | sell 2 sl:94
                list 1 Oco: #1 #2
                #1 A sells 2 at 110 LimitMaker
                #2 A sells 2 StopLoss
            A move 1 111
                refused: not_amendable
            A reduce 1 1
                refused: not_amendable
        "#]],
    );
}

#[test]
fn both_legs_of_a_pair_are_amended() {
    check(
        "filters market_qty_min=2; A oco sell 5@110 maker | sell 5 sl:94; A amend 1 5; A amend 1 4; A amend 2 3; A amend 1 1; \
         B buy 1@110; A amend 1 2; A amend 1 1",
        expect![[r#"
            filters market_qty_min=2
                market set
            A oco sell 5@110 maker | sell 5 sl:94
                list 1 Oco: #1 #2
                #1 A sells 5 at 110 LimitMaker
                #2 A sells 5 StopLoss
            A amend 1 5
                refused: amend_qty
            A amend 1 4
                #1 Amended to 4@110, left 4
                #2 Amended to 4@0, left 4
            A amend 2 3
                #2 Amended to 3@0, left 3
                #1 Amended to 3@110, left 3
            A amend 1 1
                refused: market_lot_size
            B buy 1@110
                #3 B buys 1 at 110
                #2 Expired (List), filled 0 for 0, left 3
                trade 1 1@110: #3 takes #1
                #3 Filled (Filled), filled 1 for 110, left 0
            A amend 1 2
                #1 Amended to 2@110, left 1
            A amend 1 1
                refused: amend_qty
        "#]],
    );
    check(
        "A oco buy 5@112 sl:110 | buy 5@90 maker; A amend 2 2",
        expect![[r#"
            A oco buy 5@112 sl:110 | buy 5@90 maker
                list 1 Oco: #1 #2
                #1 A buys 5 at 112 StopLossLimit
                #2 A buys 5 at 90 LimitMaker
            A amend 2 2
                #2 Amended to 2@90, left 2
                #1 Amended to 2@112, left 2
        "#]],
    );
}

#[test]
fn working_and_pending_orders_are_amended_by_themselves() {
    check(
        "A oto buy 4@100 > sell 4@105; A amend 2 3; A amend 1 2; B sell 2@100; A amend 2 1",
        expect![[r#"
            A oto buy 4@100 > sell 4@105
                list 1 Oto: #1 #2
                #1 A buys 4 at 100
                #2 A sells 4 at 105, pending
            A amend 2 3
                #2 Amended to 3@105, left 3
            A amend 1 2
                #1 Amended to 2@100, left 2
            B sell 2@100
                #3 B sells 2 at 100
                trade 1 2@100: #3 takes #1
                #1 Filled (Filled), filled 2 for 200, left 0
                #3 Filled (Filled), filled 2 for 200, left 0
                #2 triggered at 100
            A amend 2 1
                #2 Amended to 1@105, left 1
        "#]],
    );
    check(
        "A otoco buy 4@100 > sell 4@110 maker | sell 4 sl:94; A amend 3 2; B sell 4@100",
        expect![[r#"
            A otoco buy 4@100 > sell 4@110 maker | sell 4 sl:94
                list 1 Otoco: #1 #2 #3
                #1 A buys 4 at 100
                #2 A sells 4 at 110 LimitMaker, pending
                #3 A sells 4 StopLoss, pending
            A amend 3 2
                #3 Amended to 2@0, left 2
                #2 Amended to 2@110, left 2
            B sell 4@100
                #4 B sells 4 at 100
                trade 1 4@100: #4 takes #1
                #1 Filled (Filled), filled 4 for 400, left 0
                #4 Filled (Filled), filled 4 for 400, left 0
                #2 triggered at 100
                #3 triggered at 100
        "#]],
    );
}

#[test]
fn a_frozen_account_gets_no_pending_order() {
    check(
        "A oto buy 1@100 > sell 1@105; user A frozen; B sell 1@100",
        expect![[r#"
            A oto buy 1@100 > sell 1@105
                list 1 Oto: #1 #2
                #1 A buys 1 at 100
                #2 A sells 1 at 105, pending
            user A frozen
                UserSet { user: UserId(1), group: UserId(1), tier: 0, pay_discount: false, frozen: true }
            B sell 1@100
                #3 B sells 1 at 100
                trade 1 1@100: #3 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                #3 Filled (Filled), filled 1 for 100, left 0
                #2 Expired (Refused(AccountFrozen)), filled 0 for 0, left 1
                list 1 done
        "#]],
    );
}

#[test]
fn no_pending_order_in_a_market_halted_by_its_band() {
    check(
        "
        filters band_bips=100
        C sell 1@100
        B buy 1@100
        A oto sell 1@100 > buy 1@99
        C sell 1@110
        B buy 2@110
        ",
        expect![[r#"
            filters band_bips=100
                market set
            C sell 1@100
                #1 C sells 1 at 100
            B buy 1@100
                #2 B buys 1 at 100
                trade 1 1@100: #2 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                #2 Filled (Filled), filled 1 for 100, left 0
            A oto sell 1@100 > buy 1@99
                list 1 Oto: #3 #4
                #3 A sells 1 at 100
                #4 A buys 1 at 99, pending
            C sell 1@110
                #5 C sells 1 at 110
            B buy 2@110
                #6 B buys 2 at 110
                trade 2 1@100: #6 takes #3
                #3 Filled (Filled), filled 1 for 100, left 0
                market is Halt, by its band
                #6 Expired (Halted), filled 1 for 100, left 1
                #4 Expired (Refused(MarketHalted)), filled 0 for 0, left 1
                list 1 done
        "#]],
    );
}

#[test]
fn an_own_list_partner_is_closed_by_a_decrement() {
    check(
        "A oco sell 5@110 maker | sell 5 sl:94; A buy 2@110 stp:dec",
        expect![[r#"
            A oco sell 5@110 maker | sell 5 sl:94
                list 1 Oco: #1 #2
                #1 A sells 5 at 110 LimitMaker
                #2 A sells 5 StopLoss
            A buy 2@110 stp:dec
                #3 A buys 2 at 110
                prevented 2@110, #3 would take #1
                #2 Expired (List), filled 0 for 0, left 5
                #1 Decremented to 3@110, left 3
                #3 ExpiredInMatch (SelfTrade), filled 0 for 0, left 0
        "#]],
    );
}
