//! A trading core of another process, behind the same traits.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use allin_core::ids::{Seq, Timestamp};
use allin_core::spot::command::Command;
use allin_runtime::auth::InternalToken;
use allin_runtime::engine::{Answer, Batch, BusError, Engine, EventBus, Query, Reply, SubmitError, Subscription};
use allin_wire::exchange::v1 as pb;
use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::client::{Client, client, on};
use super::{convert, error};
use crate::remote::{Peer, PeerError};

/// Commands that wait for the connection.
const QUEUE_MAX: usize = 16_384;
/// Requests handed to the connection and not yet on the network.
const REQUESTS_MAX: usize = 1_024;

/// Longest wait for the answer to a command. It may be in the log all the same.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// An engine and bus on the other side of a connection. The commands of all its users share one stream.
pub struct RemoteEngine {
    peer: Peer,
    commands: mpsc::Sender<Sent>,
}

struct Sent {
    command: Command,
    reply: Waiting,
}

type Waiting = oneshot::Sender<Result<Reply, SubmitError>>;

impl RemoteEngine {
    /// `service` is its name, `address` is `host:port`. Does not wait for the connection, which is made when needed. Must be called in a runtime.
    pub fn new(service: &str, address: &str, token: &InternalToken) -> Result<RemoteEngine, PeerError> {
        Ok(RemoteEngine::of(Peer::new(service, address, token)?))
    }

    /// The engine behind a peer. Must be called in a runtime.
    pub fn of(peer: Peer) -> RemoteEngine {
        let (commands, queue) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(serve(client(&peer), queue));
        RemoteEngine { peer, commands }
    }
}

#[async_trait]
impl Engine for RemoteEngine {
    async fn submit(&self, command: Command) -> Result<Reply, SubmitError> {
        let (reply, receiver) = oneshot::channel();
        self.commands.try_send(Sent { command, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SubmitError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => SubmitError::Stopping,
        })?;
        match tokio::time::timeout(ANSWER_MAX, receiver).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Err(SubmitError::Unknown),
        }
    }

    async fn query(&self, query: Query) -> Result<Answer, SubmitError> {
        let call = |channel, request| async move { on(channel).query(request).await };
        let answered = self.peer.ask(convert::query_message(&query), call).await;
        let message = answered.map_err(|status| error::from_status(&status))?.into_inner();
        convert::answer(message).map_err(|_| SubmitError::Unknown)
    }
}

#[async_trait]
impl EventBus for RemoteEngine {
    async fn subscribe(&self, name: &'static str, from: Seq) -> Result<Box<dyn Subscription>, BusError> {
        let next = from.max(Seq(1));
        let request = pb::SubscribeRequest { name: name.to_owned(), from_seq: next.0 };
        let answered = client(&self.peer).subscribe(request).await;
        let batches = answered.map_err(|status| error::bus_error(&status, next.0))?.into_inner();
        Ok(Box::new(RemoteSubscription { batches, next }))
    }
}

struct RemoteSubscription {
    batches: Streaming<pb::EventBatch>,
    next: Seq,
}

#[async_trait]
impl Subscription for RemoteSubscription {
    async fn next(&mut self) -> Result<Arc<Batch>, BusError> {
        let message = self.batches.message().await.map_err(|status| error::bus_error(&status, self.next.0))?;
        let batch =
            convert::batch(message.ok_or(BusError::Closed)?).map_err(|error| BusError::Log(error.to_string()))?;
        if batch.first_seq() != Some(self.next) {
            return Err(BusError::Log(format!("the engine sent no batch from sequence {}", self.next.0)));
        }
        self.next = batch.last_seq().map_or(self.next, |last| Seq(last.0 + 1));
        Ok(Arc::new(batch))
    }
}

/// Keeps a stream open while there are commands, and makes another after it broke.
async fn serve(mut client: Client, mut queue: mpsc::Receiver<Sent>) {
    while let Some(first) = queue.recv().await {
        let (requests, outgoing) = mpsc::channel(REQUESTS_MAX);
        // The command goes only once there is a stream: what cannot be reached surely has not got it.
        match client.submit(ReceiverStream::new(outgoing)).await {
            Ok(replies) => {
                let stream = Stream { requests, waiting: HashMap::new(), tag: 0 };
                stream.run(first, replies.into_inner(), &mut queue).await;
            }
            Err(status) => {
                tracing::warn!(code = ?status.code(), message = status.message(), "no connection to the engine");
                let _ = first.reply.send(Err(SubmitError::Stopping));
            }
        }
    }
}

struct Stream {
    requests: mpsc::Sender<pb::SubmitRequest>,
    waiting: HashMap<u64, Waiting>,
    tag: u64,
}

impl Stream {
    /// Until the stream breaks. Replies are always taken, also while requests cannot be sent: the one may wait for the other.
    async fn run(mut self, first: Sent, mut replies: Streaming<pb::SubmitReply>, queue: &mut mpsc::Receiver<Sent>) {
        let requests = self.requests.clone();
        let mut next = Some(self.request(first));
        loop {
            tokio::select! {
                reply = replies.message() => match reply {
                    Ok(Some(reply)) => self.settle(reply),
                    Ok(None) | Err(_) => break,
                },
                permit = requests.reserve(), if next.is_some() => match (permit, next.take()) {
                    (Ok(permit), Some(request)) => permit.send(request),
                    _ => break,
                },
                sent = queue.recv(), if next.is_none() => match sent {
                    Some(sent) => next = Some(self.request(sent)),
                    None => break,
                },
            }
        }
        // In the log or not: nobody here knows.
        for (_, waiting) in self.waiting {
            let _ = waiting.send(Err(SubmitError::Unknown));
        }
    }

    fn request(&mut self, sent: Sent) -> pb::SubmitRequest {
        self.tag += 1;
        self.waiting.insert(self.tag, sent.reply);
        pb::SubmitRequest { tag: self.tag, command: Some((&sent.command).into()) }
    }

    fn settle(&mut self, reply: pb::SubmitReply) {
        let Some(waiting) = self.waiting.remove(&reply.tag) else { return };
        let outcome = match error::submit_error(reply.error, &reply.error_detail) {
            Some(error) => Err(error),
            None => match convert::events(reply.events) {
                Ok(events) => Ok(Reply { seq: Seq(reply.seq), at: Timestamp(reply.at_us), events }),
                Err(_) => Err(SubmitError::Unknown),
            },
        };
        let _ = waiting.send(outcome);
    }
}
