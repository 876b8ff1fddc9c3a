//! The parts of a snapshot, and reading two of them at a time.

use crate::coding::{Reader, RestoreError};

type Read<T> = Result<T, RestoreError>;

/// The parts after the head, in the order in which they are written: where each begins stands in eight bytes, least
/// significant first, at the end of a snapshot.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Ledger,
    People,
    Markets,
    Orders,
    Clients,
    Fundings,
    Lists,
}

const PARTS: usize = 7;

/// Does two things, and may do them at the same time. The core has its caller's one thread; who has two lends it the other.
pub trait Both {
    fn both<A: Send, B: Send>(&self, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B);
}

/// Does one after the other.
pub struct InTurn;

impl Both for InTurn {
    fn both<A: Send, B: Send>(&self, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
        (a(), b())
    }
}

/// Where the parts are.
pub(super) struct Parts<'a> {
    bytes: &'a [u8],
    is_old: bool,
    /// Where each begins, and where the last ends.
    begins: [usize; PARTS + 1],
}

impl<'a> Parts<'a> {
    /// Of a snapshot whose head was read.
    pub fn find(bytes: &'a [u8], head: &Reader) -> Read<Parts<'a>> {
        let (head, is_old) = (bytes.len() - head.left(), head.is_old());
        let end = bytes.len().checked_sub(PARTS * 8).filter(|end| *end >= head).ok_or(RestoreError::Length)?;
        let mut begins = [end; PARTS + 1];
        for (begin, told) in begins.iter_mut().zip(bytes[end..].chunks_exact(8)) {
            let told = u64::from_le_bytes(told.try_into().expect("eight bytes"));
            *begin = usize::try_from(told).map_err(|_| RestoreError::Length)?;
        }
        if begins[0] != head || !begins.is_sorted() {
            return Err(RestoreError::Length);
        }
        Ok(Parts { bytes, is_old, begins })
    }

    /// What `read` makes of a part, all of it.
    pub fn read<T>(&self, part: Part, read: impl FnOnce(&mut Reader) -> Read<T>) -> Read<T> {
        let bytes = &self.bytes[self.begins[part as usize]..self.begins[part as usize + 1]];
        let mut r = Reader::new(bytes).old(self.is_old);
        let value = read(&mut r)?;
        if r.is_empty() { Ok(value) } else { Err(RestoreError::Length) }
    }
}
