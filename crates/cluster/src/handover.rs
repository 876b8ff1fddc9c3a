//! Owns what happens when a leader is cut off from the log while others are not: it lets one of them lead.
//! Never hands over to nobody: a stand-by has to say that it sees the log, and the leader then looks again and does not. So an
//! outage of the log itself, which nobody sees then, is waited out, whoever sees its end first.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::etcd::{Etcd, EtcdError};
use crate::kafka::Sight;

/// Between two looks at etcd.
const LOOK: Duration = Duration::from_millis(200);
/// Between two looks at our own sight.
const GLANCE: Duration = Duration::from_millis(50);
/// A stand-by that has not seen the log for so long does not try to lead.
const SEEN_MAX: Duration = Duration::from_secs(2);
/// A leader's own questions to the log, asked after a stand-by said that it sees it, that have to go without an answer: the log may
/// have come back for all. Questions, not seconds, since a machine that is short of time asks late.
const CONFIRMATIONS: u64 = 2;

/// Where the members of a shard ask each other.
#[derive(Clone)]
pub struct Meeting {
    etcd: Etcd,
    asked: String,
    answered: String,
}

impl Meeting {
    pub fn new(etcd: Etcd, prefix: &str, shard: &str) -> Meeting {
        let key = |what: &str| format!("{prefix}/handover/{shard}/{what}");
        Meeting { etcd, asked: key("asked"), answered: key("answered") }
    }

    /// The leader's part: returns when the log has been out of its sight for `patience`, and is not out of a stand-by's.
    pub async fn is_outlooked(&self, sight: &Sight, patience: Duration) {
        let (mut question, mut answered) = (None, None);
        loop {
            sleep(LOOK).await;
            if sight.last().elapsed() < patience {
                (question, answered) = (None, None);
                continue;
            }
            match self.has_answer(&mut question).await {
                Ok(true) => {
                    // One more was asked than have failed. And none may have been answered since the look above.
                    let confirmed = sight.asked() > *answered.get_or_insert(sight.asked()) + CONFIRMATIONS;
                    if confirmed && sight.last().elapsed() >= patience {
                        return;
                    }
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "the log is out of sight, and the stand-bys cannot be asked"),
            }
        }
    }

    async fn has_answer(&self, question: &mut Option<String>) -> Result<bool, EtcdError> {
        let Some(asked) = question else {
            let mut number = [0; 16];
            getrandom::fill(&mut number).map_err(|error| EtcdError::Away(error.to_string()))?;
            let text = format!("{:032x}", u128::from_le_bytes(number));
            tracing::warn!("the log is out of sight: asks whether a stand-by sees it");
            self.etcd.put(&self.asked, &text, 0).await?;
            *question = Some(text);
            return Ok(false);
        };
        Ok(self.etcd.get(&self.answered).await?.as_ref() == Some(asked))
    }

    /// A stand-by's part: says that it sees the log, each time that it is asked and does.
    pub async fn answer(&self, sight: &Sight) -> std::convert::Infallible {
        let mut done = self.etcd.get(&self.answered).await.ok().flatten();
        loop {
            sleep(LOOK).await;
            match self.etcd.get(&self.asked).await {
                Ok(Some(asked)) if done.as_ref() != Some(&asked) => {
                    // Later than the leader asked, and so later than it saw it itself.
                    let since = Instant::now();
                    while sight.last() < since && since.elapsed() < SEEN_MAX {
                        sleep(GLANCE).await;
                    }
                    if sight.last() >= since && self.etcd.put(&self.answered, &asked, 0).await.is_ok() {
                        tracing::info!("told the leader that the log is in sight here");
                        done = Some(asked);
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "cannot hear the leader's questions"),
            }
        }
    }
}

/// Waits until the log is in sight.
pub async fn until_seen(sight: &Sight) {
    while !is_seen(sight) {
        sleep(GLANCE).await;
    }
}

/// Whether the log is in sight well enough to lead.
pub fn is_seen(sight: &Sight) -> bool {
    sight.last().elapsed() <= SEEN_MAX
}
