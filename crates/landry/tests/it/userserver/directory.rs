//! The directory of another process: the same keys and accounts over userserver's own port, gone as soon as they are gone
//! there, and no answer at all once nobody can be sure.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use allin_core::ids::{Timestamp, UserId};
use allin_databases::Database;
use allin_exchange::guard::Guarded;
use allin_exchange::health::Health;
use allin_exchange::remote::Peer;
use allin_exchange::service::{Running, Starting, bind};
use allin_landry::directory::{
    ApiKey, Change, Directory, DirectoryService, Effect, Index, Mirror, Permissions, Verifier,
};
use allin_runtime::auth::InternalToken;
use allin_wire::landry::v1::FollowRequest;
use allin_wire::landry::v1::user_directory_client::UserDirectoryClient;
use allin_wire::landry::v1::user_directory_server::UserDirectoryServer;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use tonic::Code;
use tonic::service::Routes;
use tonic::transport::{Endpoint, Server};

use super::api_keys::create;
use super::world::{NAME, World};

/// How long a revoked key may still work, wherever.
const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(30);

fn peer(address: SocketAddr, token: &InternalToken) -> Peer {
    Peer::new(NAME, &address.to_string(), token).expect("an address")
}

/// A mirror that follows an address.
async fn mirror(address: SocketAddr, token: &InternalToken, stale_max: Duration) -> (Arc<Mirror>, Running) {
    let mirror = Mirror::new(stale_max);
    let health = Health::new(SECOND, token.clone(), String::new);
    let need = health.need("directory".to_owned());
    let mut starting = Starting::new("mirror");
    let (readiness, stopping) = (starting.readiness(), starting.stopping());
    starting.spawn(mirror.clone().run("test", peer(address, token), need, readiness, stopping));
    let mut running = starting.running();
    timeout(PATIENCE, running.ready()).await.expect("in time").expect("follows");
    (mirror, running)
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let all = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, all).await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

#[tokio::test]
async fn keys_and_accounts_live_and_die_everywhere() {
    let world = World::new(Database::Sqlite).await;
    let ann = world.somebody("ann@example.com").await;
    let old = create(&world, &ann, json!({"ip_ranges": ["10.0.0.0/8"]})).await.text("api_key");
    let (mirror, running) = mirror(world.address(), &world.token, PATIENCE).await;
    let mut changes = mirror.changes();
    // What was there before, whole.
    let here = world.directory.key(&old).await.expect("answers").expect("lives");
    let there = mirror.key(&old).await.expect("answers").expect("is known");
    assert!(here == there && !there.allows_address([11, 0, 0, 1].into()));
    assert_eq!(mirror.account(UserId(ann.user)).await, world.directory.account(UserId(ann.user)).await);
    assert_eq!(mirror.account(UserId(ann.user)).await.expect("answers").map(|facts| facts.frozen), Some(false));

    let new = create(&world, &ann, json!({})).await.text("api_key");
    until("a new key", async || mirror.key(&new).await.expect("answers")).await;
    assert_eq!(changes.recv().await, Ok(Change::Key(new.as_str().into())));
    let revoked = Instant::now();
    assert_eq!(world.call("DELETE", &format!("/api/v1/api-keys/{new}"), &ann.token, Value::Null).await.status, 204);
    until("its end", async || mirror.key(&new).await.expect("answers").is_none().then_some(())).await;
    assert!(revoked.elapsed() < SECOND, "{:?}", revoked.elapsed());
    assert_eq!(changes.recv().await, Ok(Change::Key(new.as_str().into())));
    let freeze = format!("/internal/v1/users/{}/freeze", ann.user);
    assert_eq!(world.internal("PUT", &freeze, json!({"frozen": true})).await.status, 200);
    let frozen = async || mirror.account(UserId(ann.user)).await.expect("answers").filter(|facts| facts.frozen);
    until("a freeze", frozen).await;
    assert!(mirror.key(&old).await.expect("answers").is_some(), "the other key is as it was");
    running.stop().await.expect("ends");
}

