//! Copies of what passes, for whoever listens at the moment. While nobody does, nothing is copied.

use std::sync::Arc;

use tokio::sync::{broadcast, watch};

/// Copies that a slow listener may be behind; then it loses the oldest.
const BEHIND: usize = 16 * 1024;

/// The end that copies go into.
#[derive(Debug)]
pub struct Tap<T> {
    copies: broadcast::Sender<T>,
    listeners: Arc<watch::Sender<usize>>,
}

/// The end that they come from.
#[derive(Debug)]
pub struct Listening<T> {
    copies: broadcast::Receiver<T>,
    listeners: Arc<watch::Sender<usize>>,
}

impl<T: Clone> Tap<T> {
    /// A tap that nobody listens to.
    pub fn new() -> Self {
        Self { copies: broadcast::Sender::new(BEHIND), listeners: Arc::new(watch::Sender::new(0)) }
    }

    /// Listens from now on.
    pub fn listen(&self) -> Listening<T> {
        let copies = self.copies.subscribe();
        self.listeners.send_modify(|count| *count += 1);
        Listening { copies, listeners: Arc::clone(&self.listeners) }
    }

    /// Whether anyone listens.
    pub fn is_wanted(&self) -> bool {
        *self.listeners.borrow() > 0
    }

    /// How many listen, as they come and go.
    pub fn listeners(&self) -> watch::Receiver<usize> {
        self.listeners.subscribe()
    }

    /// Hands a copy to all who listen. Never waits.
    pub fn pass(&self, copy: T) {
        // Nobody may be there any more.
        let _ = self.copies.send(copy);
    }
}

impl<T: Clone> Default for Tap<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for Tap<T> {
    fn clone(&self) -> Self {
        Self { copies: self.copies.clone(), listeners: Arc::clone(&self.listeners) }
    }
}

impl<T: Clone> Listening<T> {
    /// The next copy; `None` when no more will come. Cancel-safe.
    pub async fn next(&mut self) -> Option<T> {
        loop {
            match self.copies.recv().await {
                Ok(copy) => return Some(copy),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

impl<T> Drop for Listening<T> {
    fn drop(&mut self) {
        self.listeners.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_listens_gets_what_passes_from_then_on() {
        let tap = Tap::new();
        tap.pass(1);
        assert!(!tap.is_wanted());
        let (mut one, mut other) = (tap.listen(), tap.listen());
        tap.pass(2);
        assert_eq!((one.next().await, other.next().await), (Some(2), Some(2)));
        drop(other);
        assert!(tap.is_wanted() && *tap.listeners().borrow() == 1);
        drop(one);
        assert!(!tap.is_wanted());
    }

    #[tokio::test]
    async fn who_is_too_slow_loses_the_oldest() {
        let tap = Tap::new();
        let mut slow = tap.listen();
        (0..=BEHIND).for_each(|number| tap.pass(number));
        assert_eq!(slow.next().await, Some(1));
        drop(tap);
    }
}
