//! Every endpoint, by every kind of caller, with what is its own and what is another's.

use allin_databases::{Database, on_every_database};
use allin_landry::userserver::{Who, route_table};
use serde_json::{Value, json};

use super::api_keys::create;
use super::world::{Answered, PASSWORD, Somebody, World};

/// Ann's things.
struct Owned {
    world: World,
    ann: Somebody,
    bob: Somebody,
    session: String,
    key: String,
    sub: u64,
}

async fn owned(database: Database) -> Owned {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let bob = world.somebody("bob@example.com").await;
    let sessions = world.get("/api/v1/sessions", &ann.token).await;
    let session = sessions.body[0]["session_id"].as_str().expect("a session").to_owned();
    let sub = world.post("/api/v1/sub-accounts", &ann.token, json!({"label": "sub"})).await.body["user_id"].as_u64();
    let sub = sub.expect("a sub-account");
    let key = create(&world, &ann, json!({"sub_account": sub})).await.text("api_key");
    Owned { world, ann, bob, session, key, sub }
}

/// A request that is well-formed; every endpoint has one.
fn body(path: &str) -> Value {
    let password = json!({"password": PASSWORD});
    match path {
        "/api/v1/register" | "/api/v1/login" => json!({"email": "eve@example.com", "password": PASSWORD}),
        "/api/v1/register/confirm" => json!({"registration": "x".repeat(43), "code": "123456"}),
        "/api/v1/password/reset" => json!({"email": "eve@example.com"}),
        "/api/v1/password/reset/confirm" => {
            json!({"reset": "x".repeat(43), "code": "123456", "new_password": PASSWORD})
        }
        "/api/v1/password" => json!({"password": PASSWORD, "new_password": PASSWORD}),
        "/api/v1/passkeys/finish" => json!({"label": "key", "credential": {}}),
        "/api/v1/passkeys/login/finish" => json!({"credential": {}}),
        "/api/v1/profile" => json!({}),
        "/api/v1/preferences" => json!({"language": "en", "theme": "dark", "currency": "EUR"}),
        "/api/v1/notifications" => json!({"login": true, "trade": true, "news": true}),
        "/api/v1/totp/confirm" => json!({"totp_code": "123456"}),
        "/api/v1/api-keys" => {
            json!({"label": "bot", "kind": "hmac", "permissions": ["read"], "password": PASSWORD})
        }
        "/api/v1/api-keys/{api_key}" => json!({"label": "bot", "permissions": ["read"], "password": PASSWORD}),
        "/api/v1/sub-accounts" => json!({"label": "another"}),
        "/api/v1/sub-accounts/{user_id}/freeze" | "/internal/v1/users/{user_id}/freeze" => json!({"frozen": true}),
        "/internal/v1/users/{user_id}/kyc" => json!({"decision": "approved", "level": 1, "note": ""}),
        "/api/v1/totp/begin"
        | "/api/v1/totp/disable"
        | "/api/v1/totp/recovery-codes"
        | "/api/v1/anti-phishing"
        | "/api/v1/passkeys/begin"
        | "/api/v1/passkeys/{passkey_id}/remove" => password,
        _ => Value::Null,
    }
}

impl Owned {
    /// Asks as whoever has this token, with Ann's ids in the path.
    async fn ask(&self, method: &str, path: &str, token: &str) -> Answered {
        let user = if path.starts_with("/internal") { self.ann.user } else { self.sub };
        let filled = path
            .replace("{session_id}", &self.session)
            .replace("{api_key}", &self.key)
            .replace("{user_id}", &user.to_string())
            .replace("{passkey_id}", "nobodys")
            .replace("{document_id}", &"0".repeat(32));
        let body = if method == "GET" { Value::Null } else { body(path) };
        self.world.call(method, &filled, token, body).await
    }

    /// What Ann has that others must not change.
    async fn state(&self) -> String {
        let mut state = String::new();
        for path in ["account", "sessions", "api-keys", "sub-accounts", "preferences", "notifications", "kyc"] {
            let got = self.world.get(&format!("/api/v1/{path}"), &self.ann.token).await;
            assert_eq!(got.status, 200, "{path}");
            state += &String::from_utf8(got.bytes).expect("UTF-8");
        }
        state
    }
}

