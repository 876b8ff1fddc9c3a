//! Who may ask what: every internal port of every process, and what users reach of it through the gateway.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::SystemTime;

use allin_runtime::auth::InternalToken;
use allin_wire::exchange::v1::CacheGetRequest;
use allin_wire::exchange::v1::shared_cache_client::SharedCacheClient;
use serde_json::Value;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use super::cluster::Cluster;

/// Status of an answer, and what came with it.
fn ask(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(request.as_bytes()).expect("open");
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    (text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0), text)
}

fn get(address: SocketAddr, host: &str, path: &str, more: &str) -> (u16, String) {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n"))
}

/// How a call with this pass fails; it is of a method that most ports do not have.
async fn call(channel: Channel, pass: Option<String>) -> Option<Code> {
    let mut request = tonic::Request::new(CacheGetRequest { key: "k".to_owned() });
    if let Some(pass) = pass {
        request.metadata_mut().insert("authorization", pass.parse().expect("text"));
    }
    SharedCacheClient::new(channel).get(request).await.err().map(|status| status.code())
}

fn is_let_in(answer: Option<Code>) -> bool {
    matches!(answer, None | Some(Code::Unimplemented))
}

/// Whatever is called: strangers are not told what there is, and services only where they have an arrow. Gives how many have.
fn assert_arrows(services: &[&Value], name: &str, port: SocketAddr, token: &InternalToken) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let channel = runtime.block_on(async {
        let channel = Endpoint::from_shared(format!("http://{port}")).expect("an address");
        channel.connect().await.expect("connects")
    });
    let call = |pass: Option<String>| runtime.block_on(call(channel.clone(), pass));
    let pass = |token: &InternalToken| Some(token.signer(name).header(SystemTime::now()));
    assert_eq!(call(None), Some(Code::Unauthenticated), "{name} {port}");
    assert!(is_let_in(call(pass(token))), "the operator calls {name} {port}");
    let arrow = |caller: &&Value| {
        let depends = caller["depends_on"].as_array().expect("a list").iter().any(|on| on == name);
        let caller = caller["name"].as_str().expect("a name");
        let answer = call(pass(&token.held_by(caller)));
        let is_as_it_should_be = if depends { is_let_in(answer) } else { answer == Some(Code::PermissionDenied) };
        assert!(is_as_it_should_be, "{caller} calls {name} {port}: {answer:?}");
        depends
    };
    services.iter().filter(|caller| arrow(caller)).count()
}

#[test]
fn every_internal_port_wants_a_pass_of_a_service_that_has_an_arrow_there() {
    let cluster = Cluster::start(&["--demo", "off"]);
    let token = InternalToken::read(&cluster.data()).expect("the token");
    let bearer = format!("Authorization: {}\r\n", token.header());
    let topology: Value = serde_json::from_str(&cluster.command(&["topology", "--format", "json"])).expect("JSON");
    let all = topology["services"].as_array().expect("services").iter();
    let built: Vec<&Value> = all.filter(|service| service["built"] == true).collect();
    let (mut asked, mut healths, mut arrows) = (0, 0, 0);
    for process in cluster.processes() {
        // On its own port everybody who reaches it sees how it is; nobody else does.
        let home = process.addresses.first().map(|address| address.parse::<SocketAddr>().expect("an address").ip());
        let Some(home) = home else { continue };
        let health = SocketAddr::new(home, 8090);
        assert_eq!(get(health, "a", "/healthz", "").0, 200, "{}", process.name);
        let (status, text) = get(health, "a", "/readyz", "");
        assert!(status == 200 && text.contains("\"ready\":true"), "{}: {text}", process.name);
        assert_eq!(get(health, "a", "/metrics", "").0, 200, "{}", process.name);
        healths += 1;
    }
    for service in &built {
        let name = service["name"].as_str().expect("a name");
        let process = cluster.process(name);
        for (port, address) in service["ports"].as_array().expect("ports").iter().zip(&process.addresses) {
            let socket: SocketAddr = address.parse().expect("an address");
            assert_eq!(port["port"].as_u64(), Some(socket.port().into()), "{name} is at the topology's port");
            if port["protocol"] == "grpc" {
                arrows += assert_arrows(&built, name, socket, &token);
            } else {
                assert_eq!(get(socket, "a", "/healthz", "").0, 200, "{name}");
                assert_eq!(get(socket, "a", "/readyz", "").0, 200, "{name}");
            }
            asked += 1;
        }
    }
    assert!(asked >= 14 && healths >= 10 && arrows >= 20, "{asked} ports, {healths} processes, {arrows} arrows");

    let port = |name: &str| cluster.process(name).addresses[0].parse::<SocketAddr>().expect("an address");
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    assert_eq!(ask(port("landry-ces-accesshttp"), post).0, 401);
    assert_eq!(get(port("landry-ces-monitorcenter"), "a", "/v1/services", "").0, 401);
    let (status, text) = get(port("landry-ces-monitorcenter"), "a", "/v1/services", &bearer);
    assert!(status == 200 && text.contains("landry-spotws-web"), "all processes report: {text}");
    let (users, user) = (port("landry-userserver-web"), "/internal/v1/users/1");
    assert_eq!((get(users, "a", user, "").0, get(users, "a", user, &bearer).0), (401, 404));

    // Through the gateway, with everything that a client can add.
    let public = cluster.public(0);
    for host in ["api.allin.localhost", "user.allin.localhost", "ws.allin.localhost", "allin.localhost"] {
        for path in [user, "/allin.landry.v1.UserDirectory/Follow", "/grpc.health.v1.Health/Check"] {
            let more = format!("{bearer}Content-Type: application/grpc\r\nTE: trailers\r\n");
            assert!([404, 426].contains(&get(public, host, path, &more).0), "{host}{path}");
        }
        let (_, text) = get(public, host, "/metrics", "");
        assert!(!text.contains("# TYPE"), "{host} shows metrics: {text}");
        let (_, text) = get(public, host, "/readyz", "");
        assert!(!text.contains("landry-"), "{host} shows names: {text}");
    }
}
