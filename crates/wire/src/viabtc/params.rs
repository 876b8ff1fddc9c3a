//! Reads the elements of `params`, each as the one type that it may have.

use allin_core::ids::{OrderId, UserId};
use allin_core::spot::command::Side;
use allin_core::text::{ClientId, Label, is_client_id};

use super::json::Json;

/// A parameter is missing, superfluous, of another type, or out of its range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Invalid;

/// The parameters of one call, by position.
#[derive(Clone, Copy)]
pub(super) struct Params<'a>(pub &'a [Json<'a>]);

impl<'a> Params<'a> {
    /// Checks how many there are.
    pub fn count(self, allowed: std::ops::RangeInclusive<usize>) -> Result<Self, Invalid> {
        if allowed.contains(&self.0.len()) { Ok(self) } else { Err(Invalid) }
    }

    fn get(self, at: usize) -> Result<&'a Json<'a>, Invalid> {
        self.0.get(at).ok_or(Invalid)
    }

    pub fn text(self, at: usize) -> Result<&'a str, Invalid> {
        match self.get(at)? {
            Json::Text(text) => Ok(text),
            _ => Err(Invalid),
        }
    }

    /// Text, or `null` for none: the protocol's description calls these parameters nullable.
    pub fn text_or_null(self, at: usize) -> Result<&'a str, Invalid> {
        match self.get(at)? {
            Json::Null => Ok(""),
            _ => self.text(at),
        }
    }

    /// All from `at` on as text.
    pub fn texts(self, at: usize) -> Result<Vec<&'a str>, Invalid> {
        (at..self.0.len()).map(|at| self.text(at)).collect()
    }

    pub fn signed(self, at: usize) -> Result<i64, Invalid> {
        match self.get(at)? {
            Json::Integer(value) => Ok(*value),
            _ => Err(Invalid),
        }
    }

    /// Up to 2^63 - 1: what the protocol calls an integer, and what tables can hold.
    pub fn unsigned(self, at: usize) -> Result<u64, Invalid> {
        u64::try_from(self.signed(at)?).map_err(|_| Invalid)
    }

    pub fn positive(self, at: usize) -> Result<u64, Invalid> {
        match self.unsigned(at)? {
            0 => Err(Invalid),
            value => Ok(value),
        }
    }

    pub fn bounded(self, at: usize, range: std::ops::RangeInclusive<u32>) -> Result<u32, Invalid> {
        let value = u32::try_from(self.unsigned(at)?).map_err(|_| Invalid)?;
        if range.contains(&value) { Ok(value) } else { Err(Invalid) }
    }

    pub fn user(self, at: usize) -> Result<UserId, Invalid> {
        // Reserved ids are beyond what can be said here.
        Ok(UserId(self.positive(at)?))
    }

    pub fn order(self, at: usize) -> Result<OrderId, Invalid> {
        Ok(OrderId(self.positive(at)?))
    }

    pub fn side(self, at: usize) -> Result<Side, Invalid> {
        match self.unsigned(at)? {
            1 => Ok(Side::Sell),
            2 => Ok(Side::Buy),
            _ => Err(Invalid),
        }
    }

    pub fn label(self, at: usize, bytes_max: usize) -> Result<Label, Invalid> {
        let text = self.text(at)?;
        if text.len() > bytes_max {
            return Err(Invalid);
        }
        Label::new(text).ok_or(Invalid)
    }

    pub fn object(self, at: usize) -> Result<&'a [(std::borrow::Cow<'a, str>, Json<'a>)], Invalid> {
        match self.get(at)? {
            Json::Object(entries) => Ok(entries),
            _ => Err(Invalid),
        }
    }

    /// Our addition to orders: a last parameter `{"client_id": "…"}`, which makes sending again safe.
    pub fn options(self, at: usize) -> Result<ClientId, Invalid> {
        if self.0.len() <= at {
            return Ok(ClientId::EMPTY);
        }
        match self.object(at)? {
            [] => Ok(ClientId::EMPTY),
            [(key, Json::Text(id))] if key == "client_id" && is_client_id(id) => ClientId::new(id).ok_or(Invalid),
            _ => Err(Invalid),
        }
    }
}
