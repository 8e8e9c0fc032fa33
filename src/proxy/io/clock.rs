//! Wall-clock time and random numbers for one worker.

use std::cell::{Cell, RefCell};

use jiff::Timestamp;

/// The value of `Date`, made once a second.
#[derive(Default)]
pub(crate) struct DateCache(RefCell<(i64, String)>);

impl DateCache {
    /// Shows the value for this moment.
    pub(crate) fn with<R>(&self, now: Timestamp, read: impl FnOnce(&[u8]) -> R) -> R {
        let mut cached = self.0.borrow_mut();
        if cached.0 != now.as_second() || cached.1.is_empty() {
            *cached = (now.as_second(), now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
        }
        read(cached.1.as_bytes())
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): good enough for trace ids and for sharing requests out, and one addition
/// and two multiplications per number. Nothing secret is made of it.
pub(crate) struct Random(Cell<u64>);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    pub(crate) fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Of a connection.
    pub(crate) fn connection_id(&self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    /// The random part of a trace id.
    pub(crate) fn trace_bits(&self) -> [u8; 12] {
        let mut bits = [0; 12];
        bits[..8].copy_from_slice(&self.next().to_be_bytes());
        bits[8..].copy_from_slice(&self.next().to_be_bytes()[..4]);
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_in_the_fixed_form_of_http() {
        let now = Timestamp::from_second(784_111_777).unwrap();
        DateCache::default().with(now, |date| assert_eq!(date, b"Sun, 06 Nov 1994 08:49:37 GMT"));
    }
}
