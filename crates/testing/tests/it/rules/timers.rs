//! Good-till-date orders and countdowns.

use expect_test::expect;

use super::{check, check_balances};

#[test]
fn an_order_expires_at_its_time() {
    check_balances(
        "at 10; A buy 1@100 gtd:5; at 14; tick; at 15; tick",
        expect![[r#"
            at 10
            A buy 1@100 gtd:5
                #1 A buys 1 at 100 Gtd
                A has 99900 usdt and 100 held
            at 14
            tick
            at 15
            tick
                #1 Expired (Gtd), filled 0 for 0, left 1
                A has 100000 usdt
        "#]],
    );
}

#[test]
fn timers_fire_before_the_command() {
    check(
        "A buy 1@100 gtd:5; at 5; B sell 1@100",
        expect![[r#"
            A buy 1@100 gtd:5
                #1 A buys 1 at 100 Gtd
            at 5
            B sell 1@100
                #1 Expired (Gtd), filled 0 for 0, left 1
                #2 B sells 1 at 100
        "#]],
    );
}

#[test]
fn an_expiry_must_be_in_the_future() {
    check(
        "at 10; A buy 1@100 gtd:0; A buy 1@100 gtd:1",
        expect![[r#"
            at 10
            A buy 1@100 gtd:0
                refused: expire_time
            A buy 1@100 gtd:1
                #1 A buys 1 at 100 Gtd
        "#]],
    );
}

#[test]
fn a_countdown_cancels_what_is_open() {
    check(
        "
        A buy 1@100
        A buy 1@50 in:1
        A countdown 5
        at 4
        A countdown 5
        at 8
        tick
        at 9
        tick
        at 99
        tick
        ",
        expect![[r#"
            A buy 1@100
                #1 A buys 1 at 100
            A buy 1@50 in:1
                #2 A buys 1 at 50
            A countdown 5
                countdown to 5
            at 4
            A countdown 5
                countdown to 9
            at 8
            tick
            at 9
            tick
                #1 Canceled (Countdown), filled 0 for 0, left 1
            at 99
            tick
        "#]],
    );
}

#[test]
fn a_countdown_is_taken_back() {
    check(
        "A buy 1@100; A countdown 5; A countdown 0; at 9; tick; A countdown 86400000001",
        expect![[r#"
            A buy 1@100
                #1 A buys 1 at 100
            A countdown 5
                countdown to 5
            A countdown 0
                countdown to 0
            at 9
            tick
            A countdown 86400000001
                refused: expire_time
        "#]],
    );
}

#[test]
fn earliest_first_and_a_countdown_before_an_expiry() {
    check(
        "A buy 1@100 gtd:7; A buy 1@99 gtd:5; B buy 1@98 gtd:7; C buy 1@97; C countdown 7; at 20; tick",
        expect![[r#"
            A buy 1@100 gtd:7
                #1 A buys 1 at 100 Gtd
            A buy 1@99 gtd:5
                #2 A buys 1 at 99 Gtd
            B buy 1@98 gtd:7
                #3 B buys 1 at 98 Gtd
            C buy 1@97
                #4 C buys 1 at 97
            C countdown 7
                countdown to 7
            at 20
            tick
                #2 Expired (Gtd), filled 0 for 0, left 1
                #4 Canceled (Countdown), filled 0 for 0, left 1
                #1 Expired (Gtd), filled 0 for 0, left 1
                #3 Expired (Gtd), filled 0 for 0, left 1
        "#]],
    );
}

#[test]
fn time_does_not_go_back() {
    check(
        "at 10; A buy 1@100 gtd:5; at 3; B sell 1@101 gtd:9; at 12; tick; at 15; tick",
        expect![[r#"
            at 10
            A buy 1@100 gtd:5
                #1 A buys 1 at 100 Gtd
            at 3
            B sell 1@101 gtd:9
                #2 B sells 1 at 101 Gtd
            at 12
            tick
                #2 Expired (Gtd), filled 0 for 0, left 1
            at 15
            tick
                #1 Expired (Gtd), filled 0 for 0, left 1
        "#]],
    );
}

#[test]
fn a_pending_order_does_not_expire_before_it_is_placed() {
    check(
        "A oto buy 1@100 > sell 1@105 gtd:5; at 6; B sell 1@100",
        expect![[r#"
            A oto buy 1@100 > sell 1@105 gtd:5
                list 1 Oto: #1 #2
                #1 A buys 1 at 100
                #2 A sells 1 at 105 Gtd, pending
            at 6
            B sell 1@100
                #3 B sells 1 at 100
                trade 1 1@100: #3 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                #3 Filled (Filled), filled 1 for 100, left 0
                #2 Expired (Refused(ExpireTime)), filled 0 for 0, left 1
                list 1 done
        "#]],
    );
}
