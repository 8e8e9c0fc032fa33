//! Ids of new resources, which AWS chooses at random. One request may ask for several.

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::model::TaskId;
use crate::model::arn::{base32, fingerprint, uuid};

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

    /// Letters and digits of Base32, as ids of IAM have them. Of each purpose, a request has one.
    pub(super) fn letters(&self, purpose: &str, count: usize) -> String {
        base32(fingerprint(&[purpose, &self.0]), count)
    }

    /// A UUID. Of each purpose, a request has one.
    pub(super) fn uuid(&self, purpose: &str) -> String {
        uuid(&[purpose, &self.0])
    }

    /// 16 hexadecimal digits, as listeners and rules have them.
    pub(super) fn hex(&self, purpose: &str) -> String {
        format!("{:016x}", fingerprint(&[purpose, &self.0]))
    }

    /// `vpc-` and 17 hexadecimal digits (EC2 user guide, "Resource IDs"). A request creates one resource of each kind.
    pub(super) fn ec2(&self, prefix: &str) -> String {
        format!("{prefix}-0{:016x}", fingerprint(&[prefix, &self.0]))
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
        assert_ne!(one.hex("listener"), other.hex("listener"));
        assert_ne!(one.hex("listener"), one.hex("rule"));
        assert_ne!(one.task(0), other.task(0));
        assert_ne!(one.task(0), one.task(1));
        assert_eq!(one.task(0).as_str().len(), 32);
    }
}
