//! A bounded queue to which edges pass records of events without ever waiting.
//!
//! Logging must not slow a request. The queue is therefore bounded; when it is full, records are dropped and counted
//! (ALB user guide, "Access logs": they are kept "on a best-effort basis"). While nothing reads them the sink is closed,
//! and producers can skip the work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::mpsc;

/// The writing end.
#[derive(Debug)]
pub struct Sink<T> {
    queue: mpsc::Sender<T>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    open: AtomicBool,
    dropped: AtomicU64,
}

impl<T> Sink<T> {
    /// Creates an open sink and its reading end.
    pub fn bounded(capacity: usize) -> (Self, mpsc::Receiver<T>) {
        let (queue, reader) = mpsc::channel(capacity);
        let state = State { open: AtomicBool::new(true), dropped: AtomicU64::new(0) };
        (Self { queue, state: Arc::new(state) }, reader)
    }

    /// Whether a reader wants the records.
    pub fn is_open(&self) -> bool {
        self.state.open.load(Ordering::Relaxed)
    }

    /// Sets whether a reader wants the records, for every clone.
    pub fn set_open(&self, open: bool) {
        self.state.open.store(open, Ordering::Relaxed);
    }

    /// The number of records lost to a full queue.
    pub fn dropped(&self) -> u64 {
        self.state.dropped.load(Ordering::Relaxed)
    }

    /// Adds a record, or drops it. Never waits.
    pub fn accept(&self, account: T) {
        if self.is_open() && self.queue.try_send(account).is_err() {
            self.state.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<T> Clone for Sink<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), state: Arc::clone(&self.state) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_drops_and_counts_instead_of_waiting() {
        let (sink, mut reader) = Sink::bounded(2);
        (0..5).for_each(|number| sink.accept(number));
        assert_eq!(sink.dropped(), 3);
        assert_eq!((reader.try_recv(), reader.try_recv()), (Ok(0), Ok(1)));
        sink.accept(5);
        assert_eq!((reader.try_recv(), sink.dropped()), (Ok(5), 3));
    }

    #[test]
    fn a_closed_sink_takes_nothing_and_counts_nothing() {
        let (sink, mut reader) = Sink::bounded(1);
        let other = sink.clone();
        other.set_open(false);
        (0..5).for_each(|number| sink.accept(number));
        assert!(reader.try_recv().is_err() && sink.dropped() == 0);
    }
}
