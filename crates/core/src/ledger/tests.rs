use super::*;
use crate::ids::UserId;

fn ledger() -> (Ledger, Place, Place) {
    let mut ledger = Ledger::default();
    ledger.open_asset(AssetId(0));
    let user = ledger.find_or_open(Account::User(UserId(7)), AssetId(0));
    let deposits = ledger.system(Account::Deposits, AssetId(0));
    (ledger, user, deposits)
}

#[test]
fn a_balanced_command_tells_its_balances_once() {
    let (mut ledger, user, deposits) = ledger();
    ledger.add(deposits, -5);
    ledger.add(user, 5);
    assert!(ledger.hold(user, 3) && !ledger.hold(user, 3));
    let mut told = vec![];
    ledger.finish(|account, _, balance| told.push((account, balance.available, balance.held)));
    assert_eq!(told, [(Account::User(UserId(7)), 2, 3), (Account::Deposits, -5, 0)]);
}

#[test]
#[should_panic(expected = "sum to zero")]
fn an_unbalanced_command_is_our_own_bug() {
    let (mut ledger, user, _) = ledger();
    ledger.add(user, 5);
    ledger.finish(|_, _, _| {});
}

#[test]
#[should_panic(expected = "only clearing accounts")]
fn users_cannot_be_negative() {
    let (mut ledger, user, deposits) = ledger();
    ledger.add(deposits, 1);
    ledger.add(user, -1);
}
