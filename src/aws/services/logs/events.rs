//! Events as replies have them.

use serde_json::{Value, json};

use crate::aws::output::Event;
use crate::model::arn::fingerprint;

/// Unique, and the same each time it is asked for: clients that follow a group tell by it what they have seen. (56 digits on AWS.)
pub(super) fn id(group: &str, stream: &str, number: usize, event: &Event) -> String {
    let part = fingerprint(&[group, stream]);
    format!("{:020}{part:020}{number:016}", event.at)
}

/// FilterLogEvents
pub(super) fn filtered(group: &str, stream: &str, number: usize, event: &Event) -> Value {
    json!({
        "logStreamName": stream,
        "timestamp": event.at,
        "message": event.text,
        "ingestionTime": event.at,
        "eventId": id(group, stream, number, event),
    })
}

/// GetLogEvents
pub(super) fn plain(event: &Event) -> Value {
    json!({ "timestamp": event.at, "message": event.text, "ingestionTime": event.at })
}
