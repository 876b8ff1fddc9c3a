//! Bytes of a snapshot: variable-length integers, written to a sink in large pieces, read back with bounds checked.

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

    /// Seven bits a byte, least significant first.
    #[inline]
    pub fn int(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.buffer.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.buffer.push(value as u8);
    }

    #[inline]
    pub fn flag(&mut self, value: bool) {
        self.buffer.push(value as u8);
    }

    /// Zigzag, then seven bits a byte.
    #[inline]
    pub fn wide(&mut self, value: i128) {
        let mut zigzag = ((value << 1) ^ (value >> 127)) as u128;
        while zigzag >= 0x80 {
            self.buffer.push(zigzag as u8 | 0x80);
            zigzag >>= 7;
        }
        self.buffer.push(zigzag as u8);
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

/// Bits of nine bytes.
const SHORT_BITS: u32 = 63;

/// Reads what a [`Writer`] wrote.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

type Read<T> = Result<T, RestoreError>;

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
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

    #[inline]
    pub fn int(&mut self) -> Read<u64> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(first as u64);
        }
        let mut value = (first & 0x7F) as u64;
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            let bits = (byte & 0x7F) as u64;
            if shift == 63 && bits > 1 {
                return Err(RestoreError::Value("integer"));
            }
            value |= bits << shift;
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
        let mut low = 0u64;
        for shift in (0..SHORT_BITS).step_by(7) {
            let byte = self.byte()?;
            low |= ((byte & 0x7F) as u64) << shift;
            if byte < 0x80 {
                return Ok(((low >> 1) as i64 ^ -((low & 1) as i64)) as i128);
            }
        }
        let mut zigzag = low as u128;
        for shift in (SHORT_BITS..128).step_by(7) {
            let byte = self.byte()?;
            zigzag |= ((byte & 0x7F) as u128) << shift;
            if byte < 0x80 {
                return Ok((zigzag >> 1) as i128 ^ -((zigzag & 1) as i128));
            }
        }
        Err(RestoreError::Value("amount"))
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

    #[test]
    fn reads_what_it_wrote_and_refuses_the_rest() {
        let mut bytes = vec![];
        let mut sink = |piece: &[u8]| bytes.extend_from_slice(piece);
        let mut writer = Writer::new(&mut sink);
        let ints = [0, 1, 127, 128, 300, u32::MAX as u64, u64::MAX - 1, u64::MAX];
        let nine_bytes = 1 << 62;
        let wides = [
            0,
            1,
            -1,
            63,
            -64,
            nine_bytes - 1,
            nine_bytes,
            -nine_bytes,
            -nine_bytes - 1,
            i128::MAX,
            i128::MIN,
            1 << 100,
        ];
        ints.iter().for_each(|v| writer.int(*v));
        wides.iter().for_each(|v| writer.wide(*v));
        writer.bytes(b"abc");
        writer.flush();
        let mut reader = Reader::new(&bytes);
        assert!(ints.iter().all(|v| reader.int() == Ok(*v)));
        assert!(wides.iter().all(|v| reader.wide() == Ok(*v)));
        assert_eq!(reader.text::<3>().map(|t| t.to_string()), Ok("abc".into()));
        assert!(reader.is_empty());
        assert_eq!(Reader::new(&[0xFF; 12]).int(), Err(RestoreError::Value("integer")));
        assert_eq!(Reader::new(&[0x80]).int(), Err(RestoreError::Length));
        assert_eq!(Reader::new(&[9, 1]).bytes(), Err(RestoreError::Length));
    }
}
