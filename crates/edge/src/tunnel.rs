//! Bytes both ways between two connections. An idle tunnel holds no buffer: ten thousand of them wait for news at a time.

use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use allin_exchange::service::Stopping;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep};

/// Bytes that are moved at once, and the most that wait for a slow reader besides the sockets' own buffers.
const CHUNK_BYTES: usize = 16 << 10;

/// One direction.
#[derive(Default)]
struct Half {
    /// What was read and not taken yet, from this byte on.
    waiting: Option<(Box<[u8]>, usize)>,
    unflushed: bool,
    ended: bool,
    shut: bool,
}

/// Moves bytes until both sides have ended, one fails, nothing moved for `idle_max`, or the gateway stops.
pub async fn run<A, B>(mut a: A, mut b: B, idle_max: Duration, mut stopping: Stopping)
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let (mut there, mut back) = (Half::default(), Half::default());
    let mut moved_at = Instant::now();
    let mut idle = pin!(sleep(idle_max));
    let pump = poll_fn(|cx| {
        let mut moved = false;
        let there = there.poll(cx, &mut a, &mut b, &mut moved);
        let back = back.poll(cx, &mut b, &mut a, &mut moved);
        if moved {
            moved_at = Instant::now();
        }
        while idle.as_mut().poll(cx).is_ready() {
            if moved_at.elapsed() >= idle_max {
                return Poll::Ready(());
            }
            idle.as_mut().reset(moved_at + idle_max);
        }
        match (there, back) {
            (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_))) | (Poll::Ready(_), Poll::Ready(_)) => Poll::Ready(()),
            _ => Poll::Pending,
        }
    });
    tokio::select! {
        () = pump => {}
        () = stopping.wait() => {}
    }
}

impl Half {
    /// Ready when the direction has ended.
    fn poll<R, W>(&mut self, cx: &mut Context<'_>, from: &mut R, to: &mut W, moved: &mut bool) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            while let Some((bytes, at)) = &mut self.waiting {
                *at += written(ready!(Pin::new(&mut *to).poll_write(cx, &bytes[*at..])))?;
                *moved = true;
                if *at == bytes.len() {
                    self.waiting = None;
                }
            }
            if self.ended {
                if !self.shut {
                    ready!(Pin::new(&mut *to).poll_shutdown(cx))?;
                    self.shut = true;
                }
                return Poll::Ready(Ok(()));
            }
            let mut space = [MaybeUninit::uninit(); CHUNK_BYTES];
            let mut read = ReadBuf::uninit(&mut space);
            match Pin::new(&mut *from).poll_read(cx, &mut read) {
                Poll::Ready(done) => done?,
                Poll::Pending => {
                    if self.unflushed {
                        ready!(Pin::new(&mut *to).poll_flush(cx))?;
                        self.unflushed = false;
                    }
                    return Poll::Pending;
                }
            }
            let bytes = read.filled();
            self.ended = bytes.is_empty();
            if self.ended {
                continue;
            }
            *moved = true;
            self.unflushed = true;
            let taken = match Pin::new(&mut *to).poll_write(cx, bytes) {
                Poll::Ready(taken) => written(taken)?,
                Poll::Pending => 0,
            };
            if taken < bytes.len() {
                self.waiting = Some((bytes[taken..].into(), 0));
            }
        }
    }
}

fn written(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use allin_exchange::service::Starting;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// Far less room than a chunk, so that most of each chunk has to wait.
    #[tokio::test]
    async fn slow_readers_get_every_byte_and_the_end() {
        let (mut client, a) = duplex(61);
        let (b, mut service) = duplex(67);
        let starting = Starting::new("tunnel");
        let tunnel = tokio::spawn(run(a, b, Duration::from_secs(60), starting.stopping()));
        let there: Vec<u8> = (0..200_000_u32).map(|i| (i % 251) as u8).collect();
        let back: Vec<u8> = (0..100_000_u32).map(|i| (i % 241) as u8).collect();
        let (sent, answered) = (there.clone(), back.clone());
        let served = tokio::spawn(async move {
            let mut got = Vec::new();
            service.read_to_end(&mut got).await.expect("until the client ends");
            service.write_all(&answered).await.expect("open");
            got
        });
        client.write_all(&sent).await.expect("open");
        client.shutdown().await.expect("open");
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.expect("until the service ends");
        assert!(got == back && served.await.expect("served") == there);
        tunnel.await.expect("it ends with both");
    }
}
