//! Credits, debits, transfers, sweeps.

use expect_test::expect;

use super::{check, check_balances};

#[test]
fn a_credit_counts_once() {
    check_balances(
        "
        A credit usdt 50 #1
        A credit usdt 50 #1
        A credit usdt 51 #1
        A credit btc 50 #1
        B credit usdt 50 #1
        ",
        expect![[r#"
            A credit usdt 50 #1
                deposits gives A 50 usdt
                A has 100050 usdt
                deposits has -601050 usdt
            A credit usdt 50 #1
                deposits gives A 50 usdt, again
            A credit usdt 51 #1
                refused: business_conflict
            A credit btc 50 #1
                deposits gives A 50 btc
                A has 1050 btc
                deposits has -7050 btc
            B credit usdt 50 #1
                deposits gives B 50 usdt
                B has 100050 usdt
                deposits has -601100 usdt
        "#]],
    );
}

#[test]
fn a_debit_counts_once_and_needs_funds() {
    check_balances(
        "
        A debit usdt 50 #1
        A debit usdt 50 #1
        A debit usdt 50 #1 house
        A debit usdt 100000 #2
        A credit usdt 50 #1
        ",
        expect![[r#"
            A debit usdt 50 #1
                A gives withdrawals 50 usdt
                A has 99950 usdt
                withdrawals has 50 usdt
            A debit usdt 50 #1
                A gives withdrawals 50 usdt, again
            A debit usdt 50 #1 house
                refused: business_conflict
            A debit usdt 100000 #2
                refused: insufficient_balance
            A credit usdt 50 #1
                refused: business_conflict
        "#]],
    );
}

#[test]
fn held_funds_are_not_debited() {
    check(
        "A buy 900@100; A debit usdt 10001 #1; A debit usdt 10000 #1",
        expect![[r#"
            A buy 900@100
                #1 A buys 900 at 100
            A debit usdt 10001 #1
                refused: insufficient_balance
            A debit usdt 10000 #1
                A gives withdrawals 10000 usdt
        "#]],
    );
}

#[test]
fn the_house_pays_what_it_has() {
    check_balances(
        "A credit usdt 1000 #1 house; A credit usdt 1 #2 house; A debit usdt 5 #3 house",
        expect![[r#"
            A credit usdt 1000 #1 house
                house gives A 1000 usdt
                A has 101000 usdt
                house has 0 usdt
            A credit usdt 1 #2 house
                refused: insufficient_balance
            A debit usdt 5 #3 house
                A gives house 5 usdt
                A has 100995 usdt
                house has 5 usdt
        "#]],
    );
}

#[test]
fn a_transfer_counts_once_by_its_receiver() {
    check_balances(
        "
        A send B usdt 10 #1
        A send B usdt 10 #1
        C send B usdt 10 #1
        B credit usdt 10 #1
        A send A usdt 1 #1
        A send B usdt 99991 #2
        A send 77 usdt 1 #3
        ",
        expect![[r#"
            A send B usdt 10 #1
                A gives B 10 usdt
                A has 99990 usdt
                B has 100010 usdt
            A send B usdt 10 #1
                A gives B 10 usdt, again
            C send B usdt 10 #1
                refused: business_conflict
            B credit usdt 10 #1
                refused: business_conflict
            A send A usdt 1 #1
                refused: transfer_to_self
            A send B usdt 99991 #2
                refused: insufficient_balance
            A send 77 usdt 1 #3
                A gives user 77 1 usdt
                A has 99989 usdt
                user 77 has 1 usdt
        "#]],
    );
}

#[test]
fn amounts_and_assets() {
    check(
        "
        A credit usdt 0 #1
        A credit usdt -5 #1
        A credit 9 5 #1
        user 18446744073709551615
        A send 18446744073709551615 usdt 1 #4
        ",
        expect![[r#"
            A credit usdt 0 #1
                refused: invalid_amount
            A credit usdt -5 #1
                refused: invalid_amount
            A credit 9 5 #1
                refused: unknown_asset
            user 18446744073709551615
                refused: reserved_user
            A send 18446744073709551615 usdt 1 #4
                refused: reserved_user
        "#]],
    );
}

#[test]
fn supply_is_bounded() {
    check(
        "
        A credit usdt 1000000000000000000000000000000000000 #1
        A credit tok 999999999999999999999999999999992000 #2
        A credit tok 999999999999999999999999999999993000 #2
        ",
        expect![[r#"
            A credit usdt 1000000000000000000000000000000000000 #1
                refused: supply_limit
            A credit tok 999999999999999999999999999999992000 #2
                deposits gives A 999999999999999999999999999999992000 tok
            A credit tok 999999999999999999999999999999993000 #2
                refused: business_conflict
        "#]],
    );
}

#[test]
fn sweeps_move_what_was_earned() {
    check_balances(
        "
        tier 0 1000000/1000000
        A sell 1@150
        B buy 1@150
        sweep fees house usdt 2
        sweep fees house usdt 1
        sweep rounding house usdt 1
        sweep house insurance usdt 5
        sweep insurance house usdt 5
        sweep A house usdt 5
        sweep house A usdt 5
        sweep deposits house usdt 5
        sweep house withdrawals usdt 5
        sweep house fees usdt 1
        sweep house insurance usdt 0
        ",
        expect![[r#"
            tier 0 1000000/1000000
                FeeTierSet { tier: 0, rates: FeeRates { maker: FeeRate(1000000), taker: FeeRate(1000000) } }
            A sell 1@150
                #1 A sells 1 at 150
                A has 999 btc and 1 held
            B buy 1@150
                #2 B buys 1 at 150
                trade 1 1@150: #2 takes #1, taker pays 1 btc, maker pays 2 usdt
                #1 Filled (Filled), filled 1 for 150, left 0
                #2 Filled (Filled), filled 1 for 150, left 0
                A has 999 btc
                A has 100148 usdt
                B has 99850 usdt
                fees has 1 usdt
                rounding has 1 btc
                rounding has 1 usdt
            sweep fees house usdt 2
                refused: insufficient_balance
            sweep fees house usdt 1
                fees gives house 1 usdt
                fees has 0 usdt
                house has 1001 usdt
            sweep rounding house usdt 1
                rounding gives house 1 usdt
                rounding has 0 usdt
                house has 1002 usdt
            sweep house insurance usdt 5
                house gives insurance 5 usdt
                house has 997 usdt
                insurance has 5 usdt
            sweep insurance house usdt 5
                insurance gives house 5 usdt
                house has 1002 usdt
                insurance has 0 usdt
            sweep A house usdt 5
                refused: invalid_amount
            sweep house A usdt 5
                refused: invalid_amount
            sweep deposits house usdt 5
                deposits gives house 5 usdt
                house has 1007 usdt
                deposits has -601005 usdt
            sweep house withdrawals usdt 5
                house gives withdrawals 5 usdt
                house has 1002 usdt
                withdrawals has 5 usdt
            sweep house fees usdt 1
                refused: invalid_amount
            sweep house insurance usdt 0
                refused: invalid_amount
        "#]],
    );
}
