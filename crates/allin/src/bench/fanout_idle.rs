//! The memory of clients that are connected, listen to a stream, and are told nothing.
//! Known limits: what the kernel keeps for a connection is not counted.

use std::fs;
use std::io::{Error, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::fanout::STREAM;
use super::table::{Row, number};
use super::websocket::{agreed, opening};
use crate::files;

const CLIENTS: u64 = 10_000;
/// Files that everything else may have open.
const FILES_BESIDE: u64 = 500;
const GOAL_BYTES: f64 = 20_000.0;
/// Until the server has done with the last connection.
const SETTLE: Duration = Duration::from_secs(1);
const ANSWER_WAIT: Duration = Duration::from_secs(30);

pub struct Idle {
    clients: u64,
    bytes: f64,
    files_max: u64,
}

/// Opens as many clients as the system's limit of files allows, two files each, and closes them again.
pub async fn measure(server: SocketAddr) -> std::result::Result<Idle, String> {
    let files_max = files::raise();
    let clients = CLIENTS.min(files_max.saturating_sub(FILES_BESIDE) / 2);
    if clients == 0 {
        return Err(format!("{files_max} files at once are too few for an idle client"));
    }
    let opened = tokio::task::spawn_blocking(move || -> Result<u64> {
        let before = resident()?;
        let sockets: Vec<TcpStream> = (0..clients).map(|_| open(server)).collect::<Result<_>>()?;
        std::thread::sleep(SETTLE);
        let after = resident()?;
        drop(sockets);
        Ok(after.saturating_sub(before))
    });
    let bytes = opened.await.map_err(|error| error.to_string())?.map_err(|error| format!("idle clients: {error}"))?;
    Ok(Idle { clients, bytes: bytes as f64 / clients as f64, files_max })
}

/// The client's side keeps nothing but the socket's number.
fn open(server: SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(ANSWER_WAIT))?;
    stream.write_all(opening(&format!("/ws/{STREAM}")).as_bytes())?;
    let (mut head, mut part) = (Vec::new(), [0; 1024]);
    while agreed(&head)?.is_none() {
        match stream.read(&mut part)? {
            0 => return Err(Error::other("the server closed the connection")),
            count => head.extend_from_slice(&part[..count]),
        }
    }
    Ok(stream)
}

/// Bytes of this process that are in memory.
fn resident() -> Result<u64> {
    let text = fs::read_to_string("/proc/self/statm")?;
    let pages: Option<u64> = text.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    let pages = pages.ok_or_else(|| Error::other("statm without a second number"))?;
    Ok(pages * rustix::param::page_size() as u64)
}

impl Idle {
    pub fn row(&self) -> Row {
        let limited = match self.clients < CLIENTS {
            true => format!(" (as many as {} files allow)", number(self.files_max as f64)),
            false => String::new(),
        };
        Row {
            bench: "fanout, idle".into(),
            workload: format!(
                "{} clients of a stream that tells nothing{limited}: resident memory of each",
                number(self.clients as f64)
            ),
            unit: "bytes".into(),
            median: self.bytes,
            p10: self.bytes,
            cpu_median: None,
            peer: String::new(),
            peer_median: None,
            ratio: None,
            goal: format!("≤ {}", number(GOAL_BYTES)),
            met: Some(self.bytes <= GOAL_BYTES),
        }
    }
}
