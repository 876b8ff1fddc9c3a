//! Mails: by SMTP, or as files in an outbox where none is configured. Sent by a task, so that no answer tells by its time
//! whether there was something to send.

mod outbox;
pub mod texts;

use std::path::PathBuf;
use std::sync::Arc;

use allin_exchange::service::{ServiceError, Stopping};
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::sync::mpsc;

use super::config::UsersSection;
use super::error::Problem;

pub use outbox::latest_code;

/// Mails that wait.
const QUEUE_MAX: usize = 1024;
/// How often a mail is tried, and the pause between.
const TRIES: u32 = 3;
const RETRY_WAIT: std::time::Duration = std::time::Duration::from_secs(5);

/// A mail in plain text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    pub to: String,
    pub subject: &'static str,
    pub body: String,
}

/// Takes mails.
#[derive(Clone)]
pub struct Mail {
    queue: mpsc::Sender<Letter>,
}

/// Sends them.
pub struct Sender {
    queue: mpsc::Receiver<Letter>,
    from: Mailbox,
    way: Way,
}

enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Outbox(outbox::Outbox),
}

/// Both ends. The error says which setting is wrong.
pub fn open(config: &UsersSection, outbox: PathBuf) -> Result<(Mail, Sender), String> {
    let from = config.mail_from.parse().map_err(|error| format!("users.mail_from: {error}"))?;
    let way = match config.smtp_url.as_str() {
        "" => Way::Outbox(outbox::Outbox::open(outbox)?),
        url => {
            let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url);
            // The URL may hold a password.
            Way::Smtp(builder.map_err(|_| "users.smtp_url: not an SMTP address")?.build())
        }
    };
    let (sender, queue) = mpsc::channel(QUEUE_MAX);
    Ok((Mail { queue: sender }, Sender { queue, from, way }))
}

impl Mail {
    /// Whether there is room is asked for before anything is done, whether or not there will be a mail.
    pub fn reserve(&self) -> Result<mpsc::Permit<'_, Letter>, Problem> {
        self.queue.try_reserve().map_err(|_| Problem::busy())
    }

    /// A mail that nobody waits for: dropped, loudly, when too many are under way.
    pub fn notify(&self, letter: Letter) {
        if self.queue.try_send(letter).is_err() {
            tracing::warn!("a mail was dropped: too many are under way");
        }
    }
}

impl Sender {
    /// Until the service stops; what is queued by then is still written to the outbox.
    pub async fn run(mut self, mut stopping: Stopping) -> Result<(), ServiceError> {
        loop {
            tokio::select! {
                biased;
                Some(letter) = self.queue.recv() => self.send(letter, &mut stopping).await,
                () = stopping.wait() => return Ok(()),
                else => return Ok(()),
            }
        }
    }

    async fn send(&self, letter: Letter, stopping: &mut Stopping) {
        let subject = letter.subject;
        let message = match compose(&self.from, letter) {
            Ok(message) => Arc::new(message),
            Err(error) => return tracing::error!(subject, %error, "a mail cannot be composed"),
        };
        for tried in 1..=TRIES {
            let error = match &self.way {
                Way::Outbox(outbox) => outbox.write(&message).await.err(),
                Way::Smtp(smtp) => smtp.send(Message::clone(&message)).await.err().map(|error| error.to_string()),
            };
            let Some(error) = error else { return };
            tracing::warn!(subject, %error, tried, "a mail was not sent");
            if tried < TRIES {
                tokio::select! {
                    () = stopping.wait() => return,
                    () = tokio::time::sleep(RETRY_WAIT) => {}
                }
            }
        }
    }
}

fn compose(from: &Mailbox, letter: Letter) -> Result<Message, String> {
    // Checked when it came in; the library's own rules know fewer domains.
    let (user, domain) = letter.to.split_once('@').ok_or("no mail address")?;
    let address = Address::new_dangerous(user, domain);
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, address))
        .subject(letter.subject)
        .header(ContentType::TEXT_PLAIN)
        .body(letter.body)
        .map_err(|error| error.to_string())
}
