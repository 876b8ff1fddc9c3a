//! Two who believe that they lead: the log decides.

use allin_core::ids::{Epoch, Seq, Timestamp};
use allin_core::spot::command::Command;
use allin_runtime::engine::{Engine, SubmitError};
use allin_runtime::oplog::LogError;
use allin_runtime::shard::Completed;
use allin_runtime::storage::SimStorage;
use allin_testing::middleware::Kafka;
use allin_wire::oplog::frame::{self, Header, kind};

use super::support::*;

/// A message as an old leader would still send it.
pub fn message(epoch: u32, seqs: std::ops::RangeInclusive<u64>, durable: u64, command: &Command) -> Vec<u8> {
    let mut bytes = Vec::new();
    for seq in seqs {
        let header = Header {
            kind: kind::COMMAND,
            version: allin_wire::oplog::VERSION,
            epoch: Epoch(epoch),
            seq: Seq(seq),
            at: Timestamp(1),
            durable: Seq(durable),
        };
        let write = |out: &mut Vec<u8>| allin_wire::oplog::encode(command, out);
        frame::put(&mut bytes, crc32c::crc32c(SHARD.as_bytes()), &header, write).expect("within bounds");
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposed_leader_acknowledges_nothing_and_its_late_records_are_void() {
    let kafka = Kafka::shared();
    let log = new_log(kafka);
    let (old, fatals) = listed(&log).await;
    let mut told = acknowledged(&drive(&old.engine().pipeline(512), 0..3_000));
    let (old_epoch, _, _) = status(&old).await;

    // The next one takes over while the old one is under load and knows of nothing.
    let pipeline = old.engine().pipeline(512);
    let driving = tokio::task::spawn_blocking(move || {
        let (mut done, mut next) = (vec![], 3_000);
        while done.iter().all(|done: &Completed| done.outcome.is_ok()) {
            done.extend(drive(&pipeline, next..next + 2_000));
            next += 2_000;
        }
        done
    });
    let before = old.engine().durable();
    wait_for("some of the load", || old.engine().durable().0 > before.0 + 1_000);
    let (new, _) = lead(&log, &SimStorage::new()).expect("it takes over");
    let done = driving.await.expect("driven");
    assert!(done.iter().any(|done| matches!(done.outcome, Err(SubmitError::Unknown))), "it was deposed under load");
    told.extend(acknowledged(&done));
    assert!(fatals.told()[0].contains("was begun by another leader"), "{:?}", fatals.told());
    assert_eq!(old.engine().submit(cancel()).await.unwrap_err(), SubmitError::Stopping);
    drop(old);

    // What the old one still had on its way comes in after the claim, exactly where the new one goes on.
    let (epoch, last, _) = status(&new).await;
    assert!(epoch > old_epoch);
    let late = traffic(90_000_003);
    kafka_send(&log, &message(old_epoch.0, last.0 + 1..=last.0 + 5, last.0, &late));
    told.extend(acknowledged(&drive(&new.engine().pipeline(512), 100_000_000..100_001_000)));
    let (_, last, digest) = status(&new).await;
    new.stop();

    let all = entries(&log, last);
    assert_once(&all, &told);
    assert!(all.iter().all(|entry| entry.command != late), "a late record counts");
    assert_eq!(refold(&all).digest(), digest);
    let (again, _) = lead(&log, &SimStorage::new()).expect("and so does everybody see it later");
    assert_eq!(refold(&entries(&log, status(&again).await.1)).digest(), status(&again).await.2);
    again.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_claim_at_once_at_most_one_leads_an_epoch() {
    let log = new_log(Kafka::shared());
    let (first, _) = listed(&log).await;
    first.stop();
    let claims: Vec<_> = (0..4)
        .map(|_| {
            let log = log.clone();
            tokio::task::spawn_blocking(move || {
                let snapshots = SimStorage::new();
                let (setup, _) = setup(&snapshots);
                let store = allin_runtime::oplog::SnapshotStore::new(setup.storage.clone(), &setup.log);
                allin_cluster::kafka::Fold::open(&log, &store, fresh)?.lead().map(|led| led.epoch)
            })
        })
        .collect();
    let mut epochs = vec![];
    for claim in claims {
        match claim.await.expect("no panic") {
            Ok(epoch) => epochs.push(epoch),
            Err(LogError::Deposed { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!(!epochs.is_empty());
    epochs.sort();
    let count = epochs.len();
    epochs.dedup();
    assert_eq!(epochs.len(), count, "two lead one epoch");
}
