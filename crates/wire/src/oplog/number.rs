//! Numbers and texts in few bytes.
//!
//! | value | bytes |
//! | --- | --- |
//! | below 240 | itself |
//! | larger | `0xF0 + n - 1`, then n bytes, little-endian, the last of them not zero |
//! | signed | zigzag, then as above |
//! | text | its length, then UTF-8 |
//!
//! The length stands before the number, so that neither side loops over bytes.

use allin_core::num::Amount;
use allin_core::text::Text;

use super::DecodeError;

const SMALL: u8 = 0xF0;

#[inline]
pub fn put_u64(out: &mut Vec<u8>, value: u64) {
    if value < SMALL as u64 {
        out.push(value as u8);
        return;
    }
    let len = 8 - value.leading_zeros() as usize / 8;
    let mut bytes = [0; 9];
    bytes[0] = SMALL - 1 + len as u8;
    bytes[1..].copy_from_slice(&value.to_le_bytes());
    // A copy of a constant size and a cut are cheaper than a copy of a varying size.
    let end = out.len() + 1 + len;
    out.extend_from_slice(&bytes);
    out.truncate(end);
}

#[inline]
pub fn put_u32(out: &mut Vec<u8>, value: u32) {
    put_u64(out, value as u64);
}

pub fn put_i32(out: &mut Vec<u8>, value: i32) {
    put_i64(out, value as i64);
}

pub fn put_i64(out: &mut Vec<u8>, value: i64) {
    put_u64(out, ((value << 1) ^ (value >> 63)) as u64);
}

pub fn put_amount(out: &mut Vec<u8>, value: Amount) {
    let zigzag = ((value << 1) ^ (value >> 127)) as u128;
    if let Ok(short) = u64::try_from(zigzag) {
        return put_u64(out, short);
    }
    let len = 16 - zigzag.leading_zeros() as usize / 8;
    out.push(SMALL - 1 + len as u8);
    out.extend_from_slice(&zigzag.to_le_bytes()[..len]);
}

pub fn put_text<const N: usize>(out: &mut Vec<u8>, text: &Text<N>) {
    out.push(text.as_bytes().len() as u8);
    out.extend_from_slice(text.as_bytes());
}

/// The bytes not read yet.
pub struct Bytes<'a> {
    pub rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    #[inline]
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        let (first, rest) = self.rest.split_first().ok_or(DecodeError::Short)?;
        self.rest = rest;
        Ok(*first)
    }

    pub fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        let first = self.u8()?;
        if first < SMALL {
            return Ok(first as u64);
        }
        let len = (first - SMALL) as usize + 1;
        if len > 8 {
            return Err(DecodeError::Number);
        }
        let value = match self.rest.first_chunk::<8>() {
            Some(eight) => u64::from_le_bytes(*eight) & (u64::MAX >> (64 - 8 * len)),
            None => little_endian(self.rest.get(..len).ok_or(DecodeError::Short)?) as u64,
        };
        self.rest = &self.rest[len..];
        // The one spelling is the shortest.
        if value >> (8 * (len - 1)) == 0 || value < SMALL as u64 {
            return Err(DecodeError::Number);
        }
        Ok(value)
    }

    #[inline]
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        u32::try_from(self.u64()?).map_err(|_| DecodeError::Number)
    }

    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        u16::try_from(self.u64()?).map_err(|_| DecodeError::Number)
    }

    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        let zigzag = self.u64()?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        i32::try_from(self.i64()?).map_err(|_| DecodeError::Number)
    }

    pub fn amount(&mut self) -> Result<Amount, DecodeError> {
        let zigzag = match self.rest.first() {
            Some(first) if *first >= SMALL + 8 => {
                let len = (first - SMALL) as usize + 1;
                let value = little_endian(&self.take(1 + len)?[1..]);
                if value >> (8 * (len - 1)) == 0 {
                    return Err(DecodeError::Number);
                }
                value
            }
            _ => self.u64()? as u128,
        };
        Ok((zigzag >> 1) as i128 ^ -((zigzag & 1) as i128))
    }

    pub fn str(&mut self, len: usize) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.take(len)?).map_err(|_| DecodeError::Text)
    }

    pub fn text<const N: usize>(&mut self) -> Result<Text<N>, DecodeError> {
        let len = self.u8()? as usize;
        Text::new(self.str(len)?).ok_or(DecodeError::Text)
    }
}

fn little_endian(bytes: &[u8]) -> u128 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | *byte as u128)
}
