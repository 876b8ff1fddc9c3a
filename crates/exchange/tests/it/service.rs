use std::{net::SocketAddr, time::Duration};

use allin_exchange::service::{ServiceError, Starting, bind};
use axum::{Router, routing::get};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const NAME: &str = "service-under-test";

fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

#[tokio::test]
async fn serves_until_stopped() {
    let mut starting = Starting::new(NAME);
    let listener = bind(NAME, anywhere()).await.unwrap();
    let address = starting.serve_http(listener, Router::new().route("/", get(async || "here"))).unwrap();
    let mut running = starting.running();
    running.ready().await.unwrap();
    assert_eq!(running.addresses(), [address]);

    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("here"), "{answer}");

    running.stop().await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn is_ready_when_it_says_so() {
    let mut starting = Starting::new(NAME);
    let (readiness, mut stopping) = (starting.readiness(), starting.stopping());
    starting.spawn(async move {
        stopping.wait().await;
        Ok(())
    });
    let mut running = starting.running();
    assert!(!running.is_ready());
    readiness.set(true);
    running.ready().await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_failing_task_ends_the_service() {
    let mut starting = Starting::new(NAME);
    let _readiness = starting.readiness();
    let mut stopping = starting.stopping();
    starting.spawn(async move {
        stopping.wait().await;
        Ok(())
    });
    starting.spawn(async { Err(ServiceError::failed(NAME, "lost its store")) });
    let mut running = starting.running();
    let ended = tokio::time::timeout(Duration::from_secs(5), running.ended()).await;
    assert_eq!(ended.unwrap().unwrap_err().to_string(), format!("{NAME}: lost its store"));
    assert!(!running.is_ready() && running.stop().await.is_err());
}

#[tokio::test]
async fn a_taken_address_is_named() {
    let taken = bind(NAME, anywhere()).await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = bind(NAME, address).await.unwrap_err().to_string();
    assert!(error.contains(&address.to_string()), "{error}");
}
