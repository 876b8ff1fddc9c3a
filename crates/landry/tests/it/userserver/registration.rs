//! Registration, login, reset: what works, and that nothing tells whether a mail address has an account.

use allin_databases::{Database, on_every_database};
use serde_json::{Value, json};

use super::world::{Answered, PASSWORD, World, cheap};

/// The answer without what is random in it.
fn shape(answered: &Answered) -> String {
    let mut body = answered.body.clone();
    if let Some(fields) = body.as_object_mut() {
        for name in ["registration", "reset"] {
            if let Some(field) = fields.get_mut(name) {
                *field = Value::from(field.as_str().expect("text").len());
            }
        }
    }
    let head: Vec<&str> = answered.head.lines().filter(|line| !line.starts_with("date:")).collect();
    format!("{head:?} {body}")
}

async fn confirm(world: &World, registration: &str, code: &str) -> Answered {
    world.post("/api/v1/register/confirm", "", json!({"registration": registration, "code": code})).await
}

/// A code that is not this one.
fn other(code: &str) -> String {
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..5])
}

on_every_database! {
async fn somebody_registers_and_can_trade(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("Ann@Example.com").await;
    assert_eq!(ann.user, 1_000_000);
    let known = world.core.user(ann.user).expect("the engine knows the user");
    assert_eq!((known.group.0, known.frozen, known.tier), (ann.user, false, 0));
    let facts = world.facts(ann.user).await;
    assert_eq!((facts.master.0, facts.frozen, facts.demo, facts.kyc_level), (ann.user, false, false, 0));
    let account = world.get("/api/v1/account", &ann.token).await;
    assert_eq!((account.status, account.text("email").as_str()), (200, "ann@example.com"));
    // The case of the address does not matter; ids are dense.
    assert_eq!(world.login("aNN@example.COM", PASSWORD).await.status, 200);
    assert_eq!(world.somebody("bob@example.com").await.user, 1_000_001);
    // Whatever passes as an address gets its mail.
    assert_eq!(world.somebody("00@0.0").await.user, 1_000_002);
}
}

on_every_database! {
async fn a_registration_tells_nobody_who_has_an_account(database: Database) {
    let world = World::new(database).await;
    world.somebody("ann@example.com").await;
    let register = async |email: &str| {
        world.post("/api/v1/register", "", json!({"email": email, "password": "another one"})).await
    };
    let (known, unknown) = (register("ann@example.com").await, register("eve@example.com").await);
    assert_eq!(shape(&known), shape(&unknown));
    let mails = world.mails(3).await;
    assert!(mails[1].contains("To: ann@example.com") && !mails[1].contains("Code:"), "{}", mails[1]);
    assert!(mails[2].contains("To: eve@example.com") && mails[2].contains("Code:"), "{}", mails[2]);
    // Nor does guessing a code: five attempts each, and the same words.
    let eve = world.mailed(3, "eve@example.com").await.expect("a code");
    for attempt in 0..6 {
        let wrong = other(&eve);
        let known = confirm(&world, &known.text("registration"), &wrong).await;
        let unknown = confirm(&world, &unknown.text("registration"), &wrong).await;
        assert_eq!((known.told(), shape(&known)), ("403 wrong_code".to_owned(), shape(&unknown)), "{attempt}");
    }
    // After five wrong ones the right one is none.
    assert_eq!(confirm(&world, &unknown.text("registration"), &eve).await.told(), "403 wrong_code");
    assert_eq!(world.login("ann@example.com", "another one").await.told(), "401 invalid_credentials");
}
}

