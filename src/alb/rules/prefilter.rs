//! Rules out most rules cheaply, by the required beginnings of path and host.
//!
//! Most rules require a path or a host with a certain prefix, which rules most of them out for a request. The prefixes
//! are stored side by side, so skipping a rule takes two comparisons and no look at its patterns. The index has already
//! removed most rules; this filter is for rules that share an index entry, and for rules without one. Rules stay in
//! order, and those that pass the filter are compared in full.

use super::conditions::{CompiledCondition, NormalizedRequest};

/// The prefixes that one rule requires.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Prefilter {
    path: Beginning,
    host: Beginning,
}

/// The beginnings of a request's path and host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestKey {
    path: u128,
    host: u128,
}

/// Up to sixteen bytes; an empty one admits everything.
#[derive(Clone, Copy, Debug, Default)]
struct Beginning {
    bytes: u128,
    mask: u128,
}

impl Prefilter {
    /// From the conditions of a rule, all of which must hold.
    pub(crate) fn new(conditions: &[CompiledCondition]) -> Self {
        let longest = |beginnings: &mut dyn Iterator<Item = Vec<u8>>| {
            Beginning::new(&beginnings.max_by_key(Vec::len).unwrap_or_default())
        };
        Self {
            path: longest(&mut conditions.iter().filter_map(CompiledCondition::path_beginning)),
            host: longest(&mut conditions.iter().filter_map(CompiledCondition::host_beginning)),
        }
    }

    /// `false` only if the rule cannot match.
    pub(crate) fn admits(&self, shown: RequestKey) -> bool {
        self.path.admits(shown.path) && self.host.admits(shown.host)
    }
}

impl RequestKey {
    pub(crate) fn by(request: &NormalizedRequest<'_>) -> Self {
        let host = first_bytes(request.host()).map(|byte| byte.to_ascii_lowercase());
        Self { path: u128::from_le_bytes(first_bytes(request.path())), host: u128::from_le_bytes(host) }
    }
}

impl Beginning {
    fn new(text: &[u8]) -> Self {
        let mask = first_bytes(&vec![u8::MAX; text.len()]);
        Self { bytes: u128::from_le_bytes(first_bytes(text)), mask: u128::from_le_bytes(mask) }
    }

    fn admits(self, shown: u128) -> bool {
        shown & self.mask == self.bytes
    }
}

/// Padded with zeros, which no compared text contains.
fn first_bytes(text: &[u8]) -> [u8; 16] {
    let mut bytes = [0; 16];
    let length = text.len().min(bytes.len());
    bytes[..length].copy_from_slice(&text[..length]);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::request::facts::RequestFacts;
    use neargate_http1::fields::FieldList;
    use neargate_model::rule::{Condition, Patterns};

    proptest! {
        #[test]
        fn no_rule_that_matches_is_ruled_out(
            paths in proptest::collection::vec("/[aA*?]{0,20}", 1..3),
            hosts in proptest::collection::vec("[aA.*?]{1,20}", 1..3),
            path in "/[aA]{0,20}",
            host in "[aA.]{1,20}",
        ) {
            let conditions = [
                Condition::PathPattern(Patterns::Wildcards(paths)),
                Condition::HostHeader(Patterns::Wildcards(hosts)),
            ];
            let compiled: Vec<_> = conditions.iter().map(CompiledCondition::new).collect();
            let mut fields = FieldList::default();
            fields.push(b"host", host.as_bytes());
            let facts = RequestFacts {
                method: b"GET",
                authority: None,
                path: path.as_bytes(),
                query: None,
                fields: fields.fields(),
                client: ([127, 0, 0, 1], 1).into(),
            };
            let request = NormalizedRequest::new(&facts);
            let matches = compiled.iter().all(|condition| condition.matches(&request));
            prop_assert!(Prefilter::new(&compiled).admits(RequestKey::by(&request)) || !matches);
        }
    }
}
