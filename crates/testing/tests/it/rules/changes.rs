//! Cancel, amend, move, reduce, replace.

use expect_test::expect;

use super::{check, check_balances};

#[test]
fn a_cancelled_order_gives_its_funds_back() {
    check_balances(
        "A buy 2@100; A cancel 1; A cancel 1; B cancel 1",
        expect![[r#"
            A buy 2@100
                #1 A buys 2 at 100
                A has 99800 usdt and 200 held
            A cancel 1
                #1 Canceled (User), filled 0 for 0, left 2
                A has 100000 usdt
            A cancel 1
                refused: unknown_order
            B cancel 1
                refused: unknown_order
        "#]],
    );
}

#[test]
fn cancel_by_client_id_and_in_its_market() {
    check(
        "A buy 2@100 id:x; A cancel id:x in:1; B cancel id:x; A cancel id:x; A cancel id:x",
        expect![[r#"
            A buy 2@100 id:x
                #1 A buys 2 at 100
            A cancel id:x in:1
                refused: unknown_order
            B cancel id:x
                refused: unknown_order
            A cancel id:x
                #1 Canceled (User), filled 0 for 0, left 2
            A cancel id:x
                refused: unknown_order
        "#]],
    );
}

#[test]
fn cancel_restrictions() {
    check(
        "A buy 2@100; A cancel 1 partial; B sell 1@100; A cancel 1 new; A cancel 1 partial",
        expect![[r#"
            A buy 2@100
                #1 A buys 2 at 100
            A cancel 1 partial
                refused: cancel_restricted
            B sell 1@100
                #2 B sells 1 at 100
                trade 1 1@100: #2 takes #1
                #2 Filled (Filled), filled 1 for 100, left 0
            A cancel 1 new
                refused: cancel_restricted
            A cancel 1 partial
                #1 Canceled (User), filled 1 for 100, left 1
        "#]],
    );
}

#[test]
fn cancel_all_is_oldest_first() {
    check(
        "
        A buy 1@99
        A sell 1@110
        A buy 1@98
        A buy 1@50 in:1
        A cancelall sell
        A cancelall
        A cancelall
        ",
        expect![[r#"
            A buy 1@99
                #1 A buys 1 at 99
            A sell 1@110
                #2 A sells 1 at 110
            A buy 1@98
                #3 A buys 1 at 98
            A buy 1@50 in:1
                #4 A buys 1 at 50
            A cancelall sell
                #2 Canceled (User), filled 0 for 0, left 1
            A cancelall
                #1 Canceled (User), filled 0 for 0, left 1
                #3 Canceled (User), filled 0 for 0, left 1
            A cancelall
        "#]],
    );
}

#[test]
fn an_amended_order_keeps_its_place() {
    check_balances(
        "A sell 5@100; B sell 5@100; C buy 1@100; A amend 1 6; A amend 1 1; A amend 1 3; C buy 3@100",
        expect![[r#"
            A sell 5@100
                #1 A sells 5 at 100
                A has 995 btc and 5 held
            B sell 5@100
                #2 B sells 5 at 100
                B has 995 btc and 5 held
            C buy 1@100
                #3 C buys 1 at 100
                trade 1 1@100: #3 takes #1
                #3 Filled (Filled), filled 1 for 100, left 0
                A has 995 btc and 4 held
                A has 100100 usdt
                C has 1001 btc
                C has 99900 usdt
            A amend 1 6
                refused: amend_qty
            A amend 1 1
                refused: amend_qty
            A amend 1 3
                #1 Amended to 3@100, left 2
                A has 997 btc and 2 held
            C buy 3@100
                #4 C buys 3 at 100
                trade 2 2@100: #4 takes #1
                #1 Filled (Filled), filled 3 for 300, left 0
                trade 3 1@100: #4 takes #2
                #4 Filled (Filled), filled 3 for 300, left 0
                A has 997 btc
                A has 100300 usdt
                B has 995 btc and 4 held
                B has 100100 usdt
                C has 1004 btc
                C has 99600 usdt
        "#]],
    );
}

#[test]
fn an_amended_order_may_get_another_client_id() {
    check(
        "A sell 5@100 id:one; A sell 1@101 id:other; A amend 1 4 id:other; A amend 1 4 id:one; A amend 1 3 id:two; \
         A sell 5@100 id:one; A sell 3@100 id:two; A cancel id:one; A cancel id:two; A sell 3@100 id:two",
        expect![[r#"
            A sell 5@100 id:one
                #1 A sells 5 at 100
            A sell 1@101 id:other
                #2 A sells 1 at 101
            A amend 1 4 id:other
                refused: client_id_conflict
            A amend 1 4 id:one
                #1 Amended to 4@100, left 4
            A amend 1 3 id:two
                #1 is called two
                #1 Amended to 3@100, left 3
            A sell 5@100 id:one
                again #1 New, filled 0 for 0, of 0
            A sell 3@100 id:two
                refused: client_id_conflict
            A cancel id:one
                refused: unknown_order
            A cancel id:two
                #1 Canceled (User), filled 0 for 0, left 3
            A sell 3@100 id:two
                refused: client_id_conflict
        "#]],
    );
    check(
        "A sell 5@100; A amend 1 4 id:new; A cancel id:new",
        expect![[r#"
        A sell 5@100
            #1 A sells 5 at 100
        A amend 1 4 id:new
            #1 is called new
            #1 Amended to 4@100, left 4
        A cancel id:new
            #1 Canceled (User), filled 0 for 0, left 4
    "#]],
    );
}

#[test]
fn a_waiting_stop_is_amended() {
    check(
        "A sell 5@90 sl:94; A amend 1 2; B buy 1@94; C sell 1@94; B buy 5@80",
        expect![[r#"
        A sell 5@90 sl:94
            #1 A sells 5 at 90 StopLossLimit
        A amend 1 2
            #1 Amended to 2@90, left 2
        B buy 1@94
            #2 B buys 1 at 94
        C sell 1@94
            #3 C sells 1 at 94
            trade 1 1@94: #3 takes #2
            #2 Filled (Filled), filled 1 for 94, left 0
            #3 Filled (Filled), filled 1 for 94, left 0
            #1 triggered at 94
        B buy 5@80
            #4 B buys 5 at 80
    "#]],
    );
}

#[test]
fn amendments_are_counted() {
    check(
        "filters amends_max=1; A sell 5@100; A amend 1 4; A amend 1 3",
        expect![[r#"
            filters amends_max=1
                market set
            A sell 5@100
                #1 A sells 5 at 100
            A amend 1 4
                #1 Amended to 4@100, left 4
            A amend 1 3
                refused: max_amends
        "#]],
    );
}

#[test]
fn a_moved_order_loses_its_place() {
    check(
        "A sell 1@100; B sell 1@100; A move 1 100; C buy 1@100",
        expect![[r#"
            A sell 1@100
                #1 A sells 1 at 100
            B sell 1@100
                #2 B sells 1 at 100
            A move 1 100
                #1 Moved to 1@100, left 1
            C buy 1@100
                #3 C buys 1 at 100
                trade 1 1@100: #3 takes #2
                #2 Filled (Filled), filled 1 for 100, left 0
                #3 Filled (Filled), filled 1 for 100, left 0
        "#]],
    );
}

#[test]
fn a_moved_order_may_trade() {
    check_balances(
        "A buy 2@98; B sell 3@100; A move 1 101; A move 1 99",
        expect![[r#"
            A buy 2@98
                #1 A buys 2 at 98
                A has 99804 usdt and 196 held
            B sell 3@100
                #2 B sells 3 at 100
                B has 997 btc and 3 held
            A move 1 101
                #1 Moved to 2@101, left 2
                trade 1 2@100: #1 takes #2
                #1 Filled (Filled), filled 2 for 200, left 0
                A has 1002 btc
                A has 99800 usdt
                B has 997 btc and 1 held
                B has 100200 usdt
            A move 1 99
                refused: unknown_order
        "#]],
    );
}

#[test]
fn a_move_needs_funds() {
    check_balances(
        "A buy 900@100; A move 1 112; A move 1 111; A move 1 50",
        expect![[r#"
            A buy 900@100
                #1 A buys 900 at 100
                A has 10000 usdt and 90000 held
            A move 1 112
                refused: insufficient_balance
            A move 1 111
                #1 Moved to 900@111, left 900
                A has 100 usdt and 99900 held
            A move 1 50
                #1 Moved to 900@50, left 900
                A has 55000 usdt and 45000 held
        "#]],
    );
}

#[test]
fn a_post_only_order_is_not_moved_to_where_it_would_take() {
    check(
        "A buy 2@98 maker; B sell 3@100; A move 1 100; A move 1 99",
        expect![[r#"
            A buy 2@98 maker
                #1 A buys 2 at 98 LimitMaker
            B sell 3@100
                #2 B sells 3 at 100
            A move 1 100
                refused: would_take
            A move 1 99
                #1 Moved to 2@99, left 2
        "#]],
    );
}

#[test]
fn what_is_not_moved() {
    check(
        "A sell 2@100 sl:95; A move 1 99; A move 9 99; user A frozen; A move 1 98",
        expect![[r#"
            A sell 2@100 sl:95
                #1 A sells 2 at 100 StopLossLimit
            A move 1 99
                refused: not_amendable
            A move 9 99
                refused: unknown_order
            user A frozen
                UserSet { user: UserId(1), group: UserId(1), tier: 0, pay_discount: false, frozen: true }
            A move 1 98
                refused: account_frozen
        "#]],
    );
}

#[test]
fn a_moved_iceberg_shows_a_full_part() {
    check(
        "A sell 9@100 show:3; B buy 2@100; A move 1 99; C sell 5@99; B buy 4@99",
        expect![[r#"
            A sell 9@100 show:3
                #1 A sells 9 at 100
            B buy 2@100
                #2 B buys 2 at 100
                trade 1 2@100: #2 takes #1
                #2 Filled (Filled), filled 2 for 200, left 0
            A move 1 99
                #1 Moved to 9@99, left 7
            C sell 5@99
                #3 C sells 5 at 99
            B buy 4@99
                #4 B buys 4 at 99
                trade 2 3@99: #4 takes #1
                trade 3 1@99: #4 takes #3
                #4 Filled (Filled), filled 4 for 396, left 0
        "#]],
    );
}

#[test]
fn reduce_keeps_the_place_and_may_end_the_order() {
    check_balances(
        "A sell 5@100; B sell 5@100; A reduce 1 2; C buy 4@100; B reduce 2 0; B reduce 2 9",
        expect![[r#"
            A sell 5@100
                #1 A sells 5 at 100
                A has 995 btc and 5 held
            B sell 5@100
                #2 B sells 5 at 100
                B has 995 btc and 5 held
            A reduce 1 2
                #1 Reduced to 3@100, left 3
                A has 997 btc and 3 held
            C buy 4@100
                #3 C buys 4 at 100
                trade 1 3@100: #3 takes #1
                #1 Filled (Filled), filled 3 for 300, left 0
                trade 2 1@100: #3 takes #2
                #3 Filled (Filled), filled 4 for 400, left 0
                A has 997 btc
                A has 100300 usdt
                B has 995 btc and 4 held
                B has 100100 usdt
                C has 1004 btc
                C has 99600 usdt
            B reduce 2 0
                refused: invalid_amount
            B reduce 2 9
                #2 Canceled (Reduced), filled 1 for 100, left 4
                B has 999 btc
        "#]],
    );
}

#[test]
fn a_stop_is_reduced_with_its_funds() {
    check_balances(
        "A buy 5 sl:110; A reduce 1 2",
        expect![[r#"
            A buy 5 sl:110
                #1 A buys 5 StopLoss
                A has 99450 usdt and 550 held
            A reduce 1 2
                #1 Reduced to 3@0, left 3
                A has 99670 usdt and 330 held
        "#]],
    );
}

#[test]
fn replace_cancels_and_places() {
    check_balances(
        "A buy 2@100; A replace 1 with buy 3@99",
        expect![[r#"
            A buy 2@100
                #1 A buys 2 at 100
                A has 99800 usdt and 200 held
            A replace 1 with buy 3@99
                #1 Canceled (User), filled 0 for 0, left 2
                #2 A buys 3 at 99
                A has 99703 usdt and 297 held
        "#]],
    );
}

#[test]
fn replace_stops_or_goes_on_when_nothing_is_cancelled() {
    check(
        "
        A buy 2@100
        A replace 9 with buy 1@99
        A replace 9 allow with buy 1@98
        A replace 1 partial allow with buy 1@97
        ",
        expect![[r#"
            A buy 2@100
                #1 A buys 2 at 100
            A replace 9 with buy 1@99
                refused: unknown_order
            A replace 9 allow with buy 1@98
                cancel refused: unknown_order
                #2 A buys 1 at 98
            A replace 1 partial allow with buy 1@97
                cancel refused: cancel_restricted
                #3 A buys 1 at 97
        "#]],
    );
}

#[test]
fn a_new_order_that_cannot_be_checks_first() {
    check(
        "A buy 2@100; A replace 1 with buy 0@99; A replace 1 with buy 2000@99",
        expect![[r#"
            A buy 2@100
                #1 A buys 2 at 100
            A replace 1 with buy 0@99
                refused: invalid_combination
            A replace 1 with buy 2000@99
                #1 Canceled (User), filled 0 for 0, left 2
                order 0 refused: insufficient_balance
        "#]],
    );
}

#[test]
fn a_batch_places_each_by_itself() {
    check(
        "A batch buy 1@100, buy 0@1, sell 1@100, buy 2000@100",
        expect![[r#"
            A batch buy 1@100, buy 0@1, sell 1@100, buy 2000@100
                #1 A buys 1 at 100
                order 1 refused: invalid_combination
                #2 A sells 1 at 100
                trade 1 1@100: #2 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                #2 Filled (Filled), filled 1 for 100, left 0
                order 3 refused: insufficient_balance
        "#]],
    );
}

#[test]
fn states_of_a_market() {
    check(
        "
        A buy 2@100
        state cancelonly
        A buy 1@100
        A move 1 99
        A amend 1 1
        state halt
        A amend 1 1
        A reduce 1 1
        A buy 1@100
        A cancel 1
        state halt
        state trade
        ",
        expect![[r#"
            A buy 2@100
                #1 A buys 2 at 100
            state cancelonly
                market is CancelOnly
            A buy 1@100
                refused: market_cancel_only
            A move 1 99
                refused: market_cancel_only
            A amend 1 1
                #1 Amended to 1@100, left 1
            state halt
                market is Halt
            A amend 1 1
                refused: market_halted
            A reduce 1 1
                refused: market_halted
            A buy 1@100
                refused: market_halted
            A cancel 1
                #1 Canceled (User), filled 0 for 0, left 1
            state halt
                refused: market_state_conflict
            state trade
                market is Trading
        "#]],
    );
}
