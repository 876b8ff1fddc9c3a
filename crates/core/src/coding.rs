//! Bytes of a snapshot: variable-length integers, written to a sink in large pieces, read back with bounds checked.
//!
//! An integer of up to 56 bits takes one byte for each seven of them. The zeros that its first byte ends with say how many bytes follow,
//! so that one load brings all of it, and no byte has to be looked at to know whether there is another. Larger ones follow a
//! zero as they are, in eight bytes or, where amounts are expected, sixteen. Least significant first.

/// Collects bytes and hands them on in pieces.
pub(crate) struct Writer<'a> {
    buffer: Vec<u8>,
    /// Bytes handed on.
    flushed: u64,
    sink: &'a mut dyn FnMut(&[u8]),
}

const PIECE: usize = 256 * 1024;

impl<'a> Writer<'a> {
    pub fn new(sink: &'a mut dyn FnMut(&[u8])) -> Writer<'a> {
        Writer { buffer: Vec::with_capacity(PIECE + 1024), flushed: 0, sink }
    }

    pub fn flush(&mut self) {
        (self.sink)(&self.buffer);
        self.flushed += self.buffer.len() as u64;
        self.buffer.clear();
    }

    /// Bytes written so far.
    pub fn position(&self) -> u64 {
        self.flushed + self.buffer.len() as u64
    }

    /// Called between entries, so that a piece stays near its size.
    #[inline]
    pub fn breathe(&mut self) {
        if self.buffer.len() >= PIECE {
            self.flush();
        }
    }

    #[inline]
    pub fn byte(&mut self, byte: u8) {
        self.buffer.push(byte);
    }

    #[inline]
    pub fn int(&mut self, value: u64) {
        if value >> SHORT_BITS != 0 {
            self.buffer.push(0);
            self.buffer.extend_from_slice(&value.to_le_bytes());
        } else {
            self.short(value);
        }
    }

    #[inline]
    fn short(&mut self, value: u64) {
        let bytes = (value | 1).ilog2() as usize / 7 + 1;
        let word = (value << 1 | 1) << (bytes - 1);
        let end = self.buffer.len() + bytes;
        self.buffer.extend_from_slice(&word.to_le_bytes());
        self.buffer.truncate(end);
    }

    #[inline]
    pub fn flag(&mut self, value: bool) {
        self.buffer.push(value as u8);
    }

    /// The sign goes last (zigzag).
    #[inline]
    pub fn wide(&mut self, value: i128) {
        let zigzag = ((value << 1) ^ (value >> 127)) as u128;
        if zigzag >> SHORT_BITS != 0 {
            self.buffer.push(0);
            self.buffer.extend_from_slice(&zigzag.to_le_bytes());
        } else {
            self.short(zigzag as u64);
        }
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.int(bytes.len() as u64);
        self.buffer.extend_from_slice(bytes);
    }
}

/// Why a snapshot could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RestoreError {
    /// It ends too early, or has bytes left over.
    Length,
    /// Not a snapshot of this product, or of a format this program does not know.
    Version,
    /// A value that no state has.
    Value(&'static str),
}

impl std::fmt::Display for RestoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RestoreError::Length => f.write_str("the snapshot has a wrong length"),
            RestoreError::Version => f.write_str("the snapshot's format is unknown"),
            RestoreError::Value(what) => write!(f, "the snapshot has an impossible {what}"),
        }
    }
}

impl std::error::Error for RestoreError {}

/// Bits of the longest integer that its first byte tells the length of.
const SHORT_BITS: u32 = 56;

/// Reads what a [`Writer`] wrote.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    is_old: bool,
}

