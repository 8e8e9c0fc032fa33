//! Resources that are remembered, and those that are there from the start until a client changes them.

use std::borrow::Cow;

use serde_json::Value;

use super::defaults;
use super::kinds::Kind;
use crate::aws::action::State;
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::protocols::fault::Fault;

impl Kind {
    /// A resource of this kind, as it was when the account began or as clients have made it since. Security groups and their
    /// rules are found in the topology instead.
    pub(super) fn find<'s>(&self, state: &'s State, id: &str) -> Result<Cow<'s, Record>, Fault> {
        let found = state.records().get(self.record, id).map(Cow::Borrowed);
        let found = found.or_else(|| Some(Cow::Owned(defaults::record(self, id)?)));
        found.filter(|record| !is_gone(&record.value)).ok_or_else(|| self.not_found(id))
    }

    /// All of them, in the order of their ids.
    pub(super) fn list<'s>(&self, state: &'s State) -> Vec<(String, Cow<'s, Record>)> {
        let known = state.records();
        let of_the_start = defaults::all(self).into_iter().filter(|(id, _)| known.get(self.record, id).is_none());
        let mut all: Vec<_> = of_the_start.map(|(id, record)| (id, Cow::Owned(record))).collect();
        all.extend(known.of(self.record).map(|(id, record)| (id.to_owned(), Cow::Borrowed(record))));
        all.retain(|(_, record)| !is_gone(&record.value));
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all
    }

    /// Whether there is one of which this member has this value.
    pub(super) fn any(&self, state: &State, member: &str, value: &str) -> bool {
        self.list(state).iter().any(|(_, record)| record.text(member) == value)
    }
}

/// What is left of a resource that was there from the start and has been deleted.
fn is_gone(value: &Value) -> bool {
    value.is_null()
}

/// Deletes a resource. Of one that was there from the start, the record says that it is gone.
pub(super) fn gone(kind: &Kind, id: &str) -> Edit {
    match defaults::record(kind, id) {
        Some(_) => Edit::put(kind.record, id, Record::new(Value::Null)),
        None => Edit::forget(kind.record, id),
    }
}
