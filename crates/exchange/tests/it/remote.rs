//! What a process gives another: only with the token, in time, again after a break, and never for ever.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use allin_exchange::guard::Guarded;
use allin_exchange::health::Health;
use allin_exchange::remote::{CacheService, RemoteCache};
use allin_exchange::service::{Running, Starting, bind};
use allin_runtime::cache::{Cache, CacheError, MemoryCache};
use allin_wire::exchange::v1::CacheGetRequest;
use allin_wire::exchange::v1::shared_cache_client::SharedCacheClient;
use allin_wire::exchange::v1::shared_cache_server::SharedCacheServer;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};
use tonic::Code;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};

use crate::guarded::{SERVICE, peer, token};

const PATIENCE: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_secs(3600);

async fn serve(cache: Arc<dyn Cache>, address: &str) -> Running {
    let listener = bind("cache", address.parse().expect("an address")).await.expect("a port");
    let mut starting = Starting::new("cache");
    let service = CacheService { cache, stopping: starting.stopping() };
    let port = Some(Guarded { listener, verifier: token().verifier(SERVICE) });
    starting.serve_grpc(port, Server::builder(), Routes::new(SharedCacheServer::new(service))).expect("serves");
    starting.running()
}

/// Here and there the same.
#[tokio::test]
async fn a_cache_of_another_process_is_a_cache() {
    let kept = Arc::new(MemoryCache::new(3));
    let served = serve(kept.clone(), "127.0.0.1:0").await;
    let away = RemoteCache(peer(served.addresses()[0]));
    let both: [(&str, &dyn Cache); 2] = [("here", &*kept), ("there", &away)];
    for (place, cache) in both {
        let key = |name: &str| format!("{place}/{name}");
        assert_eq!(cache.get(&key("a")).await, Ok(None), "{place}");
        cache.set(&key("a"), Bytes::from_static(b"1"), HOUR).await.expect("taken");
        cache.set(&key("a"), Bytes::new(), HOUR).await.expect("taken");
        assert_eq!(cache.get(&key("a")).await, Ok(Some(Bytes::new())), "{place}: empty is not none");
        cache.set(&key("a"), Bytes::from_static(b"2"), Duration::ZERO).await.expect("taken");
        assert_eq!(cache.get(&key("a")).await, Ok(None), "{place}: its life is over");
        // What is published by the one is heard by the other.
        let mut heard = cache.subscribe(&key("news")).await.expect("listens");
        for (_, publisher) in both {
            publisher.publish(&key("news"), Bytes::from_static(b"n")).await.expect("told");
            publisher.publish(&key("other"), Bytes::from_static(b"o")).await.expect("told");
            let news = timeout(PATIENCE, heard.next()).await.expect("in time");
            assert_eq!(news, Ok(Bytes::from_static(b"n")), "{place}");
        }
    }
    for number in 0..3 {
        away.set(&format!("{number}"), Bytes::from_static(b"x"), HOUR).await.expect("room");
    }
    assert!(matches!(away.set("one more", Bytes::new(), HOUR).await, Err(CacheError::Full(_))));
    let mut open = away.subscribe("open").await.expect("listens");
    served.stop().await.expect("a stop does not wait for listeners");
    assert!(matches!(timeout(PATIENCE, open.next()).await, Ok(Err(CacheError::Unavailable(_)))));
}

#[tokio::test]
async fn nobody_gets_in_without_a_pass() {
    let served = serve(Arc::new(MemoryCache::new(10)), "127.0.0.1:0").await;
    let address = format!("http://{}", served.addresses()[0]);
    let channel = Endpoint::from_shared(address).expect("an address").connect().await.expect("connects");
    let whole = token().signer(SERVICE).header(SystemTime::now());
    let (elsewhere, bearer) = (token().signer("other").header(SystemTime::now()), token().header());
    let old = token().signer(SERVICE).header(SystemTime::now() - Duration::from_secs(60));
    let wrong = whole.replace("operator", "gateway");
    let rows: [(Option<&str>, Option<Code>); 9] = [
        (Some(&whole), None),
        (Some(&elsewhere), Some(Code::Unauthenticated)),
        (Some(&old), Some(Code::Unauthenticated)),
        (Some(&bearer), Some(Code::Unauthenticated)),
        (None, Some(Code::Unauthenticated)),
        (Some(""), Some(Code::Unauthenticated)),
        (Some("Bearer "), Some(Code::Unauthenticated)),
        (Some(&wrong), Some(Code::Unauthenticated)),
        (Some(&whole[..whole.len() - 1]), Some(Code::Unauthenticated)),
    ];
    for (presented, want) in rows {
        let mut request = tonic::Request::new(CacheGetRequest { key: "k".to_owned() });
        if let Some(value) = presented {
            request.metadata_mut().insert("authorization", value.parse().expect("text"));
        }
        let got = SharedCacheClient::new(channel.clone()).get(request).await;
        assert_eq!(got.err().map(|status| status.code()), want, "{presented:?}");
    }
    served.stop().await.expect("ends");
}

