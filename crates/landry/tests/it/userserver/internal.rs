//! What the back office may do.

use allin_databases::{Database, on_every_database};
use serde_json::{Value, json};

use super::api_keys::create;
use super::world::{PASSWORD, World};

on_every_database! {
async fn an_account_is_marked_as_demo_with_its_sub_accounts(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let made = world.post("/api/v1/sub-accounts", &ann.token, json!({"label": "a"})).await;
    let path = format!("/internal/v1/users/{}/demo", ann.user);
    let marked = world.internal("POST", &path, Value::Null).await;
    assert_eq!((marked.status, &marked.body["demo"]), (200, &Value::Bool(true)));
    let sub = made.body["user_id"].as_u64().expect("an id");
    assert!(world.facts(ann.user).await.demo && world.facts(sub).await.demo);
    let later = world.post("/api/v1/sub-accounts", &ann.token, json!({"label": "b"})).await;
    assert!(world.facts(later.body["user_id"].as_u64().expect("an id")).await.demo);
    for wrong in ["0", "5", "x", "-1", "99999999999999999999", "1000000%20"] {
        let path = format!("/internal/v1/users/{wrong}/demo");
        assert_eq!(world.internal("POST", &path, Value::Null).await.told(), "404 not_found", "{wrong}");
    }
}
}

on_every_database! {
async fn a_frozen_account_keeps_what_others_set_of_it(database: Database) {
    use allin_core::ids::UserId;
    use allin_core::spot::command::Command;
    use allin_runtime::engine::Engine;
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let user = UserId(ann.user);
    let set = Command::SetUser { user, group: user, tier: 0, pay_discount: true, frozen: false };
    world.core.submit(set).await.expect("taken");
    let path = format!("/internal/v1/users/{}/freeze", ann.user);
    for frozen in [true, false] {
        assert_eq!(world.internal("PUT", &path, json!({"frozen": frozen})).await.body["frozen"], frozen);
        let known = world.core.user(ann.user).expect("known");
        assert_eq!((known.frozen, known.pay_discount), (frozen, true));
        assert_eq!(world.facts(ann.user).await.frozen, frozen);
    }
}
}

on_every_database! {
async fn a_closed_account_has_no_login_no_key_and_no_order(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let made = world.post("/api/v1/sub-accounts", &ann.token, json!({"label": "a"})).await;
    let sub = made.body["user_id"].as_u64().expect("an id");
    let own = create(&world, &ann, json!({})).await.text("api_key");
    let subs = create(&world, &ann, json!({"sub_account": sub})).await.text("api_key");
    let path = format!("/internal/v1/users/{}/close", ann.user);
    assert_eq!(world.internal("POST", &path, Value::Null).await.body["closed"], true);
    assert_eq!(world.get("/api/v1/account", &ann.token).await.status, 401);
    assert_eq!(world.login(&ann.email, PASSWORD).await.told(), "401 invalid_credentials");
    assert!(world.key(&own).await.is_none() && world.key(&subs).await.is_none());
    for user in [ann.user, sub] {
        assert!(world.facts(user).await.frozen && world.core.user(user).expect("known").frozen, "{user}");
    }
    // A thaw does not open it again.
    let path = format!("/internal/v1/users/{}/freeze", ann.user);
    world.internal("PUT", &path, json!({"frozen": false})).await;
    assert!(world.facts(ann.user).await.frozen && world.facts(sub).await.frozen);
}
}
