//! The commands' numbers in the log. Never reused, never renumbered.

pub const START_EPOCH: u8 = 1;
pub const TICK: u8 = 2;
pub const SET_ASSET: u8 = 3;
pub const SET_MARKET: u8 = 4;
pub const SET_MARKET_STATE: u8 = 5;
pub const UNCROSS: u8 = 6;
pub const SET_FEE_TIER: u8 = 7;
pub const SET_USER: u8 = 8;
pub const SET_DISCOUNT: u8 = 9;
pub const SET_DISCOUNT_RATE: u8 = 10;
pub const CREDIT: u8 = 11;
pub const DEBIT: u8 = 12;
pub const TRANSFER: u8 = 13;
pub const SWEEP: u8 = 14;
pub const PLACE: u8 = 15;
pub const PLACE_BATCH: u8 = 16;
pub const PLACE_LIST: u8 = 17;
pub const CANCEL: u8 = 18;
pub const CANCEL_LIST: u8 = 19;
pub const CANCEL_ALL: u8 = 20;
pub const AMEND: u8 = 21;
pub const MOVE: u8 = 22;
pub const REDUCE: u8 = 23;
pub const CANCEL_REPLACE: u8 = 24;
pub const COUNTDOWN: u8 = 25;
pub const SET_USER_TIER: u8 = 26;
pub const SET_LIMITS: u8 = 27;
pub const SET_USER_ACCESS: u8 = 28;
/// `CANCEL_LIST` with a client id of the cancel.
pub const CANCEL_LIST_NAMED: u8 = 29;
