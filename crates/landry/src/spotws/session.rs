//! What one connection listens to, and how its requests are answered.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::app::App;
use super::depth::start_feeds;
use super::frame;
use super::hub::Subject;
use super::outbox::Client;
use super::request::{self, Id, Refusal, Request};
use super::stream::Stream;
use super::user::{self, Found};
use crate::jsontext;

pub(super) struct Session {
    app: Arc<App>,
    pub client: Arc<Client>,
    /// By name as it is told, in the order of subscribing. None for a name of nothing that there is: it is kept and
    /// listed, and nothing ever comes.
    subscribed: HashMap<String, (u64, Option<Subject>)>,
    next: u64,
}

/// The streams of these names, each once, with what they are; none when no connection may have so many.
pub(super) fn distinct(app: &App, names: &[String]) -> Option<Vec<(String, Option<Subject>)>> {
    let tables = app.hub.tables();
    let mut known = HashSet::new();
    let mut found = Vec::new();
    for name in names.iter().filter(|name| !name.is_empty()) {
        let (name, subject) = match Stream::parse(name, &tables.catalog) {
            Some(stream) => (stream.name(&tables.catalog), Some(Subject::Stream(stream))),
            None => (name.clone(), None),
        };
        if known.insert(name.clone()) {
            found.push((name, subject));
        }
        if found.len() > app.config.streams_max as usize {
            return None;
        }
    }
    Some(found)
}

/// Why a subscription was refused.
pub(super) enum Failed {
    TooMany,
    Away(String),
}

impl Session {
    pub fn new(app: Arc<App>, client: Arc<Client>) -> Session {
        Session { app, client, subscribed: HashMap::new(), next: 0 }
    }

    /// Answers a client's text.
    pub async fn handle(&mut self, text: &str) {
        let answer = match request::parse(text) {
            Ok((request, id)) => self.answer(request, &id).await.unwrap_or_else(|refusal| refusal.json()),
            Err(refusal) => refusal.json(),
        };
        self.client.push(&frame::text(&[&answer]));
    }

    async fn answer(&mut self, request: Request, id: &Id) -> Result<String, Refusal> {
        match request {
            Request::Subscribe(names) => {
                self.subscribe(&names).await.map_err(|failed| match failed {
                    Failed::TooMany => Refusal::too_many_streams(self.app.config.streams_max, id),
                    Failed::Away(msg) => Refusal::away(&msg, id),
                })?;
            }
            Request::Unsubscribe(names) => names.iter().for_each(|name| self.unsubscribe(name)),
            Request::SetCombined(combined) => self.client.set_combined(combined),
            Request::GetCombined => {
                return Ok(request::answer(if self.client.is_combined() { "true" } else { "false" }, id));
            }
            Request::List => {
                let mut names: Vec<(&u64, &String)> =
                    self.subscribed.iter().map(|(name, (at, _))| (at, name)).collect();
                names.sort();
                let names = names.into_iter().map(|(_, name)| jsontext::string(name));
                return Ok(request::answer(&jsontext::array(names), id));
            }
        }
        Ok(request::answer("null", id))
    }

    /// Subscribes to all of the names, or to none when they are too many.
    pub async fn subscribe(&mut self, names: &[String]) -> Result<(), Failed> {
        let found = distinct(&self.app, names).ok_or(Failed::TooMany)?;
        let new = found.iter().filter(|(name, _)| !self.subscribed.contains_key(name)).count();
        if self.subscribed.len() + new > self.app.config.streams_max as usize {
            return Err(Failed::TooMany);
        }
        for (name, subject) in found {
            let subject = match subject {
                Some(subject) => {
                    start_feeds(&self.app, self.app.hub.subscribe(&subject, &name, &self.client));
                    Some(subject)
                }
                None => self.listen_key(&name).await?,
            };
            self.next += 1;
            let at = self.next;
            self.subscribed.entry(name).or_insert((at, None)).1 = subject;
        }
        Ok(())
    }

    /// Listens to a user if the name is a listen key.
    async fn listen_key(&self, name: &str) -> Result<Option<Subject>, Failed> {
        if !user::may_be_key(name) {
            return Ok(None);
        }
        let away = |error: &dyn std::fmt::Display| Failed::Away(error.to_string());
        match user::find(&self.app, name).await.map_err(|error| away(&error))? {
            Found::NoKey => Ok(None),
            Found::Key(user) => {
                let key: Arc<str> = name.into();
                user::listen(&self.app, &key, user, &self.client).await.map_err(|error| away(&error))?;
                Ok(Some(Subject::User(key)))
            }
        }
    }

    fn unsubscribe(&mut self, name: &str) {
        let tables = self.app.hub.tables();
        let told = Stream::parse(name, &tables.catalog).map(|stream| stream.name(&tables.catalog));
        let entry = self.subscribed.remove(told.as_deref().unwrap_or(name));
        if let Some((_, Some(subject))) = entry {
            self.app.hub.unsubscribe(&subject, &self.client);
        }
        if self.subscribed.is_empty() {
            self.subscribed = HashMap::new();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for (_, subject) in self.subscribed.values() {
            if let Some(subject) = subject {
                self.app.hub.unsubscribe(subject, &self.client);
            }
        }
    }
}
