//! The idle timeout of a connection: any byte, on either leg, restarts it.
//!
//! There is one timer for the life of a connection. A byte only records the time; when the timer fires, it checks whether
//! that was long enough ago, and otherwise sleeps for the rest. A busy connection thus pays for a clock reading per read,
//! not for a timer.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// See the module.
pub(crate) struct IdleTimer {
    limit: Cell<Duration>,
    last: Cell<Instant>,
    sleep: RefCell<Pin<Box<Sleep>>>,
}

impl IdleTimer {
    /// Starts now.
    pub(crate) fn new(limit: Duration) -> Self {
        let now = Instant::now();
        Self {
            limit: Cell::new(limit),
            last: Cell::new(now),
            sleep: RefCell::new(Box::pin(tokio::time::sleep_until(now + limit))),
        }
    }

    /// Something moved.
    pub(crate) fn touch(&self) {
        self.last.set(Instant::now());
    }

    /// Follows a changed attribute.
    pub(crate) fn set_limit(&self, limit: Duration) {
        if self.limit.replace(limit) > limit {
            self.sleep.borrow_mut().as_mut().reset(self.last.get() + limit);
        }
    }

    /// Waits for a future, but not for longer than the limit without a byte; `None` if it came to that.
    pub(crate) async fn guard<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => self.poll_expired(cx).map(|()| None),
        })
        .await
    }

    /// Ready when nothing has moved for as long as the limit.
    pub(crate) fn poll_expired(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut sleep = self.sleep.borrow_mut();
        loop {
            ready!(sleep.as_mut().poll(cx));
            let due = self.last.get() + self.limit.get();
            if due <= Instant::now() {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(due);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_byte_in_time_puts_the_end_off() {
        let start = Instant::now();
        let timer = IdleTimer::new(Duration::from_secs(60));
        tokio::time::advance(Duration::from_secs(50)).await;
        timer.touch();
        std::future::poll_fn(|cx| timer.poll_expired(cx)).await;
        assert_eq!(start.elapsed().as_secs(), 110);
    }

    #[tokio::test(start_paused = true)]
    async fn a_shorter_limit_holds_at_once() {
        let start = Instant::now();
        let timer = IdleTimer::new(Duration::from_secs(60));
        timer.set_limit(Duration::from_secs(5));
        std::future::poll_fn(|cx| timer.poll_expired(cx)).await;
        assert_eq!(start.elapsed().as_secs(), 5);
    }
}
