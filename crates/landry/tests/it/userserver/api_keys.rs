//! API keys: what is shown once, what is stored, what other services see of them and when.

use allin_core::ids::Timestamp;
use allin_databases::{Database, on_every_database};
use allin_landry::directory::{Change, Verifier};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::world::{Answered, PASSWORD, Somebody, World};

/// Creates a key with changes of the plainest request.
pub async fn create(world: &World, who: &Somebody, changes: Value) -> Answered {
    let mut body = json!({"label": "bot", "kind": "hmac", "permissions": ["read", "spot_trade"], "password": PASSWORD});
    for (name, value) in changes.as_object().expect("an object") {
        body[name] = value.clone();
    }
    world.post("/api/v1/api-keys", &who.token, body).await
}

fn ed25519_pem() -> String {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed");
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let der = [prefix.as_slice(), pair.public_key().as_ref()].concat();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
}

on_every_database! {
async fn an_hmac_key_is_shown_once_and_found_at_once(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let mut changes = world.directory.changes();
    let made =
        create(&world, &ann, json!({"ip_ranges": ["10.0.0.0/8", "::1"], "expires_at": 1_800_000_000_000_u64})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let (key, secret) = (made.text("api_key"), made.text("api_secret"));
    assert_eq!((key.len(), secret.len()), (64, 64));
    let live = world.key(&key).await.expect("found");
    assert!(live.verifier == Verifier::HmacSha256(secret.as_bytes().into()));
    assert_eq!((live.user.0, &*live.label, live.expires_at), (ann.user, "bot", Timestamp(1_800_000_000_000_000)));
    assert!(live.permissions.read && live.permissions.spot_trade);
    assert!(!live.permissions.futures_trade && !live.permissions.withdraw);
    assert!(live.allows_address("10.9.9.9".parse().expect("address")));
    assert!(!live.allows_address("11.0.0.1".parse().expect("address")));
    assert_eq!(changes.try_recv(), Ok(Change::Key(key.as_str().into())));
    // No more in the list, nor in the store.
    let list = world.get("/api/v1/api-keys", &ann.token).await;
    assert_eq!(list.body[0]["api_key"], key.as_str());
    assert!(!String::from_utf8_lossy(&list.bytes).contains(&secret));
    let world = world.restart().await.expect("starts again");
    assert!(world.key(&key).await.expect("still there") == live);
    let files = std::fs::read_dir(world.data()).expect("a directory");
    for file in files.map(|file| file.expect("an entry").path()).filter(|path| path.is_file()) {
        let bytes = std::fs::read(&file).expect("a file");
        let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!has(&secret) && !has(PASSWORD) && !has(&ann.token), "{file:?} shows a secret");
    }
}
}

on_every_database! {
async fn a_revoked_key_is_gone_when_it_is_answered(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let key = create(&world, &ann, json!({})).await.text("api_key");
    let mut changes = world.directory.changes();
    let path = format!("/api/v1/api-keys/{key}");
    assert_eq!(world.call("DELETE", &path, &ann.token, Value::Null).await.status, 204);
    assert!(world.key(&key).await.is_none());
    assert_eq!(changes.try_recv(), Ok(Change::Key(key.as_str().into())));
    assert_eq!(world.call("DELETE", &path, &ann.token, Value::Null).await.told(), "404 not_found");
    let world = world.restart().await.expect("starts again");
    assert!(world.key(&key).await.is_none());
}
}

on_every_database! {
async fn keys_of_other_kinds_keep_their_public_half(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let pem = ed25519_pem();
    let made = create(&world, &ann, json!({"kind": "ed25519", "public_key": pem})).await;
    assert_eq!((made.status, made.body.get("api_secret")), (201, None));
    let live = world.key(&made.text("api_key")).await.expect("found");
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed");
    let public: [u8; 32] = pair.public_key().as_ref().try_into().expect("32 bytes");
    assert!(live.verifier == Verifier::Ed25519(public));
    let world = world.restart().await.expect("starts again");
    assert!(world.key(&made.text("api_key")).await.expect("still there") == live);
}
}

