//! Documents: what is taken, where it lies, who sees it, and what becomes of it.

use allin_databases::{Database, on_every_database};
use std::os::unix::fs::PermissionsExt;

use allin_landry::userserver::UsersSection;
use serde_json::{Value, json};

use super::world::{Answered, Somebody, World, cheap};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest of a picture";

/// A form of these fields: name, content.
async fn upload(world: &World, who: &Somebody, fields: &[(&str, &[u8])]) -> Answered {
    let mut body = Vec::new();
    for (name, content) in fields {
        let file = if *name == "file" { "; filename=\"../../x.png\"\r\nContent-Type: text/html" } else { "" };
        let head = format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--frontier--\r\n");
    let authorization = format!("Bearer {}", who.token);
    let headers =
        [("Content-Type", "multipart/form-data; boundary=frontier"), ("Authorization", authorization.as_str())];
    world.send("POST", "/api/v1/kyc/documents", &headers, &body).await
}

on_every_database! {
async fn a_document_is_handed_in_and_reviewed(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let submit = async || world.post("/api/v1/kyc/submit", &ann.token, Value::Null).await.told();
    assert_eq!(submit().await, "409 no_documents");
    let taken = upload(&world, &ann, &[("kind", b"passport"), ("file", PNG)]).await;
    assert_eq!((taken.status, taken.text("media_type").as_str()), (201, "image/png"), "{taken:?}");
    let id = taken.text("document_id");
    let path = world.data().join("kyc").join(ann.user.to_string()).join(&id);
    assert_eq!(std::fs::read(&path).expect("there"), PNG);
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(submit().await, "204 ");
    assert_eq!(submit().await, "409 kyc_pending");
    let more = upload(&world, &ann, &[("kind", b"selfie"), ("file", PNG)]).await;
    assert_eq!(more.told(), "409 kyc_pending");
    assert_eq!(std::fs::read_dir(path.parent().expect("a folder")).expect("there").count(), 1);

    let user = format!("/internal/v1/users/{}/kyc", ann.user);
    assert_eq!(world.internal("GET", &user, Value::Null).await.body[0]["document_id"], id.as_str());
    let shown = world.internal("GET", &format!("{user}/{id}"), Value::Null).await;
    assert_eq!((shown.status, shown.bytes.as_slice()), (200, PNG));
    assert!(shown.head.contains("content-disposition: attachment") && shown.head.contains("nosniff"), "{}", shown.head);
    let review = async |decision: &str| {
        let body = json!({"decision": decision, "level": 2, "note": "too dark"});
        world.internal("POST", &user, body).await
    };
    assert_eq!(review("rejected").await.body["kyc_state"], "rejected");
    let status = world.get("/api/v1/kyc", &ann.token).await.body;
    assert_eq!(
        (&status["state"], &status["level"], &status["note"]),
        (&json!("rejected"), &json!(0), &json!("too dark"))
    );
    assert_eq!(review("approved").await.told(), "409 no_review");
    assert_eq!(submit().await, "204 ");
    assert_eq!(review("approved").await.body["kyc_level"], 2);
    assert_eq!(world.facts(ann.user).await.kyc_level, 2);
}
}

on_every_database! {
async fn what_is_no_document(database: Database) {
    let world = World::with(database, UsersSection { document_bytes_max: 1024, ..cheap() }).await;
    let ann = world.somebody("ann@example.com").await;
    let (large, just) = ([PNG, &[0; 1024]].concat(), [PNG, &[0; 1024 - 25]].concat());
    let huge = [PNG, &vec![0; 100_000]].concat();
    type Row<'a> = (&'a [(&'a str, &'a [u8])], &'a str);
    let rows: [Row<'_>; 11] = [
        (&[("kind", b"passport"), ("file", b"<html>")], "409 unknown_media"),
        (&[("kind", b"passport"), ("file", b"")], "409 unknown_media"),
        (&[("kind", b"letter"), ("file", PNG)], "400 invalid_request"),
        (&[("kind", b"\xff"), ("file", PNG)], "400 invalid_request"),
        (&[("kind", b"passport")], "400 invalid_request"),
        (&[("file", PNG)], "400 invalid_request"),
        (&[("kind", b"passport"), ("kind", b"passport"), ("file", PNG)], "400 invalid_request"),
        (&[("kind", b"passport"), ("file", PNG), ("other", b"")], "400 invalid_request"),
        (&[("kind", b"passport"), ("file", &large)], "413 too_large"),
        (&[("kind", b"passport"), ("file", &huge)], "413 too_large"),
        (&[("kind", b"passport"), ("file", &just)], "201 "),
    ];
    for (at, (fields, expected)) in rows.into_iter().enumerate() {
        assert_eq!(upload(&world, &ann, fields).await.told(), expected, "{at}");
    }
    for _ in 1..20 {
        assert_eq!(upload(&world, &ann, &[("kind", b"selfie"), ("file", PNG)]).await.status, 201);
    }
    assert_eq!(upload(&world, &ann, &[("kind", b"selfie"), ("file", PNG)]).await.told(), "409 too_many_documents");
    let folder = world.data().join("kyc").join(ann.user.to_string());
    assert_eq!(std::fs::read_dir(folder).expect("there").count(), 20);
    // Forms that are none.
    let authorization = format!("Bearer {}", ann.token);
    for (media, body) in [
        ("multipart/form-data", "x"),
        ("multipart/form-data; boundary=a", "--a\r\n"),
        ("multipart/form-data; boundary=a", ""),
    ] {
        let headers = [("Content-Type", media), ("Authorization", authorization.as_str())];
        let told = world.send("POST", "/api/v1/kyc/documents", &headers, body.as_bytes()).await.told();
        assert_eq!(told, "400 invalid_request", "{media} {body}");
    }
}
}

on_every_database! {
async fn a_document_may_be_as_large_as_is_said(database: Database) {
    let world = World::new(database).await;
    let ann = world.somebody("ann@example.com").await;
    let bytes_max = world.config.document_bytes_max;
    for (bytes, expected) in [(bytes_max, "201 "), (bytes_max + 1, "413 too_large")] {
        let file = [PNG, &vec![7; bytes - PNG.len()]].concat();
        assert_eq!(upload(&world, &ann, &[("kind", b"passport"), ("file", &file)]).await.told(), expected, "{bytes}");
    }
}
}
