//! Call auctions, price bands, market states.

use expect_test::expect;

use super::{check, check_balances};

#[test]
fn the_price_that_trades_most() {
    check_balances(
        "
        state pre
        A buy 3@102
        B buy 2@101
        C buy 2@100
        D sell 2@99
        E sell 2@100
        F sell 3@101
        uncross
        ",
        expect![[r#"
            state pre
                market is PreOpen
            A buy 3@102
                #1 A buys 3 at 102
                A has 99694 usdt and 306 held
            B buy 2@101
                #2 B buys 2 at 101
                B has 99798 usdt and 202 held
            C buy 2@100
                #3 C buys 2 at 100
                C has 99800 usdt and 200 held
            D sell 2@99
                #4 D sells 2 at 99
                D has 998 btc and 2 held
            E sell 2@100
                #5 E sells 2 at 100
                E has 998 btc and 2 held
            F sell 3@101
                #6 F sells 3 at 101
                F has 997 btc and 3 held
            uncross
                auction 1 2@101: #4 takes #1
                #4 Filled (Filled), filled 2 for 202, left 0
                auction 2 1@101: #5 takes #1
                #1 Filled (Filled), filled 3 for 303, left 0
                auction 3 1@101: #5 takes #2
                #5 Filled (Filled), filled 2 for 202, left 0
                auction 4 1@101: #6 takes #2
                #2 Filled (Filled), filled 2 for 202, left 0
                uncrossed 5@101
                market is Trading
                A has 1003 btc
                A has 99697 usdt
                B has 1002 btc
                B has 99798 usdt
                D has 998 btc
                D has 100202 usdt
                E has 998 btc
                E has 100202 usdt
                F has 997 btc and 2 held
                F has 100101 usdt
        "#]],
    );
}

#[test]
fn of_several_prices_the_smallest_surplus() {
    check(
        "state pre; A buy 5@102; B sell 5@100; C sell 1@101; uncross",
        expect![[r#"
            state pre
                market is PreOpen
            A buy 5@102
                #1 A buys 5 at 102
            B sell 5@100
                #2 B sells 5 at 100
            C sell 1@101
                #3 C sells 1 at 101
            uncross
                auction 1 5@100: #2 takes #1
                #1 Filled (Filled), filled 5 for 500, left 0
                #2 Filled (Filled), filled 5 for 500, left 0
                uncrossed 5@100
                market is Trading
        "#]],
    );
}

#[test]
fn then_nearest_to_the_last_price_then_the_lowest() {
    check(
        "
        A sell 1@103
        B buy 1@103
        state pre
        A buy 2@104
        B sell 2@100
        uncross
        state pre
        A buy 2@106
        B sell 2@102
        uncross
        ",
        expect![[r#"
            A sell 1@103
                #1 A sells 1 at 103
            B buy 1@103
                #2 B buys 1 at 103
                trade 1 1@103: #2 takes #1
                #1 Filled (Filled), filled 1 for 103, left 0
                #2 Filled (Filled), filled 1 for 103, left 0
            state pre
                market is PreOpen
            A buy 2@104
                #3 A buys 2 at 104
            B sell 2@100
                #4 B sells 2 at 100
            uncross
                auction 2 2@104: #4 takes #3
                #3 Filled (Filled), filled 2 for 208, left 0
                #4 Filled (Filled), filled 2 for 208, left 0
                uncrossed 2@104
                market is Trading
            state pre
                market is PreOpen
            A buy 2@106
                #5 A buys 2 at 106
            B sell 2@102
                #6 B sells 2 at 102
            uncross
                auction 3 2@102: #6 takes #5
                #5 Filled (Filled), filled 2 for 204, left 0
                #6 Filled (Filled), filled 2 for 204, left 0
                uncrossed 2@102
                market is Trading
        "#]],
    );
}

#[test]
fn without_a_cross_nothing_trades() {
    check(
        "state pre; A buy 1@99; B sell 1@100; uncross; uncross",
        expect![[r#"
            state pre
                market is PreOpen
            A buy 1@99
                #1 A buys 1 at 99
            B sell 1@100
                #2 B sells 1 at 100
            uncross
                uncrossed 0@0
                market is Trading
            uncross
                refused: uncross_not_possible
        "#]],
    );
}

#[test]
fn icebergs_trade_part_by_part() {
    check(
        "state pre; A sell 4@100 show:2; B sell 2@100; C buy 5@100; uncross",
        expect![[r#"
            state pre
                market is PreOpen
            A sell 4@100 show:2
                #1 A sells 4 at 100
            B sell 2@100
                #2 B sells 2 at 100
            C buy 5@100
                #3 C buys 5 at 100
            uncross
                auction 1 2@100: #3 takes #1
                auction 2 2@100: #3 takes #2
                #2 Filled (Filled), filled 2 for 200, left 0
                auction 3 1@100: #3 takes #1
                #3 Filled (Filled), filled 5 for 500, left 0
                uncrossed 5@100
                market is Trading
        "#]],
    );
}

#[test]
fn post_only_orders_and_own_orders_trade_in_an_auction() {
    check(
        "state pre; A sell 1@100 maker; A buy 1@100 maker stp:taker; uncross",
        expect![[r#"
            state pre
                market is PreOpen
            A sell 1@100 maker
                #1 A sells 1 at 100 LimitMaker
            A buy 1@100 maker stp:taker
                #2 A buys 1 at 100 LimitMaker
            uncross
                auction 1 1@100: #2 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                #2 Filled (Filled), filled 1 for 100, left 0
                uncrossed 1@100
                market is Trading
        "#]],
    );
}

#[test]
fn a_crossed_book_does_not_open_without_its_auction() {
    check(
        "state pre; A sell 1@100; B buy 1@101; state trade; state halt; state trade; state pre; uncross",
        expect![[r#"
            state pre
                market is PreOpen
            A sell 1@100
                #1 A sells 1 at 100
            B buy 1@101
                #2 B buys 1 at 101
            state trade
                refused: market_state_conflict
            state halt
                market is Halt
            state trade
                refused: market_state_conflict
            state pre
                market is PreOpen
            uncross
                auction 1 1@100: #2 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                #2 Filled (Filled), filled 1 for 100, left 0
                uncrossed 1@100
                market is Trading
        "#]],
    );
}

#[test]
fn what_an_auction_takes() {
    check(
        "
        state pre
        A buy 1
        A buy 1@100 ioc
        A buy 1@100 fok
        A buy 1@100 sl:101 ioc
        A buy 1@100 gtd:5
        A buy 1 sl:101
        A sell 1@99 maker
        A move 1 98
        A move 3 97
        A amend 3 1
        ",
        expect![[r#"
            state pre
                market is PreOpen
            A buy 1
                refused: market_pre_open
            A buy 1@100 ioc
                refused: market_pre_open
            A buy 1@100 fok
                refused: market_pre_open
            A buy 1@100 sl:101 ioc
                refused: market_pre_open
            A buy 1@100 gtd:5
                #1 A buys 1 at 100 Gtd
            A buy 1 sl:101
                #2 A buys 1 StopLoss
            A sell 1@99 maker
                #3 A sells 1 at 99 LimitMaker
            A move 1 98
                #1 Moved to 1@98, left 1
            A move 3 97
                #3 Moved to 1@97, left 1
            A amend 3 1
                refused: amend_qty
        "#]],
    );
}

#[test]
fn lists_in_an_auction() {
    check(
        "state pre; A oto sell 2@100 > buy 2@99; B oco buy 2@110 sl:105 | buy 2@101 maker; uncross",
        expect![[r#"
            state pre
                market is PreOpen
            A oto sell 2@100 > buy 2@99
                list 1 Oto: #1 #2
                #1 A sells 2 at 100
                #2 A buys 2 at 99, pending
            B oco buy 2@110 sl:105 | buy 2@101 maker
                list 2 Oco: #3 #4
                #3 B buys 2 at 110 StopLossLimit
                #4 B buys 2 at 101 LimitMaker
            uncross
                #3 Expired (List), filled 0 for 0, left 2
                auction 1 2@100: #4 takes #1
                #1 Filled (Filled), filled 2 for 200, left 0
                #4 Filled (Filled), filled 2 for 200, left 0
                list 2 done
                uncrossed 2@100
                market is Trading
                #2 triggered at 100
        "#]],
    );
}

#[test]
fn a_band_halts_the_market_before_the_fill() {
    check_balances(
        "
        filters band_bips=500
        A sell 1@100
        A sell 1@105
        A sell 1@106
        B buy 5@110
        B buy 1@106
        state trade
        B buy 1@106
        ",
        expect![[r#"
            filters band_bips=500
                market set
            A sell 1@100
                #1 A sells 1 at 100
                A has 999 btc and 1 held
            A sell 1@105
                #2 A sells 1 at 105
                A has 998 btc and 2 held
            A sell 1@106
                #3 A sells 1 at 106
                A has 997 btc and 3 held
            B buy 5@110
                #4 B buys 5 at 110
                trade 1 1@100: #4 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                trade 2 1@105: #4 takes #2
                #2 Filled (Filled), filled 1 for 105, left 0
                market is Halt, by its band
                #4 Expired (Halted), filled 2 for 205, left 3
                A has 997 btc and 1 held
                A has 100205 usdt
                B has 1002 btc
                B has 99795 usdt
            B buy 1@106
                refused: market_halted
            state trade
                market is Trading
            B buy 1@106
                #5 B buys 1 at 106
                trade 3 1@106: #5 takes #3
                #3 Filled (Filled), filled 1 for 106, left 0
                #5 Filled (Filled), filled 1 for 106, left 0
                A has 997 btc
                A has 100311 usdt
                B has 1003 btc
                B has 99689 usdt
        "#]],
    );
}

#[test]
fn the_reference_of_a_band_is_renewed() {
    check(
        "
        filters band_bips=500 band_window_us=10
        A sell 1@100
        B buy 1@100
        at 5
        A sell 1@105
        B buy 1@105
        at 10
        A sell 1@110
        B buy 1@110
        A sell 1@111
        B buy 1@111
        ",
        expect![[r#"
            filters band_bips=500 band_window_us=10
                market set
            A sell 1@100
                #1 A sells 1 at 100
            B buy 1@100
                #2 B buys 1 at 100
                trade 1 1@100: #2 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                #2 Filled (Filled), filled 1 for 100, left 0
            at 5
            A sell 1@105
                #3 A sells 1 at 105
            B buy 1@105
                #4 B buys 1 at 105
                trade 2 1@105: #4 takes #3
                #3 Filled (Filled), filled 1 for 105, left 0
                #4 Filled (Filled), filled 1 for 105, left 0
            at 10
            A sell 1@110
                #5 A sells 1 at 110
            B buy 1@110
                #6 B buys 1 at 110
                trade 3 1@110: #6 takes #5
                #5 Filled (Filled), filled 1 for 110, left 0
                #6 Filled (Filled), filled 1 for 110, left 0
            A sell 1@111
                #7 A sells 1 at 111
            B buy 1@111
                #8 B buys 1 at 111
                market is Halt, by its band
                #8 Expired (Halted), filled 0 for 0, left 1
        "#]],
    );
}

#[test]
fn prevention_comes_before_the_band() {
    check(
        "
        filters band_bips=500
        A sell 1@100
        B buy 1@100
        A sell 1@110
        A buy 1@110 stp:taker
        A buy 1@110 stp:maker
        ",
        expect![[r#"
            filters band_bips=500
                market set
            A sell 1@100
                #1 A sells 1 at 100
            B buy 1@100
                #2 B buys 1 at 100
                trade 1 1@100: #2 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                #2 Filled (Filled), filled 1 for 100, left 0
            A sell 1@110
                #3 A sells 1 at 110
            A buy 1@110 stp:taker
                #4 A buys 1 at 110
                prevented 1@110, #4 would take #3
                #4 ExpiredInMatch (SelfTrade), filled 0 for 0, left 1
            A buy 1@110 stp:maker
                #5 A buys 1 at 110
                prevented 1@110, #5 would take #3
                #3 ExpiredInMatch (SelfTrade), filled 0 for 0, left 1
        "#]],
    );
}

#[test]
fn fok_sees_the_band() {
    check(
        "filters band_bips=500; A sell 1@100; A sell 1@106; B buy 2@110 fok; B buy 1@110 fok",
        expect![[r#"
            filters band_bips=500
                market set
            A sell 1@100
                #1 A sells 1 at 100
            A sell 1@106
                #2 A sells 1 at 106
            B buy 2@110 fok
                #3 B buys 2 at 110 Fok
                #3 Expired (Unfilled), filled 0 for 0, left 2
            B buy 1@110 fok
                #4 B buys 1 at 110 Fok
                trade 1 1@100: #4 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                #4 Filled (Filled), filled 1 for 100, left 0
        "#]],
    );
}

#[test]
fn states_that_follow() {
    check(
        "state trade; state pre; state pre; state cancelonly; state halt; state trade; uncross",
        expect![[r#"
            state trade
                refused: market_state_conflict
            state pre
                market is PreOpen
            state pre
                refused: market_state_conflict
            state cancelonly
                market is CancelOnly
            state halt
                market is Halt
            state trade
                market is Trading
            uncross
                refused: uncross_not_possible
        "#]],
    );
}
