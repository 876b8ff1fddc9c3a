//! The fold: gathers messages until they are told.

use std::sync::Arc;

use allin_core::ids::Seq;
use allin_core::spot::event::Event;
use allin_runtime::engine::{Engine, Record};
use allin_runtime::topics::{EventTopics, Marks, Message, Place, Topic};
use async_trait::async_trait;

use super::book::Books;
use super::words::Words;
use crate::catalog::Catalog;
use crate::follow::{Fold, FollowError};

pub(super) struct TopicsFold {
    engine: Arc<dyn Engine>,
    topics: Box<dyn EventTopics>,
    standing_page: u32,
    marks: Marks,
    catalog: Catalog,
    books: Books,
    waiting: Vec<Message>,
    seq: Seq,
}

impl TopicsFold {
    pub fn new(engine: Arc<dyn Engine>, topics: Box<dyn EventTopics>, standing_page: u32) -> TopicsFold {
        TopicsFold {
            engine,
            topics,
            standing_page,
            marks: Marks::default(),
            catalog: Catalog::default(),
            books: Books::default(),
            waiting: Vec::new(),
            seq: Seq(0),
        }
    }

    /// Messages of one topic and command, in order; those that are there already are left out.
    fn tell(&mut self, topic: Topic, record: &Record, messages: Vec<(String, String)>) {
        let last = self.marks.last.get(&topic);
        for (index, (key, json)) in messages.into_iter().enumerate() {
            let place = Place { seq: record.seq, index: index as u32 };
            if last.is_none_or(|last| place > *last) {
                self.waiting.push(Message { topic, key, place, at: record.at, json });
            }
        }
    }
}

#[async_trait]
impl Fold for TopicsFold {
    async fn load(&mut self, durable: Seq) -> Result<Seq, FollowError> {
        self.waiting.clear();
        self.marks = self.topics.open().await?;
        let ahead = self.marks.last.values().map(|place| place.seq).max().unwrap_or_default().max(self.marks.position);
        if ahead > durable {
            let why = "so they are another log's: give this one topics of its own (kafka.event_topics)";
            return Err(format!("the topics go to sequence {}, beyond the log's {}, {why}", ahead.0, durable.0).into());
        }
        self.catalog = Catalog::of(&*self.engine).await?;
        let told = self.marks.last.get(&Topic::Books).map_or(Seq(0), |place| place.seq);
        self.books = Books::standing(&*self.engine, &self.catalog, self.standing_page, told).await?;
        self.seq = self.marks.position;
        Ok(self.seq)
    }

    fn apply(&mut self, record: &Record, events: &[Event]) {
        self.seq = record.seq;
        events.iter().for_each(|event| self.catalog.apply(event));
        let words = Words { catalog: &self.catalog, record };
        let all = [
            (Topic::Deals, words.deals(events)),
            (Topic::Orders, words.orders(events)),
            (Topic::Balances, words.balances(events)),
            (Topic::Books, self.books.apply(&self.catalog, record, events)),
        ];
        all.into_iter().for_each(|(topic, messages)| self.tell(topic, record, messages));
    }

    async fn commit(&mut self) -> Result<(), FollowError> {
        let told = self.waiting.len() as u64;
        self.topics.publish(std::mem::take(&mut self.waiting), self.seq).await?;
        metrics::counter!("allin_event_topics_messages_total").increment(told);
        Ok(())
    }
}
