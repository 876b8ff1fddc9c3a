//! A client of the WebSocket API that signs as one does.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::world::{World, wire_key};

const SOON: Duration = Duration::from_secs(20);

pub struct Client {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub async fn new(world: &World) -> Client {
        Client::with(world, "").await
    }

    /// `query` with its question mark.
    pub async fn with(world: &World, query: &str) -> Client {
        Client { socket: try_connect(world, query).await.expect("connects") }
    }

    pub async fn send(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.expect("sent");
    }

    /// All of it at once.
    pub async fn send_together(&mut self, texts: Vec<String>) {
        for text in texts {
            self.socket.feed(Message::text(text)).await.expect("fed");
        }
        self.socket.flush().await.expect("sent");
    }

    pub async fn next(&mut self) -> Value {
        serde_json::from_str(&self.next_text().await).expect("JSON")
    }

    /// The next text frame.
    pub async fn next_text(&mut self) -> String {
        loop {
            let message = tokio::time::timeout(SOON, self.socket.next()).await.expect("in time");
            match message.expect("no end").expect("a frame") {
                Message::Text(text) => return text.as_str().to_owned(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?} instead of a text"),
            }
        }
    }

    /// How the server ends the connection.
    pub async fn end(&mut self) -> Option<CloseCode> {
        loop {
            match tokio::time::timeout(SOON, self.socket.next()).await.expect("in time") {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// One request, one answer; events in between are passed over.
    pub async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.send(json!({ "id": "q", "method": method, "params": params }).to_string()).await;
        loop {
            let frame = self.next().await;
            if frame.get("event").is_none() {
                assert_eq!(frame["id"], "q", "{frame}");
                return frame;
            }
        }
    }

    /// The result of a request that succeeds.
    pub async fn ok(&mut self, method: &str, params: Value) -> Value {
        let mut answer = self.ask(method, params.clone()).await;
        assert_eq!(answer["status"], 200, "{method} {params}: {answer}");
        answer["result"].take()
    }

    /// Status and code of a request that fails.
    pub async fn fails(&mut self, method: &str, params: Value) -> (u64, i64) {
        let answer = self.ask(method, params).await;
        (answer["status"].as_u64().unwrap_or(0), answer["error"]["code"].as_i64().unwrap_or(0))
    }

    /// Logs on as Alice with her Ed25519 key.
    pub async fn log_on(&mut self, world: &World) -> Value {
        self.ok("session.logon", signed(world, "aliceed", json!({}))).await
    }
}

pub async fn try_connect(world: &World, query: &str) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, Error> {
    connect_async(format!("ws://{}/ws-api/v3{query}", world.address)).await.map(|(socket, _)| socket)
}

/// With `apiKey`, `timestamp` and `signature`.
pub fn signed(world: &World, key: &str, mut params: Value) -> Value {
    let object = params.as_object_mut().expect("an object");
    object.insert("apiKey".to_owned(), wire_key(key).into());
    object.insert("timestamp".to_owned(), world.now().millis().into());
    // A map of JSON is sorted by name.
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let parts: Vec<String> = object.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
    let signature = world.key(key).sign(parts.join("&").as_bytes());
    object.insert("signature".to_owned(), signature.into());
    params
}
