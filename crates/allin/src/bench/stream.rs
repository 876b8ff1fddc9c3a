//! Owns exchange-core's single-pair benchmark stream: its 24-byte records, the results an engine has to reproduce, and the
//! hash over its trades. Also compiled into the workspace of peers under `benches/`, so it uses nothing of this crate.
//! Known limits: the whole stream is kept in memory, decompressed.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// Length of one record.
pub const RECORD_LEN: usize = 24;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    Place,
    Cancel,
    Move,
    Reduce,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Gtc,
    Ioc,
    /// The whole size for at most (bid) or at least (ask) the budget in `price`, or nothing.
    FokBudget,
}

/// One command of the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    pub action: Action,
    /// Told by placing records only.
    pub bid: bool,
    pub kind: Kind,
    pub user: u32,
    pub order: u32,
    pub size: u32,
    /// Price in ticks; for [`Kind::FokBudget`] the whole budget; for a move the new price.
    pub price: u64,
}

/// What a run did, in the terms of the expected results.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    pub commands: u64,
    pub trades: u64,
    pub volume: u64,
    pub notional: u128,
    /// FNV-1a 64 over command index, maker order, price and size of each trade, each as 8 little-endian bytes.
    pub hash: u64,
}

/// One level of the final book, as in the expected CSV.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Level {
    pub bid: bool,
    pub price: u64,
    pub volume: u64,
    pub orders: u64,
}

pub struct Stream {
    bytes: Vec<u8>,
    /// From `….meta.json` beside the stream, if it is there.
    pub expected: Option<Outcome>,
    /// From `….final_book.csv` beside the stream, if it is there; asks up, then bids down or up, as in the file.
    pub final_book: Option<Vec<Level>>,
}

impl Stream {
    /// Reads and checks a stream, packed with zstd or not, and what is expected of it.
    pub fn load(path: &Path) -> Result<Stream, String> {
        let bytes = read(path).map_err(|e| format!("read {}: {e}", path.display()))?;
        if bytes.is_empty() || !bytes.len().is_multiple_of(RECORD_LEN) {
            return Err(format!(
                "{}: {} bytes are no whole number of {RECORD_LEN}-byte records",
                path.display(),
                bytes.len()
            ));
        }
        if let Some(index) = bytes.chunks_exact(RECORD_LEN).position(|record| !is_valid(record)) {
            return Err(format!("{}: record {index} is not of this format", path.display()));
        }
        let expected = match fs::read_to_string(beside(path, "meta.json")) {
            Ok(text) => Some(parse_expected(&text)?),
            Err(_) => None,
        };
        let final_book = match fs::read_to_string(beside(path, "final_book.csv")) {
            Ok(text) => Some(parse_levels(&text)?),
            Err(_) => None,
        };
        Ok(Stream { bytes, expected, final_book })
    }

    pub fn len(&self) -> usize {
        self.bytes.len() / RECORD_LEN
    }

    /// The records, decoded as they are asked for.
    pub fn records(&self) -> impl ExactSizeIterator<Item = Record> + Clone {
        self.bytes.chunks_exact(RECORD_LEN).map(decode)
    }

    /// Decompressed records, for a peer in another process.
    #[allow(dead_code, reason = "only the workspace of peers has one")]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Largest order id.
    pub fn order_max(&self) -> u32 {
        self.records().map(|r| r.order).max().unwrap_or(0)
    }

    /// Largest user id.
    pub fn user_max(&self) -> u32 {
        self.records().map(|r| r.user).max().unwrap_or(0)
    }
}

/// Folds trades into an [`Outcome`].
pub struct Trades {
    trades: u64,
    volume: u64,
    notional: u128,
    hash: u64,
}

impl Trades {
    pub fn new() -> Trades {
        Trades { trades: 0, volume: 0, notional: 0, hash: 0xcbf2_9ce4_8422_2325 }
    }

