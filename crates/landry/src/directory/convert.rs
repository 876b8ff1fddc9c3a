//! Keys and accounts as messages, and back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use allin_core::ids::{Timestamp, UserId};
use allin_wire::landry::v1 as pb;
use pb::directory_key::Verifier as Told;

use super::{AccountFacts, ApiKey, IpRange, Permissions, Verifier};

/// A message that userserver would not send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Invalid(pub &'static str);

pub(super) fn key_message(key: &ApiKey) -> pb::DirectoryKey {
    let range = |range: &IpRange| pb::DirectoryRange {
        network: match range.network {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        },
        bits: range.bits.into(),
    };
    pb::DirectoryKey {
        key: key.key.to_string(),
        user: key.user.0,
        label: key.label.to_string(),
        verifier: Some(match &key.verifier {
            Verifier::HmacSha256(secret) => Told::HmacSha256(secret.to_vec()),
            Verifier::Ed25519(public) => Told::Ed25519(public.to_vec()),
            Verifier::Rsa(public) => Told::Rsa(public.to_vec()),
        }),
        may_read: key.permissions.read,
        may_trade_spot: key.permissions.spot_trade,
        may_trade_futures: key.permissions.futures_trade,
        may_withdraw: key.permissions.withdraw,
        ranges: key.ip_ranges.iter().map(range).collect(),
        created_at_us: key.created_at.0,
        expires_at_us: key.expires_at.0,
    }
}

pub(super) fn key(message: pb::DirectoryKey) -> Result<ApiKey, Invalid> {
    let verifier = match message.verifier.ok_or(Invalid("verifier"))? {
        Told::HmacSha256(secret) => Verifier::HmacSha256(secret.into()),
        Told::Ed25519(public) => Verifier::Ed25519(public.try_into().map_err(|_| Invalid("ed25519"))?),
        Told::Rsa(public) => Verifier::Rsa(public.into()),
    };
    Ok(ApiKey {
        key: message.key.into(),
        user: UserId(message.user),
        label: message.label.into(),
        verifier,
        permissions: Permissions {
            read: message.may_read,
            spot_trade: message.may_trade_spot,
            futures_trade: message.may_trade_futures,
            withdraw: message.may_withdraw,
        },
        // A range that cannot be read must not become none: no range means from anywhere.
        ip_ranges: message.ranges.into_iter().map(range).collect::<Result<_, _>>()?,
        created_at: Timestamp(message.created_at_us),
        expires_at: Timestamp(message.expires_at_us),
    })
}

fn range(message: pb::DirectoryRange) -> Result<IpRange, Invalid> {
    let network = match message.network.len() {
        4 => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(message.network).map_err(|_| Invalid("network"))?)),
        _ => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(message.network).map_err(|_| Invalid("network"))?)),
    };
    Ok(IpRange { network, bits: u8::try_from(message.bits).map_err(|_| Invalid("bits"))? })
}

pub(super) fn account_message(facts: &AccountFacts) -> pb::DirectoryAccount {
    pb::DirectoryAccount {
        user: facts.user.0,
        master: facts.master.0,
        frozen: facts.frozen,
        kyc_level: facts.kyc_level.into(),
        withdrawals_held_until_us: facts.withdrawals_held_until.0,
        demo: facts.demo,
    }
}

pub(super) fn account(message: &pb::DirectoryAccount) -> Result<AccountFacts, Invalid> {
    Ok(AccountFacts {
        user: UserId(message.user),
        master: UserId(message.master),
        frozen: message.frozen,
        kyc_level: u8::try_from(message.kyc_level).map_err(|_| Invalid("kyc_level"))?,
        withdrawals_held_until: Timestamp(message.withdrawals_held_until_us),
        demo: message.demo,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_accounts_come_back_as_they_were() {
        let verifiers = [
            Verifier::HmacSha256((*b"secret").into()),
            Verifier::Ed25519([7; 32]),
            Verifier::Rsa(vec![1, 2, 3].into()),
        ];
        for (at, verifier) in verifiers.into_iter().enumerate() {
            // Each permission stands alone once, so that none can be taken for another.
            for place in 0..5 {
                let ranges = [("10.0.0.0", 8), ("2001:db8::", 32)];
                let original = ApiKey {
                    key: "k".into(),
                    user: UserId(5 + at as u64),
                    label: "l".into(),
                    verifier: verifier.clone(),
                    permissions: Permissions {
                        read: place == 0,
                        spot_trade: place == 1,
                        futures_trade: place == 2,
                        withdraw: place == 3,
                    },
                    ip_ranges: ranges[..at.min(2)]
                        .iter()
                        .map(|(network, bits)| IpRange { network: network.parse().expect("address"), bits: *bits })
                        .collect(),
                    created_at: Timestamp(1),
                    expires_at: Timestamp(2),
                };
                assert!(key(key_message(&original)) == Ok(original), "{at} {place}");
            }
        }
        let facts = AccountFacts {
            user: UserId(1),
            master: UserId(2),
            frozen: true,
            kyc_level: 3,
            withdrawals_held_until: Timestamp(4),
            demo: false,
        };
        assert_eq!(account(&account_message(&facts)), Ok(facts.clone()));
        let demo = AccountFacts { frozen: false, demo: true, ..facts };
        assert_eq!(account(&account_message(&demo)).map(|f| f.demo), Ok(true));
    }

    #[test]
    fn a_range_that_cannot_be_read_refuses_the_key() {
        let good = pb::DirectoryKey { verifier: Some(Told::Ed25519(vec![0; 32])), ..Default::default() };
        assert!(key(good.clone()).is_ok());
        for network in [vec![], vec![1; 5], vec![1; 17]] {
            let bad = pb::DirectoryKey { ranges: vec![pb::DirectoryRange { network, bits: 8 }], ..good.clone() };
            assert!(key(bad).is_err());
        }
    }
}
