//! Secrets and parameters that clients have put, as tasks read them: by the names that task definitions use.

use std::collections::BTreeMap;

use serde_json::Value;

use super::edit::Edit;
use super::records::{PARAMETER, Record, Records, SECRET};
use crate::model::Redacted;
use crate::model::arn::{ACCOUNT, REGION};

/// Whether tasks that start after this change may read other values.
pub(super) fn changes(edit: &Edit) -> bool {
    edit.parts().iter().any(|part| match part {
        Edit::PutRecord { kind, .. } | Edit::DeleteRecord { kind, .. } => kind == SECRET || kind == PARAMETER,
        _ => false,
    })
}

/// Adds them to the values of the file, which they go before.
pub(super) fn add(records: &Records, values: &mut BTreeMap<String, Redacted>) {
    for (_, record) in records.of(SECRET) {
        let Some(value) = current(record) else { continue };
        let arn = record.text("arn");
        // With the letters that follow the name, and without.
        let short = arn.rsplit_once('-').map(|(short, _)| short);
        for name in [Some(arn), short].into_iter().flatten() {
            values.insert(name.to_owned(), Redacted::new(value));
        }
    }
    for (name, record) in records.of(PARAMETER) {
        let versions = record.value["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(value) = versions.last().and_then(|version| version["value"].as_str()) else { continue };
        let arn = format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{}", name.trim_start_matches('/'));
        for name in [name.to_owned(), arn] {
            values.insert(name, Redacted::new(value));
        }
    }
}

/// The current value of a secret that is not about to be deleted.
fn current(record: &Record) -> Option<&str> {
    if record.value["deleted_at"].is_string() {
        return None;
    }
    let is_current = |version: &&Value| {
        let stages = version["stages"].as_array();
        stages.is_some_and(|stages| stages.iter().any(|stage| stage == "AWSCURRENT"))
    };
    record.value["versions"].as_array()?.iter().find(is_current)?["string"].as_str()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    #[test]
    fn tasks_read_the_current_value_by_arn_and_a_parameter_by_name() {
        let secret = |deleted: Value| {
            let old = json!({ "id": "1", "string": "old", "stages": ["AWSPREVIOUS"] });
            let new = json!({ "id": "2", "string": "new", "stages": ["AWSCURRENT"] });
            let arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf";
            Arc::new(Record::new(json!({ "arn": arn, "deleted_at": deleted, "versions": [old, new] })))
        };
        let mut records = Records::default();
        records.put(SECRET, "db", &secret(Value::Null)).expect("room");
        let parameter = Record::new(json!({ "versions": [{ "value": "a" }, { "value": "b" }] }));
        records.put(PARAMETER, "/app/url", &Arc::new(parameter)).expect("room");
        let mut values = BTreeMap::new();
        add(&records, &mut values);
        let read = |name: &str| values.get(name).map(Redacted::expose);
        assert_eq!(read("arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf"), Some("new"));
        assert_eq!(read("arn:aws:secretsmanager:us-east-1:111122223333:secret:db"), Some("new"));
        assert_eq!(read("/app/url"), Some("b"));
        assert_eq!(read("arn:aws:ssm:us-east-1:111122223333:parameter/app/url"), Some("b"));
        assert_eq!(read("db"), None, "a name alone is a parameter's");

        records.put(SECRET, "db", &secret(json!("2026-11-30T12:00:00Z"))).expect("room");
        let mut values = BTreeMap::new();
        add(&records, &mut values);
        assert!(values.keys().all(|name| !name.contains("secretsmanager")), "it is about to be deleted");
    }
}
