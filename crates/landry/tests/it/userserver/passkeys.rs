//! Passkeys, with an authenticator in software: Ed25519, no attestation, its user verified.

use allin_databases::{Database, on_every_database};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::world::{Answered, PASSWORD, Somebody, World};

const ORIGIN: &str = "https://user.allin.localhost";
const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 4;
const HAS_CREDENTIAL: u8 = 64;

struct Authenticator {
    pair: Ed25519KeyPair,
    id: [u8; 16],
    counter: u32,
    flags: u8,
    origin: &'static str,
    party: &'static str,
}

impl Authenticator {
    fn new(seed: u8) -> Authenticator {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed");
        let flags = USER_PRESENT | USER_VERIFIED;
        Authenticator { pair, id: [seed; 16], counter: 1, flags, origin: ORIGIN, party: "allin.localhost" }
    }

    fn client_data(&self, kind: &str, options: &Answered) -> Vec<u8> {
        let challenge = options.body["public_key"]["challenge"].as_str().expect("a challenge");
        let origin = self.origin;
        format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#).into_bytes()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let party = digest(&SHA256, self.party.as_bytes());
        [party.as_ref(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    /// `RegistrationResponseJSON`.
    fn register(&self, options: &Answered) -> Value {
        // COSE: key type OKP, algorithm EdDSA, curve Ed25519, x.
        let key = [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32], self.pair.public_key().as_ref()].concat();
        let length = (self.id.len() as u16).to_be_bytes();
        let data = [&self.data(self.flags | HAS_CREDENTIAL), [0_u8; 16].as_slice(), &length, &self.id, &key].concat();
        let head = [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58", [data.len() as u8].as_slice()].concat();
        let attestation = [head, data.clone()].concat();
        json!({
            "id": BASE64.encode(self.id), "rawId": BASE64.encode(self.id), "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64.encode(self.client_data("webauthn.create", options)),
                "attestationObject": BASE64.encode(attestation),
                "authenticatorData": BASE64.encode(data),
                "publicKeyAlgorithm": -8,
                "transports": ["internal"],
            },
        })
    }

    /// `AuthenticationResponseJSON`; counts up.
    fn login(&mut self, options: &Answered, user: u64) -> Value {
        self.counter += 1;
        let client = self.client_data("webauthn.get", options);
        let data = self.data(self.flags);
        let signature = self.pair.sign(&[data.as_slice(), digest(&SHA256, &client).as_ref()].concat());
        json!({
            "id": BASE64.encode(self.id), "rawId": BASE64.encode(self.id), "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64.encode(client),
                "authenticatorData": BASE64.encode(data),
                "signature": BASE64.encode(signature),
                "userHandle": BASE64.encode(user.to_be_bytes()),
            },
        })
    }
}

async fn begin(world: &World, who: &Somebody) -> Answered {
    let begun = world.post("/api/v1/passkeys/begin", &who.token, json!({"password": PASSWORD})).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    begun
}

async fn finish(world: &World, who: &Somebody, credential: Value) -> Answered {
    world.post("/api/v1/passkeys/finish", &who.token, json!({"label": "key", "credential": credential})).await
}

async fn add(world: &World, who: &Somebody, authenticator: &Authenticator) -> Answered {
    let begun = begin(world, who).await;
    finish(world, who, authenticator.register(&begun)).await
}

async fn begin_login(world: &World) -> Answered {
    let begun = world.post("/api/v1/passkeys/login/begin", "", Value::Null).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    begun
}

async fn finish_login(world: &World, credential: Value) -> Answered {
    world.post("/api/v1/passkeys/login/finish", "", json!({"credential": credential})).await
}

async fn login(world: &World, authenticator: &mut Authenticator, user: u64) -> String {
    let begun = begin_login(world).await;
    finish_login(world, authenticator.login(&begun, user)).await.told()
}

on_every_database! {
async fn a_passkey_logs_in(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let mut key = Authenticator::new(1);
    let begun = begin(&world, &ann).await;
    let options = &begun.body["public_key"];
    assert_eq!((&options["rp"]["id"], &options["user"]["name"]), (&json!("allin.localhost"), &json!(ann.email)));
    let added = finish(&world, &ann, key.register(&begun)).await;
    assert_eq!(added.status, 201, "{added:?}");
    assert!(world.facts(ann.user).await.withdrawals_held_until.0 > 0);
    let options = begin_login(&world).await;
    let logged = finish_login(&world, key.login(&options, ann.user)).await;
    assert_eq!((logged.status, &logged.body["user_id"]), (200, &json!(ann.user)), "{logged:?}");
    let token = logged.text("token");
    assert_eq!(world.get("/api/v1/logins", &token).await.body[0]["method"], "passkey");
    // It stays after a restart, and goes when it is removed.
    let world = world.restart().await.expect("starts again");
    assert_eq!(login(&world, &mut key, ann.user).await, "200 ");
    let id = world.get("/api/v1/passkeys", &token).await.body[0]["passkey_id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v1/passkeys/{id}/remove");
    let bob = world.somebody("bob@example.com").await;
    assert_eq!(world.post(&path, &bob.token, json!({"password": PASSWORD})).await.told(), "404 not_found");
    assert_eq!(world.post(&path, &token, json!({"password": PASSWORD})).await.told(), "204 ");
    assert_eq!(login(&world, &mut key, ann.user).await, "401 invalid_credentials");
}
}

on_every_database! {
async fn a_ceremony_is_its_beginners_and_is_good_once(database: Database) {
    let world = World::new(database).await;
    let (ann, bob) = (world.somebody("ann@example.com").await, world.somebody("bob@example.com").await);
    let mut key = Authenticator::new(1);
    let begun = begin(&world, &ann).await;
    assert_eq!(finish(&world, &bob, key.register(&begun)).await.told(), "409 wrong_passkey");
    assert_eq!(finish(&world, &ann, key.register(&begun)).await.told(), "409 wrong_passkey", "it is spent");
    assert_eq!(add(&world, &ann, &key).await.status, 201);
    // The same credential is nobody else's.
    assert_eq!(add(&world, &bob, &key).await.told(), "409 wrong_passkey");
    let options = begin_login(&world).await;
    let answer = key.login(&options, ann.user);
    assert_eq!(finish_login(&world, answer.clone()).await.told(), "200 ");
    assert_eq!(finish_login(&world, answer).await.told(), "401 invalid_credentials");
}
}

on_every_database! {
async fn what_is_no_answer_of_a_browser(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let begun = begin(&world, &ann).await;
    let good = Authenticator::new(1).register(&begun).to_string();
    let twice = good.replacen('{', r#"{"type":"public-key","#, 1);
    let authorization = format!("Bearer {}", ann.token);
    let headers = [("Content-Type", "application/json"), ("Authorization", authorization.as_str())];
    let rows =
        [("{}", "409 wrong_passkey"), ("[]", "409 wrong_passkey"), (&twice, "409 wrong_passkey"), (&good, "201 ")];
    for (credential, expected) in rows {
        let body = format!(r#"{{"label": "key", "credential": {credential}}}"#);
        let told = world.send("POST", "/api/v1/passkeys/finish", &headers, body.as_bytes()).await;
        assert_eq!(told.told(), expected, "{credential}");
    }
}
}

on_every_database! {
async fn what_an_authenticator_may_not_say(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let unfit: [fn(&mut Authenticator); 4] = [
        |key| key.origin = "https://user.evil.example",
        |key| key.party = "evil.example",
        |key| key.flags = USER_PRESENT,
        |key| key.flags = USER_VERIFIED,
    ];
    for (at, spoil) in unfit.iter().enumerate() {
        let mut key = Authenticator::new(1);
        spoil(&mut key);
        assert_eq!(add(&world, &ann, &key).await.told(), "409 wrong_passkey", "{at}");
    }
    let mut key = Authenticator::new(1);
    assert_eq!(add(&world, &ann, &key).await.status, 201);
    for (at, spoil) in unfit.iter().enumerate() {
        let mut spoilt = Authenticator::new(1);
        spoilt.counter = 10;
        spoil(&mut spoilt);
        assert_eq!(login(&world, &mut spoilt, ann.user).await, "401 invalid_credentials", "{at}");
    }
    // Another key under the same name, another user's handle, a counter that goes back.
    let mut forged = Authenticator { pair: Authenticator::new(2).pair, ..Authenticator::new(1) };
    assert_eq!(login(&world, &mut forged, ann.user).await, "401 invalid_credentials");
    assert_eq!(login(&world, &mut key, ann.user + 1).await, "401 invalid_credentials");
    key.counter = 50;
    assert_eq!(login(&world, &mut key, ann.user).await, "200 ");
    key.counter = 40;
    assert_eq!(login(&world, &mut key, ann.user).await, "401 invalid_credentials");
}
}