on_every_database! {
async fn a_code_is_good_once_and_for_a_while(database: Database) {
    let world = World::new(database).await;
    let register = json!({"email": "ann@example.com", "password": PASSWORD});
    let late = world.post("/api/v1/register", "", register.clone()).await.text("registration");
    let late_code = world.mailed(1, "ann@example.com").await.expect("a code");
    world.pass(world.config.code_life_s);
    assert_eq!(confirm(&world, &late, &late_code).await.told(), "403 wrong_code");
    let first = world.post("/api/v1/register", "", register.clone()).await.text("registration");
    let first_code = world.mailed(2, "ann@example.com").await.expect("a code");
    let second = world.post("/api/v1/register", "", register).await.text("registration");
    let second_code = world.mailed(3, "ann@example.com").await.expect("a code");
    // Each registration has its own code.
    if first_code != second_code {
        assert_eq!(confirm(&world, &first, &second_code).await.told(), "403 wrong_code");
    }
    assert_eq!(confirm(&world, &first, &first_code).await.status, 201);
    assert_eq!(confirm(&world, &first, &first_code).await.told(), "403 wrong_code");
    assert_eq!(confirm(&world, &second, &second_code).await.told(), "403 wrong_code");
    assert_eq!(confirm(&world, &"x".repeat(43), &second_code).await.told(), "403 wrong_code");
}
}

on_every_database! {
async fn a_login_tells_nobody_what_was_wrong(database: Database) {
    let world = World::new(database).await;
    world.somebody("ann@example.com").await;
    let (wrong, unknown) =
        (world.login("ann@example.com", "wrong horse").await, world.login("eve@example.com", "wrong horse").await);
    assert_eq!((wrong.told(), shape(&wrong)), ("401 invalid_credentials".to_owned(), shape(&unknown)));
    let ann = world.login("ann@example.com", PASSWORD).await;
    let logins = world.get("/api/v1/logins", &ann.text("token")).await.body;
    let told: Vec<(&str, &str)> = logins
        .as_array()
        .expect("a list")
        .iter()
        .map(|login| (login["method"].as_str().expect("text"), login["outcome"].as_str().expect("text")))
        .collect();
    assert_eq!(told, [("password", "succeeded"), ("password", "wrong_password"), ("registration", "succeeded")]);
}
}

on_every_database! {
async fn attempts_are_limited_by_account_and_by_address(database: Database) {
    let config = allin_landry::userserver::UsersSection { attempts_per_address_max: 30, ..cheap() };
    let world = World::with(database, config).await;
    world.somebody("ann@example.com").await;
    for email in ["ann@example.com", "eve@example.com"] {
        for attempt in 0..10 {
            assert_eq!(world.login(email, "wrong horse").await.status, 401, "{email} {attempt}");
        }
        // Also with the right password, or a guesser would learn which one it is.
        let limited = world.login(email, PASSWORD).await;
        assert_eq!(limited.told(), "429 too_many_attempts");
        assert!(limited.head.contains("retry-after: "), "{}", limited.head);
    }
    // Twenty-two, and the confirmation: seven more of this address.
    for attempt in 0..7 {
        assert_eq!(world.login(&format!("a{attempt}@example.com"), PASSWORD).await.status, 401);
    }
    assert_eq!(world.login("b@example.com", PASSWORD).await.status, 429);
    // Another address is another matter: the gateway says which one it is.
    let body = json!({"email": "b@example.com", "password": PASSWORD}).to_string();
    let headers = [("Content-Type", "application/json"), ("X-Forwarded-For", "6.6.6.6, 9.9.9.9")];
    assert_eq!(world.send("POST", "/api/v1/login", &headers, body.as_bytes()).await.status, 401);
    world.pass(2 * world.config.attempts_window_s);
    assert_eq!(world.login("ann@example.com", PASSWORD).await.status, 200);
}
}

