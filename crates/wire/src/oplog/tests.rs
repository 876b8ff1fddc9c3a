use allin_core::ids::{AssetId, Epoch, ListId, MarketId, OrderId, Seq, Timestamp, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::command::{
    BATCH_MAX, CancelOnly, Command, Counter, DETAIL_MAX, Funding, NewOrder, OrderRef, ReplaceMode, Side,
};
use allin_core::text::{ClientId, Label};
use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::frame::{self, FrameError, Header, kind};
use super::{DecodeError, EncodeError, VERSION, arbitrary, decode, encode};

fn bytes_of(command: &Command) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(command, &mut bytes).expect("within bounds");
    bytes
}

fn limit() -> NewOrder {
    NewOrder::limit(UserId(70_000), MarketId(3), Side::Buy, PriceTicks(7_831_800), QtyLots(153_453))
}

fn credit(detail: &str) -> Command {
    Command::Credit(Funding {
        user: UserId(1),
        asset: AssetId(2),
        amount: 3,
        business: Label::new("deposit").unwrap(),
        business_id: -4,
        counter: Counter::External,
        detail: detail.into(),
    })
}

/// The bytes are a format on disk: a change here needs a new version.
#[test]
fn known_bytes() {
    fn check(command: Command, want: Expect) {
        let hex: Vec<String> = bytes_of(&command).iter().map(|byte| format!("{byte:02x}")).collect();
        want.assert_eq(&hex.join(" "));
    }
    let by_id = OrderRef::Id(OrderId(1_000_000));
    let by_client = OrderRef::Client(ClientId::new("a1").unwrap());
    let (user, market) = (UserId(70_000), MarketId(3));
    check(Command::Place(limit()), expect!["0f 01 00 00 f2 70 11 01 03 f2 f8 80 77 f2 6d 57 02"]);
    check(
        Command::Place(NewOrder { client_id: ClientId::new("a1").unwrap(), strategy_type: 9, ..limit() }),
        expect!["0f 01 40 04 f2 70 11 01 03 f2 f8 80 77 f2 6d 57 02 02 61 31 09"],
    );
    check(
        Command::Cancel { user, market, order: by_id, only: CancelOnly::New, cancel_id: ClientId::EMPTY },
        expect!["12 01 f2 70 11 01 03 f2 40 42 0f"],
    );
    let cancel_id = ClientId::new("b2").unwrap();
    check(
        Command::Cancel { user, market, order: by_client, only: CancelOnly::New, cancel_id },
        expect!["12 85 f2 70 11 01 03 02 61 31 02 62 32"],
    );
    check(
        Command::CancelList { user, market, list: ListId(7), cancel_id: ClientId::EMPTY },
        expect!["13 f2 70 11 01 03 07"],
    );
    check(Command::CancelList { user, market, list: ListId(7), cancel_id }, expect!["1d f2 70 11 01 03 07 02 62 32"]);
    let (cancel, mode, order) = (by_id, ReplaceMode::AllowFailure, Box::new(limit()));
    check(
        Command::CancelReplace {
            cancel,
            only: CancelOnly::Any,
            mode,
            order: order.clone(),
            cancel_id: ClientId::EMPTY,
        },
        expect!["18 04 f2 40 42 0f 01 00 00 f2 70 11 01 03 f2 f8 80 77 f2 6d 57 02"],
    );
    check(
        Command::CancelReplace { cancel, only: CancelOnly::New, mode, order, cancel_id },
        expect!["18 0d f2 40 42 0f 02 62 32 01 00 00 f2 70 11 01 03 f2 f8 80 77 f2 6d 57 02"],
    );
    check(
        Command::Move { user, market, order: by_client, price: PriceTicks(500) },
        expect!["16 80 f2 70 11 01 03 02 61 31 f1 f4 01"],
    );
    check(
        Command::Reduce { user, market, order: by_id, by: QtyLots(240) },
        expect!["17 00 f2 70 11 01 03 f2 40 42 0f f0 f0"],
    );
    check(credit("é"), expect!["0b 00 01 02 06 07 64 65 70 6f 73 69 74 07 02 c3 a9"]);
    check(Command::Tick, expect!["02"]);
}