    #[inline]
    pub fn add(&mut self, command: u64, maker: u64, price: u64, size: u64) {
        self.trades += 1;
        self.volume += size;
        self.notional += price as u128 * size as u128;
        for value in [command, maker, price, size] {
            for byte in value.to_le_bytes() {
                self.hash = (self.hash ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
    }

    pub fn outcome(&self, commands: u64) -> Outcome {
        Outcome { commands, trades: self.trades, volume: self.volume, notional: self.notional, hash: self.hash }
    }
}

impl Default for Trades {
    fn default() -> Self {
        Trades::new()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { commands, trades, volume, notional, hash } = self;
        write!(f, "{commands} commands, {trades} trades, volume {volume}, notional {notional}, hash {hash:016x}")
    }
}

#[inline]
fn decode(bytes: &[u8]) -> Record {
    let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let mut price = [0; 8];
    price.copy_from_slice(&bytes[16..24]);
    Record {
        action: match bytes[0] {
            1 => Action::Place,
            2 => Action::Cancel,
            3 => Action::Move,
            _ => Action::Reduce,
        },
        bid: bytes[1] == 1,
        kind: match bytes[2] {
            0 => Kind::Gtc,
            1 => Kind::Ioc,
            _ => Kind::FokBudget,
        },
        user: u32_at(4),
        order: u32_at(8),
        size: u32_at(12),
        price: u64::from_le_bytes(price),
    }
}

fn is_valid(bytes: &[u8]) -> bool {
    matches!(bytes[0], 1..=4) && bytes[1] <= 1 && matches!(bytes[2], 0 | 1 | 4) && bytes[3] == 0 && bytes[23] < 0x80
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = BufReader::new(File::open(path)?);
    if path.extension().is_some_and(|e| e == "zst") {
        ruzstd::decoding::StreamingDecoder::new(file).map_err(io::Error::other)?.read_to_end(&mut bytes)?;
    } else {
        let mut file = file;
        file.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// `x.bin.zst` → `x.<suffix>`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let stem = name.strip_suffix(".zst").unwrap_or(name);
    let stem = stem.strip_suffix(".bin").unwrap_or(stem);
    path.with_file_name(format!("{stem}.{suffix}"))
}

fn parse_expected(text: &str) -> Result<Outcome, String> {
    let json: serde_json::Value = serde_json::from_str(text).map_err(|e| format!("meta.json: {e}"))?;
    let number = |key: &str| json[key].as_u64().ok_or_else(|| format!("meta.json: no number {key}"));
    let hash = json["fnv1a64_trades"].as_str().and_then(|h| u64::from_str_radix(h, 16).ok());
    Ok(Outcome {
        commands: number("commands")?,
        trades: number("trades")?,
        volume: number("traded_volume")?,
        notional: number("traded_notional")? as u128,
        hash: hash.ok_or("meta.json: no hash fnv1a64_trades")?,
    })
}

fn parse_levels(text: &str) -> Result<Vec<Level>, String> {
    let bad = |line: &str| format!("final_book.csv: {line:?}");
    text.lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let &[side, price, volume, orders] = fields.as_slice() else { return Err(bad(line)) };
            let number = |text: &str| text.parse::<u64>().map_err(|_| bad(line));
            Ok(Level { bid: side == "bid", price: number(price)?, volume: number(volume)?, orders: number(orders)? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_decodes_field_by_field() {
        let mut bytes = vec![1, 1, 4, 0];
        for field in [7u32, 8, 9] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(1_000_000u64.to_le_bytes());
        assert!(is_valid(&bytes));
        let want = Record {
            action: Action::Place,
            bid: true,
            kind: Kind::FokBudget,
            user: 7,
            order: 8,
            size: 9,
            price: 1_000_000,
        };
        assert_eq!(decode(&bytes), want);
        for (at, value) in [(0, 0), (0, 5), (1, 2), (2, 2), (3, 1), (23, 0x80)] {
            let mut broken = bytes.clone();
            broken[at] = value;
            assert!(!is_valid(&broken), "byte {at} = {value}");
        }
    }

    #[test]
    fn the_hash_is_fnv1a_of_little_endian_words() {
        let mut trades = Trades::new();
        assert_eq!(trades.outcome(0).hash, 0xcbf2_9ce4_8422_2325);
        trades.add(0x61, 0, 0, 0);
        // FNV-1a of "a" and 31 zero bytes, worked out by hand from its definition.
        let want = std::iter::repeat_n(0u8, 31)
            .fold(0xaf63_dc4c_8601_ec8cu64, |h, b| (h ^ b as u64).wrapping_mul(0x0000_0100_0000_01b3));
        assert_eq!(trades.outcome(1).hash, want);
    }

    #[test]
    fn names_beside_the_stream() {
        assert_eq!(beside(Path::new("/d/x.bin.zst"), "meta.json"), Path::new("/d/x.meta.json"));
        assert_eq!(beside(Path::new("x.bin"), "final_book.csv"), Path::new("x.final_book.csv"));
    }
}