/// Who stands at a service's address without its token is not believed, whatever it says.
#[tokio::test]
async fn an_answer_proves_whose_it_is() {
    let listener = bind("cache", ([127, 0, 0, 1], 0).into()).await.expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let cache = Arc::new(MemoryCache::new(10));
    cache.set("k", Bytes::from_static(b"lie"), HOUR).await.expect("taken");
    let starting = Starting::new("impostor");
    let service = SharedCacheServer::new(CacheService { cache, stopping: starting.stopping() });
    let incoming = TcpIncoming::from(listener);
    let served = tokio::spawn(Server::builder().add_service(service).serve_with_incoming(incoming));
    let refused = RemoteCache(peer(address)).get("k").await.expect_err("not believed");
    assert!(refused.to_string().contains("prove"), "{refused}");
    served.abort();
}

#[tokio::test]
async fn a_question_is_asked_again_until_the_peer_is_back() {
    let first = serve(Arc::new(MemoryCache::new(10)), "127.0.0.1:0").await;
    let address = first.addresses()[0];
    let away = RemoteCache(peer(address));
    away.set("k", Bytes::from_static(b"1"), HOUR).await.expect("taken");
    first.stop().await.expect("ends");
    // Asked while nobody is there, answered when somebody is.
    let asked = tokio::spawn(async move { (away.get("k").await, away) });
    let kept = MemoryCache::new(10);
    kept.set("k", Bytes::from_static(b"2"), HOUR).await.expect("taken");
    let second = serve(Arc::new(kept), &address.to_string()).await;
    let (answer, away) = timeout(PATIENCE, asked).await.expect("in time").expect("ends");
    assert_eq!(answer, Ok(Some(Bytes::from_static(b"2"))));
    second.stop().await.expect("ends");

    // Nobody comes back: the first who ask wait for a while, then all are told at once.
    let refused =
        |answer: Result<Option<Bytes>, CacheError>| assert!(matches!(answer, Err(CacheError::Unavailable(_))));
    let mut quick = 0;
    for _ in 0..20 {
        let begun = Instant::now();
        refused(timeout(PATIENCE, away.get("k")).await.expect("never for ever"));
        quick += usize::from(begun.elapsed() < Duration::from_millis(100));
    }
    assert!(quick >= 10, "{quick} of 20 were told at once");
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_given_up() {
    // Takes connections and never speaks.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let silent = peer(listener.local_addr().expect("an address"));
    let holder = tokio::spawn(async move {
        let mut held = vec![];
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let answer = timeout(PATIENCE, RemoteCache(silent.clone()).get("k")).await.expect("it has a deadline");
    assert!(matches!(answer, Err(CacheError::Unavailable(_))), "{answer:?}");
    assert!(!timeout(PATIENCE, silent.serves()).await.expect("it has a deadline"));
    holder.abort();
}

#[tokio::test]
async fn a_need_is_met_as_long_as_the_peer_serves() {
    let served = serve(Arc::new(MemoryCache::new(10)), "127.0.0.1:0").await;
    let address = served.addresses()[0];
    let health = Health::new(Duration::from_secs(1), token(), String::new);
    let need = health.need("cache.0".to_owned());
    health.started();
    assert!(!health.is_ready(), "not there yet");
    let mut starting = Starting::new("watch");
    starting.spawn(peer(address).watch(need, starting.stopping()));
    let watching = starting.running();
    let until = async |ready: bool| {
        let all = async {
            while health.is_ready() != ready {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, all).await.unwrap_or_else(|_| panic!("never {ready}"));
    };
    until(true).await;
    served.stop().await.expect("ends");
    until(false).await;
    let again = serve(Arc::new(MemoryCache::new(10)), &address.to_string()).await;
    until(true).await;
    watching.stop().await.expect("ends");
    again.stop().await.expect("ends");
}
