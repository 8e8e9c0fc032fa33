//! Wakes the tasks of one worker when something that they rely on has ended: a listener, or the delay of a target that
//! was taken out.
//!
//! A task enlists once, for as long as it lives, and looks for itself at what has ended whenever it is woken. So a
//! request pays for a look at a flag, and not for a place in a queue of those who wait.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// See the module.
#[derive(Default)]
pub(crate) struct Alarm {
    tasks: RefCell<BTreeMap<u64, Waker>>,
    next: Cell<u64>,
}

/// A task that is woken, until this is dropped.
pub(crate) struct Enlisted {
    alarm: Rc<Alarm>,
    number: u64,
}

impl Alarm {
    /// Enlists the task that calls.
    pub(crate) async fn enlist(self: &Rc<Self>) -> Enlisted {
        poll_fn(|cx| {
            let number = self.next.get();
            self.next.set(number + 1);
            self.tasks.borrow_mut().insert(number, cx.waker().clone());
            Poll::Ready(Enlisted { alarm: Rc::clone(self), number })
        })
        .await
    }

    /// Wakes everybody.
    pub(crate) fn ring(&self) {
        self.tasks.borrow().values().for_each(Waker::wake_by_ref);
    }
}

impl Drop for Enlisted {
    fn drop(&mut self) {
        self.alarm.tasks.borrow_mut().remove(&self.number);
    }
}
