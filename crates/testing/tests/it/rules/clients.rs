//! Client ids: the same order again gets the same answer.

use expect_test::expect;

use super::check;

#[test]
fn the_same_order_again_is_answered_again() {
    check(
        "at 5; B sell 1@100; A buy 3@100 id:x; at 9; B sell 2@100; A buy 3@100 id:x",
        expect![[r#"
            at 5
            B sell 1@100
                #1 B sells 1 at 100
            A buy 3@100 id:x
                #2 A buys 3 at 100
                trade 1 1@100: #2 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
            at 9
            B sell 2@100
                #3 B sells 2 at 100
                trade 2 2@100: #3 takes #2
                #2 Filled (Filled), filled 3 for 300, left 0
                #3 Filled (Filled), filled 2 for 200, left 0
            A buy 3@100 id:x
                again #2 PartiallyFilled, filled 1 for 100, of 5
        "#]],
    );
}

#[test]
fn another_order_conflicts() {
    check(
        "A buy 3@100 id:x; A buy 4@100 id:x; B buy 4@100 id:x",
        expect![[r#"
            A buy 3@100 id:x
                #1 A buys 3 at 100
            A buy 4@100 id:x
                refused: client_id_conflict
            B buy 4@100 id:x
                #2 B buys 4 at 100
        "#]],
    );
}

#[test]
fn an_id_is_kept_a_day_after_its_order_closed() {
    check(
        "
        A buy 1@100 id:x
        at 1000
        A cancel 1
        at 86400000999
        A buy 2@100 id:x
        at 86400001000
        A buy 2@100 id:x
        ",
        expect![[r#"
            A buy 1@100 id:x
                #1 A buys 1 at 100
            at 1000
            A cancel 1
                #1 Canceled (User), filled 0 for 0, left 1
            at 86400000999
            A buy 2@100 id:x
                refused: client_id_conflict
            at 86400001000
            A buy 2@100 id:x
                #2 A buys 2 at 100
        "#]],
    );
}

#[test]
fn an_order_that_never_rested_is_remembered_too() {
    check(
        "B sell 1@100; A buy 2@100 ioc id:x; A buy 2@100 ioc id:x; at 86400000000; A buy 2@100 ioc id:x",
        expect![[r#"
            B sell 1@100
                #1 B sells 1 at 100
            A buy 2@100 ioc id:x
                #2 A buys 2 at 100 Ioc
                trade 1 1@100: #2 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                #2 Expired (Unfilled), filled 1 for 100, left 1
            A buy 2@100 ioc id:x
                again #2 Expired, filled 1 for 100, of 0
            at 86400000000
            A buy 2@100 ioc id:x
                #3 A buys 2 at 100 Ioc
                #3 Expired (Unfilled), filled 0 for 0, left 2
        "#]],
    );
}

#[test]
fn a_refused_order_leaves_its_id_free() {
    check(
        "A buy 5000@100 id:x; A buy 1@100 id:x",
        expect![[r#"
            A buy 5000@100 id:x
                refused: insufficient_balance
            A buy 1@100 id:x
                #1 A buys 1 at 100
        "#]],
    );
}

#[test]
fn a_list_is_answered_again_too() {
    check(
        "
        A oco list:l sell 2@110 maker id:x | sell 2 sl:94
        A oco list:l sell 2@110 maker id:x | sell 2 sl:94
        A sell 2@110 maker id:x
        A cancel id:l
        A oco list:m sell 2@110 maker id:y | sell 2 sl:94 id:y
        ",
        expect![[r#"
            A oco list:l sell 2@110 maker id:x | sell 2 sl:94
                list 1 Oco: #1 #2
                #1 A sells 2 at 110 LimitMaker
                #2 A sells 2 StopLoss
            A oco list:l sell 2@110 maker id:x | sell 2 sl:94
                again #1 New, filled 0 for 0, of 0
            A sell 2@110 maker id:x
                again #1 New, filled 0 for 0, of 0
            A cancel id:l
                refused: unknown_order
            A oco list:m sell 2@110 maker id:y | sell 2 sl:94 id:y
                refused: client_id_conflict
        "#]],
    );
}

#[test]
fn repeated_inside_a_batch() {
    check(
        "A batch buy 1@100 id:x, buy 1@100 id:x, buy 2@100 id:x",
        expect![[r#"
            A batch buy 1@100 id:x, buy 1@100 id:x, buy 2@100 id:x
                #1 A buys 1 at 100
                again #1 New, filled 0 for 0, of 0
                order 2 refused: client_id_conflict
        "#]],
    );
}

#[test]
fn the_bound_of_known_ids_is_set_by_a_command() {
    check(
        "
        A buy 1@100 id:x
        A buy 1@100 id:y
        limits 2
        A buy 1@100 id:z
        A buy 1@100 id:x
        limits 0
        limits 1073741825
        limits 1
        A cancel id:x
        A buy 1@100 id:z
        limits 3
        A buy 1@100 id:z
        limits 1073741824
        ",
        expect![[r#"
            A buy 1@100 id:x
                #1 A buys 1 at 100
            A buy 1@100 id:y
                #2 A buys 1 at 100
            limits 2
                LimitsSet(Limits { client_ids_max: 2 })
            A buy 1@100 id:z
                refused: client_ids_full
            A buy 1@100 id:x
                again #1 New, filled 0 for 0, of 0
            limits 0
                refused: invalid_spec
            limits 1073741825
                refused: invalid_spec
            limits 1
                LimitsSet(Limits { client_ids_max: 1 })
            A cancel id:x
                #1 Canceled (User), filled 0 for 0, left 1
            A buy 1@100 id:z
                refused: client_ids_full
            limits 3
                LimitsSet(Limits { client_ids_max: 3 })
            A buy 1@100 id:z
                #3 A buys 1 at 100
            limits 1073741824
                LimitsSet(Limits { client_ids_max: 1073741824 })
        "#]],
    );
}