on_every_database! {
async fn what_a_key_may_not_be(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let pem = ed25519_pem();
    let rows = [
        (json!({"password": null}), "403 password_required"),
        (json!({"password": "wrong horse"}), "403 wrong_password"),
        (json!({"permissions": []}), "400 invalid_request"),
        (json!({"permissions": ["read", "read"]}), "400 invalid_request"),
        (json!({"permissions": ["everything"]}), "400 invalid_request"),
        (json!({"permissions": ["read", "withdraw"]}), "409 ip_ranges_required"),
        (json!({"permissions": ["read", "withdraw"], "ip_ranges": []}), "409 ip_ranges_required"),
        (json!({"permissions": ["read", "withdraw"], "ip_ranges": ["1.2.3.4"]}), "201 "),
        (json!({"ip_ranges": ["1.2.3.4/8"]}), "409 wrong_ip_range"),
        (json!({"ip_ranges": vec!["1.2.3.4"; 31]}), "400 invalid_request"),
        (json!({"expires_at": 1}), "409 expired"),
        (json!({"expires_at": -1}), "400 invalid_request"),
        (json!({"expires_at": 1.5}), "400 invalid_request"),
        (json!({"expires_at": 1e300}), "400 invalid_request"),
        (json!({"expires_at": 1_800_000_000_000.0}), "201 "),
        (json!({"expires_at": u64::MAX}), "201 "),
        (json!({"public_key": pem}), "409 wrong_public_key"),
        (json!({"kind": "ed25519"}), "409 wrong_public_key"),
        (json!({"kind": "rsa", "public_key": pem}), "409 wrong_public_key"),
        (json!({"kind": "ed25519", "public_key": "nonsense"}), "409 wrong_public_key"),
        (json!({"label": ""}), "400 invalid_request"),
        (json!({"label": "a\u{0}"}), "400 invalid_request"),
        (json!({"sub_account": 5}), "404 not_found"),
    ];
    let mut made = 0;
    for (changes, expected) in rows {
        let answered = create(&world, &ann, changes.clone()).await;
        assert_eq!(answered.told(), expected, "{changes}");
        made += usize::from(answered.status == 201);
    }
    let list = world.get("/api/v1/api-keys", &ann.token).await;
    assert_eq!(list.body.as_array().map(Vec::len), Some(made));
}
}

on_every_database! {
async fn a_change_counts_at_once_and_a_full_account_gets_no_more(database: Database) {
    let config = allin_landry::userserver::UsersSection { api_keys_max: 2, ..crate::userserver::world::cheap() };
    let world = World::with(database, config).await;
    let ann = world.somebody("ann@example.com").await;
    let key = create(&world, &ann, json!({})).await.text("api_key");
    assert_eq!(create(&world, &ann, json!({})).await.status, 201);
    assert_eq!(create(&world, &ann, json!({})).await.told(), "409 too_many_api_keys");
    let body = json!({"label": "new", "permissions": ["read"], "ip_ranges": ["1.2.3.4"], "password": PASSWORD});
    let changed = world.call("PUT", &format!("/api/v1/api-keys/{key}"), &ann.token, body).await;
    assert_eq!((changed.status, changed.text("label").as_str()), (200, "new"));
    let live = world.key(&key).await.expect("found");
    assert!(!live.permissions.spot_trade && live.ip_ranges.len() == 1);
}
}

on_every_database! {
async fn another_encryption_key_is_found_out_at_the_start(database: Database) {
    let world = World::new(database).await;
    let path = world.data().join(allin_landry::userserver::KEY_FILE);
    let text = std::fs::read_to_string(&path).expect("a key");
    let turned: String =
        text.chars().map(|c| if c == '0' { '1' } else { c }).map(|c| if c == 'a' { 'b' } else { c }).collect();
    assert_ne!(text, turned);
    std::fs::write(&path, turned).expect("written");
    let Err(error) = world.restart().await else { panic!("starts with another key") };
    assert!(error.contains("encrypted under another key"), "{error}");
}
}

on_every_database! {
async fn a_lost_encryption_key_is_not_made_anew(database: Database) {
    let world = World::new(database).await;
    let path = world.data().join(allin_landry::userserver::KEY_FILE);
    std::fs::remove_file(&path).expect("removed");
    assert!(world.restart().await.is_err());
    assert!(!path.exists());
}
}
