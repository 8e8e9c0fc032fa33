//! Times in replies.

use serde::{Serialize, Serializer};

/// Seconds since 1970, with milliseconds as decimals, as JSON 1.1 has times. (ECS API: `createdAt`.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochSeconds(pub jiff::Timestamp);

impl Serialize for EpochSeconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double")]
        let seconds = self.0.as_millisecond() as f64 / 1000.0;
        serializer.serialize_f64(seconds)
    }
}

/// ISO 8601 with milliseconds in UTC, as Query has times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Iso8601(pub jiff::Timestamp);

impl Serialize for Iso8601 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.strftime("%Y-%m-%dT%H:%M:%S.%3fZ"))
    }
}
