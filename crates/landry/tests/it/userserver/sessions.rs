//! Sessions, settings, and what a change of credentials does.

use allin_databases::{Database, on_every_database};
use serde_json::{Value, json};

use super::world::{PASSWORD, World};

on_every_database! {
async fn a_revoked_session_is_over_at_once(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let body = json!({"email": ann.email, "password": PASSWORD, "device": "My phone"});
    let phone = world.post("/api/v1/login", "", body).await;
    let (phone, token) = (phone.text("session_id"), phone.text("token"));
    let list = world.get("/api/v1/sessions", &ann.token).await.body;
    let list = list.as_array().expect("a list");
    assert_eq!(list.len(), 2);
    let one = list.iter().find(|session| session["session_id"] == phone.as_str()).expect("listed");
    assert_eq!(
        (&one["device"], &one["is_current"], &one["address"]),
        (&json!("My phone"), &json!(false), &json!("127.0.0.1"))
    );
    let path = format!("/api/v1/sessions/{phone}");
    assert_eq!(world.call("DELETE", &path, &ann.token, Value::Null).await.status, 204);
    assert_eq!(world.get("/api/v1/account", &token).await.told(), "401 unauthorized");
    assert_eq!(world.call("DELETE", &path, &ann.token, Value::Null).await.told(), "404 not_found");
    for _ in 0..3 {
        assert_eq!(world.login(&ann.email, PASSWORD).await.status, 200);
    }
    assert_eq!(world.post("/api/v1/sessions/revoke-others", &ann.token, Value::Null).await.status, 204);
    assert_eq!(world.get("/api/v1/sessions", &ann.token).await.body.as_array().map(Vec::len), Some(1));
    assert_eq!(world.post("/api/v1/logout", &ann.token, Value::Null).await.status, 204);
    assert_eq!(world.get("/api/v1/account", &ann.token).await.status, 401);
}
}

on_every_database! {
async fn sessions_end_by_themselves(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let (idle, life) = (world.config.session_idle_s, world.config.session_life_s);
    // Used every now and then it lives on, to its end.
    for _ in 0..life / (idle - 1) {
        world.pass(idle - 1);
        assert_eq!(world.get("/api/v1/account", &ann.token).await.status, 200);
    }
    world.pass(life % (idle - 1));
    assert_eq!(world.get("/api/v1/account", &ann.token).await.status, 401);
    let token = world.login(&ann.email, PASSWORD).await.text("token");
    world.pass(idle);
    assert_eq!(world.get("/api/v1/account", &token).await.status, 401);
}
}

on_every_database! {
async fn an_account_has_so_many_sessions_and_logins(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    for _ in 0..60 {
        let headers = [("Content-Type", "application/json"), ("User-Agent", "tester/1")];
        let body = json!({"email": ann.email, "password": PASSWORD}).to_string();
        assert_eq!(world.send("POST", "/api/v1/login", &headers, body.as_bytes()).await.status, 200);
        world.pass(60);
    }
    // The first of all is over.
    assert_eq!(world.get("/api/v1/account", &ann.token).await.status, 401);
    let token = world.login(&ann.email, PASSWORD).await.text("token");
    assert_eq!(world.get("/api/v1/sessions", &token).await.body.as_array().map(Vec::len), Some(50));
    let logins = world.get("/api/v1/logins", &token).await.body;
    assert_eq!(logins.as_array().map(Vec::len), Some(62));
    assert_eq!(logins[1]["user_agent"], "tester/1");
}
}

