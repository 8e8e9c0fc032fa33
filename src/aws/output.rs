//! What containers have written, and what clients put into log streams, as far as it is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// In milliseconds since 1970.
    pub at: i64,
    /// Without the end of the line.
    pub text: String,
}

/// Where the containers' output is kept.
pub trait ContainerOutput: Send + Sync {
    /// The streams of a group whose output is kept, by name.
    fn streams(&self, group: &str) -> Vec<String>;
    /// What was written to one, oldest first. Nothing, if nothing is kept.
    fn events(&self, group: &str, stream: &str) -> Vec<Event>;
}

/// Nothing is kept.
#[cfg(test)]
pub(super) struct NoOutput;

#[cfg(test)]
impl ContainerOutput for NoOutput {
    fn streams(&self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn events(&self, _: &str, _: &str) -> Vec<Event> {
        Vec::new()
    }
}

/// How many events of clients are kept in a stream; the oldest make room.
const KEPT: usize = 10_000;
/// How many streams.
const STREAMS: usize = 1_000;

/// Both, as one.
pub(super) struct Output {
    containers: Arc<dyn ContainerOutput>,
    put: Mutex<BTreeMap<(String, String), Vec<Event>>>,
}

impl Output {
    pub(super) fn new(containers: Arc<dyn ContainerOutput>) -> Self {
        Self { containers, put: Mutex::default() }
    }

    pub(super) fn streams(&self, group: &str) -> Vec<String> {
        self.containers.streams(group)
    }

    /// Oldest first.
    pub(super) fn events(&self, group: &str, stream: &str) -> Vec<Event> {
        let mut events = self.containers.events(group, stream);
        let put = self.put.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(more) = put.get(&(group.to_owned(), stream.to_owned())) {
            events.extend(more.iter().cloned());
            events.sort_by_key(|event| event.at);
        }
        events
    }

    pub(super) fn put(&self, group: &str, stream: &str, events: Vec<Event>) {
        let mut put = self.put.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (group.to_owned(), stream.to_owned());
        if put.len() >= STREAMS && !put.contains_key(&key) {
            put.pop_first();
        }
        let kept = put.entry(key).or_default();
        kept.extend(events);
        kept.drain(..kept.len().saturating_sub(KEPT));
    }

    pub(super) fn forget(&self, group: &str, stream: &str) {
        self.put.lock().unwrap_or_else(PoisonError::into_inner).remove(&(group.to_owned(), stream.to_owned()));
    }
}
