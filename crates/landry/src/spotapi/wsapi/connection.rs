//! One connection: frames in, answers and events out.

use std::pin::pin;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, SplitSink, SplitStream};
use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::unconstrained;
use tokio::time::{Instant, sleep_until, timeout};

use super::clock::{Clock, Due};
use super::session::{Doing, Session};
use super::{Door, Opening, respond};
use crate::directory::Change;

/// Frames taken at once, before anything else gets its turn.
const TAKEN_MAX: usize = 256;

/// Why a connection ends, where it is for us to say.
struct Goodbye {
    code: u16,
    reason: &'static str,
}

/// None when the peer went away.
type Ended = Option<Goodbye>;

struct Connection<'a> {
    session: Session<'a>,
    sink: SplitSink<WebSocket, Message>,
    clock: Clock,
    write_wait: Duration,
    /// Requests that are being answered.
    in_flight: FuturesUnordered<BoxFuture<'a, String>>,
    in_flight_max: usize,
}

/// Serves until either side ends it.
pub async fn serve(door: Door, socket: WebSocket, opening: Opening) {
    metrics::gauge!("spotapi_ws_connections").increment(1.0);
    let config = &door.app.config;
    let (sink, source) = socket.split();
    let mut connection = Connection {
        session: Session::new(&door.app, &door.user_data, opening),
        sink,
        clock: Clock::new(config, Instant::now()),
        write_wait: Duration::from_millis(config.ws_write_wait_ms),
        in_flight: FuturesUnordered::new(),
        in_flight_max: config.ws_in_flight_max as usize,
    };
    if let Some(goodbye) = connection.run(&door, source).await {
        let frame = CloseFrame { code: goodbye.code, reason: goodbye.reason.into() };
        let close = async {
            let _ = connection.sink.send(Message::Close(Some(frame))).await;
            let _ = connection.sink.close().await;
        };
        let _ = timeout(connection.write_wait, close).await;
    }
    metrics::gauge!("spotapi_ws_connections").decrement(1.0);
}

impl<'a> Connection<'a> {
    async fn run(&mut self, door: &'a Door, mut source: SplitStream<WebSocket>) -> Ended {
        let mut changes = door.app.handles.directory.changes();
        let mut stopping = door.stopping.clone();
        let mut stop = pin!(stopping.wait());
        let mut tick = pin!(sleep_until(self.clock.next()));
        let mut heard = true;
        loop {
            if tick.deadline() != self.clock.next() {
                tick.as_mut().reset(self.clock.next());
            }
            tokio::select! {
                () = stop.as_mut() => return self.say_goodbye().await,
                () = tick.as_mut() => {
                    if let Some(ended) = self.tick().await {
                        return ended;
                    }
                }
                change = changes.recv(), if heard => {
                    let frames = match change {
                        Ok(Change::Key(key)) => self.session.forget_key(&key),
                        Ok(Change::User(user)) if !self.session.concerns(user) => continue,
                        // What was missed may be a key.
                        Ok(Change::User(_) | Change::Everything) | Err(RecvError::Lagged(_)) => self.session.check_keys().await,
                        Err(RecvError::Closed) => {
                            heard = false;
                            continue;
                        }
                    };
                    if !self.send(frames).await {
                        return None;
                    }
                }
                Some(answer) = self.in_flight.next() => {
                    if !self.send_all_that_is_done(answer).await {
                        return None;
                    }
                }
                frames = self.session.next_event() => {
                    if !self.send(frames).await {
                        return None;
                    }
                }
                message = source.next(), if self.has_room() => {
                    if let Some(ended) = self.take_all(message, &mut source).await {
                        return ended;
                    }
                }
            }
        }
    }

    fn has_room(&self) -> bool {
        self.in_flight.len() < self.in_flight_max
    }

    /// Takes a frame and those that came with it, up to a bound: each alone would cost a turn of everything that may happen.
    async fn take_all(
        &mut self,
        mut next: Option<Result<Message, axum::Error>>,
        source: &mut SplitStream<WebSocket>,
    ) -> Option<Ended> {
        for _ in 1..TAKEN_MAX {
            if let Some(ended) = self.take(next).await {
                return Some(ended);
            }
            if !self.has_room() {
                return None;
            }
            next = source.next().now_or_never()?;
        }
        self.take(next).await
    }

