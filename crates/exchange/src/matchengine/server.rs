//! The service: one file for its four calls, which only translate.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use allin_core::ids::Seq;
use allin_core::spot::command::Command;
use allin_runtime::engine::{Engine, EventBus, SubmitError, Subscription};
use allin_runtime::shard::{Completed, LocalEngine, Pipeline};
use allin_wire::exchange::v1 as pb;
use allin_wire::exchange::v1::match_engine_server::MatchEngine;
use futures::Stream;
use futures::stream::unfold;
use tokio::sync::Notify;
use tonic::{Request, Response, Status, Streaming};

use super::config::MatchEngineSection;
use super::names::remembered;
use super::{convert, error};
use crate::service::Stopping;

pub(super) struct Server {
    pub engine: Arc<LocalEngine>,
    pub bus: Arc<dyn EventBus>,
    pub config: MatchEngineSection,
    pub stopping: Stopping,
}

type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl MatchEngine for Server {
    type SubmitStream = Replies<pb::SubmitReply>;
    type SubscribeStream = Replies<pb::EventBatch>;

    async fn submit(
        &self,
        request: Request<Streaming<pb::SubmitRequest>>,
    ) -> Result<Response<Self::SubmitStream>, Status> {
        let pipeline = self.engine.pipeline(self.config.stream_commands_max);
        let line = Arc::new(Line {
            pipeline,
            ended: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            room: Notify::new(),
        });
        tokio::spawn(read(line.clone(), request.into_inner(), self.stopping.clone()));
        let answers = Answers { line, done: Vec::new().into_iter() };
        let replies = unfold(answers, |mut answers| async move { Some((Ok(answers.next().await?), answers)) });
        Ok(Response::new(Box::pin(replies)))
    }

    async fn call(&self, request: Request<pb::SubmitRequest>) -> Result<Response<pb::SubmitReply>, Status> {
        let request = request.into_inner();
        let command = command(request.command).map_err(error::status)?;
        let reply = self.engine.submit(command).await.map_err(error::status)?;
        Ok(Response::new(pb::SubmitReply {
            tag: request.tag,
            seq: reply.seq.0,
            at_us: reply.at.0,
            events: convert::event_messages(&reply.events),
            ..Default::default()
        }))
    }

    async fn query(&self, request: Request<pb::QueryRequest>) -> Result<Response<pb::QueryReply>, Status> {
        let query = convert::query(request.into_inner()).map_err(|e| error::status(SubmitError::Malformed(e.0)))?;
        let answer = self.engine.query(query).await.map_err(error::status)?;
        Ok(Response::new(convert::answer_message(&answer)))
    }

    async fn subscribe(
        &self,
        request: Request<pb::SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let request = request.into_inner();
        let name = remembered(&request.name, "remote");
        let subscription = self.bus.subscribe(name, Seq(request.from_seq)).await.map_err(|e| error::bus_status(&e))?;
        let feed = Feed {
            subscription,
            stopping: self.stopping.clone(),
            records_max: self.config.event_batch_records_max,
            ready: Vec::new().into_iter(),
        };
        Ok(Response::new(Box::pin(unfold(Some(feed), |feed| async move { feed?.next().await }))))
    }
}

/// A stream of commands: one task reads, the replies are made as the client takes them.
struct Line {
    pipeline: Pipeline,
    /// The client has sent its last.
    ended: AtomicBool,
    /// Nobody takes the replies any more.
    gone: AtomicBool,
    /// Some of the pipeline became free.
    room: Notify,
}

impl Line {
    /// Waits for some answers; none when all are given.
    async fn completed(&self) -> Option<Vec<Completed>> {
        let mut done = Vec::new();
        loop {
            if self.pipeline.completed_now(&mut done) > 0 {
                self.room.notify_one();
                return Some(done);
            }
            if self.ended.load(Ordering::Acquire) && self.pipeline.in_flight() == 0 {
                return None;
            }
            self.pipeline.arrived().await;
        }
    }
}

/// The replies' side of a line.
struct Answers {
    line: Arc<Line>,
    done: std::vec::IntoIter<Completed>,
}

impl Answers {
    async fn next(&mut self) -> Option<pb::SubmitReply> {
        loop {
            if let Some(completed) = self.done.next() {
                return Some(reply(completed));
            }
            self.done = self.line.completed().await?.into_iter();
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.line.gone.store(true, Ordering::Release);
        self.line.room.notify_one();
    }
}

async fn read(line: Arc<Line>, mut requests: Streaming<pb::SubmitRequest>, mut stopping: Stopping) {
    loop {
        while line.pipeline.free() == 0 && !line.gone.load(Ordering::Acquire) {
            // Not read any further: the network holds the client back.
            line.room.notified().await;
        }
        let request = tokio::select! {
            request = requests.message() => request,
            () = stopping.wait() => break,
        };
        // A broken stream: what was sent is executed, nobody hears of it.
        let Ok(Some(request)) = request else { break };
        let sent = command(request.command).and_then(|command| line.pipeline.submit(request.tag, command));
        if let Err(refused) = sent {
            if line.gone.load(Ordering::Acquire) {
                break;
            }
            line.pipeline.refuse(request.tag, refused);
        }
    }
    line.ended.store(true, Ordering::Release);
    line.pipeline.poke();
}

fn command(message: Option<pb::Command>) -> Result<Command, SubmitError> {
    let message = message.ok_or(SubmitError::Malformed("command"))?;
    Command::try_from(message).map_err(|invalid| SubmitError::Malformed(invalid.0))
}

fn reply(completed: Completed) -> pb::SubmitReply {
    let tag = completed.tag;
    match completed.outcome {
        Ok(place) => pb::SubmitReply {
            tag,
            seq: place.seq().0,
            at_us: place.at().0,
            events: convert::event_messages(place.events()),
            ..Default::default()
        },
        Err(refused) => pb::SubmitReply {
            tag,
            error: error::refusal(refused) as i32,
            error_detail: error::detail(refused),
            ..Default::default()
        },
    }
}

/// A stream of events.
struct Feed {
    subscription: Box<dyn Subscription>,
    stopping: Stopping,
    records_max: usize,
    ready: std::vec::IntoIter<pb::EventBatch>,
}

impl Feed {
    /// The next message, and where to go on unless it is the last.
    async fn next(mut self) -> Option<(Result<pb::EventBatch, Status>, Option<Feed>)> {
        loop {
            if let Some(message) = self.ready.next() {
                return Some((Ok(message), Some(self)));
            }
            let batch = tokio::select! {
                batch = self.subscription.next() => batch,
                () = self.stopping.wait() => return None,
            };
            match batch {
                Ok(batch) => self.ready = convert::batch_messages(&batch, self.records_max).into_iter(),
                Err(error) => return Some((Err(error::bus_status(&error)), None)),
            }
        }
    }
}
