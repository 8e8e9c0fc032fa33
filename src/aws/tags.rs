//! Tags: one model behind the spellings of the services. (AWS General Reference, "Tagging your AWS resources".)

use serde::Deserialize;
use serde_json::{Value, json};

use crate::control::desired::records::{Record, Tags};

/// The most tags of a resource.
const MOST: usize = 50;
/// The longest key and the longest value, in characters.
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

/// A tag as clients send it, with capital letters or without. A value that is not given is empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tag {
    #[serde(alias = "Key", alias = "TagKey")]
    key: String,
    #[serde(alias = "Value", alias = "TagValue")]
    value: String,
}

/// Tags by key. Of several with one key the last one counts.
pub(super) fn of(given: impl IntoIterator<Item = Tag>) -> Tags {
    given.into_iter().map(|Tag { key, value }| (key, value)).collect()
}

/// `[{"Key": …, "Value": …}]`, as most services spell them.
pub(super) fn upper(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// `[{"key": …, "value": …}]`, as ECS and EC2 do in replies.
pub(super) fn lower(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// Why tags are refused. Each service has its own code for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// AWS keeps these keys for itself.
    #[error("Tag keys starting with 'aws:' are reserved for internal use")]
    Reserved,
    /// Too many.
    #[error("Resource cannot have more than {MOST} tags")]
    TooMany,
    /// Empty, or too long.
    #[error("Tag key '{0}' must have between 1 and {LONGEST_KEY} characters")]
    Key(String),
    /// Too long.
    #[error("The value of tag '{0}' cannot have more than {LONGEST_VALUE} characters")]
    Value(String),
}

/// Judges what a client wants a resource to have.
pub(super) fn judge(tags: &Tags) -> Result<(), Refused> {
    for (key, value) in tags {
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Refused::Reserved);
        }
        if !(1..=LONGEST_KEY).contains(&key.chars().count()) {
            return Err(Refused::Key(key.clone()));
        }
        if value.chars().count() > LONGEST_VALUE {
            return Err(Refused::Value(key.clone()));
        }
    }
    if tags.len() > MOST { Err(Refused::TooMany) } else { Ok(()) }
}

/// A record with these tags beside those that it has.
pub(super) fn added(record: &Record, tags: Tags) -> Result<Record, Refused> {
    let mut record = record.clone();
    record.tags.extend(tags);
    judge(&record.tags)?;
    Ok(record)
}

/// A record without the tags that have these keys.
pub(super) fn removed(record: &Record, keys: &[String]) -> Record {
    let mut record = record.clone();
    record.tags.retain(|key, _| !keys.contains(key));
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(given: Value) -> Tags {
        of(serde_json::from_value::<Vec<Tag>>(given).expect("tags"))
    }

    #[test]
    fn tags_are_the_same_in_every_spelling() {
        let upper_case = tags(json!([{ "Key": "env", "Value": "dev" }, { "Key": "team" }]));
        let lower_case = tags(json!([{ "key": "team", "value": "" }, { "key": "env", "value": "dev" }]));
        assert_eq!(upper_case, lower_case);
        assert_eq!(upper(&upper_case), json!([{ "Key": "env", "Value": "dev" }, { "Key": "team", "Value": "" }]));
        assert_eq!(lower(&upper_case), json!([{ "key": "env", "value": "dev" }, { "key": "team", "value": "" }]));
    }

    #[test]
    fn what_aws_does_not_take_is_refused() {
        let many: Tags = (0..=MOST).map(|number| (number.to_string(), String::new())).collect();
        let one = |key: &str, value: &str| judge(&Tags::from([(key.to_owned(), value.to_owned())]));
        assert_eq!(judge(&many), Err(Refused::TooMany));
        assert_eq!(one("AWS:x", ""), Err(Refused::Reserved));
        assert_eq!(one("", ""), Err(Refused::Key(String::new())));
        assert_eq!(one(&"é".repeat(LONGEST_KEY), &"é".repeat(LONGEST_VALUE)), Ok(()));
        assert_eq!(one("k", &"v".repeat(LONGEST_VALUE + 1)), Err(Refused::Value("k".to_owned())));
    }

    #[test]
    fn what_is_added_is_judged_with_what_is_there() {
        let record = Record::default().with(tags(json!([{ "Key": "a", "Value": "1" }, { "Key": "b" }])));
        let record = added(&record, tags(json!([{ "Key": "a", "Value": "2" }]))).expect("good tags");
        assert_eq!(record.tags, tags(json!([{ "Key": "a", "Value": "2" }, { "Key": "b" }])));
        assert_eq!(removed(&record, &["a".to_owned(), "z".to_owned()]).tags, tags(json!([{ "Key": "b" }])));
        let many = (0..MOST).map(|number| (number.to_string(), String::new())).collect();
        assert_eq!(added(&record, many), Err(Refused::TooMany));
    }
}
