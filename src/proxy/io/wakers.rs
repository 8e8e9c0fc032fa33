//! Wakes the tasks of one worker when something they depend on has ended: a listener, or the delay of a deregistered
//! target.
//!
//! A task registers once for its whole life, and checks what has ended whenever it is woken. A request thus pays for
//! checking a flag, not for a place in a wait queue.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// See the module.
#[derive(Default)]
pub(crate) struct Wakers {
    tasks: RefCell<BTreeMap<u64, Waker>>,
    next: Cell<u64>,
}

/// A task that is woken, until this is dropped.
pub(crate) struct Enlisted {
    wakers: Rc<Wakers>,
    number: u64,
}

impl Wakers {
    /// Enlists the task that calls.
    pub(crate) async fn enlist(self: &Rc<Self>) -> Enlisted {
        poll_fn(|cx| {
            let number = self.next.get();
            self.next.set(number + 1);
            self.tasks.borrow_mut().insert(number, cx.waker().clone());
            Poll::Ready(Enlisted { wakers: Rc::clone(self), number })
        })
        .await
    }

    /// Wakes all tasks.
    pub(crate) fn ring(&self) {
        self.tasks.borrow().values().for_each(Waker::wake_by_ref);
    }
}

impl Drop for Enlisted {
    fn drop(&mut self) {
        self.wakers.tasks.borrow_mut().remove(&self.number);
    }
}
