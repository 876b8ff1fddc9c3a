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

#[test]
fn the_users_sums_are_kept_with_every_posting() {
    let mut ledger = Ledger::default();
    (0..3).for_each(|asset| ledger.open_asset(AssetId(asset)));
    let mut x = 1u64;
    let mut draw = |bound: u64| {
        x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (x >> 33) % bound
    };
    for _ in 0..5_000 {
        let asset = AssetId(draw(3) as u32);
        let user = ledger.find_or_open(Account::User(UserId(draw(5))), asset);
        let deposits = ledger.system(Account::Deposits, asset);
        let fees = ledger.system(Account::Fees, asset);
        let Balance { available, held } = ledger.balance(user);
        let some = |of: Amount, draw: u64| of * draw as Amount / 3;
        match draw(5) {
            0 => {
                ledger.add(deposits, -7);
                ledger.add(user, 7);
            }
            1 => assert!(ledger.hold(user, some(available, draw(4)))),
            2 => ledger.release(user, some(held, draw(4))),
            3 => {
                let amount = some(held, draw(4));
                ledger.spend(user, amount);
                ledger.add(fees, amount);
            }
            _ => {
                let amount = some(available, draw(4));
                ledger.add(user, -amount);
                ledger.add(fees, amount);
            }
        }
        ledger.finish(|_, _, _| {});
        assert_eq!(ledger.users_summed().as_ref(), Some(&ledger.users));
    }
    assert!(ledger.users.iter().all(|users| users.available > 0 && users.held > 0), "{:?}", ledger.users);
    assert!(ledger.sums().iter().all(|sum| sum.users_available + sum.users_held + sum.fees + sum.deposits == 0));
    assert_eq!(ledger.users(AssetId(9)), Users::default());
    assert_eq!(Ledger::restore(ledger.entries.clone(), 3).map(|restored| restored.users), Some(ledger.users.clone()));
    for assets in [0, 2, 4] {
        assert!(Ledger::restore(ledger.entries.clone(), assets).is_none());
    }
    let mut crossed = ledger.entries.clone();
    crossed.swap(0, 1);
    assert!(Ledger::restore(crossed, 3).is_none());
    let mut huge = ledger.entries.clone();
    huge.iter_mut().filter(|entry| !names::is_system(entry.owner)).for_each(|entry| entry.held = Amount::MAX);
    assert!(Ledger::restore(huge, 3).is_none());
}