on_every_database! {
async fn a_changed_password_ends_the_other_sessions_and_holds_withdrawals(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let sub = world.post("/api/v1/sub-accounts", &ann.token, json!({"label": "sub"})).await.body["user_id"].as_u64();
    let other = world.login(&ann.email, PASSWORD).await.text("token");
    let change = async |old: &str, new: &str| {
        world.post("/api/v1/password", &ann.token, json!({"password": old, "new_password": new})).await.told()
    };
    assert_eq!(change("wrong horse", "a new horse").await, "403 wrong_password");
    assert_eq!(change(PASSWORD, "a new horse").await, "204 ");
    assert_eq!(world.get("/api/v1/account", &other).await.status, 401);
    let account = world.get("/api/v1/account", &ann.token).await.body;
    let held = (world.now_s() + 86_400) * 1000;
    assert_eq!(account["withdrawals_held_until"], held);
    for user in [ann.user, sub.expect("a sub-account")] {
        assert_eq!(world.facts(user).await.withdrawals_held_until.0, held * 1000);
    }
    assert_eq!(world.login(&ann.email, PASSWORD).await.status, 401);
    let mails = world.mails(2).await;
    assert!(mails[1].contains("Your password was changed."), "{}", mails[1]);
    world.pass(86_400);
    let token = world.login(&ann.email, "a new horse").await.text("token");
    assert_eq!(world.get("/api/v1/account", &token).await.body["withdrawals_held_until"], 0);
}
}

on_every_database! {
async fn every_mail_shows_the_anti_phishing_code(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let set = json!({"anti_phishing": "Zebra42", "password": PASSWORD});
    assert_eq!(world.call("PUT", "/api/v1/anti-phishing", &ann.token, set).await.status, 204);
    let account = world.get("/api/v1/account", &ann.token).await;
    assert!(account.body["anti_phishing_set"] == true && !String::from_utf8_lossy(&account.bytes).contains("Zebra42"));
    world.post("/api/v1/register", "", json!({"email": ann.email, "password": PASSWORD})).await;
    world.post("/api/v1/password/reset", "", json!({"email": ann.email})).await;
    let change = json!({"password": PASSWORD, "new_password": "a new horse"});
    assert_eq!(world.post("/api/v1/password", &ann.token, change).await.status, 204);
    // A login from elsewhere tells itself.
    let headers = [("Content-Type", "application/json"), ("X-Forwarded-For", "9.9.9.9")];
    let body = json!({"email": ann.email, "password": "a new horse"}).to_string();
    assert_eq!(world.send("POST", "/api/v1/login", &headers, body.as_bytes()).await.status, 200);
    let mails = world.mails(5).await;
    assert!(!mails[0].contains("anti-phishing"));
    for mail in &mails[1..] {
        assert!(mail.contains("Your anti-phishing code: Zebra42"), "{mail}");
    }
    assert!(mails[4].contains("Somebody logged in from 9.9.9.9"), "{}", mails[4]);
}
}

on_every_database! {
async fn settings_stay(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let rows = [
        ("/api/v1/preferences", json!({"language": "pt-BR", "theme": "dark", "currency": "EUR"})),
        ("/api/v1/notifications", json!({"login": false, "trade": true, "news": true})),
    ];
    for (path, body) in &rows {
        assert_ne!(&world.get(path, &ann.token).await.body, body);
        assert_eq!(world.call("PUT", path, &ann.token, body.clone()).await.status, 204);
    }
    let profile = json!({"nickname": "Annie", "country": "NZ"});
    assert_eq!(world.call("PUT", "/api/v1/profile", &ann.token, profile).await.status, 204);
    let world = world.restart().await.expect("starts again");
    for (path, body) in &rows {
        assert_eq!(&world.get(path, &ann.token).await.body, body);
    }
    let account = world.get("/api/v1/account", &ann.token).await.body;
    assert_eq!((&account["nickname"], &account["country"]), (&json!("Annie"), &json!("NZ")));
}
}

on_every_database! {
async fn who_brought_whom(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let code = world.get("/api/v1/referral", &ann.token).await.text("referral_code");
    let register =
        |referral: &str| json!({"email": "bob@example.com", "password": PASSWORD, "referral_code": referral});
    let told = world.post("/api/v1/register", "", register("AAAAAAAA")).await.told();
    assert_eq!(told, "409 unknown_referral_code");
    let begun = world.post("/api/v1/register", "", register(&code)).await;
    let mailed = world.mailed(2, "bob@example.com").await.expect("a code");
    let confirm = json!({"registration": begun.text("registration"), "code": mailed});
    assert_eq!(world.post("/api/v1/register/confirm", "", confirm).await.status, 201);
    assert_eq!(world.get("/api/v1/referral", &ann.token).await.body["referred"], 1);
}
}
