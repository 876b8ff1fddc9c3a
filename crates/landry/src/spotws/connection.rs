//! One connection: reads requests, writes what waits for it, pings, and ends it in time. Holds no buffers while idle.

use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use allin_exchange::service::Stopping;
use bytes::{Buf, Bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::app::App;
use super::frame::{self, Closing, Decoder, Input};
use super::pace::{Pace, Sent};
use super::session::Session;
use crate::jsontext::Object;

/// Bytes of one read, frames of one write.
const READ_BYTES: usize = 4096;
const WRITE_FRAMES: usize = 64;
/// For the close frame to leave, and for the peer to answer it.
const FAREWELL_MAX: Duration = Duration::from_secs(2);
/// What is read after a close frame, so that it is not lost with the connection.
const FAREWELL_BYTES_MAX: usize = 64 << 10;

/// Pings that a pong may answer.
const PINGS_KEPT: usize = 4;

/// How a connection ended.
enum End {
    /// The peer is gone.
    Gone,
    /// The peer said good-bye.
    Asked(Option<u16>),
    Closing(Closing),
}

struct Connection {
    stream: TcpStream,
    session: Session,
    decoder: Decoder,
    writing: VecDeque<Bytes>,
    pace: Pace,
    pings: Instant,
    /// Payloads of the newest pings.
    pinged: Vec<Bytes>,
    pong: Instant,
    end_of_life: Instant,
}

/// Serves a connection to its end. `early` is what came with its request.
pub(super) async fn serve(app: Arc<App>, session: Session, stream: TcpStream, early: Bytes, mut stopping: Stopping) {
    let now = Instant::now();
    let mut connection = Connection {
        stream,
        session,
        decoder: Decoder::new(app.config.message_bytes_max as usize),
        writing: VecDeque::new(),
        pace: Pace::new(app.config.messages_1s_max, now),
        pings: now + Duration::from_millis(app.config.ping_ms),
        pinged: Vec::new(),
        pong: now,
        end_of_life: now + Duration::from_secs(app.config.lifetime_s),
    };
    connection.decoder.feed(&early);
    let end = connection.run(&app, &mut stopping).await;
    let Connection { stream, session, writing, .. } = connection;
    let combined = session.client.is_combined();
    // Nothing more is to wait for it.
    drop(session);
    // Only a frame that was begun has to be ended before the close frame.
    let mut last: Vec<Bytes> = writing.into();
    match end {
        End::Gone => return,
        End::Asked(code) => {
            let echo = code.map(|code| Closing { code, reason: "" });
            last.truncate(1);
            last.push(frame::close_frame(echo));
        }
        End::Closing(closing) => {
            last.truncate(1);
            if closing == Closing::GOING_AWAY || closing == Closing::END_OF_LIFE {
                last.push(shutdown_notice(&app, combined));
            }
            last.push(frame::close_frame(Some(closing)));
        }
    }
    let _ = timeout(FAREWELL_MAX, farewell(stream, last)).await;
}

fn shutdown_notice(app: &App, combined: bool) -> Bytes {
    let mut event = Object::new();
    event.text("e", "serverShutdown").raw("E", (app.clock)().millis());
    let event = event.finish();
    match combined {
        false => frame::text(&[&event]),
        true => frame::text(&["{\"stream\":\"!serverShutdown\",\"data\":", &event, "}"]),
    }
}

async fn farewell(mut stream: TcpStream, frames: Vec<Bytes>) -> std::io::Result<()> {
    for frame in frames {
        stream.write_all(&frame).await?;
    }
    stream.shutdown().await?;
    // A connection that is closed with bytes unread is reset, and the peer would not see why.
    let mut rest = 0;
    let mut bytes = [0; 512];
    while rest < FAREWELL_BYTES_MAX {
        match stream.read(&mut bytes).await? {
            0 => return Ok(()),
            count => rest += count,
        }
    }
    Ok(())
}

impl Connection {
    async fn run(&mut self, app: &App, stopping: &mut Stopping) -> End {
        // Requests may have come with the first bytes.
        if let Err(end) = self.inputs().await {
            return end;
        }
        let client = self.session.client.clone();
        loop {
            if let Some(closing) = client.ended() {
                return End::Closing(closing);
            }
            if let Err(end) = self.write() {
                return end;
            }
            let interest = match self.writing.is_empty() {
                true => Interest::READABLE,
                false => Interest::READABLE | Interest::WRITABLE,
            };
            let due = self.due(app);
            let ready = tokio::select! {
                () = stopping.wait() => return End::Closing(Closing::GOING_AWAY),
                ready = self.stream.ready(interest) => ready,
                () = client.news() => continue,
                () = sleep_until(due) => {
                    if let Err(end) = self.time(app) {
                        return end;
                    }
                    continue;
                }
            };
            match ready {
                Ok(ready) if ready.is_readable() || ready.is_read_closed() => {
                    if let Err(end) = self.read() {
                        return end;
                    }
                    if let Err(end) = self.inputs().await {
                        return end;
                    }
                }
                Ok(_) => {}
                Err(_) => return End::Gone,
            }
        }
    }

    /// When something is to be done by the clock.
    fn due(&self, app: &App) -> Instant {
        let no_pong = self.pong + Duration::from_millis(app.config.pong_timeout_ms);
        self.pings.min(no_pong).min(self.end_of_life)
    }

    fn time(&mut self, app: &App) -> Result<(), End> {
        let now = Instant::now();
        if now >= self.end_of_life {
            return Err(End::Closing(Closing::END_OF_LIFE));
        }
        if now >= self.pong + Duration::from_millis(app.config.pong_timeout_ms) {
            return Err(End::Closing(Closing::NO_PONG));
        }
        if now >= self.pings {
            self.pings = now + Duration::from_millis(app.config.ping_ms);
            let payload = Bytes::from((app.clock)().millis().to_string());
            self.session.client.push(&frame::ping(&payload));
            self.pinged.truncate(PINGS_KEPT - 1);
            self.pinged.insert(0, payload);
        }
        Ok(())
    }

    /// Takes what there is to read, one buffer full.
    fn read(&mut self) -> Result<(), End> {
        let mut bytes = [0; READ_BYTES];
        match self.stream.try_read(&mut bytes) {
            Ok(0) => Err(End::Gone),
            Ok(count) => {
                self.decoder.feed(&bytes[..count]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(End::Gone),
        }
    }

    /// Handles what was read.
    async fn inputs(&mut self) -> Result<(), End> {
        while let Some(input) = self.decoder.next().map_err(End::Closing)? {
            if let Input::Close(code) = input {
                return Err(End::Asked(code));
            }
            self.count(&input)?;
            match input {
                Input::Text(text) => self.session.handle(&text).await,
                Input::Ping(payload) => self.session.client.push(&frame::pong(&payload)),
                // One that answers no ping proves nothing.
                Input::Pong(payload) if self.pinged.contains(&payload) => self.pong = Instant::now(),
                Input::Pong(_) => {}
                Input::Close(_) => {}
            }
        }
        Ok(())
    }

    /// Counts what came against the limits.
    fn count(&mut self, input: &Input) -> Result<(), End> {
        let sent = if matches!(input, Input::Pong(_)) { Sent::Pong } else { Sent::Message };
        if self.pace.count(Instant::now(), sent) {
            return Ok(());
        }
        metrics::counter!("allin_spotws_hasty_clients_total").increment(1);
        Err(End::Closing(Closing::TOO_MANY))
    }

    /// Writes as much as the peer takes now.
    fn write(&mut self) -> Result<(), End> {
        loop {
            if self.writing.len() < WRITE_FRAMES {
                let room = WRITE_FRAMES - self.writing.len();
                self.session.client.take(&mut self.writing, room);
            }
            if self.writing.is_empty() {
                self.writing = VecDeque::new();
                return Ok(());
            }
            let mut slices = [IoSlice::new(&[]); WRITE_FRAMES];
            let count = self.writing.len().min(WRITE_FRAMES);
            for (slice, frame) in slices.iter_mut().zip(&self.writing) {
                *slice = IoSlice::new(frame);
            }
            match self.stream.try_write_vectored(&slices[..count]) {
                Ok(written) => self.written(written),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err(End::Gone),
            }
        }
    }

    fn written(&mut self, mut count: usize) {
        while count > 0 {
            let Some(front) = self.writing.front_mut() else { return };
            if front.len() > count {
                return front.advance(count);
            }
            count -= front.len();
            self.writing.pop_front();
        }
    }
}