#[test]
fn bounds_are_kept_on_both_sides() {
    let mut out = vec![7];
    let batch = Command::PlaceBatch(vec![limit(); BATCH_MAX + 1]);
    assert_eq!(encode(&batch, &mut out), Err(EncodeError::Batch));
    assert_eq!(encode(&credit(&"d".repeat(DETAIL_MAX + 1)), &mut out), Err(EncodeError::Detail));
    assert_eq!(out, [7], "nothing was written");

    let mut batch = bytes_of(&Command::PlaceBatch(vec![limit(); BATCH_MAX]));
    batch[1] += 1;
    assert_eq!(decode(VERSION, &batch), Err(DecodeError::Batch));
    let full = bytes_of(&credit(&"d".repeat(DETAIL_MAX)));
    let mut longer = full[..full.len() - DETAIL_MAX - 3].to_vec();
    longer.extend_from_slice(&[0xF1, 0x01, 0x10]);
    longer.extend_from_slice("d".repeat(DETAIL_MAX + 1).as_bytes());
    assert_eq!(decode(VERSION, &longer), Err(DecodeError::Detail));
}

#[test]
fn what_is_no_command_is_refused_by_name() {
    let place = bytes_of(&Command::Place(limit()));
    let edit = |at: usize, byte: u8| {
        let mut bytes = place.clone();
        bytes[at] = byte;
        bytes
    };
    let rows: Vec<(&str, Vec<u8>, DecodeError)> = vec![
        ("nothing", vec![], DecodeError::Short),
        ("tag 0", vec![0], DecodeError::Tag(0)),
        ("tag 30", vec![30], DecodeError::Tag(30)),
        ("an access without its user", vec![28], DecodeError::Short),
        ("a tier without its user", vec![26], DecodeError::Short),
        ("a tier past u16", vec![26, 1, 0xF2, 1, 1, 1], DecodeError::Number),
        ("cut", place[..place.len() - 1].to_vec(), DecodeError::Short),
        ("one more", [&place[..], &[0]].concat(), DecodeError::Trailing(1)),
        ("kind 7", edit(1, 0x0F), DecodeError::Choice),
        ("stp 5", [&[place[0], 0x41, 0x01], &place[3..]].concat(), DecodeError::Choice),
        ("unknown flag", edit(3, 0x08), DecodeError::Flags),
        ("empty client id said to follow", [&edit(2, 0x40)[..], &[0]].concat(), DecodeError::Flags),
        ("client id not UTF-8", [&edit(2, 0x40)[..], &[1, 0xFF]].concat(), DecodeError::Text),
        ("client id too long", [&edit(2, 0x40)[..], &[37], &[b'a'; 37]].concat(), DecodeError::Text),
        ("market past u32", vec![6, 0xF4, 1, 1, 1, 1, 1], DecodeError::Number),
        ("a long small number", vec![6, 0xF0, 5], DecodeError::Number),
        ("a number with a zero in front", vec![6, 0xF1, 0xFF, 0], DecodeError::Number),
        ("a number of 9 bytes", vec![6, 0xF8, 1, 1, 1, 1, 1, 1, 1, 1, 1], DecodeError::Number),
        ("empty cancel id said to follow", vec![18, 4, 1, 1, 1, 0], DecodeError::Flags),
        ("a cancel's flag of no meaning", vec![18, 8, 1, 1, 1], DecodeError::Choice),
        ("empty cancel id of a list", vec![29, 1, 1, 1, 0], DecodeError::Flags),
        ("a replacement's flag of no meaning", [&[24, 16, 1], &place[1..]].concat(), DecodeError::Choice),
        ("side 3", vec![20, 3, 1, 1], DecodeError::Choice),
        ("state 4", vec![5, 4, 1], DecodeError::Choice),
        ("three flags", vec![8, 4, 1, 1, 0], DecodeError::Flags),
        ("account 7", vec![14, 7, 1, 1, 1], DecodeError::Choice),
    ];
    for (name, bytes, want) in rows {
        assert_eq!(decode(VERSION, &bytes), Err(want), "{name}");
    }
    assert_eq!(decode(2, &place), Err(DecodeError::Version(2)));
}

