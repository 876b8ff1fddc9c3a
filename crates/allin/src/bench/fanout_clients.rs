//! Owns the thousand readers of the fan-out bench. All get the same bytes, so one of them reads what they mean, and the others
//! count.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::fanout::{CLIENTS, STREAM};
use super::websocket::{READ_BYTES, Socket, payload};

/// What was told in one measurement.
pub struct Delivered {
    pub messages_per_second: f64,
    /// Every frame, as it was on the wire.
    pub frames: Vec<Vec<u8>>,
}

impl Delivered {
    pub fn frame_bytes(&self) -> f64 {
        self.frames.iter().map(Vec::len).sum::<usize>() as f64 / self.frames.len().max(1) as f64
    }
}

/// What one client has read whole.
#[derive(Default)]
struct Record {
    frames: Vec<Vec<u8>>,
    bytes: u64,
    /// After so many bytes a client has seen the book up to this sequence.
    marks: VecDeque<(u64, u64)>,
    seen_by_all: u64,
    last: Option<u64>,
}

/// Bytes that each has read.
pub type Counters = Arc<[AtomicU64]>;

pub fn counters() -> Counters {
    (0..CLIENTS).map(|_| AtomicU64::new(0)).collect()
}

/// Sums up what all have read.
pub fn sum(counters: &Counters) -> u64 {
    counters.iter().map(|counter| counter.load(Relaxed)).sum()
}

/// Reads to the end; only ends with an error.
pub async fn count(mut stream: TcpStream, counters: Counters, place: usize) -> String {
    let mut bytes = vec![0; READ_BYTES];
    loop {
        match stream.read(&mut bytes).await {
            Ok(0) => return format!("client {place} was closed"),
            Ok(count) => {
                counters[place].fetch_add(count as u64, Relaxed);
            }
            Err(error) => return format!("client {place}: {error}"),
        }
    }
}

pub struct Clients {
    counters: Counters,
    record: Arc<Mutex<Record>>,
    tasks: JoinSet<String>,
}

impl Clients {
    /// Opens all connections, and subscribes them.
    pub async fn of_stream(server: SocketAddr) -> Result<Clients, String> {
        let (counters, record, mut tasks) = (counters(), Arc::new(Mutex::new(Record::default())), JoinSet::new());
        for place in 0..CLIENTS {
            let socket = subscribed(server).await.map_err(|error| format!("client {place}: {error}"))?;
            match place {
                0 => tasks.spawn(follow(socket.stream, counters.clone(), record.clone())),
                _ => tasks.spawn(count(socket.stream, counters.clone(), place)),
            };
        }
        Ok(Clients { counters, record, tasks })
    }

    /// Fails when a client has ended.
    pub fn check(&mut self) -> Result<(), String> {
        match self.tasks.try_join_next() {
            None => Ok(()),
            Some(ended) => Err(ended.unwrap_or_else(|error| error.to_string())),
        }
    }

    pub fn bytes(&self) -> u64 {
        sum(&self.counters)
    }

    /// The sequence up to which every client has the book.
    pub fn seen_by_all(&self) -> u64 {
        let least = self.counters.iter().map(|counter| counter.load(Relaxed)).min().unwrap_or(0);
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((_, seq)) = record.marks.pop_front_if(|(bytes, _)| *bytes <= least) {
            record.seen_by_all = seq;
        }
        record.seen_by_all
    }

    /// Ends all connections; every client must have read the same.
    pub async fn finish(mut self, bytes_per_second: f64) -> Result<Delivered, String> {
        self.check()?;
        self.tasks.shutdown().await;
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = record.bytes;
        if let Some(place) = self.counters.iter().position(|counter| counter.load(Relaxed) != whole) {
            return Err(format!("client {place} got {:?} bytes, client 0 {whole}", self.counters[place]));
        }
        let mut delivered = Delivered { messages_per_second: 0.0, frames: std::mem::take(&mut record.frames) };
        delivered.messages_per_second = bytes_per_second / delivered.frame_bytes();
        Ok(delivered)
    }
}

/// The answer to the request says that what comes now is the stream.
async fn subscribed(server: SocketAddr) -> std::io::Result<Socket> {
    let mut socket = Socket::connect(server, "/ws").await?;
    socket.send(&format!(r#"{{"method":"SUBSCRIBE","params":["{STREAM}"],"id":1}}"#)).await?;
    let answer = socket.text().await?;
    match answer == r#"{"result":null,"id":1}"# && socket.is_drained() {
        true => Ok(socket),
        false => Err(std::io::Error::other(answer)),
    }
}

/// Client 0: keeps every frame, and what it says.
async fn follow(mut stream: TcpStream, counters: Counters, record: Arc<Mutex<Record>>) -> String {
    let mut bytes = Vec::new();
    loop {
        let count = match stream.read_buf(&mut bytes).await {
            Ok(0) => return "client 0 was closed".into(),
            Ok(count) => count,
            Err(error) => return format!("client 0: {error}"),
        };
        if let Err(text) = record.lock().unwrap_or_else(PoisonError::into_inner).take(&mut bytes) {
            return text;
        }
        counters[0].fetch_add(count as u64, Relaxed);
    }
}

impl Record {
    fn take(&mut self, bytes: &mut Vec<u8>) -> Result<(), String> {
        let mut taken = 0;
        while let Some(place) = payload(&bytes[taken..]) {
            let frame = &bytes[taken..taken + place.end];
            let text = String::from_utf8_lossy(&frame[place.start..]);
            let (first, last) = updates(&text).ok_or_else(|| format!("no difference: {text}"))?;
            if self.last.is_some_and(|before| before + 1 != first) {
                return Err(format!("a gap after {:?}: {text}", self.last));
            }
            self.frames.push(frame.to_vec());
            self.bytes += frame.len() as u64;
            self.last = Some(last);
            self.marks.push_back((self.bytes, last));
            taken += place.end;
        }
        bytes.drain(..taken);
        Ok(())
    }
}

/// `U` and `u` of a difference.
fn updates(text: &str) -> Option<(u64, u64)> {
    let number = |name: &str| {
        let rest = text.split_once(name)?.1;
        rest[..rest.find(',')?].parse().ok()
    };
    text.starts_with(r#"{"e":"depthUpdate","#).then(|| Some((number(r#""U":"#)?, number(r#""u":"#)?)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> Vec<u8> {
        [&[0x81, text.len() as u8], text.as_bytes()].concat()
    }

    #[test]
    fn differences_are_read_without_a_gap() {
        let message = |first: u64, last: u64| {
            frame(&format!(r#"{{"e":"depthUpdate","E":1,"s":"X","U":{first},"u":{last},"b":[],"a":[]}}"#))
        };
        let (one, two) = (message(5, 7), message(8, 20));
        let mut record = Record::default();
        let mut bytes = [one.clone(), two[..4].to_vec()].concat();
        assert_eq!(record.take(&mut bytes), Ok(()));
        assert_eq!((record.last, bytes.len(), record.bytes), (Some(7), 4, one.len() as u64));
        bytes.extend(&two[4..]);
        assert_eq!(record.take(&mut bytes), Ok(()));
        assert_eq!((record.last, record.frames.len(), bytes.len()), (Some(20), 2, 0));
        assert!(record.take(&mut message(22, 23)).is_err(), "21 is missing");
        assert!(record.take(&mut frame(r#"{"e":"trade","U":21,"u":22,"b":1}"#)).is_err(), "another event");
    }
}
