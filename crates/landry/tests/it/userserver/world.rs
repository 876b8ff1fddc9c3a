//! A running userserver over the spot state machine, a clock that tests move, and a client of one request a connection.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allin_core::ids::{Epoch, Seq, Timestamp, UserId};
use allin_core::spot::command::Command;
use allin_core::spot::view::UserView;
use allin_core::spot::{Limits, Spot};
use allin_databases::{Database, Place};
use allin_exchange::service::{Running, bind};
use allin_landry::directory::{AccountFacts, ApiKey, Directory, DirectorySection};
use allin_landry::userserver::{Handles, OUTBOX, UsersSection, latest_code, start};
use allin_runtime::auth::InternalToken;
use allin_runtime::engine::{Answer, AnswerBody, Engine, Query, Reply, SubmitError};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const NAME: &str = "landry-userserver-web";
pub const PASSWORD: &str = "correct horse";

/// The state machine behind a lock; answers users only.
pub struct Core {
    spot: Mutex<Spot>,
    pub is_away: AtomicBool,
}

#[async_trait]
impl Engine for Core {
    async fn submit(&self, command: Command) -> Result<Reply, SubmitError> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(SubmitError::Stopping);
        }
        let mut spot = self.spot.lock().expect("no holder panics");
        let seq = Seq(spot.seq().0 + 1);
        let (at, mut events) = (Timestamp(seq.0), Vec::new());
        spot.apply(seq, at, &command, &mut events);
        Ok(Reply { seq, at, events })
    }

    async fn query(&self, query: Query) -> Result<Answer, SubmitError> {
        let Query::User(user) = query else { panic!("userserver asks for users only") };
        if self.is_away.load(Ordering::SeqCst) {
            return Err(SubmitError::Stopping);
        }
        let spot = self.spot.lock().expect("no holder panics");
        Ok(Answer { seq: spot.seq(), at: spot.time(), body: AnswerBody::User(spot.user(user)) })
    }
}

impl Core {
    fn new() -> Arc<Core> {
        let mut spot = Spot::new(Limits::default());
        spot.apply(Seq(1), Timestamp(1), &Command::StartEpoch(Epoch(1)), &mut Vec::new());
        Arc::new(Core { spot: Mutex::new(spot), is_away: AtomicBool::new(false) })
    }

    pub fn user(&self, user: u64) -> Option<UserView> {
        self.spot.lock().expect("no holder panics").user(UserId(user))
    }
}

pub struct World {
    pub core: Arc<Core>,
    pub token: InternalToken,
    pub directory: Arc<dyn Directory>,
    running: Running,
    clock: Arc<AtomicU64>,
    pub config: UsersSection,
    pub place: Place,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answered {
    pub status: u16,
    pub head: String,
    pub bytes: Vec<u8>,
    /// Null unless it is JSON.
    pub body: Value,
}

/// Somebody who is logged in.
#[derive(Clone, Debug)]
pub struct Somebody {
    pub user: u64,
    pub email: String,
    pub token: String,
}

/// As by default, with hashes that cost nothing.
pub fn cheap() -> UsersSection {
    UsersSection { password_memory_kib: 8, password_passes: 1, ..Default::default() }
}

impl World {
    pub async fn new(database: Database) -> World {
        World::with(database, cheap()).await
    }

    pub async fn with(database: Database, config: UsersSection) -> World {
        let clock = Arc::new(AtomicU64::new(1_700_000_000_000_000));
        let anywhere = ([127, 0, 0, 1], 0).into();
        World::over(config, Core::new(), database.place(), clock, anywhere).await.expect("starts")
    }

    async fn over(
        config: UsersSection,
        core: Arc<Core>,
        place: Place,
        clock: Arc<AtomicU64>,
        address: SocketAddr,
    ) -> Result<World, String> {
        let data = place.folder.path();
        let token = InternalToken::open(data).expect("a token");
        let time = clock.clone();
        let handles = Handles {
            store_url: place.url.clone(),
            engine: core.clone(),
            clock: Arc::new(move || Timestamp(time.load(Ordering::SeqCst))),
            data: data.to_owned(),
            token: token.clone(),
            directory: DirectorySection { beat_ms: 20, ..DirectorySection::default() },
        };
        let listener = bind(NAME, address).await.expect("a port");
        let service = start(NAME, config.clone(), handles, Some(listener)).await.map_err(|error| error.to_string())?;
        Ok(World { core, token, directory: service.directory, running: service.running, clock, config, place })
    }

    /// Stops, and starts over the same files. The error is that of the start.
    pub async fn restart(self) -> Result<World, String> {
        let World { core, running, clock, config, place, .. } = self;
        running.stop().await.expect("stops in order");
        World::over(config, core, place, clock, ([127, 0, 0, 1], 0).into()).await
    }

    /// Stops; gives back where it was and how to start it there again.
    pub async fn stop(self) -> (SocketAddr, impl AsyncFnOnce() -> World) {
        let World { core, running, clock, config, place, .. } = self;
        let address = running.addresses()[0];
        running.stop().await.expect("stops in order");
        let again = async move || World::over(config, core, place, clock, address).await.expect("starts again");
        (address, again)
    }

