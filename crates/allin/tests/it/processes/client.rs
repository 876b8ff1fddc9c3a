//! A user of the public side: signed REST on one kept connection, and a stream.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::hmac;
use serde_json::Value;

use crate::crash::client::receive;

/// Longest wait for an answer of a request that may have met a killed process.
const ANSWER_MAX: Duration = Duration::from_secs(20);

pub struct Rest {
    address: SocketAddr,
    key: String,
    secret: hmac::Key,
    stream: Option<BufReader<TcpStream>>,
}

impl Rest {
    pub fn new(address: SocketAddr, (key, secret): &(String, String)) -> Rest {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        Rest { address, key: key.clone(), secret, stream: None }
    }

    /// Status and body; an error means that nobody knows what became of it.
    pub fn signed(&mut self, method: &str, path: &str, params: &str) -> io::Result<(u16, Value)> {
        let target = self.sign(path, params);
        self.send(method, &target)
    }

    /// The whole target of a signed request; sent again, it is a replay.
    pub fn sign(&self, path: &str, params: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        let joint = if params.is_empty() { "" } else { "&" };
        let query = format!("{params}{joint}recvWindow=30000&timestamp={now}");
        let signature: String =
            hmac::sign(&self.secret, query.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{path}?{query}&signature={signature}")
    }

    pub fn send(&mut self, method: &str, target: &str) -> io::Result<(u16, Value)> {
        let answered = self.exchange(method, target);
        if answered.is_err() {
            self.stream = None;
        }
        answered
    }

    /// For what has to be answered well, at last: nothing changes by asking it again.
    pub fn good(&mut self, path: &str, params: &str) -> Value {
        crate::crash::poll(&format!("GET {path} {params}"), || match self.signed("GET", path, params) {
            Ok((200, body)) => Some(body),
            Ok((503, _)) | Err(_) => None,
            Ok((status, body)) => panic!("{path} {params}: {status} {body}"),
        })
    }

    fn exchange(&mut self, method: &str, target: &str) -> io::Result<(u16, Value)> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(ANSWER_MAX))?;
                self.stream.insert(BufReader::new(stream))
            }
        };
        let head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nX-MBX-APIKEY: {}\r\n", self.address, self.key);
        stream.get_mut().write_all(format!("{head}Content-Length: 0\r\n\r\n").as_bytes())?;
        let (status, body) = receive(stream)?;
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }
}

/// A WebSocket that listens.
pub struct Stream(BufReader<TcpStream>);

impl Stream {
    pub fn open(address: SocketAddr, target: &str) -> io::Result<Stream> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        write!(
            stream,
            "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        )?;
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 101") {
            return Err(io::Error::other(line));
        }
        while line.trim_end() != "" {
            line.clear();
            stream.read_line(&mut line)?;
        }
        Ok(Stream(stream))
    }

    /// Waits until what the URL asks for is served: that is when the first request is answered.
    pub fn served(mut self) -> io::Result<Stream> {
        let request = br#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#;
        // A client's frames are masked; by nothing is as good.
        let head = [0x81, 0x80 | request.len() as u8, 0, 0, 0, 0];
        self.0.get_mut().write_all(&[&head[..], request].concat())?;
        while self.next()?["id"] != 1 {}
        Ok(self)
    }

    /// The next message.
    pub fn next(&mut self) -> io::Result<Value> {
        loop {
            let mut head = [0; 2];
            self.0.read_exact(&mut head)?;
            let length = match head[1] & 0x7f {
                126 => {
                    let mut bytes = [0; 2];
                    self.0.read_exact(&mut bytes)?;
                    usize::from(u16::from_be_bytes(bytes))
                }
                127 => {
                    let mut bytes = [0; 8];
                    self.0.read_exact(&mut bytes)?;
                    usize::try_from(u64::from_be_bytes(bytes)).map_err(io::Error::other)?
                }
                length => usize::from(length),
            };
            let mut body = vec![0; length];
            self.0.read_exact(&mut body)?;
            match head[0] & 0x0f {
                1 => return serde_json::from_slice(&body).map_err(io::Error::other),
                8 => return Err(io::ErrorKind::ConnectionAborted.into()),
                // Who answers none is closed after a minute.
                9 => {
                    let head = [0x8a, 0x80 | body.len() as u8, 0, 0, 0, 0];
                    self.0.get_mut().write_all(&[&head[..], &body].concat())?;
                }
                _ => {}
            }
        }
    }
}
