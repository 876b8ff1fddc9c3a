//! A machine that remembers exactly what it was given, and logs of commands that are told apart.

use std::sync::Arc;

use allin_core::ids::{AssetId, Epoch, MarketId, OrderId, Seq, Timestamp, UserId};
use allin_core::num::{PriceTicks, QtyLots};
use allin_core::spot::command::{Command, Counter, Funding, NewOrder, OrderRef, Side};
use allin_core::spot::event::Events;
use allin_core::text::Label;
use allin_runtime::oplog::{LogError, Machine, Options, Recovered, Writer, recover};
use allin_runtime::storage::{SimStorage, Storage};

/// Every command with its time, in order: what a log is for.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Witness {
    pub seen: Vec<(Timestamp, Command)>,
    epoch: u32,
}

impl Machine for Witness {
    fn apply(&mut self, seq: Seq, at: Timestamp, command: &Command, _out: &mut Events) {
        assert_eq!(seq.0, self.seen.len() as u64 + 1);
        if let Command::StartEpoch(epoch) = command {
            self.epoch = epoch.0;
        }
        self.seen.push((at, command.clone()));
    }

    fn restore(bytes: &[u8]) -> Result<Witness, String> {
        let mut witness = Witness::default();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (head, tail) = rest.split_at_checked(10).ok_or("short")?;
            let len = u16::from_le_bytes([head[0], head[1]]) as usize;
            let at = Timestamp(u64::from_le_bytes(*head[2..].first_chunk().unwrap()));
            let command = allin_wire::oplog::decode(1, &tail[..len]).map_err(|e| e.to_string())?;
            witness.apply(Seq(witness.seen.len() as u64 + 1), at, &command, &mut Events::new());
            rest = &tail[len..];
        }
        Ok(witness)
    }

    fn snapshot(&self, sink: &mut dyn FnMut(&[u8])) {
        for (at, command) in &self.seen {
            let mut bytes = Vec::new();
            allin_wire::oplog::encode(command, &mut bytes).unwrap();
            sink(&(bytes.len() as u16).to_le_bytes());
            sink(&at.0.to_le_bytes());
            sink(&bytes);
        }
    }

    fn seq(&self) -> Seq {
        Seq(self.seen.len() as u64)
    }

    fn time(&self) -> Timestamp {
        self.seen.last().map_or(Timestamp(0), |(at, _)| *at)
    }

    fn epoch(&self) -> Epoch {
        Epoch(self.epoch)
    }

    fn digest(&self) -> u64 {
        let mut digest = 0;
        self.snapshot(&mut |bytes| digest = crc32c::crc32c_append(digest, bytes));
        digest as u64
    }

    fn state_hash(&self) -> u64 {
        !self.digest()
    }
}

pub fn options() -> Options {
    Options { segment_bytes: Options::SEGMENT_BYTES_MIN, ..Options::new("spot") }
}

pub fn start(disk: &SimStorage) -> Result<Recovered<Witness>, LogError> {
    recover(Arc::new(disk.clone()) as Arc<dyn Storage>, &options(), Witness::default)
}

/// The command of a sequence: of several kinds and lengths, and never the same.
pub fn command(seq: u64) -> Command {
    let (user, market) = (UserId(seq * 7), MarketId(seq as u32 % 5));
    match seq % 5 {
        0 => Command::cancel(user, market, OrderRef::Id(OrderId(seq))),
        1 => Command::StartEpoch(Epoch(1)),
        2 => Command::Credit(Funding {
            user,
            asset: AssetId(1),
            amount: seq as i128 * 1_000_000_000,
            business: Label::new("deposit").unwrap(),
            business_id: seq as i64,
            counter: Counter::External,
            detail: "x".repeat(seq as usize % 90).into(),
        }),
        _ => Command::Place(NewOrder::limit(user, market, Side::Buy, PriceTicks(seq + 1), QtyLots(seq * 1000))),
    }
}

pub fn at(seq: u64) -> Timestamp {
    Timestamp(1_700_000_000_000_000 + seq)
}

pub fn append(writer: &mut Writer, seq: u64) -> Result<(), LogError> {
    writer.append(Epoch(1), Seq(seq), at(seq), &command(seq))
}

/// Appends up to `last`, syncing after every `batch` commands.
pub fn extend(writer: &mut Writer, last: u64, batch: u64) {
    for seq in writer.last().0 + 1..=last {
        append(writer, seq).unwrap();
        if seq % batch == 0 {
            assert_eq!(writer.sync().unwrap(), Seq(seq));
        }
    }
    writer.sync().unwrap();
}

/// The commands from the first to `last`.
pub fn history(last: u64) -> Vec<(Timestamp, Command)> {
    (1..=last).map(|seq| (at(seq), command(seq))).collect()
}

/// The one segment of a small log.
pub fn segment_name(first: u64) -> String {
    format!("oplog/{first:020}.log")
}
