//! TLS with the self-made certificate.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use allin_edge::{GatewaySection, Handles, Listeners, Resolver, tls};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;

use crate::world::{config, domains};

struct Nobody;

impl Resolver for Nobody {
    fn resolve(&self, _: &str, _: u16) -> Option<std::net::SocketAddr> {
        None
    }
}

fn client(folder: &std::path::Path, alpn: &[&str]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("tls/ca.pem")).expect("a certificate")).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn the_certificate_is_good_for_our_names_and_no_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = tls::server_config(&config(), folder.path(), &domains()).expect("made");
    let authority = std::fs::read(folder.path().join("tls/ca.pem")).expect("kept");
    let bind = || async { TcpListener::bind("127.0.0.1:0").await.expect("a port") };
    // At the next start the authority is the same.
    let server = tls::server_config(&config(), folder.path(), &domains()).expect("kept");
    drop(first);
    assert_eq!(std::fs::read(folder.path().join("tls/ca.pem")).expect("kept"), authority);
    for key in ["ca.key", "leaf.key"] {
        let mode = std::fs::metadata(folder.path().join("tls").join(key)).expect("kept").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
    let handles = Handles {
        domains: domains(),
        routes: watch::channel(allin_topology::render::apisix(
            &allin_topology::Topology::embedded().with_settings(domains()),
        ))
        .1,
        resolver: Arc::new(Nobody),
        listeners: Listeners { public: bind().await, tls: Some((bind().await, server)), internal: None, nlb: None },
        metrics: String::new,
    };
    let running = allin_edge::start("gateway", GatewaySection::default(), handles).expect("it starts");
    let address = running.addresses()[1];
    let rows = [
        ("api.allin.localhost", true),
        ("user.alias.localhost", true),
        ("localhost", true),
        ("127.0.0.1", true),
        ("x.aie.localhost", false),
        ("example.org", false),
    ];
    for (name, want) in rows {
        let stream = TcpStream::connect(address).await.expect("it listens");
        let server = ServerName::try_from(name).expect("a name");
        assert_eq!(client(folder.path(), &[]).connect(server, stream).await.is_ok(), want, "{name}");
    }
    for (alpn, spoken) in [(vec!["h2", "http/1.1"], "h2"), (vec!["http/1.1"], "http/1.1")] {
        let stream = TcpStream::connect(address).await.expect("it listens");
        let server = ServerName::try_from("api.allin.localhost").expect("a name");
        let mut stream = client(folder.path(), &alpn).connect(server, stream).await.expect("trusted");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(spoken.as_bytes()));
        if spoken == "http/1.1" {
            stream
                .write_all(b"GET / HTTP/1.1\r\nHost: api.allin.localhost\r\nConnection: close\r\n\r\n")
                .await
                .expect("open");
            let mut text = String::new();
            stream.read_to_string(&mut text).await.expect("an answer");
            assert!(text.starts_with("HTTP/1.1 503") && text.contains("-1001"), "{text}");
        }
    }
    running.stop().await.expect("in order");
}

#[test]
fn gateways_that_start_together_share_one_authority() {
    for round in 0..8 {
        let folder = tempfile::tempdir().expect("a folder");
        let start = || tls::server_config(&config(), folder.path(), &domains()).map(drop);
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let gateways: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            gateways.into_iter().map(|gateway| gateway.join().expect("no panic")).collect()
        });
        assert!(outcomes.iter().all(Result::is_ok), "round {round}: {outcomes:?}");
        let authority = std::fs::read(folder.path().join("tls/ca.pem")).expect("kept");
        start().expect("and afterwards");
        assert_eq!(std::fs::read(folder.path().join("tls/ca.pem")).expect("kept"), authority, "round {round}");
    }
    // One that was cut off before there was a lock.
    let folder = tempfile::tempdir().expect("a folder");
    tls::server_config(&config(), folder.path(), &domains()).expect("made");
    std::fs::write(folder.path().join("tls/ca.pem"), "").expect("emptied");
    let error = tls::server_config(&config(), folder.path(), &domains()).expect_err("nothing in it").to_string();
    assert!(error.contains("ca.pem") && error.contains("remove it"), "{error}");
}
