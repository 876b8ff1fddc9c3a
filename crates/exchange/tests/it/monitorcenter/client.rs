//! One HTTP request a connection.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    /// Value of `Authorization`; none when empty.
    pub token: String,
}

impl Client {
    pub fn without_token(&self) -> Client {
        Client { token: String::new(), ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        self.send("GET", path, "").await
    }

    pub async fn post(&self, path: &str, body: &str) -> (u16, String) {
        self.send("POST", path, body).await
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let authorization =
            if self.token.is_empty() { String::new() } else { format!("Authorization: {}\r\n", self.token) };
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{authorization}Content-Length: {length}\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(self.address).await.expect("connects");
        // A refusal may come before everything was sent.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, body.to_owned())
    }
}
