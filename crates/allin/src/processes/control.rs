//! The socket in the data folder where a supervisor is asked: one line of JSON, one back.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::child::State;
use crate::node::Failure;

const SOCKET: &str = "supervisor.sock";
/// Longest question or answer.
const LINE_BYTES_MAX: u64 = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub enum Ask {
    /// How all are doing.
    Ps,
    /// Ends all; the answer comes at once, the connection closes with the last process.
    Stop,
    /// A service's instances, one after the other; answered when the last is ready again.
    Restart { service: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    Done,
    Refused(String),
    Processes(Vec<Row>),
}

/// A process. Keys are an interface: add, never rename.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub service: String,
    pub instance: u8,
    pub pid: Option<u32>,
    pub state: State,
    pub ready: bool,
    pub uptime_s: u64,
    pub restarts: u32,
    pub health: String,
    pub addresses: Vec<String>,
    pub log: PathBuf,
    /// How its last life ended.
    pub ended: Option<String>,
}

/// A question with the way to its answer.
pub struct Asked {
    pub ask: Ask,
    stream: BufReader<UnixStream>,
}

impl Asked {
    /// Answers, and gives back the connection: it closes when that is dropped.
    pub async fn answer(mut self, answer: &Answer) -> UnixStream {
        let mut line = serde_json::to_vec(answer).unwrap_or_default();
        line.push(b'\n');
        // Whoever asked may have left.
        let _ = self.stream.get_mut().write_all(&line).await;
        self.stream.into_inner()
    }
}

/// The listening end. Only this system's user may ask: the folder's and the socket's rights say so.
pub struct Control(UnixListener, PathBuf);

impl Control {
    /// Takes the place of a socket that nobody listens on; the caller holds the data folder.
    pub fn bind(data: &Path) -> Result<Control, Failure> {
        use std::os::unix::fs::PermissionsExt;
        let path = data.join(SOCKET);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&path, &error)),
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(|error| at(&path, &error))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(|error| at(&path, &error))?;
        Ok(Control(listener, path))
    }

    /// The next question that can be read.
    pub async fn next(&self) -> Asked {
        loop {
            let Ok((stream, _)) = self.0.accept().await else {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            };
            // Only our own commands speak here, and they speak at once.
            let read = tokio::time::timeout(std::time::Duration::from_secs(1), read(stream)).await;
            if let Ok(Ok(asked)) = read {
                return asked;
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.1);
    }
}

async fn read(stream: UnixStream) -> Result<Asked, Failure> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    (&mut stream).take(LINE_BYTES_MAX).read_line(&mut line).await?;
    Ok(Asked { ask: serde_json::from_str(&line)?, stream })
}

/// Asks the supervisor of a data folder; waits until it hangs up if the answer is that it will end.
pub fn ask(data: &Path, ask: &Ask) -> Result<Answer, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let path = data.join(SOCKET);
        let away = |error| format!("{}: {error}; is `allin up --processes` running with this --data?", path.display());
        let mut stream = BufReader::new(UnixStream::connect(&path).await.map_err(away)?);
        let mut line = serde_json::to_vec(ask)?;
        line.push(b'\n');
        stream.get_mut().write_all(&line).await?;
        let mut text = String::new();
        (&mut stream).take(LINE_BYTES_MAX).read_line(&mut text).await?;
        let answer = serde_json::from_str(&text)?;
        if *ask == Ask::Stop && answer == Answer::Done {
            // Its end is the end of the connection.
            let mut rest = vec![];
            let _ = stream.take(LINE_BYTES_MAX).read_to_end(&mut rest).await;
        }
        Ok(answer)
    })
}

fn at(path: &Path, error: &io::Error) -> Failure {
    format!("{}: {error}", path.display()).into()
}
