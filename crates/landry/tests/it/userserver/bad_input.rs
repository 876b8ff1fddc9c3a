//! What is malformed gets the one shape of error, and never a 5xx.

use allin_databases::{Database, on_every_database};
use serde_json::{Value, json};

use super::world::{PASSWORD, World};

const JSON: (&str, &str) = ("Content-Type", "application/json");

on_every_database! {
async fn bodies_that_are_not_what_is_described(database: Database) {
    let world = World::new(database).await;
    let deep = format!(r#"{{"email": {}1{}}}"#, "[".repeat(3000), "]".repeat(3000));
    let rows: [&[u8]; 18] = [
        b"",
        b"null",
        b"[]",
        br#"["a@b.cd", "password"]"#,
        br#""text""#,
        b"{",
        br#"{"email": "a@b.cd"}"#,
        br#"{"email": "a@b.cd", "password": "password""#,
        br#"{"email": "a@b.cd", "password": "password"}}"#,
        br#"{"email": "a@b.cd", "password": "password", "password": "password"}"#,
        br#"{"email": "a@b.cd", "password": "password", "more": 1}"#,
        br#"{"email": "a@b.cd", "password": 12345678}"#,
        br#"{"email": "a@b.cd", "password": null}"#,
        br#"{"email": "a@b.cd", "password": "short"}"#,
        br#"{"email": "a@b", "password": "password"}"#,
        b"{\"email\": \"a@b.cd\", \"password\": \"passwor\xff\"}",
        br#"{"email": "a@b.cd", "password": "passwor\ud800"}"#,
        deep.as_bytes(),
    ];
    for row in rows {
        let told = world.send("POST", "/api/v1/login", &[JSON], row).await;
        let shown = String::from_utf8_lossy(&row[..row.len().min(60)]);
        assert_eq!(told.told(), "400 invalid_request", "{shown}");
        assert!(told.head.contains("content-type: application/json"), "{}", told.head);
        let fields: Vec<&String> = told.body.as_object().expect("an object").keys().collect();
        assert_eq!(fields, ["code", "message"], "{shown}");
        // What may be a password is not said again.
        assert!(!told.text("message").contains("password\""), "{told:?}");
    }
}
}

on_every_database! {
async fn types_sizes_paths_and_methods(database: Database) {
    let world = World::new(database).await;
    let body = json!({"email": "a@b.cd", "password": PASSWORD}).to_string();
    let large = format!("{body}{}", " ".repeat(world.config.body_bytes_max));
    let fits = format!("{body}{}", " ".repeat(world.config.body_bytes_max - body.len()));
    type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, &'a str);
    let rows: [Row<'_>; 16] = [
        ("POST", "/api/v1/login", &[JSON], &body, "401 invalid_credentials"),
        (
            "POST",
            "/api/v1/login",
            &[("Content-Type", "Application/JSON; charset=UTF-8")],
            &body,
            "401 invalid_credentials",
        ),
        ("POST", "/api/v1/login", &[JSON], &fits, "401 invalid_credentials"),
        ("POST", "/api/v1/login", &[JSON], &large, "413 too_large"),
        ("POST", "/api/v1/login", &[], &body, "415 unsupported_media_type"),
        ("POST", "/api/v1/login", &[JSON, JSON], &body, "415 unsupported_media_type"),
        ("POST", "/api/v1/login", &[("Content-Type", "text/plain")], &body, "415 unsupported_media_type"),
        (
            "POST",
            "/api/v1/login",
            &[("Content-Type", "application/json; charset=latin1")],
            &body,
            "415 unsupported_media_type",
        ),
        ("GET", "/api/v1/login", &[], "", "405 method_not_allowed"),
        ("PUT", "/api/v1/login", &[JSON], &body, "405 method_not_allowed"),
        ("POST", "/api/v1/sessions", &[JSON], "", "405 method_not_allowed"),
        ("POST", "/api/v1/", &[JSON], &body, "404 not_found"),
        ("POST", "/api/v1//login", &[JSON], &body, "404 not_found"),
        ("POST", "/api/v1/login/", &[JSON], &body, "404 not_found"),
        ("POST", "/api/v1/%6cogin", &[JSON], &body, "404 not_found"),
        ("GET", "/", &[], "", "404 not_found"),
    ];
    for (method, path, headers, body, expected) in rows {
        let told = world.send(method, path, headers, body.as_bytes()).await;
        assert_eq!(told.told(), expected, "{method} {path} {headers:?}");
        if expected.starts_with("405") {
            assert!(told.head.contains("allow: "), "{}", told.head);
        }
    }
    let lie = b"POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{";
    assert_eq!(world.raw(lie).await.told(), "413 too_large");
}
}

/// Texts that break programs.
fn nasty() -> Vec<Value> {
    let mut all: Vec<Value> =
        ["", " ", "\u{0}", "'; DROP TABLE userserver_accounts; --", "\u{202e}", "../../etc", "０", "1e309"]
            .map(Value::from)
            .into();
    all.push("x".repeat(15_000).into());
    all.extend([json!(null), json!(true), json!(-1), json!(1.5), json!(1e300), json!(u64::MAX), json!(i64::MIN)]);
    all.extend([json!([]), json!({}), json!([null]), json!({"a": {}})]);
    all
}

on_every_database! {
async fn nothing_that_a_field_may_hold_breaks_the_service(database: Database) {
    let config = allin_landry::userserver::UsersSection {
        attempts_per_address_max: 100_000,
        attempts_per_account_max: 100_000,
        ..crate::userserver::world::cheap()
    };
    let world = World::with(database, config).await;
    let ann = world.somebody("ann@example.com").await;
    let document: Value = serde_json::from_str(&allin_landry::userserver::openapi()).expect("JSON");
    let mut tried = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            let Some(name) = schema.as_str().and_then(|text| text.rsplit('/').next()) else { continue };
            let fields = document["components"]["schemas"][name]["properties"].as_object().expect("fields");
            for field in fields.keys() {
                for value in nasty() {
                    let body = json!({field: value});
                    let path = path.replace("{user_id}", "1000000");
                    let internal = world.token.header().replace("Bearer ", "");
                    let token = if path.starts_with("/internal") { &internal } else { &ann.token };
                    let told = world.call(&method.to_uppercase(), &path, token, body.clone()).await;
                    assert!(told.status < 500, "{method} {path} {body}: {told:?}");
                    assert!(told.status < 300 || !told.code().is_empty(), "{method} {path} {body}: {told:?}");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 1000, "{tried}");
    assert_eq!(world.get("/api/v1/account", &ann.token).await.status, 200);
}
}
