//! Who is let in: signatures in every form that clients send, and none that is not one.

use allin_landry::spotapi::security::verify;

use crate::world::{ALICE, World, keys};

/// xorshift; a seed tells the whole run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }
}

/// Another text: one to three bytes replaced, removed or added.
fn mutate(text: &str, letters: &[u8], random: &mut Random) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(3) {
        let (at, letter) = (random.below(bytes.len()), letters[random.below(letters.len())]);
        match random.below(4) {
            0 if bytes.len() > 1 => drop(bytes.remove(at)),
            1 => bytes.insert(at, letter),
            _ => bytes[at] = letter,
        }
    }
    String::from_utf8(bytes).expect("ASCII")
}

#[test]
fn a_million_mutations_and_none_is_accepted() {
    const PAYLOAD: &str =
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&timestamp=1767323045000";
    const LETTERS: &[u8] = b"ABCDEFabcdef0123456789+/=&.%xyzXYZ";
    let mut random = Random(0x5eed);
    let mut tried = 0;
    for (name, count) in [("alice", 980_000), ("aliceed", 10_000), ("alicersa", 10_000)] {
        let all = keys();
        let key = all.iter().find(|key| key.name == name).expect("is there");
        let (verifier, good) = (key.verifier(), key.sign(PAYLOAD.as_bytes()));
        assert!(verify(&verifier, PAYLOAD.as_bytes(), &good), "{name}");
        for _ in 0..count {
            let (mut payload, mut signature) = (PAYLOAD.to_owned(), good.clone());
            match random.below(2) {
                0 => payload = mutate(PAYLOAD, LETTERS, &mut random),
                _ => signature = mutate(&good, LETTERS, &mut random),
            }
            // Hexadecimal digits mean the same in either case.
            let same = signature == good || name == "alice" && signature.eq_ignore_ascii_case(&good);
            let expected = payload == PAYLOAD && same;
            assert_eq!(verify(&verifier, payload.as_bytes(), &signature), expected, "{name} {payload} {signature}");
            tried += 1;
        }
        for other in all.iter().filter(|other| other.name != name) {
            assert!(!verify(&other.verifier(), PAYLOAD.as_bytes(), &good), "{name}'s as {}'s", other.name);
        }
    }
    assert_eq!(tried, 1_000_000);
}

#[tokio::test]
async fn requests_are_signed_in_many_ways() {
    let world = World::new().await;
    let now = world.now().millis();
    let order = |id: &str| {
        format!(
            "symbol=BTCUSDT&side=SELL&type=LIMIT_MAKER&quantity=0.1&price=60000&newClientOrderId={id}&timestamp={now}"
        )
    };
    let sign = |key: &str, payload: &str| world.key(key).sign(payload.as_bytes());
    let encoded = |text: String| text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";
    const JSON: &str = "content-type: application/json\r\n";
    // (key, what is signed, query, body, content type)
    let mut rows: Vec<(&str, String, String, &str)> = Vec::new();
    let plain = |key: &str, id: &str| format!("{}&signature={}", order(id), sign(key, &order(id)));
    rows.push(("alice", plain("alice", "q1"), String::new(), ""));
    rows.push(("alice", plain("alice", "q2"), String::new(), JSON));
    rows.push(("alice", String::new(), plain("alice", "f1"), FORM));
    rows.push(("alice", String::new(), plain("alice", "f2"), JSON));
    rows.push((
        "alice",
        format!("signature={}&{}", sign("alice", &order("q3")).to_uppercase(), order("q3")),
        String::new(),
        "",
    ));
    let (head, rest) =
        ("symbol=BTCUSDT&side=SELL", format!("type=LIMIT_MAKER&quantity=0.1&price=60000&timestamp={now}"));
    let joined = sign("alice", &format!("{head}{rest}"));
    rows.push(("alice", head.to_owned(), format!("{rest}&signature={joined}"), FORM));
    rows.push(("alice", format!("{}&signature={}", order("e%3Ax"), sign("alice", &order("e:x"))), String::new(), ""));
    rows.push(("alice", format!("{}&signature={}", order("e%3Ay"), sign("alice", &order("e%3Ay"))), String::new(), ""));
    rows.push((
        "aliceed",
        format!("{}&signature={}", order("d1"), encoded(sign("aliceed", &order("d1")))),
        String::new(),
        "",
    ));
    rows.push((
        "alicersa",
        format!("{}&signature={}", order("r1"), encoded(sign("alicersa", &order("r1")))),
        String::new(),
        "",
    ));
    rows.push((
        "alicersa",
        String::new(),
        format!("{}&signature={}", order("r2"), encoded(sign("alicersa", &order("r2")))),
        FORM,
    ));
    for (key, query, body, kind) in rows {
        let head = format!("x-mbx-apikey: {key}\r\n{kind}");
        let mark = if query.is_empty() { "" } else { "?" };
        let answered = world.send("POST", &format!("/api/v3/order{mark}{query}"), &head, &body).await;
        assert_eq!(answered.status, 200, "{key} {query} {body}: {answered:?}");
    }
    let cancel = format!("symbol=BTCUSDT&origClientOrderId=q1&timestamp={now}");
    let body = format!("{cancel}&signature={}", sign("alice", &cancel));
    let answered = world.send("DELETE", "/api/v3/order", &format!("x-mbx-apikey: alice\r\n{FORM}"), &body).await;
    assert_eq!(answered.status, 200, "{answered:?}");
}

