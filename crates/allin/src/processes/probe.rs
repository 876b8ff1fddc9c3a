//! Asks a process whether it is ready.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const ANSWER_MAX: Duration = Duration::from_secs(2);
/// All that matters is the status.
const HEAD_BYTES: u64 = 16;

/// Whether its health port says that it is ready.
pub async fn is_ready(address: SocketAddr) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /readyz HTTP/1.0\r\nHost: health\r\n\r\n").await?;
        let mut head = vec![];
        stream.take(HEAD_BYTES).read_to_end(&mut head).await?;
        Ok::<_, std::io::Error>(head)
    };
    let head = timeout(ANSWER_MAX, asked).await;
    matches!(head, Ok(Ok(head)) if head.starts_with(b"HTTP/1.") && head.get(9..12) == Some(b"200"))
}
