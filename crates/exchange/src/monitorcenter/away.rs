//! Reports to the monitoring centre of another process.

use std::time::SystemTime;

use allin_runtime::auth::{InternalToken, Signer};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Duration, timeout};

use super::report::Report;
use super::{Monitor, Refusal};

/// Reports that wait while the centre is away; further ones are dropped, newer ones follow in a second.
const WAITING_MAX: usize = 64;
const ANSWER_MAX: Duration = Duration::from_secs(2);
const FINISH_MAX: Duration = Duration::from_millis(500);
const ROLE_HOST: &str = "monitorcenter";

/// Where reports go.
pub enum Sink {
    /// The centre of this process.
    Here(Monitor),
    Away {
        queue: mpsc::Sender<Report>,
        task: JoinHandle<()>,
    },
}

impl Sink {
    /// Sends reports to the centre, a service at `host:port`, as far as it is there. Must be called in a runtime.
    pub fn away(service: &str, address: String, token: &InternalToken) -> Sink {
        let (sender, queue) = mpsc::channel(WAITING_MAX);
        let task = tokio::spawn(post(address, token.signer(service), queue));
        Sink::Away { queue: sender, task }
    }

    pub(super) fn report(&self, report: Report) -> Result<(), Refusal> {
        match self {
            Sink::Here(monitor) => monitor.report(report),
            Sink::Away { queue, .. } => {
                // A full queue means that nobody takes them.
                let _ = queue.try_send(report);
                Ok(())
            }
        }
    }

    /// Waits for the last reports to be gone, for a moment.
    pub(super) async fn finish(self) {
        if let Sink::Away { queue, task } = self {
            drop(queue);
            let _ = timeout(FINISH_MAX, task).await;
        }
    }
}

async fn post(address: String, signer: Signer, mut queue: mpsc::Receiver<Report>) {
    let mut connection: Option<SendRequest<Full<Bytes>>> = None;
    while let Some(report) = queue.recv().await {
        let Ok(body) = serde_json::to_vec(&report) else { continue };
        let sent = timeout(ANSWER_MAX, send(&address, &signer, &mut connection, body)).await;
        match sent {
            Ok(Ok(status)) if status.is_success() => {}
            Ok(Ok(status)) => tracing::warn!(service = report.service, %status, "a report was refused"),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the monitoring centre is away");
                connection = None;
            }
            Err(_) => connection = None,
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn send(
    address: &str,
    signer: &Signer,
    connection: &mut Option<SendRequest<Full<Bytes>>>,
    body: Vec<u8>,
) -> Result<StatusCode, Failure> {
    let mut sender = match connection.take().filter(|sender| !sender.is_closed()) {
        Some(sender) => sender,
        None => {
            let (sender, driver) = http1::handshake(TokioIo::new(TcpStream::connect(address).await?)).await?;
            tokio::spawn(driver);
            sender
        }
    };
    sender.ready().await?;
    let request = Request::post("/v1/report")
        .header(HOST, ROLE_HOST)
        .header(AUTHORIZATION, signer.header(SystemTime::now()))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(body))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    response.into_body().collect().await?;
    *connection = Some(sender);
    Ok(status)
}
