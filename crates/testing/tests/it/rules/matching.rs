//! Matching: price, then time; fills at the maker's price; how each time in force ends.

use expect_test::expect;

use super::{check, check_balances};

#[test]
fn a_fill_is_at_the_makers_price_and_improvement_is_released() {
    check_balances(
        "B sell 5@99; A buy 3@100",
        expect![[r#"
            B sell 5@99
                #1 B sells 5 at 99
                B has 995 btc and 5 held
            A buy 3@100
                #2 A buys 3 at 100
                trade 1 3@99: #2 takes #1
                #2 Filled (Filled), filled 3 for 297, left 0
                A has 1003 btc
                A has 99703 usdt
                B has 995 btc and 2 held
                B has 100297 usdt
        "#]],
    );
}

#[test]
fn better_price_first_then_the_older_order() {
    check(
        "A sell 1@101; B sell 1@100; C sell 1@100; D buy 3@101",
        expect![[r#"
            A sell 1@101
                #1 A sells 1 at 101
            B sell 1@100
                #2 B sells 1 at 100
            C sell 1@100
                #3 C sells 1 at 100
            D buy 3@101
                #4 D buys 3 at 101
                trade 1 1@100: #4 takes #2
                #2 Filled (Filled), filled 1 for 100, left 0
                trade 2 1@100: #4 takes #3
                #3 Filled (Filled), filled 1 for 100, left 0
                trade 3 1@101: #4 takes #1
                #1 Filled (Filled), filled 1 for 101, left 0
                #4 Filled (Filled), filled 3 for 301, left 0
        "#]],
    );
}

#[test]
fn nobody_trades_beyond_his_limit() {
    check(
        "A buy 1@99; B sell 1@100; C sell 1@99; A sell 1@101; C buy 2@100",
        expect![[r#"
            A buy 1@99
                #1 A buys 1 at 99
            B sell 1@100
                #2 B sells 1 at 100
            C sell 1@99
                #3 C sells 1 at 99
                trade 1 1@99: #3 takes #1
                #1 Filled (Filled), filled 1 for 99, left 0
                #3 Filled (Filled), filled 1 for 99, left 0
            A sell 1@101
                #4 A sells 1 at 101
            C buy 2@100
                #5 C buys 2 at 100
                trade 2 1@100: #5 takes #2
                #2 Filled (Filled), filled 1 for 100, left 0
        "#]],
    );
}

#[test]
fn a_limit_order_rests_with_what_is_left() {
    check_balances(
        "A sell 2@100; B buy 5@100",
        expect![[r#"
            A sell 2@100
                #1 A sells 2 at 100
                A has 998 btc and 2 held
            B buy 5@100
                #2 B buys 5 at 100
                trade 1 2@100: #2 takes #1
                #1 Filled (Filled), filled 2 for 200, left 0
                A has 998 btc
                A has 100200 usdt
                B has 1002 btc
                B has 99500 usdt and 300 held
        "#]],
    );
}

#[test]
fn ioc_expires_with_what_is_left() {
    check_balances(
        "A sell 2@100; B buy 5@100 ioc; B buy 1@100 ioc",
        expect![[r#"
            A sell 2@100
                #1 A sells 2 at 100
                A has 998 btc and 2 held
            B buy 5@100 ioc
                #2 B buys 5 at 100 Ioc
                trade 1 2@100: #2 takes #1
                #1 Filled (Filled), filled 2 for 200, left 0
                #2 Expired (Unfilled), filled 2 for 200, left 3
                A has 998 btc
                A has 100200 usdt
                B has 1002 btc
                B has 99800 usdt
            B buy 1@100 ioc
                #3 B buys 1 at 100 Ioc
                #3 Expired (Unfilled), filled 0 for 0, left 1
                B has 99800 usdt
        "#]],
    );
}

#[test]
fn fok_fills_whole_or_not_at_all() {
    check_balances(
        "A sell 2@100; A sell 2@101; B buy 5@101 fok; B buy 4@100 fok; B buy 4@101 fok",
        expect![[r#"
            A sell 2@100
                #1 A sells 2 at 100
                A has 998 btc and 2 held
            A sell 2@101
                #2 A sells 2 at 101
                A has 996 btc and 4 held
            B buy 5@101 fok
                #3 B buys 5 at 101 Fok
                #3 Expired (Unfilled), filled 0 for 0, left 5
                B has 100000 usdt
            B buy 4@100 fok
                #4 B buys 4 at 100 Fok
                #4 Expired (Unfilled), filled 0 for 0, left 4
                B has 100000 usdt
            B buy 4@101 fok
                #5 B buys 4 at 101 Fok
                trade 1 2@100: #5 takes #1
                #1 Filled (Filled), filled 2 for 200, left 0
                trade 2 2@101: #5 takes #2
                #2 Filled (Filled), filled 2 for 202, left 0
                #5 Filled (Filled), filled 4 for 402, left 0
                A has 996 btc
                A has 100402 usdt
                B has 1004 btc
                B has 99598 usdt
        "#]],
    );
}

#[test]
fn fok_counts_hidden_parts() {
    check(
        "A sell 5@100 show:1; B buy 5@100 fok",
        expect![[r#"
            A sell 5@100 show:1
                #1 A sells 5 at 100
            B buy 5@100 fok
                #2 B buys 5 at 100 Fok
                trade 1 1@100: #2 takes #1
                trade 2 1@100: #2 takes #1
                trade 3 1@100: #2 takes #1
                trade 4 1@100: #2 takes #1
                trade 5 1@100: #2 takes #1
                #1 Filled (Filled), filled 5 for 500, left 0
                #2 Filled (Filled), filled 5 for 500, left 0
        "#]],
    );
}

#[test]
fn fok_does_not_reach_past_an_own_order_to_hidden_parts() {
    check(
        "A sell 5@100 show:1; B sell 1@100; B buy 3@100 fok stp:taker; B buy 3@100 fok stp:maker",
        expect![[r#"
            A sell 5@100 show:1
                #1 A sells 5 at 100
            B sell 1@100
                #2 B sells 1 at 100
            B buy 3@100 fok stp:taker
                #3 B buys 3 at 100 Fok
                #3 Expired (Unfilled), filled 0 for 0, left 3
            B buy 3@100 fok stp:maker
                #4 B buys 3 at 100 Fok
                trade 1 1@100: #4 takes #1
                prevented 1@100, #4 would take #2
                #2 ExpiredInMatch (SelfTrade), filled 0 for 0, left 1
                trade 2 1@100: #4 takes #1
                trade 3 1@100: #4 takes #1
                #4 Filled (Filled), filled 3 for 300, left 0
        "#]],
    );
}

#[test]
fn a_post_only_order_does_not_take() {
    check(
        "A sell 1@100; B buy 1@100 maker; B buy 1@99 maker",
        expect![[r#"
            A sell 1@100
                #1 A sells 1 at 100
            B buy 1@100 maker
                refused: would_take
            B buy 1@99 maker
                #2 B buys 1 at 99 LimitMaker
        "#]],
    );
}

#[test]
fn a_market_buy_holds_what_the_book_asks_for() {
    check_balances(
        "A sell 2@100; A sell 2@200; B buy 3; B buy 9",
        expect![[r#"
            A sell 2@100
                #1 A sells 2 at 100
                A has 998 btc and 2 held
            A sell 2@200
                #2 A sells 2 at 200
                A has 996 btc and 4 held
            B buy 3
                #3 B buys 3 Market
                trade 1 2@100: #3 takes #1
                #1 Filled (Filled), filled 2 for 200, left 0
                trade 2 1@200: #3 takes #2
                #3 Filled (Filled), filled 3 for 400, left 0
                A has 996 btc and 1 held
                A has 100400 usdt
                B has 1003 btc
                B has 99600 usdt
            B buy 9
                #4 B buys 9 Market
                trade 3 1@200: #4 takes #2
                #2 Filled (Filled), filled 2 for 400, left 0
                #4 Expired (Unfilled), filled 1 for 200, left 8
                A has 996 btc
                A has 100600 usdt
                B has 1004 btc
                B has 99400 usdt
        "#]],
    );
}

#[test]
fn a_market_order_on_an_empty_book_expires() {
    check_balances(
        "A buy 1; A sell 1; A buy quote:100; A sell quote:100",
        expect![[r#"
            A buy 1
                #1 A buys 1 Market
                #1 Expired (Unfilled), filled 0 for 0, left 1
            A sell 1
                #2 A sells 1 Market
                #2 Expired (Unfilled), filled 0 for 0, left 1
                A has 1000 btc
            A buy quote:100
                #3 A buys for 100 Market
                #3 Expired (Unfilled), filled 0 for 0, left 0
                A has 100000 usdt
            A sell quote:100
                #4 A sells for 100 Market
                #4 Expired (Unfilled), filled 0 for 0, left 0
        "#]],
    );
}

#[test]
fn a_market_buy_that_costs_too_much_is_refused() {
    check(
        "A sell 900@200; B buy 600; B buy 500",
        expect![[r#"
            A sell 900@200
                #1 A sells 900 at 200
            B buy 600
                refused: insufficient_balance
            B buy 500
                #2 B buys 500 Market
                trade 1 500@200: #2 takes #1
                #2 Filled (Filled), filled 500 for 100000, left 0
        "#]],
    );
}

#[test]
fn a_market_buy_by_quote_takes_whole_lots() {
    check_balances(
        "A sell 2@100; A sell 2@150; B buy quote:420; B buy quote:149; B buy quote:400",
        expect![[r#"
            A sell 2@100
                #1 A sells 2 at 100
                A has 998 btc and 2 held
            A sell 2@150
                #2 A sells 2 at 150
                A has 996 btc and 4 held
            B buy quote:420
                #3 B buys for 420 Market
                trade 1 2@100: #3 takes #1
                #1 Filled (Filled), filled 2 for 200, left 0
                trade 2 1@150: #3 takes #2
                #3 Filled (Filled), filled 3 for 350, left 0
                A has 996 btc and 1 held
                A has 100350 usdt
                B has 1003 btc
                B has 99650 usdt
            B buy quote:149
                #4 B buys for 149 Market
                #4 Expired (Unfilled), filled 0 for 0, left 0
                B has 99650 usdt
            B buy quote:400
                #5 B buys for 400 Market
                trade 3 1@150: #5 takes #2
                #2 Filled (Filled), filled 2 for 300, left 0
                #5 Expired (Unfilled), filled 1 for 150, left 0
                A has 996 btc
                A has 100500 usdt
                B has 1004 btc
                B has 99500 usdt
        "#]],
    );
}

#[test]
fn a_market_sale_by_quote_sells_no_more_than_asked() {
    check_balances(
        "A buy 2@100; A buy 2@50; B sell quote:240; B sell quote:99999",
        expect![[r#"
            A buy 2@100
                #1 A buys 2 at 100
                A has 99800 usdt and 200 held
            A buy 2@50
                #2 A buys 2 at 50
                A has 99700 usdt and 300 held
            B sell quote:240
                #3 B sells for 240 Market
                trade 1 2@100: #3 takes #1
                #1 Filled (Filled), filled 2 for 200, left 0
                #3 Filled (Filled), filled 2 for 200, left 0
                A has 1002 btc
                A has 99700 usdt and 100 held
                B has 998 btc
                B has 100200 usdt
            B sell quote:99999
                #4 B sells for 99999 Market
                trade 2 2@50: #4 takes #2
                #2 Filled (Filled), filled 2 for 100, left 0
                #4 Expired (Unfilled), filled 2 for 100, left 0
                A has 1004 btc
                A has 99700 usdt
                B has 996 btc
                B has 100300 usdt
        "#]],
    );
}

#[test]
fn a_market_order_by_both_takes_all_within_the_amount_or_nothing() {
    check(
        "
        A sell 2@100
        A sell 2@110
        B buy 4 quote:419 fok
        B buy 4 quote:420 fok
        A buy 2@100
        B sell 2 quote:201 fok
        B sell 2 quote:200 fok
        ",
        expect![[r#"
            A sell 2@100
                #1 A sells 2 at 100
            A sell 2@110
                #2 A sells 2 at 110
            B buy 4 quote:419 fok
                #3 B buys 4 for 419 Market Fok
                #3 Expired (Unfilled), filled 0 for 0, left 4
            B buy 4 quote:420 fok
                #4 B buys 4 for 420 Market Fok
                trade 1 2@100: #4 takes #1
                #1 Filled (Filled), filled 2 for 200, left 0
                trade 2 2@110: #4 takes #2
                #2 Filled (Filled), filled 2 for 220, left 0
                #4 Filled (Filled), filled 4 for 420, left 0
            A buy 2@100
                #5 A buys 2 at 100
            B sell 2 quote:201 fok
                #6 B sells 2 for 201 Market Fok
                #6 Expired (Unfilled), filled 0 for 0, left 2
            B sell 2 quote:200 fok
                #7 B sells 2 for 200 Market Fok
                trade 3 2@100: #7 takes #5
                #5 Filled (Filled), filled 2 for 200, left 0
                #7 Filled (Filled), filled 2 for 200, left 0
        "#]],
    );
}

#[test]
fn an_iceberg_shows_part_and_loses_its_place_with_each_part() {
    check(
        "A sell 4@100 show:2; B sell 3@100; C buy 3@100; C buy 4@100",
        expect![[r#"
            A sell 4@100 show:2
                #1 A sells 4 at 100
            B sell 3@100
                #2 B sells 3 at 100
            C buy 3@100
                #3 C buys 3 at 100
                trade 1 2@100: #3 takes #1
                trade 2 1@100: #3 takes #2
                #3 Filled (Filled), filled 3 for 300, left 0
            C buy 4@100
                #4 C buys 4 at 100
                trade 3 2@100: #4 takes #2
                #2 Filled (Filled), filled 3 for 300, left 0
                trade 4 2@100: #4 takes #1
                #1 Filled (Filled), filled 4 for 400, left 0
                #4 Filled (Filled), filled 4 for 400, left 0
        "#]],
    );
}

#[test]
fn an_iceberg_takes_with_all_of_it() {
    check(
        "A sell 3@100; B buy 5@100 show:1; C sell 2@100",
        expect![[r#"
            A sell 3@100
                #1 A sells 3 at 100
            B buy 5@100 show:1
                #2 B buys 5 at 100
                trade 1 3@100: #2 takes #1
                #1 Filled (Filled), filled 3 for 300, left 0
            C sell 2@100
                #3 C sells 2 at 100
                trade 2 1@100: #3 takes #2
                trade 3 1@100: #3 takes #2
                #2 Filled (Filled), filled 5 for 500, left 0
                #3 Filled (Filled), filled 2 for 200, left 0
        "#]],
    );
}

#[test]
fn what_goes_together_in_an_order() {
    check(
        "
        A buy 3@0
        A buy 0@3
        A buy 3@100 maker ioc
        A buy 3 quote:300
        A buy quote:300 fok
        A buy 3 show:1
        A buy 3@100 show:4
        A buy 3@100 ioc show:1
        A buy 3@100 show:3
        A buy 3@100 expire:50
        A buy 3@100 trail:100
        A buy 3@100 sl
        A buy 3 sl:110 ioc
        A buy 3@100 sl:110 ioc
        A buy 3 gtc fee:5/-1
        A buy quote:-5
        ",
        expect![[r#"
            A buy 3@0
                #1 A buys 3 Market
                #1 Expired (Unfilled), filled 0 for 0, left 3
            A buy 0@3
                refused: invalid_combination
            A buy 3@100 maker ioc
                refused: invalid_combination
            A buy 3 quote:300
                refused: invalid_combination
            A buy quote:300 fok
                refused: invalid_combination
            A buy 3 show:1
                refused: invalid_combination
            A buy 3@100 show:4
                refused: invalid_combination
            A buy 3@100 ioc show:1
                refused: invalid_combination
            A buy 3@100 show:3
                #2 A buys 3 at 100
            A buy 3@100 expire:50
                refused: invalid_combination
            A buy 3@100 trail:100
                refused: invalid_combination
            A buy 3@100 sl
                refused: invalid_combination
            A buy 3 sl:110 ioc
                refused: invalid_combination
            A buy 3@100 sl:110 ioc
                #3 A buys 3 at 100 StopLossLimit Ioc
            A buy 3 gtc fee:5/-1
                refused: invalid_fee
            A buy quote:-5
                refused: invalid_amount
        "#]],
    );
}