#[test]
fn the_hot_commands_are_short() {
    let rows = [
        (Command::Place(limit()), 19),
        (Command::cancel(UserId(70_000), MarketId(3), OrderRef::Id(OrderId(1_000_000))), 12),
    ];
    for (command, most) in rows {
        let len = bytes_of(&command).len();
        assert!(len <= most, "{command:?} takes {len} bytes");
    }
}

fn header() -> impl Strategy<Value = Header> {
    let places = any::<(u32, u64, u64, u64)>();
    (0u16..4, any::<u16>(), places).prop_map(|(kind, version, (epoch, seq, at, durable))| Header {
        kind,
        version,
        epoch: Epoch(epoch),
        seq: Seq(seq),
        at: Timestamp(at),
        durable: Seq(durable),
    })
}

fn framed(salt: u32, header: &Header, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let write = |out: &mut Vec<u8>| -> Result<(), ()> {
        out.extend_from_slice(payload);
        Ok(())
    };
    frame::put(&mut out, salt, header, write).unwrap();
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_command_comes_back(command in arbitrary::command()) {
        let mut bytes = vec![0xAA];
        encode(&command, &mut bytes).unwrap();
        prop_assert!(bytes.len() - 1 <= frame::PAYLOAD_MAX);
        prop_assert_eq!(decode(VERSION, &bytes[1..]), Ok(command));
    }

    #[test]
    fn no_prefix_is_a_command(command in arbitrary::command(), cut in any::<prop::sample::Index>()) {
        let bytes = bytes_of(&command);
        prop_assert!(decode(VERSION, &bytes[..cut.index(bytes.len())]).is_err());
    }

    /// Total, and one spelling for each command.
    #[test]
    fn changed_bytes_are_refused_or_are_another_command(
        command in arbitrary::command(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = bytes_of(&command);
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(other) = decode(VERSION, &bytes) {
            prop_assert_eq!(bytes_of(&other), bytes);
        }
    }

    #[test]
    fn random_bytes_never_panic(tag in 0u8..27, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let bytes = [&[tag], &bytes[..]].concat();
        if let Ok(command) = decode(VERSION, &bytes) {
            prop_assert_eq!(bytes_of(&command), bytes);
        }
    }

    #[test]
    fn a_record_comes_back_and_no_flip_passes(
        salt in any::<u32>(),
        header in header(),
        payload in prop::collection::vec(any::<u8>(), 0..200),
        flip in any::<prop::sample::Index>(),
    ) {
        let mut bytes = framed(salt, &header, &payload);
        prop_assert_eq!(bytes.len() % frame::ALIGN, 0);
        let record = frame::read(salt, &bytes).unwrap();
        prop_assert_eq!((record.header, record.payload, record.len), (header, &payload[..], bytes.len()));
        prop_assert_eq!(frame::read(salt ^ 1, &bytes), Err(FrameError::Checksum));
        for cut in 0..bytes.len() {
            prop_assert_eq!(frame::read(salt, &bytes[..cut]), Err(FrameError::Short));
        }
        let bit = flip.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(frame::read(salt, &bytes).is_err());
    }

    #[test]
    fn random_bytes_are_no_record(salt in any::<u32>(), mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(frame::read(salt, &bytes).is_err());
        if bytes.len() >= 4 {
            bytes[2] = bytes[2] & 0x0F | 0x10;
            bytes[3] = 0xA1;
            prop_assert!(frame::begins(&bytes));
            prop_assert!(frame::read(salt, &bytes).is_err());
        }
    }
}

#[test]
fn a_failed_payload_leaves_no_trace() {
    let mut out = vec![1, 2, 3];
    let header = Header {
        kind: kind::COMMAND,
        version: VERSION,
        epoch: Epoch(1),
        seq: Seq(1),
        at: Timestamp(1),
        durable: Seq(0),
    };
    let result = frame::put(&mut out, 0, &header, |out| {
        out.push(9);
        Err("no")
    });
    assert_eq!((result, out), (Err("no"), vec![1, 2, 3]));
}
