//! Stops: their trigger, their funds, trailing.

use expect_test::expect;

use super::{check, check_balances};

#[test]
fn a_stop_loss_sells_when_the_price_falls() {
    check_balances(
        "A sell 2 sl:95; B buy 2@94; B buy 1@95; C sell 1@95",
        expect![[r#"
            A sell 2 sl:95
                #1 A sells 2 StopLoss
                A has 998 btc and 2 held
            B buy 2@94
                #2 B buys 2 at 94
                B has 99812 usdt and 188 held
            B buy 1@95
                #3 B buys 1 at 95
                B has 99717 usdt and 283 held
            C sell 1@95
                #4 C sells 1 at 95
                trade 1 1@95: #4 takes #3
                #3 Filled (Filled), filled 1 for 95, left 0
                #4 Filled (Filled), filled 1 for 95, left 0
                #1 triggered at 95
                trade 2 2@94: #1 takes #2
                #2 Filled (Filled), filled 2 for 188, left 0
                #1 Filled (Filled), filled 2 for 188, left 0
                A has 998 btc
                A has 100188 usdt
                B has 1003 btc
                B has 99717 usdt
                C has 999 btc
                C has 100095 usdt
        "#]],
    );
}

#[test]
fn a_stop_limit_may_rest() {
    check(
        "A buy 2@106 sl:105; B sell 1@105; C buy 1@105; B sell 3@107; B sell 1@106",
        expect![[r#"
            A buy 2@106 sl:105
                #1 A buys 2 at 106 StopLossLimit
            B sell 1@105
                #2 B sells 1 at 105
            C buy 1@105
                #3 C buys 1 at 105
                trade 1 1@105: #3 takes #2
                #2 Filled (Filled), filled 1 for 105, left 0
                #3 Filled (Filled), filled 1 for 105, left 0
                #1 triggered at 105
            B sell 3@107
                #4 B sells 3 at 107
            B sell 1@106
                #5 B sells 1 at 106
                trade 2 1@106: #5 takes #1
                #5 Filled (Filled), filled 1 for 106, left 0
        "#]],
    );
}

#[test]
fn take_profit_triggers_the_other_way() {
    check(
        "A sell 2 tp:105; A buy 2 tp:95; B sell 1@105; C buy 5@105",
        expect![[r#"
            A sell 2 tp:105
                #1 A sells 2 TakeProfit
            A buy 2 tp:95
                #2 A buys 2 TakeProfit
            B sell 1@105
                #3 B sells 1 at 105
            C buy 5@105
                #4 C buys 5 at 105
                trade 1 1@105: #4 takes #3
                #3 Filled (Filled), filled 1 for 105, left 0
                #1 triggered at 105
                trade 2 2@105: #1 takes #4
                #1 Filled (Filled), filled 2 for 210, left 0
        "#]],
    );
}

#[test]
fn a_stop_that_would_trigger_now_is_refused() {
    check(
        "
        A sell 1@100
        B buy 1@100
        C buy 1 sl:100
        C buy 1 sl:101
        C buy 1 tp:100
        C buy 1 tp:99
        C sell 1 sl:100
        C sell 1 tp:100
        ",
        expect![[r#"
            A sell 1@100
                #1 A sells 1 at 100
            B buy 1@100
                #2 B buys 1 at 100
                trade 1 1@100: #2 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                #2 Filled (Filled), filled 1 for 100, left 0
            C buy 1 sl:100
                refused: would_trigger
            C buy 1 sl:101
                #3 C buys 1 StopLoss
            C buy 1 tp:100
                refused: would_trigger
            C buy 1 tp:99
                #4 C buys 1 TakeProfit
            C sell 1 sl:100
                refused: would_trigger
            C sell 1 tp:100
                refused: would_trigger
        "#]],
    );
}

#[test]
fn rising_ones_from_the_lowest_then_falling_ones_from_the_highest() {
    check(
        "
        A buy 1@90 sl:103
        A buy 1@90 sl:102
        A sell 1@110 sl:104
        A sell 1@110 sl:105
        A buy 1@90 sl:102
        B sell 1@104
        C buy 1@104
        ",
        expect![[r#"
            A buy 1@90 sl:103
                #1 A buys 1 at 90 StopLossLimit
            A buy 1@90 sl:102
                #2 A buys 1 at 90 StopLossLimit
            A sell 1@110 sl:104
                #3 A sells 1 at 110 StopLossLimit
            A sell 1@110 sl:105
                #4 A sells 1 at 110 StopLossLimit
            A buy 1@90 sl:102
                #5 A buys 1 at 90 StopLossLimit
            B sell 1@104
                #6 B sells 1 at 104
            C buy 1@104
                #7 C buys 1 at 104
                trade 1 1@104: #7 takes #6
                #6 Filled (Filled), filled 1 for 104, left 0
                #7 Filled (Filled), filled 1 for 104, left 0
                #2 triggered at 104
                #5 triggered at 104
                #1 triggered at 104
                #4 triggered at 104
                #3 triggered at 104
        "#]],
    );
}

#[test]
fn one_stop_sets_off_another() {
    check(
        "A sell 1 sl:95; B sell 1 sl:94; C buy 1@94; C buy 1@93; D buy 1@95; E sell 1@95",
        expect![[r#"
            A sell 1 sl:95
                #1 A sells 1 StopLoss
            B sell 1 sl:94
                #2 B sells 1 StopLoss
            C buy 1@94
                #3 C buys 1 at 94
            C buy 1@93
                #4 C buys 1 at 93
            D buy 1@95
                #5 D buys 1 at 95
            E sell 1@95
                #6 E sells 1 at 95
                trade 1 1@95: #6 takes #5
                #5 Filled (Filled), filled 1 for 95, left 0
                #6 Filled (Filled), filled 1 for 95, left 0
                #1 triggered at 95
                trade 2 1@94: #1 takes #3
                #3 Filled (Filled), filled 1 for 94, left 0
                #1 Filled (Filled), filled 1 for 94, left 0
                #2 triggered at 94
                trade 3 1@93: #2 takes #4
                #4 Filled (Filled), filled 1 for 93, left 0
                #2 Filled (Filled), filled 1 for 93, left 0
        "#]],
    );
}

#[test]
fn a_market_like_stop_that_cannot_pay_is_closed() {
    check_balances(
        "A buy 500 sl:200; B sell 500@300; C sell 1@200; D buy 1@200",
        expect![[r#"
            A buy 500 sl:200
                #1 A buys 500 StopLoss
                A has 0 usdt and 100000 held
            B sell 500@300
                #2 B sells 500 at 300
                B has 500 btc and 500 held
            C sell 1@200
                #3 C sells 1 at 200
                C has 999 btc and 1 held
            D buy 1@200
                #4 D buys 1 at 200
                trade 1 1@200: #4 takes #3
                #3 Filled (Filled), filled 1 for 200, left 0
                #4 Filled (Filled), filled 1 for 200, left 0
                #1 triggered at 200
                #1 Expired (Refused(InsufficientBalance)), filled 0 for 0, left 500
                A has 100000 usdt
                C has 999 btc
                C has 100200 usdt
                D has 1001 btc
                D has 99800 usdt
        "#]],
    );
}

#[test]
fn a_trailing_sale_follows_the_price_up() {
    check(
        "
        A sell 1@100
        B buy 1@100
        C sell 1 sl trail:500
        A sell 1@110
        B buy 1@110
        A buy 1@105
        B sell 1@105
        A buy 1@104
        B sell 1@104
        ",
        expect![[r#"
            A sell 1@100
                #1 A sells 1 at 100
            B buy 1@100
                #2 B buys 1 at 100
                trade 1 1@100: #2 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                #2 Filled (Filled), filled 1 for 100, left 0
            C sell 1 sl trail:500
                #3 C sells 1 StopLoss
            A sell 1@110
                #4 A sells 1 at 110
            B buy 1@110
                #5 B buys 1 at 110
                trade 2 1@110: #5 takes #4
                #4 Filled (Filled), filled 1 for 110, left 0
                #5 Filled (Filled), filled 1 for 110, left 0
            A buy 1@105
                #6 A buys 1 at 105
            B sell 1@105
                #7 B sells 1 at 105
                trade 3 1@105: #7 takes #6
                #6 Filled (Filled), filled 1 for 105, left 0
                #7 Filled (Filled), filled 1 for 105, left 0
            A buy 1@104
                #8 A buys 1 at 104
            B sell 1@104
                #9 B sells 1 at 104
                trade 4 1@104: #9 takes #8
                #8 Filled (Filled), filled 1 for 104, left 0
                #9 Filled (Filled), filled 1 for 104, left 0
                #3 triggered at 104
                #3 Expired (Unfilled), filled 0 for 0, left 1
        "#]],
    );
}

#[test]
fn a_trailing_buy_waits_for_its_activation_price() {
    check(
        "
        A sell 1@100
        B buy 1@100
        C buy 1@120 tp:90 trail:1000
        A buy 1@95
        B sell 1@95
        A buy 1@90
        B sell 1@90
        A buy 1@80
        B sell 1@80
        A sell 1@87
        B buy 1@87
        A sell 1@88
        B buy 1@88
        ",
        expect![[r#"
            A sell 1@100
                #1 A sells 1 at 100
            B buy 1@100
                #2 B buys 1 at 100
                trade 1 1@100: #2 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                #2 Filled (Filled), filled 1 for 100, left 0
            C buy 1@120 tp:90 trail:1000
                #3 C buys 1 at 120 TakeProfitLimit
            A buy 1@95
                #4 A buys 1 at 95
            B sell 1@95
                #5 B sells 1 at 95
                trade 2 1@95: #5 takes #4
                #4 Filled (Filled), filled 1 for 95, left 0
                #5 Filled (Filled), filled 1 for 95, left 0
            A buy 1@90
                #6 A buys 1 at 90
            B sell 1@90
                #7 B sells 1 at 90
                trade 3 1@90: #7 takes #6
                #6 Filled (Filled), filled 1 for 90, left 0
                #7 Filled (Filled), filled 1 for 90, left 0
                #3 Activated to 1@120, left 1
            A buy 1@80
                #8 A buys 1 at 80
            B sell 1@80
                #9 B sells 1 at 80
                trade 4 1@80: #9 takes #8
                #8 Filled (Filled), filled 1 for 80, left 0
                #9 Filled (Filled), filled 1 for 80, left 0
            A sell 1@87
                #10 A sells 1 at 87
            B buy 1@87
                #11 B buys 1 at 87
                trade 5 1@87: #11 takes #10
                #10 Filled (Filled), filled 1 for 87, left 0
                #11 Filled (Filled), filled 1 for 87, left 0
            A sell 1@88
                #12 A sells 1 at 88
            B buy 1@88
                #13 B buys 1 at 88
                trade 6 1@88: #13 takes #12
                #12 Filled (Filled), filled 1 for 88, left 0
                #13 Filled (Filled), filled 1 for 88, left 0
                #3 triggered at 88
        "#]],
    );
}

#[test]
fn a_trailing_market_buy_holds_by_the_last_price() {
    check_balances(
        "A buy 1 sl trail:500; B sell 1@99; C buy 1@99; A buy 2 sl trail:500",
        expect![[r#"
            A buy 1 sl trail:500
                refused: invalid_combination
            B sell 1@99
                #1 B sells 1 at 99
                B has 999 btc and 1 held
            C buy 1@99
                #2 C buys 1 at 99
                trade 1 1@99: #2 takes #1
                #1 Filled (Filled), filled 1 for 99, left 0
                #2 Filled (Filled), filled 1 for 99, left 0
                B has 999 btc
                B has 100099 usdt
                C has 1001 btc
                C has 99901 usdt
            A buy 2 sl trail:500
                #3 A buys 2 StopLoss
                A has 99792 usdt and 208 held
        "#]],
    );
}

#[test]
fn stops_wait_while_the_market_does_not_trade() {
    check(
        "A sell 1 sl:95; state pre; B sell 1@95; C buy 1@96; uncross",
        expect![[r#"
            A sell 1 sl:95
                #1 A sells 1 StopLoss
            state pre
                market is PreOpen
            B sell 1@95
                #2 B sells 1 at 95
            C buy 1@96
                #3 C buys 1 at 96
            uncross
                auction 1 1@95: #3 takes #2
                #2 Filled (Filled), filled 1 for 95, left 0
                #3 Filled (Filled), filled 1 for 95, left 0
                uncrossed 1@95
                market is Trading
                #1 triggered at 95
                #1 Expired (Unfilled), filled 0 for 0, left 1
        "#]],
    );
}

/// Whoever has an order of a list wait at the right place could otherwise keep another's stop from firing.
#[test]
fn a_stop_that_was_traded_through_fires_wherever_the_price_goes_meanwhile() {
    check(
        "A sell 1 sl:95; B sell 1@101; C oto buy 1@94 maker > buy 1; D buy 1@93; E sell 1@94 ioc",
        expect![[r#"
            A sell 1 sl:95
                #1 A sells 1 StopLoss
            B sell 1@101
                #2 B sells 1 at 101
            C oto buy 1@94 maker > buy 1
                list 1 Oto: #3 #4
                #3 C buys 1 at 94 LimitMaker
                #4 C buys 1 Market, pending
            D buy 1@93
                #5 D buys 1 at 93
            E sell 1@94 ioc
                #6 E sells 1 at 94 Ioc
                trade 1 1@94: #6 takes #3
                #3 Filled (Filled), filled 1 for 94, left 0
                #6 Filled (Filled), filled 1 for 94, left 0
                #4 triggered at 94
                trade 2 1@101: #4 takes #2
                #2 Filled (Filled), filled 1 for 101, left 0
                #4 Filled (Filled), filled 1 for 101, left 0
                list 1 done
                #1 triggered at 101
                trade 3 1@93: #1 takes #5
                #5 Filled (Filled), filled 1 for 93, left 0
                #1 Filled (Filled), filled 1 for 93, left 0
        "#]],
    );
    check(
        "A sell 1 sl:97; B buy 2 tp:98; C sell 2@105; D buy 1@96; D buy 1@90; E sell 1@96 ioc",
        expect![[r#"
            A sell 1 sl:97
                #1 A sells 1 StopLoss
            B buy 2 tp:98
                #2 B buys 2 TakeProfit
            C sell 2@105
                #3 C sells 2 at 105
            D buy 1@96
                #4 D buys 1 at 96
            D buy 1@90
                #5 D buys 1 at 90
            E sell 1@96 ioc
                #6 E sells 1 at 96 Ioc
                trade 1 1@96: #6 takes #4
                #4 Filled (Filled), filled 1 for 96, left 0
                #6 Filled (Filled), filled 1 for 96, left 0
                #2 triggered at 96
                trade 2 2@105: #2 takes #3
                #3 Filled (Filled), filled 2 for 210, left 0
                #2 Filled (Filled), filled 2 for 210, left 0
                #1 triggered at 105
                trade 3 1@90: #1 takes #5
                #5 Filled (Filled), filled 1 for 90, left 0
                #1 Filled (Filled), filled 1 for 90, left 0
        "#]],
    );
}
