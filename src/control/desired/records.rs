//! What AWS's clients create that the topology has no place for: VPCs, roles, hosted zones, tags, and members of known
//! resources that nothing here interprets. It is remembered, and returned as it was sent.
//!
//! A record is found by its kind (`ec2/vpc`) and its id in that kind. Copies of all records share what does not differ, so
//! that a change costs the same whatever else is remembered.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use serde::de::Deserializer;
use serde::ser::{SerializeMap as _, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ecs::persistent_map::PersistentMap;

/// Tags of a resource, whatever its API calls their members.
pub type Tags = BTreeMap<String, String>;

/// The records of a kind, by id.
type Kind = PersistentMap<String, Arc<Record>>;

/// The kind of the records of secrets, by name. `versions` has `string` and `stages`.
pub const SECRET: &str = "secretsmanager/secret";
/// The kind of the sets of records of hosted zones. `Set` is as Route 53 has it, names with a dot at the end.
pub const RECORD_SET: &str = "route53/record-set";
/// The kind of the records of parameters, by name. The last of `versions` has the `value`.
pub const PARAMETER: &str = "ssm/parameter";

/// How much is remembered, in bytes of JSON. A stack with every service of AWS that is served here needs less than a
/// hundredth of it.
const MOST: usize = 64 << 20;

/// What is remembered of one resource.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What its service makes of it.
    pub value: Value,
    /// Its tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub tags: Tags,
}

/// Values may be secrets.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("tags", &self.tags).finish_non_exhaustive()
    }
}

impl Record {
    /// A record without tags.
    pub fn new(value: Value) -> Self {
        Self { value, tags: Tags::new() }
    }

    /// The same with these tags.
    #[must_use]
    pub fn with(self, tags: Tags) -> Self {
        Self { tags, ..self }
    }

    /// A text among the members of its value; empty if there is none of that name.
    pub fn text(&self, member: &str) -> &str {
        self.value[member].as_str().unwrap_or_default()
    }
}

/// Everything that is remembered. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Records {
    kinds: PersistentMap<String, Kind>,
    size: usize,
}

/// No more can be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "No more resources can be remembered than fit in {} MiB. Delete some, or all of them (`neargate up --reset`).",
    MOST >> 20
)]
pub struct Full;

impl Records {
    /// The record with that id.
    pub fn get(&self, kind: &str, id: &str) -> Option<&Record> {
        self.kinds.get(kind)?.get(id).map(|record| &**record)
    }

    /// Every record of a kind, in order of their ids.
    pub fn of<'r>(&'r self, kind: &str) -> impl DoubleEndedIterator<Item = (&'r str, &'r Record)> + use<'r> {
        let records = self.kinds.get(kind).into_iter().flat_map(PersistentMap::iter);
        records.map(|(id, record)| (id.as_str(), &**record))
    }

    /// Every kind with its records.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Remembers a record in place of the one that was there.
    pub(super) fn put(&mut self, kind: &str, id: &str, record: &Arc<Record>) -> Result<(), Full> {
        let before = self.get(kind, id).map_or(0, |record| size(id, record));
        let size = self.size - before + size(id, record);
        if size > MOST {
            return Err(Full);
        }
        self.size = size;
        self.kinds.get_or_insert_with(kind.to_owned(), Kind::default).insert(id.to_owned(), Arc::clone(record));
        Ok(())
    }

    /// Forgets a record, if there is one.
    pub(super) fn delete(&mut self, kind: &str, id: &str) {
        let Some(record) = self.get(kind, id) else { return };
        self.size -= size(id, record);
        let Some(records) = self.kinds.get_mut(kind) else { return };
        records.remove(id);
        if records.is_empty() {
            self.kinds.remove(kind);
        }
    }
}

/// What a record counts for.
fn size(id: &str, record: &Record) -> usize {
    let mut counted = Counted(id.len());
    // Counting does not fail, and a record has nothing that JSON cannot say.
    let _ = serde_json::to_writer(&mut counted, record);
    counted.0
}

/// Counts what is written.
struct Counted(usize);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Serialize for Records {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for kind in self.kinds() {
            map.serialize_entry(kind, &self.of(kind).collect::<BTreeMap<_, _>>())?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Records {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read: BTreeMap<String, BTreeMap<String, Arc<Record>>> = BTreeMap::deserialize(deserializer)?;
        let mut records = Self::default();
        for (kind, ids) in &read {
            for (id, record) in ids {
                records.put(kind, id, record).map_err(serde::de::Error::custom)?;
            }
        }
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(text: &str) -> Arc<Record> {
        Arc::new(Record::new(json!({ "text": text })))
    }

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_forgotten_makes_room() {
        let mut records = Records::default();
        let large = record(&"x".repeat(MOST / 2));
        records.put("a", "1", &large).expect("half of the room");
        records.put("a", "1", &large).expect("in its own place");
        assert_eq!(records.put("b", "1", &large), Err(Full));
        assert!(records.get("b", "1").is_none() && records.kinds().eq(["a"]));
        records.delete("a", "1");
        assert_eq!(records, Records::default(), "nothing is left of what was forgotten");
        records.put("b", "1", &large).expect("room again");
    }

    #[test]
    fn neither_records_nor_edits_show_values() {
        let record = Record::new(json!({ "SecretString": "hunter2" })).with(Tags::from([("env".into(), "dev".into())]));
        assert_eq!(format!("{record:?}"), "Record { tags: {\"env\": \"dev\"}, .. }");
    }
}
