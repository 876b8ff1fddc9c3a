//! Self-trade prevention, by the taker's mode, within a group of accounts.

use expect_test::expect;

use super::{check, check_balances};

#[test]
fn none_lets_an_account_trade_with_itself() {
    check_balances(
        "A sell 2@100; A buy 2@100",
        expect![[r#"
            A sell 2@100
                #1 A sells 2 at 100
                A has 998 btc and 2 held
            A buy 2@100
                #2 A buys 2 at 100
                trade 1 2@100: #2 takes #1
                #1 Filled (Filled), filled 2 for 200, left 0
                #2 Filled (Filled), filled 2 for 200, left 0
                A has 1000 btc
                A has 100000 usdt
        "#]],
    );
}

#[test]
fn expire_taker() {
    check(
        "B sell 1@99; A sell 2@100; A buy 4@100 stp:taker",
        expect![[r#"
            B sell 1@99
                #1 B sells 1 at 99
            A sell 2@100
                #2 A sells 2 at 100
            A buy 4@100 stp:taker
                #3 A buys 4 at 100
                trade 1 1@99: #3 takes #1
                #1 Filled (Filled), filled 1 for 99, left 0
                prevented 2@100, #3 would take #2
                #3 ExpiredInMatch (SelfTrade), filled 1 for 99, left 3
        "#]],
    );
}

#[test]
fn expire_maker_goes_on() {
    check(
        "A sell 2@100; B sell 2@100; A buy 3@100 stp:maker",
        expect![[r#"
            A sell 2@100
                #1 A sells 2 at 100
            B sell 2@100
                #2 B sells 2 at 100
            A buy 3@100 stp:maker
                #3 A buys 3 at 100
                prevented 2@100, #3 would take #1
                #1 ExpiredInMatch (SelfTrade), filled 0 for 0, left 2
                trade 1 2@100: #3 takes #2
                #2 Filled (Filled), filled 2 for 200, left 0
        "#]],
    );
}

#[test]
fn expire_both() {
    check(
        "A sell 2@100; B sell 2@100; A buy 3@100 stp:both",
        expect![[r#"
            A sell 2@100
                #1 A sells 2 at 100
            B sell 2@100
                #2 B sells 2 at 100
            A buy 3@100 stp:both
                #3 A buys 3 at 100
                prevented 2@100, #3 would take #1
                #1 ExpiredInMatch (SelfTrade), filled 0 for 0, left 2
                #3 ExpiredInMatch (SelfTrade), filled 0 for 0, left 3
        "#]],
    );
}

#[test]
fn decrement_takes_the_smaller_from_both() {
    check_balances(
        "A sell 5@100; A buy 2@100 stp:dec; A buy 7@100 stp:dec; A sell 4@100 stp:dec",
        expect![[r#"
            A sell 5@100
                #1 A sells 5 at 100
                A has 995 btc and 5 held
            A buy 2@100 stp:dec
                #2 A buys 2 at 100
                prevented 2@100, #2 would take #1
                #1 Decremented to 3@100, left 3
                #2 ExpiredInMatch (SelfTrade), filled 0 for 0, left 0
                A has 997 btc and 3 held
                A has 100000 usdt
            A buy 7@100 stp:dec
                #3 A buys 7 at 100
                prevented 3@100, #3 would take #1
                #1 ExpiredInMatch (SelfTrade), filled 0 for 0, left 0
                #3 Decremented to 4@100, left 4
                A has 1000 btc
                A has 99600 usdt and 400 held
            A sell 4@100 stp:dec
                #4 A sells 4 at 100
                prevented 4@100, #4 would take #3
                #3 ExpiredInMatch (SelfTrade), filled 0 for 0, left 0
                #4 ExpiredInMatch (SelfTrade), filled 0 for 0, left 0
                A has 1000 btc
                A has 100000 usdt
        "#]],
    );
}

#[test]
fn decrement_by_quote_takes_off_the_amount() {
    check_balances(
        "A sell 3@100; B sell 9@110; A buy quote:640 stp:dec",
        expect![[r#"
            A sell 3@100
                #1 A sells 3 at 100
                A has 997 btc and 3 held
            B sell 9@110
                #2 B sells 9 at 110
                B has 991 btc and 9 held
            A buy quote:640 stp:dec
                #3 A buys for 640 Market
                prevented 3@100, #3 would take #1
                #1 ExpiredInMatch (SelfTrade), filled 0 for 0, left 0
                #3 Decremented to 0@0, left 0
                trade 1 3@110: #3 takes #2
                #3 Filled (Filled), filled 3 for 330, left 0
                A has 1003 btc
                A has 99670 usdt
                B has 991 btc and 6 held
                B has 100330 usdt
        "#]],
    );
}

#[test]
fn accounts_of_one_group_count_as_one() {
    check(
        "user A group:9; user B group:9; A sell 1@100; B buy 1@100 stp:taker; C buy 1@100 stp:taker",
        expect![[r#"
            user A group:9
                UserSet { user: UserId(1), group: UserId(9), tier: 0, pay_discount: false, frozen: false }
            user B group:9
                UserSet { user: UserId(2), group: UserId(9), tier: 0, pay_discount: false, frozen: false }
            A sell 1@100
                #1 A sells 1 at 100
            B buy 1@100 stp:taker
                #2 B buys 1 at 100
                prevented 1@100, #2 would take #1
                #2 ExpiredInMatch (SelfTrade), filled 0 for 0, left 1
            C buy 1@100 stp:taker
                #3 C buys 1 at 100
                trade 1 1@100: #3 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                #3 Filled (Filled), filled 1 for 100, left 0
        "#]],
    );
}

#[test]
fn the_takers_mode_rules() {
    check(
        "A sell 1@100 stp:taker; A buy 1@100",
        expect![[r#"
            A sell 1@100 stp:taker
                #1 A sells 1 at 100
            A buy 1@100
                #2 A buys 1 at 100
                trade 1 1@100: #2 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                #2 Filled (Filled), filled 1 for 100, left 0
        "#]],
    );
}

#[test]
fn an_amendment_counts_without_what_was_prevented() {
    check(
        "A sell 9@100; A buy 4@100 stp:dec; A amend 1 6; A amend 1 5; A amend 1 3",
        expect![[r#"
            A sell 9@100
                #1 A sells 9 at 100
            A buy 4@100 stp:dec
                #2 A buys 4 at 100
                prevented 4@100, #2 would take #1
                #1 Decremented to 5@100, left 5
                #2 ExpiredInMatch (SelfTrade), filled 0 for 0, left 0
            A amend 1 6
                refused: amend_qty
            A amend 1 5
                refused: amend_qty
            A amend 1 3
                #1 Amended to 3@100, left 3
        "#]],
    );
}