/// Base64 as it is, in a query and in a body: its `+` is a space to whoever decodes a form.
#[tokio::test]
async fn a_signature_in_base64_may_be_sent_as_it_is() {
    let world = World::new().await;
    let now = world.now().millis();
    for key in ["aliceed", "alicersa"] {
        let head = format!("x-mbx-apikey: {key}\r\n");
        // What a signature consists of is told by what is signed.
        let signed = (0..).find_map(|nth| {
            let query = format!("recvWindow={}&timestamp={now}", 10_000 + nth);
            let signature = world.key(key).sign(query.as_bytes());
            (signature.matches('+').count() > 1).then_some((query, signature))
        });
        let (query, signature) = signed.expect("there is no end of them");
        let rows = [
            (signature.clone(), 200),
            (signature.replace('+', "%2B"), 200),
            (signature.replacen('+', "%2B", 1), 200),
            (signature.replace('+', "%20"), 200),
            (signature.replace('+', "-"), 400),
            (signature.replace('+', "/"), 400),
            (signature.replacen('+', "", 1), 400),
            (signature.replacen('+', "++", 1), 400),
        ];
        for (signature, status) in rows {
            let text = format!("{query}&signature={signature}");
            let by_query = world.send("GET", &format!("/api/v3/account?{text}"), &head, "").await;
            let by_body = world.send("GET", "/api/v3/account", &head, &text).await;
            for answered in [by_query, by_body] {
                assert_eq!(answered.status, status, "{key} {text} {answered:?}");
                assert_eq!(answered.json()["code"].as_i64(), (status == 400).then_some(-1022), "{key} {text}");
            }
        }
    }
}

/// What is told of a client id with quotation marks comes after the signature.
#[tokio::test]
async fn a_raw_quotation_mark_is_signed_as_it_was_written_or_encoded() {
    let world = World::new().await;
    let order = |mark: &str| {
        let id = format!("{mark}q{mark}");
        let now = world.now().millis();
        format!("symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.1&newClientOrderId={id}&timestamp={now}")
    };
    let (raw, encoded) = (order("\""), order("%22"));
    let rows = [(&raw, &raw, -1100), (&raw, &encoded, -1100), (&encoded, &raw, -1100), (&raw, &order("'"), -1022)];
    for (sent, signed, code) in rows {
        let target = format!("/api/v3/order?{sent}&signature={}", world.key("alice").sign(signed.as_bytes()));
        let answered = world.send("POST", &target, "x-mbx-apikey: alice\r\n", "").await;
        assert_eq!((answered.status, answered.json()["code"].as_i64()), (400, Some(code)), "{sent} {signed}");
    }
}

#[tokio::test]
async fn keys_that_open_nothing() {
    let world = World::new().await;
    let account = "/api/v3/account";
    let far = |address: &str| format!("x-mbx-apikey: alicefar\r\nx-real-ip: {address}\r\n");
    let signed = |key: &str| format!("{account}?{}", world.sign(key, ""));
    let code = |answered: &crate::world::Answered| (answered.status, answered.json()["code"].as_i64().unwrap_or(0));
    assert_eq!(world.send("GET", &signed("alicefar"), &far("10.3.3.3"), "").await.status, 200);
    let refused = world.send("GET", &signed("alicefar"), &far("11.3.3.3"), "").await;
    assert_eq!(code(&refused), (401, -2015));
    // Bob's key with Alice's signature, a key sent twice, names that are none.
    for (head, expected) in [
        ("x-mbx-apikey: bob\r\n", (400, -1022)),
        ("x-mbx-apikey: alice\r\nx-mbx-apikey: bob\r\n", (401, -2014)),
        ("x-mbx-apikey: nobody\r\n", (401, -2015)),
        ("x-mbx-apikey: alice'--\r\n", (401, -2014)),
        ("x-mbx-apikey: \r\n", (401, -2014)),
        ("", (401, -2014)),
    ] {
        assert_eq!(code(&world.send("GET", &signed("alice"), head, "").await), expected, "{head}");
    }
    // A key has 64 letters and digits.
    for (key, expected) in
        [("short".to_owned(), -2014), ("x".repeat(63), -2014), ("x".repeat(65), -2014), ("x".repeat(64), -2015)]
    {
        let request = format!("GET {} HTTP/1.1\r\nhost: api\r\nx-mbx-apikey: {key}\r\n\r\n", signed("alice"));
        assert_eq!(code(&world.raw(request.as_bytes()).await), (401, expected), "{key}");
    }
    // Late, early, without end.
    let old = signed("alice");
    let head = "x-mbx-apikey: alice\r\n";
    assert_eq!(world.send("GET", &old, head, "").await.status, 200);
    world.pass(5_001_000);
    assert_eq!(code(&world.send("GET", &old, head, "").await), (400, -1021));
    // A key that is revoked is forgotten, although it was used a moment ago.
    world.directory.revoke("alice");
    for _ in 0..1000 {
        let answered = world.call("alice", "GET", account, "").await;
        if answered.status == 401 {
            assert_eq!(code(&answered), (401, -2015));
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(code(&world.call("alice", "GET", account, "").await), (401, -2015));
    // A frozen account reads and cancels; it places nothing.
    let order = "symbol=BTCUSDT&side=SELL&type=LIMIT_MAKER&quantity=0.1&price=60000&newClientOrderId=x";
    assert_eq!(world.call("aliceed", "POST", "/api/v3/order", order).await.status, 200);
    world.directory.freeze(ALICE);
    let again = "symbol=BTCUSDT&side=SELL&type=LIMIT_MAKER&quantity=0.1&price=60000";
    for _ in 0..1000 {
        let answered = world.call("aliceed", "POST", "/api/v3/order", again).await;
        if answered.status != 200 {
            assert_eq!(answered.text(), r#"400 {"code":-2010,"msg":"This action is disabled on this account."}"#);
            break;
        }
        tokio::task::yield_now().await;
    }
    world.ok("aliceed", "GET", account, "").await;
    world.ok("aliceed", "DELETE", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=x").await;
}
