//! Owns the proof at the end of a run: all that happened is asked for from the first command on, folded through a state
//! machine of its own, and compared with the answers that were given and with the engine's digest, sums and books.
//! Never trusts a count of the sender's where the log can tell.
//! Known limits: whoever else trades at the same time is folded in too; the engine must be started with the same limits.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use allin_core::{
    ids::{OrderId, Seq, Timestamp},
    spot::{
        Spot,
        command::Command,
        event::{Event, Events},
        view::Conservation,
    },
};
use allin_runtime::{
    oplog,
    storage::{DiskStorage, Storage},
};
use allin_wire::exchange::v1::{
    ConservationQuery, EventRecord, StatusQuery, query_reply::Answer as Body, query_request::Kind as Question,
};

use super::{
    FeedError,
    flow::{Action, Flow},
    link::Link,
    plan::client_id,
    report::{Asset, Proof},
    setup,
    tally::{Tally, What, is_done},
};

/// What the log says of the orders of this run.
#[derive(Default)]
struct Told {
    /// Client id → the orders placed with it; more than one would be a doubled order.
    placed: HashMap<String, Vec<OrderId>>,
    done: HashSet<OrderId>,
    /// Sequences of commands, with the order that each answer named.
    answers: HashMap<u64, Option<OrderId>>,
    trades: u64,
    refused: u64,
}

/// `data` is the exchange's folder where it is on this machine: then its files are replayed as well.
pub async fn run(
    link: &mut Link<What>,
    flow: &Flow,
    tally: &mut Tally,
    tag: &str,
    data: &Path,
) -> Result<Proof, FeedError> {
    let (seq, body) = link.query(Question::Status(StatusQuery {})).await?;
    let Body::Status(status) = body else { return Err(FeedError::Answer("status")) };
    let (_, body) = link.query(Question::Conservation(ConservationQuery {})).await?;
    let Body::Conservation(sums) = body else { return Err(FeedError::Answer("conservation")) };
    let sums: Vec<Conservation> = sums.assets.into_iter().map(Conservation::from).collect();
    let view = setup::find(link).await?;

    let mut spot = Spot::new(Default::default());
    let mut told = Told::default();
    let mut faults = Vec::new();
    fold(link, seq, &mut spot, &mut told, &mut faults).await?;

    let digest = (spot.digest(), status.digest);
    if digest.0 != digest.1 {
        faults.push(format!("the replay's digest is {:016x}, the engine's {:016x}", digest.0, digest.1));
    }
    let log_digest = replay_files(data, Seq(seq)).unwrap_or_else(|fault| {
        faults.push(fault);
        None
    });
    if log_digest.is_some_and(|found| found != status.digest) {
        faults.push("the digest of the log's files is not the engine's".into());
    }
    for sum in sums.iter().filter(|sum| !sum.holds()) {
        faults.push(format!("asset {} is not conserved", sum.asset.0));
    }
    if spot.sums() != sums || !spot.conservation().iter().all(Conservation::holds) {
        faults.push("the replay's sums are not the engine's".into());
    }
    if let Some(view) = view
        && spot.market(view.spec.id) != Some(view)
    {
        faults.push("the replay's market is not the engine's".into());
    }
    let found = acknowledged(flow, tally, tag, &told, &mut faults);
    explain(tally, &told);
    let symbols: HashMap<_, _> = spot.assets().iter().map(|asset| (asset.id, asset.symbol.to_string())).collect();
    Ok(Proof {
        seq,
        digest: format!("{:016x}", status.digest),
        replay_digest: format!("{:016x}", spot.digest()),
        log_digest: log_digest.map(|digest| format!("{digest:016x}")),
        acknowledged: tally.acknowledged.len(),
        acknowledged_found: found,
        trades: told.trades,
        assets: sums.iter().map(|sum| Asset::new(symbols.get(&sum.asset).cloned().unwrap_or_default(), sum)).collect(),
        faults,
    })
}