#[tokio::test]
async fn strangers_get_nothing_and_the_rest_of_the_port_is_as_it_was() {
    let world = World::new(Database::Sqlite).await;
    let elsewhere = tempfile::tempdir().expect("a folder");
    let wrong = InternalToken::open(elsewhere.path()).expect("a token");
    let asked = || FollowRequest { name: "stranger".to_owned() };
    let mut stranger = UserDirectoryClient::new(peer(world.address(), &wrong).channel());
    assert_eq!(stranger.follow(asked()).await.expect_err("refused").code(), Code::Unauthenticated);
    let plain = Endpoint::from_shared(format!("http://{}", world.address())).expect("an address").connect_lazy();
    let mut nobody = UserDirectoryClient::new(plain);
    assert_eq!(nobody.follow(asked()).await.expect_err("refused").code(), Code::Unauthenticated);
    assert!(peer(world.address(), &wrong).serves().await, "its health is no secret");
    // As the gateway would bring it: over HTTP/1.1, with whatever a client adds.
    let path = "/allin.landry.v1.UserDirectory/Follow";
    let token = world.token.header();
    let headers = [("Authorization", token.as_str()), ("Content-Type", "application/grpc"), ("TE", "trailers")];
    let answer = world.send("POST", path, &headers, b"\0\0\0\0\0").await;
    assert_eq!(answer.told(), "404 not_found");
    let upgrade = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABk")];
    assert_eq!(world.send("GET", "/healthz", &upgrade, b"").await.status, 200, "it stays with HTTP/1.1");
    assert_eq!(world.get("/healthz", "").await.status, 200);
}

#[tokio::test]
async fn who_hears_nothing_lets_nobody_in() {
    let world = World::new(Database::Sqlite).await;
    let ann = world.somebody("ann@example.com").await;
    let key = create(&world, &ann, json!({})).await.text("api_key");
    let token = world.token.clone();
    let stale_max = Duration::from_millis(300);
    let (mirror, running) = mirror(world.address(), &token, stale_max).await;
    let mut changes = mirror.changes();
    let stopped = Instant::now();
    let (_, again) = world.stop().await;
    // Those who keep answers are told to forget them, and get none.
    assert_eq!(timeout(PATIENCE, changes.recv()).await.expect("told"), Ok(Change::Everything));
    assert!(mirror.key(&key).await.is_err(), "nobody can be sure of it");
    assert!(mirror.account(UserId(ann.user)).await.is_err());
    assert!(stopped.elapsed() >= stale_max / 2, "not at once: a restart is short");
    let world = again().await;
    assert_eq!(timeout(PATIENCE, changes.recv()).await.expect("told"), Ok(Change::Everything));
    until("its answers again", async || mirror.key(&key).await.ok().flatten()).await;
    // And it hears of changes as before.
    assert_eq!(world.call("DELETE", &format!("/api/v1/api-keys/{key}"), &ann.token, Value::Null).await.status, 204);
    until("the end of a key", async || matches!(mirror.key(&key).await, Ok(None)).then_some(())).await;
    running.stop().await.expect("ends");
}

fn some_key(number: usize, label: &str) -> ApiKey {
    ApiKey {
        key: format!("key-{number}").into(),
        user: UserId(number as u64),
        label: label.into(),
        verifier: Verifier::HmacSha256((*b"secret").into()),
        permissions: Permissions { read: true, ..Permissions::default() },
        ip_ranges: vec![],
        created_at: Timestamp(1),
        expires_at: Timestamp(0),
    }
}

/// More than a part holds, and changes while they are told.
#[tokio::test]
async fn thousands_of_keys_that_change_meanwhile() {
    const KEYS: usize = 4_321;
    let folder = tempfile::tempdir().expect("a folder");
    let token = InternalToken::open(folder.path()).expect("a token");
    let index = Arc::new(Index::new([], (0..KEYS).map(|number| some_key(number, "old"))));
    let mut starting = Starting::new("served");
    let beat = Duration::from_millis(20);
    let service = DirectoryService { index: index.clone(), beat, stopping: starting.stopping() };
    let listener = bind("served", ([127, 0, 0, 1], 0).into()).await.expect("a port");
    let port = Some(Guarded { listener, verifier: token.verifier(NAME) });
    starting.serve_grpc(port, Server::builder(), Routes::new(UserDirectoryServer::new(service))).expect("serves");
    let served = starting.running();
    let changer = tokio::spawn({
        let index = index.clone();
        async move {
            for number in 0..KEYS {
                let effect = match number % 3 {
                    0 => Effect::KeyGone(format!("key-{number}").into()),
                    1 => Effect::KeyLives(some_key(number, "new")),
                    _ => continue,
                };
                index.apply(vec![effect]);
                tokio::task::yield_now().await;
            }
        }
    });
    let (mirror, running) = mirror(served.addresses()[0], &token, PATIENCE).await;
    changer.await.expect("ends");
    for number in 0..KEYS {
        let name = format!("key-{number}");
        let here = index.live_key(&name);
        until(&name, async || (mirror.key(&name).await.expect("answers") == here).then_some(())).await;
        assert_eq!(here.is_none(), number % 3 == 0);
    }
    running.stop().await.expect("ends");
    served.stop().await.expect("ends");
}
