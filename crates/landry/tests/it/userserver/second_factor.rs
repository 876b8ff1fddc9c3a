//! Authenticators and recovery codes: each code once.

use allin_databases::{Database, on_every_database};
use allin_landry::userserver::UsersSection;
use serde_json::{Value, json};
use totp_rs::{Algorithm, Secret, TOTP};

use super::api_keys::create;
use super::world::{PASSWORD, Somebody, World, cheap};

struct Authenticator(TOTP);

impl Authenticator {
    /// Of a secret in base32.
    fn new(secret: &str) -> Authenticator {
        let secret = Secret::Encoded(secret.to_owned()).to_bytes().expect("base32");
        assert_eq!(secret.len(), 20);
        Authenticator(TOTP::new(Algorithm::SHA1, 6, 1, 30, secret, None, String::new()).expect("fits"))
    }

    fn code(&self, world: &World) -> String {
        self.0.generate(world.now_s())
    }
}

/// Turns an authenticator on; gives it and the recovery codes. Half a minute has gone by.
async fn enable(world: &World, who: &Somebody) -> (Authenticator, Vec<String>) {
    let begun = world.post("/api/v1/totp/begin", &who.token, json!({"password": PASSWORD})).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    let authenticator = Authenticator::new(&begun.text("secret"));
    assert!(begun.text("url").starts_with("otpauth://totp/ALLIN:"), "{begun:?}");
    let code = authenticator.code(world);
    let on = world.post("/api/v1/totp/confirm", &who.token, json!({"totp_code": code})).await;
    assert_eq!(on.status, 200, "{on:?}");
    let codes = on.body["recovery_codes"].as_array().expect("codes").iter();
    let codes = codes.map(|code| code.as_str().expect("text").to_owned()).collect();
    world.pass(30);
    (authenticator, codes)
}

async fn login(world: &World, with: Value) -> String {
    let mut body = json!({"email": "ann@example.com", "password": PASSWORD});
    for (name, value) in with.as_object().expect("an object") {
        body[name] = value.clone();
    }
    world.post("/api/v1/login", "", body).await.told()
}

on_every_database! {
async fn a_code_opens_once(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let (authenticator, recovery) = enable(&world, &ann).await;
    assert_eq!(recovery.len(), 10);
    assert_eq!(login(&world, json!({})).await, "401 totp_required");
    let code = authenticator.code(&world);
    assert_eq!(login(&world, json!({"totp_code": code, "password": "wrong horse"})).await, "401 invalid_credentials");
    assert_eq!(login(&world, json!({"totp_code": code})).await, "200 ");
    assert_eq!(login(&world, json!({"totp_code": code})).await, "401 wrong_totp_code");
    // One of the step before is no better.
    let earlier = authenticator.0.generate(world.now_s() - 30);
    assert_eq!(login(&world, json!({"totp_code": earlier})).await, "401 wrong_totp_code");
    world.pass(30);
    // The clock of the authenticator may be half a minute ahead, not more.
    let ahead = |seconds| authenticator.0.generate(world.now_s() + seconds);
    assert_eq!(login(&world, json!({"totp_code": ahead(60)})).await, "401 wrong_totp_code");
    assert_eq!(login(&world, json!({"totp_code": ahead(30)})).await, "200 ");
    assert_eq!(login(&world, json!({"totp_code": ahead(0)})).await, "401 wrong_totp_code");
}
}

on_every_database! {
async fn a_code_that_comes_many_times_at_once_opens_once(database: Database) {
    let world = std::sync::Arc::new(World::new(database).await);
    let ann = world.somebody("ann@example.com").await;
    let (authenticator, recovery) = enable(&world, &ann).await;
    for with in [json!({"totp_code": authenticator.code(&world)}), json!({"recovery_code": recovery[3]})] {
        let tries: Vec<_> = (0..5)
            .map(|_| {
                let (world, with) = (world.clone(), with.clone());
                tokio::spawn(async move { login(&world, with).await })
            })
            .collect();
        let mut opened = 0;
        for tried in tries {
            opened += usize::from(tried.await.expect("ends") == "200 ");
        }
        assert_eq!(opened, 1, "{with}");
    }
}
}

