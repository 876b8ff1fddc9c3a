//! Owns the connection to the matching engine: commands sent ahead of their answers, answers matched to them, and what is
//! unanswered sent again after the connection broke.
//! Never sends a command twice that is not safe to be sent twice: those are given back to the caller.

use std::{
    collections::VecDeque,
    time::{Duration, Instant, SystemTime},
};

use allin_core::spot::command::Command;
use allin_runtime::auth::{InternalToken, Signer};
use allin_wire::exchange::v1::{
    EventBatch, QueryReply, QueryRequest, SubmitRefusal, SubmitReply, SubmitRequest, SubscribeRequest,
    match_engine_client::MatchEngineClient, query_reply::Answer as Body, query_request::Kind as Question,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Status, Streaming,
    metadata::MetadataValue,
    transport::{Channel, Endpoint},
};

/// Who is called.
const ENGINE: &str = "landry-ces-matchengine";
/// Longest pause between two tries to connect.
const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// Longest wait for one connection to be made.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// Largest message of a query or a batch of events.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("{0} is no address of a gRPC service")]
    Address(String),
    #[error("cannot reach the matching engine at {address} for {}s: {why}", patience.as_secs())]
    Unreachable { address: String, patience: Duration, why: String },
    #[error("the matching engine refuses the call: {0}")]
    Refused(String),
    #[error("the matching engine answers a question that was not asked")]
    Protocol,
}

/// What the sender wants back with the answer.
#[derive(Clone, Debug)]
pub struct Sent<T> {
    tag: u64,
    command: Command,
    /// Safe to be sent again when it is not known whether it arrived.
    again: bool,
    /// It was sent again.
    pub doubtful: bool,
    pub what: T,
}

/// An answer with its command; none when the connection is gone: call [`Link::reconnect`].
pub type Arrival<T> = Option<(Sent<T>, SubmitReply)>;

struct Stream {
    requests: mpsc::Sender<SubmitRequest>,
    replies: Streaming<SubmitReply>,
}

/// `T` is what the caller keeps with each command.
pub struct Link<T> {
    address: String,
    signer: Signer,
    client: MatchEngineClient<Channel>,
    stream: Option<Stream>,
    waiting: VecDeque<Sent<T>>,
    next_tag: u64,
    window: usize,
    patience: Duration,
    pub reconnects: u64,
}

