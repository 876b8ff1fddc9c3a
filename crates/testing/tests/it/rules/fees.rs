//! Fees, rebates, payment in the discount asset. Rates are in 10^-8.

use expect_test::expect;

use super::{check, check_balances};

#[test]
fn fees_are_charged_in_what_is_received() {
    check_balances(
        "tier 0 1000000/2000000; A sell 3@100; B buy 3@100",
        expect![[r#"
            tier 0 1000000/2000000
                FeeTierSet { tier: 0, rates: FeeRates { maker: FeeRate(1000000), taker: FeeRate(2000000) } }
            A sell 3@100
                #1 A sells 3 at 100
                A has 997 btc and 3 held
            B buy 3@100
                #2 B buys 3 at 100
                trade 1 3@100: #2 takes #1, taker pays 1 btc, maker pays 3 usdt
                #1 Filled (Filled), filled 3 for 300, left 0
                #2 Filled (Filled), filled 3 for 300, left 0
                A has 997 btc
                A has 100297 usdt
                B has 1002 btc
                B has 99700 usdt
                fees has 3 usdt
                rounding has 1 btc
        "#]],
    );
}

#[test]
fn what_is_rounded_up_goes_to_rounding() {
    check_balances(
        "tier 0 1000000/1000000; A sell 1@101; B buy 1@101; B sell 7@33; A buy 7@33",
        expect![[r#"
            tier 0 1000000/1000000
                FeeTierSet { tier: 0, rates: FeeRates { maker: FeeRate(1000000), taker: FeeRate(1000000) } }
            A sell 1@101
                #1 A sells 1 at 101
                A has 999 btc and 1 held
            B buy 1@101
                #2 B buys 1 at 101
                trade 1 1@101: #2 takes #1, taker pays 1 btc, maker pays 2 usdt
                #1 Filled (Filled), filled 1 for 101, left 0
                #2 Filled (Filled), filled 1 for 101, left 0
                A has 999 btc
                A has 100099 usdt
                B has 99899 usdt
                fees has 1 usdt
                rounding has 1 btc
                rounding has 1 usdt
            B sell 7@33
                #3 B sells 7 at 33
                B has 993 btc and 7 held
            A buy 7@33
                #4 A buys 7 at 33
                trade 2 7@33: #4 takes #3, taker pays 1 btc, maker pays 3 usdt
                #3 Filled (Filled), filled 7 for 231, left 0
                #4 Filled (Filled), filled 7 for 231, left 0
                A has 1005 btc
                A has 99868 usdt
                B has 993 btc
                B has 100127 usdt
                fees has 3 usdt
                rounding has 2 btc
                rounding has 2 usdt
        "#]],
    );
}

#[test]
fn a_rebate_comes_out_of_the_takers_fee() {
    check_balances(
        "tier 0 -1000000/2000000; A sell 100@10; B buy 100@10; A buy 100@10; B sell 100@10",
        expect![[r#"
            tier 0 -1000000/2000000
                FeeTierSet { tier: 0, rates: FeeRates { maker: FeeRate(-1000000), taker: FeeRate(2000000) } }
            A sell 100@10
                #1 A sells 100 at 10
                A has 900 btc and 100 held
            B buy 100@10
                #2 B buys 100 at 10
                trade 1 100@10: #2 takes #1, taker pays 2 btc, maker pays -1 btc
                #1 Filled (Filled), filled 100 for 1000, left 0
                #2 Filled (Filled), filled 100 for 1000, left 0
                A has 901 btc
                A has 101000 usdt
                B has 1098 btc
                B has 99000 usdt
                fees has 1 btc
            A buy 100@10
                #3 A buys 100 at 10
                A has 100000 usdt and 1000 held
            B sell 100@10
                #4 B sells 100 at 10
                trade 2 100@10: #4 takes #3, taker pays 20 usdt, maker pays -10 usdt
                #3 Filled (Filled), filled 100 for 1000, left 0
                #4 Filled (Filled), filled 100 for 1000, left 0
                A has 1001 btc
                A has 100010 usdt
                B has 998 btc
                B has 99980 usdt
                fees has 10 usdt
        "#]],
    );
}

#[test]
fn a_rebate_is_no_more_than_the_fee() {
    check_balances(
        "
        A sell 100@10 fee:-50000000/50000000
        B buy 100@10 fee:0/1000000
        A sell 100@10 fee:-50000000/50000000
        B buy 100@10 fee:0/0
        ",
        expect![[r#"
            A sell 100@10 fee:-50000000/50000000
                #1 A sells 100 at 10
                A has 900 btc and 100 held
            B buy 100@10 fee:0/1000000
                #2 B buys 100 at 10
                trade 1 100@10: #2 takes #1, taker pays 1 btc, maker pays -1 btc
                #1 Filled (Filled), filled 100 for 1000, left 0
                #2 Filled (Filled), filled 100 for 1000, left 0
                A has 901 btc
                A has 101000 usdt
                B has 1099 btc
                B has 99000 usdt
            A sell 100@10 fee:-50000000/50000000
                #3 A sells 100 at 10
                A has 801 btc and 100 held
            B buy 100@10 fee:0/0
                #4 B buys 100 at 10
                trade 2 100@10: #4 takes #3
                #3 Filled (Filled), filled 100 for 1000, left 0
                #4 Filled (Filled), filled 100 for 1000, left 0
                A has 801 btc
                A has 102000 usdt
                B has 1199 btc
                B has 98000 usdt
        "#]],
    );
}

#[test]
fn fees_in_the_discount_asset() {
    check_balances(
        "
        tier 0 1000000/2000000
        discount tok 2500
        rate btc 5/1
        rate usdt 1/2
        user B discount
        A sell 100@10
        B buy 100@10
        ",
        expect![[r#"
            tier 0 1000000/2000000
                FeeTierSet { tier: 0, rates: FeeRates { maker: FeeRate(1000000), taker: FeeRate(2000000) } }
            discount tok 2500
                DiscountSet { asset: AssetId(2), bips: 2500 }
            rate btc 5/1
                DiscountRateSet { asset: AssetId(0), numerator: 5, denominator: 1 }
            rate usdt 1/2
                DiscountRateSet { asset: AssetId(1), numerator: 1, denominator: 2 }
            user B discount
                UserSet { user: UserId(2), group: UserId(2), tier: 0, pay_discount: true, frozen: false }
            A sell 100@10
                #1 A sells 100 at 10
                A has 900 btc and 100 held
            B buy 100@10
                #2 B buys 100 at 10
                trade 1 100@10: #2 takes #1, taker pays 8 tok, maker pays 10 usdt
                #1 Filled (Filled), filled 100 for 1000, left 0
                #2 Filled (Filled), filled 100 for 1000, left 0
                A has 900 btc
                A has 100990 usdt
                B has 1100 btc
                B has 99000 usdt
                B has 992 tok
                fees has 10 usdt
                fees has 7 tok
                rounding has 1 tok
        "#]],
    );
}

#[test]
fn without_enough_of_the_discount_asset_the_plain_fee() {
    check_balances(
        "
        tier 0 1000000/2000000
        discount tok 0
        rate usdt 600/1
        user B discount
        A buy 100@10
        B sell 50@10
        B sell 50@10
        ",
        expect![[r#"
            tier 0 1000000/2000000
                FeeTierSet { tier: 0, rates: FeeRates { maker: FeeRate(1000000), taker: FeeRate(2000000) } }
            discount tok 0
                DiscountSet { asset: AssetId(2), bips: 0 }
            rate usdt 600/1
                DiscountRateSet { asset: AssetId(1), numerator: 600, denominator: 1 }
            user B discount
                UserSet { user: UserId(2), group: UserId(2), tier: 0, pay_discount: true, frozen: false }
            A buy 100@10
                #1 A buys 100 at 10
                A has 99000 usdt and 1000 held
            B sell 50@10
                #2 B sells 50 at 10
                trade 1 50@10: #2 takes #1, taker pays 10 usdt, maker pays 1 btc
                #2 Filled (Filled), filled 50 for 500, left 0
                A has 1049 btc
                A has 99000 usdt and 500 held
                B has 950 btc
                B has 100490 usdt
                fees has 10 usdt
                rounding has 1 btc
            B sell 50@10
                #3 B sells 50 at 10
                trade 2 50@10: #3 takes #1, taker pays 10 usdt, maker pays 1 btc
                #1 Filled (Filled), filled 100 for 1000, left 0
                #3 Filled (Filled), filled 50 for 500, left 0
                A has 1098 btc
                A has 99000 usdt
                B has 900 btc
                B has 100980 usdt
                fees has 20 usdt
                rounding has 2 btc
        "#]],
    );
}

#[test]
fn without_a_rate_the_plain_fee() {
    check_balances(
        "tier 0 1000000/2000000; discount tok 0; user B discount; A buy 100@10; B sell 50@10",
        expect![[r#"
            tier 0 1000000/2000000
                FeeTierSet { tier: 0, rates: FeeRates { maker: FeeRate(1000000), taker: FeeRate(2000000) } }
            discount tok 0
                DiscountSet { asset: AssetId(2), bips: 0 }
            user B discount
                UserSet { user: UserId(2), group: UserId(2), tier: 0, pay_discount: true, frozen: false }
            A buy 100@10
                #1 A buys 100 at 10
                A has 99000 usdt and 1000 held
            B sell 50@10
                #2 B sells 50 at 10
                trade 1 50@10: #2 takes #1, taker pays 10 usdt, maker pays 1 btc
                #2 Filled (Filled), filled 50 for 500, left 0
                A has 1049 btc
                A has 99000 usdt and 500 held
                B has 950 btc
                B has 100490 usdt
                fees has 10 usdt
                rounding has 1 btc
        "#]],
    );
}

#[test]
fn rates_are_those_at_placing() {
    check(
        "
        A sell 1@100
        tier 0 1000000/1000000
        B buy 1@100
        user B tier:7
        tier 7 2000000/2000000
        A sell 1@100
        B buy 1@100
        ",
        expect![[r#"
            A sell 1@100
                #1 A sells 1 at 100
            tier 0 1000000/1000000
                FeeTierSet { tier: 0, rates: FeeRates { maker: FeeRate(1000000), taker: FeeRate(1000000) } }
            B buy 1@100
                #2 B buys 1 at 100
                trade 1 1@100: #2 takes #1, taker pays 1 btc, maker pays nothing
                #1 Filled (Filled), filled 1 for 100, left 0
                #2 Filled (Filled), filled 1 for 100, left 0
            user B tier:7
                UserSet { user: UserId(2), group: UserId(2), tier: 7, pay_discount: false, frozen: false }
            tier 7 2000000/2000000
                FeeTierSet { tier: 7, rates: FeeRates { maker: FeeRate(2000000), taker: FeeRate(2000000) } }
            A sell 1@100
                #3 A sells 1 at 100
            B buy 1@100
                #4 B buys 1 at 100
                trade 2 1@100: #4 takes #3, taker pays 1 btc, maker pays 1 usdt
                #3 Filled (Filled), filled 1 for 100, left 0
                #4 Filled (Filled), filled 1 for 100, left 0
        "#]],
    );
}

#[test]
fn both_pay_the_maker_rate_in_an_auction() {
    check(
        "tier 0 1000000/5000000; state pre; A sell 10@100; B buy 10@100; uncross",
        expect![[r#"
            tier 0 1000000/5000000
                FeeTierSet { tier: 0, rates: FeeRates { maker: FeeRate(1000000), taker: FeeRate(5000000) } }
            state pre
                market is PreOpen
            A sell 10@100
                #1 A sells 10 at 100
            B buy 10@100
                #2 B buys 10 at 100
            uncross
                auction 1 10@100: #2 takes #1, taker pays 1 btc, maker pays 10 usdt
                #1 Filled (Filled), filled 10 for 1000, left 0
                #2 Filled (Filled), filled 10 for 1000, left 0
                uncrossed 10@100
                market is Trading
        "#]],
    );
}

#[test]
fn rates_have_bounds() {
    check(
        "
        tier 0 100000000/0
        tier 0 0/-1
        tier 0 -5/4
        tier 0 -5/5
        discount tok 10001
        discount 77 5
        rate btc 1/0
        rate btc 0/0
        A buy 1@1 fee:-5/4
        ",
        expect![[r#"
            tier 0 100000000/0
                refused: invalid_fee
            tier 0 0/-1
                refused: invalid_fee
            tier 0 -5/4
                refused: invalid_fee
            tier 0 -5/5
                FeeTierSet { tier: 0, rates: FeeRates { maker: FeeRate(-5), taker: FeeRate(5) } }
            discount tok 10001
                refused: invalid_fee
            discount 77 5
                refused: unknown_asset
            rate btc 1/0
                refused: invalid_amount
            rate btc 0/0
                DiscountRateSet { asset: AssetId(0), numerator: 0, denominator: 0 }
            A buy 1@1 fee:-5/4
                refused: invalid_fee
        "#]],
    );
}

#[test]
fn a_tier_alone_leaves_the_freeze_the_group_and_the_discount() {
    check(
        "
        tier 7 2000000/3000000
        user B group:A discount frozen
        usertier B 7
        B buy 1@100
        usertier A 7
        A sell 1@100
        C buy 1@100
        usertier 77 1
        usertier 18446744073709551615 1
        ",
        expect![[r#"
            tier 7 2000000/3000000
                FeeTierSet { tier: 7, rates: FeeRates { maker: FeeRate(2000000), taker: FeeRate(3000000) } }
            user B group:A discount frozen
                UserSet { user: UserId(2), group: UserId(1), tier: 0, pay_discount: true, frozen: true }
            usertier B 7
                UserSet { user: UserId(2), group: UserId(1), tier: 7, pay_discount: true, frozen: true }
            B buy 1@100
                refused: account_frozen
            usertier A 7
                UserSet { user: UserId(1), group: UserId(1), tier: 7, pay_discount: false, frozen: false }
            A sell 1@100
                #1 A sells 1 at 100
            C buy 1@100
                #2 C buys 1 at 100
                trade 1 1@100: #2 takes #1, taker pays nothing, maker pays 2 usdt
                #1 Filled (Filled), filled 1 for 100, left 0
                #2 Filled (Filled), filled 1 for 100, left 0
            usertier 77 1
                refused: unknown_user
            usertier 18446744073709551615 1
                refused: unknown_user
        "#]],
    );
}

#[test]
fn access_alone_leaves_tier_and_discount() {
    check(
        "user A tier:7 discount; access A group:B frozen; A buy 1@100; access A; A buy 1@100; access B frozen; B sell 1@100",
        expect![[r#"
            user A tier:7 discount
                UserSet { user: UserId(1), group: UserId(1), tier: 7, pay_discount: true, frozen: false }
            access A group:B frozen
                UserSet { user: UserId(1), group: UserId(2), tier: 7, pay_discount: true, frozen: true }
            A buy 1@100
                refused: account_frozen
            access A
                UserSet { user: UserId(1), group: UserId(1), tier: 7, pay_discount: true, frozen: false }
            A buy 1@100
                #1 A buys 1 at 100
            access B frozen
                UserSet { user: UserId(2), group: UserId(2), tier: 0, pay_discount: false, frozen: true }
            B sell 1@100
                refused: account_frozen
        "#]],
    );
}

#[test]
fn the_discount_asset_is_worth_itself() {
    check(
        "
        rate tok 3/7
        discount tok 2500
        rate tok 3/7
        rate tok 1/0
        rate tok 7/7
        rate btc 3/7
        rate tok 0/5
        discount none 0
        rate tok 3/7
        ",
        expect![[r#"
            rate tok 3/7
                DiscountRateSet { asset: AssetId(2), numerator: 3, denominator: 7 }
            discount tok 2500
                DiscountSet { asset: AssetId(2), bips: 2500 }
            rate tok 3/7
                refused: invalid_spec
            rate tok 1/0
                refused: invalid_amount
            rate tok 7/7
                DiscountRateSet { asset: AssetId(2), numerator: 7, denominator: 7 }
            rate btc 3/7
                DiscountRateSet { asset: AssetId(0), numerator: 3, denominator: 7 }
            rate tok 0/5
                DiscountRateSet { asset: AssetId(2), numerator: 0, denominator: 5 }
            discount none 0
                DiscountSet { asset: AssetId(4294967295), bips: 0 }
            rate tok 3/7
                DiscountRateSet { asset: AssetId(2), numerator: 3, denominator: 7 }
        "#]],
    );
}