on_every_database! {
async fn nobody_passes_where_he_may_not(database: Database) {
    let owned = owned(database).await;
    let before = owned.state().await;
    let internal = owned.world.token.header().strip_prefix("Bearer ").expect("a bearer token").to_owned();
    let almost = format!("{}x", &owned.ann.token[..42]);
    let (ann, bob, key) = (owned.ann.token.as_str(), owned.bob.token.as_str(), owned.key.as_str());
    let mut tried = 0;
    for (method, path, who) in route_table() {
        let strangers: &[&str] = match who {
            Who::Anyone => &[],
            // The internal token is no session, and an API key opens nothing here.
            Who::Session => &["", "x", &almost, key, &internal],
            Who::Internal => &["", "x", ann, bob, key],
        };
        for token in strangers {
            let told = owned.ask(method, path, token).await;
            assert_eq!(told.told(), "401 unauthorized", "{method} {path} {token}");
            assert!(told.head.contains("www-authenticate: bearer"), "{}", told.head);
            tried += 1;
        }
        // Somebody else's is not there at all.
        if who == Who::Session && path.contains('{') {
            assert_eq!(owned.ask(method, path, bob).await.told(), "404 not_found", "{method} {path}");
            tried += 1;
        }
    }
    assert!(tried >= 200, "{tried}");
    assert_eq!(owned.state().await, before);
}
}

on_every_database! {
async fn everybody_passes_where_he_may(database: Database) {
    for (method, path, who) in route_table() {
        let owned = owned(database).await;
        let internal = owned.world.token.header().strip_prefix("Bearer ").expect("a bearer token").to_owned();
        let token = match who {
            Who::Anyone => "",
            Who::Session => owned.ann.token.as_str(),
            Who::Internal => internal.as_str(),
        };
        let told = owned.ask(method, path, token).await;
        let expected = match path {
            "/api/v1/register" | "/api/v1/password/reset" => "202 ",
            "/api/v1/register/confirm" | "/api/v1/password/reset/confirm" => "403 wrong_code",
            "/api/v1/login" => "401 invalid_credentials",
            "/api/v1/passkeys/login/finish" => "401 invalid_credentials",
            "/api/v1/passkeys/finish" => "409 wrong_passkey",
            "/api/v1/totp/confirm" => "409 totp_not_begun",
            "/api/v1/totp/disable" | "/api/v1/totp/recovery-codes" => "409 totp_disabled",
            "/api/v1/passkeys/{passkey_id}/remove" | "/internal/v1/users/{user_id}/kyc/{document_id}" => {
                "404 not_found"
            }
            "/api/v1/kyc/documents" => "415 unsupported_media_type",
            "/api/v1/kyc/submit" => "409 no_documents",
            "/internal/v1/users/{user_id}/kyc" if method == "POST" => "409 no_review",
            "/api/v1/api-keys" | "/api/v1/sub-accounts" if method == "POST" => "201 ",
            _ => "2",
        };
        assert!(told.told().starts_with(expected), "{method} {path}: {told:?}");
    }
}
}

on_every_database! {
async fn a_header_that_is_there_twice_is_none(database: Database) {
    let owned = owned(database).await;
    let token = format!("Bearer {}", owned.ann.token);
    let lower = format!("bearer {}", owned.ann.token);
    let rows: [(&[(&str, &str)], u16); 5] = [
        (&[("Authorization", &token)], 200),
        (&[("Authorization", &lower)], 200),
        (&[("Authorization", &token), ("Authorization", &token)], 401),
        (&[("Authorization", &owned.ann.token)], 401),
        (&[("Authorization", "Bearer ")], 401),
    ];
    for (headers, status) in rows {
        assert_eq!(owned.world.send("GET", "/api/v1/account", headers, b"").await.status, status, "{headers:?}");
    }
}
}
