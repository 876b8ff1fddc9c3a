//! A client of accesshttp over one kept connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use super::PATIENCE;

pub struct Client {
    stream: BufReader<TcpStream>,
    token: String,
}

/// What came back: the HTTP status, and the result or the error's code.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub outcome: Result<Value, i64>,
}

impl Client {
    pub fn new(address: SocketAddr, token: &str) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Client { stream: BufReader::new(stream), token: token.to_owned() })
    }

    /// An error means that the outcome is unknown: the process went away, or did not know itself.
    pub fn send(&mut self, method: &str, params: &Value) -> io::Result<Answer> {
        let body = json!({ "id": 1, "method": method, "params": params }).to_string();
        let head = format!(
            "POST / HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
            self.token,
            body.len()
        );
        self.stream.get_mut().write_all((head + &body).as_bytes())?;
        let answer = self.receive()?;
        // Code 5: no answer within the time; code 2: the log failed under the command.
        match answer.outcome {
            Err(code @ (2 | 5)) => Err(io::Error::other(format!("code {code}"))),
            _ => Ok(answer),
        }
    }

    /// For questions that have to be answered.
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.send(method, &params).unwrap_or_else(|error| panic!("{method} {params}: {error}"));
        answer.outcome.unwrap_or_else(|code| panic!("{method} {params}: code {code}"))
    }

    /// All records of a paged method; `tail` follows offset and limit in the parameters.
    pub fn pages(&mut self, method: &str, head: &[Value]) -> Vec<Value> {
        const LIMIT: usize = 100;
        let mut all = vec![];
        loop {
            let mut params = head.to_vec();
            params.extend([json!(all.len()), json!(LIMIT)]);
            let page = self.ask(method, Value::Array(params));
            let records = page["records"].as_array().expect("records");
            all.extend_from_slice(records);
            if records.len() < LIMIT {
                return all;
            }
        }
    }

    fn receive(&mut self) -> io::Result<Answer> {
        let (status, body) = receive(&mut self.stream)?;
        let mut body: Value = serde_json::from_slice(&body)?;
        let outcome = match body["error"]["code"].as_i64() {
            Some(code) => Err(code),
            None => Ok(body["result"].take()),
        };
        Ok(Answer { status, outcome })
    }
}

/// Status and body of the next answer.
pub fn receive(stream: &mut BufReader<TcpStream>) -> io::Result<(u16, Vec<u8>)> {
    let gone = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(gone)?;
    let mut length = 0;
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err(gone());
        }
        let lower = line.trim_end().to_ascii_lowercase();
        if lower.is_empty() {
            break;
        }
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((status, body))
}
