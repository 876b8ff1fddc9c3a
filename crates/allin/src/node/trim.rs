//! How far every consumer of the operation log has stored it, and the trimming behind that.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use allin_cluster::kafka::{KafkaSection, look_at_events};
use allin_cluster::needs::Needs;
use allin_core::ids::Seq;
use allin_exchange::service::{ServiceError, Stopping};
use allin_runtime::config::{Domain, LogKeep, StoreSection};
use allin_runtime::oplog::SnapshotStore;
use allin_runtime::shard::Trimmer;
use allin_runtime::store::{Position, Schema, Store, StoreError};
use tokio::sync::watch;

use super::SHARD;
use crate::schemas;

/// A consumer whose store is made of the log, and the sequence up to which it is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Consumer {
    /// A service, or another machine that may lead.
    pub service: Cow<'static, str>,
    pub stored: Seq,
}

/// Every durable consumer of the spot log, as its store says. One that has no store yet, or whose store is of an older
/// version (to bring it up may take the log from its beginning), needs all of the log.
pub async fn consumers(stores: &StoreSection, data: &Path, kafka: &KafkaSection) -> Result<Vec<Consumer>, String> {
    let mut found = Vec::new();
    if !kafka.event_topics.is_empty() {
        let section = kafka.clone();
        let look = tokio::task::spawn_blocking(move || look_at_events(SHARD, &section)).await;
        let look = look.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        // Topics that are not there yet are told the log from its beginning.
        found.push(Consumer { service: "event topics".into(), stored: look.position.unwrap_or(Seq(0)) });
    }
    for (service, schema) in schemas::all() {
        let Some(consumer) = schema.consumer.filter(|_| Domain::of(service) == Domain::Spot) else { continue };
        let url = stores.url_of(service, data);
        // Looking must not make a file.
        let missing = url.strip_prefix("sqlite:").is_some_and(|path| !Path::new(path).exists());
        let stored = if missing { Ok(Seq(0)) } else { position(&url, &schema, consumer).await };
        let stored = stored.map_err(|error| format!("cannot tell how far {service} is: {error}"))?;
        found.push(Consumer { service: service.into(), stored });
    }
    Ok(found)
}

async fn position(url: &str, schema: &Schema, consumer: &'static str) -> Result<Seq, StoreError> {
    let store = Store::open(url).await?;
    let read = async {
        if !schema.missing(&store).await?.is_empty() {
            return Ok(Seq(0));
        }
        let mut tx = store.snapshot().await?;
        let stored = Position::new(consumer).load(&mut tx).await?;
        tx.commit().await?;
        Ok(stored)
    };
    let stored = read.await;
    store.close().await;
    stored
}

/// The one that is furthest behind.
pub fn last_of(consumers: &[Consumer]) -> Option<&Consumer> {
    consumers.iter().min_by_key(|consumer| consumer.stored)
}

/// Trims again and again, until the node stops. What fails is told, and tried again: the log only stays longer.
pub async fn run(
    trimmer: Trimmer,
    (stores, data, kafka): (StoreSection, PathBuf, KafkaSection),
    every: Duration,
    mut stopping: Stopping,
) -> Result<(), ServiceError> {
    loop {
        tokio::select! {
            () = stopping.wait() => return Ok(()),
            () = tokio::time::sleep(every) => {}
        }
        match consumers(&stores, &data, &kafka).await {
            Ok(consumers) => trim(&trimmer, &consumers).await,
            Err(error) => tracing::warn!(error, "the log is not trimmed"),
        }
    }
}

/// A machine of a shard whose log several share: it says what it needs of the log, and trims it once it leads.
pub struct Member {
    /// None where nobody can stand by.
    pub needs: Option<Needs>,
    pub snapshots: SnapshotStore,
    pub keep: LogKeep,
    pub stores: StoreSection,
    pub data: PathBuf,
    pub kafka: KafkaSection,
    pub every: Duration,
    pub leads: watch::Receiver<Option<Trimmer>>,
}

impl Member {
    /// Until the node stops; what fails is told, and tried again.
    pub async fn run(self, mut stopping: Stopping) -> Result<(), ServiceError> {
        loop {
            if let Err(error) = self.round().await {
                tracing::warn!(error, "the log is not trimmed");
            }
            tokio::select! {
                () = stopping.wait() => return Ok(()),
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }

    async fn round(&self) -> Result<(), String> {
        // Without a word of it everybody takes it that everything is needed here.
        if self.keep == LogKeep::All {
            return Ok(());
        }
        let trimmer = self.leads.borrow().clone();
        let mut all = consumers(&self.stores, &self.data, &self.kafka).await?;
        if let (Some(needs), Some(_)) = (&self.needs, &trimmer) {
            let others = needs.others().await.map_err(|error| format!("cannot tell what others need: {error}"))?;
            all.extend(others.map(|(stored, machine)| Consumer { service: machine.into(), stored }));
        }
        let bound = last_of(&all).map_or(Seq(0), |last| last.stored);
        let need = self.snapshots.pin(bound).map_err(|error| error.to_string())?;
        if let Some(needs) = &self.needs {
            needs.tell(need.unwrap_or(Seq(0)));
        }
        if let Some(trimmer) = trimmer {
            trim(&trimmer, &all).await;
        }
        Ok(())
    }
}

async fn trim(trimmer: &Trimmer, consumers: &[Consumer]) {
    let Some(last) = last_of(consumers) else { return };
    let (trimmer, stored) = (trimmer.clone(), last.stored);
    match tokio::task::spawn_blocking(move || trimmer(stored)).await {
        Ok(Ok(done)) if done.removed.is_empty() => {}
        Ok(Ok(done)) => {
            let (begin, segments) = (done.begin.0, done.removed.len());
            tracing::info!(begin, segments, held_by = &*last.service, stored = stored.0, "trimmed the log");
        }
        Ok(Err(error)) => tracing::error!(%error, "the log is not trimmed"),
        Err(error) => tracing::error!(%error, "the log is not trimmed"),
    }
}
