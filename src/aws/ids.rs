//! Ids of new resources, which AWS chooses at random. One request may ask for several.

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::model::TaskId;
use crate::model::arn::fingerprint;

/// What ids of one request are made from.
#[derive(Clone, Debug)]
pub(super) struct Ids(String);

impl Ids {
    /// Those of no other request.
    pub(super) fn random() -> Self {
        let [high, low] = [(); 2].map(|()| RandomState::new().build_hasher().finish());
        Self(format!("{high:016x}{low:016x}"))
    }

    /// The same ones each time.
    #[cfg(test)]
    pub(super) fn of_request(number: u64) -> Self {
        Self(number.to_string())
    }

    /// A task of several.
    pub(super) fn task(&self, nth: usize) -> TaskId {
        let nth = nth.to_string();
        let [high, low] = ["task", "second half"].map(|half| fingerprint(&[half, &nth, &self.0]));
        TaskId::new(format!("{high:016x}{low:016x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_by_request_and_by_number() {
        let (one, other) = (Ids::random(), Ids::random());
        assert_ne!(one.task(0), other.task(0));
        assert_ne!(one.task(0), one.task(1));
        assert_eq!(one.task(0).as_str().len(), 32);
    }
}
