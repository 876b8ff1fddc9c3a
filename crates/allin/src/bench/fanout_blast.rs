//! The peer of the fan-out bench: the same messages, in the same frames, written to as many sockets that know nothing.

use std::sync::Arc;
use std::time::Instant;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::fanout::{CLIENTS, TIME, WARM_UP};
use super::fanout_clients::{Counters, Delivered, count, counters, sum};

/// Messages a second, over and over in the order in which they were told. One writer a processor, one write a message.
pub async fn rate(told: &Delivered) -> Result<f64, String> {
    if told.frames.is_empty() {
        return Err("nothing was told".into());
    }
    let frames = Arc::new(told.frames.clone());
    let counters = counters();
    let writers = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut shares, mut readers) = open(&counters, writers).await.map_err(|error| error.to_string())?;
    let mut tasks = JoinSet::new();
    for mut share in shares.drain(..) {
        let frames = frames.clone();
        tasks.spawn(async move {
            for frame in frames.iter().cycle() {
                for socket in &mut share {
                    if let Err(error) = socket.write_all(frame).await {
                        return format!("a raw socket: {error}");
                    }
                }
            }
            String::new()
        });
    }
    tokio::time::sleep(WARM_UP).await;
    let (before, since) = (sum(&counters), Instant::now());
    tokio::time::sleep(TIME).await;
    let rate = (sum(&counters) - before) as f64 / since.elapsed().as_secs_f64();
    if let Some(ended) = tasks.try_join_next().or_else(|| readers.try_join_next()) {
        return Err(ended.unwrap_or_else(|error| error.to_string()));
    }
    tasks.shutdown().await;
    readers.shutdown().await;
    Ok(rate / told.frame_bytes())
}

/// The ends to write to, in shares, and readers at the others.
async fn open(counters: &Counters, writers: usize) -> std::io::Result<(Vec<Vec<TcpStream>>, JoinSet<String>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let mut shares: Vec<Vec<TcpStream>> = (0..writers).map(|_| Vec::new()).collect();
    let mut readers = JoinSet::new();
    for place in 0..CLIENTS {
        let (ours, theirs) = tokio::try_join!(TcpStream::connect(address), listener.accept())?;
        theirs.0.set_nodelay(true)?;
        shares[place % writers].push(theirs.0);
        readers.spawn(count(ours, counters.clone(), place));
    }
    Ok((shares, readers))
}