on_every_database! {
async fn a_stranger_does_not_lock_the_owner_out(database: Database) {
    let config = allin_landry::userserver::UsersSection { attempts_by_strangers_max: 25, ..cheap() };
    let world = World::with(database, config).await;
    // Registered, and so logged in, from the address of all requests without the header.
    world.somebody("ann@example.com").await;
    let login_from = async |address: &str, email: &str, password: &str| {
        let body = json!({"email": email, "password": password}).to_string();
        let headers = [("Content-Type", "application/json"), ("X-Forwarded-For", address)];
        world.send("POST", "/api/v1/login", &headers, body.as_bytes()).await.told()
    };
    // Whether or not there is such an account: ten from each address, 25 from all.
    for email in ["ann@example.com", "eve@example.com"] {
        let mut told = Vec::new();
        for attempt in 0..40 {
            told.push(login_from(&format!("6.6.6.{}", attempt / 11), email, "wrong horse").await);
        }
        let expected = |attempt: usize| match (attempt % 11, attempt < 27) {
            (10, _) | (_, false) => "429 too_many_attempts",
            _ => "401 invalid_credentials",
        };
        let expected: Vec<&str> = (0..40).map(expected).collect();
        assert_eq!(told, expected, "{email}");
    }
    // No stranger gets in, not even with the password; the owner does, from where he was before.
    assert_eq!(login_from("7.7.7.7", "ann@example.com", PASSWORD).await, "429 too_many_attempts");
    assert_eq!(world.login("ann@example.com", PASSWORD).await.status, 200);
}
}

on_every_database! {
async fn many_wrong_passwords_at_once_are_counted_one_by_one(database: Database) {
    let world = std::sync::Arc::new(World::new(database).await);
    world.somebody("ann@example.com").await;
    let tries = (0..40).map(|_| {
        let world = world.clone();
        tokio::spawn(async move { world.login("ann@example.com", "wrong horse").await.status })
    });
    let mut statuses = Vec::new();
    for tried in tries.collect::<Vec<_>>() {
        statuses.push(tried.await.expect("ends"));
    }
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 10, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 30, "{statuses:?}");
}
}

on_every_database! {
async fn a_password_is_reset_by_mail(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let reset = async |email: &str| world.post("/api/v1/password/reset", "", json!({"email": email})).await;
    let (known, unknown) = (reset("ann@example.com").await, reset("eve@example.com").await);
    assert_eq!((known.status, shape(&known)), (202, shape(&unknown)));
    let code = world.mailed(2, "ann@example.com").await.expect("a code");
    let confirm = async |token: &str, code: &str, password: &str| {
        let body = json!({"reset": token, "code": code, "new_password": password});
        world.post("/api/v1/password/reset/confirm", "", body).await.told()
    };
    let token = known.text("reset");
    assert_eq!(confirm(&unknown.text("reset"), &code, "a new horse").await, "403 wrong_code");
    assert_eq!(confirm(&token, &other(&code), "a new horse").await, "403 wrong_code");
    assert_eq!(world.facts(ann.user).await.withdrawals_held_until.0, 0);
    assert_eq!(confirm(&token, &code, "a new horse").await, "204 ");
    assert_eq!(confirm(&token, &code, "a third horse").await, "403 wrong_code");
    // All sessions are over, the old password too, and withdrawals wait a day.
    assert_eq!(world.get("/api/v1/account", &ann.token).await.told(), "401 unauthorized");
    assert_eq!(world.login("ann@example.com", PASSWORD).await.status, 401);
    assert_eq!(world.login("ann@example.com", "a new horse").await.status, 200);
    let held = world.facts(ann.user).await.withdrawals_held_until.0 / 1_000_000;
    assert_eq!(held, world.now_s() + 86_400);
    assert!(world.mails(3).await[2].contains("Your password was reset."));
}
}

on_every_database! {
async fn a_user_whom_the_engine_did_not_hear_of_is_told_later(database: Database) {
    use std::sync::atomic::Ordering::SeqCst;
    let world = World::new(database).await;
    world.core.is_away.store(true, SeqCst);
    let ann = world.somebody("ann@example.com").await;
    assert_eq!(world.core.user(ann.user), None);
    let shown = world.internal("GET", &format!("/internal/v1/users/{}", ann.user), Value::Null).await;
    assert_eq!(shown.body["engine_knows"], false);
    world.core.is_away.store(false, SeqCst);
    let world = world.restart().await.expect("starts again");
    for _ in 0..1000 {
        if world.core.user(ann.user).is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(world.core.user(ann.user).map(|user| user.group.0), Some(ann.user));
}
}