impl<T> Link<T> {
    /// Connects; `window` commands may be unanswered, and a broken connection is tried again for `patience`.
    pub async fn connect(
        address: &str,
        token: &InternalToken,
        window: usize,
        patience: Duration,
    ) -> Result<Self, LinkError> {
        let bad = || LinkError::Address(address.to_owned());
        let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|_| bad())?;
        let endpoint = endpoint.connect_timeout(CONNECT_WAIT).tcp_nodelay(true);
        let mut link = Link {
            address: address.to_owned(),
            signer: token.signer(ENGINE),
            client: MatchEngineClient::new(endpoint.connect_lazy()).max_decoding_message_size(MESSAGE_BYTES_MAX),
            stream: None,
            waiting: VecDeque::with_capacity(window),
            next_tag: 1,
            window,
            patience,
            reconnects: 0,
        };
        link.open().await?;
        Ok(link)
    }

    pub fn in_flight(&self) -> usize {
        self.waiting.len()
    }

    pub fn has_room(&self) -> bool {
        self.waiting.len() < self.window
    }

    /// Sends a command without waiting for its answer. `again`: it may be sent twice.
    pub async fn send(&mut self, command: Command, again: bool, what: T) {
        let sent = Sent { tag: self.next_tag, command, again, doubtful: false, what };
        self.next_tag += 1;
        if let Some(stream) = &self.stream
            && stream.requests.send(request(&sent)).await.is_err()
        {
            self.stream = None;
        }
        self.waiting.push_back(sent);
    }

    /// The next answer. May be dropped while it waits.
    pub async fn arrival(&mut self) -> Result<Arrival<T>, LinkError> {
        let Some(stream) = &mut self.stream else { return Ok(None) };
        let reply = match stream.replies.message().await {
            Ok(Some(reply)) => reply,
            Ok(None) => return Ok(self.broken()),
            Err(status) if is_passing(&status) => return Ok(self.broken()),
            Err(status) => return Err(LinkError::Refused(status.to_string())),
        };
        // An engine that stops, or that lost its answer, is asked again after it is back.
        if matches!(reply.error(), SubmitRefusal::Stopping | SubmitRefusal::Unknown) {
            return Ok(self.broken());
        }
        // Answers come in order, but refusals at once.
        let at = self.waiting.iter().position(|sent| sent.tag == reply.tag).ok_or(LinkError::Protocol)?;
        let sent = self.waiting.remove(at).ok_or(LinkError::Protocol)?;
        Ok(Some((sent, reply)))
    }

    /// Connects again and sends again what is unanswered, in order; what must not be sent twice is given back.
    pub async fn reconnect(&mut self) -> Result<Vec<T>, LinkError> {
        self.reconnects += 1;
        let (again, given_back): (Vec<_>, Vec<_>) = self.waiting.drain(..).partition(|sent| sent.again);
        self.waiting.extend(again);
        for sent in &mut self.waiting {
            sent.doubtful = true;
        }
        self.open().await?;
        if let Some(stream) = &self.stream {
            for sent in &self.waiting {
                if stream.requests.send(request(sent)).await.is_err() {
                    break;
                }
            }
        }
        Ok(given_back.into_iter().map(|sent| sent.what).collect())
    }

    pub async fn query(&mut self, question: Question) -> Result<(u64, Body), LinkError> {
        let started = Instant::now();
        loop {
            let request = self.authorized(QueryRequest { kind: Some(question.clone()) });
            match self.client.query(request).await.map(tonic::Response::into_inner) {
                Ok(QueryReply { seq, answer: Some(body), .. }) => return Ok((seq, body)),
                Ok(_) => return Err(LinkError::Protocol),
                Err(status) => self.pause(started, &status).await?,
            }
        }
    }

    /// Every durable command and its events, from the first on.
    pub async fn subscribe(&mut self) -> Result<Streaming<EventBatch>, LinkError> {
        let request = self.authorized(SubscribeRequest { name: "feed".into(), from_seq: 1 });
        let stream = self.client.subscribe(request).await.map_err(|status| LinkError::Refused(status.to_string()))?;
        Ok(stream.into_inner())
    }

    fn broken(&mut self) -> Arrival<T> {
        self.stream = None;
        None
    }

    async fn open(&mut self) -> Result<(), LinkError> {
        self.stream = None;
        let started = Instant::now();
        loop {
            // Room for everything that may be unanswered, so that sending never waits.
            let (requests, receiver) = mpsc::channel(self.window + 1);
            let request = self.authorized(ReceiverStream::new(receiver));
            match self.client.submit(request).await {
                Ok(replies) => {
                    self.stream = Some(Stream { requests, replies: replies.into_inner() });
                    return Ok(());
                }
                Err(status) => self.pause(started, &status).await?,
            }
        }
    }

    /// Waits a little before the next try; fails when the try is hopeless or the patience is over.
    async fn pause(&self, started: Instant, status: &Status) -> Result<(), LinkError> {
        if !is_passing(status) {
            return Err(LinkError::Refused(status.to_string()));
        }
        if started.elapsed() > self.patience {
            let why = status.to_string();
            return Err(LinkError::Unreachable { address: self.address.clone(), patience: self.patience, why });
        }
        tokio::time::sleep(RETRY_PAUSE).await;
        Ok(())
    }

    fn authorized<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        // Names and numbers only, so it always is a header's value; without it the call is refused.
        if let Ok(pass) = MetadataValue::try_from(self.signer.header(SystemTime::now())) {
            request.metadata_mut().insert("authorization", pass);
        }
        request
    }
}

fn request<T>(sent: &Sent<T>) -> SubmitRequest {
    SubmitRequest { tag: sent.tag, command: Some((&sent.command).into()) }
}

/// A failure that a restart of the engine explains.
fn is_passing(status: &Status) -> bool {
    use tonic::Code::{Aborted, Cancelled, DeadlineExceeded, Internal, ResourceExhausted, Unavailable, Unknown};
    matches!(
        status.code(),
        Aborted | Cancelled | DeadlineExceeded | Internal | ResourceExhausted | Unavailable | Unknown
    )
}
