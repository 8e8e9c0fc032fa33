//! Read buffers, lent by the worker and returned.
//!
//! An idle connection holds no buffer; a connection that moves a large body holds a large one, because fewer and longer
//! reads make large bodies cheap.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

/// Holds nearly every head, and small bodies together with it.
const SMALL: usize = 16 * 1024;
/// For bodies that do not fit.
const LARGE: usize = 256 * 1024;
/// Holds nearly every head that is written.
const SCRATCH: usize = 2 * 1024;
/// How many of each size a worker keeps.
const KEPT_SMALL: usize = 256;
const KEPT_LARGE: usize = 16;

/// The worker's stock.
#[derive(Default)]
pub(crate) struct BufferPool {
    small: RefCell<Vec<Vec<u8>>>,
    large: RefCell<Vec<Vec<u8>>>,
    scratch: RefCell<Vec<Vec<u8>>>,
}

impl BufferPool {
    /// Lends a small buffer, which may grow.
    pub(crate) fn lend(self: &Rc<Self>) -> Buffer {
        let bytes = self.small.borrow_mut().pop().unwrap_or_else(|| vec![0; SMALL]);
        Buffer { bytes, start: 0, end: 0, pool: Rc::clone(self) }
    }

    /// Lends one that holds these bytes already.
    pub(crate) fn lend_with(self: &Rc<Self>, bytes: &[u8]) -> Buffer {
        let mut buffer = self.lend();
        while buffer.space().len() < bytes.len() {
            buffer.grow();
        }
        buffer.space()[..bytes.len()].copy_from_slice(bytes);
        buffer.filled(bytes.len());
        buffer
    }

    /// Lends an empty vector to write a head into.
    pub(crate) fn lend_scratch(self: &Rc<Self>) -> Scratch {
        let bytes = self.scratch.borrow_mut().pop().unwrap_or_else(|| Vec::with_capacity(SCRATCH));
        Scratch { bytes, pool: Rc::clone(self) }
    }

    fn take_large(&self) -> Vec<u8> {
        self.large.borrow_mut().pop().unwrap_or_else(|| vec![0; LARGE])
    }

    fn give_back(&self, bytes: Vec<u8>) {
        let (stock, kept) = match bytes.len() {
            SMALL => (&self.small, KEPT_SMALL),
            LARGE => (&self.large, KEPT_LARGE),
            _ => return,
        };
        let mut stock = stock.borrow_mut();
        if stock.len() < kept {
            stock.push(bytes);
        }
    }
}

/// Bytes that were read and not yet used; dereferences to them.
pub(crate) struct Buffer {
    /// Always initialised to its whole length.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    pool: Rc<BufferPool>,
}

impl Buffer {
    /// Room for reading: never empty, except when the buffer is full of unused bytes.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.bytes.len() {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        &mut self.bytes[self.end..]
    }

    /// Takes in what was read into [`Buffer::space`].
    pub(crate) fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// Forgets bytes at the front.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start += count;
        debug_assert!(self.start <= self.end, "more was consumed than was there");
    }

    /// Makes sure there is room for a large piece of a body.
    pub(crate) fn enlarge(&mut self) {
        if self.bytes.len() < LARGE {
            let large = self.pool.take_large();
            self.replace(large);
        }
    }

    /// Makes room in a full buffer: for heads, which have their own limits.
    pub(crate) fn grow(&mut self) {
        let larger = vec![0; self.bytes.len() * 2];
        self.replace(larger);
    }

    fn replace(&mut self, mut bytes: Vec<u8>) {
        let length = self.end - self.start;
        bytes[..length].copy_from_slice(&self.bytes[self.start..self.end]);
        (self.start, self.end) = (0, length);
        self.pool.give_back(std::mem::replace(&mut self.bytes, bytes));
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.bytes));
    }
}

/// A vector to write into; goes back empty.
pub(crate) struct Scratch {
    bytes: Vec<u8>,
    pool: Rc<BufferPool>,
}

impl Deref for Scratch {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        let mut stock = self.pool.scratch.borrow_mut();
        // One that had to hold something extraordinary is not kept.
        if stock.len() < KEPT_SMALL && bytes.capacity() <= 8 * SCRATCH {
            bytes.clear();
            stock.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(buffer: &mut Buffer, bytes: &[u8]) {
        buffer.space()[..bytes.len()].copy_from_slice(bytes);
        buffer.filled(bytes.len());
    }

    #[test]
    fn unused_bytes_survive_growing_and_moving_to_the_front() {
        let pool = Rc::new(BufferPool::default());
        let mut buffer = pool.lend();
        put(&mut buffer, &[1; SMALL]);
        buffer.consume(SMALL - 2);
        assert_eq!(buffer.space().len(), SMALL - 2);
        put(&mut buffer, &[2, 3]);
        buffer.enlarge();
        assert_eq!(&buffer[..], [1, 1, 2, 3]);
        assert_eq!(pool.small.borrow().len(), 1, "the small one went back");
        drop(buffer);
        assert_eq!(pool.large.borrow().len(), 1);
    }
}
