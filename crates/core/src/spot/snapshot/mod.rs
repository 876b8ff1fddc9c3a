//! The state as bytes and back. The same state gives the same bytes, whichever way it came about: what can be derived
//! (indexes, ladders, timers, trigger tables) is left out and built anew.

mod parts;
mod read;
mod write;

use super::command::{MarketState, OrderKind, Side, StpMode, TimeInForce};
use super::event::{Contingency, OrderStatus};
use super::state::Spot;
use crate::book::orders::Stage;
pub use crate::coding::RestoreError;
use crate::coding::Writer;
use crate::digest::Digest;
pub use parts::{Both, InTurn};

/// First bytes of a snapshot; its format version follows.
const MAGIC: &[u8; 7] = b"ALSPOT\0";
/// One part after the other, in integers of another coding.
const FORMAT_PLAIN: u8 = 1;
/// The same, and at the end where each part begins, so that several can be read at a time.
const FORMAT_PARTED: u8 = 2;
/// Other integers, and system accounts as small numbers: shorter, and read and written faster.
const FORMAT: u8 = 3;

// Enumerations by number, for reading.
const SIDES: [Side; 2] = [Side::Sell, Side::Buy];
const KINDS: [OrderKind; 7] = [
    OrderKind::Limit,
    OrderKind::Market,
    OrderKind::LimitMaker,
    OrderKind::StopLoss,
    OrderKind::StopLossLimit,
    OrderKind::TakeProfit,
    OrderKind::TakeProfitLimit,
];
const TIFS: [TimeInForce; 4] = [TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok, TimeInForce::Gtd];
const STPS: [StpMode; 5] =
    [StpMode::None, StpMode::ExpireTaker, StpMode::ExpireMaker, StpMode::ExpireBoth, StpMode::Decrement];
const STATES: [MarketState; 4] =
    [MarketState::PreOpen, MarketState::Trading, MarketState::CancelOnly, MarketState::Halt];
const STAGES: [Stage; 3] = [Stage::Resting, Stage::Waiting, Stage::Pending];
const CONTINGENCIES: [Contingency; 3] = [Contingency::Oco, Contingency::Oto, Contingency::Otoco];
const STATUSES: [OrderStatus; 7] = [
    OrderStatus::New,
    OrderStatus::PartiallyFilled,
    OrderStatus::Filled,
    OrderStatus::Canceled,
    OrderStatus::Expired,
    OrderStatus::ExpiredInMatch,
    OrderStatus::PendingNew,
];

impl Spot {
    /// Writes the whole state to `sink`, in pieces. Only between commands.
    pub fn snapshot(&self, sink: &mut dyn FnMut(&[u8])) {
        let mut writer = Writer::new(sink);
        write::state(self, &mut writer);
        writer.flush();
    }

    /// The state that [`Spot::snapshot`] wrote.
    pub fn restore(bytes: &[u8]) -> Result<Spot, RestoreError> {
        Spot::restore_by(bytes, &InTurn)
    }

    /// The same, half of it by each of two threads when `both` has them: the longest part of a start with a large state.
    pub fn restore_by(bytes: &[u8], both: &impl Both) -> Result<Spot, RestoreError> {
        read::state(bytes, both)
    }

    /// Whether a snapshot is as [`Spot::snapshot`] writes it today: the hash of the state is one of these bytes, so that another was
    /// told by whoever wrote it before.
    pub fn is_current(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC) && bytes.get(MAGIC.len()) == Some(&FORMAT)
    }

    /// The same as [`Spot::snapshot`], and [`Spot::state_hash`], in one walk.
    pub fn snapshot_hashed(&self, sink: &mut dyn FnMut(&[u8])) -> u64 {
        let mut digest = Digest::NEW;
        self.snapshot(&mut |piece| {
            digest.bytes(piece);
            sink(piece);
        });
        digest.value()
    }

    /// Hash of the whole state. Walks all of it.
    pub fn state_hash(&self) -> u64 {
        self.snapshot_hashed(&mut |_| ())
    }
}