/// Applies every record up to `until`, and compares the events that it came with.
async fn fold(
    link: &mut Link<What>,
    until: u64,
    spot: &mut Spot,
    told: &mut Told,
    faults: &mut Vec<String>,
) -> Result<(), FeedError> {
    let mut batches = link.subscribe().await?;
    let mut out = Events::new();
    while spot.seq().0 < until {
        let batch = batches.message().await.map_err(|status| FeedError::Subscription(status.to_string()))?;
        let batch = batch.ok_or_else(|| FeedError::Subscription("too early".into()))?;
        for record in batch.records {
            if spot.seq().0 == until {
                break;
            }
            let seq = record.seq;
            if seq != spot.seq().0 + 1 {
                return Err(FeedError::Subscription(format!("sequence {seq} comes after {}", spot.seq().0)));
            }
            let at = Timestamp(record.at_us);
            let (command, events) = decode(record).ok_or(FeedError::Answer("all that happened"))?;
            out.clear();
            spot.apply(Seq(seq), at, &command, &mut out);
            if out != events && faults.len() < 10 {
                faults.push(format!("sequence {seq}: the replay's events are not those that were told"));
            }
            told.record(seq, &events);
        }
    }
    Ok(())
}

/// The digest of the log's files at a sequence; none where there are no files.
fn replay_files(data: &Path, until: Seq) -> Result<Option<u64>, String> {
    let storage: Arc<dyn Storage> = Arc::new(DiskStorage::new(data));
    if storage.list(oplog::LOG_DIR).map_err(|error| error.to_string())?.is_empty() {
        return Ok(None);
    }
    let shard = oplog::shard_of(&*storage).map_err(|error| error.to_string())?;
    let fold = oplog::Fold::begin(storage, &oplog::Options::new(shard), || Spot::new(Default::default()));
    let mut fold = fold.map_err(|error| error.to_string())?;
    fold.advance(until).map_err(|error| error.to_string())?;
    if fold.machine.seq() != until {
        return Err(format!("the log's files end at sequence {}, before {}", fold.machine.seq().0, until.0));
    }
    Ok(Some(fold.machine.digest()))
}

fn decode(record: EventRecord) -> Option<(Command, Vec<Event>)> {
    let command = Command::try_from(record.command?).ok()?;
    let events: Result<Vec<Event>, _> = record.events.into_iter().map(Event::try_from).collect();
    Some((command, events.ok()?))
}

impl Told {
    fn record(&mut self, seq: u64, events: &[Event]) {
        let mut answer = None;
        for event in events {
            match event {
                Event::Placed(placed) => {
                    answer = answer.or(Some(placed.order));
                    let client = placed.new.client_id.as_str().to_owned();
                    self.placed.entry(client).or_default().push(placed.order);
                }
                Event::Repeated(repeated) => answer = answer.or(Some(repeated.order)),
                Event::Changed(changed) => answer = answer.or(Some(changed.order)),
                Event::Closed(closed) => {
                    answer = answer.or(Some(closed.order));
                    if is_done(closed.cause) {
                        self.done.insert(closed.order);
                    }
                }
                Event::Trade(_) => self.trades += 1,
                Event::Refused(_) => self.refused += 1,
                _ => {}
            }
        }
        self.answers.insert(seq, answer);
    }
}

/// Every acknowledged command is in the log, at its sequence, about its order; no order is there twice. Gives how many of
/// the acknowledged ones were found.
fn acknowledged(flow: &Flow, tally: &Tally, tag: &str, told: &Told, faults: &mut Vec<String>) -> usize {
    let mut found = 0;
    let mut lost = Vec::new();
    for answer in &tally.acknowledged {
        let row = &flow.rows[answer.row];
        let client = client_id(tag, row);
        let placed = told.placed.get(&client).map_or(&[][..], Vec::as_slice);
        let right = match row.action {
            Action::Created => placed == [answer.order] && told.answers.get(&answer.seq) == Some(&Some(answer.order)),
            _ => told.answers.get(&answer.seq).is_some_and(|order| order.is_some() && placed == order.as_slice()),
        };
        if right {
            found += 1;
        } else if lost.len() < 10 {
            lost.push(format!("{} at sequence {}", client, answer.seq));
        }
    }
    if !lost.is_empty() {
        let count = tally.acknowledged.len() - found;
        faults.push(format!("{count} acknowledged commands are not in the log as answered: {}", lost.join(", ")));
    }
    let doubled = told.placed.iter().filter(|(client, orders)| !client.is_empty() && orders.len() > 1).count();
    if doubled > 0 {
        faults.push(format!("{doubled} client ids have more than one order"));
    }
    found
}

/// Cancels that found nothing, and nobody knew why: the trade was told in an answer that a broken connection lost.
fn explain(tally: &mut Tally, told: &Told) {
    for id in std::mem::take(&mut tally.unexplained) {
        if tally.orders.get(&id).is_some_and(|order| told.done.contains(order)) {
            tally.counts.cancel_not_found -= 1;
            tally.counts.cancel_already_traded += 1;
        }
    }
}