type Read<T> = Result<T, RestoreError>;

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, is_old: false }
    }

    /// As it was written before: seven bits a byte, the eighth says whether another follows.
    #[must_use]
    pub fn old(self, is_old: bool) -> Reader<'a> {
        Reader { is_old, ..self }
    }

    /// See [`Reader::old`].
    pub fn is_old(&self) -> bool {
        self.is_old
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes not read yet.
    pub fn left(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub fn byte(&mut self) -> Read<u8> {
        let (first, rest) = self.bytes.split_first().ok_or(RestoreError::Length)?;
        self.bytes = rest;
        Ok(*first)
    }

    fn take<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(RestoreError::Length)?;
        self.bytes = rest;
        Ok(*taken)
    }

    #[inline]
    pub fn int(&mut self) -> Read<u64> {
        match self.short() {
            Some(value) => Ok(value),
            None => self.long_int(),
        }
    }

    /// An integer whose first byte tells its length; none, and nothing read, when it is none or stands at the very end.
    #[inline]
    fn short(&mut self) -> Option<u64> {
        let word = u64::from_le_bytes(*self.bytes.first_chunk()?);
        if word as u8 == 0 || self.is_old {
            return None;
        }
        let bytes = word.trailing_zeros() as usize + 1;
        self.bytes = &self.bytes[bytes..];
        Some(word << (64 - 8 * bytes) >> (64 - 7 * bytes))
    }

    /// The same where fewer than eight bytes are left; none when a longer one begins, with its zero read.
    fn last_short(&mut self) -> Read<Option<u64>> {
        let first = *self.bytes.first().ok_or(RestoreError::Length)?;
        if first == 0 {
            self.bytes = &self.bytes[1..];
            return Ok(None);
        }
        let bytes = first.trailing_zeros() as usize + 1;
        let (taken, rest) = self.bytes.split_at_checked(bytes).ok_or(RestoreError::Length)?;
        self.bytes = rest;
        let mut word = [0; 8];
        word[..bytes].copy_from_slice(taken);
        Ok(Some(u64::from_le_bytes(word) >> bytes))
    }

    #[cold]
    fn long_int(&mut self) -> Read<u64> {
        if self.is_old {
            return u64::try_from(self.old_int()?).map_err(|_| RestoreError::Value("integer"));
        }
        match self.last_short()? {
            Some(value) => Ok(value),
            None => Ok(u64::from_le_bytes(self.take()?)),
        }
    }

    #[cold]
    fn long_wide(&mut self) -> Read<u128> {
        if self.is_old {
            return self.old_int();
        }
        match self.last_short()? {
            Some(value) => Ok(value.into()),
            None => Ok(u128::from_le_bytes(self.take()?)),
        }
    }

    fn old_int(&mut self) -> Read<u128> {
        let mut value = 0;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            value |= u128::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(RestoreError::Value("integer"))
    }

    #[inline]
    pub fn small(&mut self) -> Read<u32> {
        u32::try_from(self.int()?).map_err(|_| RestoreError::Value("integer"))
    }

    /// A count of entries, each of at least one byte.
    pub fn count(&mut self) -> Read<usize> {
        let count = self.int()? as usize;
        if count > self.bytes.len() { Err(RestoreError::Length) } else { Ok(count) }
    }

    pub fn flag(&mut self) -> Read<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(RestoreError::Value("flag")),
        }
    }

    #[inline]
    pub fn wide(&mut self) -> Read<i128> {
        // Nearly every amount is short, and shifts of 64 bits are several times as fast.
        match self.short() {
            Some(zigzag) => Ok(((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)) as i128),
            None => {
                let zigzag = self.long_wide()?;
                Ok((zigzag >> 1) as i128 ^ -((zigzag & 1) as i128))
            }
        }
    }

    pub fn bytes(&mut self) -> Read<&'a [u8]> {
        let count = self.count()?;
        let (taken, rest) = self.bytes.split_at(count);
        self.bytes = rest;
        Ok(taken)
    }

    pub fn text<const N: usize>(&mut self) -> Read<crate::text::Text<N>> {
        let text = std::str::from_utf8(self.bytes()?).map_err(|_| RestoreError::Value("text"))?;
        crate::text::Text::new(text).ok_or(RestoreError::Value("text"))
    }

    /// An enumeration from its number.
    pub fn one_of<T: Copy>(&mut self, values: &[T]) -> Read<T> {
        values.get(self.byte()? as usize).copied().ok_or(RestoreError::Value("enumeration"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTS: [u64; 11] =
        [0, 1, 127, 128, 300, u32::MAX as u64, (1 << 49) - 1, (1 << 56) - 1, 1 << 56, u64::MAX - 1, u64::MAX];
    /// The largest whose zigzag has 56 bits, and one more, on both sides.
    const EDGE: i128 = 1 << 55;
    const WIDES: [i128; 11] = [0, 1, -1, 63, -64, EDGE - 1, EDGE, -EDGE, -EDGE - 1, i128::MAX, i128::MIN];

    fn written(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut bytes = vec![];
        let mut sink = |piece: &[u8]| bytes.extend_from_slice(piece);
        let mut writer = Writer::new(&mut sink);
        write(&mut writer);
        writer.flush();
        bytes
    }

    #[test]
    fn reads_what_it_wrote_and_refuses_the_rest() {
        let bytes = written(|writer| {
            INTS.iter().for_each(|v| writer.int(*v));
            WIDES.iter().for_each(|v| writer.wide(*v));
            writer.bytes(b"abc");
        });
        let mut reader = Reader::new(&bytes);
        assert!(INTS.iter().all(|v| reader.int() == Ok(*v)));
        assert!(WIDES.iter().all(|v| reader.wide() == Ok(*v)));
        assert_eq!(reader.text::<3>().map(|t| t.to_string()), Ok("abc".into()));
        assert!(reader.is_empty());
        assert_eq!(Reader::new(&[9 << 1 | 1, 1]).bytes(), Err(RestoreError::Length));
    }

    /// Each alone, at the very end of the bytes and before others; cut anywhere it is refused.
    #[test]
    fn an_integer_takes_a_byte_for_each_seven_bits() {
        for value in INTS {
            let bytes = written(|writer| writer.int(value));
            let bits = (value | 1).ilog2() + 1;
            let wanted = if bits > SHORT_BITS { 9 } else { bits.div_ceil(7) };
            assert_eq!(bytes.len(), wanted as usize, "{value}");
            assert_eq!(Reader::new(&bytes).int(), Ok(value));
            assert_eq!(Reader::new(&[&bytes[..], &[0xFF; 8]].concat()).int(), Ok(value));
            for cut in 0..bytes.len() {
                assert_eq!(Reader::new(&bytes[..cut]).int(), Err(RestoreError::Length), "{value} cut at {cut}");
            }
        }
        for value in WIDES {
            let bytes = written(|writer| writer.wide(value));
            assert_eq!(Reader::new(&bytes).wide(), Ok(value));
            assert_eq!(Reader::new(&[&bytes[..], &[0xFF; 8]].concat()).wide(), Ok(value));
            for cut in 0..bytes.len() {
                assert_eq!(Reader::new(&bytes[..cut]).wide(), Err(RestoreError::Length), "{value} cut at {cut}");
            }
        }
    }

    #[test]
    fn reads_what_was_written_before() {
        let old = |bytes: &'static [u8]| Reader::new(bytes).old(true);
        assert_eq!(old(&[0x7F]).int(), Ok(127));
        assert_eq!(old(&[0xAC, 0x02, 0, 0, 0, 0, 0, 0, 0]).int(), Ok(300));
        assert_eq!(old(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]).int(), Ok(u64::MAX));
        assert_eq!(old(&[0x03]).wide(), Ok(-2));
        assert_eq!(old(&[0xD8, 0x04, 0, 0, 0, 0, 0, 0, 0]).wide(), Ok(300));
        assert_eq!(old(&[0xFF; 12]).int(), Err(RestoreError::Length));
        assert_eq!(old(&[0xFF; 20]).int(), Err(RestoreError::Value("integer")));
        assert_eq!(old(&[0x80]).int(), Err(RestoreError::Length));
    }
}