on_every_database! {
async fn recovery_codes_are_good_once_each_and_until_replaced(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let (authenticator, recovery) = enable(&world, &ann).await;
    assert_eq!(login(&world, json!({"recovery_code": recovery[0]})).await, "200 ");
    assert_eq!(login(&world, json!({"recovery_code": recovery[0]})).await, "401 wrong_totp_code");
    assert_eq!(world.get("/api/v1/account", &ann.token).await.body["recovery_codes_left"], 9);
    let body = json!({"totp_code": authenticator.code(&world)});
    let renewed = world.post("/api/v1/totp/recovery-codes", &ann.token, body).await;
    assert_eq!(renewed.status, 200);
    assert_eq!(login(&world, json!({"recovery_code": recovery[1]})).await, "401 wrong_totp_code");
    assert_eq!(login(&world, json!({"recovery_code": renewed.body["recovery_codes"][0]})).await, "200 ");
}
}

on_every_database! {
async fn codes_cannot_be_guessed(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let (authenticator, _) = enable(&world, &ann).await;
    let right = authenticator.code(&world);
    let wrong = if right == "000000" { "000001" } else { "000000" };
    for attempt in 0..10 {
        assert_eq!(login(&world, json!({"totp_code": wrong})).await, "401 wrong_totp_code", "{attempt}");
    }
    assert_eq!(login(&world, json!({"totp_code": right})).await, "429 too_many_attempts");
    // A thief of a session has ten guesses too.
    for attempt in 0..10 {
        let told = create(&world, &ann, json!({"totp_code": wrong})).await.told();
        assert_eq!(told, "403 wrong_totp_code", "{attempt}");
    }
    assert_eq!(create(&world, &ann, json!({"totp_code": right})).await.told(), "429 too_many_attempts");
}
}

on_every_database! {
async fn with_an_authenticator_a_password_alone_changes_nothing(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let (authenticator, recovery) = enable(&world, &ann).await;
    let with_password = json!({"password": PASSWORD});
    let change = json!({"password": PASSWORD, "new_password": "a new horse"});
    let rows = [
        ("POST", "/api/v1/password", &change, "403 totp_required"),
        ("POST", "/api/v1/totp/disable", &with_password, "403 totp_required"),
        ("POST", "/api/v1/totp/recovery-codes", &with_password, "403 totp_required"),
        ("POST", "/api/v1/passkeys/begin", &with_password, "403 totp_required"),
        ("PUT", "/api/v1/anti-phishing", &with_password, "403 totp_required"),
        ("POST", "/api/v1/totp/begin", &with_password, "409 totp_enabled"),
    ];
    for (method, path, body, expected) in rows {
        assert_eq!(world.call(method, path, &ann.token, body.clone()).await.told(), expected, "{path}");
    }
    assert_eq!(create(&world, &ann, json!({})).await.told(), "403 totp_required");
    // Nor does a mail.
    let reset = world.post("/api/v1/password/reset", "", json!({"email": ann.email})).await.text("reset");
    let code = world.mailed(3, &ann.email).await.expect("a code");
    let mut confirm = json!({"reset": reset, "code": code, "new_password": "a new horse"});
    let told = world.post("/api/v1/password/reset/confirm", "", confirm.clone()).await.told();
    assert_eq!(told, "403 totp_required");
    confirm["recovery_code"] = recovery[0].as_str().into();
    assert_eq!(world.post("/api/v1/password/reset/confirm", "", confirm).await.told(), "204 ");
    let body = json!({"email": ann.email, "password": "a new horse", "totp_code": authenticator.code(&world)});
    let token = world.post("/api/v1/login", "", body).await.text("token");
    world.pass(30);
    let off = json!({"password": "a new horse", "totp_code": authenticator.code(&world)});
    assert_eq!(world.post("/api/v1/totp/disable", &token, off).await.told(), "204 ");
    assert_eq!(world.get("/api/v1/account", &token).await.body["totp_enabled"], false);
}
}

#[tokio::test]
async fn secrets_of_authenticators_are_not_in_the_store() {
    let world = World::with(Database::Sqlite, UsersSection { attempts_per_account_max: 10, ..cheap() }).await;
    let ann = world.somebody("ann@example.com").await;
    let begun = world.post("/api/v1/totp/begin", &ann.token, json!({"password": PASSWORD})).await;
    let secret = Secret::Encoded(begun.text("secret")).to_bytes().expect("base32");
    // Not on before it is confirmed.
    assert_eq!(login(&world, json!({})).await, "200 ");
    let (_, recovery) = enable(&world, &ann).await;
    let world = world.restart().await.expect("starts again");
    for name in ["test.db", "test.db-wal"] {
        let bytes = std::fs::read(world.place.folder.path().join(name)).unwrap_or_default();
        let has = |wanted: &[u8]| bytes.windows(wanted.len()).any(|window| window == wanted);
        assert!(!has(&secret) && !has(begun.text("secret").as_bytes()), "{name}");
        assert!(recovery.iter().all(|code| !has(code.as_bytes())), "{name}");
    }
}
