//! Owns the load of HTTP/1.1 benches: connections that stay open, each with one request on its way, for a fixed time.
//! Known limits: answers carry a Content-Length; what is measured shares its processors with this load.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// Requests that are not counted: connections open and caches fill.
const WARM_UP: Duration = Duration::from_millis(500);
/// Largest answer.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Answers a second of a server under so many connections. `request(connection, n)` gives the bytes of the n-th request;
/// an answer has to contain `expected`.
pub async fn rate(
    server: SocketAddr,
    connections: usize,
    time: Duration,
    request: fn(usize, u64) -> Vec<u8>,
    expected: &'static str,
) -> Result<f64, String> {
    let start = Instant::now() + WARM_UP;
    let mut tasks = JoinSet::new();
    for connection in 0..connections {
        tasks.spawn(async move {
            let result = converse(server, connection, start, start + time, request, expected).await;
            result.map_err(|error| format!("connection {connection}: {error}"))
        });
    }
    let mut answers = 0;
    while let Some(result) = tasks.join_next().await {
        answers += result.map_err(|error| error.to_string())??;
    }
    Ok(answers as f64 / time.as_secs_f64())
}

/// How many answers came between two moments.
async fn converse(
    server: SocketAddr,
    connection: usize,
    start: Instant,
    end: Instant,
    request: fn(usize, u64) -> Vec<u8>,
    expected: &'static str,
) -> std::io::Result<u64> {
    let mut stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; ANSWER_BYTES_MAX];
    let mut answers = 0;
    for n in 0.. {
        stream.write_all(&request(connection, n)).await?;
        let mut filled = 0;
        let answer = loop {
            if let Some(len) = answer_len(&buffer[..filled]).filter(|len| *len <= filled) {
                break &buffer[..len];
            }
            match stream.read(&mut buffer[filled..]).await? {
                0 => return Err(std::io::Error::other("closed, or too long an answer")),
                more => filled += more,
            }
        };
        if !answer.windows(expected.len()).any(|part| part == expected.as_bytes()) {
            return Err(std::io::Error::other(String::from_utf8_lossy(answer).into_owned()));
        }
        let now = Instant::now();
        if now >= end {
            break;
        }
        answers += u64::from(now >= start);
    }
    Ok(answers)
}

/// Length of head and body, once the head is here.
fn answer_len(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    })?;
    Some(head + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let rows = [
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", Some(40)),
            ("HTTP/1.1 200 OK\r\nContent-Length:0\r\n\r\n", Some(37)),
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n", None),
            ("HTTP/1.1 200 OK\r\n\r\n", None),
        ];
        for (text, want) in rows {
            assert_eq!(answer_len(text.as_bytes()), want, "{text:?}");
        }
    }
}
