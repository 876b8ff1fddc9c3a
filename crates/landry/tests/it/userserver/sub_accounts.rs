//! Sub-accounts: in their master's group, with keys that their master makes.

use allin_databases::{Database, on_every_database};
use serde_json::{Value, json};

use super::api_keys::create;
use super::world::World;

on_every_database! {
async fn a_sub_account_trades_in_its_masters_group(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let made = world.post("/api/v1/sub-accounts", &ann.token, json!({"label": "grid"})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let sub = made.body["user_id"].as_u64().expect("an id");
    let known = world.core.user(sub).expect("the engine knows it");
    assert_eq!((known.group.0, known.frozen), (ann.user, false));
    assert_eq!(world.facts(sub).await.master.0, ann.user);
    let key = create(&world, &ann, json!({"sub_account": sub})).await;
    assert_eq!((key.status, &key.body["key"]["user_id"]), (201, &json!(sub)));
    assert_eq!(world.key(&key.text("api_key")).await.expect("found").user.0, sub);
    let again = world.post("/api/v1/sub-accounts", &ann.token, json!({"label": "grid"})).await;
    assert_eq!(again.told(), "409 label_taken");
    let list = world.get("/api/v1/sub-accounts", &ann.token).await.body;
    assert_eq!((list.as_array().map(Vec::len), &list[0]["label"]), (Some(1), &json!("grid")));
}
}

on_every_database! {
async fn a_sub_account_is_frozen_by_its_master_and_with_it(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let made = world.post("/api/v1/sub-accounts", &ann.token, json!({"label": "grid"})).await;
    let sub = made.body["user_id"].as_u64().expect("an id");
    let frozen = async || {
        let (facts, engine) = (world.facts(sub).await.frozen, world.core.user(sub).expect("known").frozen);
        assert_eq!(facts, engine);
        facts
    };
    let by_master = async |on: bool| {
        let path = format!("/api/v1/sub-accounts/{sub}/freeze");
        assert_eq!(world.call("PUT", &path, &ann.token, json!({"frozen": on})).await.status, 200);
    };
    let with_master = async |on: bool| {
        let path = format!("/internal/v1/users/{}/freeze", ann.user);
        assert_eq!(world.internal("PUT", &path, json!({"frozen": on})).await.status, 200);
        assert_eq!(world.core.user(ann.user).expect("known").frozen, on);
    };
    by_master(true).await;
    assert!(frozen().await && !world.facts(ann.user).await.frozen);
    with_master(true).await;
    by_master(false).await;
    assert!(frozen().await, "its master still is");
    with_master(false).await;
    assert!(!frozen().await);
    // A new one of a frozen master begins frozen. Frozen users still log in and look.
    with_master(true).await;
    let made = world.post("/api/v1/sub-accounts", &ann.token, json!({"label": "late"})).await;
    let late = made.body["user_id"].as_u64().expect("an id");
    assert!(made.body["frozen"] == true && world.core.user(late).expect("known").frozen);
    // The master itself is no sub-account.
    let path = format!("/api/v1/sub-accounts/{}/freeze", ann.user);
    assert_eq!(world.call("PUT", &path, &ann.token, json!({"frozen": true})).await.told(), "404 not_found");
}
}

on_every_database! {
async fn there_are_so_many_and_no_more(database: Database) {
    let config = allin_landry::userserver::UsersSection { sub_accounts_max: 2, ..crate::userserver::world::cheap() };
    let world = World::with(database, config).await;
    let ann = world.somebody("ann@example.com").await;
    let make = async |label: &str| world.post("/api/v1/sub-accounts", &ann.token, json!({"label": label})).await.told();
    assert_eq!((make("a").await.as_str(), make("b").await.as_str()), ("201 ", "201 "));
    assert_eq!(make("c").await, "409 too_many_sub_accounts");
    assert_eq!(world.get("/api/v1/account", &ann.token).await.body["demo"], Value::Bool(false));
}
}