    /// Takes a frame; gives the end of the connection if it brings that.
    async fn take(&mut self, next: Option<Result<Message, axum::Error>>) -> Option<Ended> {
        let Some(Ok(message)) = next else { return Some(refusal(next)) };
        match message {
            Message::Text(text) => match self.session.begin(text.as_str()).await {
                Doing::Answer(future) => {
                    self.in_flight.push(future);
                    // Begins it before the next one comes: the engine sees orders as they were sent.
                    if let Some(answer) = self.done() {
                        return (!self.send_all_that_is_done(answer).await).then_some(None);
                    }
                    None
                }
                Doing::Done(frames) => (!self.send(frames).await).then_some(None),
            },
            Message::Binary(_) => Some(Some(Goodbye { code: close_code::UNSUPPORTED, reason: "text frames only" })),
            Message::Ping(_) | Message::Pong(_) => {
                let now = Instant::now();
                if let Message::Pong(payload) = &message {
                    self.clock.pong(payload, now);
                }
                let too_many = Goodbye { code: close_code::POLICY, reason: "too many control frames" };
                (!self.clock.control_frame(now)).then_some(Some(too_many))
            }
            Message::Close(_) => {
                // The layer below has put its answer into the sink.
                let _ = timeout(self.write_wait, self.sink.flush()).await;
                Some(None)
            }
        }
    }

    async fn tick(&mut self) -> Option<Ended> {
        match self.clock.due(Instant::now()) {
            None => None,
            Some(Due::Ping(number)) => {
                let mut frames = vec![Message::Ping(number.to_string().into())];
                // An end of a key's life is told by nobody.
                frames.extend(self.session.check_keys().await.into_iter().map(text));
                (!self.write(frames).await).then_some(None)
            }
            Some(Due::Silent) => Some(Some(Goodbye { code: close_code::POLICY, reason: "no pong" })),
            Some(Due::Notice) => {
                let frame = respond::server_shutdown(self.session.time());
                (!self.send(vec![frame]).await).then_some(None)
            }
            Some(Due::End) => Some(Some(Goodbye { code: close_code::AWAY, reason: "24 hours are over" })),
        }
    }

    /// The service stops: what is open is answered first.
    async fn say_goodbye(&mut self) -> Ended {
        let frame = respond::server_shutdown(self.session.time());
        if !self.send(vec![frame]).await {
            return None;
        }
        while let Some(answer) = self.in_flight.next().await {
            if !self.send(vec![answer]).await {
                return None;
            }
        }
        Some(Goodbye { code: close_code::AWAY, reason: "the server is stopping" })
    }

    /// An answer that is there, once every request that is new was begun. Whatever is left of the task's budget: without one tokio
    /// would put a request off before it reaches the engine, and those that come after it could overtake it.
    fn done(&mut self) -> Option<String> {
        unconstrained(self.in_flight.next()).now_or_never().flatten()
    }

    /// Sends an answer, and those that are done by now with it.
    async fn send_all_that_is_done(&mut self, answer: String) -> bool {
        let mut frames = vec![answer];
        while let Some(answer) = self.done() {
            frames.push(answer);
        }
        self.send(frames).await
    }

    async fn send(&mut self, frames: Vec<String>) -> bool {
        self.write(frames.into_iter().map(text).collect()).await
    }

    /// False when the client went away or does not read.
    async fn write(&mut self, frames: Vec<Message>) -> bool {
        if frames.is_empty() {
            return true;
        }
        let sink = &mut self.sink;
        let write = async move {
            for frame in frames {
                sink.feed(frame).await?;
            }
            sink.flush().await
        };
        matches!(timeout(self.write_wait, write).await, Ok(Ok(())))
    }
}

fn text(frame: String) -> Message {
    Message::Text(frame.into())
}

/// The end that a broken frame brings.
fn refusal(message: Option<Result<Message, axum::Error>>) -> Ended {
    let error = message?.err()?.to_string();
    let too_long = error.contains("too long") || error.contains("too big");
    let (code, reason) = match (too_long, error.contains("UTF-8")) {
        (true, _) => (close_code::SIZE, "the message is too long"),
        (_, true) => (close_code::INVALID, "the text is not UTF-8"),
        _ => (close_code::PROTOCOL, "not a WebSocket frame that is understood"),
    };
    Some(Goodbye { code, reason })
}
