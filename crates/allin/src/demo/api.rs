//! The exchange from outside: the gateway's public side for what users do, its internal side for what only the house does.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use allin_runtime::auth::InternalToken;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ring::hmac;
use serde_json::Value;

use super::account::Account;
use crate::node::{Failure, RunFile};

/// The maker has an address of its own, so that its requests do not count for the developer's.
pub const MAKER_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Longest wait for an answer, and largest one.
const ANSWER_MAX: Duration = Duration::from_secs(15);
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// A way into a running exchange.
pub struct Api {
    client: Client<HttpConnector, Full<Bytes>>,
    pub run: RunFile,
    token: InternalToken,
    pub data: PathBuf,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

impl Answer {
    /// The body, or an error that tells what was refused and why.
    pub fn good(self, what: &str) -> Result<Value, Failure> {
        match self.status.is_success() {
            true => Ok(self.body),
            false => Err(format!("{what}: {} {}", self.status, self.body).into()),
        }
    }

    /// The error code of the spot API; 0 for none.
    pub fn code(&self) -> i64 {
        self.body["code"].as_i64().unwrap_or(0)
    }
}

impl Api {
    /// `from` is the address to call from where the system has all of 127.0.0.0/8.
    pub fn new(run: RunFile, token: InternalToken, data: PathBuf, from: IpAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        if cfg!(target_os = "linux") && run.public.ip().is_loopback() && run.public.is_ipv4() {
            connector.set_local_address(Some(from));
        }
        let client = Client::builder(TokioExecutor::new())
            .retry_canceled_requests(false)
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(10))
            .build(connector);
        Self { client, run, token, data }
    }

    /// A request of a user to the users' host; `session` logs in.
    pub async fn user(&self, path: &str, session: Option<&str>, body: &Value) -> Result<Answer, Failure> {
        let host = format!("user.{}", self.run.public_domain);
        let mut request =
            Request::post(uri(self.run.public, path)).header(HOST, host).header(CONTENT_TYPE, "application/json");
        if let Some(session) = session {
            request = request.header(AUTHORIZATION, format!("Bearer {session}"));
        }
        self.send(request.body(Full::from(body.to_string()))?).await
    }

    /// A request to a service by its name, with the deployment's token.
    pub async fn internal(&self, service: &str, path: &str, body: &Value) -> Result<Answer, Failure> {
        let host = format!("{service}.{}", self.run.internal_domain);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::post(uri(self.run.internal, path))
            .header(HOST, host)
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, self.token.header());
        self.send(request.body(Full::from(body))?).await
    }

    /// Public data of the spot API.
    pub async fn public(&self, target: &str) -> Result<Answer, Failure> {
        self.send(Request::get(uri(self.run.public, target)).body(Full::default())?).await
    }

    /// A signed request to the spot API (Binance Spot REST, "Request Security"): everything in the query.
    pub async fn signed(&self, account: &Account, method: Method, path: &str, params: &str) -> Result<Answer, Failure> {
        let joint = if params.is_empty() { "" } else { "&" };
        let query = format!("{params}{joint}recvWindow=10000&timestamp={}", now_ms());
        let key = hmac::Key::new(hmac::HMAC_SHA256, account.api_secret.as_bytes());
        let signature = hex(hmac::sign(&key, query.as_bytes()).as_ref());
        let target = uri(self.run.public, &format!("{path}?{query}&signature={signature}"));
        let request = Request::builder().method(method).uri(target).header("x-mbx-apikey", &account.api_key);
        self.send(request.body(Full::default())?).await
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let asked = async {
            let response = self.client.request(request).await?;
            let status = response.status();
            let bytes = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await?.to_bytes();
            let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? };
            Ok::<_, Failure>(Answer { status, body })
        };
        tokio::time::timeout(ANSWER_MAX, asked).await.map_err(|_| "no answer in time")?
    }
}

fn uri(address: SocketAddr, target: &str) -> String {
    format!("http://{address}{target}")
}

pub fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
