//! The state as bytes and back. The same state gives the same bytes, whichever way it came about: what can be derived
//! (indexes, ladders, timers, trigger tables) is left out and built anew.

mod read;
mod write;

use super::command::{MarketState, OrderKind, Side, StpMode, TimeInForce};
use super::event::{Contingency, OrderStatus};
use super::state::Spot;
use crate::book::orders::Stage;
pub use crate::coding::RestoreError;
use crate::coding::{Reader, Writer};
use crate::digest::Digest;

/// First bytes of a snapshot, its format version last.
const MAGIC: &[u8; 8] = b"ALSPOT\0\x01";

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
        let mut reader = Reader::new(bytes);
        let spot = read::state(&mut reader)?;
        if reader.is_empty() { Ok(spot) } else { Err(RestoreError::Length) }
    }

    /// Hash of the whole state. Walks all of it.
    pub fn state_hash(&self) -> u64 {
        let mut digest = Digest::NEW;
        self.snapshot(&mut |piece| digest.bytes(piece));
        digest.value()
    }
}