    pub fn address(&self) -> SocketAddr {
        self.running.addresses()[0]
    }

    pub fn pass(&self, seconds: u64) {
        self.clock.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    pub fn now_s(&self) -> u64 {
        self.clock.load(Ordering::SeqCst) / 1_000_000
    }

    /// The folder of the service's files.
    pub fn data(&self) -> &Path {
        self.place.folder.path()
    }

    pub fn outbox(&self) -> PathBuf {
        self.data().join(OUTBOX)
    }

    /// Sends exactly these bytes.
    pub async fn raw(&self, bytes: &[u8]) -> Answered {
        let mut stream = TcpStream::connect(self.running.addresses()[0]).await.expect("connects");
        // The peer may refuse before it has read everything.
        let _ = stream.write_all(bytes).await;
        tokio::time::timeout(Duration::from_secs(20), read(&mut stream)).await.expect("an answer in time")
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answered {
        let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n");
        headers.iter().for_each(|(name, value)| bytes += &format!("{name}: {value}\r\n"));
        bytes += &format!("Content-Length: {}\r\n\r\n", body.len());
        self.raw(&[bytes.as_bytes(), body].concat()).await
    }

    /// With a session's token or the internal one; empty for none.
    pub async fn call(&self, method: &str, path: &str, token: &str, body: Value) -> Answered {
        let authorization = format!("Bearer {token}");
        let mut headers = vec![("Content-Type", "application/json")];
        if !token.is_empty() {
            headers.push(("Authorization", authorization.as_str()));
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, &headers, body.as_bytes()).await
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Answered {
        self.call("POST", path, token, body).await
    }

    pub async fn get(&self, path: &str, token: &str) -> Answered {
        self.call("GET", path, token, Value::Null).await
    }

    pub async fn internal(&self, method: &str, path: &str, body: Value) -> Answered {
        let token = self.token.header();
        self.call(method, path, token.strip_prefix("Bearer ").expect("a bearer token"), body).await
    }

    /// The code in the newest mail to an address, once so many mails have come.
    pub async fn mailed(&self, mails: usize, email: &str) -> Option<String> {
        self.mails(mails).await;
        latest_code(&self.outbox(), email).expect("an outbox")
    }

    /// All mails in their order, once there are so many.
    pub async fn mails(&self, count: usize) -> Vec<String> {
        for _ in 0..2000 {
            let entries = std::fs::read_dir(self.outbox()).expect("an outbox");
            let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
            paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
            assert!(paths.len() <= count, "more mails than expected: {paths:?}");
            if paths.len() == count {
                paths.sort();
                return paths.iter().map(|path| std::fs::read_to_string(path).expect("a mail")).collect();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("fewer than {count} mails");
    }

    fn mail_count(&self) -> usize {
        let entries = std::fs::read_dir(self.outbox()).expect("an outbox");
        entries.filter(|entry| entry.as_ref().is_ok_and(|e| e.path().extension().is_some_and(|x| x == "eml"))).count()
    }

    /// Registers with [`PASSWORD`]. All mails so far must have come.
    pub async fn somebody(&self, email: &str) -> Somebody {
        let before = self.mail_count();
        let begun = self.post("/api/v1/register", "", json!({"email": email, "password": PASSWORD})).await;
        assert_eq!(begun.status, 202, "{begun:?}");
        let code = self.mailed(before + 1, email).await.expect("a code");
        let confirm = json!({"registration": begun.body["registration"], "code": code});
        let confirmed = self.post("/api/v1/register/confirm", "", confirm).await;
        assert_eq!(confirmed.status, 201, "{confirmed:?}");
        Somebody {
            user: confirmed.body["user_id"].as_u64().expect("an id"),
            email: email.to_owned(),
            token: confirmed.body["token"].as_str().expect("a token").to_owned(),
        }
    }

    pub async fn login(&self, email: &str, password: &str) -> Answered {
        self.post("/api/v1/login", "", json!({"email": email, "password": password})).await
    }

    pub async fn key(&self, key: &str) -> Option<Arc<ApiKey>> {
        self.directory.key(key).await.expect("the directory is here")
    }

    pub async fn facts(&self, user: u64) -> Arc<AccountFacts> {
        self.directory.account(UserId(user)).await.expect("the directory is here").expect("an account")
    }
}

impl Answered {
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("")
    }

    /// `status code`
    pub fn told(&self) -> String {
        format!("{} {}", self.status, self.code())
    }

    pub fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or_else(|| panic!("{field} of {self:?}")).to_owned()
    }
}

async fn read(stream: &mut TcpStream) -> Answered {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap_or(0), 0, "no answer");
    };
    let head = String::from_utf8(bytes[..end].to_vec()).expect("a head in ASCII").to_ascii_lowercase();
    let status = head[9..12].parse().expect("a status");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |text| text.parse().expect("a length"));
    while bytes.len() < end + length {
        assert_ne!(stream.read_buf(&mut bytes).await.expect("the rest"), 0, "cut off");
    }
    let bytes = bytes[end..end + length].to_vec();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Answered { status, head, bytes, body }
}
